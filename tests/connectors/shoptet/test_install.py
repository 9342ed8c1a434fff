"""Tying a shop to us where Shoptet does not let us have all of it."""

import json
from collections.abc import Collection
from typing import Any

import pytest

from connectors.shoptet.client import Client
from connectors.shoptet.gate import Gate
from connectors.shoptet.install import ShoptetInstaller
from connectors.shoptet.webhooks import EVENTS
from connectors.transport import AddressPolicy, Transport
from core.errors import PlatformRefused
from core.ports import Installation, Platform
from tests.connectors.scripted import Asked, ScriptedServer, answer

SHOP_KEY = "0123456789abcdef0123456789abcdef"
ADDRESS = f"https://regulars.example/webhooks/shoptet/{SHOP_KEY}"


class Shop:
    """Registers events, all of a call or none, and not those of `unknown`."""

    def __init__(self, unknown: Collection[str]) -> None:
        self.unknown = unknown
        self.hooks: list[dict[str, Any]] = []
        self.snippets: list[dict[str, str]] = []
        self.registered: list[list[str]] = []  # events of each call

    def subscribe(self, *, secret: str) -> str | None:
        with ScriptedServer([]) as server:
            server.answers = [lambda connection: connection.sendall(self._answer(server.asked[-1]))]
            transport = Transport(AddressPolicy(allow_loopback=True), sleep=lambda seconds: None)
            client = Client({"access_token": "1"}, transport, Gate(sleep=lambda seconds: None), origin=server.url)
            installation = Installation(
                shop_key=SHOP_KEY, platform=Platform.SHOPTET, base_url=server.url, credentials={}
            )
            return ShoptetInstaller(client, installation).subscribe(address=ADDRESS, secret=secret)

    def _answer(self, asked: Asked) -> bytes:
        path = asked.target.partition("?")[0]
        if (asked.method, path) == ("POST", "/api/webhooks"):
            return self._register(json.loads(asked.body)["data"])
        if (asked.method, path) == ("POST", "/api/template-include"):
            self.snippets = json.loads(asked.body)["data"]["snippets"]
        said = {
            "/api/webhooks": {"webhooks": self.hooks},
            "/api/webhooks/renew-signature-key": {"signatureKey": "a-new-key-of-theirs"},
            "/api/template-include": {"snippets": self.snippets},
        }
        return answer(body=json.dumps({"data": said[path], "errors": None}).encode())

    def _register(self, wanted: list[dict[str, str]]) -> bytes:
        self.registered.append([each["event"] for each in wanted])
        bad = [each["event"] for each in wanted if each["event"] in self.unknown]
        if bad:
            error = {"errorCode": "invalid-request-data", "message": "Unknown event.", "instance": bad[0]}
            return answer("422 No", json.dumps({"data": None, "errors": [error]}).encode())
        self.hooks += [{"id": len(self.hooks) + place, **each} for place, each in enumerate(wanted)]
        return answer("201 Made", json.dumps({"data": {"webhooks": []}, "errors": None}).encode())


def test_one_event_that_shoptet_does_not_know_takes_neither_the_others_nor_the_key_nor_our_lines_with_it() -> None:
    unknown = EVENTS[-1]
    shop = Shop({unknown})

    key = shop.subscribe(secret="")

    assert {hook["event"] for hook in shop.hooks} == set(EVENTS) - {unknown}
    assert key == "a-new-key-of-theirs"
    assert len(shop.snippets) == 1


def test_one_event_that_is_refused_alone_is_not_asked_for_twice_at_once() -> None:
    """Shoptet locks a call that is the same as the one before it."""
    shop = Shop({EVENTS[-1]})
    shop.subscribe(secret="")
    shop.registered.clear()

    shop.subscribe(secret="held")

    assert shop.registered == [[EVENTS[-1]]]


def test_a_shop_that_sends_us_nothing_at_all_is_not_called_subscribed() -> None:
    with pytest.raises(PlatformRefused):
        Shop(EVENTS).subscribe(secret="")
