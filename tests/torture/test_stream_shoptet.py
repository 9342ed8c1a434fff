"""T11, Shoptet: its messages tripled, shuffled, lost, stale, forged and cut; after one reconcile pass every balance is right."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.torture.stream_deeds import live_through
from tests.torture.stream_reconcile import CUSTOMERS, ORDERS, SPAN, check_balances, inbox, reconcile, reconcile_once
from tests.torture.stream_shoptet import Post, World, open_world
from tests.torture.stream_shoptet_life import Life
from tests.torture.stream_shoptet_oracle import expected_balances
from tests.torture.tiers import seeds

pytestmark = pytest.mark.torture("T11")


@pytest.mark.parametrize("seed", seeds(pr=1, nightly=2, release=20))
def test_after_one_reconcile_pass_every_balance_is_what_the_shoptet_shops_own_orders_say(
    seed: int, migrated_url: str, tmp_path: Path, operations: Callable[[int], None]
) -> None:
    dice = random.Random(seed)
    operations(ORDERS)
    with open_world(migrated_url, tmp_path / "data", customers=CUSTOMERS) as world:
        post, life = Post.of(world, dice), Life(world, dice)
        live_through(life, post, orders=ORDERS, span=SPAN)
        life.delete_notes_at_last()

        check_answers(world, post)
        reconcile_once(world)

        check_balances(life, expected_balances(world.fake.site, life.codes))
        assert reconcile(world) <= told_again(world)
        world.work()
        assert world.points() == expected_balances(world.fake.site, life.codes)
        assert world.violations() == []
        assert {"bought with a code", "credit_pieces", "delete_note at last", "cancel", "delete"} <= set(life.done)


def told_again(world: World) -> set[str]:
    """Changes are told with a time and no content, and neither a credit note nor a deletion moves the order's own stamp."""
    site = world.fake.site
    credited = {site.code(site.store.orders[note.order_id]) for note in site.credit_notes.values()}
    return credited | set(site.deleted["order"])


def check_answers(world: World, post: Post) -> None:
    """True messages are kept, also those that the shop itself had cut; no other leaves a trace."""
    answers = post.answers
    assert set(answers) == {"true", "stale", "forged", "cut", "cut_signed"}, "the post left something out"
    for kind in ("true", "stale", "cut_signed"):
        assert set(answers[kind]) == {200}
    for kind in ("forged", "cut"):
        assert set(answers[kind]) == {401}
    sound = sum(answers[kind].total() for kind in ("true", "stale"))
    assert inbox(world) == {"done": sound, "parked": answers["cut_signed"].total()}
