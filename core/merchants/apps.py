"""Apps: what a merchant registered us as at platforms that know programs, not keys. Functions take a session, never commit."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from core.db.engine import rows_changed
from core.db.types import table
from core.errors import InvalidInput, NotAllowed, NotFound
from core.ids import MerchantId, ShopId, new_id, new_shop_key
from core.merchants.queries import ShopView, shop
from core.merchants.tables import DirectoryApp, InstallationRow, PlatformAppRow, Shop
from core.ports import Platform, PlatformApp
from core.sealing import Vault

APPS, DIRECTORY, INSTALLATIONS, SHOPS = (
    table(PlatformAppRow),
    table(DirectoryApp),
    table(InstallationRow),
    table(Shop),
)
SECRETS_KEPT = 2  # platforms sign with the older one for a while after it was replaced
RENEWING = timedelta(minutes=5)  # longer than the slowest call and its repetition
_LONGEST = 200


@dataclass(frozen=True)
class AppView:
    """An app with its secrets opened: for doors and calls, never for a page."""

    merchant_id: MerchantId
    app_id: str
    app: PlatformApp
    created_at: datetime


def add_app(
    session: Session,
    vault: Vault,
    merchant_id: MerchantId,
    *,
    platform: Platform,
    client_id: str,
    secret: str,
    origin: str | None = None,
    home_url: str | None = None,
    now: datetime,
) -> AppView:
    """Register an app, or put a new secret in front of the one before it. Raises InvalidInput."""
    client_id, secret = _word(client_id, "client_id"), _word(secret, "secret")
    same = (
        APPS.c.merchant_id == merchant_id,
        APPS.c.platform == platform.value,
        APPS.c.client_id == client_id,
    )
    found = session.connection().execute(sa.select(APPS).where(*same).with_for_update()).first()
    if found is not None:
        older = [each for each in json.loads(vault.open(found.secrets_sealed)) if each != secret]
        kept = [secret, *older][:SECRETS_KEPT]
        values = {"secrets_sealed": vault.seal(json.dumps(kept)), "origin": origin, "home_url": home_url}
        session.connection().execute(sa.update(APPS).where(*same).values(**values))
    else:
        row = PlatformAppRow(
            merchant_id=merchant_id,
            app_id=new_id(),
            app_key=new_shop_key(),
            platform=platform.value,
            client_id=client_id,
            secrets_sealed=vault.seal(json.dumps([secret])),
            origin=origin,
            home_url=home_url,
            created_at=now,
        )
        session.add(row)
        session.flush()
        session.add(DirectoryApp(app_key=row.app_key, merchant_id=merchant_id, app_id=row.app_id))
        session.flush()
    return next(
        view
        for view in apps(session, vault, merchant_id)
        if view.app.platform is platform and view.app.client_id == client_id
    )


def apps(session: Session, vault: Vault, merchant_id: MerchantId) -> list[AppView]:
    """All apps of a merchant, oldest first."""
    mine = sa.select(APPS).where(APPS.c.merchant_id == merchant_id).order_by(APPS.c.created_at, APPS.c.app_id)
    return [_view(row, vault) for row in session.connection().execute(mine)]


def app_by_key(session: Session, vault: Vault, app_key: str) -> AppView | None:
    """The app that a key in an address names; the only way from the outside to its merchant."""
    if not (app_key.isascii() and app_key.isalnum()):
        return None
    asked = (
        sa.select(APPS)
        .join(DIRECTORY, sa.and_(DIRECTORY.c.merchant_id == APPS.c.merchant_id, DIRECTORY.c.app_id == APPS.c.app_id))
        .where(DIRECTORY.c.app_key == app_key)
    )
    row = session.connection().execute(asked).first()
    return None if row is None else _view(row, vault)


def app_by_id(session: Session, vault: Vault, merchant_id: MerchantId, app_id: str) -> AppView:
    """Raises NotFound."""
    row = (
        session.connection()
        .execute(sa.select(APPS).where(APPS.c.merchant_id == merchant_id, APPS.c.app_id == app_id))
        .first()
    )
    if row is None:
        raise NotFound("There is no such app")
    return _view(row, vault)


def shop_of(session: Session, app: AppView, base_url: str) -> ShopView | None:
    """The merchant's shop at this address where this app was installed; a disconnected one too."""
    asked = (
        sa.select(SHOPS.c.shop_id)
        .join(
            INSTALLATIONS,
            sa.and_(INSTALLATIONS.c.merchant_id == SHOPS.c.merchant_id, INSTALLATIONS.c.shop_id == SHOPS.c.shop_id),
        )
        .where(
            SHOPS.c.merchant_id == app.merchant_id,
            SHOPS.c.platform == app.app.platform.value,
            SHOPS.c.base_url == base_url,
            INSTALLATIONS.c.app_id == app.app_id,
        )
    )
    found = session.connection().execute(asked).scalar()
    return None if found is None else shop(session, app.merchant_id, ShopId(found))


def may_install(session: Session, app: AppView, base_url: str, *, platform_shop_id: str | None = None) -> None:
    """Raises NotAllowed where the shop must not be tied: an app is for one shop, and one that staff took off stays off.

    Whoever can open an app works in the merchant's program: a second shop would let its staff in to the first one's members.
    `platform_shop_id`, where the platform has it: an address may be another shop's by now.
    """
    asked = (
        sa.select(SHOPS.c.base_url, SHOPS.c.state, INSTALLATIONS.c.platform_shop_id)
        .join(
            INSTALLATIONS,
            sa.and_(INSTALLATIONS.c.merchant_id == SHOPS.c.merchant_id, INSTALLATIONS.c.shop_id == SHOPS.c.shop_id),
        )
        .where(SHOPS.c.merchant_id == app.merchant_id, INSTALLATIONS.c.app_id == app.app_id)
    )
    for shop_url, state, named in session.connection().execute(asked).all():
        if shop_url != base_url or (platform_shop_id is not None and named not in (None, platform_shop_id)):
            raise NotAllowed("This app belongs to another shop. Register an app of its own for each shop.")
        if state == "disconnected":
            raise NotAllowed("This shop was disconnected in Regulars. An owner can let it return: Shops, Platforms.")


def shop_by_platform_id(session: Session, app: AppView, platform_shop_id: str) -> ShopView | None:
    """The same by the platform's own name for the shop."""
    mine = (INSTALLATIONS.c.merchant_id == app.merchant_id, INSTALLATIONS.c.app_id == app.app_id)
    asked = sa.select(INSTALLATIONS.c.shop_id).where(*mine, INSTALLATIONS.c.platform_shop_id == platform_shop_id)
    found = session.connection().execute(asked).scalar()
    return None if found is None else shop(session, app.merchant_id, ShopId(found))


def install(session: Session, app: AppView, shop_id: ShopId, *, platform_shop_id: str | None = None) -> None:
    """Note which app a shop's credentials are of. Raises NotFound."""
    values = {"app_id": app.app_id, "platform_shop_id": platform_shop_id}
    if rows_changed(session, sa.update(INSTALLATIONS).where(*_mine(app.merchant_id, shop_id)).values(**values)) != 1:
        raise NotFound("There is no such shop")


def app_of(session: Session, vault: Vault, merchant_id: MerchantId, shop_id: ShopId) -> AppView | None:
    """The app that a shop installed; None where the platform knows none."""
    asked = (
        sa.select(APPS)
        .join(
            INSTALLATIONS,
            sa.and_(INSTALLATIONS.c.merchant_id == APPS.c.merchant_id, INSTALLATIONS.c.app_id == APPS.c.app_id),
        )
        .where(*_mine(merchant_id, shop_id))
    )
    row = session.connection().execute(asked).first()
    return None if row is None else _view(row, vault)


def begin_renewing(session: Session, merchant_id: MerchantId, shop_id: ShopId, *, now: datetime) -> datetime | None:
    """The lease, where the caller may renew the shop's credentials: one at a time, for what is renewed twice is lost."""
    until = now + RENEWING
    free = sa.or_(INSTALLATIONS.c.renewing_until.is_(None), INSTALLATIONS.c.renewing_until <= now)
    taken = sa.update(INSTALLATIONS).where(*_mine(merchant_id, shop_id), free).values(renewing_until=until)
    return until if rows_changed(session, taken) == 1 else None


def end_renewing(
    session: Session,
    vault: Vault,
    merchant_id: MerchantId,
    shop_id: ShopId,
    credentials: Mapping[str, str] | None,
    *,
    lease: datetime,
) -> bool:
    """Keep the new credentials; None where there are none, so that the next one may try.

    False: the lease is over, and what stands there now is somebody's newer grant.
    """
    values: dict[str, Any] = {"renewing_until": None}
    if credentials is not None:
        values["credentials_sealed"] = vault.seal(json.dumps(dict(credentials)))
    # A shop that was disconnected meanwhile has forgotten its credentials, and must not be given new ones.
    kept = (INSTALLATIONS.c.credentials_sealed != "", INSTALLATIONS.c.renewing_until == lease)
    ending = sa.update(INSTALLATIONS).where(*_mine(merchant_id, shop_id), *kept).values(**values)
    return rows_changed(session, ending) == 1


def _mine(merchant_id: MerchantId, shop_id: ShopId) -> tuple[sa.ColumnElement[bool], ...]:
    return INSTALLATIONS.c.merchant_id == merchant_id, INSTALLATIONS.c.shop_id == shop_id


def _word(text: str, field: str) -> str:
    word = text.strip()
    if not word or len(word) > _LONGEST or not word.isascii() or any(letter.isspace() for letter in word):
        raise InvalidInput("Copy it from the app's page as it stands there, without spaces", field=field)
    return word


def _view(row: Any, vault: Vault) -> AppView:
    app = PlatformApp(
        app_key=row.app_key,
        platform=Platform(row.platform),
        client_id=row.client_id,
        secrets=tuple(json.loads(vault.keep_open(row.secrets_sealed))),
        origin=row.origin,
        home_url=row.home_url,
    )
    return AppView(MerchantId(row.merchant_id), row.app_id, app, row.created_at)
