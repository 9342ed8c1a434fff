"""Shoptet through the battery: the fake Shoptet, installed as an addon. What the documents say: test_shoptet_openapi.py."""

import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from connectors.shoptet.connector import ShoptetConnector
from connectors.shoptet.gate import gate_of
from connectors.transport import AddressPolicy, Transport
from core.commerce import ChangedOrder, DiscountKind, Gone, Order, OrderState, Payment, kept_of
from core.errors import CredentialsRefused, InvalidInput, PlatformRefused, RateLimited, Unreadable
from core.ids import CODE_ALPHABET
from core.ports import Capability, Installation, Page, Platform
from demo.shoptet.server import RunningShoptet, start_in_thread
from tests.contract.battery import LivingShop, Shop, discount, every_order, every_page, read

SHOP_KEY = "0123456789abcdef0123456789abcdef"
ADDRESS = f"https://regulars.example/webhooks/shoptet/{SHOP_KEY}"


class Shoptet:
    """The fake Shoptet in the battery's words. `figures`: whether amounts come as numbers or as texts. `usage_returns`: a
    cancelled order gives its coupon back, which nobody knows of Shoptet.
    """

    broken_modes = ("html", "maintenance", "fatal", "error500")

    def __init__(self, *, figures: str = "live", usage_returns: bool = False) -> None:
        self._ahead = 0
        self.usage_returns = usage_returns
        self._running: RunningShoptet = start_in_thread(
            order_count=3,
            customer_count=2,
            clock=lambda: time.time() + self._ahead,
            figures=figures,
            usage_returns=usage_returns,
        )
        self.fake = self._running.shop
        self.oauth_token, self.token = self.fake.oauth_token(), self.fake.access_token()
        self.details: dict[str, str] = {}

    def close(self) -> None:
        self._running.stop()

    def connector(self) -> ShoptetConnector:
        """As registry.connect makes it, but by the shop's clock."""
        installation = Installation(
            shop_key=SHOP_KEY,
            platform=Platform.SHOPTET,
            base_url=self.fake.url,
            credentials={
                "oauth_token": self.oauth_token, "access_token": self.token, "origin": self.fake.url,
            },
            timezone="Europe/Prague",
            details=self.details,
        )  # fmt: skip
        policy = AddressPolicy(allow_loopback=True)
        return ShoptetConnector(installation, Transport(policy), Transport(policy), gate_of(self.oauth_token), self.now)

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time() + self._ahead, UTC)

    def pass_time(self, *, seconds: int) -> None:
        self._ahead += seconds
        if seconds > 1_500:
            self.token = self.fake.access_token()

    def new_code(self, prefix: str = "") -> str:
        return prefix + "".join(secrets.choice(CODE_ALPHABET) for _ in range(16 - len(prefix)))

    def customer(self) -> str:
        return self.fake.guid("customer", max(self.fake.store.customers))

    def email_of(self, customer_id: str) -> str:
        return self.fake.store.customers[self.fake.own_id("customer", customer_id)].email

    def gift(self) -> str:
        return self.fake.guid("product", 11)

    def order(self, *, customer_id: str | None = None, code: str | None = None) -> str:
        own = self.fake.own_id("customer", customer_id) if customer_id else 0
        made = self.fake.place_order({12: 1}, customer_id=own, payment="bacs", coupons=(code,) if code else ())
        return self.fake.code(made.id)

    def pay(self, order_id: str) -> None:
        self.fake.mark_paid(self.fake.order_id(order_id))

    def complete(self, order_id: str) -> None:
        self.fake.complete(self.fake.order_id(order_id))

    def cancel(self, order_id: str) -> None:
        self.fake.cancel(self.fake.order_id(order_id))

    def refund(self, order_id: str, gross: int) -> None:
        self.fake.credit(self.fake.order_id(order_id), amount=f"{gross // 100}.{gross % 100:02}")

    def delete(self, order_id: str) -> None:
        self.fake.delete_order(self.fake.order_id(order_id))

    def break_down(self, how: str) -> None:
        self.fake.faults.update({"rest_mode": how})

    def codes(self, code: str) -> int:
        return int(self.fake.coupon(code) is not None)


class TestLivingShoptet(LivingShop):
    @pytest.fixture(params=["live", "spec"])
    def shop(self, request: pytest.FixtureRequest) -> Iterator[Shoptet]:
        shop = Shoptet(figures=str(request.param), usage_returns=request.param == "spec")
        yield shop
        shop.close()

    def test_an_order_names_the_code_and_what_it_took_off(self, shop: Shop) -> None:
        """Here: that it was some code, and what that took off."""
        connector, request = shop.connector(), discount(shop)
        connector.discounts.issue(request)

        order = read(connector, shop.order(code=request.code))

        assert order.discounts == ()
        assert [(each.gross, each.used) for each in order.unnamed_codes] == [(request.amount, request.amount)]
        assert sum(line.before_discount - line.gross for line in order.lines) == request.amount
        assert sum(line.gross for line in order.lines) + order.shipping.gross == order.total

    def test_cancelling_an_order_revives_its_code_where_the_capability_says_so(self, shop: Shoptet) -> None:  # type: ignore[override]
        """Here: that it may, and whether it did can be read."""
        connector, request = shop.connector(), discount(shop)
        connector.discounts.issue(request)
        order_id = shop.order(code=request.code)
        before = connector.discounts.usage(request.code).state

        shop.cancel(order_id)

        after = connector.discounts.usage(request.code).state
        assert (before, after) == ("used", "unused" if shop.usage_returns else "used")
        assert Capability.CANCEL_REVIVES_CODE in connector.capabilities

    def test_the_past_comes_from_a_file_and_oldest_first(self, shop: Shoptet) -> None:
        connector = shop.connector()
        connector.installer.subscribe(address=ADDRESS, secret="")
        made = [shop.order() for _ in range(3)]

        begun = connector.orders.list_placed_orders(placed_since=None)
        still = connector.orders.list_placed_orders(placed_since=None, cursor=begun.cursor)
        shop.fake.finish_jobs()
        found = connector.orders.list_placed_orders(placed_since=None, cursor=still.cursor)

        assert (begun.items, still.items) == ([], [])
        assert 0 < (begun.wait_s or 0) < (still.wait_s or 0)
        assert [order.external_id for order in found.items][-3:] == made
        assert found.cursor is None

    def test_a_job_that_is_never_done_gives_way_to_pages_before_shoptet_minds(self, shop: Shoptet) -> None:
        connector = shop.connector()
        connector.installer.subscribe(address=ADDRESS, secret="")
        shop.fake.faults.update({"jobs_hang": True})

        orders = every_page(lambda cursor: connector.orders.list_placed_orders(placed_since=None, cursor=cursor))

        [job] = shop.fake.site.jobs.values()
        assert 1 < job.reads < 10
        assert {order.external_id for order in orders} == {shop.fake.code(each) for each in shop.fake.store.orders}

    def test_a_job_that_fails_is_begun_anew_and_gives_way_to_pages_after_the_third(self, shop: Shoptet) -> None:
        connector = shop.connector()
        connector.installer.subscribe(address=ADDRESS, secret="")
        shop.fake.faults.update({"jobs_fail": True})

        def page(cursor: str | None) -> Page[Order]:
            shop.fake.finish_jobs()
            return connector.orders.list_placed_orders(placed_since=None, cursor=cursor)

        orders = every_page(page)

        assert len(shop.fake.site.jobs) == 3
        assert len(orders) == len(shop.fake.store.orders)

    def test_a_file_is_gone_on_with_in_another_process(self, shop: Shoptet) -> None:
        shop.connector().installer.subscribe(address=ADDRESS, secret="")
        made = [shop.order() for _ in range(130)]

        def page(cursor: str | None) -> Page[Order]:
            shop.fake.finish_jobs()
            return shop.connector().orders.list_placed_orders(placed_since=None, cursor=cursor)

        ids = [order.external_id for order in every_page(page)]

        assert len(ids) == len(set(ids)) == len(shop.fake.store.orders) > len(made)

    def test_changes_name_what_changed_and_what_was_deleted(self, shop: Shoptet) -> None:
        connector = shop.connector()
        shop.pass_time(seconds=60)
        since = shop.now()
        changed, gone = shop.order(), shop.order()
        shop.delete(gone)

        found = every_order(connector, since)

        assert all(isinstance(each, ChangedOrder) for each in found)
        assert {each.external_id for each in found} == {changed, gone}
        assert all(each.changed_at >= since - timedelta(seconds=1) for each in found)

    def test_an_order_whose_credit_note_changed_has_changed(self, shop: Shoptet) -> None:
        connector = shop.connector()
        order_id = shop.order()
        shop.complete(order_id)
        shop.pass_time(seconds=60)
        since = shop.now()

        shop.refund(order_id, 100)

        assert order_id in [each.external_id for each in every_order(connector, since)]

    def test_what_shoptet_has_forgotten_the_changes_of_is_found_in_the_list(self, shop: Shoptet) -> None:
        since = shop.now()
        old = [shop.order() for _ in range(60)]
        shop.pass_time(seconds=40 * 86_400)
        new = shop.order()

        found = [each.external_id for each in every_order(shop.connector(), since)]

        assert sorted(found) == sorted([*old, new])

    def test_an_order_that_is_done_is_completed_and_a_cancelled_one_cancelled(self, shop: Shoptet) -> None:
        connector = shop.connector()
        done, cancelled = shop.order(), shop.order()
        shop.complete(done)
        shop.cancel(cancelled)

        assert read(connector, done).completed_at is not None
        assert read(connector, cancelled).completed_at is None
        assert read(connector, cancelled).state is OrderState.CANCELLED

    def test_an_order_of_which_nobody_said_is_paid_by_a_status_that_marks_so(self, shop: Shoptet) -> None:
        connector = shop.connector()
        status = shop.fake.add_status("Came by courier", paid=False)
        made = shop.fake.place_order({12: 1}, payment="bacs", paid_unknown=True)
        before = read(connector, shop.fake.code(made.id))
        shop.fake.site.note(made).status_id = status
        shop.fake.site.statuses[status].paid = True

        after = read(shop.connector(), shop.fake.code(made.id))

        assert (before.payment, after.payment) == (Payment.UNKNOWN, Payment.PAID)

    def test_a_credit_note_for_pieces_names_their_line(self, shop: Shoptet) -> None:
        made = shop.fake.place_order({11: 2, 12: 1})
        shop.fake.credit(made.id, quantities={made.lines[0].id: 1})

        order = read(shop.connector(), shop.fake.code(made.id))

        [refund] = order.refunds
        assert [(line.line_id, line.gross) for line in refund.lines] == [(str(made.lines[0].id), 1210)]
        assert kept_of(order)[str(made.lines[0].id)] == 1210

    def test_a_deleted_credit_note_gives_nothing_back_any_more(self, shop: Shoptet) -> None:
        made = shop.fake.place_order({11: 2})
        note = shop.fake.credit(made.id, amount="5.00")
        shop.fake.delete_credit_note(note.code)

        assert read(shop.connector(), shop.fake.code(made.id)).refunds == ()

    def test_emails_are_those_of_the_accounts_the_main_one_first(self, shop: Shoptet) -> None:
        customer_id = shop.customer()
        shop.fake.add_account(shop.fake.own_id("customer", customer_id), "Second@Example.com")

        emails = shop.connector().customers.emails_of(customer_id)

        assert emails == (shop.email_of(customer_id), "second@example.com")
        assert shop.connector().customers.emails_of("7b0a91c4-0000-11f0-9a11-02420a000002") == ()

    def test_customers_come_from_a_file_too(self, shop: Shoptet) -> None:
        connector = shop.connector()
        connector.installer.subscribe(address=ADDRESS, secret="")

        def page(cursor: str | None) -> Page[object]:
            shop.fake.finish_jobs()
            return connector.customers.list_customers(cursor=cursor)

        found = every_page(page)

        assert {each.email for each in found} == {each.email for each in shop.fake.store.customers.values()}
        assert len(shop.fake.site.jobs) == 1

    def test_a_coupon_whose_answer_was_lost_is_found_and_not_made_twice(self, shop: Shoptet) -> None:
        connector, request = shop.connector(), discount(shop)
        connector.discounts.issue(discount(shop))
        shop.fake.faults.update({"lose_answers": True})
        made = connector.discounts.issue(request)
        shop.fake.faults.clear()

        assert connector.discounts.issue(request) == made
        assert shop.codes(request.code) == 1

    def test_a_shop_without_the_module_says_which_one_is_missing(self, shop: Shoptet) -> None:
        request = discount(shop)
        shop.fake.switch_module("discountCoupons", on=False)

        with pytest.raises(PlatformRefused, match="discountCoupons") as refused:
            shop.connector().discounts.issue(request)

        assert refused.value.code == "missing-module"
        shop.connector().installer.facts()
        assert "coupons_off" in shop.connector().installer.health(address=ADDRESS, now=shop.now()).problems

    def test_a_code_longer_than_shoptets_is_refused_before_any_call(self, shop: Shoptet) -> None:
        request = discount(shop).model_copy(update={"code": "T" * 17})
        shop.break_down("fatal")

        with pytest.raises(InvalidInput):
            shop.connector().discounts.issue(request)

    def test_one_template_is_made_for_all_coupons_and_known_from_the_facts(self, shop: Shoptet) -> None:
        connector = shop.connector()
        before = len(shop.fake.site.templates)
        connector.discounts.issue(discount(shop))
        shop.connector().discounts.issue(discount(shop))
        facts = connector.installer.facts()

        assert len(shop.fake.site.templates) == before + 1
        assert facts.details["coupon_template"] in [
            shop.fake.guid("template", each) for each in shop.fake.site.templates
        ]

    def test_coupons_for_some_products_have_a_template_of_their_own(self, shop: Shoptet) -> None:
        connector = shop.connector()
        request = discount(shop, kind=DiscountKind.PERCENTAGE).model_copy(update={"product_ids": (shop.gift(),)})
        connector.discounts.issue(request)
        connector.discounts.issue(discount(shop))

        products = sorted(
            str(each.product_ids) for each in shop.fake.site.templates.values() if each.title.startswith("Reg")
        )
        assert products == ["None", "[11]"]

    def test_subscribing_without_a_secret_brings_the_key_that_signs_from_then_on(self, shop: Shoptet) -> None:
        installer = shop.connector().installer

        first = installer.subscribe(address=ADDRESS, secret="")
        kept = installer.subscribe(address=ADDRESS, secret="held")

        assert first == shop.fake.site.signature_key
        assert kept is None
        assert installer.health(address=ADDRESS, now=shop.now()).problems == ()

    def test_webhooks_at_a_former_address_are_moved_and_missing_ones_made(self, shop: Shoptet) -> None:
        installer = shop.connector().installer
        installer.subscribe(address=ADDRESS.replace("regulars", "former"), secret="held")
        lost = min(shop.fake.site.webhooks)
        del shop.fake.site.webhooks[lost]
        before = installer.health(address=ADDRESS, now=shop.now()).problems

        installer.subscribe(address=ADDRESS, secret="held")

        assert set(before) == {"webhook_missing", "webhook_elsewhere", "snippet_missing"}
        assert installer.health(address=ADDRESS, now=shop.now()).problems == ()

    def test_a_shop_that_keeps_its_pages_from_us_tells_us_of_its_orders_all_the_same(self, shop: Shoptet) -> None:
        shop.fake.configure(rights=tuple(each for each in shop.fake.site.addon.rights if each != "template-include"))

        key = shop.connector().installer.subscribe(address=ADDRESS, secret="")

        assert key == shop.fake.site.signature_key
        assert {each.url for each in shop.fake.site.webhooks.values()} == {ADDRESS}

    def test_uninstalling_takes_webhooks_and_lines_away_and_may_be_repeated(self, shop: Shoptet) -> None:
        installer = shop.connector().installer
        installer.subscribe(address=ADDRESS, secret="held")
        assert SHOP_KEY in str(shop.fake.site.snippets)

        installer.uninstall(address=ADDRESS)
        installer.uninstall(address=ADDRESS)

        assert not shop.fake.site.webhooks
        assert SHOP_KEY not in str(shop.fake.site.snippets)

    def test_rights_that_wait_for_the_merchant_are_a_problem(self, shop: Shoptet) -> None:
        installer = shop.connector().installer
        installer.subscribe(address=ADDRESS, secret="held")
        shop.fake.configure(pending=("products",))

        health = installer.health(address=ADDRESS, now=shop.now())

        assert health.problems == ("endpoints_pending",)
        assert health.details["endpoints_pending"] == "products"

    def test_another_shop_than_the_one_asked_is_not_believed(self, shop: Shoptet) -> None:
        shop.details = {"eshop_id": "1"}

        with pytest.raises(Unreadable, match="Another shop"):
            shop.connector().installer.facts()

    def test_an_uninstalled_addon_needs_the_merchant_and_an_ended_token_does_not(self, shop: Shoptet) -> None:
        connector, order_id = shop.connector(), shop.order()
        shop.fake.faults.update({"api_mode": "expired"})
        with pytest.raises(Unreadable) as ended:
            connector.orders.get_order(order_id)
        shop.fake.faults.clear()
        shop.fake.uninstall()
        with pytest.raises(CredentialsRefused) as gone:
            connector.orders.get_order(order_id)

        assert (ended.value.code, ended.value.retryable, gone.value.retryable) == ("expired-token", True, False)

    def test_nginx_says_later_without_json(self, shop: Shoptet) -> None:
        connector, order_id = shop.connector(), shop.order()
        shop.fake.faults.update({"api_mode": "throttled"})

        with pytest.raises(RateLimited):
            connector.orders.get_order(order_id)

    def test_a_refused_right_says_nothing_of_the_order(self, shop: Shoptet) -> None:
        connector, order_id = shop.connector(), shop.order()
        shop.fake.faults.update({"api_mode": "no_rights"})

        with pytest.raises(CredentialsRefused):
            connector.orders.get_order(order_id)

    def test_codes_with_letters_and_signs_are_asked_for_as_they_are(self, shop: Shoptet) -> None:
        assert shop.connector().orders.get_order("OBJ-2026 7+1?") == Gone(external_id="OBJ-2026 7+1?")

    def test_a_customer_is_put_into_a_group_and_on_a_price_list(self, shop: Shoptet) -> None:
        customers = shop.connector().customers
        customer_id = shop.customer()
        [group], [pricelist] = customers.groups(), customers.pricelists()

        customers.put_into_group(customer_id, group_code=group.code)
        customers.put_on_pricelist(customer_id, pricelist_id=pricelist.pricelist_id)
        customers.set_price_ratio(customer_id, per_mille=950)

        standing = customers.standing(customer_id)
        assert (standing.group_id, standing.pricelist_id) == (group.group_id, pricelist.pricelist_id)
