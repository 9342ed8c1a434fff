"""What happens to orders in a Shoptet shop, written into the neutral books and into what the platform adds to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from demo.shop import carts, customers, orders
from demo.shop import coupons as books
from demo.shop.carts import Placing
from demo.shop.entities import Address, Cart, Customer, FeeLine, Order, OrderLine, Refund
from demo.shop.money import minor
from demo.shop.orders import RefundRefused
from demo.shop.store import Event
from demo.shoptet import coupons
from demo.shoptet.entities import CANCELLED, DONE, NEW, PROCESSING, CreditNote, Document, HistoryRow
from demo.shoptet.site import Site

# What a status is to the neutral books; the merchant's own ones are all work under way.
NEUTRAL = {NEW: "pending", PROCESSING: "processing", DONE: "completed", CANCELLED: "cancelled"}
FROM_NEUTRAL = {
    "pending": NEW,
    "on-hold": NEW,
    "processing": PROCESSING,
    "completed": DONE,
    "refunded": DONE,
    "cancelled": CANCELLED,
    "failed": CANCELLED,
}


@dataclass(frozen=True)
class Wishes:
    """What is unusual about an order that is about to be placed. `rows`: (itemType, name, gross amount as text) beside the
    products; `currency` and `rate`: paid in another currency, so many of it for one of the shop's own.
    """

    rows: Sequence[tuple[str, str, str]] = ()
    cash_desk: bool = False
    paid_unknown: bool = False
    currency: str = ""
    rate: str = "1"
    account_id: int = 0


def place(
    site: Site, items: Mapping[int, int], *, customer: Customer | None, email: str, payment: str,
    codes: Sequence[str], wishes: Wishes,
) -> Order:  # fmt: skip
    """Buy at the storefront, without the pages. Raises CouponRefused, CouponsDropped, CouponJustUsed."""
    customer_id = customer.id if customer is not None else 0
    known = customer.billing if customer is not None else Address(country="CZ")
    billing = customers.with_email(known, customer.email if customer is not None else email)
    cart = Cart(quantities=dict(items), billing=billing, shipping=billing, address_known=True)
    for code in codes:
        coupons.apply(site, cart, code, customer_id)
    return check_out(site, cart, Placing(customer_id, payment, billing, billing), wishes)


def check_out(site: Site, cart: Cart, placing: Placing, wishes: Wishes | None = None) -> Order:
    """Turn a cart into an order, its code checked once more. Raises as `place`."""
    for code in cart.coupons:
        coupons.check(site, cart, code, placing.customer_id)
    site.coming.wishes = wishes or Wishes()
    try:
        return carts.check_out(site.store, cart, placing, lambda coupon: coupons.describe(site, coupon))
    finally:
        site.coming.wishes = None


def note_new_order(site: Site, event: Event) -> None:
    """The platform's half of a new order; it listens before anybody is told."""
    if event.name != "order.created":
        return
    order = site.store.orders[event.id]
    extra = site.note(order)
    write_history(site, order, "Order created")
    wishes = getattr(site.coming, "wishes", None)
    if not isinstance(wishes, Wishes):
        return
    extra.cash_desk, extra.paid_unknown = wishes.cash_desk, wishes.paid_unknown or wishes.cash_desk
    extra.currency, extra.rate, extra.account_id = wishes.currency, Decimal(wishes.rate), wishes.account_id
    for kind, name, amount in wishes.rows:
        fee = FeeLine(site.store.next_item_id(), name, minor(amount))
        order.fee_lines.append(fee)
        extra.kinds[fee.id] = kind


def set_status(site: Site, order: Order, status_id: int, *, paid: bool | None = None) -> None:
    """Move an order on; a status may mark it as paid, `paid` has the last word. Nothing changes: nothing happens."""
    extra, status = site.note(order), site.statuses[status_id]
    moved = extra.status_id != status_id
    now_paid = paid if paid is not None else True if moved and status.paid else order.paid_at is not None
    pays = now_paid != (order.paid_at is not None)
    if not moved and not pays:
        return
    extra.status_id = status_id
    if moved:
        order.status = NEUTRAL.get(status_id, "processing")
        books.count_usage(site.store, order, order.status)
        write_history(site, order, f"Status: {status.name}")
    if moved and status.documents:
        invoice(site, order)
    order.paid_at = (order.paid_at or site.store.now()) if now_paid else None
    extra.paid_unknown = extra.paid_unknown and not pays
    orders.touch(site.store, order)
    if status_id == CANCELLED and moved:
        site.store.emit("order.cancelled", order.id)
    if pays and now_paid:
        site.store.emit("order.paid", order.id)


def mark_paid(site: Site, order: Order, *, paid: bool = True) -> None:
    set_status(site, order, site.note(order).status_id, paid=paid)


def edit(
    site: Site, order: Order, *, add: Mapping[int, int], set_pieces: Mapping[int, int], drop_coupon: bool = False
) -> None:
    """What staff do on the order's page: add products (id -> pieces), set the pieces of rows (row id -> pieces, 0 takes it
    away), take the discount off. A fixed discount stays what it was.
    """
    site.note(order)
    for product_id, count in add.items():
        product, total = site.store.products[product_id], site.store.products[product_id].price * count
        row = OrderLine(site.store.next_item_id(), product.id, product.name, product.sku, count, total, total)
        order.lines.append(row)
    for line_id, count in set_pieces.items():
        line = next(each for each in order.lines if each.id == line_id)
        piece = line.subtotal // max(1, line.quantity)
        taken = line.subtotal - line.total
        line.quantity, line.subtotal = count, piece * count
        line.total = line.subtotal - taken
    order.lines = [line for line in order.lines if line.quantity > 0]
    if drop_coupon:
        order.coupon_lines = []
        for line in order.lines:
            line.total = line.subtotal
    write_history(site, order, "Order edited")
    orders.touch(site.store, order)


def delete(site: Site, order: Order) -> None:
    """Gone, with its credit notes; only the list of changes remembers the code."""
    code = site.code(order)
    for note in [each for each in site.credit_notes.values() if each.order_id == order.id]:
        delete_credit_note(site, note)
    site.deleted["order"][code] = site.store.now()
    orders.delete(site.store, order)
    for kept in (site.orders, site.invoices, site.proofs):
        kept.pop(order.id, None)


def credit(
    site: Site, order: Order, *, quantities: Mapping[int, int], amount: int | None = None, reason: str = "Returned",
    by_proof: bool = False,
) -> CreditNote:  # fmt: skip
    """A credit note for pieces (row id -> pieces), or for an amount alone. The order stays as it was. Raises RefundRefused.

    It hangs on the order's invoice, or (`by_proof`) on a proof of payment.
    """
    lines = orders.lines_to_refund(site.store, order, dict(quantities))
    cents = sum(line.net + line.tax for line in lines) if amount is None else amount
    if cents <= 0 or cents > order.total - order.refunded:
        raise RefundRefused("More than is left, or nothing.")
    made = orders.book_past_refund(site.store, order, cents, [] if amount is not None else lines)
    made.reason = reason
    note = issue(site, order, made, by_proof=by_proof)
    site.store.emit("credit_note.created", int(note.code))
    return note


def issue(site: Site, order: Order, made: Refund, *, by_proof: bool = False) -> CreditNote:
    """The document of a refund that is in the books."""
    code = f"{site.next('credit note'):08d}"
    at = made.created_at
    note = site.credit_notes[code] = CreditNote(code, order.id, made.id, at, at, made.reason)
    if by_proof:
        note.proof_code = prove(site, order).code
    else:
        note.invoice_code = invoice(site, order).code
    return note


def invoice(site: Site, order: Order) -> Document:
    """The order's invoice, made where there is none yet."""
    if order.id not in site.invoices:
        code = f"{site.code(order)[:4]}2{site.next('invoice'):05d}"
        site.invoices[order.id] = Document(code, order.id, site.store.now())
    return site.invoices[order.id]


def prove(site: Site, order: Order) -> Document:
    """The order's proof of payment, made where there is none yet."""
    if order.id not in site.proofs:
        site.proofs[order.id] = Document(f"P--{site.code(order)}-1", order.id, site.store.now())
    return site.proofs[order.id]


def void_credit_note(site: Site, note: CreditNote) -> None:
    """The document stays, but it is no longer valid."""
    note.is_valid, note.changed_at = False, site.store.now()
    site.store.emit("credit_note.updated", int(note.code))


def delete_credit_note(site: Site, note: CreditNote) -> None:
    order = site.store.orders.get(note.order_id)
    if order is not None:
        order.refunds = [each for each in order.refunds if each.id != note.refund_id]
    del site.credit_notes[note.code]
    site.deleted["credit note"][note.code] = site.store.now()
    site.store.emit("credit_note.deleted", int(note.code))


def write_history(site: Site, order: Order, text: str, *, system: bool = True) -> None:
    site.note(order).history.append(HistoryRow(site.next("history"), site.store.now(), text, system))


def adopt(site: Site, order: Order) -> None:
    """An order of the generated year: its status, and credit notes for what came back."""
    extra = site.note(order)
    extra.status_id = FROM_NEUTRAL.get(order.status, NEW)
    if extra.status_id == DONE:
        invoice(site, order).created_at = order.completed_at or order.modified_at
    for made in reversed(order.refunds):
        issue(site, order, made)
