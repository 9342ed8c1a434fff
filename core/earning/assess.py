"""What an order should earn: a function of its newest snapshot and its pinned terms, nothing else. Pure.

Rounding: the exact sum over the eligible lines, floor once per order, split to lines by the largest remainder (ties in line
order); after refunds each line's target is rounded up, in the member's favour.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from fractions import Fraction

from core.commerce import LineKind, OrderState, Payment
from core.earning.snapshot import Snapshot, SnapshotLine
from core.money import ceil_div, split_by_largest_remainder
from core.program.terms import CurrencyTerms, Terms

SHIPPING_LINE = "shipping"


@dataclass(frozen=True)
class LinePoints:
    """One line's way to its points. `eligible`, `ordered`, `kept`: minor units; `points` before refunds, `target` after them."""

    line_id: str
    name: str
    eligible: int
    ordered: int
    kept: int
    points: int
    target: int


@dataclass(frozen=True)
class Assessment:
    """`eligible`: minor units that earn. `points`: before refunds and edits away."""

    currency: str
    eligible: int
    points: int
    lines: tuple[LinePoints, ...]

    @property
    def target(self) -> int:
        return sum(line.target for line in self.lines)

    def targets(self) -> dict[str, int]:
        return {line.line_id: line.target for line in self.lines if line.target}


def qualifies(snapshot: Snapshot, terms: Terms) -> bool:
    """Whether the order has reached the moment at which the program lets it earn."""
    if snapshot.state in (OrderState.DRAFT, OrderState.CANCELLED) or snapshot.is_test:
        return False
    if terms.earn_when == "completed":
        return snapshot.completed_at is not None
    return snapshot.payment is Payment.PAID


def assess(snapshot: Snapshot, terms: Terms, *, our_codes: Set[str] = frozenset()) -> Assessment:
    """Points of all lines under these terms. `our_codes`: the codes on the order that were paid for with points."""
    currency_terms = terms.currencies[snapshot.currency]
    paid_with_points = points_paid_by_line(snapshot, our_codes) if terms.include_points_paid else {}
    rows = [(line, _eligible(line, terms) + paid_with_points.get(line.line_id, 0)) for line in snapshot.lines]
    amounts = [amount for _, amount in rows]
    shipping = 0
    if terms.include_shipping:
        shipping = snapshot.shipping if terms.include_tax else snapshot.shipping_net
        amounts.append(shipping)
    points = earned_by(sum(amounts), currency_terms)
    shares = split_by_largest_remainder(points, amounts) if sum(amounts) else [0] * len(amounts)
    lines = [
        _line_points(line.line_id, line.name, amount, line.ordered, line.kept, share)
        for (line, amount), share in zip(rows, shares, strict=False)
    ]
    if terms.include_shipping:
        lines.append(_line_points(SHIPPING_LINE, "", shipping, snapshot.shipping, snapshot.shipping_kept, shares[-1]))
    return Assessment(snapshot.currency, sum(amounts), points, tuple(lines))


def earned_by(eligible_minor: int, terms: CurrencyTerms) -> int:
    """Points for an amount of minor units, rounded down once."""
    return eligible_minor * terms.earn_points // terms.earn_per_minor


def fixed_targets(snapshot: Snapshot, points: int) -> dict[str, int]:
    """A target that staff fixed for the whole order, spread over its lines by what they cost."""
    shares = split_by_largest_remainder(points, [line.ordered for line in snapshot.lines])
    spread = {line.line_id: share for line, share in zip(snapshot.lines, shares, strict=True) if share}
    return spread or ({SHIPPING_LINE: points} if points else {})


def captured_points(points: int, face_minor: int, deducted_minor: int) -> int:
    """What a fixed discount really cost: in proportion to what it took off, rounded up, at most all of it."""
    return min(points, ceil_div(points * deducted_minor, face_minor))


def reinstated_points(captured: int, snapshot: Snapshot, our_codes: Set[str]) -> int:
    """How much of a redemption comes back because of refunds: captured minus what the kept goods still use of it, rounded
    down, over the goods that the discount lay on, both before our discount."""
    if snapshot.state is OrderState.CANCELLED:
        return captured
    shares = points_paid_by_line(snapshot, our_codes)
    ordered = kept = Fraction(0)
    for line in snapshot.lines:
        share = shares.get(line.line_id, 0)
        if share == 0:
            continue
        before = line.ordered + share
        ordered += before
        # A line that points paid in full has no money to give back, so no refund can speak of it.
        kept += Fraction(line.kept * before, line.ordered) if line.ordered else before
    if ordered == 0:
        return 0
    return captured - int(captured * kept / ordered)


def points_paid_by_line(snapshot: Snapshot, our_codes: Set[str]) -> Mapping[str, int]:
    """How much of each line our codes took off, gross minor units: their amount, spread by what discounts took off each line."""
    ours = sum(code.gross for code in snapshot.codes if code.code in our_codes)
    off = [max(0, line.undiscounted - line.ordered) if line.kind is not LineKind.FEE else 0 for line in snapshot.lines]
    ours = min(ours, sum(off))
    if ours == 0:
        return {}
    shares = split_by_largest_remainder(ours, off)
    return {line.line_id: share for line, share in zip(snapshot.lines, shares, strict=True)}


def _eligible(line: SnapshotLine, terms: Terms) -> int:
    if line.kind is LineKind.FEE or (line.kind is LineKind.GIFT_CARD and not terms.include_gift_cards):
        return 0
    return line.ordered if terms.include_tax else line.ordered_net


def _line_points(line_id: str, name: str, eligible: int, ordered: int, kept: int, points: int) -> LinePoints:
    target = points if ordered == 0 else ceil_div(points * kept, ordered)
    return LinePoints(line_id, name, eligible, ordered, kept, points, target)
