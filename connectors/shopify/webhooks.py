"""Reading Shopify's webhooks. Pure.

The signature covers the body alone: neither the topic nor the shop in the headers is proven. So a body must fit its
topic, what comes out is a hint that the core confirms by reading, and what ends something is confirmed by asking the shop.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connectors.shopify.domains import base_url
from connectors.shopify.mapping import tail
from connectors.shopify.signatures import verify_webhook, webhook_domain
from core.commerce import ShopEvent, Topic
from core.errors import InvalidInput, SignatureInvalid
from core.ports import WebhookRequest

SIGNATURE, SHOP, TOPIC = "x-shopify-hmac-sha256", "x-shopify-shop-domain", "x-shopify-topic"

Body = Mapping[str, Any]


class ShopifyWebhookReader:
    def verify(self, request: WebhookRequest) -> None:
        """Raises SignatureInvalid. All secrets are tried whichever fits, and without one the same work is done."""
        verify_webhook(request.body, request.headers.get(SIGNATURE, ""), request.secrets)

    def is_unsigned_ping(self, request: WebhookRequest) -> bool:
        """Shopify signs whatever it sends."""
        return False

    def parse(self, request: WebhookRequest) -> Sequence[ShopEvent]:
        body = _object(request.body)
        topic = request.headers.get(TOPIC, "")
        if not topic:
            raise InvalidInput("The message names no topic")
        read = _READ.get(topic)
        return read(body) if read is not None else ()


def shop_of_message(headers: Mapping[str, str], body: bytes) -> str:
    """The base URL of the shop in the header. Raises SignatureInvalid where the body names another one.

    Shopify's test message of app/uninstalled names none; that topic is believed only once the shop refuses our token.
    """
    domain = webhook_domain(headers.get(SHOP, ""))
    field = _NAMES_SHOP.get(headers.get(TOPIC, ""))
    named = (_object_or_none(body) or {}).get(field, "") if field else domain
    if named != domain and not (field == "myshopify_domain" and named is None):
        raise SignatureInvalid("The message is of another shop than it says")
    return base_url(domain)


def _order(body: Body) -> Sequence[ShopEvent]:
    _needs(body, "currency", "line_items")
    return (ShopEvent(topic=Topic.ORDER_CHANGED, external_id=_id(body, "id")),)


def _order_edited(body: Body) -> Sequence[ShopEvent]:
    edit = body.get("order_edit")
    if not isinstance(edit, Mapping):
        raise _misfit("order_edit")
    return (ShopEvent(topic=Topic.ORDER_CHANGED, external_id=_id(edit, "order_id")),)


def _order_deleted(body: Body) -> Sequence[ShopEvent]:
    _has_only(body, "id", "admin_graphql_api_id")
    return (ShopEvent(topic=Topic.ORDER_DELETED, external_id=_id(body, "id")),)


def _refund(body: Body) -> Sequence[ShopEvent]:
    _needs(body, "refund_line_items")
    return (ShopEvent(topic=Topic.ORDER_CHANGED, external_id=_id(body, "order_id")),)


def _transaction(body: Body) -> Sequence[ShopEvent]:
    _needs(body, "kind")
    return (ShopEvent(topic=Topic.ORDER_CHANGED, external_id=_id(body, "order_id")),)


def _customer(body: Body) -> Sequence[ShopEvent]:
    _needs(body, "created_at")
    return (ShopEvent(topic=Topic.CUSTOMER_CHANGED, external_id=_id(body, "id")),)


def _customer_deleted(body: Body) -> Sequence[ShopEvent]:
    _needs(body, "tax_exemptions")
    _has_only(body, "id", "admin_graphql_api_id", "tax_exemptions", "phone", "addresses")
    return (ShopEvent(topic=Topic.CUSTOMER_DELETED, external_id=_id(body, "id")),)


def _customers_merged(body: Body) -> Sequence[ShopEvent]:
    kept, gone = (body.get(f"admin_graphql_api_customer_{which}_id") for which in ("kept", "deleted"))
    if not (isinstance(kept, str) and isinstance(gone, str)):
        raise _misfit("two customers")
    if body.get("status") == "failed":
        return ()
    return (ShopEvent(topic=Topic.CUSTOMER_MERGED, external_id=tail(gone), into=tail(kept)),)


def _discount_deleted(body: Body) -> Sequence[ShopEvent]:
    found = body.get("admin_graphql_api_id")
    if not isinstance(found, str):
        raise _misfit("id")
    return (ShopEvent(topic=Topic.DISCOUNT_DELETED, external_id=tail(found)),)


def _app_removed(body: Body) -> Sequence[ShopEvent]:
    _needs(body, "myshopify_domain")
    return (ShopEvent(topic=Topic.APP_REMOVED, external_id=_id(body, "id")),)


def _of_person(topic: Topic, orders: str) -> Callable[[Body], Sequence[ShopEvent]]:
    def read(body: Body) -> Sequence[ShopEvent]:
        _needs(body, "shop_domain", orders)
        customer = body.get("customer")
        if not isinstance(customer, Mapping):
            raise _misfit("customer")
        if customer.get("id") is None:  # somebody known by an e-mail only, which is no identity here
            return ()
        return (ShopEvent(topic=topic, external_id=_id(customer, "id")),)

    return read


def _shop_erased(body: Body) -> Sequence[ShopEvent]:
    _needs(body, "shop_domain")
    _has_only(body, "shop_id", "shop_domain")
    return (ShopEvent(topic=Topic.SHOP_ERASED, external_id=_id(body, "shop_id")),)


_READ: Mapping[str, Callable[[Body], Sequence[ShopEvent]]] = {
    "orders/create": _order,
    "orders/updated": _order,
    "orders/paid": _order,
    "orders/cancelled": _order,
    "orders/fulfilled": _order,
    "orders/edited": _order_edited,
    "orders/delete": _order_deleted,
    "refunds/create": _refund,
    "order_transactions/create": _transaction,
    "customers/create": _customer,
    "customers/update": _customer,
    "customers/enable": _customer,
    "customers/disable": _customer,
    "customers/delete": _customer_deleted,
    "customers/merge": _customers_merged,
    "discounts/delete": _discount_deleted,
    "app/uninstalled": _app_removed,
    "customers/data_request": _of_person(Topic.CUSTOMER_DATA_ASKED, "orders_requested"),
    "customers/redact": _of_person(Topic.CUSTOMER_ERASED, "orders_to_redact"),
    "shop/redact": _shop_erased,
}
# Bodies that say themselves which shop they are of, and where: it must be the one in the header.
_NAMES_SHOP = {
    "app/uninstalled": "myshopify_domain",
    "customers/data_request": "shop_domain",
    "customers/redact": "shop_domain",
    "shop/redact": "shop_domain",
}


def _object(raw: bytes) -> Body:
    found = _object_or_none(raw)
    if found is None:
        raise InvalidInput("The message is not an object")
    return found


def _object_or_none(raw: bytes) -> Body | None:
    try:
        found = json.loads(raw, parse_float=str)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _needs(body: Body, *names: str) -> None:
    for name in names:
        if name not in body:
            raise _misfit(name)


def _has_only(body: Body, *names: str) -> None:
    """Else it is the body of another topic, whose id would be taken for that of something ended."""
    if not body.keys() <= set(names):
        raise InvalidInput("The message does not fit its topic: it holds more than such a message does")


def _misfit(what: str) -> InvalidInput:
    return InvalidInput(f"The message does not fit its topic: it has no {what}")


def _id(body: Body, name: str) -> str:
    value = body.get(name)
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not (text.isascii() and text.isdigit() and 0 < len(text) <= 20 and int(text) > 0):
        raise InvalidInput("The message names no id")
    return text
