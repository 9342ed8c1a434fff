"""What happens to orders in a Shopify shop, written into the neutral books and into what the platform adds to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from demo.shop import carts, customers, orders
from demo.shop.carts import Placing
from demo.shop.entities import Address, Cart, Customer, FeeLine, Order, OrderLine, Refund, RefundLine
from demo.shop.money import exact_tax, minor, net, tax
from demo.shop.pricing import Item, price
from demo.shop.store import Event
from demo.shopify import discounts
from demo.shopify.entities import TIP
from demo.shopify.site import Site
from demo.shopify.sums import order_sums, received, refunded_units


@dataclass(frozen=True)
class Wishes:
    """What is unusual about an order that is about to be placed. Amounts are texts: "5.00", or empty."""

    test: bool = False
    tip: str = ""
    gift_card: str = ""
    taxes_included: bool | None = None
    authorized: bool = False
    source: str = "web"
    processed_at: int | None = None


def place(
    site: Site, items: Mapping[int, int], *, customer: Customer | None, email: str, payment: str,
    codes: Sequence[str], wishes: Wishes,
) -> Order:  # fmt: skip
    """Buy at the storefront, without the pages. Raises CouponRefused, CouponsDropped, CouponJustUsed."""
    customer_id = customer.id if customer is not None else 0
    known = customer.billing if customer is not None else Address()
    billing = customers.with_email(known, customer.email if customer is not None else email)
    cart = Cart(quantities=dict(items), billing=billing, shipping=billing, address_known=True)
    for code in codes:
        discounts.apply(site, cart, code, customer_id)
    return check_out(site, cart, Placing(customer_id, payment, billing, billing), wishes)


def check_out(site: Site, cart: Cart, placing: Placing, wishes: Wishes | None = None) -> Order:
    """Turn a cart into an order, its codes checked once more. Raises as `place`."""
    for code in cart.coupons:
        discounts.check(site, cart, code, placing.customer_id)
    if wishes is None:
        return carts.check_out(site.store, cart, placing, lambda coupon: discounts.describe(site, coupon))
    with site.store.lock:
        rules = site.store.rules
        site.coming = wishes
        if wishes.taxes_included is not None:
            site.store.rules = replace(rules, prices_with_tax=wishes.taxes_included)
        try:
            return carts.check_out(site.store, cart, placing, lambda coupon: discounts.describe(site, coupon))
        finally:
            site.coming, site.store.rules = None, rules


def note_new_order(site: Site, event: Event) -> None:
    """The platform's half of a new order; it listens before anybody is told."""
    if event.name != "order.created":
        return
    order = site.store.orders[event.id]
    extra = site.note(order)
    order.key = order.key.removeprefix("wc_order_").lower()
    wishes = site.coming
    if isinstance(wishes, Wishes) and wishes.taxes_included is not None:
        extra.taxes_included = wishes.taxes_included
    extra.allocations = allocations(site, order)
    if not isinstance(wishes, Wishes):
        return
    extra.test, extra.source, extra.processed_at = wishes.test, wishes.source, wishes.processed_at
    extra.authorized = wishes.authorized
    if wishes.tip:
        order.fee_lines.append(FeeLine(site.store.next_item_id(), TIP, minor(wishes.tip)))
    if wishes.gift_card:
        cents, line_id = minor(wishes.gift_card), site.store.next_item_id()
        order.lines.append(OrderLine(line_id, 0, "Gift card", "GIFT", 1, cents, cents))
        extra.gift_cards.add(line_id)


def allocations(site: Site, order: Order) -> dict[int, list[tuple[int, int]]]:
    """What each code of an order took off each line, in gross cents."""
    used = [site.store.coupons[line.coupon_id] for line in order.coupon_lines if line.coupon_id in site.store.coupons]
    items = [Item(line.product_id, line.quantity, line.subtotal) for line in order.lines]
    before = [item.subtotal for item in items]
    found: dict[int, list[tuple[int, int]]] = {line.id: [] for line in order.lines}
    for index in range(len(used)):
        after = price(
            items,
            used[: index + 1],
            remainder_goes_round=site.store.rules.remainder_goes_round,
            prices_with_tax=site.note(order).taxes_included,
        ).totals
        for line, old, new in zip(order.lines, before, after, strict=True):
            if old != new:
                found[line.id].append((index, old - new))
        before = after
    return {line_id: parts for line_id, parts in found.items() if parts}


def fulfil(site: Site, order: Order) -> None:
    """Sent; cash on delivery counts as paid from then on."""
    was_paid = order.paid_at is not None
    orders.set_status(site.store, order, "completed")
    if not was_paid and order.paid_at is not None:
        site.store.emit("order.paid", order.id)


def mark_paid(site: Site, order: Order) -> None:
    extra = site.note(order)
    sums = order_sums(order, extra)
    extra.received = sums.current_total + sums.refunded
    orders.mark_paid(site.store, order)
    site.store.emit("order.paid", order.id)


def cancel(site: Site, order: Order, *, reason: str = "CUSTOMER", give_back: bool = True) -> None:
    """Cancelled, and by default what was paid goes back: all that is left of goods and shipping."""
    extra = site.note(order)
    extra.cancelled_at, extra.cancel_reason = site.store.now(), reason
    paid = received(order, extra) - order.refunded
    if give_back and paid > 0:
        left = {line.id: line.quantity - refunded_units(order, line.id) for line in order.lines}
        refund(site, order, quantities=left, shipping=True, amount=paid)
    else:
        orders.set_status(site.store, order, "cancelled")
    site.store.emit("order.cancelled", order.id)


def refund(
    site: Site, order: Order, *, quantities: Mapping[int, int], shipping: bool = False, amount: int | None = None,
    reason: str = "",
) -> Refund:  # fmt: skip
    """Units of lines, the shipping, or just an amount in cents. Raises RefundRefused."""
    site.note(order)
    parts = orders.lines_to_refund(site.store, order, dict(quantities))
    if shipping:
        parts += [_shipping_back(site, line.id, line.title, line.total) for line in order.shipping_lines if line.total]
    cents = sum(part.net + part.tax for part in parts) if amount is None else amount
    return orders.refund(site.store, order, cents, reason=reason, lines=parts)


def _shipping_back(site: Site, line_id: int, title: str, cents: int) -> RefundLine:
    store = site.store
    return RefundLine(
        store.next_item_id(), store.next_meta_id(), "shipping", line_id, title, 0, "", 1, net(cents), tax(cents),
        exact_tax(cents),
    )  # fmt: skip


@dataclass(frozen=True)
class Edit:
    """(line id, units) that an edit added and took away."""

    added: list[tuple[int, int]]
    removed: list[tuple[int, int]]


def edit(site: Site, order: Order, *, add: Mapping[int, int], remove: Mapping[int, int]) -> Edit:
    """Add products (id -> units) and take units of lines away (line id -> units), as in the admin's order editor."""
    extra, store = site.note(order), site.store
    if order.paid_at is not None:
        extra.received = received(order, extra)
    if extra.original_total is None:
        extra.original_total = order.total
    done = Edit([], [])
    for product_id, units in add.items():
        product, line_id = store.products[product_id], store.next_item_id()
        total = product.price * units
        order.lines.append(OrderLine(line_id, product.id, product.name, product.sku, units, total, total))
        done.added.append((line_id, units))
    for line_id, units in remove.items():
        extra.removed[line_id] = extra.removed.get(line_id, 0) + units
        done.removed.append((line_id, units))
    extra.edited = True
    orders.touch(store, order)
    return done


def merge(site: Site, kept: Customer, gone: Customer) -> None:
    """One customer instead of two: orders and credit move, without a word about each of them."""
    for order in site.store.orders.values():
        if order.customer_id == gone.id:
            order.customer_id = kept.id
    for account in site.credit.values():
        if account.customer_id == gone.id:
            account.customer_id = kept.id
    del site.store.customers[gone.id]
    kept.modified_at = site.store.now()
    site.store.emit("customer.merged", kept.id, detail=str(gone.id))
    site.store.emit("customer.updated", kept.id)
