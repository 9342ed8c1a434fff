"""`/orders/{id}/refunds` and `/refunds`: money given back, by lines or by amount."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from demo.shop import orders
from demo.shop.entities import Order, Refund, RefundLine
from demo.shop.money import FINE, minor
from demo.woocommerce import refund_shapes
from demo.woocommerce.calls import Call, Reply
from demo.woocommerce.errors import BareError, WpError, no_route
from demo.woocommerce.forms import amount
from demo.woocommerce.listing import Sort, by_dates, page
from demo.woocommerce.site import Site

SORT: Sort[Refund] = Sort(
    {
        "date": lambda refund: (refund.created_at, refund.id),
        "id": lambda refund: (refund.id,),
        "include": lambda refund: (refund.id,),
        "modified": lambda refund: (refund.created_at, refund.id),
    }
)


def index(site: Site, call: Call) -> Reply:
    order = _order(site, call)
    rows = by_dates(call, order.refunds, modified=lambda refund: refund.created_at)
    return page(site, call, rows, SORT, lambda refund: refund_shapes.refund(site, refund))


def index_of_all(site: Site, call: Call) -> Reply:
    """The refunds of all orders; older shops do not have this route."""
    if not site.version.refunds_route:
        raise no_route()
    every = [refund for order in site.store.orders.values() for refund in order.refunds]
    rows = by_dates(call, every, modified=lambda refund: refund.created_at)
    return page(site, call, rows, SORT, lambda refund: refund_shapes.refund(site, refund, with_parent=True))


def show(site: Site, call: Call) -> Reply:
    return Reply(refund_shapes.refund(site, _refund(_order(site, call), call)))


def create(site: Site, call: Call) -> Reply:
    """Raises the bare-number errors that this route, and hardly any other, answers with status 500."""
    params = call.params
    order = site.store.orders.get(call.ids["order"])
    if order is None:
        raise BareError("woocommerce_rest_invalid_order_id", "Invalid order ID.", 404)
    lines = _lines(site, order, params.get("line_items") or [])
    total = amount(params, "amount", sum(line.net + line.tax for line in lines))
    if total < 0:
        raise BareError("woocommerce_rest_invalid_order_refund", "Refund amount must be greater than zero.", 400)
    if params.get("api_refund", True) not in (False, "false", "0", 0):
        # None of the demo's ways to pay can send money back by itself.
        message = "The payment gateway for this order does not exist."
        raise BareError("woocommerce_rest_cannot_create_order_refund", message, 500)
    author = call.caller.user.id if call.caller.user else 0
    try:
        made = orders.refund(
            site.store, order, total, reason=str(params.get("reason") or ""), lines=lines, author=author
        )
    except orders.RefundRefused as refused:
        raise BareError("woocommerce_rest_cannot_create_order_refund", str(refused), 500) from refused
    return Reply(refund_shapes.refund(site, made), 201)


def delete(site: Site, call: Call) -> Reply:
    order = _order(site, call)
    refund = _refund(order, call)
    if not call.flag("force"):
        raise WpError("woocommerce_rest_trash_not_supported", "Refunds do not support trashing.", 501)
    orders.delete_refund(site.store, order, refund.id)
    return Reply(refund_shapes.refund(site, refund))


def _order(site: Site, call: Call) -> Order:
    order = site.store.orders.get(call.ids["order"])
    if order is None:
        raise WpError("woocommerce_rest_invalid_order_id", "Invalid order ID.", 404)
    return order


def _refund(order: Order, call: Call) -> Refund:
    found = next((refund for refund in order.refunds if refund.id == call.ids["refund"]), None)
    if found is None:
        raise WpError("woocommerce_rest_invalid_order_refund_id", "Invalid order refund ID.", 404)
    return found


def _lines(site: Site, order: Order, given: list[Mapping[str, Any]]) -> list[RefundLine]:
    return [line for item in given if (line := _line(site, order, item)) is not None]


def _line(site: Site, order: Order, item: Mapping[str, Any]) -> RefundLine | None:
    item_id = int(item.get("id") or 0)
    taxes = [part for part in item.get("refund_tax") or [] if part.get("refund_total")]
    fine_tax = sum((Decimal(str(part["refund_total"])) for part in taxes), Decimal(0)).quantize(FINE)
    line = next((line for line in order.lines if line.id == item_id), None)
    shipping = next((line for line in order.shipping_lines if line.id == item_id), None)
    if line is None and shipping is None:
        return None
    return RefundLine(
        id=site.store.next_item_id(),
        meta_id=site.store.next_meta_id(),
        part="line" if line else "shipping",
        item_id=item_id,
        name=line.name if line else shipping.title if shipping else "",
        product_id=line.product_id if line else 0,
        sku=line.sku if line else "",
        quantity=int(item.get("quantity") or 0) if line else 0,
        net=amount(item, "refund_total", 0),
        tax=minor(fine_tax),
        fine_tax=fine_tax,
    )
