"""Signed webhooks: what becomes of an event, and one delivery at a time with all the habits of a real shop.

There are no retries; 301 and 302 count as arrived; the seventh failure in a row disables; the payload is written
when it is delivered, so several changes of one order become one delivery of its last state.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping

from demo.shop.store import Event
from demo.woocommerce import outbound, php, shapes
from demo.woocommerce.errors import WpError
from demo.woocommerce.site import Site, Webhook

# A shop disables when it already counts more than five failures and one more comes.
TOLERATED_FAILURES = 5

Arg = int | str
Job = tuple[int, Arg]

# Arguments of actions that are objects serialise to this.
JUNK = "{refunds}"


def topics(site: Site, event: Event) -> list[tuple[str, Arg]]:
    """The topics an event fires, each with its first argument, in the order the recordings show."""
    id_, action = event.id, "action.woocommerce"
    match event.name:
        case "order.created" | "order.updated" | "order.restored" | "customer.created" | "customer.updated":
            return [(event.name, id_)]
        case "coupon.created" | "coupon.updated" | "customer.deleted":
            return [(event.name, id_)]
        case "order.placed":
            return [(f"{action}_store_api_checkout_order_processed", JUNK)]
        case "order.status_changed":
            reached = event.detail.split(">")[1]
            return [(f"{action}_order_status_{reached}", id_), (f"{action}_order_status_changed", id_)]
        case "order.refunded":
            done = "fully" if event.detail == "full" else "partially"
            return [
                (f"{action}_order_{done}_refunded", event.order_id),
                ("order.updated", event.order_id),
                (f"{action}_refund_created", id_),
                (f"{action}_order_refunded", event.order_id),
            ]
        case "order.trashed":
            # On posts storage the coupon topic does not look at what kind of post was trashed.
            first = [("coupon.deleted", id_)] if site.version.order_trash_deletes_coupon else []
            return [*first, ("order.deleted", id_)]
        case "order.deleted":
            return [(f"{action}_before_delete_order", id_), (f"{action}_delete_order", id_)]
        case "coupon.trashed":
            return [("coupon.deleted", id_)]
    # A deleted refund, among others, is announced by nothing at all.
    return []


def jobs(site: Site, event: Event) -> list[Job]:
    wanted = topics(site, event)
    return [
        (webhook.id, arg)
        for topic, arg in wanted
        for webhook in site.webhooks.values()
        if webhook.topic == topic and webhook.status == "active"
    ]


def payload(site: Site, webhook: Webhook, arg: Arg) -> object:
    """What to tell, as of now and with the rights of the webhook's owner. An error is a payload like any other."""
    if webhook.resource == "action":
        return {"action": webhook.event, "arg": {"refunds": []} if arg == JUNK else arg}
    if webhook.event == "deleted":
        return {"id": arg}
    try:
        return _resource(site, webhook, int(arg))
    except WpError as error:
        return error.body()


def _resource(site: Site, webhook: Webhook, id_: int) -> object:
    owner = site.user(webhook.user_id)
    if owner is None or not owner.manages_shop:
        raise WpError("woocommerce_rest_cannot_view", "Sorry, you cannot view this resource.", 403 if owner else 401)
    store = site.store
    if webhook.resource == "order" and (order := store.orders.get(id_)) is not None:
        return shapes.order(site, order)
    if webhook.resource == "coupon" and (coupon := store.coupons.get(id_)) is not None:
        return shapes.coupon(site, coupon)
    if webhook.resource == "customer":
        if (customer := store.customers.get(id_)) is not None:
            return shapes.customer(site, customer)
        raise WpError("woocommerce_rest_invalid_id", "Invalid resource ID.", 404)
    raise WpError(f"woocommerce_rest_shop_{webhook.resource}_invalid_id", "Invalid ID.", 404)


def signature(secret: str, body: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def headers(site: Site, webhook: Webhook, body: bytes) -> dict[str, str]:
    return {
        "User-Agent": outbound.hookshot(site),
        "Content-Type": "application/json",
        "X-WC-Webhook-Source": f"{site.home_url}/",
        "X-WC-Webhook-Topic": webhook.topic,
        "X-WC-Webhook-Resource": webhook.resource,
        "X-WC-Webhook-Event": webhook.event,
        "X-WC-Webhook-Signature": signature(webhook.secret, body),
        "X-WC-Webhook-ID": str(webhook.id),
        # One hash per webhook and second: several orders of one second share it.
        "X-WC-Webhook-Delivery-ID": site.digest("delivery", webhook.id, int(site.now())),
    }


def build(site: Site, webhook: Webhook, arg: Arg) -> tuple[bytes, dict[str, str]]:
    with site.store.lock:
        body = php.encode(payload(site, webhook, arg)).encode()
    return body, headers(site, webhook, body)


def send(site: Site, webhook: Webhook, body: bytes, head: Mapping[str, str]) -> int:
    """One delivery: the status, or 0 when nobody answered. Counts failures, and repeats a ping nobody had confirmed."""
    try:
        status = outbound.post(webhook.delivery_url, body, head, timeout_s=outbound.DELIVERY_S)
    except outbound.CallFailed:
        status = 0
    _count(webhook, arrived=200 <= status < 300 or status in {301, 302})
    if webhook.pending:
        ping(site, webhook)
    return status


def _count(webhook: Webhook, *, arrived: bool) -> None:
    if arrived:
        webhook.failures = 0
    elif webhook.failures > TOLERATED_FAILURES:
        webhook.status = "disabled"
    else:
        webhook.failures += 1


def ping(site: Site, webhook: Webhook) -> None:
    """The unsigned form post of creation. Only an exact 200 settles it; a failure changes nothing else."""
    webhook.pending = True
    body = f"webhook_id={webhook.id}".encode()
    head = {"User-Agent": outbound.hookshot(site), "Content-Type": "application/x-www-form-urlencoded"}
    try:
        status = outbound.post(webhook.delivery_url, body, head, timeout_s=outbound.PING_S)
    except outbound.CallFailed:
        return
    webhook.pending = status != 200
