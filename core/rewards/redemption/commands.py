"""Writes of redemptions: place, give back, end. What talks to the shop is core/work/effects.py."""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from core.commerce import DiscountKind
from core.db import statements
from core.db.engine import insert_or_ignore, rows_changed
from core.db.statements import Ask
from core.db.types import table
from core.errors import CannotRedeem, Conflict, InvalidInput
from core.ids import LotId, MemberId, MerchantId, OrderId, RedemptionId, new_id
from core.ledger import commands as ledger
from core.ledger.words import Cause
from core.merchants import queries as merchants
from core.merchants.queries import MerchantView, ShopView
from core.program import queries as programs
from core.program.queries import ProgramView
from core.rewards.redemption import queries
from core.rewards.redemption.codes import CodeRules
from core.rewards.redemption.pieces import held_pieces
from core.rewards.redemption.queries import USED_UNSEEN, RedemptionView
from core.rewards.redemption.quote import Price, price
from core.rewards.redemption.tables import DiscountEffect, RedemptionOrder, RedemptionRow

REDEMPTIONS, PAIRS, EFFECTS = table(RedemptionRow), table(RedemptionOrder), table(DiscountEffect)
_INSERT_REDEMPTION, _INSERT_EFFECT = sa.insert(REDEMPTIONS), sa.insert(EFFECTS)
# A cart may hold an applied code for so long after the code itself has ended (facts sheet: 60 minutes).
CHECKOUT_LIFE = timedelta(minutes=60)
REQUEST_LEASE = timedelta(seconds=10)
_ONE = sa.update(REDEMPTIONS).where(
    REDEMPTIONS.c.merchant_id == sa.bindparam("of_merchant"),
    REDEMPTIONS.c.redemption_id == sa.bindparam("of_redemption"),
)
_FLAG = _ONE.values(flags=sa.bindparam("new_flags"))
_END = _ONE.where(REDEMPTIONS.c.state == "open").values(
    state=sa.bindparam("new_state"), end_reason=sa.bindparam("new_reason"), ended_at=sa.bindparam("at")
)
_END_FLAGGED = _END.values(flags=sa.bindparam("new_flags"))
NOTHING_DONE: dict[str, Any] = {
    "wanted": "issued",
    "actual": "nothing",
    "attempts": 0,
    "issue_started_at": None,
    "absent_since": None,
    "unreachable_since": None,
    "used": None,
    "last_error": None,
}


def place(
    session: Session,
    merchant_id: MerchantId,
    member_id: MemberId,
    shop: ShopView,
    *,
    customer_external_id: str,
    points: int,
    idempotency_key: str,
    codes: CodeRules,
    now: datetime,
) -> RedemptionView:
    """Hold points and make a code. The same key with the same points gives the first answer again; with others Conflict.

    The discount itself is issued afterwards, outside any transaction, by core.work.effects. Raises CannotRedeem, InsufficientPoints.
    """
    if not 8 <= len(idempotency_key) <= 100:
        raise InvalidInput("The idempotency key must have 8 to 100 characters", field="idempotency_key")
    request_hash = ledger.hash_of({"points": points, "shop": shop.shop_id})
    book, (merchant, program_in_force, open_ones) = ledger.open_book(
        session,
        merchant_id,
        member_id,
        now=now,
        beside=[
            merchants.merchant_asked(merchant_id),
            programs.in_force_asked(merchant_id, now),
            queries.open_and_known_asked(merchant_id, member_id, idempotency_key),
        ],
    )
    open_codes, is_known = queries.open_and_known(open_ones.rows)
    earlier = queries.by_key(session, merchant_id, member_id, idempotency_key) if is_known else None
    if earlier is not None:
        if earlier.request_hash != request_hash:
            raise Conflict("This key was used for another redemption")
        return earlier
    _check_open(merchants.found_merchant(merchant.rows), shop)
    if open_codes >= codes.open_at_most:
        raise CannotRedeem("too_many_open")
    program = programs.found_in_force(program_in_force.rows)
    cost = price(
        program.terms, shop.currency, points, available=book.balance.available, smallest_unit=shop.smallest_unit
    )
    row = _open_row(merchant_id, member_id, shop, customer_external_id, program, cost, now)
    row |= {"idempotency_key": idempotency_key, "request_hash": request_hash}
    row["code"] = codes.new_code(program.terms.code_prefix)
    redemption_id = row["redemption_id"]
    book.hold(cost.points, redemption_id=redemption_id)
    explanation = {
        "redemption": redemption_id,
        "points": cost.points,
        "face": cost.face_minor,
        "currency": cost.currency,
    }
    book.post(f"place:{redemption_id}", Cause.REDEMPTION_PLACED, {**explanation, "program": program.number})
    # The request that placed it runs the effect first; the worker takes over when it dies.
    effect = {**NOTHING_DONE, "next_at": now + REQUEST_LEASE}
    ids = {"merchant_id": merchant_id, "redemption_id": redemption_id}
    beside: list[Ask] = [(_INSERT_REDEMPTION, row), (_INSERT_EFFECT, {**ids, **effect, "lease_no": 0})]
    ledger.store_books(session, merchant_id, {member_id: book}, beside=beside)
    return queries.view_of(row, effect)


def give_back(
    session: Session, merchant_id: MerchantId, redemption_id: RedemptionId, *, now: datetime
) -> RedemptionView:
    """The member does not want the code any more: make it dead, then the points come back. Nothing for one that has ended."""
    view = queries.locked(session, merchant_id, redemption_id)
    if view.state == "open":
        want_dead(session, merchant_id, redemption_id, now=now)
    return queries.redemption(session, merchant_id, redemption_id)


def want_dead(session: Session, merchant_id: MerchantId, redemption_id: RedemptionId, *, now: datetime) -> None:
    """From now on no code of this redemption may be usable. Safe to repeat."""
    rows_changed(
        session,
        sa.update(EFFECTS)
        .where(*_effect(merchant_id, redemption_id), EFFECTS.c.wanted != "dead")
        .values(wanted="dead", next_at=now, attempts=0, absent_since=None),
    )


def void(session: Session, merchant_id: MerchantId, redemption_id: RedemptionId, *, reason: str, now: datetime) -> bool:
    """Give the held points back, all of them, once. The caller has made sure that the code is dead. False: it has ended before."""
    view, transfers = queries.locked_with_transfers(session, merchant_id, redemption_id)
    if view.state != "open":
        return False
    pieces = held_pieces(transfers)
    lots = [LotId(piece.lot_id) for piece in pieces if piece.lot_id]
    books = ledger.open_books(session, merchant_id, [view.member_id], now=now, lots=lots)
    terms = programs.version(session, merchant_id, view.program_version_id).terms
    book = books[view.member_id]
    book.void(pieces, redemption_id=redemption_id, order_id=None, grace_days=terms.grace_days)
    explanation = {"redemption": redemption_id, "points": view.points, "reason": reason}
    book.post(f"void:{redemption_id}", Cause.REDEMPTION_VOIDED, explanation)
    ended = _ended(merchant_id, redemption_id, state="voided", reason=reason, now=now)
    ledger.store_books(session, merchant_id, books, beside=[ended])
    return True


def capture_unmatched(session: Session, merchant_id: MerchantId, redemption_id: RedemptionId, *, now: datetime) -> bool:
    """The platform says that the code was used, but the order was never seen: the points are spent, flagged for support."""
    view, transfers = queries.locked_with_transfers(session, merchant_id, redemption_id)
    if view.state != "open":
        return False
    pieces = held_pieces(transfers)
    lots = [LotId(piece.lot_id) for piece in pieces if piece.lot_id]
    books = ledger.open_books(session, merchant_id, [view.member_id], now=now, lots=lots)
    book = books[view.member_id]
    book.capture(pieces, sum(piece.points for piece in pieces), redemption_id=redemption_id, order_id=None)
    book.post(
        f"unmatched:{redemption_id}", Cause.REDEMPTION_UNMATCHED, {"redemption": redemption_id, "points": view.points}
    )
    _, values = _ended(merchant_id, redemption_id, state="captured", reason=USED_UNSEEN, now=now)
    ended = (_END_FLAGGED, {**values, "new_flags": sorted({*view.flags, USED_UNSEEN})})
    ledger.store_books(session, merchant_id, books, beside=[ended])
    return True


def end(
    session: Session, merchant_id: MerchantId, redemption_id: RedemptionId, *, state: str, reason: str, now: datetime
) -> None:
    """The hold is over. Moves nothing by itself."""
    statements.change(session, *_ended(merchant_id, redemption_id, state=state, reason=reason, now=now))


def flag(session: Session, merchant_id: MerchantId, redemption_id: RedemptionId, word: str) -> None:
    """Something that support should see."""
    view = queries.redemption(session, merchant_id, redemption_id)
    statements.change(session, *_flagged(merchant_id, view, word))


def note_order(
    session: Session,
    merchant_id: MerchantId,
    redemption_id: RedemptionId,
    order_id: OrderId,
    *,
    captured: int,
    now: datetime,
) -> None:
    """Remember that this order carries the code, and what is captured for it after settlement."""
    pair = {"merchant_id": merchant_id, "redemption_id": redemption_id, "order_id": order_id}
    if insert_or_ignore(session, PAIRS, {**pair, "first_seen_at": now, "captured": captured}):
        return
    session.connection().execute(
        sa.update(PAIRS).where(*(PAIRS.c[name] == value for name, value in pair.items())).values(captured=captured)
    )


def update_effect(session: Session, merchant_id: MerchantId, redemption_id: RedemptionId, **values: Any) -> None:
    session.connection().execute(sa.update(EFFECTS).where(*_effect(merchant_id, redemption_id)).values(**values))


def lease_effect(
    session: Session, merchant_id: MerchantId, redemption_id: RedemptionId, *, until: datetime, now: datetime
) -> int | None:
    """The right to make one call for this redemption; None while somebody else has it. Returns the number of the lease."""
    row = (
        session.connection()
        .execute(sa.select(EFFECTS).where(*_effect(merchant_id, redemption_id)).with_for_update())
        .first()
    )
    if row is None or (row.lease_until is not None and row.lease_until > now):
        return None
    update_effect(session, merchant_id, redemption_id, lease_until=until, lease_no=row.lease_no + 1)
    return int(row.lease_no) + 1


def holds_lease(session: Session, merchant_id: MerchantId, redemption_id: RedemptionId, lease_no: int) -> bool:
    """Whether this is still the newest lease; locks the row."""
    current = sa.select(EFFECTS.c.lease_no).where(*_effect(merchant_id, redemption_id)).with_for_update()
    return bool(session.connection().execute(current).scalar() == lease_no)


def _open_row(
    merchant_id: MerchantId,
    member_id: MemberId,
    shop: ShopView,
    customer_external_id: str,
    program: ProgramView,
    cost: Price,
    now: datetime,
) -> dict[str, Any]:
    """A redemption as it begins; all but its code and who asked for it."""
    ends = now + timedelta(hours=program.terms.code_hours)
    return {
        "merchant_id": merchant_id,
        "redemption_id": RedemptionId(new_id()),
        "member_id": member_id,
        "shop_id": shop.shop_id,
        "customer_external_id": customer_external_id,
        "program_version_id": program.version_id,
        "kind": DiscountKind.FIXED_AMOUNT.value,
        "points": cost.points,
        "face_minor": cost.face_minor,
        "currency": cost.currency,
        "state": "open",
        "placed_at": now,
        "code_expires_at": ends,
        "hold_expires_at": ends + CHECKOUT_LIFE,
        "ended_at": None,
        "end_reason": None,
        "flags": [],
    }


def _ended(merchant_id: MerchantId, redemption_id: RedemptionId, *, state: str, reason: str, now: datetime) -> Ask:
    ids = {"of_merchant": merchant_id, "of_redemption": redemption_id}
    return _END, {**ids, "new_state": state, "new_reason": reason, "at": now}


def _flagged(merchant_id: MerchantId, view: RedemptionView, word: str) -> Ask:
    ids = {"of_merchant": merchant_id, "of_redemption": view.redemption_id}
    return _FLAG, {**ids, "new_flags": sorted({*view.flags, word})}


def _check_open(merchant: MerchantView, shop: ShopView) -> None:
    if merchant.launch not in ("staff", "live"):
        raise CannotRedeem("paused")
    if merchant.redeeming_stopped:
        raise CannotRedeem("redeeming_stopped")
    if not shop.connected:
        raise CannotRedeem("shop_disconnected")


def _effect(merchant_id: MerchantId, redemption_id: RedemptionId) -> tuple[sa.ColumnElement[bool], ...]:
    return (EFFECTS.c.merchant_id == merchant_id, EFFECTS.c.redemption_id == redemption_id)
