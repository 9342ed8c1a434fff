"""Kept messages become work: wanted orders, refreshed customers; what is not understood is kept and counted."""

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from core.commerce import Customer
from core.db.engine import reading, run_tx
from core.db.types import table
from core.earning import queries as order_queries
from core.earning.tables import OrderRow
from core.errors import Unreachable
from core.members import queries as member_queries
from core.merchants import queries as merchant_queries
from core.queue import inbox
from webhooks import work


class Customers:
    """A shop's customers, as its API answers."""

    def __init__(self) -> None:
        self.away = False

    def get_customer(self, external_id: str) -> Customer:
        if self.away:
            raise Unreachable("The shop does not answer")
        return Customer(external_id=external_id, email="new@example.com", first_name="Jana", last_name="Nová")


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        ("order.updated", {"id": 17, "status": "processing", "currency": "EUR"}),
        ("order.deleted", {"id": 17}),
        ("action.woocommerce_delete_order", {"action": "woocommerce_delete_order", "arg": 17}),
    ],
)
def test_a_hint_at_an_order_wants_it(door: Any, sign: Any, topic: str, body: dict[str, Any]) -> None:
    deliver(door, sign, topic, body)

    assert work.work_due(door.runtime, door.merchant_id) == 1

    assert order_wanted(door, "17")
    assert states(door) == ["done"]
    assert work.work_due(door.runtime, door.merchant_id) == 0


@pytest.mark.parametrize(
    "body", [{"id": 17}, {"code": "woocommerce_rest_cannot_view", "data": {"status": 403}}, [1], "x"]
)
def test_what_is_signed_but_not_understood_is_kept_and_counted(door: Any, sign: Any, body: Any) -> None:
    deliver(door, sign, "order.updated", body)

    work.work_due(door.runtime, door.merchant_id)

    assert states(door) == ["parked"]
    assert door.rows()[0]["last_error"]
    with reading(door.runtime.db) as session:
        assert merchant_queries.health(session, door.merchant_id, door.shop_id).not_understood == 1


def test_a_parked_message_does_not_hold_up_its_neighbours(door: Any, sign: Any) -> None:
    deliver(door, sign, "order.updated", [])
    deliver(door, sign, "order.updated", {"id": 17, "status": "processing", "currency": "EUR"})

    work.work_due(door.runtime, door.merchant_id)

    assert sorted(states(door)) == ["done", "parked"]
    assert order_wanted(door, "17")


def test_a_burst_about_one_order_wants_it_once_and_the_next_burst_again(door: Any, sign: Any) -> None:
    def burst() -> int:
        for topic in ("order.updated", "order.updated", "order.deleted", "order.updated"):
            deliver(door, sign, topic, {"id": 17, "status": "processing", "currency": "EUR"})
        deliver(door, sign, "order.updated", {"id": 18, "status": "processing", "currency": "EUR"})
        assert work.work_due(door.runtime, door.merchant_id) == 5
        return wanted(door, "17")

    first, second = burst(), burst()

    assert (first, second) == (2, 4), "a change and a deletion are two hints"
    assert wanted(door, "18") == 2
    assert states(door) == ["done"] * 10


def test_a_topic_that_does_not_concern_us_is_done_with(door: Any, sign: Any) -> None:
    deliver(door, sign, "product.updated", {"id": 11})

    work.work_due(door.runtime, door.merchant_id)

    assert states(door) == ["done"]


def test_a_changed_customer_is_read_from_the_shop(door: Any, sign: Any) -> None:
    door = with_customers(door, Customers())
    deliver(door, sign, "customer.updated", {"id": 5, "email": "forged@example.com"})

    work.work_due(door.runtime, door.merchant_id)

    with reading(door.runtime.db) as session:
        known = member_queries.identity(session, door.merchant_id, door.shop_id, "5")
    assert known is not None
    assert known.email == "new@example.com"


def test_a_shop_that_does_not_answer_delays_the_message_longer_each_time(door: Any, sign: Any) -> None:
    customers = Customers()
    door = with_customers(door, customers)
    customers.away = True
    deliver(door, sign, "customer.updated", {"id": 5, "email": "new@example.com"})

    work.work_due(door.runtime, door.merchant_id)
    first_pause = door.rows()[0]["due_at"] - door.clock()
    assert work.work_due(door.runtime, door.merchant_id) == 0
    door.clock.now += first_pause
    work.work_due(door.runtime, door.merchant_id)
    second_pause = door.rows()[0]["due_at"] - door.clock()
    customers.away = False
    door.clock.now += second_pause
    work.work_due(door.runtime, door.merchant_id)

    assert timedelta(0) < first_pause < second_pause
    assert states(door) == ["done"]


def test_a_deleted_customer_is_marked_as_removed(door: Any, sign: Any) -> None:
    door = with_customers(door, Customers())
    deliver(door, sign, "customer.updated", {"id": 5, "email": "new@example.com"})
    work.work_due(door.runtime, door.merchant_id)

    deliver(door, sign, "customer.deleted", {"id": 5})
    work.work_due(door.runtime, door.merchant_id)

    with reading(door.runtime.db) as session:
        known = member_queries.identity(session, door.merchant_id, door.shop_id, "5")
    assert known is not None
    assert known.removed_at is not None


def test_what_a_dead_worker_had_claimed_is_worked_by_the_next(door: Any, sign: Any) -> None:
    deliver(door, sign, "order.updated", {"id": 17, "status": "processing", "currency": "EUR"})

    def claim() -> list[inbox.Claimed]:
        return run_tx(
            door.runtime.db,
            lambda session: inbox.take(session, door.merchant_id, door.shop_id, now=door.clock()),
        )

    first, meanwhile = claim(), claim()
    door.clock.now += inbox.LEASE
    after_the_lease = claim()

    assert [len(first), len(meanwhile), len(after_the_lease)] == [1, 0, 1]
    assert after_the_lease[0].attempts == 2


def test_a_message_is_done_in_the_transaction_that_writes_down_what_it_asks_for(door: Any, sign: Any) -> None:
    deliver(door, sign, "order.updated", {"id": 17, "status": "processing", "currency": "EUR"})

    rename(door, "orders", "orders_away")  # whatever breaks between claiming and committing
    work.work_due(door.runtime, door.merchant_id)
    rename(door, "orders_away", "orders")
    afterwards = states(door)
    door.clock.now += inbox.LEASE
    work.work_due(door.runtime, door.merchant_id)

    assert afterwards == ["new"]
    assert order_wanted(door, "17")
    assert states(door) == ["done"]


def test_bodies_are_forgotten_in_time(door: Any, sign: Any) -> None:
    deliver(door, sign, "order.updated", {"id": 17, "status": "processing", "currency": "EUR"})
    deliver(door, sign, "order.updated", [])
    work.work_due(door.runtime, door.merchant_id)

    kept = []
    for days in (13, 2, 14, 2, 60):
        door.clock.now += timedelta(days=days)
        run_tx(door.runtime.db, lambda session: inbox.prune(session, door.merchant_id, now=door.clock()))
        rows = {row["state"]: row["body"] is not None for row in door.rows()}
        kept.append((rows.get("done"), rows.get("parked")))

    assert kept == [(True, True), (False, True), (False, True), (False, False), (None, None)]


def with_customers(door: Any, customers: Customers) -> Any:
    return door.with_connect(lambda installation: SimpleNamespace(customers=customers))


def deliver(door: Any, sign: Any, topic: str, body: Any) -> None:
    raw = json.dumps(body).encode()
    answer = door.client.post(door.address, data=raw, headers=sign(raw, topic=topic))
    assert answer.status_code == 200


def states(door: Any) -> list[str]:
    return [row["state"] for row in door.rows()]


def order_wanted(door: Any, external_id: str) -> bool:
    with reading(door.runtime.db) as session:
        return order_queries.find(session, door.merchant_id, door.shop_id, external_id) is not None


def wanted(door: Any, external_id: str) -> int:
    rows = table(OrderRow)
    with reading(door.runtime.db) as session:
        statement = sa.select(rows.c.wanted).where(rows.c.external_id == external_id)
        return int(session.connection().execute(statement).scalar_one())


def rename(door: Any, table: str, name: str) -> None:
    run_tx(
        door.runtime.db,
        lambda session: session.connection().exec_driver_sql(f"ALTER TABLE {table} RENAME TO {name}"),
    )
