"""Reads of redemptions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from core.commerce import DiscountKind
from core.db import statements
from core.db.statements import Ask
from core.db.types import one_of, table
from core.errors import NotFound
from core.ids import MemberId, MerchantId, OrderId, ProgramVersionId, RedemptionId, ShopId, normal_code
from core.ledger import queries as ledger_queries
from core.ledger.lots import Transfer
from core.ledger.rows import transfer_from_row
from core.rewards.redemption.effect import EffectView
from core.rewards.redemption.tables import DiscountEffect, RedemptionOrder, RedemptionRow

REDEMPTIONS, PAIRS, EFFECTS = table(RedemptionRow), table(RedemptionOrder), table(DiscountEffect)
USED_UNSEEN = "used_unseen"  # why a redemption ended, and its flag
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
_OPEN = REDEMPTIONS.c.state == sa.literal_column("'open'")  # written out, for the indexes of open rows
_BY_CODE = _IN_ID_ORDER.where(REDEMPTIONS.c.code == sa.bindparam("of_code"))
_BY_KEY = _ALL.where(_OF_MEMBER, REDEMPTIONS.c.idempotency_key == sa.bindparam("of_key"))
_OPEN_OF_MEMBER = _ALL.where(_OF_MEMBER, _OPEN).order_by(REDEMPTIONS.c.placed_at.desc())
_NEWEST_FIRST = REDEMPTIONS.c.placed_at.desc()
_AT_MOST = sa.bindparam("at_most", type_=sa.Integer)
_NEWEST_OF_MEMBER = _ALL.where(_OF_MEMBER).order_by(_NEWEST_FIRST).limit(_AT_MOST)
_OPEN_IN_SHOP = (
    _ALL.where(REDEMPTIONS.c.shop_id == sa.bindparam("of_shop"), _OPEN).order_by(_NEWEST_FIRST).limit(_AT_MOST)
)
_CARRIED = sa.select(PAIRS.c.redemption_id).where(
    PAIRS.c.merchant_id == sa.bindparam("of_merchant"), PAIRS.c.order_id == sa.bindparam("of_order")
)
_OF_ORDER = _IN_ID_ORDER.where(REDEMPTIONS.c.redemption_id.in_(_CARRIED))
# By the member, for whom there is an index.
_WITHOUT_ORDER = _IN_ID_ORDER.where(
    _OF_MEMBER,
    REDEMPTIONS.c.shop_id == sa.bindparam("of_shop"),
    sa.or_(REDEMPTIONS.c.state == "open", REDEMPTIONS.c.end_reason == USED_UNSEEN, EFFECTS.c.used.is_(True)),
)
_HOLD_OVER = _IN_ID_ORDER.where(_OPEN, REDEMPTIONS.c.hold_expires_at <= sa.bindparam("at"))
_OPEN_AND_KNOWN = sa.select(
    sa.select(sa.func.count()).where(_OF_MERCHANT, _OF_MEMBER, _OPEN).scalar_subquery().label("open_codes"),
    sa.exists()
    .where(_OF_MERCHANT, _OF_MEMBER, REDEMPTIONS.c.idempotency_key == sa.bindparam("of_key"))
    .label("is_known"),
)
_OTHERS = REDEMPTIONS.alias()
_WITH_CODE = sa.select(_OTHERS.c.redemption_id).where(
    _OTHERS.c.merchant_id == sa.bindparam("of_merchant"),
    _OTHERS.c.shop_id == sa.bindparam("of_shop"),
    one_of(_OTHERS.c.code, "of_codes"),
)
_LOCK_OF_ORDER = _IN_ID_ORDER.where(REDEMPTIONS.c.redemption_id.in_(sa.union(_CARRIED, _WITH_CODE))).with_for_update(
    key_share=True
)
_PAIRS = (
    sa.select(PAIRS)
    .where(PAIRS.c.merchant_id == sa.bindparam("of_merchant"))
    .order_by(PAIRS.c.first_seen_at, PAIRS.c.order_id)
)
_ORDERS_OF = _PAIRS.where(one_of(PAIRS.c.redemption_id, "of_redemptions"))
_ORDERS_OF_ONE = _PAIRS.where(PAIRS.c.redemption_id == sa.bindparam("of_redemption"))


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


def locked_with_transfers(
    session: Session, merchant_id: MerchantId, redemption_id: RedemptionId
) -> tuple[RedemptionView, list[Transfer]]:
    """The same, and all that it moved so far, in booking order."""
    mine = {"of_merchant": merchant_id, "of_redemption": redemption_id}
    moved_asked = ledger_queries.redemption_asked(merchant_id, redemption_id)
    locked, orders, moved = statements.together(session, [(_LOCK_ONE, mine), (_ORDERS_OF_ONE, mine), moved_asked])
    if not locked.rows:
        raise NotFound("There is no such redemption")
    view = _view(locked.rows[0], _orders(orders.rows).get(redemption_id, ()))
    return view, [transfer_from_row(row) for row in ledger_queries.in_booking_order(moved.rows)]


def by_code(session: Session, merchant_id: MerchantId, code: str) -> list[RedemptionView]:
    """The redemptions with this code, in whatever shop."""
    return _find(session, merchant_id, _BY_CODE, of_code=normal_code(code))


def view_of(redemption: Mapping[str, Any], effect: Mapping[str, Any]) -> RedemptionView:
    """The view of rows as they have just been written."""
    return _view(SimpleNamespace(**redemption, **{f"effect_{name}": effect[name] for name in _EFFECT_COLUMNS}), ())


def by_key(
    session: Session, merchant_id: MerchantId, member_id: MemberId, idempotency_key: str
) -> RedemptionView | None:
    found = _find(session, merchant_id, _BY_KEY, of_member=member_id, of_key=idempotency_key)
    return found[0] if found else None


def open_of(session: Session, merchant_id: MerchantId, member_id: MemberId) -> list[RedemptionView]:
    """The member's codes that are not used yet, newest first."""
    return _find(session, merchant_id, _OPEN_OF_MEMBER, of_member=member_id)


def open_and_known_asked(merchant_id: MerchantId, member_id: MemberId, idempotency_key: str) -> Ask:
    """The question how many codes the member has open, and whether this key was used before; read by `open_and_known`."""
    return _OPEN_AND_KNOWN, {"of_merchant": merchant_id, "of_member": member_id, "of_key": idempotency_key}


def open_and_known(rows: Sequence[Any]) -> tuple[int, bool]:
    return rows[0].open_codes, rows[0].is_known


def of_member(
    session: Session, merchant_id: MerchantId, member_id: MemberId, *, limit: int = 50
) -> list[RedemptionView]:
    return _find(session, merchant_id, _NEWEST_OF_MEMBER, of_member=member_id, at_most=limit)


def open_in_shop(
    session: Session, merchant_id: MerchantId, shop_id: ShopId, *, limit: int = 100
) -> list[RedemptionView]:
    return _find(session, merchant_id, _OPEN_IN_SHOP, of_shop=shop_id, at_most=limit)


def of_order(session: Session, merchant_id: MerchantId, order_id: OrderId) -> list[RedemptionView]:
    """Those whose codes the order was seen to carry."""
    return _find(session, merchant_id, _OF_ORDER, of_order=order_id)


def without_order(
    session: Session, merchant_id: MerchantId, shop_id: ShopId, member_id: MemberId
) -> list[RedemptionView]:
    """A member's whose order was never seen: open ones, and those that were used nobody knows where, even if the points
    came back before that was known."""
    found = _find(session, merchant_id, _WITHOUT_ORDER, of_member=member_id, of_shop=shop_id)
    return [each for each in found if not (each.captured if each.state == "open" else each.orders)]


def needs_shop(session: Session, merchant_id: MerchantId, shop_id: ShopId) -> bool:
    """Whether something is still to be done there: a code of an open redemption, or one that is to die."""
    waiting = sa.or_(_OPEN, sa.and_(EFFECTS.c.wanted == "dead", EFFECTS.c.actual != "dead"))
    asked = _ALL.where(REDEMPTIONS.c.shop_id == sa.bindparam("of_shop"), waiting).limit(1)
    return bool(statements.rows(session, asked, {"of_merchant": merchant_id, "of_shop": shop_id}))


def hold_over(session: Session, merchant_id: MerchantId, *, now: datetime) -> list[RedemptionView]:
    """Open redemptions whose hold has run out, for the sweep. All of them: one that waits must not hide another."""
    return _find(session, merchant_id, _HOLD_OVER, at=now)


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
    rows = statements.rows(session, statement, {"of_merchant": merchant_id, **parameters})
    if not rows:
        return []
    ids = [row.redemption_id for row in rows]
    orders = _orders(statements.rows(session, _ORDERS_OF, {"of_merchant": merchant_id, "of_redemptions": ids}))
    return [_view(row, orders.get(row.redemption_id, ())) for row in rows]


def _orders(rows: Sequence[Any]) -> dict[str, tuple[tuple[OrderId, int], ...]]:
    found: dict[str, tuple[tuple[OrderId, int], ...]] = {}
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
