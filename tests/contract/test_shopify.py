"""Shopify through the battery: the fake Shopify, which executes the pruned schema. Recorded bodies: test_shopify_webhooks.py."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from connectors import registry
from core.ports import Connector, Installation, Platform
from demo.shopify.server import RunningShopify, start_in_thread
from tests.contract.battery import LivingShop

SHOP_KEY = "0123456789abcdef0123456789abcdef"


class Shopify:
    """The fake Shopify in the battery's words."""

    broken_modes = ("html", "maintenance", "fatal", "error500")

    def __init__(self, *, taxes_included: bool = True) -> None:
        self._ahead = 0
        self._running: RunningShopify = start_in_thread(
            order_count=3, customer_count=2, clock=lambda: time.time() + self._ahead, taxes_included=taxes_included
        )
        self.fake = self._running.shop
        self._token = self.fake.access_token()

    def close(self) -> None:
        self._running.stop()

    def connector(self) -> Connector:
        installation = Installation(
            shop_key=SHOP_KEY,
            platform=Platform.SHOPIFY,
            base_url=f"https://{self.fake.domain}",
            credentials={"access_token": self._token, "origin": self._running.url},
        )
        return registry.connect(installation, policy=registry.AddressPolicy(allow_loopback=True))

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time() + self._ahead, UTC)

    def pass_time(self, *, seconds: int) -> None:
        self._ahead += seconds

    def customer(self) -> str:
        return self.fake.number("Customer", max(self.fake.store.customers))

    def email_of(self, customer_id: str) -> str:
        return self.fake.store.customers[self._local("Customer", customer_id)].email

    def gift(self) -> str:
        return self.fake.number("Product", 11)

    def order(self, *, customer_id: str | None = None, code: str | None = None) -> str:
        local = self._local("Customer", customer_id) if customer_id else 0
        made = self.fake.place_order(
            {12: 1}, customer_id=local, payment="bacs", coupons=(code,) if code else (), account=False
        )
        return self.fake.number("Order", made.id)

    def pay(self, order_id: str) -> None:
        self.fake.mark_paid(self._local("Order", order_id))

    def complete(self, order_id: str) -> None:
        self.pay(order_id)
        self.fake.complete(self._local("Order", order_id))

    def cancel(self, order_id: str) -> None:
        self.fake.cancel(self._local("Order", order_id))

    def refund(self, order_id: str, gross: int) -> None:
        self.fake.refund(self._local("Order", order_id), amount=f"{gross // 100}.{gross % 100:02}")

    def delete(self, order_id: str) -> None:
        self.fake.delete_order(self._local("Order", order_id))

    def break_down(self, how: str) -> None:
        self.fake.faults.update({"rest_mode": how})

    def codes(self, code: str) -> int:
        return int(self.fake.discount(code) is not None)

    def _local(self, kind: str, external_id: str) -> int:
        step = int(self.fake.number(kind, 1)) - int(self.fake.number(kind, 0))
        return (int(external_id) - int(self.fake.number(kind, 0))) // step


class TestLivingShopify(LivingShop):
    @pytest.fixture(params=[True, False], ids=["with-tax", "plus-tax"])
    def shop(self, request: pytest.FixtureRequest) -> Iterator[Shopify]:
        shop = Shopify(taxes_included=bool(request.param))
        yield shop
        shop.close()
