"""What the demo shop's own books say that each customer must have: plain arithmetic, nothing of the product is asked.

Terms: 3 points for each whole euro of goods after discounts, VAT included; no shipping, no return window, no expiry.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from demo.shop.entities import Order

EARN_POINTS, EARN_PER_CENTS = 3, 100
UNDONE = frozenset({"cancelled", "failed", "trash"})


@dataclass(frozen=True)
class Spent:
    """A code that a customer paid for: with so many points, for a discount of so many cents."""

    customer_id: int
    points: int
    face: int


def expected_balances(orders: Iterable[Order], codes: Mapping[str, Spent]) -> dict[int, int]:
    """Points per customer: what the orders earn, less what codes took off them. Unused codes cost nothing."""
    balances: dict[int, int] = defaultdict(int)
    for order in orders:
        balances[order.customer_id] += earned(order)
        for line in order.coupon_lines:
            if line.code in codes:
                code = codes[line.code]
                balances[code.customer_id] -= spent(order, line.discount, code)
    balances.pop(0, None)  # guests
    return {customer: points for customer, points in balances.items() if points}


def earned(order: Order) -> int:
    """Rounded down once for the order, spread over its lines, and each line's part in proportion to what was kept of it."""
    if order.status in UNDONE or not (order.paid_at or order.status == "completed"):
        return 0
    paid = [line.total for line in order.lines]
    shares = largest_remainders(sum(paid) * EARN_POINTS // EARN_PER_CENTS, paid)
    kept = kept_by_line(order)
    return sum(
        rounded_up(share * kept[line.id], line.total) for line, share in zip(order.lines, shares, strict=True) if share
    )


def spent(order: Order, discount: int, code: Spent) -> int:
    """Of a fixed discount only what it took off, rounded up; of that only what the goods kept still use, rounded down."""
    if order.status in UNDONE:
        return 0
    captured = min(code.points, rounded_up(code.points * discount, code.face))
    off = [line.subtotal - line.total for line in order.lines]
    shares = largest_remainders(min(discount, sum(off)), off)
    kept = kept_by_line(order)
    before = still = Fraction(0)
    for line, share in zip(order.lines, shares, strict=True):
        if share:
            before += line.total + share
            still += Fraction(kept[line.id], line.total) * (line.total + share) if line.total else share
    return int(captured * still / before) if before else captured


def kept_by_line(order: Order) -> dict[int, int]:
    """Cents still paid for, per line of goods or fee: less what refunds name, less a share of what they do not name."""
    kept = {line.id: line.total for line in order.lines} | {fee.id: fee.total for fee in order.fee_lines}
    unnamed = 0
    for refund in order.refunds:
        unnamed += refund.amount
        for part in refund.lines:
            taken = min(part.net + part.tax, kept.get(part.item_id, 0))
            unnamed -= taken
            if taken:
                kept[part.item_id] -= taken
    places = [*kept.values(), order.shipping_total]
    shares = largest_remainders(min(unnamed, sum(places)), places)
    return {line: left - share for (line, left), share in zip(kept.items(), shares, strict=False)}


def largest_remainders(total: int, weights: Sequence[int]) -> list[int]:
    """Whole parts in proportion that add up to the total; what rounding leaves goes to the largest remainders."""
    if not sum(weights):
        return [0] * len(weights)
    exact = [Fraction(total * weight, sum(weights)) for weight in weights]
    parts = [int(one) for one in exact]
    by_remainder = sorted(range(len(weights)), key=lambda place: exact[place] - parts[place], reverse=True)
    for place in by_remainder[: total - sum(parts)]:
        parts[place] += 1
    return parts


def rounded_up(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)
