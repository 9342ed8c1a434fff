"""Reads of orders: for support ("why is this order not here?"), for reconcile and for backfill."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from core.commerce import OrderState
from core.db.types import table
from core.earning.orders import Decision
from core.earning.snapshot import Snapshot
from core.earning.tables import OrderRow
from core.errors import NotFound
from core.ids import MemberId, MerchantId, OrderId, ProgramVersionId, ShopId

ORDERS = table(OrderRow)


@dataclass(frozen=True)
class OrderView:
    """An order as we know it. `not_earning`: a stable word, why it earns nothing. `waiting`: a read is due or under way."""

    order_id: OrderId
    shop_id: ShopId
    external_id: str
    number: str
    placed_at: datetime | None
    customer_external_id: str | None
    email: str | None
    owner_id: MemberId | None
    program_version_id: ProgramVersionId | None
    snapshot: Snapshot | None
    target_points: int
    earned_at: datetime | None
    matures_at: datetime | None
    expires_at: datetime | None
    not_earning: str | None
    decision: Decision | None
    flags: tuple[str, ...]
    waiting: bool
    last_error: str | None

    @property
    def why(self) -> str | None:
        """The word for why this order shows no points now; None when it does."""
        if self.decision and self.decision.kind == "exclude":
            return "excluded"
        if "parked" in self.flags:
            return "parked"
        if "currency_changed" in self.flags:
            return "currency_changed"
        if self.snapshot is None:
            return "unread_error" if self.last_error else "unread"
        if self.program_version_id is None:
            return self.not_earning or "not_settled"
        if self.snapshot.state is OrderState.CANCELLED:
            return "cancelled"
        if self.target_points == 0:
            return "refunded" if self.snapshot.refunded else "too_small"
        return None


def order(session: Session, merchant_id: MerchantId, order_id: OrderId) -> OrderView:
    """Raises NotFound."""
    found = _find(session, merchant_id, ORDERS.c.order_id == order_id)
    if not found:
        raise NotFound("There is no such order")
    return found[0]


def orders_by_id(session: Session, merchant_id: MerchantId, order_ids: Sequence[OrderId]) -> dict[OrderId, OrderView]:
    if not order_ids:
        return {}
    return {view.order_id: view for view in _find(session, merchant_id, ORDERS.c.order_id.in_(order_ids))}


def find(session: Session, merchant_id: MerchantId, shop_id: ShopId, external_id: str) -> OrderView | None:
    found = _find(session, merchant_id, sa.and_(ORDERS.c.shop_id == shop_id, ORDERS.c.external_id == external_id))
    return found[0] if found else None


def by_number(session: Session, merchant_id: MerchantId, number: str, *, limit: int = 10) -> list[OrderView]:
    """Orders with this number (or platform id), in whatever shop."""
    number = number.strip().lstrip("#")
    where = sa.or_(ORDERS.c.number == number, ORDERS.c.external_id == number)
    return _find(session, merchant_id, where, newest=limit)


def orders_of(session: Session, merchant_id: MerchantId, member_id: MemberId, *, limit: int = 50) -> list[OrderView]:
    return _find(session, merchant_id, ORDERS.c.owner_id == member_id, newest=limit)


def flagged(session: Session, merchant_id: MerchantId, *, limit: int = 100) -> list[OrderView]:
    """Orders that support should look at, newest first."""
    where = sa.cast(ORDERS.c.flags, sa.Text) != "[]"
    return _find(session, merchant_id, where, newest=limit)


@dataclass(frozen=True)
class SettledAs:
    """The last accepted content of an order, and the platform's stamp on it. None where it has no such thing."""

    fingerprint: str | None
    updated_at: datetime | None


def settled_as(
    session: Session, merchant_id: MerchantId, shop_id: ShopId, external_ids: Sequence[str]
) -> dict[str, SettledAs]:
    """Of each of these orders that is known."""
    rows = session.connection().execute(
        sa.select(ORDERS.c.external_id, ORDERS.c.snapshot_hash, ORDERS.c.platform_updated_at).where(
            ORDERS.c.merchant_id == merchant_id, ORDERS.c.shop_id == shop_id, ORDERS.c.external_id.in_(external_ids)
        )
    )
    return {row.external_id: SettledAs(row.snapshot_hash, row.platform_updated_at) for row in rows}


def settled_since(session: Session, merchant_id: MerchantId, shop_id: ShopId, *, updated_since: datetime) -> set[str]:
    """Orders that the shop should list as changed since then: those whose newest accepted stamp lies behind it."""
    rows = session.connection().execute(
        sa.select(ORDERS.c.external_id, ORDERS.c.flags).where(
            ORDERS.c.merchant_id == merchant_id,
            ORDERS.c.shop_id == shop_id,
            ORDERS.c.platform_updated_at > updated_since,
            ORDERS.c.snapshot_hash.is_not(None),
        )
    )
    return {row.external_id for row in rows if not {"deleted", "deleted_late"} & set(row.flags)}


def refunded_since(session: Session, merchant_id: MerchantId, shop_id: ShopId, *, placed_since: datetime) -> set[str]:
    """Orders of late with refunds: a refund can be deleted without notice."""
    rows = session.connection().execute(
        sa.select(ORDERS.c.external_id).where(
            ORDERS.c.merchant_id == merchant_id,
            ORDERS.c.shop_id == shop_id,
            ORDERS.c.placed_at > placed_since,
            ORDERS.c.snapshot_hash.is_not(None),
            sa.cast(ORDERS.c.snapshot["refunded"].as_string(), sa.BigInteger) > 0,
        )
    )
    return set(rows.scalars())


def waiting(session: Session, merchant_id: MerchantId, shop_id: ShopId, external_ids: Sequence[str]) -> set[str]:
    """Those of these orders for which a read is due or under way."""
    rows = session.connection().execute(
        sa.select(ORDERS.c.external_id).where(
            ORDERS.c.merchant_id == merchant_id,
            ORDERS.c.shop_id == shop_id,
            ORDERS.c.external_id.in_(external_ids),
            ORDERS.c.next_read_at.is_not(None),
        )
    )
    return set(rows.scalars())


def _find(
    session: Session, merchant_id: MerchantId, where: sa.ColumnElement[bool], *, newest: int | None = None
) -> list[OrderView]:
    statement = sa.select(ORDERS).where(ORDERS.c.merchant_id == merchant_id, where)
    if newest is not None:
        statement = statement.order_by(ORDERS.c.placed_at.desc()).limit(newest)
    return [_view(row) for row in session.connection().execute(statement)]


def _view(row: Any) -> OrderView:
    return OrderView(
        order_id=OrderId(row.order_id),
        shop_id=ShopId(row.shop_id),
        external_id=row.external_id,
        number=row.number,
        placed_at=row.placed_at,
        customer_external_id=row.customer_external_id,
        email=row.email,
        owner_id=MemberId(row.owner_id) if row.owner_id else None,
        program_version_id=ProgramVersionId(row.program_version_id) if row.program_version_id else None,
        snapshot=Snapshot.model_validate(row.snapshot) if row.snapshot else None,
        target_points=row.target_points,
        earned_at=row.earned_at,
        matures_at=row.matures_at,
        expires_at=row.expires_at,
        not_earning=row.not_earning,
        decision=Decision.model_validate(row.decision) if row.decision else None,
        flags=tuple(row.flags),
        waiting=row.next_read_at is not None,
        last_error=row.last_error,
    )
