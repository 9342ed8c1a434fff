"""One member's book in memory: earning, spending, time and postings. What goes back is in test_book_returns.py."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InsufficientPoints, LedgerCorrupt
from core.ledger.chain import posting_hash
from core.ledger.lots import Piece
from core.ledger.words import Account, Cause, Kind, LotState
from tests.core.books import DAY, NOW, book, earn, moves, post, sums

# -- earning


def test_points_with_a_window_wait_and_others_are_available_at_once() -> None:
    member = book()

    waiting = earn(member, 30, window=14)
    ready = earn(member, 12, days_ago=14, window=14)  # the window ended this very moment
    timeless = earn(member, 5, life=None)

    assert sums(member) == (30, 17, 0, 0)
    assert [lot.state for lot in (waiting, ready, timeless)] == [
        LotState.PENDING,
        LotState.AVAILABLE,
        LotState.AVAILABLE,
    ]
    assert (waiting.points, waiting.remaining, waiting.earned_at) == (30, 30, NOW)
    assert (waiting.matures_at, waiting.expires_at) == (NOW + 14 * DAY, NOW + 365 * DAY)
    assert (waiting.order_id, waiting.line_id, waiting.root_lot_id) == ("o", "L1", waiting.lot_id)
    assert moves(member.drafted) == [
        (Kind.EARN, Account.ISSUED, Account.PENDING, 30, waiting.lot_id),
        (Kind.EARN, Account.ISSUED, Account.AVAILABLE, 12, ready.lot_id),
        (Kind.EARN, Account.ISSUED, Account.AVAILABLE, 5, timeless.lot_id),
    ]
    assert {(t.order_id, t.line_id) for t in member.drafted} == {("o", "L1")}


def test_the_next_change_is_the_earliest_of_all_lots() -> None:
    member = book()
    assert member.next_change_at is None
    earn(member, 5, life=None)
    assert member.next_change_at is None
    earn(member, 5, life=30)
    earn(member, 5, window=14)

    assert member.next_change_at == NOW + 14 * DAY


# -- spending


def test_a_hold_eats_the_earliest_expiry_first_and_what_never_expires_last() -> None:
    member = book()
    never = earn(member, 10, life=None)
    late = earn(member, 10, life=60)
    soon_and_newer = earn(member, 10, life=30)
    soon_and_older = earn(member, 10, days_ago=5, life=35)
    post(member)

    member.hold(35, redemption_id="r")

    assert moves(member.drafted) == [
        (Kind.HOLD, Account.AVAILABLE, Account.HELD, 10, soon_and_older.lot_id),
        (Kind.HOLD, Account.AVAILABLE, Account.HELD, 10, soon_and_newer.lot_id),
        (Kind.HOLD, Account.AVAILABLE, Account.HELD, 10, late.lot_id),
        (Kind.HOLD, Account.AVAILABLE, Account.HELD, 5, never.lot_id),
    ]
    assert sums(member) == (0, 5, 35, 0)
    assert {t.redemption_id for t in member.drafted} == {"r"}


def test_all_points_can_be_held_but_not_one_more_and_a_refusal_changes_nothing() -> None:
    member = book()
    earn(member, 10)
    earn(member, 20, window=14)
    post(member)

    with pytest.raises(InsufficientPoints) as refused:
        member.hold(11, redemption_id="r")
    assert refused.value.available == 10
    assert (sums(member), member.drafted) == ((20, 10, 0, 0), [])
    member.hold(9, redemption_id="r")
    member.hold(1, redemption_id="s")  # the very last point is one like any other
    assert sums(member) == (20, 0, 10, 0)
    assert [t.points for t in member.drafted] == [9, 1]


def test_a_hold_ends_by_capture_of_its_first_pieces_and_void_of_the_rest() -> None:
    member = book()
    first, second = earn(member, 10, life=30), earn(member, 10, life=60)
    member.hold(15, redemption_id="r")
    post(member)

    member.capture([Piece(first.lot_id, 10), Piece(second.lot_id, 5)], 12, redemption_id="r", order_id="o")
    member.void([Piece(second.lot_id, 3)], redemption_id="r", order_id="o", grace_days=14)

    assert moves(member.drafted) == [
        (Kind.CAPTURE, Account.HELD, Account.REDEEMED, 10, first.lot_id),
        (Kind.CAPTURE, Account.HELD, Account.REDEEMED, 2, second.lot_id),
        (Kind.VOID, Account.HELD, Account.AVAILABLE, 3, second.lot_id),
    ]
    assert {(t.redemption_id, t.order_id) for t in member.drafted} == {("r", "o")}
    assert sums(member) == (0, 8, 0, 0)


def test_a_late_capture_takes_what_is_there_and_owes_the_rest() -> None:
    member = book()
    lot = earn(member, 10)
    post(member)

    member.late_capture(10, redemption_id="r", order_id="o")
    assert moves(member.drafted) == [(Kind.LATE_CAPTURE, Account.AVAILABLE, Account.REDEEMED, 10, lot.lot_id)]
    post(member, "2")
    member.late_capture(7, redemption_id="s", order_id="p")

    assert moves(member.drafted) == [(Kind.LATE_CAPTURE, Account.DEBT, Account.REDEEMED, 7, None)]
    assert [(t.redemption_id, t.order_id) for t in member.drafted] == [("s", "p")]
    assert sums(member) == (0, 0, 0, -7)


def test_a_late_capture_of_more_than_there_is_takes_from_lots_and_debt() -> None:
    member = book()
    lot = earn(member, 10)
    post(member)

    member.late_capture(15, redemption_id="r", order_id="o")

    assert moves(member.drafted) == [
        (Kind.LATE_CAPTURE, Account.AVAILABLE, Account.REDEEMED, 10, lot.lot_id),
        (Kind.LATE_CAPTURE, Account.DEBT, Account.REDEEMED, 5, None),
    ]
    assert {(t.redemption_id, t.order_id) for t in member.drafted} == {("r", "o")}


def test_what_was_captured_without_its_order_becomes_that_orders_and_the_sums_stay() -> None:
    member = book()
    lot = earn(member, 10)
    member.hold(8, redemption_id="r")
    member.capture([Piece(lot.lot_id, 8)], 8, redemption_id="r", order_id=None)
    post(member)

    member.assign([Piece(lot.lot_id, 8)], redemption_id="r", order_id="o")

    assert moves(member.drafted) == [
        (Kind.REINSTATE, Account.REDEEMED, Account.AVAILABLE, 8, lot.lot_id),
        (Kind.LATE_CAPTURE, Account.AVAILABLE, Account.REDEEMED, 8, lot.lot_id),
    ]
    assert [(t.redemption_id, t.order_id) for t in member.drafted] == [("r", None), ("r", "o")]
    assert sums(member) == (0, 2, 0, 0)


# -- time


def test_what_is_due_is_booked_lot_by_lot_at_its_own_instant() -> None:
    member = book()
    ripe = earn(member, 10, days_ago=20, window=14)
    ripe_too = earn(member, 5, days_ago=0, window=3, order="p")
    member.now -= 30 * DAY
    pending = earn(member, 7, window=14, life=25)
    waiting = earn(member, 3, window=60)
    post(member)
    member.now += 30 * DAY
    assert ripe.state is LotState.AVAILABLE
    member.postings.clear()

    member.book_due()

    assert [(p.idempotency_key, p.cause, p.effective_at) for p in member.postings] == [
        (f"mature:{pending.lot_id}", Cause.MATURED, NOW - 16 * DAY),
        (f"expire:{pending.lot_id}", Cause.EXPIRED, NOW - 5 * DAY),
    ]
    assert [moves(p.transfers) for p in member.postings] == [
        [(Kind.MATURE, Account.PENDING, Account.AVAILABLE, 7, pending.lot_id)],
        [(Kind.EXPIRE, Account.AVAILABLE, Account.EXPIRED, 7, pending.lot_id)],
    ]
    assert [p.explanation for p in member.postings] == [{}, {}]
    assert member.postings[0].transfers[0].order_id == "o"
    assert (ripe_too.state, waiting.state) == (LotState.PENDING, LotState.PENDING)
    assert (pending.state, pending.expired) == (LotState.AVAILABLE, 7)
    member.book_due()
    assert len(member.postings) == 2


def test_points_that_ripen_pay_a_debt_first_and_then_there_is_nothing_to_expire() -> None:
    member = book()
    lot = earn(member, 10, window=3, life=5, order="p")
    later = earn(member, 4, life=6, window=4, order="q")
    member.late_capture(12, redemption_id="r", order_id="o")
    post(member)
    member.postings.clear()
    member.now += 9 * DAY

    member.book_due()

    assert [p.idempotency_key for p in member.postings] == [
        f"mature:{lot.lot_id}",
        f"mature:{later.lot_id}",
        f"expire:{later.lot_id}",
    ]
    assert moves(member.postings[0].transfers) == [
        (Kind.MATURE, Account.PENDING, Account.AVAILABLE, 10, lot.lot_id),
        (Kind.SETTLE, Account.AVAILABLE, Account.DEBT, 10, lot.lot_id),
    ]
    assert member.postings[2].transfers[0].points == 2
    assert sums(member) == (0, 0, 0, 0)


# -- posting


def test_what_is_owed_is_paid_from_the_lots_just_credited_then_from_those_that_expire_first() -> None:
    member = book()
    late, soon = earn(member, 10, life=60), earn(member, 10, life=30)
    never_credited_pending = earn(member, 50, window=14)
    post(member)
    member.balance.debt = -24  # as no posting leaves it: what was there before is taken all the same
    member.hold(1, redemption_id="r")
    credited = earn(member, 5, life=90)
    waiting = earn(member, 9, window=3)

    posting = post(member, "2")

    assert moves(posting.transfers[3:]) == [
        (Kind.SETTLE, Account.AVAILABLE, Account.DEBT, 5, credited.lot_id),
        (Kind.SETTLE, Account.AVAILABLE, Account.DEBT, 9, soon.lot_id),
        (Kind.SETTLE, Account.AVAILABLE, Account.DEBT, 10, late.lot_id),
    ]
    assert (never_credited_pending.remaining, waiting.remaining) == (50, 9)
    assert sums(member) == (59, 0, 1, 0)


def test_nothing_moved_is_nothing_posted() -> None:
    member = book()

    assert member.post("key", Cause.ORDER_SETTLED, {}) is None
    assert (member.postings, member.balance.seq) == ([], 0)


def test_postings_are_numbered_without_gaps_and_chained_by_hash() -> None:
    member = book()
    lot = earn(member, 10)
    first = member.post("one", Cause.ORDER_SETTLED, {"a": 1}, effective_at=NOW - DAY, request_hash="q", note_hmac="n")
    member.hold(4, redemption_id="r")
    second = member.post("two", Cause.REDEMPTION_PLACED, {}, reverses_posting_id="p0")

    assert first is not None
    assert second is not None
    assert (first.seq, second.seq, member.balance.seq) == (1, 2, 2)
    assert (first.previous_hash, second.previous_hash, member.balance.head) == ("", first.hash, second.hash)
    assert first.hash == posting_hash(first, [lot])
    assert second.hash == posting_hash(second, [])
    assert (first.idempotency_key, first.cause, first.explanation) == ("one", Cause.ORDER_SETTLED, {"a": 1})
    assert (first.effective_at, first.recorded_at, second.effective_at) == (NOW - DAY, NOW, NOW)
    assert (first.request_hash, first.note_hmac, first.reverses_posting_id) == ("q", "n", None)
    assert (second.request_hash, second.note_hmac, second.reverses_posting_id) == (None, None, "p0")
    assert first.posting_id == lot.posting_id != second.posting_id
    assert len({t.transfer_id for p in member.postings for t in p.transfers}) == 2
    assert member.postings == [first, second]
    assert member.drafted == []
    assert (member.made, member.touched) == ({lot.lot_id}, {lot.lot_id})


def test_the_time_of_recording_never_goes_back_whatever_the_clock_does() -> None:
    member = book()
    earn(member, 10)
    post(member)
    member.now = NOW - 3 * DAY
    member.hold(1, redemption_id="r")
    turned_back = post(member, "2")
    member.now = NOW + DAY
    member.hold(1, redemption_id="s")

    assert (turned_back.recorded_at, turned_back.effective_at) == (NOW, NOW)
    assert post(member, "3").recorded_at == NOW + DAY
    assert member.balance.recorded_at == NOW + DAY


@pytest.mark.parametrize("points", [0, -1])
def test_a_transfer_moves_a_positive_number_of_points(points: int) -> None:
    with pytest.raises(LedgerCorrupt):
        earn(book(), points)
    earn(book(), 1)


ACTIONS = st.tuples(
    st.sampled_from(["earn", "pending", "hold", "late", "claw", "up", "down", "wait"]), st.integers(1, 40)
)


@given(st.lists(ACTIONS, max_size=25))
def test_whatever_happens_the_three_equations_hold_and_debt_and_points_never_stand_side_by_side(
    actions: list[tuple[str, int]],
) -> None:
    member = book()

    for number, (action, points) in enumerate(actions):
        try:
            match action:
                case "earn":
                    earn(member, points, life=points)
                case "pending":
                    earn(member, points, window=points % 9 + 1, life=points)
                case "hold":
                    member.hold(points, redemption_id="r")
                case "late":
                    member.late_capture(points, redemption_id="r", order_id="o")
                case "claw":
                    member.clawback(points, order_id="o", line_id="L1")
                case "up":
                    member.adjust_up(points, expires_at=None)
                case "down":
                    member.adjust_down(points)
                case "wait":
                    member.now += points * DAY
                    member.book_due()
        except InsufficientPoints:
            continue
        member.post(str(number), Cause.ADJUSTED, {})
        pending, available, _, debt = sums(member)
        open_points = Counter[LotState]()
        for lot in member.lots.values():
            open_points[lot.state] += lot.remaining
        assert (open_points[LotState.PENDING], open_points[LotState.AVAILABLE]) == (pending, available)
        assert debt == 0 or available == 0
        assert debt <= 0
