"""The cart and the checkout: what it costs, which codes it carries, and the order it becomes."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from demo.shop import catalogue, coupons, orders
from demo.shop.coupons import Buyer, CouponRefused
from demo.shop.entities import Address, Cart, Coupon, CouponLine, Order, OrderLine, Product, ShippingLine
from demo.shop.pricing import Item, Priced, price
from demo.shop.store import Store

Describe = Callable[[Coupon], Mapping[str, object]]

PAYMENTS = {"bacs": "Direct bank transfer", "cod": "Cash on delivery", "demo_card": "Demo card"}
# The demo card pays at once, a transfer is awaited, cash comes with the parcel.
STATUS_AFTER = {"bacs": "on-hold", "cod": "processing", "demo_card": "processing"}


class CouponsDropped(Exception):
    """The checkout took invalid codes out of the cart: code -> reason word."""

    def __init__(self, refusals: list[CouponRefused]) -> None:
        super().__init__(", ".join(refusal.code for refusal in refusals))
        self.refusals = refusals


class CouponJustUsed(Exception):
    """Another checkout took the last use of the code while this one was under way."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Quote:
    """A cart with its prices. Amounts include VAT."""

    lines: list[tuple[Product, int]]
    priced: Priced
    coupons: list[Coupon]
    needs_shipping: bool
    free_shipping: bool

    @property
    def shipping(self) -> int:
        return catalogue.SHIPPING if self.needs_shipping and not self.free_shipping else 0

    @property
    def subtotal(self) -> int:
        return sum(product.price * quantity for product, quantity in self.lines)

    @property
    def total(self) -> int:
        return self.priced.goods + self.shipping


@dataclass(frozen=True, slots=True)
class Placing:
    """What the shopper decided at the checkout."""

    customer_id: int
    payment: str
    billing: Address
    shipping: Address
    ip: str = ""
    user_agent: str = ""
    note: str = ""


def quote(store: Store, cart: Cart) -> Quote:
    lines = [(store.products[id_], quantity) for id_, quantity in cart.quantities.items()]
    found = [store.coupon_by_code(code) for code in cart.coupons]
    applied = [coupon for coupon in found if coupon is not None]
    items = [Item(product.id, quantity, product.price * quantity) for product, quantity in lines]
    return Quote(
        lines,
        price(
            items,
            applied,
            remainder_goes_round=store.rules.remainder_goes_round,
            prices_with_tax=store.rules.prices_with_tax,
        ),
        applied,
        needs_shipping=any(not product.virtual for product, _ in lines),
        free_shipping=any(coupon.free_shipping for coupon in applied),
    )


def buyer(store: Store, cart: Cart, customer_id: int, *, billing_email: str | None = None) -> Buyer:
    account = store.customers.get(customer_id)
    typed = cart.billing.email if billing_email is None else billing_email
    emails = {typed.strip().lower()} | ({account.email.lower()} if account else set())
    return Buyer(customer_id, frozenset(email for email in emails if email))


def apply_coupon(store: Store, cart: Cart, code: str, customer_id: int) -> None:
    """Put a code on the cart. Raises CouponRefused."""
    coupon = coupons.find_usable(store, code)
    if coupon.code in cart.coupons:
        raise CouponRefused(coupon.code, "already_applied")
    coupons.check_buyer(coupon, buyer(store, cart, customer_id), check_emails=store.rules.emails_checked_in_cart)
    coupons.check_amount(coupon, quote(store, cart).subtotal)
    others = [other for other in (store.coupon_by_code(c) for c in cart.coupons) if other is not None]
    alone = next((other for other in others if other.individual_use), None)
    if alone is not None:
        raise CouponRefused(alone.code, "stands_alone")
    # A code for individual use pushes the others out.
    cart.coupons = [coupon.code] if coupon.individual_use else [*cart.coupons, coupon.code]


def checked_coupons(store: Store, cart: Cart, who: Buyer) -> None:
    """Drop the codes that no longer hold at the checkout. Raises CouponsDropped when there were any."""
    refusals = []
    for code in list(cart.coupons):
        try:
            coupon = coupons.find_usable(store, code)
            coupons.check_buyer(coupon, who, check_emails=True)
            coupons.check_amount(coupon, quote(store, cart).subtotal)
        except CouponRefused as refused:
            refusals.append(refused)
            cart.coupons.remove(code)
    if refusals:
        raise CouponsDropped(refusals)


def draft_order(store: Store, cart: Cart, describe: Describe) -> Order:
    """The order older shops write as soon as the checkout page opens."""
    with store.lock:
        draft = store.orders.get(cart.draft_id)
        if draft is None or draft.status != "checkout-draft":
            placing = Placing(0, "", cart.billing, cart.shipping)
            draft = _write_order(store, cart, placing, describe, status="checkout-draft")
            cart.draft_id = draft.id
            orders.announce_created(store, draft)
        return draft


def check_out(store: Store, cart: Cart, placing: Placing, describe: Describe) -> Order:
    """Turn the cart into an order. Raises CouponsDropped or, where the shop reserves codes, CouponJustUsed.

    The shop checks the codes, pauses (stock, payment), then books: on shops without reservation several
    checkouts can pass the check with one single-use code, and all of them keep the discount.
    """
    with store.lock:
        checked_coupons(store, cart, buyer(store, cart, placing.customer_id, billing_email=placing.billing.email))
    if cart.coupons:
        store.checkout_pause()
    with store.lock:
        if store.rules.coupons_reserved:
            _reserve(store, cart)
        order = _place(store, cart, placing, describe)
        cart.quantities, cart.coupons, cart.draft_id = {}, [], 0
        return order


def _reserve(store: Store, cart: Cart) -> None:
    for code in cart.coupons:
        coupon = store.coupon_by_code(code)
        if coupon is None or coupons.is_used_up(coupon):
            raise CouponJustUsed(code)


def _place(store: Store, cart: Cart, placing: Placing, describe: Describe) -> Order:
    draft = store.orders.get(cart.draft_id)
    order = _write_order(store, cart, placing, describe, status="pending", draft=draft)
    free = order.total == 0
    order.status = "processing" if free else STATUS_AFTER[placing.payment]
    if free and not orders.needs_processing(store, order):
        order.status = "completed"
    if free or placing.payment == "demo_card":
        order.paid_at = store.now()
        if not orders.needs_processing(store, order):
            order.status = "completed"
    orders.stamp(store, order)
    if draft is None:
        orders.announce_created(store, order)
    else:
        store.orders[order.id] = order
        coupons.count_usage(store, order, order.status)
    store.emit("order.placed", order.id)
    store.emit("order.updated", order.id)
    store.emit("order.status_changed", order.id, detail=f"pending>{order.status}")
    orders.mark_paying(store, order)
    return order


def _write_order(
    store: Store, cart: Cart, placing: Placing, describe: Describe, *, status: str, draft: Order | None = None
) -> Order:
    offer = quote(store, cart)
    now = store.now()
    return Order(
        id=draft.id if draft else store.next_post_id(),
        key=draft.key if draft else f"wc_order_{store.token(13)}",
        status=status,
        customer_id=placing.customer_id,
        billing=placing.billing,
        shipping=placing.shipping,
        created_at=draft.created_at if draft else now,
        modified_at=now,
        created_via="store-api",
        payment_method=placing.payment,
        payment_title=PAYMENTS.get(placing.payment, ""),
        note=placing.note,
        ip=placing.ip,
        user_agent=placing.user_agent,
        cart_hash=fingerprint(cart),
        tax_line_id=store.next_item_id(),
        lines=[
            OrderLine(
                store.next_item_id(), product.id, product.name, product.sku, quantity, product.price * quantity, left
            )
            for (product, quantity), left in zip(offer.lines, offer.priced.totals, strict=True)
        ],
        shipping_lines=_shipping_lines(store, offer),
        coupon_lines=coupon_lines(store, offer.coupons, offer.priced, describe),
        meta=[store.meta("is_vat_exempt", "no")],
    )


def coupon_lines(store: Store, used: list[Coupon], priced: Priced, describe: Describe) -> list[CouponLine]:
    return [
        CouponLine(
            store.next_item_id(), store.next_meta_id(), coupon.id, coupon.code, coupon.kind, coupon.amount,
            priced.discounts[coupon.code], coupon.free_shipping, describe(coupon),
        )
        for coupon in used
    ]  # fmt: skip


def _shipping_lines(store: Store, offer: Quote) -> list[ShippingLine]:
    if not offer.needs_shipping:
        return []
    items = ", ".join(f"{product.name} &times; {quantity}" for product, quantity in offer.lines if not product.virtual)
    title, method, instance = (
        ("Free shipping", "free_shipping", "2") if offer.free_shipping else (catalogue.SHIPPING_TITLE, "flat_rate", "1")
    )
    return [ShippingLine(store.next_item_id(), title, method, instance, offer.shipping, items, store.next_meta_id())]


def fingerprint(cart: Cart) -> str:
    """A hash of what is in the cart; empty for an empty one."""
    if not cart.quantities:
        return ""
    return hashlib.md5(
        repr((sorted(cart.quantities.items()), cart.coupons)).encode(), usedforsecurity=False
    ).hexdigest()
