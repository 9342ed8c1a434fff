"""The fault switches: each breaks exactly what it says, and nothing stays broken."""

import json
import time
from dataclasses import fields

import pytest
import requests

from demo.shop.faults import HELP, Faults
from tests.demo.conftest import Open
from tests.demo.world import Receiver, rest, subscribe


@pytest.mark.parametrize(
    ("mode", "status", "kind", "is_json"),
    [
        ("html", 200, "text/html", False),
        ("maintenance", 503, "text/html", False),
        ("fatal", 500, "text/html", False),
        ("notice", 200, "application/json", False),
        ("error500", 500, "application/json", True),
        ("no_route", 404, "application/json", True),
        ("revoked", 401, "application/json", True),
    ],
)
def test_the_rest_api_fails_in_the_ways_of_real_shops(
    open_shop: Open, mode: str, status: int, kind: str, is_json: bool
) -> None:
    running = open_shop()
    api = rest(running)
    running.shop.faults.rest_mode = mode

    answer = api.get("orders")

    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (status, kind)
    assert answer.headers.get("Retry-After") == ("600" if mode == "maintenance" else None)
    if is_json:
        assert "code" in answer.json()
    else:
        with pytest.raises(requests.exceptions.JSONDecodeError):
            answer.json()
    running.shop.faults.clear()
    assert rest(running).get("orders").status_code == 200


def test_a_host_may_lose_the_authorization_header(open_shop: Open) -> None:
    running = open_shop(tls=True)
    key = running.shop.create_key()
    running.shop.faults.strip_authorization = True
    url, secrets = f"{running.url}/wp-json/wc/v3/orders", (key.consumer_key, key.consumer_secret)

    header = requests.get(url, auth=secrets, timeout=9)
    query = requests.get(url, params=dict(zip(("consumer_key", "consumer_secret"), secrets, strict=True)), timeout=9)

    assert (header.status_code, header.json()["code"]) == (401, "woocommerce_rest_cannot_view")
    assert query.status_code == 200


def test_a_timeout_lasts_until_the_switch_is_off(open_shop: Open) -> None:
    running = open_shop()
    running.shop.faults.update({"rest_mode": "timeout", "rest_timeout_s": 30})

    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.get(f"{running.url}/wp-json/wc/v3/orders", timeout=0.3)

    running.shop.faults.clear()
    assert rest(running).get("orders").status_code == 200


def test_a_shop_that_is_down_hangs_up_and_can_be_brought_back(open_shop: Open) -> None:
    running = open_shop()
    requests.post(f"{running.url}/demo/faults", json={"shop_down": True}, timeout=9)

    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(running.url, timeout=9)

    requests.post(f"{running.url}/demo/faults", json={"clear": True}, timeout=9)
    assert requests.get(running.url, timeout=9).status_code == 200


def test_deliveries_are_doubled_forged_and_cut(open_shop: Open, receiver: Receiver) -> None:
    running = open_shop()
    subscribe(running, receiver.url, "order.created")

    def sent(**switches: object) -> list[bytes]:
        running.shop.faults.clear()
        running.shop.faults.update(switches)
        receiver.received.clear()
        running.shop.place_order()
        running.shop.deliver_pending()
        return [got.body for got in receiver.deliveries()]

    first, second = sent(duplicate=True)
    assert first == second
    true, forged = sent(forged=True)
    assert json.loads(forged)["id"] != json.loads(true)["id"]
    signatures = {got.headers["X-WC-Webhook-Signature"] for got in receiver.deliveries()}
    assert len(signatures) == 1
    [cut] = sent(truncated=True)
    with pytest.raises(json.JSONDecodeError):
        json.loads(cut)
    assert sent(drop_rate=1.0) == []
    assert len(sent()) == 1


def test_an_older_version_comes_last_and_is_signed(open_shop: Open, receiver: Receiver) -> None:
    running = open_shop()
    subscribe(running, receiver.url, "order.updated")
    running.shop.faults.stale_last = True
    order = running.shop.place_order(payment="cod")
    running.shop.deliver_pending()
    running.shop.complete(order.id)

    running.shop.deliver_pending()

    assert [json.loads(got.body)["status"] for got in receiver.deliveries()][-2:] == ["completed", "processing"]


def test_deliveries_are_shuffled_and_delayed(open_shop: Open, receiver: Receiver) -> None:
    running = open_shop()
    subscribe(running, receiver.url, "order.created")
    running.shop.faults.update({"shuffle": True, "delay_s": 0.01})
    orders = [running.shop.place_order().id for _ in range(12)]

    started = time.monotonic()
    running.shop.deliver_pending()

    assert time.monotonic() - started >= 0.12
    ids = [json.loads(got.body)["id"] for got in receiver.deliveries()]
    assert (sorted(ids), ids != orders) == (orders, True)


def test_every_switch_is_explained() -> None:
    assert set(HELP) == {field.name for field in fields(Faults)}


@pytest.mark.parametrize("switch", [{"nonsense": 1}, {"rest_mode": "sideways"}, {"drop_rate": "much"}])
def test_a_wrong_switch_is_refused_by_name(open_shop: Open, switch: dict[str, object]) -> None:
    answer = requests.post(f"{open_shop().url}/demo/faults", json=switch, timeout=9)

    assert answer.status_code == 400
    assert next(iter(switch)) in answer.json()["error"]


def test_the_state_is_told_for_assertions(open_shop: Open, receiver: Receiver) -> None:
    running = open_shop(order_count=3)
    subscribe(running, receiver.url, "order.created")
    running.shop.place_order()

    state = requests.get(f"{running.url}/demo/state", timeout=9).json()

    assert (state["orders"], state["deliveries_waiting"], len(state["webhooks"])) == (4, 1, 1)
