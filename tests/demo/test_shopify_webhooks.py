"""Webhooks of the fake Shopify: topics, signatures, bodies like the vendor's samples, and all the ways of arriving badly."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.shop.entities import Address
from demo.shopify.app_config import AppConfig
from demo.shopify.deliveries import BACKOFF_S, RETRIES
from tests.demo.shopify_world import World, opened
from tests.demo.world import Received, Receiver

# In the samples, but not in what we send: a shop's settings that nobody reads.
NOT_SENT = {
    "app/uninstalled": {
        "province_code", "weight_unit", "auto_configure_tax_inclusivity", "tax_shipping", "county_taxes",
        "google_apps_domain", "google_apps_login_enabled", "money_in_emails_format",
        "money_with_currency_in_emails_format", "eligible_for_payments", "requires_extra_payments_agreement",
        "password_enabled", "finances", "primary_location_id", "checkout_api_supported", "multi_location_enabled",
        "setup_required", "pre_launch_enabled", "marketing_sms_consent_enabled_at_checkout",
        "transactional_sms_disabled",
    },
}  # fmt: skip

ADDRESS = Address("Anna", "N.", "", "Dlouhá 5", "", "Brno", "", "60200", "CZ", "anna@ex.cz", "+420777123456")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening


@pytest.fixture
def world(receiver: Receiver) -> Iterator[World]:
    with opened(app=AppConfig(webhook_url=f"{receiver.url}/hooks")) as world:
        yield world


def topics(receiver: Receiver) -> list[str]:
    return [got.headers["X-Shopify-Topic"] for got in receiver.deliveries()]


def bodies(receiver: Receiver, topic: str) -> list[Any]:
    return [json.loads(got.body) for got in receiver.deliveries() if got.headers["X-Shopify-Topic"] == topic]


def signed(world: World, got: Received) -> bool:
    digest = hmac.new(world.shop.site.app.secret.encode(), got.body, hashlib.sha256).digest()
    return hmac.compare_digest(got.headers["X-Shopify-Hmac-Sha256"], base64.b64encode(digest).decode())


def live_through_everything(world: World) -> None:
    """Each subscribed topic at least once."""
    shop = world.shop
    anna = shop.add_customer("anna@ex.cz", first_name="Anna", last_name="N.", billing=ADDRESS)
    jan = shop.add_customer("jan@ex.cz")
    shop.update_customer(anna.id, first_name="Anička")
    world.make("FIVE")
    order = shop.place_order({11: 2, 12: 1}, customer_id=anna.id, coupons=("FIVE",), tip="1.00")
    shop.refund(order.id, quantities={order.lines[0].id: 1}, shipping=True)
    shop.refund(order.id, amount="1.00")
    shop.edit_order(order.id, add={13: 1}, remove={order.lines[1].id: 1})
    other = shop.place_order(payment="bacs")
    shop.mark_paid(other.id)
    shop.cancel(other.id)
    shop.delete_order(other.id)
    shop.merge_customers(anna.id, jan.id)
    shop.delete_customer(shop.add_customer("gone@ex.cz").id)
    shop.delete_discount("FIVE")
    shop.request_data(anna.id)
    shop.redact(anna.id)
    world.data('mutation M { bulkOperationRunQuery(query: "{ orders { nodes { id } } }") { userErrors { code } } }')
    shop.bulk.finish()
    shop.install(("read_orders",))
    shop.uninstall()
    shop.redact_shop()
    shop.deliver_pending()


def test_every_topic_has_its_moment_and_each_message_is_signed(world: World, receiver: Receiver) -> None:
    live_through_everything(world)

    assert set(topics(receiver)) == set(world.shop.site.app.topics)
    assert all(signed(world, got) for got in receiver.deliveries())
    ids = [got.headers["X-Shopify-Webhook-Id"] for got in receiver.deliveries()]
    assert len(set(ids)) == len(ids)
    assert {got.headers["X-Shopify-Shop-Domain"] for got in receiver.deliveries()} == {world.shop.domain}


def test_bodies_have_the_keys_and_kinds_of_the_vendors_samples(
    world: World, receiver: Receiver, contracts_dir: Path
) -> None:
    live_through_everything(world)

    folder = contracts_dir / "shopify" / "webhooks"
    problems = []
    for got in receiver.deliveries():
        topic = got.headers["X-Shopify-Topic"]
        sample = json.loads((folder / f"{topic.replace('/', '__')}.json").read_text())
        missing = NOT_SENT.get(topic, set())
        problems += [f"{topic}{line}" for line in differences(sample, json.loads(got.body), missing)]
    assert problems == []


def differences(sample: Any, ours: Any, missing: set[str], at: str = "") -> list[str]:
    """Where a body is not like the sample: other keys, other kinds. Null fits everything, on either side."""
    if sample is None or ours is None:
        return []
    if isinstance(sample, dict) and isinstance(ours, dict):
        # A customer without an address has none; a line of an order has what lines have.
        optional = {"default_address", "addresses", "attributed_staffs", *missing}
        wrong = [f"{at}: no {key}" for key in sample.keys() - ours.keys() - optional]
        wrong += [f"{at}: {key} is not in the sample" for key in ours.keys() - sample.keys()]
        shared = sample.keys() & ours.keys()
        return wrong + [
            line for key in sorted(shared) for line in differences(sample[key], ours[key], set(), f"{at}.{key}")
        ]
    if isinstance(sample, list) and isinstance(ours, list):
        return [line for each in ours for line in differences(sample[0], each, set(), f"{at}[]")] if sample else []
    kinds = [("number" if isinstance(each, int | float) and not isinstance(each, bool) else type(each).__name__)
             for each in (sample, ours)]  # fmt: skip
    return [] if kinds[0] == kinds[1] else [f"{at}: {kinds[1]} instead of {kinds[0]}"]


def test_amounts_are_texts_but_for_those_of_refunded_lines(world: World, receiver: Receiver) -> None:
    order = world.shop.place_order({12: 1})
    world.shop.refund(order.id, quantities={order.lines[0].id: 1})
    world.shop.deliver_pending()

    assert bodies(receiver, "orders/create")[0]["total_price"] == "29.20"
    line = bodies(receiver, "refunds/create")[0]["refund_line_items"][0]
    assert (line["subtotal"], line["total_tax"]) == (24.2, 4.2)


def test_a_body_says_what_was_when_it_happened_not_when_it_arrives(world: World, receiver: Receiver) -> None:
    order = world.shop.place_order(payment="bacs")
    world.shop.mark_paid(order.id)
    world.shop.deliver_pending()

    assert bodies(receiver, "orders/create")[0]["financial_status"] == "pending"
    assert bodies(receiver, "orders/paid")[0]["financial_status"] == "paid"


def test_a_failed_delivery_is_tried_eight_times_more_over_four_hours_unchanged(
    world: World, receiver: Receiver
) -> None:
    receiver.answer = 500
    world.shop.delete_customer(world.shop.add_customer("gone@ex.cz").id)
    world.shop.deliveries.drop_pending()
    world.shop.delete_order(world.shop.place_order(email="").id)
    world.shop.deliver_pending()
    assert world.shop.deliver_pending() == []

    rounds = 0
    while world.shop.deliveries.waiting():
        world.clock.turn(BACKOFF_S[rounds])
        world.shop.deliver_pending()
        rounds += 1

    assert (rounds, sum(BACKOFF_S)) == (RETRIES, 4 * 3600)
    mine = [got for got in receiver.deliveries() if got.headers["X-Shopify-Topic"] == "orders/delete"]
    assert len(mine) == RETRIES + 1
    assert len({(got.body, got.headers["X-Shopify-Webhook-Id"]) for got in mine}) == 1


def test_a_redirect_is_a_failure(world: World, receiver: Receiver) -> None:
    receiver.answer = lambda got: (302, {"Location": f"{receiver.url}/elsewhere"}, b"")
    world.shop.add_customer("anna@ex.cz")

    done = world.shop.deliver_pending()

    assert [(each.status, each.final) for each in done] == [(302, False)]
    assert {got.path for got in receiver.received} == {"/hooks"}


@pytest.mark.parametrize(
    ("switch", "expected"),
    [
        ({"duplicate": True}, lambda world, got: len(got) == 2 and got[0].body == got[1].body),
        ({"drop_rate": 1.0}, lambda world, got: got == []),
        ({"forged": True}, lambda world, got: [signed(world, each) for each in got] == [True, False]),
        ({"truncated": True}, lambda world, got: [signed(world, each) for each in got] == [False]),
    ],
)
def test_deliveries_go_wrong_as_told(
    world: World, receiver: Receiver, switch: dict[str, object], expected: Callable[[World, list[Received]], bool]
) -> None:
    world.shop.faults.update(switch)
    world.shop.add_customer("anna@ex.cz")

    world.shop.deliver_pending()

    assert expected(world, receiver.deliveries())


def test_old_news_may_come_last_correctly_signed(world: World, receiver: Receiver) -> None:
    anna = world.shop.add_customer("anna@ex.cz", first_name="Anna")
    world.shop.update_customer(anna.id, first_name="Jana")
    world.shop.deliver_pending()
    receiver.received.clear()
    world.shop.faults.stale_last = True
    world.shop.update_customer(anna.id, first_name="Eva")

    world.shop.deliver_pending()

    assert [body["first_name"] for body in bodies(receiver, "customers/update")] == ["Eva", "Jana"]
    assert all(signed(world, got) for got in receiver.deliveries())


def test_shuffled_messages_are_all_there_in_another_order(world: World, receiver: Receiver) -> None:
    for number in range(8):
        world.shop.add_customer(f"c{number}@ex.cz")
    world.shop.faults.shuffle = True

    world.shop.deliver_pending()

    came = [body["email"] for body in bodies(receiver, "customers/create")]
    assert sorted(came) == [f"c{number}@ex.cz" for number in range(8)] != came


def test_only_what_was_subscribed_to_is_told_and_only_its_fields(receiver: Receiver) -> None:
    app = AppConfig(
        webhook_url=f"{receiver.url}/hooks",
        topics=("orders/create",),
        include_fields={"orders/create": ("id", "line_items.id", "updated_at")},
    )
    with opened(app=app) as world:
        order = world.shop.place_order({11: 1, 12: 1})
        world.shop.deliver_pending()

    assert topics(receiver) == ["orders/create"]
    body = bodies(receiver, "orders/create")[0]
    assert list(body) == ["id", "line_items", "updated_at"]
    assert [list(line) for line in body["line_items"]] == [["id"]] * len(order.lines)


def test_persons_are_empty_in_messages_to_an_app_that_was_not_approved(world: World, receiver: Receiver) -> None:
    world.shop.faults.unapproved = "level_2"
    world.shop.add_customer("anna@ex.cz", first_name="Anna", billing=ADDRESS)
    world.shop.deliver_pending()

    body = bodies(receiver, "customers/create")[0]
    assert (body["email"], body["first_name"], body["addresses"]) == (None, None, [])
    assert b"anna" not in receiver.deliveries()[0].body


def test_a_removed_app_hears_of_its_removal_and_of_what_the_law_wants(world: World, receiver: Receiver) -> None:
    anna, order = world.shop.add_customer("anna@ex.cz"), world.shop.place_order(email="")
    world.shop.deliver_pending()
    receiver.received.clear()
    world.shop.uninstall()
    world.shop.edit_order(order.id, add={12: 1})
    world.shop.update_customer(anna.id, first_name="Jana")
    world.shop.redact(anna.id)
    world.shop.redact_shop()

    world.shop.deliver_pending()

    assert topics(receiver) == ["app/uninstalled", "customers/redact", "shop/redact"]


def test_a_shop_with_a_pace_delivers_by_itself(receiver: Receiver) -> None:
    with opened(app=AppConfig(webhook_url=f"{receiver.url}/hooks"), pace=0.01) as world:
        world.shop.add_customer("anna@ex.cz")
        end = time.monotonic() + 20
        while not receiver.deliveries() and time.monotonic() < end:
            time.sleep(0.01)

    assert topics(receiver) == ["customers/create"]
