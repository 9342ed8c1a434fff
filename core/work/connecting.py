"""A shop that installs us as an app: prove the grant, tie the shop to the app's merchant. Installing again is the same."""

from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session

from core.commerce import ShopFacts
from core.db.engine import reading, run_tx
from core.errors import Conflict, CredentialsRefused, ShopUnavailable
from core.ids import StaffId, new_shop_key
from core.merchants import apps, audit, commands, health
from core.merchants import queries as merchants
from core.merchants.apps import AppView
from core.merchants.queries import ShopView
from core.ports import Installation
from core.runtime import Runtime
from core.work.reading import connector_of

UNAUTHORIZED = 401
# A right that is missing, or a secret that was replaced, is refused too, and is no removal.
_GRANT_IS_DEAD = frozenset({"invalid_grant", "application_cannot_be_found", "no_app"})
_CLOSED = frozenset({402, 404})


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
    with reading(runtime.db) as session:
        apps.may_install(session, app, base_url)
    facts = facts_of(runtime, app, base_url, credentials)

    def write(session: Session) -> ShopView:
        apps.may_install(session, app, base_url)
        granted = _later(session, runtime, app, base_url, credentials)
        return tie(session, runtime, app, base_url, facts, granted, staff_id=staff_id, now=now)

    return run_tx(runtime.db, write)


def facts_of(runtime: Runtime, app: AppView, base_url: str, credentials: Mapping[str, str]) -> ShopFacts:
    """What a shop that is not stored yet says of itself. Raises PlatformError."""
    here = {"client_id": app.app.client_id, "client_secret": app.app.secrets[0]}
    origin = {"origin": app.app.origin} if app.app.origin else {}
    proof = Installation(new_shop_key(), app.app.platform, base_url, {**credentials, **here, **origin})
    return runtime.connect(proof).installer.facts()


def tie(
    session: Session,
    runtime: Runtime,
    app: AppView,
    base_url: str,
    facts: ShopFacts,
    credentials: Mapping[str, str],
    *,
    staff_id: StaffId | None = None,
    platform_shop_id: str | None = None,
    now: datetime,
) -> ShopView:
    """The shop, connected by this app."""
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
    apps.install(session, app, shop.shop_id, platform_shop_id=platform_shop_id)
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


def _later(
    session: Session, runtime: Runtime, app: AppView, base_url: str, granted: Mapping[str, str]
) -> Mapping[str, str]:
    """Of two openings at once, the grant that ended the other: each exchange makes the refresh token before it worthless."""
    shop = is_tied(session, runtime, app, base_url)
    if shop is None or "expires_at" not in granted:
        return granted
    stored = merchants.installation(session, runtime.vault, shop.merchant_id, shop.shop_id).credentials
    ends = [datetime.fromisoformat(each["expires_at"]) for each in (stored, granted)]
    return {name: stored[name] for name in granted} if ends[0] > ends[1] else granted


def removed_since(runtime: Runtime, shop: ShopView) -> datetime | None:
    """When the installation was made that a shop, said to have taken us off, really ended: it refuses our token, or is
    closed. None: it has not. Raises PlatformError: nobody knows.

    The word of it can come late, after the shop has installed us again.
    """
    with reading(runtime.db) as session:
        installed_at = merchants.installed_at(session, shop.merchant_id, shop.shop_id)
    try:
        connector_of(runtime, shop.merchant_id, shop.shop_id).installer.facts()
    except Conflict:
        return installed_at
    except CredentialsRefused as error:
        if error.http_status == UNAUTHORIZED or error.code in _GRANT_IS_DEAD:
            return installed_at
        raise
    except ShopUnavailable as error:
        if error.http_status in _CLOSED:
            return installed_at
        raise
    return None
