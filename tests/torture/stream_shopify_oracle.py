"""What the fake shop's own books say that each customer must have: plain arithmetic, nothing of the product is asked.

Terms: 3 points for each whole euro of goods after discounts, VAT included; no shipping, no tips, no gift cards, no
return window, no expiry. Amounts are gross cents.
"""

from collections import defaultdict
from collections.abc import Mapping
from fractions import Fraction

from demo.shop.entities import Order, OrderLine
from demo.shopify.entities import OrderExtra
from demo.shopify.site import Site
from demo.shopify.sums import line_sums, received
from tests.torture.stream_oracle import EARN_PER_CENTS, EARN_POINTS, Spent, largest_remainders, rounded_up

VAT = Fraction(21, 100)
TIP = "tip"


def expected_balances(site: Site, codes: Mapping[str, Spent]) -> dict[int, int]:
    """Points per customer: what the orders earn, less what codes took off them. Unused codes cost nothing."""
    balances: dict[int, int] = defaultdict(int)
    for order in site.store.orders.values():
        extra = site.extra_of(order)
        if extra.cancelled_at is not None:
            continue
        balances[order.customer_id] += earned(order, extra)
        for index, line in enumerate(order.coupon_lines):
            if line.code in codes:
                code = codes[line.code]
                balances[code.customer_id] -= spent(order, extra, index, code)
    balances.pop(0, None)  # orders without a customer
    return {customer: points for customer, points in balances.items() if points}


def earned(order: Order, extra: OrderExtra) -> int:
    """Rounded down once for the order, spread over its lines, and each line's part in proportion to what was kept of it."""
    if extra.test or order.paid_at is None:
        return 0
    charged = {line.id: charged_for(line, extra) for line in order.lines}
    eligible = [0 if line.id in extra.gift_cards else charged[line.id] for line in order.lines]
    shares = largest_remainders(sum(eligible) * EARN_POINTS // EARN_PER_CENTS, eligible)
    kept = kept_by_line(order, extra)
    return sum(
        rounded_up(share * kept[line.id], charged[line.id])
        for line, share in zip(order.lines, shares, strict=True)
        if share
    )


def spent(order: Order, extra: OrderExtra, index: int, code: Spent) -> int:
    """Of a fixed discount only what it took off, rounded up; of that only what the goods kept still use, rounded down."""
    off = {line.id: taken_off(order, line, extra) for line in order.lines}
    discount = sum(parts.get(index, 0) for parts in off.values())
    # The face value is in terms of the prices: without the tax where that comes on top.
    used = sum(half_up(cents) for line in order.lines for at, cents in off_prices(order, line, extra) if at == index)
    captured = min(code.points, rounded_up(code.points * used, code.face))
    whole = [max(0, sum(parts.values())) for parts in off.values()]
    shares = largest_remainders(min(discount, sum(whole)), whole)
    kept = kept_by_line(order, extra)
    before = still = Fraction(0)
    for line, share in zip(order.lines, shares, strict=True):
        charged = charged_for(line, extra)
        if share:
            before += charged + share
            still += Fraction(kept[line.id], charged) * (charged + share) if charged else share
    return int(captured * still / before) if before else captured


def units_of(line: OrderLine, extra: OrderExtra) -> int:
    """What is part of the order, returned or not: an edit takes units out of it, a refund does not."""
    return line.quantity - extra.removed.get(line.id, 0)


def charged_for(line: OrderLine, extra: OrderExtra) -> int:
    return half_up(Fraction(line.total * units_of(line, extra), line.quantity))


def taken_off(order: Order, line: OrderLine, extra: OrderExtra) -> dict[int, int]:
    """What each code of the order took off this line. A net price shows it without the tax that it takes along."""
    tax = Fraction(1) if extra.taxes_included else 1 + VAT
    return {index: half_up(cents * tax) for index, cents in off_prices(order, line, extra)}


def off_prices(order: Order, line: OrderLine, extra: OrderExtra) -> list[tuple[int, Fraction]]:
    """The same as the shop's prices are: with tax, or without."""
    part = Fraction(units_of(line, extra), line.quantity)
    return [(index, cents * part) for index, cents in line_sums(order, extra, line).allocations]


def kept_by_line(order: Order, extra: OrderExtra) -> dict[int | str, int]:
    """Cents still paid for, per line of goods and of the tips: less what refunds name, less a share of what they do not.

    Money that goes back for what an edit took out is not taken off what the order still has.
    """
    kept: dict[int | str, int] = {line.id: charged_for(line, extra) for line in order.lines}
    kept[TIP] = sum(fee.total for fee in order.fee_lines)
    shipping = order.shipping_total
    too_much = max(0, received(order, extra) - sum(kept.values()) - shipping) if extra.edited else 0
    named_shipping = unnamed = 0
    for refund in order.refunds:
        left = refund.amount
        for part in refund.lines:
            money = min(part.net + part.tax, left)
            left -= money
            if part.part == "shipping":
                named_shipping += money
            else:
                here = min(money, kept[part.item_id])
                kept[part.item_id] -= here
                unnamed += money - here
        taken_out = min(left, too_much)
        too_much -= taken_out
        unnamed += left - taken_out
    here = min(named_shipping, shipping)
    unnamed += named_shipping - here
    places = [*kept.values(), shipping - here]
    shares = largest_remainders(min(unnamed, sum(places)), places)
    return {line: left - share for (line, left), share in zip(kept.items(), shares, strict=False)}


def half_up(amount: Fraction) -> int:
    return int(amount + Fraction(1, 2)) if amount >= 0 else -int(-amount + Fraction(1, 2))
