"""T11: the messages of a shop, tripled, shuffled, lost, stale, forged and cut; after one reconcile pass every balance is right."""

import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from core.db.engine import reading
from core.db.types import table
from core.queue.tables import InboxRow
from core.work import sync
from tests.torture.stream import Post, World, open_world
from tests.torture.stream_deeds import live_through
from tests.torture.stream_life import Life
from tests.torture.stream_oracle import expected_balances
from tests.torture.tiers import seeds, size

pytestmark = pytest.mark.torture("T11")

ORDERS = size(pr=200, nightly=2_000, release=20_000)
SPAN = timedelta(days=3)
ORDERS_PER_CUSTOMER = 8
CODES_END = timedelta(hours=26)  # a day and the hour of a checkout


@pytest.mark.parametrize("seed", seeds(pr=1, nightly=2, release=20))
def test_after_one_reconcile_pass_every_balance_is_what_the_shops_own_orders_say(
    seed: int, migrated_url: str, tmp_path: Path, operations: Callable[[int], None]
) -> None:
    dice = random.Random(seed)
    with open_world(migrated_url, tmp_path / "data", customers=max(4, ORDERS // ORDERS_PER_CUSTOMER)) as world:
        post = Post.of(world, dice)
        life = Life(world, dice)
        operations(ORDERS)
        live_through(life, post, orders=ORDERS, span=SPAN)

        check_answers(world, post)
        drift = sync.reconcile(world.runtime, world.merchant_id, world.view.shop_id)
        world.work_for(timedelta(hours=2))  # what was deleted counts after a second look, an hour later

        assert drift.differing, "nothing was left to reconcile: the post was too good"
        expected = expected_balances(world.shop.shop.store.orders.values(), life.codes)
        assert world.points() == expected, life.done
        world.work_for(CODES_END, step=timedelta(hours=2))
        assert world.points() == expected, life.done
        assert not any(balance.held for balance in world.balances().values())
        # What lies in the trash is listed each time, and what it had been worth is not compared.
        again = sync.reconcile(world.runtime, world.merchant_id, world.view.shop_id)
        assert set(again.differing) <= in_the_trash(world)
        assert world.violations() == []


def in_the_trash(world: World) -> set[str]:
    return {str(order.id) for order in world.shop.shop.store.orders.values() if order.status == "trash"}


def check_answers(world: World, post: Post) -> None:
    """True messages are kept, also those that the shop itself had cut; no other leaves a trace."""
    answers = post.answers
    assert set(answers) == {"true", "stale", "forged", "cut", "cut_signed"}, "the post left something out"
    for kind in ("true", "stale", "cut_signed"):
        assert set(answers[kind]) == {200}
    for kind in ("forged", "cut"):
        assert set(answers[kind]) == {401}
    kept = sum(answers[kind].total() for kind in ("true", "stale", "cut_signed"))
    with reading(world.runtime.db) as session:
        by_state = sa.select(table(InboxRow).c.state, sa.func.count()).group_by(table(InboxRow).c.state)
        rows = {state: number for state, number in session.connection().execute(by_state)}
    assert rows == {"done": kept - answers["cut_signed"].total(), "parked": answers["cut_signed"].total()}
