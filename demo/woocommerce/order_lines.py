"""The lines of an order written over REST. The amounts clients write are net, ours include VAT."""

from collections.abc import Mapping
from typing import Any

from demo.shop import carts, coupons
from demo.shop.coupons import Buyer, CouponRefused
from demo.shop.entities import Address, Coupon, FeeLine, Order, OrderLine, ShippingLine
from demo.shop.money import gross_of
from demo.shop.pricing import Item, price
from demo.woocommerce import messages, shapes
from demo.woocommerce.errors import WpError
from demo.woocommerce.forms import amount
from demo.woocommerce.site import Site

NOBODY = Address()


def write_all(site: Site, order: Order, params: Mapping[str, Any]) -> None:
    for given in params.get("line_items") or []:
        order.lines.append(_line(site, given))
    for given in params.get("shipping_lines") or []:
        order.shipping_lines.append(_shipping(site, given))
    for given in params.get("fee_lines") or []:
        total = gross_of(amount(given, "total", 0))
        order.fee_lines.append(FeeLine(site.store.next_item_id(), str(given.get("name") or "Fee"), total))


def write_coupons(site: Site, order: Order, given: object) -> None:
    """Put codes on an order. Raises woocommerce_rest_invalid_coupon; the shop then keeps a draft, and says so."""
    rows = given if isinstance(given, list) else []
    if not rows:
        return
    who = Buyer(order.customer_id, frozenset(filter(None, {order.billing.email.lower()})))
    used: list[Coupon] = []
    for row in rows:
        try:
            coupon = coupons.find_usable(site.store, str(row.get("code", "")))
            coupons.check_buyer(coupon, who, check_emails=site.version.rules.emails_checked_on_staff_orders)
        except CouponRefused as refused:
            text = messages.refusal(site.version, refused)
            raise WpError("woocommerce_rest_invalid_coupon", text, 400, new_draft_order_id=order.id) from refused
        used.append(coupon)
    items = [Item(line.product_id, line.quantity, line.subtotal) for line in order.lines]
    priced = price(items, used, remainder_goes_round=site.version.rules.remainder_goes_round)
    for line, left in zip(order.lines, priced.totals, strict=True):
        line.total = left
    order.coupon_lines = carts.coupon_lines(site.store, used, priced, shapes.coupon_data)


def edit(site: Site, order: Order, params: Mapping[str, Any]) -> bool:
    """Change, add or remove lines of an existing order. True when there was anything to do."""
    for given in params.get("line_items") or []:
        line = next((line for line in order.lines if line.id == given.get("id")), None)
        if line is None:
            order.lines.append(_line(site, given))
        elif given.get("quantity") == 0 or ("product_id" in given and given["product_id"] is None):
            order.lines.remove(line)
        else:
            _change(line, given)
    for given in params.get("fee_lines") or []:
        total = gross_of(amount(given, "total", 0))
        order.fee_lines.append(FeeLine(site.store.next_item_id(), str(given.get("name") or "Fee"), total))
    for given in params.get("shipping_lines") or []:
        order.shipping_lines.append(_shipping(site, given))
    if "coupon_lines" in params:
        _swap_coupons(site, order, params["coupon_lines"])
    return any(params.get(name) is not None for name in ("line_items", "fee_lines", "shipping_lines", "coupon_lines"))


def _swap_coupons(site: Site, order: Order, given: object) -> None:
    counted = order.usage_counted
    if counted:
        coupons.count_usage(site.store, order, "cancelled")
    for line in order.lines:
        line.total = line.subtotal
    order.coupon_lines = []
    write_coupons(site, order, given)
    if counted:
        coupons.count_usage(site.store, order, order.status)


def _line(site: Site, given: Mapping[str, Any]) -> OrderLine:
    product = site.store.products.get(int(given.get("product_id") or 0))
    if product is None:
        raise WpError("woocommerce_rest_required_product_reference", "Product ID or SKU is required.", 400)
    quantity = int(given.get("quantity") or 1)
    subtotal = _gross(given, "subtotal", product.price * quantity)
    total = _gross(given, "total", subtotal)
    name = str(given.get("name") or product.name)
    return OrderLine(site.store.next_item_id(), product.id, name, product.sku, quantity, subtotal, total)


def _change(line: OrderLine, given: Mapping[str, Any]) -> None:
    quantity = int(given.get("quantity") or line.quantity)
    line.subtotal = _gross(given, "subtotal", line.subtotal * quantity // line.quantity)
    line.total = _gross(given, "total", line.total * quantity // line.quantity)
    line.quantity = quantity


def _gross(given: Mapping[str, Any], name: str, default: int) -> int:
    return gross_of(amount(given, name, 0)) if given.get(name) not in (None, "") else default


def _shipping(site: Site, given: Mapping[str, Any]) -> ShippingLine:
    title, method = str(given.get("method_title", "")), str(given.get("method_id", ""))
    return ShippingLine(site.store.next_item_id(), title, method, "", gross_of(amount(given, "total", 0)))
