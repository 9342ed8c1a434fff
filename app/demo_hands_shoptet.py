"""The selftest's hands in a made-up Shoptet shop. Who the shopper is they prove by a code out of a real mail."""

import hashlib
import hmac
import json
import re
from datetime import UTC, datetime
from typing import Any

import requests

from app.demo_hands import MUG, SHOPPER, TEE, Bought, body_of
from app.demo_world import STEP_S, World, wait_for
from core.db.engine import reading
from core.errors import ConfigurationError
from core.merchants import queries as merchant_queries
from core.merchants.queries import ShopView

DONE = "-3"
_IDS = {TEE: "12", MUG: "11"}
_LAYER = re.compile(r'<script id="shoptet-data" type="application/json">(.*?)</script>', re.DOTALL)
_CSRF = re.compile(r'csrf: \{ token: "([0-9a-f]+)"')
_CODE = re.compile(r"^ +([A-Z0-9]{4}-[A-Z0-9]{4})$", re.MULTILINE)
_XHR = {"X-Shoptet-XHR": "Shoptet_Coo7ai"}
_ADDRESS = {
    "first_name": "Anna",
    "last_name": "Nováková",
    "address_1": "Dlouhá 5",
    "city": "Brno",
    "postcode": "60200",
    "phone": "+420777123456",
    "email": SHOPPER,
}


class ShoptetHands:
    def __init__(self, world: World, shop: ShopView) -> None:
        self._world, self._shop = world, shop
        self._shopper = requests.Session()
        self._shopper.get(f"{world.shop_url}/demo/sign-in/{SHOPPER}", timeout=STEP_S)
        self._remembered: str | None = None

    def token(self) -> str:
        """The page says who is signed in and proves nothing: a code is mailed once, and the browser is known from then on."""
        if self._remembered is None:
            self._remembered = self._proven()
        return str(self._ours("session", {"token": self._remembered})["token"])

    def buy(self, product: str, pieces: int, *, code: str | None = None) -> Bought:
        """By the pages and the scripts' own calls of the cart."""
        self._cart("addCartItem", {"priceId": _IDS[product], "amount": str(pieces)})
        if code is not None:
            self._cart("addDiscountCoupon", {"discountCouponCode": code})
        self._page("POST", "objednavka/krok-1/", {"payment": "demo_card"})
        thanks = self._page("POST", "objednavka/krok-2/", _ADDRESS)
        number = str(_layer(thanks).get("order", {}).get("orderNo", ""))
        state = self._world.shop_state()
        if not number or number != state["last_order_code"]:
            raise ConfigurationError("The shop did not take the order")
        return Bought(str(state["last_order"]), number)

    def refund(self, order: Bought, pieces: int) -> None:
        """A credit note, which our poll finds within a minute; the order's new status makes it known at once."""
        page = self._world.owner.get(f"{self._world.shop_url}/admin/orders/{order.local}", timeout=STEP_S)
        line = page.text.split('name="line-', 1)[1].split('"', 1)[0]
        self._office(f"orders/{order.local}/credit", {f"line-{line}": str(pieces)})
        self._office(f"orders/{order.local}/status", {"status": DONE})

    def cancel(self, order: Bought) -> None:
        self._office(f"orders/{order.local}/cancel", {})

    def tell(self, order: Bought, status: str) -> None:
        """Shoptet's messages name the order and nothing of it, so that `status` is not said."""
        runtime, shop = self._world.runtime, self._shop
        with reading(runtime.db) as session:
            mine = (shop.merchant_id, shop.shop_id)
            secret = merchant_queries.webhook_secrets(session, runtime.vault, *mine)[0]
            details = merchant_queries.installation(session, runtime.vault, *mine).details
        told = {
            "eshopId": int(details["eshop_id"]),
            "event": "order:update",
            "eventCreated": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S%z"),
            "eventInstance": order.external,
        }
        body = json.dumps(told).encode()
        signature = hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()
        headers = {"Content-Type": "application/json", "Shoptet-Webhook-Signature": signature}
        url = f"{self._world.server_url}/webhooks/shoptet/{shop.shop_key}"
        body_of(requests.post(url, data=body, headers=headers, timeout=STEP_S), "A webhook")

    def _proven(self) -> str:
        customer = str(_layer(self._page("GET", ""))["customer"]["guid"])
        before = len(self._world.letters())
        self._ours("proofs", {"customer_id": customer})
        wait_for("A code is mailed", lambda: len(self._world.letters()) > before)
        letter = self._world.letters()[0]
        found = _CODE.search(letter["text"])
        if letter["to"] != [SHOPPER] or found is None:
            raise ConfigurationError("The mail with the code is not as it should be")
        return str(self._ours("proofs/confirm", {"customer_id": customer, "code": found.group(1)})["token"])

    def _ours(self, path: str, body: dict[str, str]) -> dict[str, Any]:
        url = f"{self._world.server_url}/widget/v1/api/{self._shop.shop_key}/{path}"
        return body_of(requests.post(url, json=body, timeout=STEP_S), f"The widget's {path}")

    def _cart(self, deed: str, form: dict[str, str]) -> None:
        csrf = _CSRF.search(self._page("GET", "kosik/"))
        url = f"{self._world.shop_url}/action/Cart/{deed}/"
        given = {**form, "__csrf__": csrf.group(1) if csrf else ""}
        said = body_of(self._shopper.post(url, data=given, headers=_XHR, timeout=STEP_S), f"The cart's {deed}")
        if said["code"] != 200:
            raise ConfigurationError(f"The cart's {deed} was refused: {said['message']}")

    def _page(self, method: str, path: str, form: dict[str, str] | None = None) -> str:
        answer = self._shopper.request(method, f"{self._world.shop_url}/{path}", data=form, timeout=STEP_S)
        if answer.status_code != 200:
            raise ConfigurationError(f"The shop answered {answer.status_code} to {path}")
        return answer.text

    def _office(self, path: str, form: dict[str, str]) -> None:
        answer = self._world.owner.post(f"{self._world.shop_url}/admin/{path}", data=form, timeout=STEP_S)
        if answer.status_code != 200:
            raise ConfigurationError(f"The shop's admin answered {answer.status_code} to {path}")


def _layer(page: str) -> dict[str, Any]:
    """What the page tells scripts: a hint, which anybody could have written."""
    found = _LAYER.search(page)
    if found is None:
        raise ConfigurationError("The shop's page tells scripts nothing")
    layer: dict[str, Any] = json.loads(found.group(1))
    return layer
