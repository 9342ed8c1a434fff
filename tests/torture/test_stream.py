"""T11: the messages of a shop, tripled, shuffled, lost, stale, forged and cut; after one reconcile pass every balance is right."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.torture.stream import Post, World, open_world
from tests.torture.stream_deeds import live_through
from tests.torture.stream_life import Life
from tests.torture.stream_oracle import expected_balances
from tests.torture.stream_reconcile import CUSTOMERS, ORDERS, SPAN, check_balances, inbox, reconcile, reconcile_once
from tests.torture.tiers import seeds

pytestmark = pytest.mark.torture("T11")


@pytest.mark.parametrize("seed", seeds(pr=1, nightly=2, release=20))
def test_after_one_reconcile_pass_every_balance_is_what_the_shops_own_orders_say(
    seed: int, migrated_url: str, tmp_path: Path, operations: Callable[[int], None]
) -> None:
    dice = random.Random(seed)
    operations(ORDERS)
    with open_world(migrated_url, tmp_path / "data", customers=CUSTOMERS) as world:
        post, life = Post.of(world, dice), Life(world, dice)
        live_through(life, post, orders=ORDERS, span=SPAN)

        check_answers(world, post)
        reconcile_once(world)

        check_balances(life, expected_balances(world.shop.shop.store.orders.values(), life.codes))
        # What lies in the trash is listed each time, and what it had been worth is not compared.
        assert reconcile(world) <= in_the_trash(world)
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
    assert inbox(world) == {"done": kept - answers["cut_signed"].total(), "parked": answers["cut_signed"].total()}
