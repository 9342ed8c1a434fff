"""Signed webhooks: which event of the books says which topics, and the headers around a body.

Topic and shop stand in headers, which nothing signs; the body is written when the event happens, and stays so through retries.
"""

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from demo.shop.store import Event
from demo.shopify import rest_bodies, rest_refunds
from demo.shopify.ids import gid, number
from demo.shopify.site import Site
from demo.shopify.times import local, millis

API_VERSION = "2026-10"
Json = dict[str, Any]


@dataclass
class Job:
    """One delivery to be made. `subject` tells what it is about; `due` when to try (again)."""

    topic: str
    body: bytes
    headers: dict[str, str]
    subject: str
    due: float
    tries: int = 0
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


def told(site: Site, event: Event) -> list[tuple[str, Json]]:
    """The topics an event of the books fires, with their bodies."""
    store, id_ = site.store, event.id
    if event.name.startswith("order."):
        order = store.orders.get(event.order_id or id_)
        if event.name == "order.deleted":
            return [("orders/delete", {"id": number("Order", id_)})]
        if order is None:
            return []
        match event.name:
            case "order.created":
                body = rest_bodies.order(site, order)
                paid = [("orders/paid", body)] if order.paid_at is not None else []
                return [("orders/create", body), *paid]
            case "order.updated":
                return [("orders/updated", rest_bodies.order(site, order))]
            case "order.paid":
                return [("orders/paid", rest_bodies.order(site, order))]
            case "order.cancelled":
                return [("orders/cancelled", rest_bodies.order(site, order))]
            case "order.refunded":
                made = next(each for each in order.refunds if each.id == id_)
                return [("refunds/create", rest_refunds.refund(site, order, made))]
        return []
    customer = store.customers.get(id_)
    match event.name:
        case "customer.created" | "customer.updated" if customer is not None:
            return [(f"customers/{event.name[9:].rstrip('d')}", rest_bodies.customer(site, customer))]
        case "customer.deleted":
            return [("customers/delete", rest_bodies.deleted_customer(id_))]
        case "customer.merged":
            return [("customers/merge", rest_bodies.merged(id_, int(event.detail)))]
        case "discount.deleted":
            gone = {"admin_graphql_api_id": gid("DiscountCodeNode", id_), "deleted_at": local(site.now())}
            return [("discounts/delete", gone)]
    return []


def job(site: Site, topic: str, body: Json) -> Job:
    kept = site.app.include_fields.get(topic)
    sent = body if kept is None else only(body, kept)
    raw = json.dumps(sent, ensure_ascii=False, separators=(",", ":")).encode()
    now = site.now()
    made = Job(topic, raw, {}, subject(body), now)
    made.headers = {
        "Content-Type": "application/json",
        "User-Agent": "Shopify-Captain-Hook",
        "X-Shopify-Topic": topic,
        "X-Shopify-Hmac-Sha256": signature(site.app.secret, raw),
        "X-Shopify-Shop-Domain": site.domain,
        "X-Shopify-API-Version": API_VERSION,
        "X-Shopify-Webhook-Id": made.id,
        "X-Shopify-Event-Id": str(uuid.uuid4()),
        "X-Shopify-Triggered-At": millis(now),
    }
    return made


def only(body: Json, fields: Sequence[str]) -> Json:
    """The fields that a subscription includes; `line_items.id` takes one of each of a list."""
    kept: Json = {}
    for path in fields:
        name, _, below = path.partition(".")
        if name not in body:
            continue
        value = body[name]
        if not below:
            kept[name] = value
        elif isinstance(value, list):
            rows = kept.setdefault(name, [{} for _ in value])
            for row, each in zip(rows, value, strict=True):
                row.update(only(each, [below]))
        elif isinstance(value, dict):
            kept.setdefault(name, {}).update(only(value, [below]))
    return kept


def signature(secret: str, body: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def subject(body: Json) -> str:
    """What a body is about, so that old news of the same thing can be found again."""
    for name in ("order_id", "id", "admin_graphql_api_id", "admin_graphql_api_customer_kept_id"):
        if name in body:
            return str(body[name])
    return str(body.get("customer", {}).get("id", ""))
