"""`/orders` of wc/v3: list, read, write by staff or apps, trash and delete."""

from typing import Any

from demo.shop import orders
from demo.shop.entities import Order
from demo.woocommerce import order_lines, shapes
from demo.woocommerce.calls import Call, Reply
from demo.woocommerce.errors import WpError, invalid_param
from demo.woocommerce.forms import merged_address, merged_meta
from demo.woocommerce.listing import Sort, by_dates, page
from demo.woocommerce.rest_batch import Batch
from demo.woocommerce.site import Site

STATUSES = ("auto-draft", "pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed",
            "checkout-draft")  # fmt: skip
LISTABLE = ("any", "trash", *STATUSES)
# What "any" leaves out.
HIDDEN = frozenset({"trash", "auto-draft"})
SORT: Sort[Order] = Sort(
    {
        "date": lambda order: (order.created_at, order.id),
        "id": lambda order: (order.id,),
        "include": lambda order: (order.id,),
        "title": lambda order: (order.id,),
        "slug": lambda order: (order.id,),
        "modified": lambda order: (order.modified_at, order.id),
    }
)


def index(site: Site, call: Call) -> Reply:
    statuses = call.words("status") or ["any"]
    for position, status in enumerate(statuses):
        if status not in LISTABLE:
            raise invalid_param("status", f"status[{position}] is not one of {', '.join(LISTABLE)}.")
    rows = by_dates(call, site.store.orders.values(), modified=lambda order: order.modified_at)
    if "any" in statuses:
        rows = [order for order in rows if order.status not in HIDDEN]
    else:
        rows = [order for order in rows if order.status in statuses]
    if call.text("customer"):
        customer = call.number("customer", 0)
        rows = [order for order in rows if order.customer_id == customer]
    if product := call.number("product", 0):
        rows = [order for order in rows if any(line.product_id == product for line in order.lines)]
    if search := call.text("search").strip().lower():
        rows = [order for order in rows if _mentions(order, search)]
    return page(site, call, rows, SORT, lambda order: shapes.order(site, order))


def show(site: Site, call: Call) -> Reply:
    return Reply(shapes.order(site, _found(site, call)))


def create(site: Site, call: Call) -> Reply:
    """A new order by an app. It is only put on the books once all of it was acceptable."""
    store, params = site.store, call.params
    status = _status(params, "pending")
    customer_id = _customer_id(site, params, 0)
    now = store.now()
    order = Order(
        id=store.next_post_id(),
        key=f"wc_order_{store.token(13)}",
        status="pending",
        customer_id=customer_id,
        billing=merged_address(order_lines.NOBODY, params.get("billing")),
        shipping=merged_address(order_lines.NOBODY, params.get("shipping")),
        created_at=now,
        modified_at=now,
        created_via="rest-api",
        payment_method=str(params.get("payment_method", "")),
        payment_title=str(params.get("payment_method_title", "")),
        note=str(params.get("customer_note", "")),
    )
    order_lines.write_all(site, order, params)
    order.meta = merged_meta(store, order.meta, params.get("meta_data"))
    order.tax_line_id = store.next_item_id()
    order_lines.write_coupons(site, order, params.get("coupon_lines"))
    order.status = status
    if params.get("set_paid"):
        order.paid_at = now
        order.status = "processing" if orders.needs_processing(store, order) else "completed"
    orders.stamp(store, order)
    orders.announce_created(store, order)
    if order.status != "pending":
        store.emit("order.status_changed", order.id, detail=f"pending>{order.status}")
    orders.mark_paying(store, order)
    location = {"Location": shapes.rest_url(site, f"orders/{order.id}")}
    return Reply(shapes.order(site, order), 201, location)


def update(site: Site, call: Call) -> Reply:
    store, params = site.store, call.params
    order = store.orders.get(call.ids["order"])
    if order is None:
        raise WpError("woocommerce_rest_shop_order_invalid_id", "Invalid ID.", 400)
    status = _status(params, order.status)
    plain = _update_plain(site, order, params)
    edited = order_lines.edit(site, order, params)
    if params.get("meta_data"):
        order.meta = merged_meta(store, order.meta, params["meta_data"])
        edited = True
    if params.get("set_paid") and order.paid_at is None:
        orders.mark_paid(store, order)
    elif status != order.status:
        orders.set_status(store, order, status)
    elif plain or edited:
        orders.touch(store, order, edited=edited and not plain)
    else:
        # Saving without a change is announced, too.
        store.emit("order.updated", order.id)
    return Reply(shapes.order(site, order))


def delete(site: Site, call: Call) -> Reply:
    order = _found(site, call)
    shape = shapes.order(site, order)
    if call.flag("force"):
        orders.delete(site.store, order)
        return Reply(shape)
    if order.status == "trash":
        raise WpError("woocommerce_rest_already_trashed", "The order has already been deleted.", 410)
    orders.trash(site.store, order)
    return Reply({**shapes.order(site, order)})


def _found(site: Site, call: Call) -> Order:
    order = site.store.orders.get(call.ids["order"])
    if order is None:
        raise WpError("woocommerce_rest_shop_order_invalid_id", "Invalid ID.", 404)
    return order


def _status(params: Any, default: str) -> str:
    status = str(params.get("status") or default).removeprefix("wc-")
    if status not in STATUSES and status != default:
        raise invalid_param("status", f"status is not one of {', '.join(STATUSES)}.", code="rest_not_in_enum")
    return status


def _customer_id(site: Site, params: Any, default: int) -> int:
    customer_id = int(params.get("customer_id", default) or 0)
    if customer_id and customer_id not in site.store.customers:
        raise WpError("woocommerce_rest_invalid_customer_id", "Customer ID is invalid.", 400)
    return customer_id


def _update_plain(site: Site, order: Order, params: Any) -> bool:
    """Change the fields that are no lines. True when anything is different now."""
    before = (order.customer_id, order.billing, order.shipping, order.note, order.payment_method, order.payment_title)
    order.customer_id = _customer_id(site, params, order.customer_id)
    order.billing = merged_address(order.billing, params.get("billing"))
    order.shipping = merged_address(order.shipping, params.get("shipping"))
    order.note = str(params.get("customer_note", order.note))
    order.payment_method = str(params.get("payment_method", order.payment_method))
    order.payment_title = str(params.get("payment_method_title", order.payment_title))
    after = (order.customer_id, order.billing, order.shipping, order.note, order.payment_method, order.payment_title)
    return before != after


def _mentions(order: Order, text: str) -> bool:
    who = order.billing
    return any(text in part.lower() for part in (str(order.id), who.email, who.first_name, who.last_name, who.phone))


BATCH = Batch("order", create, update, delete)
