"""The oracle's book of one member: lots, holds, debt, and the moves of ledger.md, each as the few lines that it says there.

Nothing is stored that can be counted: a balance is counted from lots and holds whenever somebody asks.
Where ledger.md leaves a tie open: earlier earned first, then the order heard of first, then line, then the older lot.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

NEVER = datetime.max.replace(tzinfo=UTC)
NO_ORDER = -1


@dataclass(eq=False)
class Lot:
    """`left`: pending or available points of it. `lapsed`: expired and not clawed back from there. `order`: its number."""

    points: int
    pending: bool
    earned_at: datetime
    matures_at: datetime | None
    expires_at: datetime | None
    order: int = NO_ORDER
    line: str = ""
    left: int = 0
    lapsed: int = 0
    root: "Lot | None" = None
    grace_until: datetime | None = None


Pieces = list[tuple[Lot | None, int]]  # None: taken from DEBT


@dataclass
class MemberBook:
    joined_at: datetime
    lots: list[Lot] = field(default_factory=list)
    debt: int = 0
    holds: dict[str, Pieces] = field(default_factory=dict)  # open ones, by code
    taken: dict[tuple[str, str | None], Pieces] = field(default_factory=dict)  # by code and order
    into: Counter[str] = field(default_factory=Counter)  # program accounts: net points that went there
    credited: list[Lot] = field(default_factory=list)  # by the posting that is being made

    # -- what there is

    def balance(self, now: datetime) -> tuple[int, int, int, int]:
        """Pending, available, held and debt at this moment. Reading changes nothing, so it is counted on a copy."""
        later = replace(
            self, lots=[replace(lot) for lot in self.lots if lot.left], credited=[], into=Counter(self.into)
        )
        later.pass_time(now)
        pending = sum(lot.left for lot in later.lots if lot.pending)
        held = sum(points for pieces in self.holds.values() for _, points in pieces)
        return pending, later.available(), held, later.debt

    def available(self) -> int:
        return sum(lot.left for lot in self.lots if not lot.pending)

    # -- time

    def pass_time(self, now: datetime) -> None:
        """What is due by now, one thing after the other in its own order; each may pay a debt."""
        while due := [(at, lot) for lot in self.lots if (at := self._due_at(lot)) is not None and at <= now]:
            at, lot = min(due, key=lambda each: (each[0], not each[1].pending, self._tie(each[1])))
            if lot.pending:
                lot.pending = False
                self.credited.append(lot)
            else:
                self._expire(lot)
            self.close()

    def _due_at(self, lot: Lot) -> datetime | None:
        if lot.left == 0:
            return None
        return lot.matures_at if lot.pending else lot.expires_at

    # -- moves; `close` ends a posting

    def earn(
        self,
        points: int,
        now: datetime,
        *,
        earned_at: datetime,
        matures_at: datetime | None,
        expires_at: datetime | None,
        order: int = NO_ORDER,
        line: str = "",
        account: str = "issued",
    ) -> Lot:
        waits = matures_at is not None and matures_at > now
        lot = Lot(points, waits, earned_at, matures_at, expires_at, order, line)
        self.lots.append(lot)
        self._credit(lot, points, account)
        return lot

    def spend(self, points: int) -> Pieces:
        """Take from AVAILABLE, earliest expiry first. The caller has seen that there is enough."""
        pieces: Pieces = []
        for lot in sorted(self._open(), key=lambda lot: (lot.expires_at or NEVER, lot.earned_at, self._tie(lot))):
            part = min(points, lot.left)
            if part:
                lot.left -= part
                points -= part
                pieces.append((lot, part))
        assert points == 0, "more was taken than is available"
        return pieces

    def hold(self, code: str, points: int) -> None:
        self.holds[code] = self.spend(points)

    def end_hold(self, code: str, order: str | None, captured: int, *, grace_days: int, now: datetime) -> None:
        """CAPTURE of the first so many points, VOID of the rest: both in one posting."""
        pieces = self.holds.pop(code)
        used, rest = _cut(pieces, captured)
        self.into["redeemed"] += captured
        self.taken.setdefault((code, order), []).extend(used)
        for lot, points in rest:
            assert lot is not None
            root = lot.root or lot
            grace = root.expires_at + timedelta(days=grace_days) if root.expires_at else None
            self._come_back(lot, points, grace, now, account=None)

    def late_capture(self, code: str, order: str | None, points: int) -> None:
        """From AVAILABLE, the rest from DEBT."""
        have = min(points, self.available())
        pieces = self.spend(have)
        if points > have:
            self.debt -= points - have
            pieces.append((None, points - have))
        self.into["redeemed"] += points
        self.taken.setdefault((code, order), []).extend(pieces)

    def reinstate(
        self, code: str, order: str | None, points: int, *, grace_until: datetime, fresh: datetime | None, now: datetime
    ) -> None:
        """In reverse order of taking. What had become DEBT goes back to DEBT while debt remains, else to a new lot."""
        pieces = self.taken[(code, order)]
        while points:
            lot, size = pieces.pop()
            part = min(points, size)
            points -= part
            if size > part:
                pieces.append((lot, size - part))
            if lot is None:
                repaid = min(part, -self.debt)
                self.debt += repaid
                self.into["redeemed"] -= repaid
                if part > repaid:
                    self.earn(part - repaid, now, earned_at=now, matures_at=None, expires_at=fresh, account="redeemed")
            else:
                self._come_back(lot, part, grace_until, now, account="redeemed")

    def clawback(self, points: int, order: int, line: str) -> None:
        """The line's own lots, what expired from them, the newest available, the newest pending, DEBT; never HELD."""
        newest = sorted(self.lots, key=lambda lot: (-lot.earned_at.timestamp(), self._tie(lot)))
        own = [lot for lot in newest if (lot.order, lot.line) == (order, line)]
        self.into["issued"] += points
        for lot in own:
            points -= self._take(lot, points)
        for lot in own:
            part = min(points, lot.lapsed)
            lot.lapsed -= part
            self.into["expired"] -= part
            points -= part
        for lot in [lot for lot in newest if not lot.pending] + [lot for lot in newest if lot.pending]:
            points -= self._take(lot, points)
        self.debt -= points

    def adjust_up(self, points: int, now: datetime, expires_at: datetime | None) -> Pieces:
        lot = self.earn(points, now, earned_at=now, matures_at=None, expires_at=expires_at, account="adjusted")
        return [(lot, points)]

    def adjust_down(self, points: int) -> Pieces:
        self.into["adjusted"] += points
        return [(lot, -part) for lot, part in self.spend(points)]

    def can_undo(self, pieces: Pieces) -> bool:
        """Whether anything is left of what an adjustment gave; what one took can always come back."""
        return any(points < 0 or (lot is not None and lot.left > 0) for lot, points in pieces)

    def undo(self, pieces: Pieces, account: str, *, grace_until: datetime, now: datetime) -> int:
        """The opposite of an adjustment or a bonus, from what is left of its lots. Returns the points moved."""
        moved = 0
        for lot, points in pieces:
            assert lot is not None
            if points > 0:
                part = self._take(lot, points)
                self.into[account] += part
                moved += part
            else:
                self._come_back(lot, -points, grace_until, now, account=account)
                moved -= points
        return moved

    def close(self) -> None:
        """SETTLE: points pay what is owed, lots just credited first."""
        others = sorted(self._open(), key=lambda lot: (lot.expires_at or NEVER, lot.earned_at, self._tie(lot)))
        for lot in [*self.credited, *others]:
            if not lot.pending:
                self.debt += self._take(lot, -self.debt)
        self.credited = []
        assert self.debt <= 0 and (self.debt == 0 or self.available() == 0)

    # -- helpers

    def _come_back(
        self, lot: Lot, points: int, grace_until: datetime | None, now: datetime, *, account: str | None
    ) -> None:
        """To their own lot while it is good; else to a child until the root's one grace deadline; else they lapse at once."""
        home = lot
        if lot.expires_at is not None and lot.expires_at <= now:
            root = lot.root or lot
            root.grace_until = root.grace_until or grace_until
            if root.grace_until is not None and root.grace_until > now:
                home = Lot(points, False, lot.earned_at, None, root.grace_until, lot.order, lot.line, root=root)
                self.lots.append(home)
        self._credit(home, points, account)
        if home.expires_at is not None and home.expires_at <= now:
            self._expire(home)

    def _credit(self, lot: Lot, points: int, account: str | None) -> None:
        lot.left += points
        if account is not None:
            self.into[account] -= points
        if not lot.pending:
            self.credited.append(lot)

    def _take(self, lot: Lot, points: int) -> int:
        part = min(points, lot.left)
        lot.left -= part
        return part

    def _expire(self, lot: Lot) -> None:
        self.into["expired"] += lot.left
        lot.lapsed += lot.left
        lot.left = 0

    def _open(self) -> list[Lot]:
        return [lot for lot in self.lots if lot.left and not lot.pending]

    def _tie(self, lot: Lot) -> tuple[int, str]:
        """Sorting is stable and lots stand in the order of their making, so the older lot of a line comes first."""
        return (lot.order, lot.line)


def _cut(pieces: Pieces, points: int) -> tuple[Pieces, Pieces]:
    """The first so many points of the pieces, and the rest."""
    first: Pieces = []
    rest: Pieces = []
    for lot, size in pieces:
        part = min(points, size)
        points -= part
        if part:
            first.append((lot, part))
        if size > part:
            rest.append((lot, size - part))
    return first, rest
