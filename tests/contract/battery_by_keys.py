"""What the battery asks besides of shops that we hold a key of: we register the webhooks there, and nothing is ever quite gone."""

from collections.abc import Sequence
from typing import Protocol

from core.commerce import Gone, Order, OrderState, ShopEvent
from core.ports import Capability, Connector, WebhookRequest
from tests.contract.battery import Shop, discount, every_order, read


class Receiver(Protocol):
    """Where the shop's messages go."""

    address: str

    def take(self) -> Sequence[WebhookRequest]:
        """What came since the last call, without secrets."""


class ShopByKeys(Shop, Protocol):
    def trash(self, order_id: str) -> None: ...
    def restore(self, order_id: str) -> None: ...
    def duplicate(self, code: str) -> None:
        """Store the code's discount once more, as a race can."""

    def receiver(self) -> Receiver: ...
    def deliver(self) -> None:
        """Let the shop send what it has to tell."""

    def disable_webhooks(self) -> None: ...
    def webhook_count(self) -> int: ...


class LivingShopByKeys:
    """Subclasses have a fixture `shop`."""

    def test_a_cancelled_order_that_comes_back_is_placed_again(self, shop: ShopByKeys) -> None:
        connector = shop.connector()
        order_id = shop.order(customer_id=shop.customer())

        shop.cancel(order_id)
        assert read(connector, order_id).state is OrderState.CANCELLED

        shop.pay(order_id)
        assert read(connector, order_id).state is OrderState.PLACED

    def test_an_order_in_the_trash_is_gone_and_can_come_back(self, shop: ShopByKeys) -> None:
        connector = shop.connector()
        order_id = shop.order(customer_id=shop.customer())

        shop.trash(order_id)
        assert connector.orders.get_order(order_id) == Gone(external_id=order_id, reason="trashed")

        shop.restore(order_id)
        assert isinstance(connector.orders.get_order(order_id), Order)

    def test_revoking_deletes_every_copy_of_a_code(self, shop: ShopByKeys) -> None:
        connector, request = shop.connector(), discount(shop)
        connector.discounts.issue(request)
        shop.duplicate(request.code)
        assert shop.codes(request.code) == 2

        connector.discounts.revoke(request.code)

        assert shop.codes(request.code) == 0

    def test_polling_tells_what_lies_in_the_trash(self, shop: ShopByKeys) -> None:
        shop.pass_time(seconds=2)
        since, trashed = shop.now(), shop.order()
        shop.trash(trashed)

        assert trashed in [order.external_id for order in every_order(shop.connector(), since)]

    def test_messages_arrive_signed_and_say_what_happened(self, shop: ShopByKeys) -> None:
        connector, receiver = shop.connector(), shop.receiver()
        connector.installer.subscribe(address=receiver.address, secret="first secret")
        pings = receiver.take()
        order_id = shop.order(customer_id=shop.customer())
        shop.pay(order_id)
        shop.deliver()

        messages = receiver.take()
        events = [event for message in messages for event in opened(connector, message, "first secret")]

        assert all(connector.webhooks.is_unsigned_ping(ping) for ping in pings)
        assert order_id in [event.external_id for event in events if event.topic == "order_changed"]

    def test_a_deleted_order_is_announced(self, shop: ShopByKeys) -> None:
        connector, receiver = shop.connector(), shop.receiver()
        order_id = shop.order()
        connector.installer.subscribe(address=receiver.address, secret="s")
        shop.deliver()
        receiver.take()

        shop.delete(order_id)
        shop.deliver()

        events = [event for message in receiver.take() for event in opened(connector, message, "s")]
        assert order_id in [event.external_id for event in events if event.topic == "order_deleted"]

    def test_subscribing_twice_changes_nothing(self, shop: ShopByKeys) -> None:
        connector, receiver = shop.connector(), shop.receiver()
        connector.installer.subscribe(address=receiver.address, secret="s")
        first = shop.webhook_count()

        connector.installer.subscribe(address=receiver.address, secret="s")

        assert shop.webhook_count() == first > 0
        assert connector.installer.health(address=receiver.address, now=shop.now()).problems == expected_health(
            connector
        )

    def test_disabled_webhooks_are_seen_and_made_anew(self, shop: ShopByKeys) -> None:
        connector, receiver = shop.connector(), shop.receiver()
        connector.installer.subscribe(address=receiver.address, secret="s")
        count = shop.webhook_count()

        shop.disable_webhooks()
        sick = connector.installer.health(address=receiver.address, now=shop.now()).problems
        connector.installer.subscribe(address=receiver.address, secret="s")

        assert "webhook_disabled" in sick
        assert shop.webhook_count() == count
        assert connector.installer.health(address=receiver.address, now=shop.now()).problems == expected_health(
            connector
        )

    def test_a_new_secret_signs_what_comes_after(self, shop: ShopByKeys) -> None:
        connector, receiver = shop.connector(), shop.receiver()
        connector.installer.subscribe(address=receiver.address, secret="old")
        count = shop.webhook_count()

        connector.installer.subscribe(address=receiver.address, secret="new")
        receiver.take()
        shop.pay(shop.order())
        shop.deliver()

        messages = [message for message in receiver.take() if not connector.webhooks.is_unsigned_ping(message)]
        assert shop.webhook_count() == count
        assert messages
        for message in messages:
            connector.webhooks.verify(WebhookRequest(message.body, message.headers, ("new",)))

    def test_uninstalling_leaves_nothing_of_ours_and_may_be_repeated(self, shop: ShopByKeys) -> None:
        connector, receiver = shop.connector(), shop.receiver()
        before = shop.webhook_count()
        connector.installer.subscribe(address=receiver.address, secret="s")

        connector.installer.uninstall(address=receiver.address)
        connector.installer.uninstall(address=receiver.address)

        assert shop.webhook_count() == before


def opened(connector: Connector, message: WebhookRequest, secret: str) -> Sequence[ShopEvent]:
    if connector.webhooks.is_unsigned_ping(message):
        return ()
    signed = WebhookRequest(message.body, message.headers, (secret,))
    connector.webhooks.verify(signed)
    return connector.webhooks.parse(signed)


def expected_health(connector: Connector) -> tuple[str, ...]:
    """A well shop may still be one that cannot make single use safe."""
    return () if Capability.SINGLE_USE_IS_SAFE in connector.capabilities else ("single_use_can_be_raced",)
