"""Many at once: nothing is lost and nothing happens twice. Real threads, both engines."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from core.commerce import CustomerRef
from core.db.engine import Database, run_tx
from core.errors import CannotRedeem, InsufficientPoints, Refused
from core.ledger import commands as ledger
from core.members import queries as members
from core.work import reading as work_reading
from tests.core.world import World, make_world


@pytest.fixture
def world(db: Database, tmp_path: Path) -> World:
    return make_world(db, tmp_path)


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Run `work` in so many threads, all let go at one moment. Exceptions of ours are results."""
    barrier = Barrier(count)

    def one(number: int) -> Any:
        barrier.wait()
        try:
            return work(number)
        except Refused as refused:
            return refused

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


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


def test_a_hundred_identical_hints_at_once_have_one_effect(world: World) -> None:
    order = world.shop.buy(1200)

    at_once(100, lambda _: world.hint(order.external_id))
    at_once(4, lambda _: world.work())

    assert world.points() == (0, 12, 0, 0)
    assert world.balance().seq == 1
    assert world.violations() == []


def test_the_same_redemption_asked_for_twenty_times_at_once_is_one(world: World) -> None:
    world.settle(world.shop.buy(50000).external_id)

    answers = at_once(20, lambda _: world.redeem(300, key="one-click-0001", issue=False))

    assert len({answer.redemption_id for answer in answers}) == 1
    assert world.points() == (0, 200, 300, 0)


def test_different_redemptions_at_once_never_spend_a_point_twice(world: World) -> None:
    world.settle(world.shop.buy(50000).external_id)

    answers = at_once(12, lambda number: world.redeem(200, key=f"click-number-{number}", issue=False))

    refused = [answer for answer in answers if isinstance(answer, Refused)]
    assert all(isinstance(answer, CannotRedeem | InsufficientPoints) for answer in refused)
    assert len(answers) - len(refused) == 2
    assert world.points() == (0, 100, 400, 0)
    assert world.violations() == []


def test_the_same_adjustment_a_hundred_times_at_once_is_one(world: World) -> None:
    world.settle(world.shop.buy(1000).external_id)
    member_id = world.member()
    key = run_tx(world.db, lambda s: members.erasure_key(s, world.runtime.vault, world.merchant_id, member_id))

    def adjust(_: int) -> Any:
        return run_tx(
            world.db,
            lambda session: ledger.adjust(
                session,
                world.merchant_id,
                member_id,
                25,
                reason="goodwill",
                notes={"staff": "late parcel"},
                erasure_key=key,
                author_id=None,
                idempotency_key="form-1",
                expires_at=None,
                now=world.now,
            ),
        )

    answers = at_once(100, adjust)

    assert len(set(answers)) == 1
    assert world.points() == (0, 35, 0, 0)
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
