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

# Built once: they run with every redemption, and with every order that carries a code.
_OF_MERCHANT = REDEMPTIONS.c.merchant_id == sa.bindparam("of_merchant")
_ALL = (
    sa.select(REDEMPTIONS, *(EFFECTS.c[name].label(f"effect_{name}") for name in _EFFECT_COLUMNS))
    .join(
        EFFECTS,
        sa.and_(
            EFFECTS.c.merchant_id == REDEMPTIONS.c.merchant_id, EFFECTS.c.redemption_id == REDEMPTIONS.c.redemption_id
        ),
    )
    .where(_OF_MERCHANT)
)
_IN_ID_ORDER = _ALL.order_by(REDEMPTIONS.c.redemption_id)
_ONE = _ALL.where(REDEMPTIONS.c.redemption_id == sa.bindparam("of_redemption"))
# FOR NO KEY UPDATE: who changes an effect twice has its foreign key checked, which must not wait for who holds the redemption.
_LOCK_ONE = _ONE.with_for_update(key_share=True)
_OF_MEMBER = REDEMPTIONS.c.member_id == sa.bindparam("of_member")
_OPEN = REDEMPTIONS.c.state == "open"
_BY_CODE = _IN_ID_ORDER.where(REDEMPTIONS.c.code == sa.bindparam("of_code"))
_BY_KEY = _ALL.where(_OF_MEMBER, REDEMPTIONS.c.idempotency_key == sa.bindparam("of_key"))
_OPEN_OF_MEMBER = _ALL.where(_OF_MEMBER, _OPEN).order_by(REDEMPTIONS.c.placed_at.desc())
_IS_KEY = REDEMPTIONS.c.idempotency_key == sa.bindparam("of_key")
_OPEN_OR_OF_KEY = sa.select(_IS_KEY.label("is_of_key"), _OPEN.label("is_open")).where(
    _OF_MERCHANT, _OF_MEMBER, sa.or_(_OPEN, _IS_KEY)
)
_CARRIED = sa.select(PAIRS.c.redemption_id).where(
    PAIRS.c.merchant_id == sa.bindparam("of_merchant"), PAIRS.c.order_id == sa.bindparam("of_order")
)
_LOCK_OF_ORDER = _IN_ID_ORDER.where(
    sa.or_(
        REDEMPTIONS.c.redemption_id.in_(_CARRIED),
        sa.and_(
            REDEMPTIONS.c.shop_id == sa.bindparam("of_shop"),
            REDEMPTIONS.c.code.in_(sa.bindparam("of_codes", expanding=True)),
        ),
    )
).with_for_update(key_share=True)
_ORDERS_OF = (
    sa.select(PAIRS)
    .where(
        PAIRS.c.merchant_id == sa.bindparam("of_merchant"),
        PAIRS.c.redemption_id.in_(sa.bindparam("of_redemptions", expanding=True)),
    )
    .order_by(PAIRS.c.first_seen_at, PAIRS.c.order_id)
)


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
    found = _find(session, merchant_id, _ONE, of_redemption=redemption_id)
    if not found:
        raise NotFound("There is no such redemption")
    return found[0]


def locked(session: Session, merchant_id: MerchantId, redemption_id: RedemptionId) -> RedemptionView:
    """The same, with its row locked for the rest of the transaction."""
    found = _find(session, merchant_id, _LOCK_ONE, of_redemption=redemption_id)
    if not found:
        raise NotFound("There is no such redemption")
    return found[0]


def by_code(session: Session, merchant_id: MerchantId, code: str) -> list[RedemptionView]:
    """The redemptions with this code, in whatever shop."""
    return _find(session, merchant_id, _BY_CODE, of_code=normal_code(code))


def by_key(
    session: Session, merchant_id: MerchantId, member_id: MemberId, idempotency_key: str
) -> RedemptionView | None:
    found = _find(session, merchant_id, _BY_KEY, of_member=member_id, of_key=idempotency_key)
    return found[0] if found else None


def open_of(session: Session, merchant_id: MerchantId, member_id: MemberId) -> list[RedemptionView]:
    """The member's codes that are not used yet, newest first."""
    return _find(session, merchant_id, _OPEN_OF_MEMBER, of_member=member_id)


def open_and_known(
    session: Session, merchant_id: MerchantId, member_id: MemberId, idempotency_key: str
) -> tuple[int, bool]:
    """How many codes the member has open, and whether this key was used before: one read for both."""
    parameters = {"of_merchant": merchant_id, "of_member": member_id, "of_key": idempotency_key}
    rows = list(session.connection().execute(_OPEN_OR_OF_KEY, parameters))
    return sum(bool(row.is_open) for row in rows), any(row.is_of_key for row in rows)


def of_member(
    session: Session, merchant_id: MerchantId, member_id: MemberId, *, limit: int = 50
) -> list[RedemptionView]:
    newest = _ALL.where(_OF_MEMBER).order_by(REDEMPTIONS.c.placed_at.desc()).limit(limit)
    return _find(session, merchant_id, newest, of_member=member_id)


def open_in_shop(
    session: Session, merchant_id: MerchantId, shop_id: ShopId, *, limit: int = 100
) -> list[RedemptionView]:
    mine = _ALL.where(REDEMPTIONS.c.shop_id == shop_id, _OPEN)
    return _find(session, merchant_id, mine.order_by(REDEMPTIONS.c.placed_at.desc()).limit(limit))


def hold_over(session: Session, merchant_id: MerchantId, *, now: datetime) -> list[RedemptionView]:
    """Open redemptions whose hold has run out, for the sweep. All of them: one that waits must not hide another."""
    return _find(session, merchant_id, _IN_ID_ORDER.where(_OPEN, REDEMPTIONS.c.hold_expires_at <= now))


def locked_for_order(
    session: Session, merchant_id: MerchantId, shop_id: ShopId, order_id: OrderId, codes: Sequence[str]
) -> list[RedemptionView]:
    """Those whose codes the order carries or carried, locked in id order."""
    return _find(session, merchant_id, _LOCK_OF_ORDER, of_order=order_id, of_shop=shop_id, of_codes=list(codes))


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
    session: Session, merchant_id: MerchantId, statement: sa.Select[Any], **parameters: Any
) -> list[RedemptionView]:
    rows = list(session.connection().execute(statement, {"of_merchant": merchant_id, **parameters}))
    orders = _orders(session, merchant_id, [row.redemption_id for row in rows])
    return [_view(row, orders.get(row.redemption_id, ())) for row in rows]


def _orders(session: Session, merchant_id: MerchantId, ids: list[str]) -> dict[str, tuple[tuple[OrderId, int], ...]]:
    found: dict[str, tuple[tuple[OrderId, int], ...]] = {}
    if not ids:
        return found
    for row in session.connection().execute(_ORDERS_OF, {"of_merchant": merchant_id, "of_redemptions": ids}):
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
