"""What happens to orders: status, payment, refunds, trash. Each verb announces what a real shop would announce."""

from collections.abc import Sequence

from demo.shop import coupons
from demo.shop.entities import Order, OrderLine, Refund, RefundLine
from demo.shop.money import FINE, exact_tax, net, tax
from demo.shop.store import Store


class RefundRefused(Exception):
    """More than is left to refund, or less than nothing."""


def announce_created(store: Store, order: Order) -> None:
    """Put a finished order on the books."""
    store.orders[order.id] = order
    coupons.count_usage(store, order, order.status)
    store.emit("order.created", order.id)


def touch(store: Store, order: Order, *, edited: bool = False) -> None:
    """Announce a change. An edit of lines or meta data does not move the date on old posts storage."""
    if not edited or store.rules.edits_move_modified:
        order.modified_at = store.now()
    store.emit("order.updated", order.id)


def set_status(store: Store, order: Order, status: str) -> None:
    """Move the order on, with all that goes along: dates, coupon usage, the refund that "refunded" implies."""
    old = order.status
    if status == old:
        store.emit("order.updated", order.id)
        return
    order.status = status
    stamp(store, order)
    coupons.count_usage(store, order, status)
    touch(store, order)
    store.emit("order.status_changed", order.id, detail=f"{old}>{status}")
    if status == "refunded" and order.refunded < order.total:
        rest = order.total - order.refunded
        _book_refund(store, order, rest, reason="Order fully refunded.", lines=[], author=1)
    mark_paying(store, order)


def mark_paid(store: Store, order: Order) -> None:
    """The money arrived: goods to send wait as processing, downloads are complete at once."""
    order.paid_at = store.now()
    set_status(store, order, "processing" if needs_processing(store, order) else "completed")


def stamp(store: Store, order: Order) -> None:
    """The dates a status brings. Cash on delivery counts as paid when it is completed, not before."""
    if order.status == "completed":
        order.completed_at = store.now()
    cash = order.payment_method == "cod" or not needs_processing(store, order)
    paid_in = {"completed"} if cash else {"processing", "completed"}
    if order.paid_at is None and order.status in paid_in:
        order.paid_at = store.now()


def needs_processing(store: Store, order: Order) -> bool:
    products = (store.products.get(line.product_id) for line in order.lines)
    return any(product is None or not product.virtual for product in products)


def mark_paying(store: Store, order: Order) -> None:
    customer = store.customers.get(order.customer_id)
    if customer is not None and order.status == "completed" and not customer.paying:
        customer.paying = True
        customer.modified_at = store.now()
        store.emit("customer.updated", customer.id)


def refund(
    store: Store, order: Order, amount: int, *, reason: str = "", lines: Sequence[RefundLine] = (), author: int = 1
) -> Refund:
    """Give money back. A refund of all that is left moves the order to refunded. Raises RefundRefused."""
    if amount < 0 or amount > order.total - order.refunded:
        raise RefundRefused("Invalid refund amount.")
    made = _book_refund(store, order, amount, reason=reason, lines=list(lines), author=author)
    if order.refunded >= order.total and order.status != "refunded" and order.total > 0:
        set_status(store, order, "refunded")
    else:
        touch(store, order)
    return made


def lines_to_refund(store: Store, order: Order, quantities: dict[int, int]) -> list[RefundLine]:
    """Refund lines for that many pieces of each order line; the last pieces take what rounding left."""
    made = []
    for line in order.lines:
        quantity = quantities.get(line.id, 0)
        if quantity > 0:
            made.append(_line_to_refund(store, order, line, quantity))
    return made


def _line_to_refund(store: Store, order: Order, line: OrderLine, quantity: int) -> RefundLine:
    before = [done for r in order.refunds for done in r.lines if done.item_id == line.id]
    left = line.quantity - sum(done.quantity for done in before)
    quantity = min(quantity, left)
    net_back, tax_back = (
        (net(line.total) - sum(done.net for done in before), tax(line.total) - sum(done.tax for done in before))
        if quantity == left
        else (round(net(line.total) * quantity / line.quantity), round(tax(line.total) * quantity / line.quantity))
    )
    return RefundLine(
        id=store.next_item_id(),
        meta_id=store.next_meta_id(),
        part="line",
        item_id=line.id,
        name=line.name,
        product_id=line.product_id,
        sku=line.sku,
        quantity=quantity,
        net=net_back,
        tax=tax_back,
        fine_tax=(exact_tax(line.total) * quantity / line.quantity).quantize(FINE),
    )


def delete_refund(store: Store, order: Order, refund_id: int) -> None:
    """Take a refund back, silently: no webhook, no new date, the same status. Only reading the order shows it."""
    order.refunds = [made for made in order.refunds if made.id != refund_id]
    store.emit("refund.deleted", refund_id, order_id=order.id)


def book_past_refund(store: Store, order: Order, amount: int, lines: list[RefundLine]) -> Refund:
    """A refund of long ago, for the generated year: only written down."""
    return _book_refund(store, order, amount, reason="Returned", lines=lines, author=1)


def trash(store: Store, order: Order) -> None:
    order.status_before_trash, order.status = order.status, "trash"
    coupons.count_usage(store, order, "trash")
    order.modified_at = store.now()
    store.emit("order.trashed", order.id)


def restore(store: Store, order: Order) -> None:
    order.status = order.status_before_trash or "pending"
    coupons.count_usage(store, order, order.status)
    order.modified_at = store.now()
    store.emit("order.restored", order.id)


def delete(store: Store, order: Order) -> None:
    """Gone for good, as if it had never been."""
    del store.orders[order.id]
    store.emit("order.deleted", order.id)


def _book_refund(
    store: Store, order: Order, amount: int, *, reason: str, lines: list[RefundLine], author: int
) -> Refund:
    full = order.refunded + amount >= order.total
    made = Refund(
        store.next_post_id(), order.id, store.now(), amount, reason, author, full, lines, store.next_meta_id(),
        store.next_item_id() if lines else 0,
    )  # fmt: skip
    order.refunds.insert(0, made)
    store.emit("order.refunded", made.id, order_id=order.id, detail="full" if full else "partial")
    return made
