"""Reads of the book: the balance now, at any past moment, and the postings that explain it. Reads never write."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from core.db import statements
from core.db.statements import Ask
from core.db.types import one_of, table
from core.errors import NotFound
from core.ids import MemberId, MerchantId, OrderId, PostingId, RedemptionId
from core.ledger.book import Book
from core.ledger.lots import Balance, Lot, Transfer, apply_to_balance
from core.ledger.rows import balance_from_row, lot_from_row, transfer_from_row
from core.ledger.tables import BalanceRow, LotRow, NoteRow, PostingRow, TransferRow
from core.ledger.words import Account, Cause, Kind, LotState

BALANCES, LOTS, POSTINGS, TRANSFERS, NOTES = (
    table(model) for model in (BalanceRow, LotRow, PostingRow, TransferRow, NoteRow)
)

# Built once: these run with every balance that is shown and every order that is settled.
_BALANCE = sa.select(BALANCES).where(
    BALANCES.c.merchant_id == sa.bindparam("of_merchant"), BALANCES.c.member_id == sa.bindparam("of_member")
)
_OPEN_LOTS = sa.select(LOTS).where(
    LOTS.c.merchant_id == sa.bindparam("of_merchant"),
    LOTS.c.member_id == sa.bindparam("of_member"),
    LOTS.c.remaining > 0,
)
# A look-up per transfer, of which there are few: for a join PostgreSQL may read all postings of the merchant.
_SEQ = (
    sa.select(POSTINGS.c.seq)
    .where(
        POSTINGS.c.merchant_id == TRANSFERS.c.merchant_id,
        POSTINGS.c.member_id == TRANSFERS.c.member_id,
        POSTINGS.c.posting_id == TRANSFERS.c.posting_id,
    )
    .scalar_subquery()
)
_TRANSFERS = sa.select(TRANSFERS, _SEQ.label("seq")).where(TRANSFERS.c.merchant_id == sa.bindparam("of_merchant"))
_OF_ORDER = _TRANSFERS.where(TRANSFERS.c.order_id == sa.bindparam("of_order"))
_OF_REDEMPTION = _TRANSFERS.where(TRANSFERS.c.redemption_id == sa.bindparam("of_redemption"))
_OF_REDEMPTIONS = _TRANSFERS.where(one_of(TRANSFERS.c.redemption_id, "of_redemptions"))


@dataclass(frozen=True)
class BalanceView:
    """Points of a member. `debt` is zero or negative. The two `next_` fields: when, and how many points."""

    pending: int
    available: int
    held: int
    debt: int
    seq: int
    next_matures: tuple[datetime, int] | None = None
    next_expires: tuple[datetime, int] | None = None

    @property
    def outstanding(self) -> int:
        return self.pending + self.available + self.held + self.debt


@dataclass(frozen=True)
class TimelineEntry:
    """One posting with what it did. `change` and `after`: of the four balances. `notes`: audience -> text, where not erased."""

    posting_id: PostingId
    seq: int
    cause: Cause
    explanation: dict[str, Any]
    effective_at: datetime
    recorded_at: datetime
    transfers: tuple[Transfer, ...]
    change: BalanceView
    after: BalanceView
    matures_at: datetime | None
    expires_at: datetime | None
    reverses_posting_id: PostingId | None
    reversed_by: PostingId | None
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def order_ids(self) -> tuple[OrderId, ...]:
        return tuple(dict.fromkeys(OrderId(t.order_id) for t in self.transfers if t.order_id))

    @property
    def redemption_ids(self) -> tuple[RedemptionId, ...]:
        return tuple(dict.fromkeys(RedemptionId(t.redemption_id) for t in self.transfers if t.redemption_id))

    def moved(self, *kinds: Kind) -> int:
        """The points that this posting moved by transfers of these kinds."""
        return sum(transfer.points for transfer in self.transfers if transfer.kind in kinds)


@dataclass(frozen=True)
class LotView:
    lot_id: str
    state: LotState
    points: int
    remaining: int
    earned_at: datetime
    matures_at: datetime | None
    expires_at: datetime | None
    order_id: OrderId | None
    line_id: str | None


@dataclass(frozen=True)
class Totals:
    """All points of a merchant, by where they came from and went. `outstanding` = issued + adjusted - redeemed - expired."""

    issued: int
    redeemed: int
    expired: int
    adjusted: int
    outstanding: int
    members_with_points: int


def balance_now(session: Session, merchant_id: MerchantId, member_id: MemberId, *, now: datetime) -> BalanceView:
    """What the member has at this moment: the stored row, plus what time has changed since. Raises NotFound."""
    row = statements.first(session, _BALANCE, {"of_merchant": merchant_id, "of_member": member_id})
    if row is None:
        raise NotFound("This member has no account")
    lots = [lot for lot in _open_lots(session, merchant_id, member_id)] if row.next_change_at is not None else []
    book = Book(member_id, balance_from_row(row), {lot.lot_id: lot for lot in lots}, now)
    book.book_due()
    return view_of(
        book.balance,
        next_matures=_next(lots, LotState.PENDING, lambda lot: lot.matures_at),
        next_expires=_next(lots, LotState.AVAILABLE, lambda lot: lot.expires_at),
    )


def as_of(
    session: Session, merchant_id: MerchantId, member_id: MemberId, *, at: datetime, recorded: bool = False
) -> BalanceView:
    """The balance at a past moment, from the transfers: by when they took effect, or (`recorded`) by when they were booked."""
    time = TRANSFERS.c.recorded_at if recorded else TRANSFERS.c.effective_at
    rows = session.connection().execute(
        sa.select(TRANSFERS.c.debit, TRANSFERS.c.credit, sa.func.sum(TRANSFERS.c.points))
        .where(TRANSFERS.c.merchant_id == merchant_id, TRANSFERS.c.member_id == member_id, time <= at)
        .group_by(TRANSFERS.c.debit, TRANSFERS.c.credit)
    )
    balance = Balance()
    for debit, credit, points in rows:
        apply_to_balance(balance, Account(debit), Account(credit), int(points))
    return view_of(balance)


def timeline(
    session: Session, merchant_id: MerchantId, member_id: MemberId, *, before_seq: int | None = None, limit: int = 50
) -> list[TimelineEntry]:
    """Postings, newest first, each with the balance after it. `before_seq`: continue behind that posting."""
    mine = (POSTINGS.c.merchant_id == merchant_id, POSTINGS.c.member_id == member_id)
    statement = sa.select(POSTINGS).where(*mine).order_by(POSTINGS.c.seq.desc()).limit(limit)
    if before_seq is not None:
        statement = statement.where(POSTINGS.c.seq < before_seq)
    rows = list(session.connection().execute(statement))
    if not rows:
        return []
    after = _balance_before(session, merchant_id, member_id, rows[0].seq + 1)
    return _entries(session, merchant_id, member_id, rows, after)


def find_posting(
    session: Session, merchant_id: MerchantId, member_id: MemberId, posting_id: PostingId
) -> TimelineEntry | None:
    row = (
        session.connection()
        .execute(
            sa.select(POSTINGS).where(
                POSTINGS.c.merchant_id == merchant_id,
                POSTINGS.c.member_id == member_id,
                POSTINGS.c.posting_id == posting_id,
            )
        )
        .first()
    )
    if row is None:
        return None
    return _entries(
        session, merchant_id, member_id, [row], _balance_before(session, merchant_id, member_id, row.seq + 1)
    )[0]


def causes_of(session: Session, merchant_id: MerchantId, member_id: MemberId) -> set[Cause]:
    """Everything that ever moved points of a member."""
    asked = sa.select(POSTINGS.c.cause).distinct()
    asked = asked.where(POSTINGS.c.merchant_id == merchant_id, POSTINGS.c.member_id == member_id)
    return {Cause(cause) for cause in session.connection().execute(asked).scalars()}


def transfers_of_order(session: Session, merchant_id: MerchantId, order_id: OrderId) -> list[tuple[MemberId, Transfer]]:
    """All that an order moved, for whichever member, in booking order per member."""
    rows = statements.rows(session, _OF_ORDER, {"of_merchant": merchant_id, "of_order": order_id})
    return [(MemberId(row.member_id), transfer_from_row(row)) for row in in_booking_order(rows)]


def transfers_of_redemptions(
    session: Session, merchant_id: MerchantId, redemption_ids: Iterable[RedemptionId]
) -> dict[RedemptionId, list[Transfer]]:
    """All that these redemptions moved, in booking order."""
    ids = list(redemption_ids)
    found: dict[RedemptionId, list[Transfer]] = {redemption_id: [] for redemption_id in ids}
    parameters = {"of_merchant": merchant_id, "of_redemptions": ids}
    for row in in_booking_order(statements.rows(session, _OF_REDEMPTIONS, parameters)) if ids else ():
        found[RedemptionId(row.redemption_id)].append(transfer_from_row(row))
    return found


def redemption_asked(merchant_id: MerchantId, redemption_id: RedemptionId) -> Ask:
    """The question for all that one redemption moved, to be asked together with others; sort by `in_booking_order`."""
    return _OF_REDEMPTION, {"of_merchant": merchant_id, "of_redemption": redemption_id}


def in_booking_order(rows: Iterable[Any]) -> list[Any]:
    """Rows of transfers, per member as they were booked. A database told to sort would rather read the whole book in order."""
    return sorted(rows, key=lambda row: (row.member_id, row.seq, row.position))


def open_lots(session: Session, merchant_id: MerchantId, member_id: MemberId) -> list[LotView]:
    """What is left, earliest change first."""
    lots = sorted(
        _open_lots(session, merchant_id, member_id), key=lambda lot: (lot.next_change_at is None, lot.next_change_at)
    )
    return [
        LotView(
            lot.lot_id,
            lot.state,
            lot.points,
            lot.remaining,
            lot.earned_at,
            lot.matures_at,
            lot.expires_at,
            OrderId(lot.order_id) if lot.order_id else None,
            lot.line_id,
        )
        for lot in lots
    ]


def totals(session: Session, merchant_id: MerchantId) -> Totals:
    """Sums over the whole book, made on demand: there is no program-wide balance row to fight over."""
    rows = session.connection().execute(
        sa.select(TRANSFERS.c.debit, TRANSFERS.c.credit, sa.func.sum(TRANSFERS.c.points))
        .where(TRANSFERS.c.merchant_id == merchant_id)
        .group_by(TRANSFERS.c.debit, TRANSFERS.c.credit)
    )
    net: dict[str, int] = defaultdict(int)
    for debit, credit, points in rows:
        net[debit] -= int(points)
        net[credit] += int(points)
    holders = session.connection().execute(
        sa.select(sa.func.count())
        .select_from(BALANCES)
        .where(
            BALANCES.c.merchant_id == merchant_id,
            (BALANCES.c.pending + BALANCES.c.available + BALANCES.c.held) > 0,
        )
    )
    return Totals(
        issued=-net[Account.ISSUED],
        redeemed=net[Account.REDEEMED],
        expired=net[Account.EXPIRED],
        adjusted=-net[Account.ADJUSTED],
        outstanding=sum(net[account] for account in (Account.PENDING, Account.AVAILABLE, Account.HELD, Account.DEBT)),
        members_with_points=int(holders.scalar_one()),
    )


def view_of(
    balance: Balance,
    *,
    next_matures: tuple[datetime, int] | None = None,
    next_expires: tuple[datetime, int] | None = None,
) -> BalanceView:
    return BalanceView(
        balance.pending, balance.available, balance.held, balance.debt, balance.seq, next_matures, next_expires
    )


def _entries(
    session: Session, merchant_id: MerchantId, member_id: MemberId, rows: list[Any], after: Balance
) -> list[TimelineEntry]:
    """Entries of consecutive postings, newest first, walking the balance back from `after` the newest."""
    ids = [row.posting_id for row in rows]
    transfers: dict[str, list[Transfer]] = defaultdict(list)
    for posting_id, transfer in _transfers_by_posting(session, merchant_id, member_id, ids):
        transfers[posting_id].append(transfer)
    lots = _lots_made_by(session, merchant_id, member_id, ids)
    notes = _notes(session, merchant_id, member_id, ids)
    reversed_by = _reversals(session, merchant_id, member_id, ids)
    entries = []
    for row in rows:
        change = Balance()
        for transfer in transfers[row.posting_id]:
            apply_to_balance(change, transfer.debit, transfer.credit, transfer.points)
        made = lots.get(row.posting_id, [])
        entries.append(
            TimelineEntry(
                posting_id=PostingId(row.posting_id),
                seq=row.seq,
                cause=Cause(row.cause),
                explanation=row.explanation,
                effective_at=row.effective_at,
                recorded_at=row.recorded_at,
                transfers=tuple(transfers[row.posting_id]),
                change=view_of(change),
                after=view_of(after),
                matures_at=min((lot.matures_at for lot in made if lot.matures_at), default=None),
                expires_at=min((lot.expires_at for lot in made if lot.expires_at), default=None),
                reverses_posting_id=PostingId(row.reverses_posting_id) if row.reverses_posting_id else None,
                reversed_by=reversed_by.get(row.posting_id),
                notes=notes[row.posting_id],
            )
        )
        after = Balance(
            after.pending - change.pending,
            after.available - change.available,
            after.held - change.held,
            after.debt - change.debt,
            row.seq - 1,
        )
    return entries


def _balance_before(session: Session, merchant_id: MerchantId, member_id: MemberId, seq: int) -> Balance:
    """The balance made by all postings below `seq`."""
    earlier = sa.select(POSTINGS.c.posting_id).where(
        POSTINGS.c.merchant_id == merchant_id, POSTINGS.c.member_id == member_id, POSTINGS.c.seq < seq
    )
    rows = session.connection().execute(
        sa.select(TRANSFERS.c.debit, TRANSFERS.c.credit, sa.func.sum(TRANSFERS.c.points))
        .where(
            TRANSFERS.c.merchant_id == merchant_id,
            TRANSFERS.c.member_id == member_id,
            TRANSFERS.c.posting_id.in_(earlier),
        )
        .group_by(TRANSFERS.c.debit, TRANSFERS.c.credit)
    )
    balance = Balance(seq=seq - 1)
    for debit, credit, points in rows:
        apply_to_balance(balance, Account(debit), Account(credit), int(points))
    return balance


def _transfers_by_posting(
    session: Session, merchant_id: MerchantId, member_id: MemberId, posting_ids: list[str]
) -> list[tuple[str, Transfer]]:
    rows = session.connection().execute(
        sa.select(TRANSFERS)
        .where(
            TRANSFERS.c.merchant_id == merchant_id,
            TRANSFERS.c.member_id == member_id,
            TRANSFERS.c.posting_id.in_(posting_ids),
        )
        .order_by(TRANSFERS.c.posting_id, TRANSFERS.c.position)
    )
    return [(row.posting_id, transfer_from_row(row)) for row in rows]


def _lots_made_by(
    session: Session, merchant_id: MerchantId, member_id: MemberId, posting_ids: list[str]
) -> dict[str, list[Lot]]:
    rows = session.connection().execute(
        sa.select(LOTS).where(
            LOTS.c.merchant_id == merchant_id, LOTS.c.member_id == member_id, LOTS.c.posting_id.in_(posting_ids)
        )
    )
    found: dict[str, list[Lot]] = defaultdict(list)
    for row in rows:
        found[row.posting_id].append(lot_from_row(row))
    return found


def _notes(
    session: Session, merchant_id: MerchantId, member_id: MemberId, posting_ids: list[str]
) -> dict[str, dict[str, str]]:
    rows = session.connection().execute(
        sa.select(NOTES).where(
            NOTES.c.merchant_id == merchant_id, NOTES.c.member_id == member_id, NOTES.c.posting_id.in_(posting_ids)
        )
    )
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        found[row.posting_id][row.audience] = row.text
    return found


def _reversals(
    session: Session, merchant_id: MerchantId, member_id: MemberId, posting_ids: list[str]
) -> dict[str, PostingId]:
    rows = session.connection().execute(
        sa.select(POSTINGS.c.reverses_posting_id, POSTINGS.c.posting_id).where(
            POSTINGS.c.merchant_id == merchant_id,
            POSTINGS.c.member_id == member_id,
            POSTINGS.c.reverses_posting_id.in_(posting_ids),
        )
    )
    return {row.reverses_posting_id: PostingId(row.posting_id) for row in rows}


def _open_lots(session: Session, merchant_id: MerchantId, member_id: MemberId) -> list[Lot]:
    rows = statements.rows(session, _OPEN_LOTS, {"of_merchant": merchant_id, "of_member": member_id})
    return [lot_from_row(row) for row in rows]


def _next(lots: list[Lot], state: LotState, when: Any) -> tuple[datetime, int] | None:
    dated = [
        (when(lot), lot.remaining) for lot in lots if lot.state is state and lot.remaining and when(lot) is not None
    ]
    if not dated:
        return None
    first = min(at for at, _ in dated)
    return first, sum(points for at, points in dated if at == first)
