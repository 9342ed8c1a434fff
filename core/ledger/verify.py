"""Recompute the whole book from its transfers and say what does not add up. One read snapshot; a member at a time, so memory is flat."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from core.db.types import table
from core.errors import LedgerCorrupt
from core.ids import MerchantId
from core.ledger.chain import posting_hash
from core.ledger.lots import Balance, Lot, Posting, Transfer, apply_to_balance, apply_to_lot
from core.ledger.rows import balance_from_row, lot_from_row, transfer_from_row
from core.ledger.tables import BalanceRow, LotRow, PostingRow, TransferRow
from core.ledger.words import Account, Cause, Kind, LotState

BALANCES, LOTS, POSTINGS, TRANSFERS = table(BalanceRow), table(LotRow), table(PostingRow), table(TransferRow)


@dataclass
class LedgerReport:
    """`violations`: sentences, each with the ids to look at; empty means that every point is accounted for."""

    members: int = 0
    postings: int = 0
    transfers: int = 0
    points_outstanding: int = 0
    violations: list[str] = field(default_factory=list)


@dataclass
class _Rebuilt:
    balance: Balance
    lots: dict[str, Lot]
    held: dict[str, int]


def verify_ledger(session: Session, merchant_id: MerchantId) -> LedgerReport:
    """Check chain, balances, lots and holds of every member, and that the program's accounts net to what is outstanding."""
    report = LedgerReport()
    net: dict[str, int] = {}
    postings = _ByMember(session, _of(merchant_id, POSTINGS, POSTINGS.c.seq))
    transfers = _ByMember(session, _transfers_in_order(merchant_id))
    lots = _ByMember(session, _of(merchant_id, LOTS, LOTS.c.lot_id))
    balances = session.connection().execute(
        sa.select(BALANCES).where(BALANCES.c.merchant_id == merchant_id).order_by(BALANCES.c.member_id)
    )
    for row in balances:
        report.members += 1
        stored_lots = {lot.lot_id: lot for lot in map(lot_from_row, lots.take(row.member_id))}
        mine = [(t.posting_id, transfer_from_row(t)) for t in transfers.take(row.member_id)]
        chain = postings.take(row.member_id)
        report.postings += len(chain)
        report.transfers += len(mine)
        for _, transfer in mine:
            net[transfer.debit] = net.get(transfer.debit, 0) - transfer.points
            net[transfer.credit] = net.get(transfer.credit, 0) + transfer.points
        report.violations += [
            f"member {row.member_id}: {text}" for text in _check_member(row, chain, mine, stored_lots)
        ]
        report.points_outstanding += balance_from_row(row).outstanding
    for stray in (postings, transfers, lots):
        report.violations += [f"rows of member {member_id}, who has no balance" for member_id in stray.finish()]
    program = sum(net.get(account, 0) for account in (Account.ISSUED, Account.IMPORTED, Account.ADJUSTED))
    gone = sum(net.get(account, 0) for account in (Account.REDEEMED, Account.EXPIRED))
    if -program - gone != report.points_outstanding or net.get(Account.MOVED, 0):
        report.violations.append("the program's accounts do not net to what is outstanding")
    return report


def _check_member(
    row: Any, chain: list[Any], transfers: list[tuple[str, Transfer]], stored: dict[str, Lot]
) -> Iterator[str]:
    by_posting = {key: [t for _, t in group] for key, group in groupby(transfers, key=lambda pair: pair[0])}
    yield from _check_chain(row, chain, by_posting, stored)
    try:
        rebuilt = _rebuild([transfer for _, transfer in transfers], stored)
    except LedgerCorrupt as error:
        yield error.message
        return
    kept, made = balance_from_row(row), rebuilt.balance
    if (kept.pending, kept.available, kept.held, kept.debt) != (made.pending, made.available, made.held, made.debt):
        yield f"the stored balance {kept} is not the sum of the transfers {made}"
    if made.pending < 0 or made.available < 0 or made.held < 0 or made.debt > 0 or (made.debt and made.available):
        yield "a balance is outside its range"
    for lot_id, lot in stored.items():
        again = rebuilt.lots[lot_id]
        if (lot.remaining, lot.expired, lot.state) != (again.remaining, again.expired, again.state):
            yield f"lot {lot_id} is stored as {lot.remaining} {lot.state}, its transfers say {again.remaining} {again.state}"
    for state, total in ((LotState.PENDING, made.pending), (LotState.AVAILABLE, made.available)):
        if sum(lot.remaining for lot in rebuilt.lots.values() if lot.state is state) != total:
            yield f"the {state} lots do not add up to {state}"
    if sum(rebuilt.held.values()) != made.held or any(points < 0 for points in rebuilt.held.values()):
        yield "the open parts of the holds do not add up to what is held"
    due_at = min((at for lot in stored.values() if (at := lot.next_change_at) is not None), default=None)
    if row.next_change_at != due_at:
        yield "next_change_at is not the first change of its lots"


def _check_chain(
    row: Any, chain: list[Any], by_posting: dict[str, list[Transfer]], stored: dict[str, Lot]
) -> Iterator[str]:
    head, last_recorded = "", None
    made: dict[str, list[Lot]] = {}
    for lot in stored.values():
        made.setdefault(lot.posting_id, []).append(lot)
    for number, posting in enumerate(chain, start=1):
        if posting.seq != number:
            yield f"seq {number} is missing"
            return
        if posting.previous_hash != head:
            yield f"posting {posting.posting_id} does not follow the one before it"
        if last_recorded is not None and posting.recorded_at < last_recorded:
            yield f"posting {posting.posting_id} is recorded before the one before it"
        transfers, new_lots = by_posting.get(posting.posting_id, []), made.get(posting.posting_id, [])
        if posting_hash(_posting(posting, transfers), new_lots) != posting.hash:
            yield f"posting {posting.posting_id} was changed after it was booked"
        head, last_recorded = posting.hash, posting.recorded_at
    if (row.seq, row.head) != (len(chain), head):
        yield "the balance row is not at the head of its chain"


def _rebuild(transfers: list[Transfer], stored: dict[str, Lot]) -> _Rebuilt:
    into: dict[str | None, Account] = {}
    for transfer in transfers:
        into.setdefault(transfer.lot_id, transfer.credit)
    lots = {
        lot_id: replace(lot, remaining=0, expired=0, state=_first_state(into.get(lot_id)))
        for lot_id, lot in stored.items()
    }
    rebuilt = _Rebuilt(Balance(), lots, {})
    for transfer in transfers:
        if (transfer.lot_id is None) != (
            Account.DEBT in (transfer.debit, transfer.credit) and transfer.kind is not Kind.SETTLE
        ):
            raise LedgerCorrupt(f"transfer {transfer.transfer_id} has the wrong kind of lot")
        apply_to_balance(rebuilt.balance, transfer.debit, transfer.credit, transfer.points)
        if transfer.lot_id is not None:
            if transfer.lot_id not in lots:
                raise LedgerCorrupt(f"transfer {transfer.transfer_id} names lot {transfer.lot_id}, which is not there")
            if transfer.kind is Kind.MATURE:
                lots[transfer.lot_id].state = LotState.AVAILABLE
            apply_to_lot(lots[transfer.lot_id], transfer.debit, transfer.credit, transfer.points)
        change = (transfer.credit is Account.HELD) - (transfer.debit is Account.HELD)
        if change:
            key = str(transfer.redemption_id)
            rebuilt.held[key] = rebuilt.held.get(key, 0) + change * transfer.points
    return rebuilt


def _first_state(credited: Account | None) -> LotState:
    return LotState.PENDING if credited is Account.PENDING else LotState.AVAILABLE


def _posting(row: Any, transfers: list[Transfer]) -> Posting:
    return Posting(
        posting_id=row.posting_id,
        seq=row.seq,
        idempotency_key=row.idempotency_key,
        cause=Cause(row.cause),
        explanation=row.explanation,
        effective_at=row.effective_at,
        recorded_at=row.recorded_at,
        previous_hash=row.previous_hash,
        hash=row.hash,
        transfers=tuple(transfers),
        request_hash=row.request_hash,
        note_hmac=row.note_hmac,
        reverses_posting_id=row.reverses_posting_id,
    )


def _of(merchant_id: MerchantId, rows: sa.Table, then_by: sa.Column[Any]) -> Any:
    return sa.select(rows).where(rows.c.merchant_id == merchant_id).order_by(rows.c.member_id, then_by)


def _transfers_in_order(merchant_id: MerchantId) -> Any:
    same = (POSTINGS.c[name] == TRANSFERS.c[name] for name in ("merchant_id", "member_id", "posting_id"))
    return (
        sa.select(TRANSFERS)
        .join(POSTINGS, sa.and_(*same))
        .where(TRANSFERS.c.merchant_id == merchant_id)
        .order_by(TRANSFERS.c.member_id, POSTINGS.c.seq, TRANSFERS.c.position)
    )


class _ByMember:
    """Rows of a statement in member order, streamed and handed out a member at a time. `strays`: members nobody asked for."""

    def __init__(self, session: Session, statement: Any) -> None:
        result = session.connection().execute(statement, execution_options={"yield_per": 2000})
        self._groups = groupby(result, key=lambda row: row.member_id)
        self._waiting: tuple[str, list[Any]] | None = None
        self.strays: list[str] = []

    def take(self, member_id: str) -> list[Any]:
        while True:
            if self._waiting is None:
                key, rows = next(self._groups, (None, ()))
                if key is None:
                    return []
                self._waiting = (str(key), list(rows))
            waiting_for, found = self._waiting
            if waiting_for > member_id:
                return []
            self._waiting = None
            if waiting_for == member_id:
                return found
            self.strays.append(waiting_for)

    def finish(self) -> list[str]:
        rest = [self._waiting[0]] if self._waiting else []
        return [*self.strays, *rest, *(str(key) for key, _ in self._groups)]
