"""Reads of merchants, shops and installations, as frozen views. A shop key in an address names the merchant."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from core.db import statements
from core.db.statements import Ask
from core.db.types import table
from core.errors import Conflict, NotFound
from core.ids import MerchantId, ShopId
from core.merchants.tables import (
    DirectoryShop,
    InstallationRow,
    InstanceFact,
    Merchant,
    PlatformAppRow,
    Shop,
    ShopHealth,
)
from core.ports import Installation, Platform
from core.sealing import Vault

DIRECTORY, MERCHANTS, SHOPS = table(DirectoryShop), table(Merchant), table(Shop)
INSTALLATIONS, HEALTH, FACTS = table(InstallationRow), table(ShopHealth), table(InstanceFact)
APPS = table(PlatformAppRow)

# On the way of every order, so built once: building a statement takes four times as long as running it.
_MERCHANT = sa.select(MERCHANTS).where(MERCHANTS.c.merchant_id == sa.bindparam("of_merchant"))
_SHOP, _HEALTH, _INSTALLATION = (
    sa.select(of).where(of.c.merchant_id == sa.bindparam("of_merchant"), of.c.shop_id == sa.bindparam("of_shop"))
    for of in (SHOPS, HEALTH, INSTALLATIONS)
)
_INSTALLATION = _INSTALLATION.outerjoin(
    APPS, sa.and_(APPS.c.merchant_id == INSTALLATIONS.c.merchant_id, APPS.c.app_id == INSTALLATIONS.c.app_id)
).add_columns(APPS.c.client_id, APPS.c.secrets_sealed, APPS.c.origin)
_SHOP_BY_KEY = (
    sa.select(SHOPS)
    .join(DIRECTORY, sa.and_(DIRECTORY.c.merchant_id == SHOPS.c.merchant_id, DIRECTORY.c.shop_id == SHOPS.c.shop_id))
    .where(DIRECTORY.c.shop_key == sa.bindparam("of_key"))
)
# Pauses come as text, so that the row can be looked up by its values: see _door_view.
_MERCHANT_BESIDE = [
    (sa.cast(column, sa.Text) if column.name == "pauses" else column).label(f"merchant_{column.name}")
    for column in MERCHANTS.c
    if column.name != "merchant_id"
]
_DOOR_BY_KEY = (
    _SHOP_BY_KEY.join(MERCHANTS, MERCHANTS.c.merchant_id == SHOPS.c.merchant_id)
    .outerjoin(
        INSTALLATIONS,
        sa.and_(INSTALLATIONS.c.merchant_id == SHOPS.c.merchant_id, INSTALLATIONS.c.shop_id == SHOPS.c.shop_id),
    )
    .add_columns(*_MERCHANT_BESIDE, INSTALLATIONS.c.webhook_secrets_sealed, INSTALLATIONS.c.keys_sealed)
)


@dataclass(frozen=True)
class MerchantView:
    """`pauses`: (from, until or None), oldest first; orders placed inside earn nothing."""

    merchant_id: MerchantId
    name: str
    timezone: str
    created_at: datetime
    launch: str
    launched_at: datetime | None
    pauses: tuple[tuple[datetime, datetime | None], ...]
    redeeming_stopped: bool


@dataclass(frozen=True)
class ShopView:
    merchant_id: MerchantId
    shop_id: ShopId
    shop_key: str
    platform: Platform
    name: str
    base_url: str
    storefront_url: str | None
    currency: str
    smallest_unit: int
    timezone: str
    state: str
    created_at: datetime
    earn_from: datetime | None
    order_cursor: datetime | None
    clawback_allowed_until: datetime | None

    @property
    def connected(self) -> bool:
        return self.state == "connected"


@dataclass(frozen=True)
class DoorView:
    """A shop as its doors need it at each request: with its merchant, and what its messages and tokens are proven by."""

    shop: ShopView
    merchant: MerchantView
    _webhook_secrets_sealed: str | None = field(repr=False)
    _keys_sealed: str | None = field(repr=False)

    def webhook_secrets(self, vault: Vault) -> list[str]:
        """As `webhook_secrets` below."""
        secrets: list[str] = (
            json.loads(vault.keep_open(self._webhook_secrets_sealed)) if self._webhook_secrets_sealed else []
        )
        return secrets

    def plugin_keys(self, vault: Vault) -> dict[str, str]:
        """As `plugin_keys` below."""
        keys: dict[str, str] = json.loads(vault.keep_open(self._keys_sealed)) if self._keys_sealed else {}
        return keys


@dataclass(frozen=True)
class HealthView:
    """`problems`: stable words of the last look. `last_error`: a stable word, then ": " and what the platform said."""

    shop_id: ShopId
    checked_at: datetime | None
    problems: tuple[str, ...]
    version: str | None
    last_delivery_at: datetime | None
    last_poll_at: datetime | None
    last_read_at: datetime | None
    last_nudge_at: datetime | None
    bad_signatures: int
    not_understood: int
    failing_since: datetime | None
    last_error: str | None


def shop_by_key(session: Session, shop_key: str) -> ShopView | None:
    """The shop that a key in an address names; the only way from the outside to a merchant."""
    if not (shop_key.isascii() and shop_key.isalnum()):  # PostgreSQL does not even take NUL as a question
        return None
    row = statements.first(session, _SHOP_BY_KEY, {"of_key": shop_key})
    return None if row is None else _shop_view(row)


def door_by_key(session: Session, shop_key: str) -> DoorView | None:
    """The same, with all that a door asks of the shop, in one look."""
    if not (shop_key.isascii() and shop_key.isalnum()):
        return None
    row = statements.first(session, _DOOR_BY_KEY, {"of_key": shop_key})
    return None if row is None else _door_view(row)


def shop(session: Session, merchant_id: MerchantId, shop_id: ShopId) -> ShopView:
    """Raises NotFound."""
    view = _find_shop(session, merchant_id, shop_id)
    if view is None:
        raise NotFound("There is no such shop")
    return view


def shops(session: Session, merchant_id: MerchantId) -> list[ShopView]:
    """All shops of a merchant, the first connected first; disconnected ones too."""
    rows = session.connection().execute(
        sa.select(SHOPS).where(SHOPS.c.merchant_id == merchant_id).order_by(SHOPS.c.created_at, SHOPS.c.shop_id)
    )
    return [_shop_view(row) for row in rows]


def all_merchants(session: Session) -> list[MerchantView]:
    """For the worker, which visits merchant after merchant; never for a door."""
    rows = session.connection().execute(sa.select(MERCHANTS).order_by(MERCHANTS.c.created_at, MERCHANTS.c.merchant_id))
    return [_merchant_view(row) for row in rows]


def merchant(session: Session, merchant_id: MerchantId) -> MerchantView:
    """Raises NotFound."""
    return found_merchant(statements.rows(session, *merchant_asked(merchant_id)))


def merchant_asked(merchant_id: MerchantId) -> Ask:
    """The question alone, to be asked together with others; `found_merchant` reads the answer."""
    return _MERCHANT, {"of_merchant": merchant_id}


def found_merchant(rows: Sequence[Any]) -> MerchantView:
    """Raises NotFound."""
    if not rows:
        raise NotFound("There is no such merchant")
    return _merchant_view(rows[0])


def installation(session: Session, vault: Vault, merchant_id: MerchantId, shop_id: ShopId) -> Installation:
    """What ties us to the shop, opened. Raises NotFound; Conflict when the credentials have been forgotten."""
    view = shop(session, merchant_id, shop_id)
    row = _installation_row(session, merchant_id, shop_id)
    if not row.credentials_sealed:
        raise Conflict("This shop is not connected")
    return Installation(
        shop_key=view.shop_key,
        platform=view.platform,
        base_url=view.base_url,
        credentials={**json.loads(vault.open(row.credentials_sealed)), **_of_app(vault, row)},
        currency=view.currency,
        smallest_unit=view.smallest_unit,
        timezone=view.timezone,
        details=row.details,
    )


def installed_at(session: Session, merchant_id: MerchantId, shop_id: ShopId) -> datetime:
    """When the shop was last connected. Raises NotFound."""
    at: datetime = _installation_row(session, merchant_id, shop_id).installed_at
    return at


def webhook_secrets(session: Session, vault: Vault, merchant_id: MerchantId, shop_id: ShopId) -> list[str]:
    """The secrets that the shop may sign its messages with, newest first. Raises NotFound."""
    secrets: list[str] = json.loads(vault.open(_installation_row(session, merchant_id, shop_id).webhook_secrets_sealed))
    return secrets


def plugin_keys(session: Session, vault: Vault, merchant_id: MerchantId, shop_id: ShopId) -> dict[str, str]:
    """kid -> key of the plugin in the shop, oldest first; empty before it is paired. Raises NotFound."""
    keys: dict[str, str] = json.loads(vault.open(_installation_row(session, merchant_id, shop_id).keys_sealed))
    return keys


def health(session: Session, merchant_id: MerchantId, shop_id: ShopId) -> HealthView:
    """Raises NotFound."""
    row = statements.first(session, _HEALTH, {"of_merchant": merchant_id, "of_shop": shop_id})
    if row is None:
        raise NotFound("There is no such shop")
    return HealthView(
        shop_id=ShopId(row.shop_id),
        checked_at=row.checked_at,
        problems=tuple(row.problems),
        version=row.version,
        last_delivery_at=row.last_delivery_at,
        last_poll_at=row.last_poll_at,
        last_read_at=row.last_read_at,
        last_nudge_at=row.last_nudge_at,
        bad_signatures=row.bad_signatures,
        not_understood=row.not_understood,
        failing_since=row.failing_since,
        last_error=row.last_error,
    )


def instance_fact(session: Session, name: str) -> dict[str, Any] | None:
    """A fact about this server as a whole: "public_url", "heartbeat"."""
    row = session.connection().execute(sa.select(FACTS.c.value).where(FACTS.c.name == name)).first()
    return None if row is None else row.value


def public_url(session: Session) -> str | None:
    """Where the owner said, at set-up, that shops and shoppers reach this server. A setting goes before it."""
    value = instance_fact(session, "public_url")
    return None if value is None else str(value["url"])


def _find_shop(session: Session, merchant_id: MerchantId, shop_id: ShopId) -> ShopView | None:
    row = statements.first(session, _SHOP, {"of_merchant": merchant_id, "of_shop": shop_id})
    return None if row is None else _shop_view(row)


def _installation_row(session: Session, merchant_id: MerchantId, shop_id: ShopId) -> Any:
    row = statements.first(session, _INSTALLATION, {"of_merchant": merchant_id, "of_shop": shop_id})
    if row is None:
        raise NotFound("There is no such shop")
    return row


@lru_cache(maxsize=256)
def _door_view(row: Any) -> DoorView:
    """Kept by the values of the row, so it cannot be out of date: with each request the row is read, and is mostly the same."""
    merchant = MerchantView(
        merchant_id=MerchantId(row.merchant_id),
        name=row.merchant_name,
        timezone=row.merchant_timezone,
        created_at=row.merchant_created_at,
        launch=row.merchant_launch,
        launched_at=row.merchant_launched_at,
        pauses=_pauses(json.loads(row.merchant_pauses)),
        redeeming_stopped=row.merchant_redeeming_stopped,
    )
    return DoorView(_shop_view(row), merchant, row.webhook_secrets_sealed, row.keys_sealed)


def _merchant_view(row: Any) -> MerchantView:
    return MerchantView(
        merchant_id=MerchantId(row.merchant_id),
        name=row.name,
        timezone=row.timezone,
        created_at=row.created_at,
        launch=row.launch,
        launched_at=row.launched_at,
        pauses=_pauses(row.pauses),
        redeeming_stopped=row.redeeming_stopped,
    )


def _pauses(stored: list[list[str | None]]) -> tuple[tuple[datetime, datetime | None], ...]:
    return tuple(
        (datetime.fromisoformat(str(since)), datetime.fromisoformat(until) if until else None)
        for since, until in stored
    )


def _of_app(vault: Vault, row: Any) -> dict[str, str]:
    """What the app adds to a shop's credentials: who we are at its platform. It is sealed once, with the app."""
    if row.secrets_sealed is None:
        return {}
    told = {"client_id": row.client_id, "client_secret": json.loads(vault.open(row.secrets_sealed))[0]}
    return told | ({"origin": row.origin} if row.origin else {})


def _shop_view(row: Any) -> ShopView:
    return ShopView(
        merchant_id=MerchantId(row.merchant_id),
        shop_id=ShopId(row.shop_id),
        shop_key=row.shop_key,
        platform=Platform(row.platform),
        name=row.name,
        base_url=row.base_url,
        storefront_url=row.storefront_url,
        currency=row.currency,
        smallest_unit=row.smallest_unit,
        timezone=row.timezone,
        state=row.state,
        created_at=row.created_at,
        earn_from=row.earn_from,
        order_cursor=row.order_cursor,
        clawback_allowed_until=row.clawback_allowed_until,
    )
