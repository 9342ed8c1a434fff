"""`regulars selftest`: the whole job played over real HTTP against a made-up shop, with the balance after each step.

Each step says what the balance must be, worked out by hand: 3 points per EUR of goods, 100 points are 1 EUR.
"""

import base64
import hashlib
import hmac
import json
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import requests

from app import books, serving
from app.demo_processes import environment, running, start_process
from app.demo_world import PLATFORM, STEP_S, World, said, settings_of, wait_for
from app.logs import set_up_logs
from core.db.engine import reading
from core.errors import ConfigurationError
from core.merchants import queries as merchant_queries
from core.merchants.queries import ShopView

HOST = "127.0.0.1"
SHOPPER = "anna@example.com"
TEE, MUG = 12, 11  # 24.20 and 12.10 EUR
FIRST_PORT = 18_000
NEXT_SECOND_S = 1.1  # shops stamp orders in whole seconds: one of the second of the launch counts as before it

Say = Callable[[str], None]


def run(*, say: Say) -> int:
    """Play everything; 0 only if each step is right. Ends what it started and leaves nothing."""
    set_up_logs(level=50)
    with tempfile.TemporaryDirectory(prefix="regulars-selftest-") as folder, ExitStack() as stack:
        server_port = serving.free_port(HOST, FIRST_PORT)
        shop_port = serving.free_port(HOST, server_port + 1)
        server_url, shop_url = f"http://{HOST}:{server_port}", f"http://{HOST}:{shop_port}"
        path = Path(folder)
        env = environment(path, server_url)
        server = ["app.cli", "serve", "--host", HOST, "--port", str(server_port)]
        shop = ["demo", "--port", str(shop_port), "--orders", "0"]
        stack.enter_context(running(start_process(server, env=env, log=path / "server.log")))
        stack.enter_context(running(start_process(shop, env=env, log=path / "shop.log")))
        try:
            world = World(settings_of(path, server_url), shop_url=shop_url, server_url=server_url)
            stack.callback(world.close)
            return Play(world, say).all()
        except (ConfigurationError, requests.RequestException) as error:
            say(f"FAILED   {said(error)}")
            for name in ("server.log", "shop.log"):
                say("\n".join((path / name).read_text(errors="replace").splitlines()[-5:]))
            return 1


class Play:
    """The steps, in order; each leaves the world as the next one needs it."""

    def __init__(self, world: World, say: Say) -> None:
        self._world = world
        self._say = say
        self._shopper = requests.Session()
        self._shop: ShopView
        self._failed = 0
        self._first = self._second = 0

    def all(self) -> int:
        world = self._world
        world.make_merchant("Self-test")
        self._shop = world.connect_shop()
        world.publish(self._shop)
        world.pair_plugin(self._shop)
        world.wait_for_webhooks()
        time.sleep(NEXT_SECOND_S)
        self._say("ok       connected, webhooks registered, plugin paired")
        self._shopper.get(f"{world.shop_url}/demo/sign-in/{SHOPPER}", timeout=STEP_S)
        for step in (self._earn, self._redeem, self._check_out, self._refund_part, self._repeat, self._refund_all):
            step()
        self._cancel()
        code = books.verify_all(world.runtime, say=lambda text: self._say(f"         {text}"))
        self._failed += code
        self._say("Everything is right." if not self._failed else f"{self._failed} steps are wrong.")
        return 1 if self._failed else 0

    def _earn(self) -> None:
        self._first = self._buy(TEE, 5)
        self._expect("bought 5 tees for 121.00 EUR: 363 points", available=363)

    def _redeem(self) -> None:
        body = {"points": 200, "idempotency_key": "selftest-0123456789"}
        self._code = self._widget("POST", "redemptions", body)["code"]
        again = self._widget("POST", "redemptions", body)["code"]
        self._check("redeeming twice under one key gives one code", again == self._code)
        self._expect("redeemed 200 points: 163 left, 200 held", available=163, held=200)

    def _check_out(self) -> None:
        """12.10 - 2.00 = 10.10 EUR of goods: 30 points."""
        self._second = self._buy(MUG, 1, code=self._code)
        self._expect("bought a mug with the code: 200 captured, 30 earned", available=193)

    def _refund_part(self) -> None:
        """4 of 5 tees are kept: of 363 points 290.4, rounded up to 291."""
        self._refund(self._first, 1)
        self._expect("one of the five tees came back: 72 points less", available=121)

    def _repeat(self) -> None:
        """Old news, in any order and many times, changes nothing: only what the shop says now counts."""
        for number in range(30):
            order = (self._second, self._first)[number % 2]
            self._deliver(
                {"id": order, "status": ("processing", "completed", "pending")[number % 3], "currency": "EUR"}
            )
        wait_for("All messages are worked", self._nothing_waits)
        self._expect("30 repeated and reordered messages: no change", available=121)

    def _refund_all(self) -> None:
        """30 earned go, 200 redeemed come back."""
        self._refund(self._second, 1)
        self._expect("the mug came back: 30 points go, 200 come back", available=291)

    def _cancel(self) -> None:
        """12.10 EUR: 36 points, until the order is cancelled."""
        order = self._buy(MUG, 1)
        self._expect("bought a mug: 36 points", available=327)
        self._office(f"orders/{order}/cancel", {})
        self._expect("cancelled it: 36 points go", available=291)

    def _buy(self, product: int, pieces: int, *, code: str | None = None) -> int:
        """As the shop's own pages do it, by the Store API. Returns the order's id."""
        self._store("POST", "cart/add-item", {"id": product, "quantity": pieces})
        if code is not None:
            self._store("POST", "cart/apply-coupon", {"code": code})
        address = {
            "first_name": "Anna",
            "last_name": "Nováková",
            "address_1": "Dlouhá 5",
            "city": "Brno",
            "postcode": "60200",
            "country": "CZ",
            "email": SHOPPER,
            "phone": "+420777123456",
        }
        body = {"billing_address": address, "shipping_address": address, "payment_method": "demo_card"}
        return int(self._store("POST", "checkout", body)["order_id"])

    def _store(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        url = f"{self._world.shop_url}/wp-json/wc/store/v1"
        nonce = self._shopper.get(f"{url}/cart", timeout=STEP_S).headers.get("Nonce", "")
        answer = self._shopper.request(method, f"{url}/{path}", json=body, headers={"Nonce": nonce}, timeout=STEP_S)
        return _body(answer, f"The shop's {path}")

    def _widget(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """As the widget does it: the shop says who is signed in, we believe the shop's signature."""
        identity = f"{self._world.shop_url}/wp-json/regulars/v1/identity"
        said_by_shop = self._shopper.get(identity, headers={"X-Regulars": "1"}, timeout=STEP_S)
        token = _body(said_by_shop, "The shop's word on who is signed in")["token"]
        url = f"{self._world.server_url}/widget/v1/api/{self._shop.shop_key}/{path}"
        head = {"Authorization": f"Bearer {token}"}
        return _body(requests.request(method, url, json=body, headers=head, timeout=STEP_S), f"The widget's {path}")

    def _refund(self, order: int, pieces: int) -> None:
        state = self._world.owner.get(f"{self._world.shop_url}/wp-admin/orders/{order}/", timeout=STEP_S)
        line = state.text.split('name="line-', 1)[1].split('"', 1)[0]
        self._office(f"orders/{order}/refund", {f"line-{line}": str(pieces)})

    def _office(self, path: str, form: dict[str, str]) -> None:
        answer = self._world.owner.post(f"{self._world.shop_url}/wp-admin/{path}", data=form, timeout=STEP_S)
        if answer.status_code != 200:
            raise ConfigurationError(f"The shop's back office answered {answer.status_code} to {path}")

    def _deliver(self, order: dict[str, Any]) -> None:
        """A message as the shop would sign it."""
        runtime, shop = self._world.runtime, self._shop
        with reading(runtime.db) as session:
            secret = merchant_queries.webhook_secrets(session, runtime.vault, shop.merchant_id, shop.shop_id)[0]
        body = json.dumps(order).encode()
        signature = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
        head = {
            "Content-Type": "application/json",
            "X-WC-Webhook-Topic": "order.updated",
            "X-WC-Webhook-Signature": signature,
        }
        url = f"{self._world.server_url}/webhooks/{PLATFORM.value}/{shop.shop_key}"
        _body(requests.post(url, data=body, headers=head, timeout=STEP_S), "A webhook")

    def _nothing_waits(self) -> bool:
        return books.nothing_waits(self._world.runtime)

    def _expect(self, what: str, *, available: int, held: int = 0) -> None:
        """Wait until the balance is as it must be, and say what it is."""
        wanted = (available, held)
        deadline = time.monotonic() + STEP_S
        while (found := self._balance()) != wanted and time.monotonic() < deadline:
            time.sleep(0.05)
        suffix = "" if found == wanted else f", but it should be {available} available, {held} held"
        self._check(f"{what}  [{found[0]} available, {found[1]} held{suffix}]", found == wanted)

    def _balance(self) -> tuple[int, int]:
        return books.balance_of_customer(self._world.runtime, self._shop, SHOPPER)

    def _check(self, what: str, good: bool) -> None:
        self._failed += not good
        self._say(f"{'ok' if good else 'WRONG':<8} {what}")


def _body(answer: requests.Response, what: str) -> dict[str, Any]:
    if answer.status_code >= 400:
        raise ConfigurationError(f"{what} was refused ({answer.status_code}): {answer.text[:200]}")
    found: dict[str, Any] = answer.json()
    return found
