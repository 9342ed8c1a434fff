"""Shopify through the battery: the fake Shopify, which executes the pruned schema. Recorded bodies: test_shopify_webhooks.py."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from connectors import registry
from core.commerce import DiscountKind, Gone
from core.errors import PlatformRefused, ShopUnavailable
from core.ports import Connector, Installation, Platform
from demo.shop.coupons import CouponRefused
from demo.shopify.bulk import FAILS_AFTER
from demo.shopify.server import RunningShopify, start_in_thread
from tests.contract.battery import LivingShop, discount, every_order, every_page, read

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
        self.details: dict[str, str] = {}

    def close(self) -> None:
        self._running.stop()

    def connector(self) -> Connector:
        installation = Installation(
            shop_key=SHOP_KEY,
            platform=Platform.SHOPIFY,
            base_url=f"https://{self.fake.domain}",
            credentials={"access_token": self._token, "origin": self._running.url},
            details=self.details,
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

    def test_each_of_many_refunds_is_read_with_each_of_its_lines(self, shop: Shopify) -> None:
        many = dict.fromkeys(range(11, 21), 3)
        order = shop.fake.place_order(many, account=False)
        shop.fake.edit_order(order.id, add={11: 3, 12: 3})
        whole = shop.fake.store.orders[order.id]
        shop.fake.refund(order.id, quantities={line.id: 1 for line in whole.lines})
        for line in whole.lines[:6]:
            shop.fake.refund(order.id, quantities={line.id: 1})

        found = read(shop.connector(), shop.fake.number("Order", order.id))

        assert [len(refund.lines) for refund in found.refunds] == [12, 1, 1, 1, 1, 1, 1]
        assert sum(refund.gross for refund in found.refunds) == whole.refunded

    def test_an_order_of_more_lines_than_a_page_is_read_whole_and_listed_whole(self, shop: Shopify) -> None:
        since = shop.now()
        order = shop.fake.place_order({11: 1}, account=False)
        number = shop.fake.number("Order", order.id)
        for _ in range(6):
            shop.fake.edit_order(order.id, add=dict.fromkeys(range(11, 21), 1))

        found = read(shop.connector(), number)
        [listed] = [each for each in every_order(shop.connector(), since) if each.external_id == number]

        assert len(found.lines) == 61
        assert listed == found

    def test_of_more_discounts_than_an_order_usually_has_none_is_overlooked(self, shop: Shopify) -> None:
        connector, since = shop.connector(), shop.now()
        wanted = [discount(shop).model_copy(update={"amount": 100, "combines": True}) for _ in range(12)]
        for each in wanted:
            connector.discounts.issue(each)
        order = shop.fake.place_order({12: 9}, coupons=tuple(each.code for each in wanted), account=False)
        number = shop.fake.number("Order", order.id)

        found = read(connector, number)
        [listed] = [each for each in every_order(connector, since) if each.external_id == number]

        assert [each.used for each in found.discounts] == [100] * 12
        assert listed == found

    def test_gone_says_how_far_back_orders_are_shown(self, shop: Shopify) -> None:
        order_id = shop.order()
        shop.delete(order_id)

        with_two_months = shop.connector().orders.get_order(order_id)
        shop.details = {"orders_reach": "all"}
        with_all = shop.connector().orders.get_order(order_id)

        assert with_two_months == Gone(external_id=order_id, shown_for=timedelta(days=58))
        assert with_all == Gone(external_id=order_id)

    def test_without_leave_for_names_an_order_and_its_customer_are_read_all_the_same(self, shop: Shopify) -> None:
        customer_id = shop.customer()
        order_id = shop.order(customer_id=customer_id)
        granted = read(shop.connector(), order_id).customer
        shop.fake.faults.update({"unapproved": "level_2"})

        refused = read(shop.connector(), order_id).customer
        found = shop.connector().customers.get_customer(customer_id)

        assert (granted.external_id, granted.email) == (customer_id, shop.email_of(customer_id))
        assert (refused.external_id, refused.email, refused.name) == (customer_id, None, None)
        assert (found.external_id, found.email, found.first_name, found.last_name) == (customer_id, None, "", "")

    def test_a_code_whose_answer_was_lost_is_found_and_not_made_twice(self, shop: Shopify) -> None:
        connector, request = shop.connector(), discount(shop)
        shop.fake.faults.update({"lose_answers": True})
        made = connector.discounts.issue(request)
        shop.fake.faults.clear()

        assert connector.discounts.issue(request) == made

    def test_an_export_that_fails_is_begun_anew_and_given_up_after_the_third(self, shop: Shopify) -> None:
        orders = shop.connector().orders
        made = [shop.order() for _ in range(FAILS_AFTER)][-1]
        shop.fake.faults.update({"bulk_fails": True})
        begun = orders.list_placed_orders(placed_since=None)
        seen = [begun.cursor]
        with pytest.raises(PlatformRefused):
            for _ in range(50):
                page = orders.list_placed_orders(placed_since=None, cursor=seen[-1])
                seen.append(page.cursor)
        shop.fake.faults.clear()

        assert len({str(cursor).split(",", maxsplit=1)[0] for cursor in seen}) == 3
        found = every_page(lambda cursor: orders.list_placed_orders(placed_since=None, cursor=cursor))
        assert made in [order.external_id for order in found]

    def test_as_many_exports_as_the_shop_allows_make_one_wait_for_its_turn(self, shop: Shopify) -> None:
        orders = shop.connector().orders
        for _ in range(5):
            orders.list_placed_orders(placed_since=None)

        with pytest.raises(ShopUnavailable) as refused:
            orders.list_placed_orders(placed_since=None)

        assert refused.value.retry_after_s == 60

    def test_a_code_is_its_customers_alone_for_its_time_and_its_minimum(self, shop: Shopify) -> None:
        customer = shop.customer()
        request = discount(shop).model_copy(
            update={"customer_id": customer, "minimum_gross": 3000, "combines": True, "description": "300 points"}
        )
        shop.connector().discounts.issue(request)

        made = shop.fake.discount(request.code)
        assert made is not None
        for refused in ({"customer_id": None}, {"minimum_gross": 0}, {"kind": DiscountKind.FREE_SHIPPING, "amount": 0}):
            with pytest.raises(PlatformRefused):
                shop.connector().discounts.issue(request.model_copy(update=refused))
        with pytest.raises(CouponRefused):  # the goods cost 24.20
            shop.order(customer_id=customer, code=request.code)

    def test_the_past_brings_names_where_they_are_granted_and_comes_without_them_where_not(self, shop: Shopify) -> None:
        customer_id = shop.customer()
        made = shop.order(customer_id=customer_id)

        def email_in_the_past() -> str | None:
            orders = shop.connector().orders
            found = every_page(lambda cursor: orders.list_placed_orders(placed_since=None, cursor=cursor))
            return next(order.customer.email for order in found if order.external_id == made)

        shop.details = dict(shop.connector().installer.facts().details)
        assert email_in_the_past() == shop.email_of(customer_id)
        shop.fake.faults.update({"unapproved": "level_2"})
        assert email_in_the_past() is None  # granted when we looked, and not any more

        shop.details = dict(shop.connector().installer.facts().details)
        assert shop.details["names"] == "not granted"
