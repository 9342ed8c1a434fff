"""The values of the book: lots, balances, transfers, postings, and how one transfer changes them. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.errors import LedgerCorrupt
from core.ledger.words import Account, Cause, Kind, LotState

ANCIENT = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class Lot:
    """What is left of one credit. `expired`: went to EXPIRED and was not clawed back from there."""

    lot_id: str
    state: LotState
    points: int
    remaining: int
    earned_at: datetime
    matures_at: datetime | None
    expires_at: datetime | None
    order_id: str | None
    line_id: str | None
    root_lot_id: str
    posting_id: str
    expired: int = 0
    grace_until: datetime | None = None

    @property
    def next_change_at(self) -> datetime | None:
        if self.remaining == 0:
            return None
        return self.matures_at if self.state is LotState.PENDING else self.expires_at


@dataclass(slots=True)
class Balance:
    pending: int = 0
    available: int = 0
    held: int = 0
    debt: int = 0
    seq: int = 0
    head: str = ""
    recorded_at: datetime | None = None

    @property
    def outstanding(self) -> int:
        return self.pending + self.available + self.held + self.debt


@dataclass(frozen=True, slots=True)
class Transfer:
    transfer_id: str
    kind: Kind
    debit: Account
    credit: Account
    points: int
    lot_id: str | None
    order_id: str | None
    line_id: str | None
    redemption_id: str | None


@dataclass(frozen=True, slots=True)
class Posting:
    posting_id: str
    seq: int
    idempotency_key: str
    cause: Cause
    explanation: dict[str, Any]
    effective_at: datetime
    recorded_at: datetime
    previous_hash: str
    hash: str
    transfers: tuple[Transfer, ...]
    request_hash: str | None = None
    note_hmac: str | None = None
    reverses_posting_id: str | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """Points taken from one lot, or from DEBT where `lot_id` is None."""

    lot_id: str | None
    points: int


def apply_to_balance(balance: Balance, debit: Account, credit: Account, points: int) -> None:
    for account, change in ((debit, -points), (credit, points)):
        match account:
            case Account.PENDING:
                balance.pending += change
            case Account.AVAILABLE:
                balance.available += change
            case Account.HELD:
                balance.held += change
            case Account.DEBT:
                balance.debt += change


def apply_to_lot(lot: Lot, debit: Account, credit: Account, points: int) -> None:
    """A lot holds what is pending or available of it; what is held, redeemed or clawed back has left it."""
    inside = (Account.PENDING, Account.AVAILABLE)
    lot.remaining += points * ((credit in inside) - (debit in inside))
    lot.expired += points * ((credit is Account.EXPIRED) - (debit is Account.EXPIRED))
    if lot.remaining < 0 or lot.expired < 0 or lot.remaining > lot.points:
        raise LedgerCorrupt(f"lot {lot.lot_id} would hold {lot.remaining} of {lot.points}")


def due(lots: Iterable[Lot], now: datetime) -> list[tuple[datetime, Lot]]:
    """What time alone changes by `now`, in order: each pending lot that matures, then each open lot that expires.

    A lot that matures and expires stands twice; its second entry is never before its first.
    """
    events: list[tuple[datetime, int, Lot]] = []
    for lot in lots:
        if lot.remaining == 0:
            continue
        ready = ANCIENT
        if lot.state is LotState.PENDING:
            ready = lot.matures_at or ANCIENT
            if ready > now:
                continue
            events.append((ready, 0, lot))
        if lot.expires_at is not None and lot.expires_at <= now:
            events.append((max(ready, lot.expires_at), 1, lot))
    events.sort(key=lambda event: (event[0], event[1], identity(event[2])))
    return [(at, lot) for at, _, lot in events]


def first_of(pieces: Sequence[Piece], points: int) -> list[Piece]:
    """The pieces, from the first on, that make up `points`; the last one may be cut. Raises LedgerCorrupt if they do not suffice."""
    taken, left = [], points
    for piece in pieces:
        part = min(left, piece.points)
        if part:
            taken.append(Piece(piece.lot_id, part))
            left -= part
    if left:
        raise LedgerCorrupt(f"{left} points more than there are")
    return taken


def identity(lot: Lot) -> tuple[str, str, str]:
    """A tie-break that does not read a time from an id: the order, then the line."""
    return (lot.order_id or "", lot.line_id or "", lot.lot_id)
