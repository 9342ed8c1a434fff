"""Reads of redemptions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from core.commerce import DiscountKind
from core.db.types import table
from core.errors import NotFound
from core.ids import MemberId, MerchantId, OrderId, ProgramVersionId, RedemptionId, ShopId, normal_code
from core.rewards.redemption.effect import EffectView
from core.rewards.redemption.tables import DiscountEffect, RedemptionOrder, RedemptionRow

REDEMPTIONS, PAIRS, EFFECTS = table(RedemptionRow), table(RedemptionOrder), table(DiscountEffect)
_EFFECT_COLUMNS = tuple(EffectView.__dataclass_fields__)


@dataclass(frozen=True)
class RedemptionView:
    """`state`: open, captured, voided. `orders`: those that carried the code, with the points captured for each."""

    redemption_id: RedemptionId
    member_id: MemberId
    shop_id: ShopId
    customer_external_id: str
    program_version_id: ProgramVersionId
    kind: DiscountKind
    points: int
    face_minor: int
    currency: str
    code: str
    state: str
    placed_at: datetime
    code_expires_at: datetime
    hold_expires_at: datetime
    ended_at: datetime | None
    end_reason: str | None
    flags: tuple[str, ...]
    request_hash: str
    effect: EffectView
    orders: tuple[tuple[OrderId, int], ...] = ()

    @property
    def captured(self) -> int:
        return sum(points for _, points in self.orders)


def redemption(session: Session, merchant_id: MerchantId, redemption_id: RedemptionId) -> RedemptionView:
    """Raises NotFound."""
    found = _find(session, merchant_id, REDEMPTIONS.c.redemption_id == redemption_id)
    if not found:
        raise NotFound("There is no such redemption")
    return found[0]


def locked(session: Session, merchant_id: MerchantId, redemption_id: RedemptionId) -> RedemptionView:
    """The same, with its row locked for the rest of the transaction."""
    found = _find(session, merchant_id, REDEMPTIONS.c.redemption_id == redemption_id, lock=True)
    if not found:
        raise NotFound("There is no such redemption")
    return found[0]


def by_code(session: Session, merchant_id: MerchantId, code: str) -> list[RedemptionView]:
    """The redemptions with this code, in whatever shop."""
    return _find(session, merchant_id, REDEMPTIONS.c.code == normal_code(code))


def by_key(
    session: Session, merchant_id: MerchantId, member_id: MemberId, idempotency_key: str
) -> RedemptionView | None:
    mine = sa.and_(REDEMPTIONS.c.member_id == member_id, REDEMPTIONS.c.idempotency_key == idempotency_key)
    found = _find(session, merchant_id, mine)
    return found[0] if found else None


def open_of(session: Session, merchant_id: MerchantId, member_id: MemberId) -> list[RedemptionView]:
    """The member's codes that are not used yet, newest first."""
    mine = sa.and_(REDEMPTIONS.c.member_id == member_id, REDEMPTIONS.c.state == "open")
    return sorted(_find(session, merchant_id, mine), key=lambda view: view.placed_at, reverse=True)


def of_member(
    session: Session, merchant_id: MerchantId, member_id: MemberId, *, limit: int = 50
) -> list[RedemptionView]:
    found = _find(session, merchant_id, REDEMPTIONS.c.member_id == member_id, newest=limit)
    return sorted(found, key=lambda view: view.placed_at, reverse=True)


def open_in_shop(
    session: Session, merchant_id: MerchantId, shop_id: ShopId, *, limit: int = 100
) -> list[RedemptionView]:
    mine = sa.and_(REDEMPTIONS.c.shop_id == shop_id, REDEMPTIONS.c.state == "open")
    return _find(session, merchant_id, mine, newest=limit)


def hold_over(session: Session, merchant_id: MerchantId, *, now: datetime) -> list[RedemptionView]:
    """Open redemptions whose hold has run out, for the sweep. All of them: one that waits must not hide another."""
    over = sa.and_(REDEMPTIONS.c.state == "open", REDEMPTIONS.c.hold_expires_at <= now)
    return _find(session, merchant_id, over)


def locked_for_order(
    session: Session, merchant_id: MerchantId, shop_id: ShopId, order_id: OrderId, codes: Sequence[str]
) -> list[RedemptionView]:
    """Those whose codes the order carries or carried, locked in id order."""
    carried = sa.select(PAIRS.c.redemption_id).where(PAIRS.c.merchant_id == merchant_id, PAIRS.c.order_id == order_id)
    where: sa.ColumnElement[bool] = REDEMPTIONS.c.redemption_id.in_(carried)
    if codes:
        where = sa.or_(where, sa.and_(REDEMPTIONS.c.shop_id == shop_id, REDEMPTIONS.c.code.in_(codes)))
    return _find(session, merchant_id, where, lock=True)


def due_effects(session: Session, merchant_id: MerchantId, *, now: datetime, limit: int = 10) -> list[RedemptionId]:
    """Redemptions whose object at the platform wants work, those that waited longest first."""
    rows = session.connection().execute(
        sa.select(EFFECTS.c.redemption_id)
        .where(
            EFFECTS.c.merchant_id == merchant_id,
            EFFECTS.c.next_at <= now,
            sa.or_(EFFECTS.c.lease_until.is_(None), EFFECTS.c.lease_until <= now),
        )
        .order_by(EFFECTS.c.next_at)
        .limit(limit)
    )
    return [RedemptionId(redemption_id) for redemption_id in rows.scalars()]


def _find(
    session: Session,
    merchant_id: MerchantId,
    where: sa.ColumnElement[bool],
    *,
    lock: bool = False,
    newest: int | None = None,
) -> list[RedemptionView]:
    joined = sa.and_(
        EFFECTS.c.merchant_id == REDEMPTIONS.c.merchant_id, EFFECTS.c.redemption_id == REDEMPTIONS.c.redemption_id
    )
    effect = [EFFECTS.c[name].label(f"effect_{name}") for name in _EFFECT_COLUMNS]
    statement = (
        sa.select(REDEMPTIONS, *effect).join(EFFECTS, joined).where(REDEMPTIONS.c.merchant_id == merchant_id, where)
    )
    if newest is not None:
        statement = statement.order_by(REDEMPTIONS.c.placed_at.desc()).limit(newest)
    else:
        statement = statement.order_by(REDEMPTIONS.c.redemption_id)
    if lock:
        statement = statement.with_for_update()
    rows = list(session.connection().execute(statement))
    orders = _orders(session, merchant_id, [row.redemption_id for row in rows])
    return [_view(row, orders.get(row.redemption_id, ())) for row in rows]


def _orders(session: Session, merchant_id: MerchantId, ids: list[str]) -> dict[str, tuple[tuple[OrderId, int], ...]]:
    found: dict[str, tuple[tuple[OrderId, int], ...]] = {}
    if not ids:
        return found
    rows = session.connection().execute(
        sa.select(PAIRS)
        .where(PAIRS.c.merchant_id == merchant_id, PAIRS.c.redemption_id.in_(ids))
        .order_by(PAIRS.c.first_seen_at, PAIRS.c.order_id)
    )
    for row in rows:
        found[row.redemption_id] = (*found.get(row.redemption_id, ()), (OrderId(row.order_id), row.captured))
    return found


def _view(row: Any, orders: tuple[tuple[OrderId, int], ...]) -> RedemptionView:
    return RedemptionView(
        redemption_id=RedemptionId(row.redemption_id),
        member_id=MemberId(row.member_id),
        shop_id=ShopId(row.shop_id),
        customer_external_id=row.customer_external_id,
        program_version_id=ProgramVersionId(row.program_version_id),
        kind=DiscountKind(row.kind),
        points=row.points,
        face_minor=row.face_minor,
        currency=row.currency,
        code=row.code,
        state=row.state,
        placed_at=row.placed_at,
        code_expires_at=row.code_expires_at,
        hold_expires_at=row.hold_expires_at,
        ended_at=row.ended_at,
        end_reason=row.end_reason,
        flags=tuple(row.flags),
        request_hash=row.request_hash,
        effect=EffectView(*(getattr(row, f"effect_{name}") for name in _EFFECT_COLUMNS)),
        orders=orders,
    )
