"""A shop's webhooks are set up by one of us at a time: two at once would make each of them twice."""

from pathlib import Path

import pytest

from core.commerce import Health
from core.db.engine import Database
from core.errors import Unreachable
from core.work import hooks
from tests.core.world import make_world


def test_whoever_comes_second_leaves_the_subscribing_to_the_first(db: Database, tmp_path: Path) -> None:
    world = make_world(db, tmp_path)
    second: list[Health | None] = []
    world.shop.during_read = lambda: second.append(hooks.subscribe(world.runtime, world.shop_view()))

    first = hooks.subscribe(world.runtime, world.shop_view())

    assert first is not None
    assert second == [None]
    assert world.shop.calls.count("subscribe") == 1


def test_a_shop_that_fails_in_the_middle_can_be_tried_again_at_once(db: Database, tmp_path: Path) -> None:
    world = make_world(db, tmp_path)
    world.shop.failure = Unreachable("no answer")
    with pytest.raises(Unreachable):
        hooks.subscribe(world.runtime, world.shop_view())

    world.shop.failure = None

    assert hooks.subscribe(world.runtime, world.shop_view()) is not None
