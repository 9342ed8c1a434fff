"""Many different things at once: nothing is lost and nothing is spent twice. Real threads, both engines.

The same thing at once is in tests/torture/test_twice_at_once.py.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import Session

from core.commerce import CustomerRef
from core.db.engine import Database, reading, run_tx, unit_of_work
from core.errors import CannotRedeem, InsufficientPoints, Refused
from core.ledger import commands as ledger
from core.ledger import queries as ledger_queries
from core.rewards.redemption import commands as redemptions
from core.rewards.redemption import queries as redemption_queries
from core.rewards.redemption.codes import rules_of
from core.work import reading as work_reading
from tests.at_once import at_once
from tests.core.world import World, make_world


@pytest.fixture
def world(db: Database, tmp_path: Path) -> World:
    return make_world(db, tmp_path)


def test_twenty_orders_of_one_customer_completed_four_at_a_time_earn_all_their_points(world: World) -> None:
    orders = [world.shop.buy(1200).external_id for _ in range(20)]
    for external_id in orders:
        world.hint(external_id)

    def worker(_: int) -> None:
        while work_reading.read_one(world.runtime, world.merchant_id):
            pass

    at_once(4, worker)
    world.work()

    assert world.points() == (0, 240, 0, 0)
    assert world.violations() == []


def test_different_redemptions_at_once_never_spend_a_point_twice(world: World) -> None:
    world.settle(world.shop.buy(50000).external_id)

    answers = at_once(12, lambda number: world.redeem(200, key=f"click-number-{number}", issue=False))

    refused = [answer for answer in answers if isinstance(answer, Refused)]
    assert all(isinstance(answer, CannotRedeem | InsufficientPoints) for answer in refused)
    assert len(answers) - len(refused) == 2
    assert world.points() == (0, 100, 400, 0)
    assert world.violations() == []


def test_orders_of_many_customers_that_change_owner_crosswise_do_not_deadlock(world: World) -> None:
    first, second = world.shop.buy(1000, customer="7"), world.shop.buy(2000, customer="8")
    for external_id in (first.external_id, second.external_id):
        world.settle(external_id)

    for swap in range(10):
        owners = ("8", "7") if swap % 2 == 0 else ("7", "8")
        for order, owner in zip((first, second), owners, strict=True):
            world.shop.change(order.external_id, customer=CustomerRef(external_id=owner, email=f"c{owner}@example.org"))
            world.hint(order.external_id)
        at_once(4, lambda _: world.work())

    assert (world.points("7"), world.points("8")) == ((0, 10, 0, 0), (0, 20, 0, 0))
    assert world.violations() == []


def test_two_workers_that_sweep_at_once_expire_a_lot_once(db: Database, tmp_path: Path) -> None:
    world = make_world(db, tmp_path, expiry_months=1)
    world.settle(world.shop.buy(50000).external_id)
    world.wait(days=40)

    def sweep(session: Session) -> int:
        return ledger.book_due(session, world.merchant_id, now=world.now)

    with ThreadPoolExecutor(1) as pool:
        with unit_of_work(db) as session:
            sweep(session)
            second = pool.submit(run_tx, db, sweep)
            wait_until_it_waits(db)
        trouble = second.exception()

    assert trouble is None
    with reading(db) as session:
        assert ledger_queries.totals(session, world.merchant_id).expired == 500
    assert world.violations() == []


def test_two_workers_that_write_at_once_do_not_overwrite_each_other(world: World) -> None:
    world.settle(world.shop.buy(50000).external_id)

    def redeem(key: str) -> Callable[[Session], Any]:
        request = {"customer_external_id": "7", "points": 300, "idempotency_key": key, "now": world.now}
        member_id, shop, codes = world.member(), world.shop_view(), rules_of(world.shop.capabilities)
        return lambda session: redemptions.place(session, world.merchant_id, member_id, shop, codes=codes, **request)

    first, second = redeem("first-click"), redeem("second-click")
    with ThreadPoolExecutor(1) as pool:
        with unit_of_work(world.db) as session:
            first(session)
            answer = pool.submit(run_tx, world.db, second)
            wait_until_it_waits(world.db)
        trouble = answer.exception()

    assert isinstance(trouble, CannotRedeem), "the second saw the points that the first had taken"
    assert world.points() == (0, 200, 300, 0)
    assert world.violations() == []


def wait_until_it_waits(db: Database) -> None:
    """Until another transaction waits for ours. On SQLite nobody else can even begin one, so there is nothing to wait for."""
    if db.is_sqlite:
        return
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with db.read_engine.connect() as connection:
            if connection.exec_driver_sql(waiting).scalar_one():
                return
        time.sleep(0.02)
    raise AssertionError("the second sweep never came to wait for the first")


@pytest.mark.parametrize("database_kind", ["postgres"])
def test_a_lease_of_a_code_and_a_lock_of_its_redemption_do_not_deadlock(world: World) -> None:
    """The second change of a row in one transaction checks its foreign key again: a share of the redemption's lock, on PostgreSQL."""
    world.settle(world.shop.buy(50000).external_id)
    which = (world.merchant_id, world.redeem(300).redemption_id)
    soon = world.now + timedelta(minutes=2)

    def lock() -> str:
        with unit_of_work(world.db) as session:
            return redemption_queries.locked(session, *which).state

    with ThreadPoolExecutor(1) as pool:
        with unit_of_work(world.db) as session:
            redemptions.lease_effect(session, *which, until=soon, now=world.now)
            other = pool.submit(lock)
            wait_until_somebody_waits(world.db)
            redemptions.update_effect(session, *which, lease_until=None)

        assert other.result(timeout=30) == "open"


def wait_until_somebody_waits(db: Database) -> None:
    waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with reading(db) as session:
            if session.connection().execute(sa.text(waiting)).scalar_one():
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits for a lock")
