"""The tests that every connector runs: over its platform's recorded traffic, and against a shop that can be acted upon.

A platform's contract test subclasses both classes and hands in its recordings and its shop; see test_woocommerce*.py.
What a recording means is written there by hand, from the recording, never from our own output.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Protocol

import pytest

from core.commerce import (
    STORE_CREDIT_CODE,
    Customer,
    DiscountKind,
    DiscountRequest,
    Gone,
    Order,
    OrderState,
    Payment,
    ShopEvent,
    kept_of,
)
from core.errors import ExternalNotFound, InvalidInput, SignatureInvalid, Unreadable
from core.ids import new_code, normal_code
from core.ports import Capability, Connector, WebhookReader, WebhookRequest


@dataclass(frozen=True)
class RecordedDelivery:
    """A webhook as it came. `events` None: signed by the shop, and yet no news."""

    name: str
    request: WebhookRequest
    events: tuple[ShopEvent, ...] | None


@dataclass(frozen=True)
class Means:
    """What a recorded order says, by hand. Lines: id -> (gross, net, gross before discounts); refunds: id -> gross."""

    external_id: str
    state: OrderState
    payment: Payment
    total: int
    lines: Mapping[str, tuple[int, int, int]]
    kept: Mapping[str, int]
    shipping: tuple[int, int] = (0, 0)
    discounts: tuple[tuple[str, int, int, bool], ...] = ()
    refunds: Mapping[str, int] = field(default_factory=dict)
    customer: tuple[str | None, str | None, bool] = (None, None, False)
    placed_at: str = ""
    paid_at: str | None = None
    completed_at: str | None = None


@dataclass(frozen=True)
class RecordedOrder:
    name: str
    order: Order
    means: Means


class RecordedTraffic:
    """Subclasses set the three."""

    reader: ClassVar[WebhookReader]
    deliveries: ClassVar[Sequence[RecordedDelivery]]
    orders: ClassVar[Sequence[RecordedOrder]]

    @staticmethod
    def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
        for argument, recorded in (("delivery", "deliveries"), ("recorded", "orders")):
            if argument in metafunc.fixturenames and metafunc.cls is not None:
                cases = getattr(metafunc.cls, recorded, ())
                metafunc.parametrize(argument, cases, ids=[case.name for case in cases])

    def test_a_recorded_message_is_taken_with_the_shops_secret(self, delivery: RecordedDelivery) -> None:
        self.reader.verify(delivery.request)

    def test_a_recorded_message_is_taken_with_the_second_of_two_secrets(self, delivery: RecordedDelivery) -> None:
        secrets = ("a newer secret", *delivery.request.secrets)

        self.reader.verify(WebhookRequest(delivery.request.body, delivery.request.headers, secrets))

    def test_a_recorded_message_is_refused_with_another_secret(self, delivery: RecordedDelivery) -> None:
        with pytest.raises(SignatureInvalid):
            self.reader.verify(WebhookRequest(delivery.request.body, delivery.request.headers, ("of another shop",)))

    def test_a_recorded_message_is_refused_without_a_secret(self, delivery: RecordedDelivery) -> None:
        with pytest.raises(SignatureInvalid):
            self.reader.verify(WebhookRequest(delivery.request.body, delivery.request.headers, ()))

    def test_a_recorded_message_with_one_byte_changed_is_refused(self, delivery: RecordedDelivery) -> None:
        body = bytearray(delivery.request.body)
        body[len(body) // 2] ^= 1

        with pytest.raises(SignatureInvalid):
            self.reader.verify(WebhookRequest(bytes(body), delivery.request.headers, delivery.request.secrets))

    def test_a_recorded_message_without_signature_is_refused(self, delivery: RecordedDelivery) -> None:
        bare = {name: value for name, value in delivery.request.headers.items() if "signature" not in name}

        with pytest.raises(SignatureInvalid):
            self.reader.verify(WebhookRequest(delivery.request.body, bare, delivery.request.secrets))

    def test_a_recorded_message_says_what_it_says(self, delivery: RecordedDelivery) -> None:
        if delivery.events is None:
            with pytest.raises(InvalidInput):
                self.reader.parse(delivery.request)
        else:
            assert tuple(self.reader.parse(delivery.request)) == delivery.events

    def test_a_recorded_message_is_no_ping(self, delivery: RecordedDelivery) -> None:
        assert not self.reader.is_unsigned_ping(delivery.request)

    def test_a_recorded_order_has_its_state_and_payment(self, recorded: RecordedOrder) -> None:
        order, means = recorded.order, recorded.means

        assert (order.external_id, order.state, order.payment) == (means.external_id, means.state, means.payment)
        assert order.placed_at == instant(means.placed_at)
        assert order.paid_at == (instant(means.paid_at) if means.paid_at else None)
        assert order.completed_at == (instant(means.completed_at) if means.completed_at else None)

    def test_a_recorded_order_has_its_amounts(self, recorded: RecordedOrder) -> None:
        order, means = recorded.order, recorded.means

        lines = {line.external_id: (line.gross, line.net, line.before_discount) for line in order.lines}
        assert lines == means.lines
        assert (order.shipping.gross, order.shipping.net) == means.shipping
        assert order.total == means.total

    def test_a_recorded_order_adds_up(self, recorded: RecordedOrder) -> None:
        order = recorded.order

        assert sum(line.gross for line in order.lines) + order.shipping.gross == order.total

    def test_a_recorded_order_names_its_discounts(self, recorded: RecordedOrder) -> None:
        found = tuple((each.code, each.gross, each.net, each.free_shipping) for each in recorded.order.discounts)

        assert found == recorded.means.discounts

    def test_a_recorded_order_keeps_what_was_not_refunded(self, recorded: RecordedOrder) -> None:
        order, means = recorded.order, recorded.means

        assert {refund.external_id: refund.gross for refund in order.refunds} == means.refunds
        assert kept_of(order) == means.kept

    def test_a_recorded_order_is_the_customers(self, recorded: RecordedOrder) -> None:
        customer = recorded.order.customer

        assert (customer.external_id, customer.email, customer.erased) == recorded.means.customer


class Shop(Protocol):
    """A shop that can be acted upon, in neutral words. `now` is the shop's clock."""

    def connector(self) -> Connector: ...
    def now(self) -> datetime: ...
    def pass_time(self, *, seconds: int) -> None: ...
    def customer(self) -> str: ...
    def email_of(self, customer_id: str) -> str: ...
    def gift(self) -> str:
        """The id of some product."""

    def order(self, *, customer_id: str | None = None, code: str | None = None) -> str:
        """A placed order, not paid. With a code: as at the checkout."""

    def pay(self, order_id: str) -> None: ...
    def complete(self, order_id: str) -> None: ...
    def cancel(self, order_id: str) -> None: ...
    def refund(self, order_id: str, gross: int) -> None:
        """Money back that names no line."""

    def delete(self, order_id: str) -> None: ...
    def break_down(self, how: str) -> None:
        """`how` is one of `broken_modes`; "" mends."""

    @property
    def broken_modes(self) -> Sequence[str]: ...
    def codes(self, code: str) -> int:
        """How many discounts the shop stores under the code."""


NEEDED = {
    DiscountKind.PERCENTAGE: Capability.PERCENTAGE,
    DiscountKind.FREE_SHIPPING: Capability.FREE_SHIPPING,
    DiscountKind.FREE_PRODUCT: Capability.FREE_PRODUCT,
    DiscountKind.GIFT_CARD: Capability.GIFT_CARD,
    DiscountKind.STORE_CREDIT: Capability.STORE_CREDIT,
}
AMOUNTS = (DiscountKind.FIXED_AMOUNT, DiscountKind.GIFT_CARD, DiscountKind.STORE_CREDIT)


class LivingShop:
    """Subclasses have a fixture `shop`."""

    def test_facts_prove_the_keys_and_name_the_currency(self, shop: Shop) -> None:
        facts = shop.connector().installer.facts()

        assert len(facts.currency) == 3
        assert facts.smallest_unit >= 1
        assert facts.name and facts.timezone

    def test_an_order_is_paid_only_once_money_came(self, shop: Shop) -> None:
        connector = shop.connector()
        order_id = shop.order(customer_id=shop.customer())

        before = read(connector, order_id)
        shop.pay(order_id)
        after = read(connector, order_id)

        assert (before.state, before.payment, before.paid_at) == (OrderState.PLACED, Payment.UNPAID, None)
        assert (after.state, after.payment) == (OrderState.PLACED, Payment.PAID)
        assert after.paid_at is not None

    def test_an_orders_lines_and_shipping_add_up_to_its_total(self, shop: Shop) -> None:
        order = read(shop.connector(), shop.order(customer_id=shop.customer()))

        assert sum(line.gross for line in order.lines) + order.shipping.gross == order.total > 0

    def test_an_order_names_its_customer_and_a_guests_does_not(self, shop: Shop) -> None:
        connector, customer_id = shop.connector(), shop.customer()

        assert read(connector, shop.order(customer_id=customer_id)).customer.external_id == customer_id
        assert read(connector, shop.order()).customer.external_id is None

    def test_refunds_are_read_with_the_order(self, shop: Shop) -> None:
        connector = shop.connector()
        order_id = shop.order(customer_id=shop.customer())
        shop.complete(order_id)

        shop.refund(order_id, 100)
        shop.refund(order_id, 50)
        order = read(connector, order_id)

        assert sorted(refund.gross for refund in order.refunds) == [50, 100]
        assert sum(kept_of(order).values()) <= sum(line.gross for line in order.lines)

    def test_a_deleted_order_is_gone(self, shop: Shop) -> None:
        order_id = shop.order(customer_id=shop.customer())

        shop.delete(order_id)

        gone = shop.connector().orders.get_order(order_id)
        assert isinstance(gone, Gone)
        assert (gone.external_id, gone.reason) == (order_id, "deleted")

    def test_a_shop_that_is_down_says_nothing_about_an_order(self, shop: Shop) -> None:
        connector = shop.connector()
        order_id = shop.order(customer_id=shop.customer())

        for mode in shop.broken_modes:
            shop.break_down(mode)
            with pytest.raises(Unreadable):
                connector.orders.get_order(order_id)
        shop.break_down("")

        assert isinstance(connector.orders.get_order(order_id), Order)

    def test_polling_with_an_overlap_misses_no_change(self, shop: Shop) -> None:
        connector = shop.connector()
        if Capability.LIST_ORDERS_BY_CHANGE not in connector.capabilities:
            pytest.skip("the platform does not list orders by change")
        old = shop.order(customer_id=shop.customer())
        shop.pass_time(seconds=2)
        since = shop.now()
        new, cancelled = shop.order(), shop.order()
        shop.cancel(cancelled)
        shop.pay(old)

        seen = [order.external_id for order in every_order(connector, since)]

        assert {old, new, cancelled} <= set(seen)

    def test_polling_leaves_out_what_did_not_change(self, shop: Shop) -> None:
        connector = shop.connector()
        if Capability.LIST_ORDERS_BY_CHANGE not in connector.capabilities:
            pytest.skip("the platform does not list orders by change")
        old = shop.order(customer_id=shop.customer())
        shop.pass_time(seconds=3)

        seen = [order.external_id for order in every_order(connector, shop.now())]

        assert old not in seen

    def test_the_backfill_reads_every_order_once_oldest_first(self, shop: Shop) -> None:
        connector = shop.connector()
        made = [shop.order() for _ in range(3)]
        shop.complete(made[1])
        shop.refund(made[1], 70)

        orders: list[Order] = []
        page = connector.orders.list_placed_orders(placed_since=None)
        orders += page.items
        while page.cursor:
            page = connector.orders.list_placed_orders(placed_since=None, cursor=page.cursor)
            orders += page.items

        ids = [order.external_id for order in orders]
        assert len(ids) == len(set(ids))
        assert [each for each in ids if each in made] == made
        assert [refund.gross for order in orders if order.external_id == made[1] for refund in order.refunds] == [70]

    def test_customers_are_found_and_strangers_are_not(self, shop: Shop) -> None:
        connector, customer_id = shop.connector(), shop.customer()

        found = connector.customers.get_customer(customer_id)

        assert (found.external_id, found.email) == (customer_id, shop.email_of(customer_id))
        assert customer_id in [customer.external_id for customer in every_customer(connector)]
        with pytest.raises(ExternalNotFound):
            connector.customers.get_customer("99999999")

    def test_a_customer_can_be_written_to_and_a_stranger_cannot(self, shop: Shop) -> None:
        customers, customer_id = shop.connector().customers, shop.customer()

        assert list(customers.emails_of(customer_id))[:1] == [shop.email_of(customer_id)]
        assert list(customers.emails_of("99999999")) == []

    @pytest.mark.parametrize("kind", list(DiscountKind))
    def test_a_discount_of_each_kind_is_issued_and_found_unused(self, shop: Shop, kind: DiscountKind) -> None:
        connector = shop.connector()
        request = discount(shop, kind=kind)
        needed = NEEDED.get(kind)
        if needed is not None and needed not in connector.capabilities:
            with pytest.raises(InvalidInput):
                connector.discounts.issue(request)
            return

        issued = connector.discounts.issue(request)
        usage = connector.discounts.usage(request.code)

        assert issued.external_id
        assert normal_code(issued.code) == normal_code(request.code)
        assert (usage.exists, usage.state) == (True, "unknown" if kind is DiscountKind.STORE_CREDIT else "unused")

    def test_issuing_the_same_again_finds_what_is_there(self, shop: Shop) -> None:
        connector, request = shop.connector(), discount(shop)

        first = connector.discounts.issue(request)
        second = connector.discounts.issue(request)

        assert first == second
        assert shop.codes(request.code) == 1

    def test_issuing_by_turns_from_several_threads_makes_one(self, shop: Shop) -> None:
        connector, request = shop.connector(), discount(shop)
        turn = threading.Lock()  # callers keep one call per code in flight
        failures: list[BaseException] = []

        def issue() -> None:
            try:
                with turn:
                    connector.discounts.issue(request)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=issue) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert not failures
        assert shop.codes(request.code) == 1

    def test_a_code_that_is_anothers_is_refused(self, shop: Shop) -> None:
        connector, request = shop.connector(), discount(shop)
        connector.discounts.issue(request)

        with pytest.raises(Exception, match="another") as refused:
            connector.discounts.issue(request.model_copy(update={"amount": request.amount + 100}))

        assert type(refused.value).__name__ == "PlatformRefused"

    def test_revoking_makes_an_unused_code_dead_and_may_be_repeated(self, shop: Shop) -> None:
        connector, request = shop.connector(), discount(shop)
        connector.discounts.issue(request)

        first = connector.discounts.revoke(request.code)
        second = connector.discounts.revoke(request.code)

        assert (first.existed, first.used) == (True, False)
        assert second.existed is False
        assert connector.discounts.usage(request.code).exists is False
        assert shop.codes(request.code) == 0

    def test_revoking_says_that_a_code_was_used(self, shop: Shop) -> None:
        connector, request = shop.connector(), discount(shop)
        connector.discounts.issue(request)
        shop.order(code=request.code)

        assert connector.discounts.usage(request.code).state == "used"
        assert connector.discounts.revoke(request.code).used is True

    def test_an_order_names_the_code_and_what_it_took_off(self, shop: Shop) -> None:
        connector, request = shop.connector(), discount(shop)
        connector.discounts.issue(request)

        order = read(connector, shop.order(code=request.code))

        assert [(normal_code(each.code), each.used) for each in order.discounts] == [
            (normal_code(request.code), request.amount)
        ]
        assert sum(line.before_discount - line.gross for line in order.lines) == order.discounts[0].gross
        assert sum(line.gross for line in order.lines) + order.shipping.gross == order.total

    def test_cancelling_an_order_revives_its_code_where_the_capability_says_so(self, shop: Shop) -> None:
        connector, request = shop.connector(), discount(shop)
        connector.discounts.issue(request)
        order_id = shop.order(code=request.code)

        shop.cancel(order_id)

        revived = connector.discounts.usage(request.code).state == "unused"
        assert revived == (Capability.CANCEL_REVIVES_CODE in connector.capabilities)

    def test_health_of_a_shop_that_is_down_is_an_answer(self, shop: Shop) -> None:
        connector = shop.connector()

        for mode in shop.broken_modes:
            shop.break_down(mode)
            assert connector.installer.health(address="https://regulars.example/x", now=shop.now()).problems
        shop.break_down("")


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def read(connector: Connector, order_id: str) -> Order:
    order = connector.orders.get_order(order_id)
    assert isinstance(order, Order), order
    return order


def every_order(connector: Connector, since: datetime) -> list[Order]:
    return every_page(lambda cursor: connector.orders.list_orders(changed_since=since, cursor=cursor))


def every_customer(connector: Connector) -> list[Customer]:
    return every_page(lambda cursor: connector.customers.list_customers(cursor=cursor))


def every_page(ask: Callable[[str | None], Any]) -> list[Any]:
    page = ask(None)
    found = [*page.items]
    while page.cursor:
        page = ask(page.cursor)
        found += page.items
    return found


def discount(shop: Shop, *, kind: DiscountKind = DiscountKind.FIXED_AMOUNT) -> DiscountRequest:
    facts = shop.connector().installer.facts()
    credit = kind is DiscountKind.STORE_CREDIT
    # Some platforms take shorter codes than others: such a shop makes its own.
    make_code = getattr(shop, "new_code", new_code)
    return DiscountRequest(
        code=make_code(STORE_CREDIT_CODE if credit else "T"),
        kind=kind,
        currency=facts.currency,
        amount=500 if kind in AMOUNTS else 0,
        per_mille=125 if kind is DiscountKind.PERCENTAGE else 0,
        product_ids=(shop.gift(),) if kind is DiscountKind.FREE_PRODUCT else (),
        valid_until=shop.now() + timedelta(days=7),
        customer_id=shop.customer() if credit else None,
        description="battery",
    )
