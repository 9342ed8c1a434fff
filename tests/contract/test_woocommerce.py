"""WooCommerce through the battery: the demo shop in both versions. Recordings: test_woocommerce_recorded.py."""

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from connectors import registry
from connectors.woocommerce import mapping
from core.ports import Capability, Connector, Installation, Platform, WebhookRequest
from demo.server import RunningShop, start_in_thread
from tests.contract.battery import LivingShop
from tests.contract.battery_by_keys import LivingShopByKeys

SHOP_KEY = "0123456789abcdef0123456789abcdef"


class Mailbox:
    """A receiver of webhooks on this machine."""

    def __init__(self) -> None:
        self._taken: list[WebhookRequest] = []
        mailbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                mailbox._taken.append(WebhookRequest(body, headers))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._server.server_port}/webhooks/woocommerce/{SHOP_KEY}"

    def take(self) -> Sequence[WebhookRequest]:
        taken, self._taken = self._taken, []
        return taken

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class WooShop:
    """The demo shop in the battery's words."""

    broken_modes = ("html", "maintenance", "fatal", "notice", "error500")

    def __init__(self, version: str) -> None:
        self._ahead = 0
        self._running: RunningShop = start_in_thread(
            version=version, order_count=3, customer_count=2, clock=lambda: time.time() + self._ahead, plugin=False
        )
        self.demo = self._running.shop
        self._version = version
        self._key = self.demo.create_key()
        self._mailbox = Mailbox()

    def close(self) -> None:
        self._running.stop()
        self._mailbox.close()

    def connector(self) -> Connector:
        installation = Installation(
            shop_key=SHOP_KEY,
            platform=Platform.WOOCOMMERCE,
            base_url=self._running.url,
            credentials={
                "consumer_key": self._key.consumer_key,
                "consumer_secret": self._key.consumer_secret,
            },
            details={"version": self._version},
        )
        return registry.connect(installation, policy=registry.AddressPolicy(allow_loopback=True))

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time() + self._ahead, UTC)

    def pass_time(self, *, seconds: int) -> None:
        self._ahead += seconds

    def customer(self) -> str:
        return str(max(self.demo.store.customers))

    def email_of(self, customer_id: str) -> str:
        return self.demo.store.customers[int(customer_id)].email

    def gift(self) -> str:
        return "11"

    def order(self, *, customer_id: str | None = None, code: str | None = None) -> str:
        codes = (code.lower(),) if code else ()
        return str(self.demo.place_order({12: 1}, customer_id=int(customer_id or 0), payment="bacs", coupons=codes).id)

    def pay(self, order_id: str) -> None:
        self.demo.mark_paid(int(order_id))

    def complete(self, order_id: str) -> None:
        self.demo.complete(int(order_id))

    def cancel(self, order_id: str) -> None:
        self.demo.cancel(int(order_id))

    def refund(self, order_id: str, gross: int) -> None:
        self.demo.refund(int(order_id), amount=f"{gross // 100}.{gross % 100:02}")

    def trash(self, order_id: str) -> None:
        self.demo.trash(int(order_id))

    def restore(self, order_id: str) -> None:
        self.demo.restore(int(order_id))

    def delete(self, order_id: str) -> None:
        self.demo.delete_order(int(order_id))

    def break_down(self, how: str) -> None:
        self.demo.faults.update({"rest_mode": how})

    def codes(self, code: str) -> int:
        return sum(coupon.code == code.lower() for coupon in self.demo.store.coupons.values())

    def duplicate(self, code: str) -> None:
        store = self.demo.store
        with store.lock:
            twin = replace(next(coupon for coupon in store.coupons.values() if coupon.code == code.lower()))
            twin.id = max(store.coupons) + 1000
            store.coupons[twin.id] = twin

    def receiver(self) -> Mailbox:
        return self._mailbox

    def deliver(self) -> None:
        self.demo.deliver_pending()

    def disable_webhooks(self) -> None:
        for webhook in self.demo.webhooks:
            webhook.status = "disabled"

    def webhook_count(self) -> int:
        return len(self.demo.webhooks)


class TestLivingShop(LivingShop, LivingShopByKeys):
    @pytest.fixture(params=["11.0.1", "8.2.2"])
    def shop(self, request: pytest.FixtureRequest) -> Iterator[WooShop]:
        shop = WooShop(str(request.param))
        yield shop
        shop.close()

    def test_single_use_is_safe_from_9_6_on(self, shop: WooShop) -> None:
        facts = shop.connector().installer.facts()

        safe = Capability.SINGLE_USE_IS_SAFE in shop.connector().capabilities
        assert safe == (facts.version == "11.0.1")

    def test_an_old_shop_lets_two_checkouts_at_once_use_one_code_and_both_orders_name_it(self) -> None:
        shop = WooShop("8.2.2")
        try:
            connector = shop.connector()
            shop.demo.add_coupon("twice", usage_limit=1)
            shop.demo.store.checkout_pause = threading.Barrier(2).wait

            threads = [threading.Thread(target=shop.order, kwargs={"code": "twice"}) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

            usage = connector.discounts.usage("TWICE")
            assert (usage.state, usage.times_used) == ("used", 2)
            orders = connector.orders.list_placed_orders(placed_since=None).items
            assert sum(discount.code == "twice" for order in orders for discount in order.discounts) == 2
        finally:
            shop.close()

    def test_a_deleted_refund_shows_when_the_order_is_read_again(self, shop: WooShop) -> None:
        connector, order_id = shop.connector(), shop.order()
        shop.complete(order_id)
        refund = shop.demo.refund(int(order_id), amount="1.00")
        assert connector.orders.get_order(order_id).refunds  # type: ignore[union-attr]

        shop.demo.delete_refund(int(order_id), refund.id)

        assert connector.orders.get_order(order_id).refunds == ()  # type: ignore[union-attr]

    def test_an_erased_person_leaves_an_order_of_nobody(self, shop: WooShop) -> None:
        customer_id = shop.customer()
        order_id = shop.order(customer_id=customer_id)

        shop.demo.erase_person(shop.email_of(customer_id))
        order = shop.connector().orders.get_order(order_id)

        assert order.customer == mapping.CustomerRef(erased=True)  # type: ignore[union-attr]
