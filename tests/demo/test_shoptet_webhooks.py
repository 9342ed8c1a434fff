"""Webhooks of the fake Shoptet: registering, what is told and how it is signed, retries, and all the ways of arriving badly."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from demo.shoptet.webhook_calls import EVENTS
from demo.shoptet.webhooks import signature
from tests.demo.shoptet_world import World, contract_in, opened
from tests.demo.world import Received, Receiver

ORDERS = ("order:create", "order:update", "order:delete")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening


@pytest.fixture
def world() -> Iterator[World]:
    with opened() as world:
        yield world


def told(receiver: Receiver) -> list[tuple[str, Any]]:
    bodies = [json.loads(got.body) for got in receiver.deliveries()]
    return [(body["event"], body["eventInstance"]) for body in bodies]


def signed(key: str, got: Received) -> bool:
    expected = hmac.new(key.encode(), got.body, hashlib.sha1).hexdigest()
    return hmac.compare_digest(got.headers["Shoptet-Webhook-Signature"], expected)


def test_the_signature_is_that_of_the_vendors_own_test(contracts_dir: Path) -> None:
    vector = contract_in(contracts_dir).sample("webhook_signature_vector")
    assert signature(vector["signatureKey"], vector["body"].encode()) == vector["signature"]


@pytest.mark.parametrize(
    "name", ["order_create", "order_update", "order_massUpdate", "customer_update", "job_finished"]
)
def test_a_message_looks_like_the_vendors(world: World, receiver: Receiver, contracts_dir: Path, name: str) -> None:
    sample = contract_in(contracts_dir).sample(f"webhook_{name}")
    world.listen(receiver, sample["event"])
    customer = world.somebody()
    order = world.shop.place_order(customer_id=customer.id)
    world.shop.update_customer(customer.id, last_name="Nova")
    world.shop.mass_status([order.id, world.shop.place_order().id], -3)
    if name == "job_finished":
        world.get("/api/customers/snapshot")
    world.shop.deliver_pending()
    body = json.loads(receiver.deliveries()[0].body)

    assert [(key, type(value)) for key, value in body.items()] == [(key, type(value)) for key, value in sample.items()]
    assert (body["event"], body["eshopId"]) == (sample["event"], 222651)
    assert len(body["eventCreated"]) == len(sample["eventCreated"]) == 24
    if name == "order_massUpdate":
        assert len(json.loads(body["eventInstance"])) == 2


def test_all_events_that_we_know_of_can_be_registered(world: World, contracts_dir: Path) -> None:
    wanted = contract_in(contracts_dir).sample("webhooks_register.request")["data"]
    made = world.write("POST", "/api/webhooks", wanted)["webhooks"]

    assert [each["event"] for each in made] == [each["event"] for each in wanted]
    assert {each["event"] for each in wanted} <= EVENTS


def test_an_event_has_one_address_and_all_are_registered_or_none(world: World) -> None:
    one = {"event": "order:create", "url": "https://a.example/"}
    world.write("POST", "/api/webhooks", [one])
    again = world.refused("POST", "/api/webhooks", [{**one, "event": "order:update"}, one])
    unknown = world.refused("POST", "/api/webhooks", [{**one, "event": "order:nonsense"}])
    events = [each["event"] for each in world.get("/api/webhooks")["webhooks"]]

    assert (again, unknown) == ((422, ["invalid-request-data"]), (422, ["invalid-request-data"]))
    assert events == ["order:create"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("order:update", "order:cancel"),
        ("customer:update", "customer:enableOrders"),
        ("customer:disableOrders", "customer:update"),
    ],
)
def test_some_events_exclude_each_other(world: World, one: str, other: str) -> None:
    world.write("POST", "/api/webhooks", [{"event": one, "url": "https://a.example/"}])
    assert world.refused("POST", "/api/webhooks", [{"event": other, "url": "https://a.example/"}])[0] == 409


def test_an_address_can_be_changed_and_taken_away(world: World, receiver: Receiver) -> None:
    world.write("POST", "/api/webhooks", [{"event": "order:create", "url": "http://127.0.0.1:9/"}])
    number = world.get("/api/webhooks")["webhooks"][0]["id"]
    world.write("PATCH", f"/api/webhooks/{number}", {"url": f"{receiver.url}/new"})
    world.shop.place_order()
    world.shop.deliver_pending()
    world.write("DELETE", f"/api/webhooks/{number}")
    world.shop.place_order()
    world.shop.deliver_pending()

    assert [got.path for got in receiver.deliveries()] == ["/new"]


def test_an_orders_life_is_told_in_single_events(world: World, receiver: Receiver) -> None:
    key = world.listen(receiver, *ORDERS, "order:paid", "creditNote:create", "creditNote:update", "creditNote:delete")
    order = world.shop.place_order(payment="cod")
    code = world.shop.code(order.id)
    world.shop.deliver_pending()
    assert told(receiver) == [("order:create", code)]

    receiver.received.clear()
    world.shop.mark_paid(order.id)
    world.shop.cancel(order.id)
    note = world.shop.credit(order.id, amount="1.00")
    world.shop.void_credit_note(note.code)
    world.shop.delete_credit_note(note.code)
    world.shop.delete_order(order.id)
    world.shop.deliver_pending()

    assert told(receiver) == [
        ("order:update", code), ("order:paid", code), ("order:update", code), ("creditNote:create", note.code),
        ("creditNote:update", note.code), ("creditNote:delete", note.code), ("order:delete", code),
    ]  # fmt: skip
    assert all(signed(key, got) for got in receiver.deliveries())


def test_an_order_that_is_made_as_paid_is_not_told_as_paid(world: World, receiver: Receiver) -> None:
    world.listen(receiver, "order:create", "order:paid")
    order = world.shop.place_order(payment="demo_card")
    world.shop.deliver_pending()

    assert told(receiver) == [("order:create", world.shop.code(order.id))]


def test_many_at_once_are_told_one_by_one_and_together(world: World, receiver: Receiver) -> None:
    world.listen(receiver, "order:create", "order:update", "order:massCreate", "order:massUpdate", "order:massPaid")
    made = world.shop.import_orders([{11: 1}, {14: 1}], payment="cod")
    codes = [world.shop.code(each.id) for each in made]
    world.shop.mass_status([each.id for each in made], 5)
    world.shop.deliver_pending()

    every = told(receiver)
    assert [instance for event, instance in every if event == "order:create"] == codes
    assert [instance for event, instance in every if event == "order:update"] == codes
    for event in ("order:massCreate", "order:massUpdate", "order:massPaid"):
        assert [json.loads(instance) for name, instance in every if name == event] == [codes]


def test_customers_and_coupons_are_told(world: World, receiver: Receiver) -> None:
    world.listen(receiver, "customer:create", "customer:update", "customer:delete", "discountCoupon:update",
                 "discountCoupon:delete", "discountCoupon:massCreate", "discountCoupon:massDelete")  # fmt: skip
    customer = world.somebody()
    guid = world.shop.guid("customer", customer.id)
    world.shop.update_customer(customer.id, email="jana2@ex.cz")
    world.shop.delete_customer(customer.id)
    template = world.template()
    rows = [world.coupon(code, template=template) for code in ("ONE", "TWO")]
    world.write("POST", "/api/discount-coupons", {"coupons": rows})
    world.write("PATCH", "/api/discount-coupons", {"coupons": [{"code": "ONE", "remark": "r"}]})
    world.write("DELETE", "/api/discount-coupons", {"couponCodes": ["ONE", "TWO"]})
    world.shop.deliver_pending()

    assert told(receiver) == [
        ("customer:create", guid), ("customer:update", guid), ("customer:delete", guid),
        ("discountCoupon:massCreate", '["ONE", "TWO"]'), ("discountCoupon:update", "ONE"),
        ("discountCoupon:delete", "ONE"), ("discountCoupon:delete", "TWO"), ("discountCoupon:massDelete", '["ONE", "TWO"]'),
    ]  # fmt: skip


def test_without_a_key_there_is_no_signature_and_a_new_key_is_always_another(world: World, receiver: Receiver) -> None:
    world.write("POST", "/api/webhooks", [{"event": "order:create", "url": f"{receiver.url}/hooks"}])
    world.shop.place_order()
    world.shop.deliver_pending()
    keys = [world.write("POST", "/api/webhooks/renew-signature-key")["signatureKey"] for _ in range(2)]

    assert "Shoptet-Webhook-Signature" not in receiver.deliveries()[0].headers
    assert keys[0] != keys[1]
    assert all(len(key) == 32 for key in keys)


def test_a_refused_message_comes_three_times_fifteen_minutes_apart_and_then_no_more(world: World) -> None:
    with Receiver(answer=500) as receiver:
        world.listen(receiver, "order:create")
        world.shop.place_order()
        counts = []
        for seconds in (0, 899, 1, 900, 900, 9000):
            world.clock.turn(seconds)
            world.shop.deliver_pending()
            counts.append(len(receiver.deliveries()))
        world.token = world.shop.access_token()
        row = world.get("/api/webhooks/notifications")["notifications"][0]

    assert counts == [1, 1, 2, 3, 3, 3]
    assert (row["attempts"], row["status"], row["active"]) == (3, "failed", False)
    assert len({got.body for got in receiver.deliveries()}) == 1


@pytest.mark.parametrize("status", [201, 204, 302, 404, 503])
def test_only_200_counts_as_taken(world: World, status: int) -> None:
    with Receiver(answer=status) as receiver:
        world.listen(receiver, "order:create")
        world.shop.place_order()
        first = world.shop.deliver_pending()
        between = world.get("/api/webhooks/notifications")["notifications"][0]
        receiver.answer = 200
        second = world.shop.deliver_pending(early=True)
        after = world.get("/api/webhooks/notifications")["notifications"][0]

    assert [(each.status, each.final) for each in first + second] == [(status, False), (200, True)]
    assert [(each["status"], each["active"]) for each in (between, after)] == [("failed", True), ("success", False)]


def test_retries_carry_the_signature_of_the_first_attempt(world: World) -> None:
    with Receiver(answer=503) as receiver:
        key = world.listen(receiver, "order:create")
        world.shop.place_order()
        world.shop.deliver_pending()
        world.write("POST", "/api/webhooks/renew-signature-key")
        world.shop.deliver_pending(early=True)

        assert [signed(key, got) for got in receiver.deliveries()] == [True, True]


def test_notifications_can_be_asked_by_state(world: World, receiver: Receiver) -> None:
    world.listen(receiver, *ORDERS)
    order = world.shop.place_order()
    world.shop.deliver_pending()
    world.shop.mark_paid(order.id, paid=False)
    path = "/api/webhooks/notifications"

    def events(query: str) -> list[str]:
        return [each["event"] for each in world.get(f"{path}?{query}")["notifications"]]

    assert events("status=success") == ["order:create"]
    assert events("status=new") == events("active=true") == events("event=order:update") == ["order:update"]


def test_nobody_is_told_while_the_addon_is_paused(world: World, receiver: Receiver) -> None:
    world.listen(receiver, "order:create")
    world.shop.suspend()
    world.shop.place_order()
    world.shop.deliver_pending()
    world.shop.approve()
    world.shop.place_order()
    world.shop.deliver_pending()

    assert len(told(receiver)) == 1


def test_messages_arrive_badly_as_the_switches_say(world: World, receiver: Receiver) -> None:
    key = world.listen(receiver, "order:create", "order:update")

    def arrive(**switches: object) -> list[Received]:
        receiver.received.clear()
        world.shop.faults.update(switches)
        for _ in range(4):
            order = world.shop.place_order(payment="cod")
            world.shop.mark_paid(order.id)
        world.shop.deliver_pending()
        world.shop.faults.clear()
        return receiver.deliveries()

    assert len(arrive()) == 8
    assert len(arrive(triple=True)) == 24
    assert len(arrive(duplicate=True)) == 16
    assert len(arrive(drop_rate=1.0)) == 0
    forged = arrive(forged=True)
    assert [signed(key, got) for got in forged] == [True, False] * 8
    assert json.loads(forged[0].body)["eventInstance"] != json.loads(forged[1].body)["eventInstance"]
    cut = arrive(truncated=True)
    assert len(cut) == 8
    assert not any(signed(key, got) for got in cut)
    stale = arrive(stale_last=True)
    assert [got.body for got in stale[8:]] == [got.body for got in stale[:8]]


def test_shuffled_messages_are_all_there_in_another_order(world: World, receiver: Receiver) -> None:
    world.listen(receiver, "order:create")
    made = [world.shop.code(world.shop.place_order().id) for _ in range(12)]
    world.shop.faults.shuffle = True
    world.shop.deliver_pending()
    arrived = [instance for _, instance in told(receiver)]

    assert sorted(arrived) == sorted(made)
    assert arrived != made


def test_an_outage_is_tried_again(world: World) -> None:
    with Receiver() as gone:
        url = gone.url
        world.listen(gone, "order:create")
    world.shop.place_order()

    assert [(each.status, each.final) for each in world.shop.deliver_pending()] == [(0, False)]
    assert requests.get(f"{world.url}/demo/state", timeout=20).json()["deliveries_waiting"] == 1
    assert url
