"""What the fake shop's own books say that each customer must have: plain arithmetic, nothing of the product is asked.

Terms: 3 points for each whole euro of goods after discounts, VAT included; no shipping, no fees, no gift certificates, no
return window, no expiry. Amounts are gross cents. A discount is a row of its own, which tells what it took at each rate
of VAT: that lies on the goods of this rate in proportion to their prices.
"""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from demo.shop.entities import Order, Refund
from demo.shoptet.entities import CANCELLED
from demo.shoptet.rows import Row, refunded_rows, rows
from demo.shoptet.site import Site
from tests.torture.stream_oracle import EARN_PER_CENTS, EARN_POINTS, Spent, largest_remainders, rounded_up

GOODS = frozenset({"product", "service"})
DISCOUNTS = frozenset({"discount-coupon", "volume-discount"})


def expected_balances(site: Site, codes: Mapping[str, Spent]) -> dict[int, int]:
    """Points per customer: what the orders earn, less what codes took off them. Unused codes cost nothing."""
    balances: dict[int, int] = defaultdict(int)
    for order in site.store.orders.values():
        if site.extra_of(order).status_id == CANCELLED:
            continue
        balances[order.customer_id] += earned(site, order)
        for line in order.coupon_lines:
            if line.code in codes:
                code = codes[line.code]
                balances[code.customer_id] -= spent(site, order, line.discount, code)
    balances.pop(0, None)  # guests
    return {customer: points for customer, points in balances.items() if points}


def earned(site: Site, order: Order) -> int:
    """Rounded down once for the order, spread over its rows, and each row's part in proportion to what was kept of it."""
    if not is_paid(site, order):
        return 0
    sold = sold_rows(site, order)
    charged = charged_for(site, order)
    eligible = [charged[row.id] if row.kind in GOODS else 0 for row in sold]
    shares = largest_remainders(sum(eligible) * EARN_POINTS // EARN_PER_CENTS, eligible)
    kept = kept_by_row(site, order)
    return sum(
        rounded_up(share * kept[row.id], charged[row.id]) for row, share in zip(sold, shares, strict=True) if share
    )


def is_paid(site: Site, order: Order) -> bool:
    """Where nobody said, the status may say it."""
    extra = site.extra_of(order)
    return site.statuses[extra.status_id].paid if extra.paid_unknown else order.paid_at is not None


def spent(site: Site, order: Order, discount: int, code: Spent) -> int:
    """Of a fixed discount only what it took off, rounded up; of that only what the goods kept still use, rounded down."""
    captured = min(code.points, rounded_up(code.points * discount, code.face))
    charged, kept = charged_for(site, order), kept_by_row(site, order)
    sold = [row for row in sold_rows(site, order) if row.kind in GOODS]
    off = [row.gross - charged[row.id] for row in sold]
    shares = largest_remainders(min(discount, sum(off)), off)
    before = still = Fraction(0)
    for row, share in zip(sold, shares, strict=True):
        paid = charged[row.id]
        if share:
            before += paid + share
            still += Fraction(kept[row.id], paid) * (paid + share) if paid else share
    return int(captured * still / before) if before else captured


def sold_rows(site: Site, order: Order) -> list[Row]:
    """All that is charged for but the shipping."""
    return [row for row in rows(site, order) if row.kind != "shipping" and not is_discount(row)]


def is_discount(row: Row) -> bool:
    return row.kind in DISCOUNTS or (row.kind == "generic-item" and row.gross < 0)


def charged_for(site: Site, order: Order) -> dict[int, int]:
    """Cents per row, with the discounts taken off."""
    found = {row.id: row.gross for row in sold_rows(site, order)}
    goods = [row for row in sold_rows(site, order) if row.kind in GOODS]
    for row in rows(site, order):
        if not is_discount(row):
            continue
        left = min(-row.gross, sum(found[each.id] for each in goods))
        by_rate: dict[Decimal, int] = defaultdict(int)
        for gross, rate in row.parts:
            by_rate[rate] += max(0, -gross)
        for rate, cents in by_rate.items():
            left -= _take(found, [each for each in goods if each.rate == rate], min(cents, left))
        _take(found, goods, left)
    return found


def kept_by_row(site: Site, order: Order) -> dict[int, int]:
    """Cents still paid for: less what notes name by what was sold, less a share of what they do not name."""
    kept = charged_for(site, order)
    unnamed = 0
    for refund in sorted(order.refunds, key=lambda each: each.id):
        unnamed += refund.amount - sum(_named(site, order, refund, kept))
    places = [*kept.values(), order.shipping_total]
    shares = largest_remainders(min(unnamed, sum(places)), places)
    return {row: left - share for (row, left), share in zip(kept.items(), shares, strict=False)}


def _named(site: Site, order: Order, refund: Refund, kept: dict[int, int]) -> list[int]:
    """What a note's rows took off the order's rows of the same goods, the first of them first."""
    taken = []
    for back in refunded_rows(site, order, refund):
        cents = back.gross
        for row in sold_rows(site, order):
            if back.code is not None and row.code == back.code:
                here = min(cents, kept[row.id])
                kept[row.id] -= here
                cents -= here
                taken.append(here)
    return taken


def _take(found: dict[int, int], goods: list[Row], cents: int) -> int:
    """Take so much off these rows, at most what they cost. Returns how much it was."""
    weights = [found[row.id] for row in goods]
    taken = min(cents, sum(weights))
    for row, share in zip(goods, largest_remainders(taken, weights), strict=True):
        found[row.id] -= share
    return taken
