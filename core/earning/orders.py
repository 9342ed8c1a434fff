"""Writes of order rows that are not settlement: hints that an order may have changed, leases, and decisions by staff."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, Literal, cast

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import Session

from core.db import statements
from core.db.engine import insert_or_ignore, rows_changed
from core.db.types import table
from core.earning.tables import OrderRow
from core.errors import InvalidInput, NotFound
from core.ids import MemberId, MerchantId, OrderId, ShopId, new_id

ORDERS = table(OrderRow)
_MINE = (ORDERS.c.merchant_id == sa.bindparam("of_merchant"), ORDERS.c.order_id == sa.bindparam("of_order"))
_LOCK = sa.select(ORDERS).where(*_MINE).with_for_update()
# What a settlement may change. The rest is whose the order is, and what hints and staff write beside it.
_SETTLED = [
    column.name
    for column in ORDERS.c
    if column.name not in {"merchant_id", "order_id", "shop_id", "external_id", "wanted", "read_no", "decision"}
]
_STORE = sa.update(ORDERS).where(*_MINE).values({name: sa.bindparam(f"new_{name}") for name in _SETTLED})
_AT = sa.bindparam("at", type_=ORDERS.c.next_read_at.type)
_KNOWN = (
    ORDERS.c.merchant_id == sa.bindparam("of_merchant"),
    ORDERS.c.shop_id == sa.bindparam("of_shop"),
    ORDERS.c.external_id == sa.bindparam("of_external"),
)
_ID_OF = sa.select(ORDERS.c.order_id).where(*_KNOWN)
_RAISE = (
    sa.update(ORDERS)
    .where(*_KNOWN)
    .values(
        wanted=ORDERS.c.wanted + 1,
        next_read_at=sa.case((ORDERS.c.next_read_at < _AT, ORDERS.c.next_read_at), else_=_AT),
        read_attempts=0,
    )
)
_NEXT = (
    sa.select(ORDERS)
    .where(
        ORDERS.c.merchant_id == sa.bindparam("of_merchant"),
        ORDERS.c.next_read_at <= _AT,
        sa.or_(ORDERS.c.lease_until.is_(None), ORDERS.c.lease_until <= _AT),
    )
    .order_by(ORDERS.c.next_read_at)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_TAKE = (
    sa.update(ORDERS)
    .where(*_MINE)
    .values(read_no=sa.bindparam("new_read_no"), lease_until=sa.bindparam("new_lease_until"))
)
LEASE = timedelta(seconds=90)  # longer than a read can take with its retries
FIRST_RETRY_S, LONGEST_RETRY_S = 5, 3600


class Decision(BaseModel):
    """What staff decided of an order: an input of its target, so that settlement agrees with it. `reason`: a stable word."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["exclude", "fix"]
    points: int = Field(default=0, ge=0, le=10_000_000)
    reason: str
    author_id: str | None = None


@dataclass(frozen=True)
class Lease:
    """The right to read one order once. `wanted` is what the row wanted when the read began."""

    order_id: OrderId
    shop_id: ShopId
    external_id: str
    read_no: int
    wanted: int


def want(session: Session, merchant_id: MerchantId, shop_id: ShopId, external_id: str, *, now: datetime) -> OrderId:
    """Something says that this order may have changed: read it soon. Safe to repeat."""
    if not external_id or len(external_id) > 100:
        raise InvalidInput("This is no order id", field="order")
    known = {"of_merchant": merchant_id, "of_shop": shop_id, "of_external": external_id}
    if not statements.change(session, _RAISE, {**known, "at": now}):
        values = {**_fresh(merchant_id, shop_id, external_id), "wanted": 1, "next_read_at": now}
        if insert_or_ignore(session, ORDERS, values):
            return OrderId(values["order_id"])
        statements.change(session, _RAISE, {**known, "at": now})
    return OrderId(statements.first(session, _ID_OF, known).order_id)


def lease_next(session: Session, merchant_id: MerchantId, *, now: datetime) -> Lease | None:
    """Take the order that has waited longest and that nobody is reading. At most one read of an order is in flight."""
    row = statements.first(session, _NEXT, {"of_merchant": merchant_id, "at": now})
    return _lease(session, merchant_id, row, now) if row is not None else None


def lease(session: Session, merchant_id: MerchantId, order_id: OrderId, *, now: datetime) -> Lease | None:
    """Take this order for reading; None while somebody else is reading it."""
    row = locked(session, merchant_id, order_id)
    if row.lease_until is not None and row.lease_until > now:
        return None
    return _lease(session, merchant_id, row, now)


def release(
    session: Session, merchant_id: MerchantId, held: Lease, *, error: str, retry_after_s: int | None, now: datetime
) -> None:
    """The read made no statement: try again later, waiting longer each time."""
    row = locked(session, merchant_id, held.order_id)
    if row.read_no != held.read_no:
        return
    wait = retry_after_s or min(LONGEST_RETRY_S, FIRST_RETRY_S * 2**row.read_attempts)
    session.connection().execute(
        _update(merchant_id, held.order_id).values(
            lease_until=None,
            read_attempts=row.read_attempts + 1,
            last_error=error[:500],
            next_read_at=now + timedelta(seconds=wait),
        )
    )


def decide(
    session: Session, merchant_id: MerchantId, order_id: OrderId, decision: Decision | None, *, now: datetime
) -> None:
    """Write (or withdraw) a decision, and have the order settled anew with it."""
    locked(session, merchant_id, order_id)
    session.connection().execute(
        _update(merchant_id, order_id).values(
            decision=decision.model_dump(mode="json") if decision else None,
            wanted=ORDERS.c.wanted + 1,
            next_read_at=now,
        )
    )


def want_all_flagged(session: Session, merchant_id: MerchantId, shop_id: ShopId, flag: str, *, now: datetime) -> int:
    """Read again every order of a shop that carries this flag. Returns how many."""
    carries = sa.cast(ORDERS.c.flags, sa.Text).contains(f'"{flag}"', autoescape=True)
    return _want_where(session, merchant_id, shop_id, carries, now=now)


def want_of_customer(
    session: Session, merchant_id: MerchantId, shop_id: ShopId, customer_external_id: str, *, now: datetime
) -> int:
    """Read again a customer's orders that nobody owns yet: after joining, those within the look-back earn."""
    theirs = (ORDERS.c.customer_external_id == customer_external_id, ORDERS.c.owner_id.is_(None))
    return _want_where(session, merchant_id, shop_id, *theirs, now=now)


def want_all_of(
    session: Session,
    merchant_id: MerchantId,
    shop_id: ShopId,
    customer_external_id: str,
    owner_id: MemberId | None,
    *,
    now: datetime,
) -> int:
    """Read again all orders of a customer, and all that this member owns: they may be somebody else's now."""
    theirs: sa.ColumnElement[bool] = ORDERS.c.customer_external_id == customer_external_id
    if owner_id is not None:
        theirs = sa.or_(theirs, ORDERS.c.owner_id == owner_id)
    return _want_where(session, merchant_id, shop_id, theirs, now=now)


def want_since(
    session: Session,
    merchant_id: MerchantId,
    shop_id: ShopId,
    customer_external_id: str,
    *,
    placed_since: datetime,
    now: datetime,
) -> int:
    """Read again what a customer bought since then: one of these orders may carry a code that was found to be used."""
    theirs = (ORDERS.c.customer_external_id == customer_external_id, ORDERS.c.placed_at >= placed_since)
    return _want_where(session, merchant_id, shop_id, *theirs, now=now)


def locked(session: Session, merchant_id: MerchantId, order_id: OrderId) -> OrderRow:
    """The order row, locked for the rest of the transaction. Raises NotFound."""
    row = statements.first(session, _LOCK, {"of_merchant": merchant_id, "of_order": order_id})
    if row is None:
        raise NotFound("There is no such order")
    # Plain attributes: a mapped object that tracks its changes would cost a settlement a third of its time.
    return cast(OrderRow, SimpleNamespace(**row._asdict()))


def store(session: Session, row: OrderRow) -> None:
    """Write back what a settlement changed in an order row that `locked` gave."""
    values = {f"new_{name}": getattr(row, name) for name in _SETTLED}
    statements.change(session, _STORE, {"of_merchant": row.merchant_id, "of_order": row.order_id, **values})


def add_unread(session: Session, merchant_id: MerchantId, shop_id: ShopId, external_id: str) -> OrderRow | None:
    """A row for an order that nobody has heard of, for the backfill, which reads whole pages. None if it is known."""
    values = _fresh(merchant_id, shop_id, external_id)
    if not insert_or_ignore(session, ORDERS, values):
        return None
    return cast(OrderRow, SimpleNamespace(**{**dict.fromkeys(ORDERS.c.keys()), **values}))


def _want_where(
    session: Session, merchant_id: MerchantId, shop_id: ShopId, *which: sa.ColumnElement[bool], now: datetime
) -> int:
    here = (ORDERS.c.merchant_id == merchant_id, ORDERS.c.shop_id == shop_id)
    wanted = sa.update(ORDERS).where(*here, *which).values(wanted=ORDERS.c.wanted + 1, next_read_at=now)
    return rows_changed(session, wanted)


def _lease(session: Session, merchant_id: MerchantId, row: Any, now: datetime) -> Lease:
    values = {"new_read_no": row.read_no + 1, "new_lease_until": now + LEASE}
    statements.change(session, _TAKE, {"of_merchant": merchant_id, "of_order": row.order_id, **values})
    return Lease(OrderId(row.order_id), ShopId(row.shop_id), row.external_id, row.read_no + 1, row.wanted)


def _update(merchant_id: MerchantId, order_id: OrderId) -> sa.Update:
    return sa.update(ORDERS).where(ORDERS.c.merchant_id == merchant_id, ORDERS.c.order_id == order_id)


def _fresh(merchant_id: MerchantId, shop_id: ShopId, external_id: str) -> dict[str, Any]:
    return {
        "merchant_id": merchant_id,
        "order_id": new_id(),
        "shop_id": shop_id,
        "external_id": external_id,
        "number": "",
        "wanted": 0,
        "settled": 0,
        "read_no": 0,
        "read_attempts": 0,
        "lagging_reads": 0,
        "settlements": 0,
        "target_points": 0,
        "flags": [],
    }
