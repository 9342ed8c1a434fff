"""The surroundings of a demo shop in tests: a clock to turn, a server that receives, and clients of the shop."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

import requests
from woocommerce import API

from demo.server import RunningShop

SECRET = "whsec-local-1"
JANA = {
    "first_name": "Jana",
    "last_name": "Nováková",
    "address_1": "Dlouhá 5",
    "city": "Brno",
    "postcode": "60200",
    "country": "CZ",
    "email": "jana@ex.cz",
    "phone": "+420777123456",
}
GUEST = {
    "first_name": "Guest",
    "last_name": "Host",
    "address_1": "Dlouha 5",
    "city": "Brno",
    "postcode": "60200",
    "country": "CZ",
    "email": "guest@ex.cz",
    "phone": "777123456",
}


@dataclass
class Clock:
    """Stands still until it is turned."""

    now: float = 1795301577.0

    def __call__(self) -> float:
        return self.now

    def turn(self, seconds: float) -> None:
        self.now += seconds


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """A server that remembers what it was sent and answers as told: a status, or a function of the request."""

    answer: int | Callable[[Received], tuple[int, dict[str, str], bytes]] = 200
    received: list[Received] = field(default_factory=list)

    def __enter__(self) -> "Receiver":
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _take(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                got = Received(self.command, self.path, dict(self.headers), body)
                outer.received.append(got)
                status, head, text = (outer.answer, {}, b"") if isinstance(outer.answer, int) else outer.answer(got)
                self.send_response(status)
                for name, value in head.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = _take

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def deliveries(self) -> list[Received]:
        return [got for got in self.received if got.headers.get("Content-Type") == "application/json"]

    def pings(self) -> list[Received]:
        return [got for got in self.received if got.headers.get("Content-Type") == "application/x-www-form-urlencoded"]


class SignedApi(API):  # type: ignore[misc]
    """The real client, signing by the shop's clock."""

    clock: Clock

    def _API__get_oauth_url(self, url: str, method: str, **kwargs: object) -> str:
        signed: str = super()._API__get_oauth_url(url, method, oauth_timestamp=int(self.clock()))
        return signed


def rest(running: RunningShop, *, scope: str = "read_write", user_id: int = 1) -> SignedApi:
    """The real `woocommerce` client over plain http, so with OAuth 1.0a."""
    key = running.shop.create_key(scope=scope, user_id=user_id)
    api = SignedApi(
        url=running.url, consumer_key=key.consumer_key, consumer_secret=key.consumer_secret, version="wc/v3", timeout=20
    )
    clock = running.shop.store.clock
    assert isinstance(clock, Clock)
    api.clock = clock
    return api


@dataclass
class Basket:
    """A storefront visitor: by Cart-Token with the nonce of the last answer."""

    running: RunningShop
    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)

    def call(self, method: str, route: str, body: Any = None) -> requests.Response:
        answer = requests.request(
            method,
            f"{self.running.url}/wp-json/wc/store/v1/{route}",
            json=body,
            headers=self.headers,
            cookies=self.cookies,
            timeout=20,
        )
        for name in ("Nonce", "Cart-Token"):
            if name in answer.headers and not (name == "Cart-Token" and self.cookies):
                self.headers[name] = answer.headers[name]
        return answer

    def filled(self, product: int = 11, quantity: int = 2, *, email: str = "guest@ex.cz") -> "Basket":
        self.call("GET", "cart")
        assert self.call("POST", "cart/add-item", {"id": product, "quantity": quantity}).status_code == 201
        self.call("POST", "cart/update-customer", {"billing_address": {**GUEST, "email": email}})
        return self

    def check_out(self, *, email: str = "guest@ex.cz", payment: str = "cod", **more: object) -> requests.Response:
        return self.call("POST", "checkout", checkout_body(email=email, payment=payment, **more))


def checkout_body(*, email: str = "guest@ex.cz", payment: str = "cod", **more: object) -> dict[str, object]:
    shipping = {name: value for name, value in GUEST.items() if name != "email"}
    return {
        "billing_address": {**GUEST, "email": email},
        "shipping_address": shipping,
        "payment_method": payment,
        **more,
    }


def signed_in(running: RunningShop, who: str | int) -> dict[str, str]:
    """The cookies of a browser after signing in."""
    answer = requests.get(f"{running.url}/demo/sign-in/{who}", allow_redirects=False, timeout=20)
    assert answer.status_code == 302
    return answer.cookies.get_dict()


def subscribe(running: RunningShop, to: str, *topics: str, secret: str = SECRET) -> list[dict[str, Any]]:
    api = rest(running)
    return [
        api.post(
            "webhooks", {"name": topic, "topic": topic, "delivery_url": f"{to}/wh/{topic}", "secret": secret}
        ).json()
        for topic in topics
    ]
