"""T11, Shopify: its messages tripled, shuffled, lost, stale, forged and cut; after one reconcile pass every balance is right."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.torture.stream_deeds import live_through
from tests.torture.stream_reconcile import CUSTOMERS, ORDERS, SPAN, check_balances, inbox, reconcile, reconcile_once
from tests.torture.stream_shopify import Post, World, open_world
from tests.torture.stream_shopify_life import Life
from tests.torture.stream_shopify_oracle import expected_balances
from tests.torture.tiers import seeds

pytestmark = pytest.mark.torture("T11")


@pytest.mark.parametrize("seed", seeds(pr=1, nightly=2, release=20))
def test_after_one_reconcile_pass_every_balance_is_what_the_shopify_shops_own_orders_say(
    seed: int, migrated_url: str, tmp_path: Path, operations: Callable[[int], None]
) -> None:
    dice = random.Random(seed)
    operations(ORDERS)
    with open_world(migrated_url, tmp_path / "data", customers=CUSTOMERS) as world:
        post, life = Post.of(world, dice), Life(world, dice)
        live_through(life, post, orders=ORDERS, span=SPAN)

        check_answers(world, post)
        reconcile_once(world)

        check_balances(life, expected_balances(world.fake.site, life.codes))
        assert reconcile(world) == set()
        assert world.violations() == []


def check_answers(world: World, post: Post) -> None:
    """True messages are kept, also those that the shop itself had cut; no other leaves a trace.

    A true body under another topic is kept or refused, as its shape fits; that it moves no point the balances tell.
    """
    answers = post.answers
    assert set(answers) == {"true", "stale", "forged", "retopic", "cut", "cut_signed"}, "the post left something out"
    for kind in ("true", "stale", "cut_signed"):
        assert set(answers[kind]) == {200}
    for kind in ("forged", "cut"):
        assert set(answers[kind]) == {401}
    assert set(answers["retopic"]) <= {200, 401}
    sound = sum(answers[kind].total() for kind in ("true", "stale"))
    cut, odd = answers["cut_signed"].total(), answers["retopic"][200]
    rows = inbox(world)
    assert set(rows) == {"done", "parked"}
    assert rows["done"] + rows["parked"] == sound + cut + odd
    assert cut <= rows["parked"] <= cut + odd
