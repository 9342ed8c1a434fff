"""Shops that have installed us as an addon and wait to be asked for their facts: the platform gives the call itself no time.

Functions take a session and never commit.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session

from core.db.engine import insert_or_ignore, rows_changed
from core.db.types import table
from core.ids import MerchantId
from core.merchants.apps import AppView
from core.merchants.tables import PendingInstall
from core.ports import InstalledShop
from core.sealing import Vault

PENDING = table(PendingInstall)
FIRST_RETRY, LONGEST_RETRY = timedelta(seconds=10), timedelta(hours=1)
DOUBLINGS = 9
KEPT = timedelta(days=30)  # a shop that cannot be asked for so long installs us again
LEASE = timedelta(minutes=2)


@dataclass(frozen=True)
class Pending:
    """`installed_at` tells one install call of a shop from the next."""

    merchant_id: MerchantId
    app_id: str
    platform_shop_id: str
    base_url: str
    credentials: Mapping[str, str] = field(repr=False)
    installed_at: datetime
    attempts: int
    last_error: str | None


def add(session: Session, vault: Vault, app: AppView, shop: InstalledShop, *, now: datetime) -> None:
    """Keep what a shop granted at `now`, before it was asked. Of several the newest is the good one."""
    mine = {"merchant_id": app.merchant_id, "app_id": app.app_id, "platform_shop_id": shop.platform_shop_id}
    values = {
        "base_url": shop.base_url,
        "credentials_sealed": vault.seal(json.dumps(dict(shop.credentials))),
        "installed_at": now,
        "attempts": 0,
        "next_at": now,
        "last_error": None,
    }
    if not insert_or_ignore(session, PENDING, {**mine, **values}):
        older = (*_mine(app.merchant_id, app.app_id, shop.platform_shop_id), PENDING.c.installed_at < now)
        session.connection().execute(sa.update(PENDING).where(*older).values(**values))


def pending(session: Session, vault: Vault, merchant_id: MerchantId) -> list[Pending]:
    """All that wait, oldest first, for pages."""
    asked = sa.select(PENDING).where(PENDING.c.merchant_id == merchant_id).order_by(PENDING.c.installed_at)
    return [_view(row, vault) for row in session.connection().execute(asked)]


def take(session: Session, vault: Vault, merchant_id: MerchantId, *, now: datetime) -> Pending | None:
    """The one that has waited longest, for the caller alone for as long as the lease lasts."""
    due = sa.select(PENDING).where(PENDING.c.merchant_id == merchant_id, PENDING.c.next_at <= now)
    row = (
        session.connection().execute(due.order_by(PENDING.c.next_at).limit(1).with_for_update(skip_locked=True)).first()
    )
    if row is None:
        return None
    here = _mine(merchant_id, row.app_id, row.platform_shop_id)
    session.connection().execute(sa.update(PENDING).where(*here).values(next_at=now + LEASE))
    return _view(row, vault)


def done(session: Session, taken: Pending) -> bool:
    """It is connected, or never will be. False where the shop has installed us again since."""
    return rows_changed(session, sa.delete(PENDING).where(*_this(taken))) == 1


def try_later(session: Session, taken: Pending, *, error: str, retry_after_s: int | None = None, now: datetime) -> None:
    """Again in a while, for a month."""
    if now - taken.installed_at > KEPT:
        done(session, taken)
        return
    wait = min(LONGEST_RETRY, FIRST_RETRY * 2 ** min(taken.attempts, DOUBLINGS))
    wait = max(wait, timedelta(seconds=retry_after_s or 0))
    values = {"attempts": taken.attempts + 1, "next_at": now + wait, "last_error": error}
    session.connection().execute(sa.update(PENDING).where(*_this(taken)).values(**values))


def _this(taken: Pending) -> tuple[sa.ColumnElement[bool], ...]:
    here = _mine(taken.merchant_id, taken.app_id, taken.platform_shop_id)
    return (*here, PENDING.c.installed_at == taken.installed_at)


def _mine(merchant_id: MerchantId, app_id: str, platform_shop_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        PENDING.c.merchant_id == merchant_id,
        PENDING.c.app_id == app_id,
        PENDING.c.platform_shop_id == platform_shop_id,
    )


def _view(row: sa.Row[tuple[object, ...]], vault: Vault) -> Pending:
    return Pending(
        merchant_id=MerchantId(row.merchant_id),
        app_id=row.app_id,
        platform_shop_id=row.platform_shop_id,
        base_url=row.base_url,
        credentials=json.loads(vault.open(row.credentials_sealed)),
        installed_at=row.installed_at,
        attempts=row.attempts,
        last_error=row.last_error,
    )
