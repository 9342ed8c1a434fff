"""The oracle's arithmetic: what is kept of an order, what it should earn, what a code costs, when points ripen and end.

Written from ledger.md alone, slowly and plainly, with fractions; it shares nothing with core but the values that say what
happened (core.commerce). Where ledger.md leaves a detail open, the rule is stated here beside its function.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from math import ceil, floor
from zoneinfo import ZoneInfo

from core.commerce import LineKind, Order, OrderState, Payment

SHIPPING = "shipping"  # the line that points for shipping are booked on


@dataclass(frozen=True)
class Rate:
    """`earn_points` per `earn_per` minor units; `value_points` are worth `value` minor units."""

    earn_points: int
    earn_per: int
    value_points: int
    value: int
    minimum: int = 1


@dataclass(frozen=True)
class Rules:
    """One version of a program."""

    zone: str
    window_days: int
    expiry_months: int | None
    grace_days: int
    lookback_days: int
    code_hours: int
    earn_when: str
    tax_earns: bool
    shipping_earns: bool
    gift_cards_earn: bool
    points_paid_earn: bool
    rates: dict[str, Rate]


def share_out(total: int, weights: list[int]) -> list[int]:
    """Largest remainder, ties to the earlier place; with no weight at all everything goes to the first place."""
    if not weights:
        return []
    if sum(weights) == 0:
        return [total] + [0] * (len(weights) - 1)
    exact = [Fraction(total * weight, sum(weights)) for weight in weights]
    shares = [floor(part) for part in exact]
    while sum(shares) < total:
        behind = [part - share for part, share in zip(exact, shares, strict=True)]
        shares[behind.index(max(behind))] += 1
    return shares


def kept(order: Order) -> tuple[dict[str, int], int]:
    """What is still paid for, per line and of the shipping, after all refunds: those naming a line first, then those naming
    shipping, then the unnamed rest over what lines and shipping still keep. What is refunded beyond a name is unnamed."""
    lines = {line.external_id: max(0, line.gross) for line in order.lines}
    shipping, for_shipping, unnamed = order.shipping.gross, 0, 0
    for refund in order.refunds:
        left = refund.gross
        for part in refund.lines:
            amount = min(part.gross, left)
            left -= amount
            if part.line_id is None:
                for_shipping += amount
                continue
            here = min(amount, lines.get(part.line_id, 0))
            if part.line_id in lines:
                lines[part.line_id] -= here
            unnamed += amount - here
        unnamed += left
    here = min(for_shipping, shipping)
    shipping -= here
    unnamed += for_shipping - here
    weights = [*lines.values(), shipping]
    shares = share_out(min(unnamed, sum(weights)), weights)
    after = {name: amount - share for (name, amount), share in zip(lines.items(), shares, strict=False)}
    return after, shipping - shares[-1]


def qualifies(order: Order, rules: Rules) -> bool:
    if rules.earn_when == "completed":
        return order.completed_at is not None
    return order.payment is Payment.PAID


def taken_off(order: Order, codes: set[str]) -> dict[str, int]:
    """How much of each line these codes took off: their amounts, spread by what all discounts took off each line but fees."""
    by_codes = sum(discount.gross for discount in order.discounts if discount.code.strip().upper() in codes)
    off = [
        0 if line.kind is LineKind.FEE else max(0, line.before_discount - max(0, line.gross)) for line in order.lines
    ]
    by_codes = min(by_codes, sum(off))
    shares = share_out(by_codes, off) if by_codes else [0] * len(off)
    return {line.external_id: share for line, share in zip(order.lines, shares, strict=True)}


def targets(order: Order, rules: Rules, our_codes: set[str]) -> dict[str, int]:
    """Points per line: floor once per order, split by largest remainder, then in proportion to what is kept, rounded up."""
    rate = rules.rates[order.currency]
    off = taken_off(order, our_codes)
    names, amounts, ordered = [], [], []
    for line in order.lines:
        amount = max(0, line.gross if rules.tax_earns else line.net)
        if line.kind is LineKind.FEE or (line.kind is LineKind.GIFT_CARD and not rules.gift_cards_earn):
            amount = 0
        if rules.points_paid_earn:
            amount += off[line.external_id]
        names.append(line.external_id)
        amounts.append(amount)
        ordered.append(max(0, line.gross))
    if rules.shipping_earns:
        names.append(SHIPPING)
        amounts.append(order.shipping.gross if rules.tax_earns else order.shipping.net)
        ordered.append(order.shipping.gross)
    points = floor(Fraction(sum(amounts) * rate.earn_points, rate.earn_per))
    shares = share_out(points, amounts) if sum(amounts) else [0] * len(amounts)
    still, shipping_still = kept(order)
    still[SHIPPING] = shipping_still
    return {
        name: share if paid == 0 else ceil(Fraction(share * still[name], paid))
        for name, share, paid in zip(names, shares, ordered, strict=True)
    }


def fixed(order: Order, points: int) -> dict[str, int]:
    """A target fixed by staff, spread over the lines by what they cost."""
    return {
        line.external_id: share
        for line, share in zip(
            order.lines, share_out(points, [max(0, line.gross) for line in order.lines]), strict=True
        )
    }


def cost_of_code(order: Order, code: str, *, points: int, face: int, currency: str) -> int | None:
    """What the code's use costs before refunds; None where the order does not use it. In another currency: all of it."""
    used = [discount for discount in order.discounts if discount.code.strip().upper() == code]
    if not used or order.state is OrderState.CANCELLED:
        return None
    if order.currency != currency:
        return points
    return min(points, ceil(Fraction(points * used[0].used, face)))


def still_redeemed(full: int, order: Order, code: str) -> int:
    """What refunds leave redeemed: floor(captured x kept / ordered), over the goods that the discount lay on, before it."""
    off, still = taken_off(order, {code}), kept(order)[0]
    before = after = Fraction(0)
    for line in order.lines:
        share, paid = off[line.external_id], max(0, line.gross)
        if share:
            before += paid + share
            after += Fraction(still[line.external_id] * (paid + share), paid) if paid else paid + share
    return floor(full * after / before) if before else full


def quote(rate: Rate, points: int, available: int) -> tuple[int, int] | None:
    """Points and face value of a redemption of at most so many points; None where there can be none.

    A face value is a multiple of the smallest one that costs whole points; the shop's smallest unit is one minor unit.
    """
    step = next(face for face in range(1, rate.value + 1) if face * rate.value_points % rate.value == 0)
    minimum = ceil(Fraction(max(rate.minimum, step), step)) * step
    face = floor(Fraction(points * rate.value, rate.value_points)) // step * step
    highest = floor(Fraction(available * rate.value, rate.value_points)) // step * step
    if face < minimum or face > highest:
        return None
    return ceil(Fraction(face * rate.value_points, rate.value)), face


def first_instant(day: date, zone: ZoneInfo) -> datetime:
    """The first second at which the calendar in the zone shows this day or a later one, found by trying."""
    early = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=30)
    late = early + timedelta(hours=60)
    while late - early > timedelta(seconds=1):
        middle = early + timedelta(seconds=(late - early) // timedelta(seconds=2))
        if middle.astimezone(zone).date() >= day:
            late = middle
        else:
            early = middle
    return late


def dates(rules: Rules, earned_at: datetime) -> tuple[datetime | None, datetime | None]:
    """Maturity and expiry. "Through the fifth" ends with the first instant of the sixth. Points live a day at the least."""
    zone = ZoneInfo(rules.zone)
    local = earned_at.astimezone(zone).date()
    matures = expires = None
    if rules.window_days:
        matures = first_instant(local + timedelta(days=rules.window_days + 1), zone)
    if rules.expiry_months:
        expires = first_instant(_months_on(local, rules.expiry_months) + timedelta(days=1), zone)
    if matures and expires and expires <= matures:
        expires = matures + timedelta(days=1)
    return matures, expires


def _months_on(day: date, months: int) -> date:
    """The same day so many months on, or the last one of a shorter month."""
    year, month = day.year, day.month
    for _ in range(months):
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    for number in (day.day, 30, 29, 28):
        try:
            return date(year, month, min(number, day.day))
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")
