"""What goes back: clawbacks, reinstatements, voids after expiry, corrections by hand, each from and to the right place."""

from datetime import datetime, timedelta

import pytest

from core.errors import InsufficientPoints, LedgerCorrupt
from core.ledger.book import Book
from core.ledger.lots import Lot, Piece, Transfer
from core.ledger.words import Account, Kind, LotState
from tests.core.books import DAY, NOW, book, earn, moves, post, sums

# -- taking back


def test_a_clawback_goes_own_lots_own_expired_newest_available_newest_pending_debt() -> None:
    member = book()
    own_old = earn(member, 10, days_ago=400, life=365)
    own_new = earn(member, 10, days_ago=3)
    old = earn(member, 10, days_ago=9, order="other")
    new = earn(member, 10, days_ago=1, order="other")
    pending_old = earn(member, 10, days_ago=8, window=14, order="other")
    pending_new = earn(member, 10, days_ago=2, window=14, order="other")
    same_order_other_line = earn(member, 10, days_ago=5, line="L2")
    post(member)
    member.book_due()  # own_old is over
    assert own_old.expired == 10

    member.clawback(75, order_id="o", line_id="L1")

    assert moves(member.drafted) == [
        (Kind.CLAWBACK, Account.AVAILABLE, Account.ISSUED, 10, own_new.lot_id),
        (Kind.CLAWBACK, Account.EXPIRED, Account.ISSUED, 10, own_old.lot_id),
        (Kind.CLAWBACK, Account.AVAILABLE, Account.ISSUED, 10, new.lot_id),
        (Kind.CLAWBACK, Account.AVAILABLE, Account.ISSUED, 10, same_order_other_line.lot_id),
        (Kind.CLAWBACK, Account.AVAILABLE, Account.ISSUED, 10, old.lot_id),
        (Kind.CLAWBACK, Account.PENDING, Account.ISSUED, 10, pending_new.lot_id),
        (Kind.CLAWBACK, Account.PENDING, Account.ISSUED, 10, pending_old.lot_id),
        (Kind.CLAWBACK, Account.DEBT, Account.ISSUED, 5, None),
    ]
    assert {(t.order_id, t.line_id) for t in member.drafted} == {("o", "L1")}
    assert sums(member) == (0, 0, 0, -5)
    assert own_old.expired == 0


def test_a_clawback_stops_when_it_has_enough() -> None:
    member = book()
    pending = earn(member, 10, window=14)
    over = earn(member, 10, days_ago=400)
    other = earn(member, 10, order="other")
    post(member)
    member.book_due()

    member.clawback(14, order_id="o", line_id="L1")

    assert moves(member.drafted) == [
        (Kind.CLAWBACK, Account.PENDING, Account.ISSUED, 10, pending.lot_id),
        (Kind.CLAWBACK, Account.EXPIRED, Account.ISSUED, 4, over.lot_id),
    ]
    assert (over.expired, other.remaining) == (6, 10)


def test_held_points_are_never_clawed_back() -> None:
    member = book()
    earn(member, 10)
    member.hold(8, redemption_id="r")
    post(member)

    member.clawback(10, order_id="o", line_id="L1")
    post(member, "2")

    assert sums(member) == (0, 0, 8, -8)


# -- giving back


def test_what_is_reinstated_goes_back_in_reverse_order_of_taking() -> None:
    member = book()
    first, second = earn(member, 10, life=30), earn(member, 10, life=60)
    member.hold(20, redemption_id="r")
    pieces = [Piece(first.lot_id, 10), Piece(second.lot_id, 10)]
    member.capture(pieces, 20, redemption_id="r", order_id="o")
    post(member)

    member.reinstate(pieces, 14, redemption_id="r", order_id="o", grace_until=NOW + DAY, fresh_expiry=None)

    assert moves(member.drafted) == [
        (Kind.REINSTATE, Account.REDEEMED, Account.AVAILABLE, 10, second.lot_id),
        (Kind.REINSTATE, Account.REDEEMED, Account.AVAILABLE, 4, first.lot_id),
    ]
    assert {(t.redemption_id, t.order_id) for t in member.drafted} == {("r", "o")}


def test_what_had_become_debt_goes_back_to_debt_and_the_rest_to_a_fresh_lot() -> None:
    member = book()
    member.late_capture(10, redemption_id="r", order_id="o")
    post(member)
    earn(member, 7)
    post(member, "2")
    assert sums(member) == (0, 0, 0, -3)

    fresh = NOW + 90 * DAY
    member.reinstate([Piece(None, 10)], 10, redemption_id="r", order_id="o", grace_until=NOW + DAY, fresh_expiry=fresh)

    (made,) = [lot for lot in member.lots.values() if lot.expires_at == fresh]
    assert moves(member.drafted) == [
        (Kind.REINSTATE, Account.REDEEMED, Account.DEBT, 3, None),
        (Kind.REINSTATE, Account.REDEEMED, Account.AVAILABLE, 7, made.lot_id),
    ]
    assert {(t.redemption_id, t.order_id) for t in member.drafted} == {("r", "o")}
    assert (made.points, made.remaining, made.earned_at, made.matures_at) == (7, 7, NOW, None)
    assert (made.state, sums(member)) == (LotState.AVAILABLE, (0, 7, 0, 0))


def test_debt_that_is_still_owed_takes_all_of_it_and_goes_on_with_the_next_piece() -> None:
    member = book()
    lot = earn(member, 5)
    member.late_capture(15, redemption_id="r", order_id="o")
    post(member)

    pieces = [Piece(lot.lot_id, 5), Piece(None, 10)]
    member.reinstate(pieces, 15, redemption_id="r", order_id="o", grace_until=None, fresh_expiry=None)

    assert moves(member.drafted) == [
        (Kind.REINSTATE, Account.REDEEMED, Account.DEBT, 10, None),
        (Kind.REINSTATE, Account.REDEEMED, Account.AVAILABLE, 5, lot.lot_id),
    ]
    assert sums(member) == (0, 5, 0, 0)


def redeemed(life: int, points: int = 10) -> tuple[Book, Lot]:
    """A member whose one lot, good for so many days, is held and captured; then ten days pass."""
    member = book()
    lot = earn(member, points, life=life)
    member.hold(points, redemption_id="r")
    member.capture([Piece(lot.lot_id, points)], points, redemption_id="r", order_id="o")
    post(member)
    member.touched.clear()  # as after it was stored
    member.now += 10 * DAY
    return member, lot


def give_back(member: Book, lot: Lot, points: int, grace_until: datetime | None) -> list[Transfer]:
    pieces = [Piece(lot.lot_id, points)]
    member.reinstate(pieces, points, redemption_id="r", order_id="o", grace_until=grace_until, fresh_expiry=None)
    return member.drafted


@pytest.mark.parametrize(("life", "is_good"), [(11, True), (10, False), (9, False)])
def test_points_go_home_to_a_lot_that_is_good_and_to_a_child_of_one_that_is_over(life: int, is_good: bool) -> None:
    member, lot = redeemed(life)

    (transfer,) = give_back(member, lot, 10, member.now + 14 * DAY)

    assert (transfer.lot_id == lot.lot_id) is is_good
    home = member.lots[str(transfer.lot_id)]
    assert (home.root_lot_id, home.remaining) == (lot.lot_id, 10)
    assert lot.grace_until == (None if is_good else member.now + 14 * DAY)
    if not is_good:
        assert (home.points, home.expires_at, home.earned_at) == (10, lot.grace_until, lot.earned_at)
        assert (home.order_id, home.line_id, home.matures_at, home.state) == ("o", "L1", None, LotState.AVAILABLE)
        assert member.touched == {lot.lot_id, home.lot_id}, "the deadline on the root is stored as well"


def test_a_lot_without_expiry_is_always_good() -> None:
    member = book()
    lot = earn(member, 10, life=None)
    member.hold(10, redemption_id="r")
    post(member)
    member.now += 4000 * DAY

    member.void([Piece(lot.lot_id, 10)], redemption_id="r", order_id=None, grace_days=14)

    assert moves(member.drafted) == [(Kind.VOID, Account.HELD, Account.AVAILABLE, 10, lot.lot_id)]
    assert lot.grace_until is None


def test_the_grace_of_a_root_lot_is_given_once_also_to_its_children() -> None:
    member, lot = redeemed(life=9)
    deadline = member.now + 14 * DAY
    (first,) = give_back(member, lot, 6, deadline)
    post(member, "2")
    child = member.lots[str(first.lot_id)]
    member.hold(6, redemption_id="s")
    post(member, "3")
    member.now = deadline - timedelta(microseconds=1)

    (second,) = give_back(member, lot, 4, member.now + 99 * DAY)
    grandchild = member.lots[str(second.lot_id)]
    post(member, "4")
    member.now = deadline
    member.void([Piece(child.lot_id, 6)], redemption_id="s", order_id=None, grace_days=99)

    assert (grandchild.expires_at, grandchild.root_lot_id) == (deadline, lot.lot_id)
    assert lot.grace_until == deadline
    assert moves(member.drafted) == [
        (Kind.VOID, Account.HELD, Account.AVAILABLE, 6, child.lot_id),
        (Kind.EXPIRE, Account.AVAILABLE, Account.EXPIRED, 6, child.lot_id),
    ]


@pytest.mark.parametrize("grace_until", [None, NOW + 10 * DAY])
def test_without_grace_what_comes_back_to_an_expired_lot_expires_at_once(grace_until: datetime | None) -> None:
    member, lot = redeemed(life=9)

    transfers = give_back(member, lot, 10, grace_until)

    assert moves(transfers) == [
        (Kind.REINSTATE, Account.REDEEMED, Account.AVAILABLE, 10, lot.lot_id),
        (Kind.EXPIRE, Account.AVAILABLE, Account.EXPIRED, 10, lot.lot_id),
    ]
    assert (lot.remaining, lot.expired, sums(member)) == (0, 10, (0, 0, 0, 0))


def test_a_void_counts_its_grace_from_the_expiry_of_the_root_lot() -> None:
    member = book()
    lot = earn(member, 10, life=9)
    member.hold(10, redemption_id="r")
    post(member)
    member.now += 10 * DAY

    member.void([Piece(lot.lot_id, 10)], redemption_id="r", order_id=None, grace_days=14)

    assert lot.grace_until == NOW + 23 * DAY


def test_a_lot_that_was_not_loaded_is_no_place_for_points() -> None:
    for lot_id in ("unknown", None):
        with pytest.raises(LedgerCorrupt):
            book().capture([Piece(lot_id, 1)], 1, redemption_id="r", order_id=None)


# -- by hand


def test_staff_give_points_with_a_date_and_take_the_earliest_expiry_first() -> None:
    member = book()
    member.adjust_up(10, expires_at=NOW + 9 * DAY)
    member.adjust_up(10, expires_at=NOW + 5 * DAY)
    late, soon = member.lots.values()
    assert (late.points, late.earned_at, late.expires_at, late.matures_at) == (10, NOW, NOW + 9 * DAY, None)
    assert late.state is LotState.AVAILABLE
    post(member)

    member.adjust_down(13)

    assert moves(member.drafted) == [
        (Kind.ADJUST, Account.AVAILABLE, Account.ADJUSTED, 10, soon.lot_id),
        (Kind.ADJUST, Account.AVAILABLE, Account.ADJUSTED, 3, late.lot_id),
    ]
    with pytest.raises(InsufficientPoints):
        member.adjust_down(8)


def test_an_adjustment_is_reversed_from_what_is_left_of_its_lots() -> None:
    member = book()
    member.adjust_up(10, expires_at=None)
    (lot,) = member.lots.values()
    given = post(member)
    member.hold(4, redemption_id="r")
    post(member, "2")

    assert member.reverse(given.transfers, grace_until=None) == 6
    assert moves(member.drafted) == [(Kind.REVERSE, Account.AVAILABLE, Account.ADJUSTED, 6, lot.lot_id)]
    post(member, "3")
    assert member.reverse(given.transfers, grace_until=None) == 0
    assert member.drafted == []


def test_a_bonus_that_is_still_pending_is_reversed_from_pending() -> None:
    member = book()
    lot = earn(member, 10, window=14)
    other = earn(member, 5)
    given = post(member)

    assert member.reverse(given.transfers, grace_until=None) == 15
    assert moves(member.drafted) == [
        (Kind.REVERSE, Account.PENDING, Account.ISSUED, 10, lot.lot_id),
        (Kind.REVERSE, Account.AVAILABLE, Account.ISSUED, 5, other.lot_id),
    ]


def test_points_taken_by_hand_come_back_to_their_lots_while_those_are_good() -> None:
    member = book()
    good, over = earn(member, 10, life=90), earn(member, 10, life=5)
    post(member)
    member.adjust_down(13)
    taken = post(member, "2")
    member.now += 6 * DAY
    member.book_due()

    assert member.reverse(taken.transfers, grace_until=None) == 13
    assert moves(member.drafted) == [
        (Kind.REVERSE, Account.ADJUSTED, Account.AVAILABLE, 10, over.lot_id),
        (Kind.EXPIRE, Account.AVAILABLE, Account.EXPIRED, 10, over.lot_id),
        (Kind.REVERSE, Account.ADJUSTED, Account.AVAILABLE, 3, good.lot_id),
    ]


def test_points_taken_by_hand_come_back_to_an_expired_lot_with_a_grace() -> None:
    member = book()
    lot = earn(member, 10, life=5)
    member.adjust_down(10)
    taken = post(member)
    member.now += 6 * DAY
    deadline = member.now + 14 * DAY

    assert member.reverse(taken.transfers[1:], grace_until=deadline) == 10
    (transfer,) = member.drafted
    child = member.lots[str(transfer.lot_id)]
    assert (child.points, child.remaining, child.expires_at, child.root_lot_id) == (10, 10, deadline, lot.lot_id)
    assert moves(member.drafted) == [(Kind.REVERSE, Account.ADJUSTED, Account.AVAILABLE, 10, child.lot_id)]


def test_only_adjustments_and_earnings_are_reversed() -> None:
    member = book()
    earn(member, 10)
    post(member)
    member.clawback(12, order_id="o", line_id="L1")
    clawed = post(member, "2")
    member.adjust_up(12, expires_at=None)
    given = post(member, "3")  # ADJUST, and the SETTLE of what was owed
    assert [t.kind for t in given.transfers] == [Kind.ADJUST, Kind.SETTLE]

    assert member.reverse(clawed.transfers, grace_until=None) == 0
    assert member.reverse([*clawed.transfers, *given.transfers], grace_until=None) == 10
