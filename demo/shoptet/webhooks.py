"""What the addon is told, and when: events of the shop become notifications, signed over their raw body."""

import hashlib
import hmac
import json

from demo.shop.store import Event
from demo.shoptet.entities import Notification
from demo.shoptet.guids import guid
from demo.shoptet.site import Site
from demo.shoptet.times import stamp

SIGNATURE = "Shoptet-Webhook-Signature"
LIFECYCLE = ("addon:suspend", "addon:approve", "addon:terminate", "addon:uninstall")
ORDERS = {
    "order.created": "order:create",
    "order.updated": "order:update",
    "order.deleted": "order:delete",
    "order.cancelled": "order:cancel",
    "order.paid": "order:paid",
}
CUSTOMERS = {
    "customer.created": "customer:create",
    "customer.updated": "customer:update",
    "customer.deleted": "customer:delete",
}
COUPONS = {
    "coupon.created": "discountCoupon:create",
    "coupon.updated": "discountCoupon:update",
    "coupon.trashed": "discountCoupon:delete",
}
CREDIT_NOTES = {
    "credit_note.created": "creditNote:create",
    "credit_note.updated": "creditNote:update",
    "credit_note.deleted": "creditNote:delete",
}


class Told:
    """Turns events of the books into events of the platform; of an order that is being placed only its creation is told."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._placing = 0
        self._order_codes: dict[int, str] = {}
        self._coupon_codes: dict[int, str] = {}

    def of(self, event: Event) -> tuple[str, str] | None:
        """(event, instance), or nothing."""
        if event.name in ORDERS:
            return self._of_order(event)
        if event.name == "order.status_changed" and event.id == self._placing:
            self._placing = 0
        if event.name in CUSTOMERS:
            return CUSTOMERS[event.name], guid("customer", event.id)
        if event.name in CREDIT_NOTES:
            return CREDIT_NOTES[event.name], f"{event.id:08d}"
        if event.name in COUPONS:
            return self._of_coupon(event)
        return None

    def _of_order(self, event: Event) -> tuple[str, str] | None:
        order = self.site.store.orders.get(event.id)
        if order is not None:
            self._order_codes[event.id] = self.site.code(order)
        code = self._order_codes.get(event.id)
        if event.name == "order.created":
            self._placing = event.id
        elif event.id == self._placing:
            return None
        return (ORDERS[event.name], code) if code is not None else None

    def _of_coupon(self, event: Event) -> tuple[str, str] | None:
        extra = self.site.coupons.get(event.id)
        if extra is not None:
            self._coupon_codes[event.id] = extra.code
        code = self._coupon_codes.get(event.id)
        return (COUPONS[event.name], code) if code is not None else None


def notification(site: Site, webhook_id: int, url: str, event: str, instance: str | int) -> Notification:
    now = site.now()
    body = {"eshopId": site.eshop_id, "event": event, "eventCreated": stamp(now), "eventInstance": instance}
    raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "Shoptet"}
    if site.signature_key:
        headers[SIGNATURE] = signature(site.signature_key, raw)
    return Notification(
        site.next("notification"), webhook_id, url, event, instance, int(now), raw, headers, site.store.clock()
    )


def signature(key: str, body: bytes) -> str:
    return hmac.new(key.encode(), body, hashlib.sha1).hexdigest()
