"""What is noted of a shop's well-being while working with it, and what that means."""

import re
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from core.commerce import Health
from core.db import statements
from core.db.types import table
from core.errors import RegularsError
from core.ids import MerchantId, ShopId
from core.merchants.queries import HealthView, ShopView
from core.merchants.tables import ShopHealth

HEALTH = table(ShopHealth)

# Times are kept to some seconds: a burst of deliveries must not queue on one row.
GRAIN = timedelta(seconds=5)
SILENT_AFTER = timedelta(hours=6)
LONGEST_ERROR = 300

_NOTE_READ = (
    sa.update(HEALTH)
    .where(
        HEALTH.c.merchant_id == sa.bindparam("of_merchant"),
        HEALTH.c.shop_id == sa.bindparam("of_shop"),
        sa.or_(
            HEALTH.c.failing_since.is_not(None),
            HEALTH.c.last_error.is_not(None),
            HEALTH.c.last_read_at.is_(None),
            HEALTH.c.last_read_at < sa.bindparam("long_ago"),
        ),
    )
    .values(last_read_at=sa.bindparam("at"), failing_since=None, last_error=None)
)

_NOTE_TIME = {
    name: sa.update(HEALTH)
    .where(
        HEALTH.c.merchant_id == sa.bindparam("of_merchant"),
        HEALTH.c.shop_id == sa.bindparam("of_shop"),
        sa.or_(HEALTH.c[name].is_(None), HEALTH.c[name] < sa.bindparam("long_ago")),
    )
    .values({name: sa.bindparam("at")})
    for name in ("last_delivery_at", "last_nudge_at")
}


def note_delivery(session: Session, merchant_id: MerchantId, shop_id: ShopId, *, now: datetime) -> None:
    """A signed message came in."""
    _note_time(session, merchant_id, shop_id, "last_delivery_at", now)


def note_nudge(session: Session, merchant_id: MerchantId, shop_id: ShopId, *, now: datetime) -> None:
    """The plugin in the shop spoke to us."""
    _note_time(session, merchant_id, shop_id, "last_nudge_at", now)


def note_bad_signature(session: Session, merchant_id: MerchantId, shop_id: ShopId, *, now: datetime) -> None:
    _update(session, merchant_id, shop_id, bad_signatures=HEALTH.c.bad_signatures + 1)


def note_not_understood(session: Session, merchant_id: MerchantId, shop_id: ShopId, *, now: datetime) -> None:
    """A message was signed, but its body made no sense; it is kept in the inbox."""
    _update(session, merchant_id, shop_id, not_understood=HEALTH.c.not_understood + 1)


def note_poll(session: Session, merchant_id: MerchantId, shop_id: ShopId, *, now: datetime) -> None:
    """We asked the shop for changed orders and got an answer: the key works."""
    _update(session, merchant_id, shop_id, last_poll_at=now, failing_since=None, last_error=None)


def note_read(session: Session, merchant_id: MerchantId, shop_id: ShopId, *, now: datetime) -> None:
    """We read an order and got an answer: the key works."""
    parameters = {"of_merchant": merchant_id, "of_shop": shop_id, "at": now, "long_ago": now - GRAIN}
    statements.change(session, _NOTE_READ, parameters)


def note_well(session: Session, merchant_id: MerchantId, shop_id: ShopId) -> None:
    """The shop answers again: with new credentials, what failed before says nothing any more."""
    _update(session, merchant_id, shop_id, failing_since=None, last_error=None)


def note_failure(
    session: Session, merchant_id: MerchantId, shop_id: ShopId, error: RegularsError, *, now: datetime
) -> None:
    """A call to the shop failed. `failing_since` is the first of a row of failures; the next success clears it."""
    text = f"{error_word(error)}: {error.message}"[:LONGEST_ERROR]
    _update(session, merchant_id, shop_id, failing_since=sa.func.coalesce(HEALTH.c.failing_since, now), last_error=text)


def record_look(session: Session, merchant_id: MerchantId, shop_id: ShopId, found: Health) -> None:
    """What a look at the shop found: its problems replace those of the look before."""
    _update(
        session,
        merchant_id,
        shop_id,
        checked_at=found.checked_at,
        problems=list(found.problems),
        version=found.version,
    )


def error_word(error: RegularsError) -> str:
    """The stable word of an error: CredentialsRefused -> credentials_refused."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).lower()


def problem_words(shop: ShopView, health: HealthView, *, now: datetime) -> tuple[str, ...]:
    """All that is wrong with a shop, as stable words: of failing calls, of the last look, of silence. Pure."""
    if not shop.connected:
        return ()
    words: list[str] = []
    if health.last_error is not None:
        words.append(health.last_error.partition(":")[0])
    words.extend(health.problems)
    heard = [health.last_delivery_at, health.last_poll_at, health.last_read_at, health.last_nudge_at, shop.created_at]
    if max(moment for moment in heard if moment is not None) < now - SILENT_AFTER:
        words.append("silent")
    return tuple(dict.fromkeys(words))


def _note_time(session: Session, merchant_id: MerchantId, shop_id: ShopId, name: str, now: datetime) -> None:
    values = {"of_merchant": merchant_id, "of_shop": shop_id, "at": now, "long_ago": now - GRAIN}
    statements.change(session, _NOTE_TIME[name], values)


def _update(session: Session, merchant_id: MerchantId, shop_id: ShopId, **values: Any) -> None:
    where = (HEALTH.c.merchant_id == merchant_id, HEALTH.c.shop_id == shop_id)
    session.connection().execute(sa.update(HEALTH).where(*where).values(**values))
