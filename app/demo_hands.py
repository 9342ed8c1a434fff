"""What a shopper and the shop's staff do in a made-up shop, by its own pages and calls: the selftest's hands."""

import base64
import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from typing import Any, Protocol

import requests

from app.demo_world import STEP_S, World
from core.db.engine import reading
from core.errors import ConfigurationError
from core.merchants import apps
from core.merchants import queries as merchant_queries
from core.merchants.queries import ShopView

SHOPPER = "anna@example.com"
TEE, MUG = "everyday-tee", "stoneware-mug"  # 24.20 and 12.10 EUR
_IDS = {TEE: 12, MUG: 11}
_ADDRESS = {
    "first_name": "Anna",
    "last_name": "Nováková",
    "address_1": "Dlouhá 5",
    "city": "Brno",
    "postcode": "60200",
    "country": "CZ",
    "email": SHOPPER,
    "phone": "+420777123456",
}


@dataclass(frozen=True)
class Bought:
    """An order, as the shop's own pages call it and as it is called outside."""

    local: str
    external: str


class Hands(Protocol):
    def token(self) -> str:
        """The proof that the shop's pages have of who is signed in."""

    def buy(self, product: str, pieces: int, *, code: str | None = None) -> Bought: ...
    def refund(self, order: Bought, pieces: int) -> None: ...
    def cancel(self, order: Bought) -> None: ...
    def tell(self, order: Bought, status: str) -> None:
        """A message of the shop about an order, signed as the shop does."""


class WooHands:
    def __init__(self, world: World, shop: ShopView) -> None:
        self._world, self._shop = world, shop
        self._shopper = requests.Session()
        self._shopper.get(f"{world.shop_url}/demo/sign-in/{SHOPPER}", timeout=STEP_S)

    def token(self) -> str:
        identity = f"{self._world.shop_url}/wp-json/regulars/v1/identity"
        said = self._shopper.get(identity, headers={"X-Regulars": "1"}, timeout=STEP_S)
        return str(body_of(said, "The shop's word on who is signed in")["token"])

    def buy(self, product: str, pieces: int, *, code: str | None = None) -> Bought:
        """As the shop's own pages do it, by the Store API."""
        self._store("POST", "cart/add-item", {"id": _IDS[product], "quantity": pieces})
        if code is not None:
            self._store("POST", "cart/apply-coupon", {"code": code})
        body = {"billing_address": _ADDRESS, "shipping_address": _ADDRESS, "payment_method": "demo_card"}
        order = str(self._store("POST", "checkout", body)["order_id"])
        return Bought(order, order)

    def refund(self, order: Bought, pieces: int) -> None:
        page = self._world.owner.get(f"{self._world.shop_url}/wp-admin/orders/{order.local}/", timeout=STEP_S)
        line = page.text.split('name="line-', 1)[1].split('"', 1)[0]
        self._office(f"orders/{order.local}/refund", {f"line-{line}": str(pieces)})

    def cancel(self, order: Bought) -> None:
        self._office(f"orders/{order.local}/cancel", {})

    def tell(self, order: Bought, status: str) -> None:
        runtime, shop = self._world.runtime, self._shop
        with reading(runtime.db) as session:
            secret = merchant_queries.webhook_secrets(session, runtime.vault, shop.merchant_id, shop.shop_id)[0]
        body = json.dumps({"id": int(order.external), "status": status, "currency": "EUR"}).encode()
        head = {"X-WC-Webhook-Topic": "order.updated", "X-WC-Webhook-Signature": _signed(secret, body)}
        _send(f"{self._world.server_url}/webhooks/woocommerce/{shop.shop_key}", body, head)

    def _store(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        url = f"{self._world.shop_url}/wp-json/wc/store/v1"
        nonce = self._shopper.get(f"{url}/cart", timeout=STEP_S).headers.get("Nonce", "")
        answer = self._shopper.request(method, f"{url}/{path}", json=body, headers={"Nonce": nonce}, timeout=STEP_S)
        return body_of(answer, f"The shop's {path}")

    def _office(self, path: str, form: dict[str, str]) -> None:
        answer = self._world.owner.post(f"{self._world.shop_url}/wp-admin/{path}", data=form, timeout=STEP_S)
        if answer.status_code != 200:
            raise ConfigurationError(f"The shop's back office answered {answer.status_code} to {path}")


class ShopifyHands:
    def __init__(self, world: World, shop: ShopView) -> None:
        self._world, self._shop = world, shop
        self._shopper = requests.Session()
        self._shopper.get(f"{world.shop_url}/demo/sign-in/{SHOPPER}", timeout=STEP_S)

    def token(self) -> str:
        """By the app proxy: the platform signs who is signed in."""
        said = self._shopper.get(f"{self._world.shop_url}/apps/regulars/token", timeout=STEP_S)
        return str(body_of(said, "The shop's word on who is signed in")["token"])

    def buy(self, product: str, pieces: int, *, code: str | None = None) -> Bought:
        """By the pages, the code by its share link."""
        page = self._page("GET", f"products/{product}")
        variant = re.search(r'name="id" value="(\d+)"', page)
        if variant is None:
            raise ConfigurationError(f"The shop does not sell {product}")
        self._page("POST", "cart/add", {"id": variant.group(1), "quantity": str(pieces)})
        if code is not None:
            self._page("GET", f"discount/{code}")
        self._page("GET", "checkout")
        done = self._page("POST", "checkout", {**_ADDRESS, "payment": "demo_card", "deed": "place"})
        if "thank" not in done.lower():
            raise ConfigurationError("The shop did not take the order")
        state = self._world.shop_state()
        return Bought(str(state["last_order"]), str(state["last_order_number"]))

    def refund(self, order: Bought, pieces: int) -> None:
        page = self._world.owner.get(f"{self._world.shop_url}/admin/orders/{order.local}", timeout=STEP_S)
        line = page.text.split('name="line-', 1)[1].split('"', 1)[0]
        self._office(f"orders/{order.local}/refund", {f"line-{line}": str(pieces)})

    def cancel(self, order: Bought) -> None:
        self._office(f"orders/{order.local}/cancel", {})

    def tell(self, order: Bought, status: str) -> None:
        runtime, shop = self._world.runtime, self._shop
        with reading(runtime.db) as session:
            app = apps.app_of(session, runtime.vault, shop.merchant_id, shop.shop_id)
        if app is None:
            raise ConfigurationError("The shop has no app")
        body = json.dumps({"id": int(order.external), "currency": "EUR", "line_items": [], "status": status}).encode()
        head = {
            "X-Shopify-Topic": "orders/updated",
            "X-Shopify-Shop-Domain": shop.base_url.removeprefix("https://"),
            "X-Shopify-Hmac-Sha256": _signed(app.app.secrets[0], body),
        }
        _send(f"{self._world.server_url}/webhooks/shopify/{app.app.app_key}", body, head)

    def _page(self, method: str, path: str, form: dict[str, str] | None = None) -> str:
        answer = self._shopper.request(method, f"{self._world.shop_url}/{path}", data=form, timeout=STEP_S)
        if answer.status_code != 200:
            raise ConfigurationError(f"The shop answered {answer.status_code} to {path}")
        return answer.text

    def _office(self, path: str, form: dict[str, str]) -> None:
        answer = self._world.owner.post(f"{self._world.shop_url}/admin/{path}", data=form, timeout=STEP_S)
        if answer.status_code != 200:
            raise ConfigurationError(f"The shop's admin answered {answer.status_code} to {path}")


def body_of(answer: requests.Response, what: str) -> dict[str, Any]:
    """The JSON of an answer. Raises ConfigurationError with `what` where it was refused."""
    if answer.status_code >= 400:
        raise ConfigurationError(f"{what} was refused ({answer.status_code}): {answer.text[:200]}")
    found: dict[str, Any] = answer.json()
    return found


def _signed(secret: str, body: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def _send(url: str, body: bytes, head: dict[str, str]) -> None:
    headers = {"Content-Type": "application/json", **head}
    body_of(requests.post(url, data=body, headers=headers, timeout=STEP_S), "A webhook")
