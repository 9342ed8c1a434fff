"""Reading Shoptet's webhooks. Pure.

A message names an event and a thing, and nothing else: there is no id of the message itself, no order of arrival, and
some things are told twice, one by one and in a list. What comes out is a hint that the core confirms by reading.
Credit notes name themselves and not their order, so that the poll finds those, by reading the notes that changed.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.shoptet.client import read_json
from core.commerce import ShopEvent, Topic
from core.errors import InvalidInput, SignatureInvalid
from core.ports import WebhookRequest

SIGNATURE = "shoptet-webhook-signature"

# What we register (install.py). Jobs cannot be had without the last. order:paid is not told of orders that are made paid.
EVENTS = (
    "order:create",
    "order:update",
    "order:delete",
    "order:massCreate",
    "order:massUpdate",
    "order:massPaid",
    "customer:create",
    "customer:update",
    "customer:delete",
    "discountCoupon:delete",
    "discountCoupon:massDelete",
    "job:finished",
)
_TOPICS: Mapping[str, Topic] = {
    "order:create": Topic.ORDER_CHANGED,
    "order:update": Topic.ORDER_CHANGED,
    "order:cancel": Topic.ORDER_CHANGED,
    "order:paid": Topic.ORDER_CHANGED,
    "order:delete": Topic.ORDER_DELETED,
    "customer:create": Topic.CUSTOMER_CHANGED,
    "customer:update": Topic.CUSTOMER_CHANGED,
    "customer:delete": Topic.CUSTOMER_DELETED,
    "discountCoupon:delete": Topic.DISCOUNT_DELETED,
    # An addon that is suspended or terminated may be resumed, with the grant that it had: asking shows that it is.
    "addon:uninstall": Topic.APP_REMOVED,
}
_MASS_TOPICS: Mapping[str, Topic] = {
    "order:massCreate": Topic.ORDER_CHANGED,
    "order:massUpdate": Topic.ORDER_CHANGED,
    "order:massPaid": Topic.ORDER_CHANGED,
    "order:massDelete": Topic.ORDER_DELETED,
    "customer:massCreate": Topic.CUSTOMER_CHANGED,
    "customer:massUpdate": Topic.CUSTOMER_CHANGED,
    "customer:massDelete": Topic.CUSTOMER_DELETED,
    "discountCoupon:massDelete": Topic.DISCOUNT_DELETED,
}
MOST_INSTANCES = 5_000
_NO_SECRET = "no secret: the same work, and never a match"  # noqa: S105


class ShoptetWebhookReader:
    def verify(self, request: WebhookRequest) -> None:
        """Raises SignatureInvalid. All secrets are tried whichever fits, and without one the same work is done."""
        given = request.headers.get(SIGNATURE, "").strip().lower().encode("utf-8", "replace")
        matches = [
            hmac.compare_digest(signature(request.body, secret), given) for secret in (request.secrets or (_NO_SECRET,))
        ]
        if not request.secrets or not any(matches):
            raise SignatureInvalid("The message is not signed with this shop's key")

    def is_unsigned_ping(self, request: WebhookRequest) -> bool:
        """Shoptet sends nothing but news."""
        return False

    def parse(self, request: WebhookRequest) -> Sequence[ShopEvent]:
        body = _object(request.body)
        event = body.get("event")
        if not isinstance(event, str) or not event:
            raise InvalidInput("The message names no event")
        topic = _TOPICS.get(event)
        if topic is not None:
            return (ShopEvent(topic=topic, external_id=_instance(body.get("eventInstance"))),)
        topic = _MASS_TOPICS.get(event)
        if topic is not None:
            ids = dict.fromkeys(_instances(body.get("eventInstance")))
            return tuple(ShopEvent(topic=topic, external_id=each) for each in ids)
        return ()


def signature(body: bytes, secret: str) -> bytes:
    """Lower-case hex(HMAC-SHA1), as in the header Shoptet-Webhook-Signature."""
    return hmac.new(secret.encode(), body, hashlib.sha1).hexdigest().encode()


def eshop_of_message(body: bytes) -> str:
    """The number of the shop that a message says it is of. Raises InvalidInput."""
    return _instance(_object(body).get("eshopId"))


def _object(raw: bytes) -> Mapping[str, Any]:
    found = read_json(raw)
    if not isinstance(found, dict):
        raise InvalidInput("The message is not an object")
    return found


def _instances(value: object) -> list[str]:
    """A list, usually written into a text."""
    found = read_json(value.encode("utf-8", "replace")) if isinstance(value, str) else value
    if not isinstance(found, list) or len(found) > MOST_INSTANCES:
        raise InvalidInput("The message names no list of things")
    return [_instance(each) for each in found]


def _instance(value: object) -> str:
    """Numbers in some messages, texts in others."""
    text = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not 0 < len(text) <= 100 or "\0" in text or text != text.encode("utf-8", "replace").decode():
        raise InvalidInput("The message names no thing")
    return text
