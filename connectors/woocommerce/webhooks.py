"""Reading WooCommerce's webhooks. Pure.

The signature covers the body alone: the topic in the header is not proven, so an old body can be sent again under
another topic. What comes out is a hint that the core confirms by reading, and a body must at least fit its topic.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.woocommerce.client import read_json
from core.commerce import ShopEvent, Topic
from core.errors import InvalidInput, SignatureInvalid
from core.ports import WebhookRequest

# What we register (install.py). Refunds come as order.updated; action.woocommerce_delete_order is the only word of an
# order deleted past the trash.
TOPICS = (
    "order.updated",
    "order.deleted",
    "order.restored",
    "action.woocommerce_delete_order",
    "customer.updated",
    "customer.deleted",
    "coupon.deleted",
)

# Topic -> our topic, and the fields that a body of this kind has beside its id. Deleted things leave only the id.
_RESOURCES: Mapping[str, tuple[Topic, tuple[str, ...]]] = {
    "order.created": (Topic.ORDER_CHANGED, ("status", "currency")),
    "order.updated": (Topic.ORDER_CHANGED, ("status", "currency")),
    "order.restored": (Topic.ORDER_CHANGED, ("status", "currency")),
    "order.deleted": (Topic.ORDER_DELETED, ()),
    "customer.created": (Topic.CUSTOMER_CHANGED, ("email",)),
    "customer.updated": (Topic.CUSTOMER_CHANGED, ("email",)),
    "customer.deleted": (Topic.CUSTOMER_DELETED, ()),
    # On posts storage, trashing an order announces coupon.deleted with the order's id: the core knows its own coupons.
    "coupon.deleted": (Topic.DISCOUNT_DELETED, ()),
}
# Actions whose argument is an order's id. The body names the action itself.
_ACTIONS: Mapping[str, Topic] = {
    "woocommerce_delete_order": Topic.ORDER_DELETED,
    "woocommerce_payment_complete": Topic.ORDER_CHANGED,
    "woocommerce_order_refunded": Topic.ORDER_CHANGED,
    "woocommerce_order_partially_refunded": Topic.ORDER_CHANGED,
    "woocommerce_order_fully_refunded": Topic.ORDER_CHANGED,
    "woocommerce_order_status_changed": Topic.ORDER_CHANGED,
    "woocommerce_order_status_processing": Topic.ORDER_CHANGED,
    "woocommerce_order_status_completed": Topic.ORDER_CHANGED,
    "woocommerce_order_status_cancelled": Topic.ORDER_CHANGED,
    "woocommerce_order_status_refunded": Topic.ORDER_CHANGED,
}
# Signed bodies that are refusals: messages are made at delivery, and this is what WooCommerce found then.
_REFUSALS = {
    "woocommerce_rest_shop_order_invalid_id": "The thing was gone before the shop could tell of it",
    "woocommerce_rest_cannot_view": "The user who made the webhooks may no longer see orders: connect the shop again",
}
_PING = re.compile(rb"webhook_id=[0-9]{1,20}")
_NO_SECRET = "no secret: the same work, and never a match"  # noqa: S105


class WooWebhookReader:
    def verify(self, request: WebhookRequest) -> None:
        """Raises SignatureInvalid. All secrets are tried whichever fits, and without one the same work is done."""
        given = request.headers.get("x-wc-webhook-signature", "").encode("utf-8", "replace")
        matches = [
            hmac.compare_digest(signature(request.body, secret), given) for secret in (request.secrets or (_NO_SECRET,))
        ]
        if not request.secrets or not any(matches):
            raise SignatureInvalid("The message is not signed by this shop")

    def is_unsigned_ping(self, request: WebhookRequest) -> bool:
        """The form post made when a webhook is created, and again with every delivery until answered with 200."""
        is_form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        is_bare = not any(name.startswith("x-wc-") for name in request.headers)
        return is_form and is_bare and _PING.fullmatch(request.body) is not None

    def parse(self, request: WebhookRequest) -> Sequence[ShopEvent]:
        body = read_json(request.body)
        if not isinstance(body, dict):
            raise InvalidInput("The message is not an object")
        if "code" in body and "id" not in body:
            raise InvalidInput(_REFUSALS.get(str(body["code"]), "The message is a refusal, not news"))
        if "action" in body:
            return _from_action(body)
        topic = request.headers.get("x-wc-webhook-topic", "")
        if not topic:
            raise InvalidInput("The message names no topic")
        return _from_resource(topic, body)


def signature(body: bytes, secret: str) -> bytes:
    """base64(HMAC-SHA256), as in the header X-WC-Webhook-Signature."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())


def _from_action(body: Mapping[str, Any]) -> Sequence[ShopEvent]:
    topic = _ACTIONS.get(str(body["action"]))
    return () if topic is None else (ShopEvent(topic=topic, external_id=_id(body.get("arg"))),)


def _from_resource(name: str, body: Mapping[str, Any]) -> Sequence[ShopEvent]:
    if name not in _RESOURCES:
        return ()
    topic, fields = _RESOURCES[name]
    external_id = _id(body.get("id"))
    missing = [field for field in fields if not isinstance(body.get(field), str)]
    if missing:
        raise InvalidInput(f"The message does not fit its topic: it has no {missing[0]}")
    return (ShopEvent(topic=topic, external_id=external_id),)


def _id(value: object) -> str:
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not (text.isascii() and text.isdigit() and 0 < len(text) <= 20 and int(text) > 0):
        raise InvalidInput("The message names no id")
    return text
