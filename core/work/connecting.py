"""A shop that installs us as an app: prove the grant, tie the shop to the app's merchant. Installing again is the same."""

from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session

from core.db.engine import run_tx
from core.errors import Conflict, CredentialsRefused
from core.ids import StaffId, new_shop_key
from core.merchants import apps, audit, commands, health
from core.merchants import queries as merchants
from core.merchants.apps import AppView
from core.merchants.queries import ShopView
from core.ports import Installation
from core.runtime import Runtime
from core.work.reading import connector_of


def by_app(
    runtime: Runtime,
    app: AppView,
    base_url: str,
    credentials: Mapping[str, str],
    *,
    staff_id: StaffId | None = None,
    now: datetime,
) -> ShopView:
    """Ask the shop for its facts with what it granted, outside any transaction; then tie it. Raises PlatformError."""
    here = {"client_id": app.app.client_id, "client_secret": app.app.secrets[0]}
    origin = {"origin": app.app.origin} if app.app.origin else {}
    proof = Installation(new_shop_key(), app.app.platform, base_url, {**credentials, **here, **origin})
    facts = runtime.connect(proof).installer.facts()

    def write(session: Session) -> ShopView:
        shop = commands.connect_shop(
            session,
            runtime.vault,
            app.merchant_id,
            platform=app.app.platform,
            base_url=base_url,
            facts=facts,
            credentials=credentials,
            now=now,
        )
        apps.install(session, app, shop.shop_id)
        health.note_well(session, app.merchant_id, shop.shop_id)
        commands.own_key(session, runtime.vault, app.merchant_id, shop.shop_id)
        audit.record(
            session,
            app.merchant_id,
            actor_kind="staff" if staff_id else "system",
            actor_id=staff_id,
            action="shop.connected",
            subject=shop.shop_id,
            details={"platform": app.app.platform.value},
            now=now,
        )
        return shop

    return run_tx(runtime.db, write)


def is_tied(session: Session, runtime: Runtime, app: AppView, base_url: str) -> ShopView | None:
    """The shop, where it is connected by this app and its grant can still be renewed; None: it has to be granted anew."""
    shop = apps.shop_of(session, app, base_url)
    if shop is None or not shop.connected:
        return None
    try:
        installation = merchants.installation(session, runtime.vault, shop.merchant_id, shop.shop_id)
    except Conflict:
        return None
    ends = installation.credentials.get("refresh_expires_at")
    return shop if ends is None or datetime.fromisoformat(ends) > runtime.clock() else None


def is_removed(runtime: Runtime, shop: ShopView) -> bool:
    """Whether a shop that is said to have taken us off really has: it refuses our token. Raises PlatformError: nobody knows.

    The word of it can come late, after the shop has installed us again.
    """
    try:
        connector_of(runtime, shop.merchant_id, shop.shop_id).installer.facts()
    except (Conflict, CredentialsRefused):
        return True
    return False
