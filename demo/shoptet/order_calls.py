"""/api/orders"""

from collections.abc import Iterable, Mapping

from demo.shop.entities import Order
from demo.shoptet import bodies, jobs, order_deeds, order_views
from demo.shoptet.amounts import Json
from demo.shoptet.calls import Call, Done, View, between, changes, invalid, paged, whole, yes_or_no
from demo.shoptet.envelope import Refused, not_found
from demo.shoptet.guids import guid, own_id
from demo.shoptet.rows import PAYMENTS
from demo.shoptet.site import Site

MOST = 50
MOST_CODES = 50
MOST_HISTORY = 100


def listed(call: Call) -> Done:
    site = call.site
    found = sorted(_chosen(call), key=lambda order: (order.created_at, order.id), reverse=True)
    return paged(
        call, "orders", found, lambda order: order_views.listed(site, order), default=MOST, most=MOST, strict=True
    )


def changed(call: Call) -> Done:
    living = {call.site.code(order): order.modified_at for order in call.site.store.orders.values()}
    return changes(call, "order", "code", living, most=1000)


def detail(call: Call) -> Done:
    order = _order(call)
    return Done({"order": order_views.detail(call.site, order, call.include())})


def delete(call: Call) -> Done:
    order_deeds.delete(call.site, _order(call))
    return Done()


def statuses(call: Call) -> Done:
    return Done(order_views.statuses(call.site))


def snapshot(call: Call) -> Done:
    _chosen(call)
    job = jobs.start(call.site, "/api/orders/snapshot", dict(call.query))
    return Done({"jobId": job.id}, 202)


def snapshot_rows(site: Site, query: dict[str, str]) -> Iterable[Json]:
    call = Call(site, lambda event, instance: None, "GET", None, query, {})
    include = call.include()
    found = sorted(_chosen(call), key=lambda order: order.id)
    return (order_views.detail(site, order, include) for order in found)


def history(call: Call) -> Done:
    return Done({"orderHistory": order_views.history(call.site, _order(call), system=yes_or_no(call, "system"))})


def remark(call: Call) -> Done:
    order = _order(call)
    shape = {"text": bodies.text(least=1), "type": bodies.one_of("comment", "system")}
    given = bodies.checked(call.sent, shape, required=("text",))
    if len(call.site.note(order).history) >= MOST_HISTORY:
        message = f'Order history item count limit exceeded (100) for order "{call.values["code"]}".'
        raise Refused(403, ("order-history-item-exceeded-limit", message, call.values["code"]))
    order_deeds.write_history(call.site, order, given["text"], system=given.get("type") == "system")
    return Done(status=201)


def set_status(call: Call) -> Done:
    order = _order(call)
    shape = {"statusId": bodies.whole(), "paid": bodies.maybe(bodies.flag), "billingMethodId": bodies.whole()}
    given = bodies.checked(call.sent, shape)
    if not given:
        raise Refused(422, (bodies.INVALID, "At least one field is required.", "data"))
    status_id = given.get("statusId", call.site.extra_of(order).status_id)
    if status_id not in call.site.statuses:
        raise Refused(422, (bodies.INVALID, f'Order status "{status_id}" not found.', "data.statusId"))
    method = next((key for key, known in PAYMENTS.items() if known[2] == given.get("billingMethodId")), None)
    if "billingMethodId" in given:
        if method is None:
            raise Refused(422, (bodies.INVALID, "Billing method not found.", "data.billingMethodId"))
        order.payment_method = method
    order_deeds.set_status(call.site, order, status_id, paid=given.get("paid"))
    return Done({"order": order_views.detail(call.site, order)})


def notes(call: Call) -> Done:
    order = _order(call)
    shape = {
        "customerRemark": bodies.maybe(bodies.text()),
        "eshopRemark": bodies.maybe(bodies.text()),
        "trackingNumber": bodies.maybe(bodies.text()),
        "additionalFields": bodies.list_of(bodies.thing),
    }
    given = bodies.checked(call.sent, shape)
    for each in given.get("additionalFields", ()):
        call.site.note(order).notes[int(each["index"])] = each["text"]
    order.note = given.get("customerRemark", order.note) or ""
    order.modified_at = call.site.store.now()
    call.site.store.emit("order.updated", order.id)
    return Done()


CALLS: Mapping[str, Mapping[str, View]] = {
    "/api/orders": {"GET": listed},
    "/api/orders/changes": {"GET": changed},
    "/api/orders/statuses": {"GET": statuses},
    "/api/orders/snapshot": {"GET": snapshot},
    "/api/orders/<code>": {"GET": detail, "DELETE": delete},
    "/api/orders/<code>/history": {"GET": history, "POST": remark},
    "/api/orders/<code>/status": {"PATCH": set_status},
    "/api/orders/<code>/notes": {"PATCH": notes},
}


def _order(call: Call) -> Order:
    code = call.values["code"]
    order = call.site.order(code)
    if order is None:
        raise not_found("order", f'Order "{code}" not found.', code)
    return order


def _chosen(call: Call) -> list[Order]:
    """The orders that the query's filters let through; a list of codes is a filter alone."""
    site, query = call.site, call.query
    if "orderCodes" in query:
        return _named(call)
    created, changed_then = between(call, "creationTime"), between(call, "changeTime")
    status = whole(call, "statusId", 0)
    source = whole(call, "sourceId", 0)
    customer_id = own_id("customer", query.get("customerGuid", ""))
    email = query.get("email", "").strip().lower()
    first, last = query.get("codeFrom", ""), query.get("codeTo", "")

    def fits(order: Order) -> bool:
        extra, code = site.extra_of(order), site.code(order)
        return (
            created(order.created_at)
            and changed_then(order.modified_at)
            and (not status or extra.status_id == status)
            and (not source or source == (-2 if extra.cash_desk else -1))
            and ("customerGuid" not in query or order.customer_id == customer_id != 0)
            and (not email or order.billing.email.strip().lower() == email)
            and ("phone" not in query or order.billing.phone == query["phone"])
            and ("productCode" not in query or any(line.sku == query["productCode"] for line in order.lines))
            and ("paymentMethodGuid" not in query or _paid_by(order, query["paymentMethodGuid"]))
            and (not first or code >= first)
            and (not last or code <= last)
        )

    return [order for order in site.store.orders.values() if fits(order)]


def _named(call: Call) -> list[Order]:
    codes = [code.strip() for code in call.query["orderCodes"].split(",") if code.strip()]
    if not codes:
        raise Refused(400, ("missing-parameter", 'Missing value for parameter "orderCodes".', "orderCodes"))
    if len(codes) > MOST_CODES:
        message = f'Invalid "orderCodes" parameter. Expected max. {MOST_CODES} elements, but {len(codes)} given.'
        raise invalid("orderCodes", message)
    return [order for order in (call.site.order(code) for code in codes) if order is not None]


def _paid_by(order: Order, wanted: str) -> bool:
    number, _, _ = PAYMENTS.get(order.payment_method, PAYMENTS["bacs"])
    return guid("payment", number) == wanted
