"""Redemptions are settled like earning: each (redemption, order) has a target, and the difference is booked with the order."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlmodel import Session

from core.commerce import DiscountKind, OrderState
from core.earning.assess import captured_points, reinstated_points
from core.earning.awards import dates_of
from core.earning.context import Settling
from core.earning.snapshot import Snapshot
from core.ids import MemberId, OrderId, RedemptionId, ShopId
from core.ledger import queries as ledger_queries
from core.ledger.book import Book
from core.ledger.lots import Piece, Transfer
from core.ledger.words import Kind
from core.ports import Capability
from core.program import queries as programs
from core.program.terms import Terms
from core.rewards.redemption import commands as redemptions
from core.rewards.redemption import queries as redemption_queries
from core.rewards.redemption.pieces import held_pieces, taken_pieces
from core.rewards.redemption.queries import RedemptionView


@dataclass(frozen=True)
class OnOrder:
    """The redemptions whose codes an order carries or carried, and what they moved so far."""

    found: tuple[RedemptionView, ...]
    transfers: Mapping[RedemptionId, list[Transfer]]

    @property
    def codes(self) -> frozenset[str]:
        return frozenset(redemption.code for redemption in self.found)

    @property
    def members(self) -> set[MemberId]:
        return {redemption.member_id for redemption in self.found}

    @property
    def lot_ids(self) -> list[str]:
        return sorted({t.lot_id for transfers in self.transfers.values() for t in transfers if t.lot_id})


NONE = OnOrder((), {})


def on_order(session: Session, context: Settling, shop_id: ShopId, order_id: OrderId, snapshot: Snapshot) -> OnOrder:
    """Find and lock them: by the codes on the order, and by what was booked for it before."""
    merchant_id, codes = context.merchant_id, [code.code for code in snapshot.codes]
    found = redemption_queries.locked_for_order(session, merchant_id, shop_id, order_id, codes)
    if Capability.CODE_ON_ORDER not in context.capabilities:
        # The name was found by what looked free when the order was read. Two orders read at once may have found the same.
        found = [each for each in found if not _is_spent_elsewhere(each, order_id)]
    ids = [redemption.redemption_id for redemption in found]
    return OnOrder(tuple(found), ledger_queries.transfers_of_redemptions(session, merchant_id, ids))


def _is_spent_elsewhere(redemption: RedemptionView, order_id: OrderId) -> bool:
    carried_by = dict(redemption.orders)
    return order_id not in carried_by and any(carried_by.values())


def book(
    session: Session,
    context: Settling,
    order_id: OrderId,
    snapshot: Snapshot,
    ours: OnOrder,
    books: Mapping[MemberId, Book],
) -> dict[MemberId, list[dict[str, Any]]]:
    """Move what the order's redemptions should have moved. Returns, per member, the parts for the explanation."""
    parts: dict[MemberId, list[dict[str, Any]]] = {}
    for redemption in ours.found:
        member_book = books[redemption.member_id]
        moved = _book_one(session, context, order_id, snapshot, redemption, ours, member_book)
        if moved:
            entry = {"redemption": redemption.redemption_id, **moved}
            parts.setdefault(redemption.member_id, []).append(entry)
    return parts


def flags_of(parts: Mapping[MemberId, list[dict[str, Any]]]) -> set[str]:
    """What support should see on the order itself: its code was used on another order too, or after its hold had ended."""
    return {part["flag"] for of_member in parts.values() for part in of_member if "flag" in part}


def full_capture(redemption: RedemptionView, snapshot: Snapshot) -> int | None:
    """What the code's use on this order costs in points, before refunds. None: the order does not carry the code.

    In another currency than the code's own its face value says nothing, so it costs what was held for it.
    """
    code = next((code for code in snapshot.codes if code.code == redemption.code), None)
    if code is None or snapshot.state is OrderState.CANCELLED:
        return None
    if redemption.kind is DiscountKind.FIXED_AMOUNT and snapshot.currency == redemption.currency:
        used = code.gross if code.used is None else code.used
        return captured_points(redemption.points, redemption.face_minor, used)
    return redemption.points


def _book_one(
    session: Session,
    context: Settling,
    order_id: OrderId,
    snapshot: Snapshot,
    redemption: RedemptionView,
    ours: OnOrder,
    member_book: Book,
) -> dict[str, Any]:
    transfers = ours.transfers[redemption.redemption_id]
    pieces = taken_pieces(transfers, order_id)
    booked = sum(piece.points for piece in pieces)
    full = full_capture(redemption, snapshot)
    target = 0
    if full is not None:
        target = full - reinstated_points(full, snapshot, frozenset({redemption.code}))
    ids: dict[str, Any] = {"redemption_id": redemption.redemption_id, "order_id": order_id}
    moved: dict[str, Any] = {}
    if unseen := taken_pieces(transfers, None):
        member_book.assign(unseen, **ids)
        moved["captured"] = sum(piece.points for piece in unseen)
        booked, pieces = booked + moved["captured"], [*pieces, *unseen]
    if full is not None and redemption.state == "open":
        moved = _end_hold(session, context, order_id, redemption, full, held_pieces(transfers), member_book)
        booked, pieces = full, taken_pieces(member_book.drafted, order_id, redemption.redemption_id)
    elif full is not None and target > booked:
        member_book.late_capture(target - booked, **ids)
        moved["late"] = target - booked
        flag = "used_twice" if _used_elsewhere(transfers, order_id) else "used_late"
        redemptions.flag(session, context.merchant_id, redemption.redemption_id, flag)
        moved["flag"] = flag
    elif full is None and redemption.state == "open" and redemption.effect.actual == "dead":
        # The code was used up on an order that is cancelled by now: nothing else can end this hold.
        return _void_hold(session, context, order_id, redemption, held_pieces(transfers), member_book)
    # A cancelled order revives its code even where refunds had given all its points back before.
    if full is None and redemption.state != "open" and not _code_is_dead(session, context, redemption):
        return moved
    if booked > target:
        terms = _terms(session, context, redemption)
        grace_until, fresh = context.now + timedelta(days=terms.grace_days), dates_of(terms, context.now)[1]
        member_book.reinstate(pieces, booked - target, grace_until=grace_until, fresh_expiry=fresh, **ids)
        moved["reinstated"] = booked - target
    # A cancelled order with an open hold is noted, too: the death of the code settles it once more.
    waits = full is not None or redemption.state == "open"
    if moved or (waits and (order_id, target) not in redemption.orders):
        redemptions.note_order(
            session, context.merchant_id, redemption.redemption_id, order_id, captured=target, now=context.now
        )
    return moved


def _end_hold(
    session: Session,
    context: Settling,
    order_id: OrderId,
    redemption: RedemptionView,
    captured: int,
    held: list[Piece],
    member_book: Book,
) -> dict[str, int]:
    """A hold ends in exactly one posting: CAPTURE of what was used, VOID of the rest."""
    ids: dict[str, Any] = {"redemption_id": redemption.redemption_id, "order_id": order_id}
    member_book.capture(held, captured, **ids)
    rest = sum(piece.points for piece in held) - captured
    if rest:
        member_book.void(_last_of(held, rest), grace_days=_terms(session, context, redemption).grace_days, **ids)
    redemptions.end(
        session, context.merchant_id, redemption.redemption_id, state="captured", reason="order", now=context.now
    )
    return {"captured": captured, "voided": rest} if rest else {"captured": captured}


def _void_hold(
    session: Session,
    context: Settling,
    order_id: OrderId,
    redemption: RedemptionView,
    held: list[Piece],
    member_book: Book,
) -> dict[str, int]:
    grace_days = _terms(session, context, redemption).grace_days
    member_book.void(held, redemption_id=redemption.redemption_id, order_id=order_id, grace_days=grace_days)
    redemptions.end(
        session, context.merchant_id, redemption.redemption_id, state="voided", reason="given_back", now=context.now
    )
    return {"voided": sum(piece.points for piece in held)}


def _code_is_dead(session: Session, context: Settling, redemption: RedemptionView) -> bool:
    """Where a code comes alive again when its order is cancelled, its death is asked for first; the points come back then."""
    if Capability.CANCEL_REVIVES_CODE not in context.capabilities or redemption.effect.actual == "dead":
        return True
    redemptions.want_dead(session, context.merchant_id, redemption.redemption_id, now=context.now)
    return False


def _terms(session: Session, context: Settling, redemption: RedemptionView) -> Terms:
    return programs.version(session, context.merchant_id, redemption.program_version_id).terms


def _used_elsewhere(transfers: list[Transfer], order_id: OrderId) -> bool:
    return any(t.kind in (Kind.CAPTURE, Kind.LATE_CAPTURE) and t.order_id != order_id for t in transfers)


def _last_of(pieces: list[Piece], points: int) -> list[Piece]:
    """The pieces, from the last on, that make up `points`, in their own order."""
    chosen: list[Piece] = []
    for piece in reversed(pieces):
        part = min(points, piece.points)
        if part:
            chosen.insert(0, Piece(piece.lot_id, part))
            points -= part
    return chosen
