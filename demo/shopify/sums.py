"""The sums of an order as Shopify shows them. Pure: the books and what the platform knows in, cents out.

In the books every amount includes VAT. An order whose `taxes_included` is false shows net amounts and the tax beside them.
"""

from dataclasses import dataclass

from demo.shop.entities import Order, OrderLine
from demo.shop.money import net, tax
from demo.shopify.entities import OrderExtra


@dataclass(frozen=True, slots=True)
class LineSums:
    """One line as Shopify shows it, in cents: net or gross as the order goes. `tax` is that of all its units."""

    unit: int
    original: int
    discounted: int
    tax: int
    current_quantity: int
    allocations: tuple[tuple[int, int], ...]


def shown(extra: OrderExtra, gross: int) -> int:
    return gross if extra.taxes_included else net(gross)


def refunded_units(order: Order, line_id: int) -> int:
    return sum(line.quantity for made in order.refunds for line in made.lines if line.item_id == line_id)


def line_sums(order: Order, extra: OrderExtra, line: OrderLine) -> LineSums:
    away = extra.removed.get(line.id, 0) + refunded_units(order, line.id)
    if line.id in extra.gift_cards:  # money for money: no tax, and no code takes anything off
        left = max(0, line.quantity - away)
        return LineSums(line.subtotal // line.quantity, line.subtotal, line.total, 0, left, ())
    unit = shown(extra, line.subtotal // line.quantity)
    original = shown(extra, line.subtotal) if extra.taxes_included else unit * line.quantity
    discounted = shown(extra, line.total)
    parts = _allocated(extra, line, original - discounted)
    return LineSums(unit, original, discounted, tax(line.total), max(0, line.quantity - away), parts)


def _allocated(extra: OrderExtra, line: OrderLine, off: int) -> tuple[tuple[int, int], ...]:
    """What each code took off this line; in a shop with net prices the gross parts are scaled, the last takes the rest."""
    if off == 0:
        return ()
    gross = extra.allocations.get(line.id) or [(0, line.subtotal - line.total)]
    whole = sum(cents for _, cents in gross) or 1
    made, left = [], off
    for place, (index, cents) in enumerate(gross):
        part = left if place == len(gross) - 1 else off * cents // whole
        made.append((index, part))
        left -= part
    return tuple(made)


@dataclass(frozen=True, slots=True)
class OrderSums:
    """All in cents. `current_*`: after refunds and edits; the others as if nothing had come back."""

    subtotal: int
    discounts: int
    shipping: int
    tax: int
    tip: int
    total: int
    refunded: int
    received: int
    current_subtotal: int
    current_discounts: int
    current_shipping: int
    current_tax: int
    current_total: int

    @property
    def net_payment(self) -> int:
        return self.received - self.refunded

    @property
    def outstanding(self) -> int:
        return self.current_total - self.net_payment


def order_sums(order: Order, extra: OrderExtra) -> OrderSums:
    lines = [(line, line_sums(order, extra, line)) for line in order.lines]
    parts = [part for made in order.refunds for part in made.lines]
    goods_back = [part for part in parts if part.part != "shipping"]
    shipping_back = sum(part.net + part.tax for part in parts if part.part == "shipping")
    removed = [(line, one, extra.removed.get(line.id, 0)) for line, one in lines]
    subtotal = sum(one.discounted for _, one in lines)
    taxes = sum(one.tax for _, one in lines) + tax(order.shipping_total)
    return OrderSums(
        subtotal=subtotal,
        discounts=sum(one.original - one.discounted for _, one in lines),
        shipping=shown(extra, order.shipping_total),
        tax=taxes,
        tip=sum(fee.total for fee in order.fee_lines),
        total=order.total,
        refunded=order.refunded,
        received=received(order, extra),
        current_subtotal=subtotal
        - sum(part.net + (part.tax if extra.taxes_included else 0) for part in goods_back)
        - sum(one.discounted * units // line.quantity for line, one, units in removed),
        current_discounts=sum(
            (one.original - one.discounted) * one.current_quantity // line.quantity for line, one in lines
        ),
        current_shipping=shown(extra, order.shipping_total - shipping_back),
        current_tax=taxes
        - sum(part.tax for part in parts)
        - sum(one.tax * units // line.quantity for line, one, units in removed),
        current_total=order.total
        - order.refunded
        - sum(line.total * units // line.quantity for line, _, units in removed),
    )


def received(order: Order, extra: OrderExtra) -> int:
    if extra.received is not None:
        return extra.received
    return order.total if order.paid_at is not None else 0


def financial_status(order: Order, extra: OrderExtra, sums: OrderSums | None = None) -> str:
    """The word of OrderDisplayFinancialStatus. `sums`: those of the order, where they are at hand."""
    sums = sums or order_sums(order, extra)
    if sums.received == 0 and order.paid_at is None:
        if extra.cancelled_at is not None or order.status in {"cancelled", "failed"}:
            return "VOIDED"
        return "AUTHORIZED" if extra.authorized else "PENDING"
    if sums.refunded >= sums.received > 0:
        return "REFUNDED"
    if sums.refunded:
        return "PARTIALLY_REFUNDED"
    return "PARTIALLY_PAID" if sums.outstanding > 0 else "PAID"
