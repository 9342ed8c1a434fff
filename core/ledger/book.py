"""One member's book, in memory and pure: moves points between accounts and lots, and closes them into hashed postings.

A write loads a Book (commands.py), makes moves, posts them, and stores the result. Reads use the same code to say what a
balance is *now*: see `book_due`. Rules and their reasons: docs/ledger.md.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from core.errors import InsufficientPoints, LedgerCorrupt
from core.ids import new_id
from core.ledger.chain import posting_hash
from core.ledger.lots import (
    Balance,
    Lot,
    Piece,
    Posting,
    Transfer,
    apply_to_balance,
    apply_to_lot,
    due,
    first_of,
    identity,
)
from core.ledger.words import Account, Cause, Kind, LotState

NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass
class Book:
    """The member's balance and lots, and the postings made since it was loaded."""

    member_id: str
    balance: Balance
    lots: dict[str, Lot]
    now: datetime
    postings: list[Posting] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)
    made: set[str] = field(default_factory=set)
    # Lots that were not loaded: only earning is possible then, and this is when the first of them changes.
    lots_left_out: bool = False
    left_out_change_at: datetime | None = None
    _moves: list[Transfer] = field(default_factory=list)
    _credited: list[str] = field(default_factory=list)
    _new_lots: list[Lot] = field(default_factory=list)
    _posting_id: str = field(default_factory=new_id)

    # -- moves: each appends transfers to the posting being drafted

    def earn(
        self,
        points: int,
        *,
        earned_at: datetime,
        matures_at: datetime | None,
        expires_at: datetime | None,
        order_id: str | None = None,
        line_id: str | None = None,
    ) -> None:
        """ISSUED -> PENDING, or AVAILABLE where the window has passed or there is none. Makes a lot."""
        waiting = matures_at is not None and matures_at > self.now
        state = LotState.PENDING if waiting else LotState.AVAILABLE
        lot = self._new_lot(
            points,
            state=state,
            earned_at=earned_at,
            matures_at=matures_at,
            expires_at=expires_at,
            order_id=order_id,
            line_id=line_id,
        )
        credit = Account.PENDING if waiting else Account.AVAILABLE
        self._move(Kind.EARN, Account.ISSUED, credit, points, lot, order_id=order_id, line_id=line_id)

    def hold(self, points: int, *, redemption_id: str) -> None:
        """AVAILABLE -> HELD, earliest expiry first. Raises InsufficientPoints."""
        for lot, part in self._spend_from_available(points):
            self._move(Kind.HOLD, Account.AVAILABLE, Account.HELD, part, lot, redemption_id=redemption_id)

    def capture(self, pieces: Sequence[Piece], points: int, *, redemption_id: str, order_id: str | None) -> None:
        """HELD -> REDEEMED for the first `points` of the hold's open pieces."""
        for piece in first_of(pieces, points):
            lot = self._lot(piece.lot_id)
            self._move(
                Kind.CAPTURE,
                Account.HELD,
                Account.REDEEMED,
                piece.points,
                lot,
                redemption_id=redemption_id,
                order_id=order_id,
            )

    def void(self, pieces: Sequence[Piece], *, redemption_id: str, order_id: str | None, grace_days: int) -> None:
        """HELD -> AVAILABLE for all the given pieces; what lies in an expired lot gets the grace of its root lot, once."""
        for piece in pieces:
            own = self._lot(piece.lot_id)
            expired_at = self._lot(own.root_lot_id).expires_at
            grace_until = expired_at + timedelta(days=grace_days) if expired_at else None
            lot = self._home_for(own, piece.points, grace_until)
            self._move(
                Kind.VOID,
                Account.HELD,
                Account.AVAILABLE,
                piece.points,
                lot,
                redemption_id=redemption_id,
                order_id=order_id,
            )
            self._expire_if_over(lot)

    def late_capture(self, points: int, *, redemption_id: str, order_id: str | None) -> None:
        """AVAILABLE, then DEBT -> REDEEMED: a code used after its hold ended, or on a second order."""
        from_lots = min(points, self.balance.available)
        for lot, part in self._spend_from_available(from_lots):
            self._move(
                Kind.LATE_CAPTURE,
                Account.AVAILABLE,
                Account.REDEEMED,
                part,
                lot,
                redemption_id=redemption_id,
                order_id=order_id,
            )
        if points > from_lots:
            owed = points - from_lots
            self._move(
                Kind.LATE_CAPTURE,
                Account.DEBT,
                Account.REDEEMED,
                owed,
                None,
                redemption_id=redemption_id,
                order_id=order_id,
            )

    def assign(self, pieces: Sequence[Piece], *, redemption_id: str, order_id: str | None) -> None:
        """What was captured before its order was seen is that order's from now on: the same points, back and taken again."""
        for piece in pieces:
            lot, ids = self._lot(piece.lot_id), {"redemption_id": redemption_id}
            self._move(Kind.REINSTATE, Account.REDEEMED, Account.AVAILABLE, piece.points, lot, **ids)
            self._move(
                Kind.LATE_CAPTURE, Account.AVAILABLE, Account.REDEEMED, piece.points, lot, order_id=order_id, **ids
            )

    def clawback(self, points: int, *, order_id: str, line_id: str) -> None:
        """Take back what a line earned: from its own lots, what expired from them, the newest available, the newest pending, DEBT."""
        left = points
        own = [lot for lot in self.lots.values() if lot.order_id == order_id and lot.line_id == line_id]
        for lot in sorted(own, key=_newest_first):
            left -= self._claw_from_lot(lot, left, order_id, line_id)
        for lot in sorted(own, key=_newest_first):
            part = min(left, lot.expired)
            if part:
                self._move(
                    Kind.CLAWBACK, Account.EXPIRED, Account.ISSUED, part, lot, order_id=order_id, line_id=line_id
                )
                left -= part
        for state in (LotState.AVAILABLE, LotState.PENDING):
            for lot in sorted((lot for lot in self.lots.values() if lot.state is state), key=_newest_first):
                left -= self._claw_from_lot(lot, left, order_id, line_id)
        if left:
            self._move(Kind.CLAWBACK, Account.DEBT, Account.ISSUED, left, None, order_id=order_id, line_id=line_id)

    def reinstate(
        self,
        pieces: Sequence[Piece],
        points: int,
        *,
        redemption_id: str,
        order_id: str | None,
        grace_until: datetime | None,
        fresh_expiry: datetime | None,
    ) -> None:
        """REDEEMED -> AVAILABLE, in reverse order of taking. What had become DEBT goes back to DEBT while debt remains,
        the rest of it to a new lot that is good until `fresh_expiry`."""
        for piece in first_of(list(reversed(pieces)), points):
            rest = piece.points
            if piece.lot_id is None:
                repaid = min(rest, -self.balance.debt)
                if repaid:
                    self._move(
                        Kind.REINSTATE,
                        Account.REDEEMED,
                        Account.DEBT,
                        repaid,
                        None,
                        redemption_id=redemption_id,
                        order_id=order_id,
                    )
                rest -= repaid
                if rest == 0:
                    continue
                lot = self._new_lot(
                    rest, state=LotState.AVAILABLE, earned_at=self.now, matures_at=None, expires_at=fresh_expiry
                )
            else:
                lot = self._home_for(self._lot(piece.lot_id), rest, grace_until)
            self._move(
                Kind.REINSTATE,
                Account.REDEEMED,
                Account.AVAILABLE,
                rest,
                lot,
                redemption_id=redemption_id,
                order_id=order_id,
            )
            self._expire_if_over(lot)

    def adjust_up(self, points: int, *, expires_at: datetime | None) -> None:
        lot = self._new_lot(
            points, state=LotState.AVAILABLE, earned_at=self.now, matures_at=None, expires_at=expires_at
        )
        self._move(Kind.ADJUST, Account.ADJUSTED, Account.AVAILABLE, points, lot)

    def adjust_down(self, points: int) -> None:
        """AVAILABLE -> ADJUSTED, earliest expiry first. Raises InsufficientPoints: staff cannot put a member into debt."""
        for lot, part in self._spend_from_available(points):
            self._move(Kind.ADJUST, Account.AVAILABLE, Account.ADJUSTED, part, lot)

    def reverse(self, transfers: Iterable[Transfer], *, grace_until: datetime | None) -> int:
        """The opposite of an adjustment or an action's earning, from what is left of its lots. Returns the points moved."""
        moved = 0
        for transfer in transfers:
            if transfer.kind not in (Kind.ADJUST, Kind.EARN) or transfer.lot_id is None:
                continue
            lot = self.lots[transfer.lot_id]
            if transfer.credit in (Account.AVAILABLE, Account.PENDING):
                part = min(transfer.points, lot.remaining)
                if part:
                    debit = Account.PENDING if lot.state is LotState.PENDING else Account.AVAILABLE
                    self._move(Kind.REVERSE, debit, transfer.debit, part, lot)
                moved += part
            else:
                home = self._home_for(lot, transfer.points, grace_until)
                self._move(Kind.REVERSE, transfer.credit, Account.AVAILABLE, transfer.points, home)
                self._expire_if_over(home)
                moved += transfer.points
        return moved

    # -- time

    def book_due(self) -> None:
        """MATURE and EXPIRE what is due by now, one posting per lot, each effective at its own instant."""
        for at, lot in due(self.lots.values(), self.now):
            if lot.remaining == 0:  # what matured a moment ago may have paid a debt
                continue
            if lot.state is LotState.PENDING:
                self._move(Kind.MATURE, Account.PENDING, Account.AVAILABLE, lot.remaining, lot, order_id=lot.order_id)
                lot.state = LotState.AVAILABLE
                self.post(f"mature:{lot.lot_id}", Cause.MATURED, {}, effective_at=at)
            else:
                self._expire(lot)
                self.post(f"expire:{lot.lot_id}", Cause.EXPIRED, {}, effective_at=at)

    @property
    def drafted(self) -> list[Transfer]:
        """The moves made since the last posting."""
        return list(self._moves)

    @property
    def next_change_at(self) -> datetime | None:
        changes = [at for lot in self.lots.values() if (at := lot.next_change_at) is not None]
        if self.left_out_change_at is not None:
            changes.append(self.left_out_change_at)
        return min(changes, default=None)

    # -- closing

    def post(
        self,
        idempotency_key: str,
        cause: Cause,
        explanation: dict[str, Any],
        *,
        effective_at: datetime | None = None,
        request_hash: str | None = None,
        note_hmac: str | None = None,
        reverses_posting_id: str | None = None,
    ) -> Posting | None:
        """Close the moves so far into one posting, after SETTLE of what is owed. None when there were no moves."""
        if not self._moves:
            return None
        self._settle_debt()
        recorded_at = max(self.now, self.balance.recorded_at or self.now)
        draft = Posting(
            posting_id=self._posting_id,
            seq=self.balance.seq + 1,
            idempotency_key=idempotency_key,
            cause=cause,
            explanation=explanation,
            effective_at=effective_at or recorded_at,
            recorded_at=recorded_at,
            previous_hash=self.balance.head,
            hash="",
            transfers=tuple(self._moves),
            request_hash=request_hash,
            note_hmac=note_hmac,
            reverses_posting_id=reverses_posting_id,
        )
        posting = replace(draft, hash=posting_hash(draft, self._new_lots))
        self.balance.seq, self.balance.head, self.balance.recorded_at = posting.seq, posting.hash, recorded_at
        self.postings.append(posting)
        self._moves, self._credited, self._new_lots, self._posting_id = [], [], [], new_id()
        return posting

    # -- helpers

    def _settle_debt(self) -> None:
        credited = [self.lots[lot_id] for lot_id in self._credited]
        others = sorted(
            (lot for lot in self._open_available() if lot.lot_id not in self._credited), key=_earliest_expiry_first
        )
        for lot in [*credited, *others]:
            part = min(lot.remaining, -self.balance.debt)
            if part > 0 and lot.state is LotState.AVAILABLE:
                self._move(Kind.SETTLE, Account.AVAILABLE, Account.DEBT, part, lot)

    def _open_available(self) -> list[Lot]:
        return [lot for lot in self.lots.values() if lot.state is LotState.AVAILABLE and lot.remaining > 0]

    def _spend_from_available(self, points: int) -> list[tuple[Lot, int]]:
        if points > self.balance.available:
            raise InsufficientPoints("There are not enough points", available=self.balance.available)
        chosen, left = [], points
        for lot in sorted(self._open_available(), key=_earliest_expiry_first):
            part = min(left, lot.remaining)
            if part:
                chosen.append((lot, part))
                left -= part
        return chosen

    def _claw_from_lot(self, lot: Lot, points: int, order_id: str, line_id: str) -> int:
        part = min(points, lot.remaining)
        if part:
            debit = Account.PENDING if lot.state is LotState.PENDING else Account.AVAILABLE
            self._move(Kind.CLAWBACK, debit, Account.ISSUED, part, lot, order_id=order_id, line_id=line_id)
        return part

    def _home_for(self, lot: Lot, points: int, grace_until: datetime | None) -> Lot:
        """The lot that points coming back go to: their own while it is good, else a child until the root's one grace deadline,
        else their own again, from which they expire at once."""
        if lot.expires_at is None or lot.expires_at > self.now:
            return lot
        root = self._lot(lot.root_lot_id)
        if root.grace_until is None and grace_until is not None:
            root.grace_until = grace_until
            self.touched.add(root.lot_id)
        if root.grace_until is None or root.grace_until <= self.now:
            return lot
        return self._new_lot(
            points,
            state=LotState.AVAILABLE,
            earned_at=lot.earned_at,
            matures_at=None,
            expires_at=root.grace_until,
            order_id=lot.order_id,
            line_id=lot.line_id,
            root_lot_id=root.lot_id,
        )

    def _expire_if_over(self, lot: Lot) -> None:
        if lot.expires_at is not None and lot.expires_at <= self.now and lot.remaining:
            self._expire(lot)

    def _expire(self, lot: Lot) -> None:
        self._move(Kind.EXPIRE, Account.AVAILABLE, Account.EXPIRED, lot.remaining, lot)

    def _new_lot(
        self,
        points: int,
        *,
        state: LotState,
        earned_at: datetime,
        matures_at: datetime | None,
        expires_at: datetime | None,
        order_id: str | None = None,
        line_id: str | None = None,
        root_lot_id: str | None = None,
    ) -> Lot:
        lot_id = new_id()
        lot = Lot(
            lot_id=lot_id,
            state=state,
            points=points,
            remaining=0,
            earned_at=earned_at,
            matures_at=matures_at,
            expires_at=expires_at,
            order_id=order_id,
            line_id=line_id,
            root_lot_id=root_lot_id or lot_id,
            posting_id=self._posting_id,
        )
        self.lots[lot_id] = lot
        self.made.add(lot_id)
        self._new_lots.append(lot)
        return lot

    def _lot(self, lot_id: str | None) -> Lot:
        if lot_id is None or lot_id not in self.lots:
            raise LedgerCorrupt(f"lot {lot_id} of member {self.member_id} was not loaded")
        return self.lots[lot_id]

    def _move(
        self,
        kind: Kind,
        debit: Account,
        credit: Account,
        points: int,
        lot: Lot | None,
        *,
        order_id: str | None = None,
        line_id: str | None = None,
        redemption_id: str | None = None,
    ) -> None:
        if points <= 0:
            raise LedgerCorrupt(f"a transfer of {points} points")
        if self.lots_left_out and kind is not Kind.EARN:
            raise LedgerCorrupt(f"the lots of member {self.member_id} were left out, and {kind.value} needs them")
        lot_id = lot.lot_id if lot else None
        self._moves.append(Transfer(new_id(), kind, debit, credit, points, lot_id, order_id, line_id, redemption_id))
        apply_to_balance(self.balance, debit, credit, points)
        if lot is not None:
            apply_to_lot(lot, debit, credit, points)
            self.touched.add(lot.lot_id)
            if credit is Account.AVAILABLE and lot.lot_id not in self._credited:
                self._credited.append(lot.lot_id)


def _earliest_expiry_first(lot: Lot) -> tuple[datetime, datetime, tuple[str, str, str]]:
    return (lot.expires_at or NEVER, lot.earned_at, identity(lot))


def _newest_first(lot: Lot) -> tuple[float, tuple[str, str, str]]:
    return (-lot.earned_at.timestamp(), identity(lot))
