"""T11: a shop's days under a bad post, one reconcile pass, and the balances after it; what the tests of all platforms share."""

from collections.abc import Mapping
from datetime import timedelta

import sqlalchemy as sa

from core.db.engine import reading
from core.db.types import table
from core.queue.tables import InboxRow
from core.work import sync
from tests.torture.stream_deeds import Deeds
from tests.torture.stream_world import StreamWorld
from tests.torture.tiers import size

ORDERS = size(pr=200, nightly=2_000, release=20_000)
CUSTOMERS = max(4, ORDERS // 8)
SPAN = timedelta(days=3)
CODES_END = timedelta(hours=26)  # a day and the hour of a checkout


def reconcile(world: StreamWorld) -> set[str]:
    """The orders that the books had otherwise than the shop."""
    return set(sync.reconcile(world.runtime, world.merchant_id, world.view.shop_id).differing)


def reconcile_once(world: StreamWorld) -> None:
    """And all that follows from it: what was deleted counts after a second look, an hour later."""
    differing = reconcile(world)
    world.work_for(timedelta(hours=2))
    assert differing, "nothing was left to reconcile: the post was too good"


def check_balances(life: Deeds, expected: Mapping[int, int]) -> None:
    """They are right, and stay so when every code has ended; then no points are set aside any more."""
    world = life.world
    assert world.points() == expected, life.done
    world.work_for(CODES_END, step=timedelta(hours=2))
    assert world.points() == expected, life.done
    assert not any(balance.held for balance in world.balances().values())


def inbox(world: StreamWorld) -> dict[str, int]:
    """How many messages are kept in which state."""
    with reading(world.runtime.db) as session:
        by_state = sa.select(table(InboxRow).c.state, sa.func.count()).group_by(table(InboxRow).c.state)
        return {state: number for state, number in session.connection().execute(by_state)}
