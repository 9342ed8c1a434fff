"""A member's book to try moves on, and ways to say what happened in it."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from core.ledger.book import Book
from core.ledger.lots import Balance, Lot, Posting, Transfer
from core.ledger.words import Account, Cause, Kind

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)
Move = tuple[Kind, Account, Account, int, str | None]


def book() -> Book:
    return Book("m", Balance(), {}, NOW)


def sums(member: Book) -> tuple[int, int, int, int]:
    """Pending, available, held, debt."""
    balance = member.balance
    return (balance.pending, balance.available, balance.held, balance.debt)


def earn(
    member: Book,
    points: int,
    *,
    days_ago: int = 0,
    window: int = 0,
    life: int | None = 365,
    order: str = "o",
    line: str = "L1",
) -> Lot:
    """A lot that was earned so many days ago. `window`, `life`: days from then."""
    at = member.now - days_ago * DAY
    before = set(member.lots)
    member.earn(
        points,
        earned_at=at,
        matures_at=at + window * DAY if window else None,
        expires_at=at + life * DAY if life is not None else None,
        order_id=order,
        line_id=line,
    )
    (lot_id,) = set(member.lots) - before
    return member.lots[lot_id]


def post(member: Book, key: str = "key") -> Posting:
    posting = member.post(key, Cause.ORDER_SETTLED, {})
    assert posting is not None
    return posting


def moves(transfers: Iterable[Transfer]) -> list[Move]:
    return [(t.kind, t.debit, t.credit, t.points, t.lot_id) for t in transfers]
