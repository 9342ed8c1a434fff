"""Lots and balances: what one transfer changes, what time changes, and that nothing impossible is written."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.errors import LedgerCorrupt
from core.ledger.lots import Balance, Lot, Piece, apply_to_balance, apply_to_lot, due, first_of, identity
from core.ledger.words import Account, LotState

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def lot(lot_id: str = "a", *, remaining: int = 100, pending: bool = False, **changes: object) -> Lot:
    made = Lot(
        lot_id=lot_id,
        state=LotState.PENDING if pending else LotState.AVAILABLE,
        points=100,
        remaining=remaining,
        earned_at=NOW,
        matures_at=None,
        expires_at=None,
        order_id=None,
        line_id=None,
        root_lot_id=lot_id,
        posting_id="p",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("debit", "credit", "after"),
    [
        (Account.ISSUED, Account.PENDING, (107, 200, 300, -400)),
        (Account.PENDING, Account.AVAILABLE, (93, 207, 300, -400)),
        (Account.AVAILABLE, Account.HELD, (100, 193, 307, -400)),
        (Account.HELD, Account.REDEEMED, (100, 200, 293, -400)),
        (Account.AVAILABLE, Account.DEBT, (100, 193, 300, -393)),
        (Account.DEBT, Account.ISSUED, (100, 200, 300, -407)),
        (Account.EXPIRED, Account.ISSUED, (100, 200, 300, -400)),
    ],
)
def test_a_transfer_changes_the_balances_of_both_its_accounts(
    debit: Account, credit: Account, after: tuple[int, int, int, int]
) -> None:
    balance = Balance(100, 200, 300, -400)

    apply_to_balance(balance, debit, credit, 7)

    assert (balance.pending, balance.available, balance.held, balance.debt) == after
    assert balance.outstanding == sum(after)


@pytest.mark.parametrize(
    ("debit", "credit", "remaining", "expired"),
    [
        (Account.ISSUED, Account.PENDING, 57, 20),
        (Account.ISSUED, Account.AVAILABLE, 57, 20),
        (Account.PENDING, Account.AVAILABLE, 50, 20),  # still in the lot
        (Account.AVAILABLE, Account.HELD, 43, 20),
        (Account.HELD, Account.AVAILABLE, 57, 20),
        (Account.HELD, Account.REDEEMED, 50, 20),
        (Account.PENDING, Account.ISSUED, 43, 20),
        (Account.AVAILABLE, Account.EXPIRED, 43, 27),
        (Account.EXPIRED, Account.ISSUED, 50, 13),
    ],
)
def test_a_lot_holds_what_is_pending_or_available_and_remembers_what_expired(
    debit: Account, credit: Account, remaining: int, expired: int
) -> None:
    changed = lot(remaining=50, expired=20)

    apply_to_lot(changed, debit, credit, 7)

    assert (changed.remaining, changed.expired) == (remaining, expired)


def test_a_lot_may_be_emptied_and_filled_but_not_beyond() -> None:
    whole = lot(remaining=50)
    apply_to_lot(whole, Account.AVAILABLE, Account.HELD, 50)
    apply_to_lot(whole, Account.HELD, Account.AVAILABLE, 100)
    apply_to_lot(whole, Account.AVAILABLE, Account.EXPIRED, 100)
    apply_to_lot(whole, Account.EXPIRED, Account.ISSUED, 100)
    assert (whole.remaining, whole.expired) == (0, 0)

    for debit, credit, points in (
        (Account.AVAILABLE, Account.HELD, 51),
        (Account.HELD, Account.AVAILABLE, 51),
        (Account.EXPIRED, Account.ISSUED, 1),
    ):
        with pytest.raises(LedgerCorrupt):
            apply_to_lot(lot(remaining=50), debit, credit, points)


def test_a_lot_changes_next_when_it_ripens_and_then_when_it_expires() -> None:
    dates = {"matures_at": NOW + DAY, "expires_at": NOW + 9 * DAY}

    assert lot(pending=True, **dates).next_change_at == NOW + DAY
    assert lot(**dates).next_change_at == NOW + 9 * DAY
    assert lot().next_change_at is None
    assert lot(remaining=0, **dates).next_change_at is None
    assert lot(remaining=1, **dates).next_change_at == NOW + 9 * DAY


def test_what_is_due_comes_in_the_order_of_its_instants() -> None:
    ripe = lot("ripe", pending=True, matures_at=NOW - 2 * DAY)
    over = lot("over", expires_at=NOW - 3 * DAY)
    both = lot("both", pending=True, matures_at=NOW - 5 * DAY, expires_at=NOW - DAY)
    unripe = lot("unripe", pending=True, matures_at=NOW + DAY, expires_at=NOW - DAY)
    good = lot("good", expires_at=NOW + DAY)
    empty = lot("empty", remaining=0, expires_at=NOW - DAY)

    found = due([empty, ripe, unripe, over, both, good], NOW)

    assert [(at, one.lot_id) for at, one in found] == [
        (NOW - 5 * DAY, "both"),
        (NOW - 3 * DAY, "over"),
        (NOW - 2 * DAY, "ripe"),
        (NOW - DAY, "both"),
    ]


def test_an_instant_is_reached_when_the_clock_shows_it() -> None:
    ripe, over = lot("ripe", pending=True, matures_at=NOW), lot("over", expires_at=NOW)

    assert [one.lot_id for _, one in due([ripe, over], NOW)] == ["ripe", "over"]
    assert due([ripe, over], NOW - timedelta(microseconds=1)) == []


def test_a_lot_that_expires_before_it_ripens_ripens_first_all_the_same() -> None:
    late = lot("late", pending=True, matures_at=NOW - DAY, expires_at=NOW - 2 * DAY)
    without_date = lot("without", remaining=1, pending=True, expires_at=NOW - 3 * DAY)

    found = due([late, without_date], NOW)

    assert [(at, one.lot_id) for at, one in found][1:] == [
        (NOW - 3 * DAY, "without"),
        (NOW - DAY, "late"),
        (NOW - DAY, "late"),
    ]
    assert found[0][1].lot_id == "without", "no date of ripening: ripe since ever"


def test_at_one_instant_ripening_comes_before_expiring_and_then_order_and_line_decide() -> None:
    over = lot("0", expires_at=NOW)
    second = lot("1", pending=True, matures_at=NOW, order_id="o2", line_id="l1")
    third = lot("2", pending=True, matures_at=NOW, order_id="o2", line_id="l2")
    first = lot("3", pending=True, matures_at=NOW, order_id="o1", line_id="l9")

    assert [one.lot_id for _, one in due([over, third, second, first], NOW)] == ["3", "1", "2", "0"]
    assert identity(lot("x")) == ("", "", "x")
    assert identity(first) == ("o1", "l9", "3")


def test_the_first_pieces_make_up_the_points_and_the_last_is_cut() -> None:
    pieces = [Piece("a", 30), Piece(None, 20), Piece("b", 5)]

    assert first_of(pieces, 55) == pieces
    assert first_of(pieces, 50) == pieces[:2]
    assert first_of(pieces, 31) == [Piece("a", 30), Piece(None, 1)]
    assert first_of(pieces, 1) == [Piece("a", 1)]
    assert first_of(pieces, 0) == []
    with pytest.raises(LedgerCorrupt):
        first_of(pieces, 56)
