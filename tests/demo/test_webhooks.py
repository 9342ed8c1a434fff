"""Signed deliveries: what a real shop sends, and all the ways in which it does not."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest

from tests.demo.conftest import Open
from tests.demo.recordings import differences, load, names
from tests.demo.story import rest_story
from tests.demo.world import SECRET, Basket, Clock, Received, Receiver, checkout_body, rest, subscribe

VERSIONS = ("11.0.1", "8.2.2")
# Recorded on their own, with few topics registered; told in tests of their own below.
ALONE = {"wh_storefront_checkout", "wh_order_gone_before_delivery", "wh_owner_lost_rights"}
RECORDED = [(v, name) for v in VERSIONS for name in names(v, prefix="wh_") if name not in ALONE]
NO_VALUES = {"Host", "Content-Length", "X-WC-Webhook-Source", "X-WC-Webhook-Signature", "X-WC-Webhook-ID"}
NO_VALUES |= {"X-WC-Webhook-Delivery-ID", "Accept", "Accept-Encoding"}


def all_topics(version: str) -> set[str]:
    found = set()
    for name in names(version, prefix="wh_"):
        recorded = load(version, name)
        found |= {
            delivery["path"].split("/")[-1] for delivery in (recorded if isinstance(recorded, list) else [recorded])
        }
    return {topic for topic in found if "." in topic}


_steps: dict[str, dict[str, list[Received]]] = {}


@pytest.fixture
def steps(request: pytest.FixtureRequest, open_shop: Open, receiver: Receiver) -> dict[str, list[Received]]:
    """What was delivered after each step of the recorded story, with every recorded topic registered."""
    version = request.node.callspec.params["version"]
    if version not in _steps:
        running, told = open_shop(version), {}
        subscribe(running, receiver.url, *sorted(all_topics(version)))

        def after(step: str) -> None:
            receiver.received.clear()
            running.shop.deliver_pending()
            told[f"wh_{step}"] = receiver.deliveries()

        rest_story(running, after)
        _steps[version] = told
    return _steps[version]


@pytest.mark.parametrize(("version", "name"), RECORDED)
def test_a_step_of_the_story_sends_the_topics_and_bodies_that_were_recorded(
    version: str, name: str, steps: dict[str, list[Received]]
) -> None:
    recorded = load(version, name)
    recorded = recorded if isinstance(recorded, list) else [recorded]
    if name == "wh_order_anonymised":
        recorded = recorded[-1:]

    ours = {got.path.split("/")[-1]: got for got in steps[name]}

    wanted = {delivery["headers_topic"]: delivery for delivery in map(with_topic, recorded)}
    if name == "wh_order_anonymised":
        assert set(wanted) <= set(ours)
    else:
        assert set(ours) == set(wanted)
    for topic, delivery in wanted.items():
        assert differences(json.loads(delivery["body"]), json.loads(ours[topic].body)) == []


@pytest.mark.parametrize(("version", "name"), [(v, n) for v, n in RECORDED if n == "wh_order_completed"])
def test_a_delivery_carries_the_headers_that_were_recorded(
    version: str, name: str, steps: dict[str, list[Received]]
) -> None:
    recorded = {with_topic(delivery)["headers_topic"]: dict(delivery["headers"]) for delivery in load(version, name)}

    for got in steps[name]:
        head = recorded[got.path.split("/")[-1]]
        assert set(head) <= set(got.headers) | {"Connection"}
        assert {k: got.headers[k] for k in head if k not in NO_VALUES | {"Connection"}} == {
            k: v for k, v in head.items() if k not in NO_VALUES | {"Connection"}
        }


def with_topic(delivery: dict[str, Any]) -> dict[str, Any]:
    return {**delivery, "headers_topic": dict(delivery["headers"])["X-WC-Webhook-Topic"]}


@pytest.mark.parametrize("secret", [SECRET, 's&"<>ě'])
def test_the_signature_is_over_the_raw_body(open_shop: Open, receiver: Receiver, secret: str) -> None:
    running = open_shop()
    subscribe(running, receiver.url, "order.created", secret=secret)

    running.shop.place_order(email="ěšč@example.com")
    running.shop.deliver_pending()

    [got] = receiver.deliveries()
    digest = hmac.new(secret.encode(), got.body, hashlib.sha256).digest()
    assert got.headers["X-WC-Webhook-Signature"] == base64.b64encode(digest).decode()
    assert b"\\u" in got.body
    assert b"\\/" in got.body


@pytest.mark.parametrize("version", VERSIONS)
def test_creating_a_webhook_answers_and_pings_as_recorded(version: str, open_shop: Open, receiver: Receiver) -> None:
    recorded, ping = load(version, "webhook_create_response"), load(version, "webhook_ping")

    [made] = subscribe(open_shop(version), receiver.url, recorded["topic"])

    assert differences(recorded, made) == []
    [got] = receiver.pings()
    assert got.body == f"webhook_id={made['id']}".encode()
    assert got.headers["User-Agent"] == dict(ping["headers"])["User-Agent"]
    assert not [header for header in got.headers if header.startswith("X-WC")]


@pytest.mark.parametrize("status", [201, 202, 204, 500])
def test_a_ping_not_answered_with_200_is_sent_again_with_every_delivery(
    open_shop: Open, receiver: Receiver, status: int
) -> None:
    running = open_shop()
    receiver.answer = status
    [made] = subscribe(running, receiver.url, "order.created")
    assert made["status"] == "active"

    receiver.answer = lambda got: (200 if got.headers["Content-Type"] == "application/json" else status, {}, b"")
    for _ in range(2):
        running.shop.place_order()
        running.shop.deliver_pending()
    assert len(receiver.pings()) == 3

    receiver.answer = 200
    for _ in range(2):
        running.shop.place_order()
        running.shop.deliver_pending()
    assert len(receiver.pings()) == 4


def test_the_payload_is_built_when_it_is_delivered(open_shop: Open, receiver: Receiver) -> None:
    running = open_shop()
    subscribe(running, receiver.url, "order.updated")
    order = running.shop.place_order(payment="cod")
    for status in ("on-hold", "processing", "on-hold", "processing", "completed"):
        running.shop.set_status(order.id, status)

    running.shop.deliver_pending()

    [got] = receiver.deliveries()
    assert json.loads(got.body)["status"] == "completed"


def test_deliveries_of_one_webhook_in_one_second_share_their_id(
    open_shop: Open, receiver: Receiver, clock: Clock
) -> None:
    running = open_shop()
    subscribe(running, receiver.url, "order.created", "order.updated")
    for _ in range(3):
        running.shop.place_order()
    running.shop.deliver_pending()
    clock.turn(1)
    running.shop.place_order()
    running.shop.deliver_pending()

    ids = {topic: [] for topic in ("order.created", "order.updated")}
    for got in receiver.deliveries():
        ids[got.headers["X-WC-Webhook-Topic"]].append(got.headers["X-WC-Webhook-Delivery-ID"])
    assert [len(set(ids["order.created"][:3])), len(set(ids["order.created"]))] == [1, 2]
    assert set(ids["order.created"]).isdisjoint(ids["order.updated"])
    assert all(len(one) == 32 for one in ids["order.created"])


@pytest.mark.parametrize("failure", [204, 301, 302])
def test_redirects_count_as_arrived_and_are_not_followed(open_shop: Open, receiver: Receiver, failure: int) -> None:
    running = open_shop()
    subscribe(running, receiver.url, "order.created")
    receiver.answer = lambda got: (failure, {"Location": f"{receiver.url}/elsewhere"}, b"")

    for _ in range(9):
        running.shop.place_order()
        running.shop.deliver_pending()

    assert running.shop.webhooks[0].status == "active"
    assert not [got for got in receiver.received if got.path == "/elsewhere"]


@pytest.mark.parametrize("failure", [307, 401, 404, 500])
def test_the_seventh_failure_in_a_row_disables_and_nothing_is_sent_again(
    open_shop: Open, receiver: Receiver, failure: int
) -> None:
    running = open_shop()
    [made] = subscribe(running, receiver.url, "order.created")
    receiver.answer = failure
    for _ in range(6):
        running.shop.place_order()
        running.shop.deliver_pending()
    assert rest(running).get(f"webhooks/{made['id']}").json()["status"] == "active"

    running.shop.place_order()
    running.shop.deliver_pending()

    assert rest(running).get(f"webhooks/{made['id']}").json()["status"] == "disabled"
    assert len(receiver.deliveries()) == 7
    running.shop.place_order()
    assert running.shop.deliver_pending() == []


def test_a_webhook_disabled_in_the_middle_of_a_batch_gets_no_more_of_it(open_shop: Open, receiver: Receiver) -> None:
    running = open_shop()
    subscribe(running, receiver.url, "order.created")
    receiver.answer = 500
    for _ in range(9):
        running.shop.place_order()

    running.shop.deliver_pending()

    assert len(receiver.deliveries()) == 7


def test_one_success_resets_the_count(open_shop: Open, receiver: Receiver) -> None:
    running = open_shop()
    subscribe(running, receiver.url, "order.created")
    for answer in (500, 500, 500, 500, 500, 500, 200, 500, 500, 500, 500, 500, 500):
        receiver.answer = answer
        running.shop.place_order()
        running.shop.deliver_pending()

    assert running.shop.webhooks[0].status == "active"


def test_enabling_again_does_not_reset_the_count(open_shop: Open, receiver: Receiver) -> None:
    running = open_shop()
    [made] = subscribe(running, receiver.url, "order.created")
    receiver.answer = 500
    for _ in range(7):
        running.shop.place_order()
        running.shop.deliver_pending()
    rest(running).put(f"webhooks/{made['id']}", {"status": "active"})

    running.shop.place_order()
    running.shop.deliver_pending()

    assert running.shop.webhooks[0].status == "disabled"


def test_deliveries_go_one_after_another(open_shop: Open, receiver: Receiver) -> None:
    running = open_shop()
    subscribe(running, receiver.url, "order.created")
    under_way, most = 0, 0

    def slow(got: Received) -> tuple[int, dict[str, str], bytes]:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        time.sleep(0.02)
        under_way -= 1
        return 200, {}, b""

    receiver.answer = slow
    for _ in range(5):
        running.shop.place_order()
    running.shop.deliver_pending()

    assert (len(receiver.deliveries()), most) == (5, 1)


def test_an_order_gone_before_delivery_is_told_as_a_signed_error(open_shop: Open, receiver: Receiver) -> None:
    running = open_shop()
    subscribe(running, receiver.url, "order.created")
    order = running.shop.place_order()
    running.shop.delete_order(order.id)

    running.shop.deliver_pending()

    recorded = load("11.0.1", "wh_order_gone_before_delivery")
    assert receiver.deliveries()[0].body.decode() == recorded["body"]


def test_an_owner_without_rights_is_told_as_a_signed_error(open_shop: Open, receiver: Receiver) -> None:
    running = open_shop()
    subscribe(running, receiver.url, "order.created")
    running.shop.owner.role = "subscriber"
    running.shop.place_order()

    running.shop.deliver_pending()

    recorded = load("11.0.1", "wh_owner_lost_rights")
    assert receiver.deliveries()[0].body.decode() == recorded["body"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_storefront_order_with_a_new_account_sends_what_was_recorded(
    version: str, open_shop: Open, receiver: Receiver
) -> None:
    recorded = {with_topic(delivery)["headers_topic"]: delivery for delivery in load(version, "wh_storefront_checkout")}
    running = open_shop(version)
    subscribe(running, receiver.url, *sorted(recorded))
    basket = Basket(running).filled(email="new@ex.cz")
    body = checkout_body(email="new@ex.cz", create_account=True)

    assert basket.call("POST", "checkout", body).status_code == 200
    running.shop.deliver_pending()

    ours = {got.headers["X-WC-Webhook-Topic"]: got for got in receiver.deliveries()}
    assert set(ours) == set(recorded)
    for topic, delivery in recorded.items():
        body = json.loads(ours[topic].body)
        recorded_body = json.loads(delivery["body"])
        if recorded_body.get("status") == "checkout-draft":
            continue
        assert differences(recorded_body, body, values=False) == []


def test_an_old_shop_announces_the_draft_of_an_opened_checkout_and_a_current_one_does_not(
    version: str, open_shop: Open, receiver: Receiver
) -> None:
    running = open_shop(version)
    subscribe(running, receiver.url, "order.created", "order.updated")
    basket = Basket(running).filled()

    basket.call("GET", "checkout")
    running.shop.deliver_pending()
    drafts = [json.loads(got.body)["status"] for got in receiver.deliveries()]
    basket.check_out()
    running.shop.deliver_pending()

    topics = [got.headers["X-WC-Webhook-Topic"] for got in receiver.deliveries()]
    if version == "8.2.2":
        assert drafts == ["checkout-draft"]
        assert topics == ["order.created", "order.updated"]
    else:
        assert drafts == []
        assert sorted(topics) == ["order.created", "order.updated"]


def test_trashing_an_order_on_posts_storage_also_announces_a_deleted_coupon(
    version: str, open_shop: Open, receiver: Receiver
) -> None:
    running = open_shop(version)
    subscribe(running, receiver.url, "order.deleted", "coupon.deleted")
    order = running.shop.place_order()

    running.shop.trash(order.id)
    running.shop.deliver_pending()

    got = {got.headers["X-WC-Webhook-Topic"]: json.loads(got.body) for got in receiver.deliveries()}
    assert got.pop("order.deleted") == {"id": order.id}
    assert got == ({"coupon.deleted": {"id": order.id}} if version == "8.2.2" else {})


def test_paused_is_ignored_on_creation_and_honoured_afterwards(open_shop: Open, receiver: Receiver) -> None:
    running = open_shop()
    api = rest(running)
    body = {"topic": "order.created", "delivery_url": f"{receiver.url}/x", "secret": "s", "status": "paused"}
    made = api.post("webhooks", body).json()
    assert made["status"] == "active"

    assert api.put(f"webhooks/{made['id']}", {"status": "paused"}).json()["status"] == "paused"
    running.shop.place_order()

    assert running.shop.deliver_pending() == []


def test_a_new_delivery_url_is_pinged_and_a_new_secret_holds_at_once(open_shop: Open, receiver: Receiver) -> None:
    running = open_shop()
    [made] = subscribe(running, receiver.url, "order.created")
    changes = {"delivery_url": f"{receiver.url}/new", "secret": "other"}

    rest(running).put(f"webhooks/{made['id']}", changes)
    running.shop.place_order()
    running.shop.deliver_pending()

    assert receiver.pings()[-1].path == "/new"
    [got] = receiver.deliveries()
    digest = hmac.new(b"other", got.body, hashlib.sha256).digest()
    assert got.headers["X-WC-Webhook-Signature"] == base64.b64encode(digest).decode()


@pytest.mark.parametrize("topic", ["order.refunded", "order.paid", "", "action."])
def test_there_are_no_other_topics(open_shop: Open, topic: str) -> None:
    answer = rest(open_shop()).post("webhooks", {"topic": topic, "delivery_url": "https://example.com/"})

    assert (answer.status_code, answer.json()["code"]) == (400, "woocommerce_rest_shop_webhook_invalid_topic")


def test_the_public_cron_address_delivers_at_once_but_only_once_a_minute(open_shop: Open, receiver: Receiver) -> None:
    running = open_shop()
    subscribe(running, receiver.url, "order.created")
    client = running.shop.app.test_client()
    running.shop.place_order()
    assert client.get("/wp-cron.php?doing_wp_cron").status_code == 200
    running.shop.place_order()
    client.get("/wp-cron.php?doing_wp_cron")

    assert len(receiver.deliveries()) == 1

    running.shop.deliveries.cron_every_s = 0
    client.get("/wp-cron.php")
    assert len(receiver.deliveries()) == 2


def test_a_visit_moves_the_queue_of_a_shop_that_runs_like_wp_cron(open_shop: Open, receiver: Receiver) -> None:
    running = open_shop(pace="cron")
    subscribe(running, receiver.url, "order.created")
    running.shop.place_order()
    time.sleep(0.2)
    assert receiver.deliveries() == []

    running.shop.app.test_client().get("/")

    _until(lambda: len(receiver.deliveries()) == 1)


def test_a_shop_may_deliver_a_set_time_after_the_event(open_shop: Open, receiver: Receiver) -> None:
    running = open_shop(pace=0.05)
    subscribe(running, receiver.url, "order.created")

    running.shop.place_order()

    _until(lambda: len(receiver.deliveries()) == 1)


def _until(done: Any) -> None:
    end = time.monotonic() + 20
    while not done():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)
