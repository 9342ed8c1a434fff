"""The one writer thread of SQLite: many wait, one commit, and nobody is told before it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from core.ids import ShopId
from core.queue.group import GroupWriter
from core.queue.inbox import Arrival


@pytest.fixture
def arrival(door: Any) -> Arrival:
    return Arrival(door.merchant_id, door.shop_id, "webhook", {}, b"{}", door.clock())


def test_everything_written_at_once_is_there_when_its_writer_returns(door: Any, arrival: Arrival) -> None:
    writer = GroupWriter(door.runtime.db)

    with ThreadPoolExecutor(max_workers=32) as pool:
        ids = list(pool.map(lambda _: writer.write(arrival), range(200)))

    assert {row["inbox_id"] for row in door.rows()} == set(ids)
    writer.close()


def test_one_bad_row_does_not_take_its_neighbours_with_it(door: Any, arrival: Arrival) -> None:
    writer = GroupWriter(door.runtime.db)
    bad = replace(arrival, shop_id=ShopId("0" * 32))

    def write(one: Arrival) -> str:
        try:
            return writer.write(one)
        except IntegrityError:
            return "refused"

    with ThreadPoolExecutor(max_workers=16) as pool:
        told = list(pool.map(write, [arrival, bad] * 20))

    assert told.count("refused") == 20
    assert len(door.rows()) == 20
    writer.close()
