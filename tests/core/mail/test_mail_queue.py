"""Letters that wait: claimed by one at a time, tried again with pauses, forgotten when they have ended."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from core.db.engine import Database, reading
from core.mail import commands, queries
from core.mail.commands import ATTEMPTS, LEASE, Claimed, Letter
from core.work.erasing import erase_customer, erase_shop
from tests.at_once import at_once
from tests.core.world import World, make_world

LETTER = Letter(sender="Mugs Club", subject="Your code", text="It is WORD-4711.", html="<p>It is WORD-4711.</p>")


@pytest.fixture
def world(db: Database, tmp_path: Path) -> World:
    return make_world(db, tmp_path)


def queue(world: World, *, minutes: int = 60, customer: str = "7") -> str:
    found: str = world.tx(
        lambda s: commands.queue(
            s,
            world.runtime.vault,
            world.merchant_id,
            world.shop_id,
            customer_id=customer,
            letter=LETTER,
            good_until=world.now + timedelta(minutes=minutes),
            now=world.now,
        )
    )
    return found


def take(world: World) -> Claimed | None:
    found: Claimed | None = world.tx(lambda s: commands.take(s, world.runtime.vault, world.merchant_id, now=world.now))
    return found


def rows(world: World) -> list[Any]:
    return list(world.tx(lambda s: s.connection().execute(sa.text("SELECT * FROM mails")).all()))


def test_a_letter_is_taken_once_and_comes_back_when_its_taker_dies(world: World) -> None:
    mail_id = queue(world)

    first, second = take(world), take(world)
    world.wait(seconds=LEASE.total_seconds() + 1)
    third = take(world)

    assert first is not None
    assert (first.mail_id, first.customer_id, first.letter, first.attempts) == (mail_id, "7", LETTER, 1)
    assert second is None
    assert third is not None
    assert (third.mail_id, third.attempts) == (mail_id, 2)


def test_of_many_who_take_at_once_each_letter_goes_to_one(world: World) -> None:
    wanted = {queue(world) for _ in range(4)}

    taken = [found.mail_id for found in at_once(8, lambda _: take(world)) if found is not None]

    assert len(taken) == len(set(taken))
    while (found := take(world)) is not None:
        taken.append(found.mail_id)
    assert sorted(taken) == sorted(wanted)


def test_pauses_double_and_after_eight_attempts_it_is_parked(world: World) -> None:
    queue(world, minutes=600)
    began, pauses = world.now, []

    while (claimed := take(world)) is not None:
        world.tx(lambda s, claimed=claimed: commands.try_later(s, claimed, reason="busy", now=world.now))
        due = rows(world)[0].due_at
        if due is not None:
            while take_is_early(world):
                world.wait(seconds=1)
            pauses.append(round((world.now - began).total_seconds()))
            began = world.now

    assert pauses == [5, 10, 20, 40, 80, 160, 320]
    (row,) = rows(world)
    assert (row.state, row.attempts, row.last_error, row.content_sealed, row.customer_id) == (
        "parked", ATTEMPTS, "busy", None, None,
    )  # fmt: skip


def take_is_early(world: World) -> bool:
    with reading(world.db) as session:
        return not queries.is_due(session, world.merchant_id, now=world.now)


def test_a_server_that_says_how_long_is_given_that_time(world: World) -> None:
    queue(world)
    claimed = take(world)
    assert claimed is not None

    world.tx(lambda s: commands.try_later(s, claimed, reason="busy", wait_s=120, now=world.now))
    world.wait(seconds=119)
    early = take(world)
    world.wait(seconds=1)

    assert early is None
    assert take(world) is not None


def test_who_comes_late_does_not_disturb_who_took_over(world: World) -> None:
    queue(world)
    slow = take(world)
    world.wait(seconds=LEASE.total_seconds() + 1)
    quick = take(world)
    assert slow is not None
    assert quick is not None

    world.tx(lambda s: commands.try_later(s, slow, reason="busy", now=world.now))
    world.wait(seconds=20)

    assert take(world) is None  # still under the lease of the quick one
    world.tx(lambda s: commands.end(s, world.merchant_id, slow.mail_id, "sent", now=world.now))
    world.tx(lambda s: commands.try_later(s, quick, reason="busy", now=world.now))
    assert rows(world)[0].state == "sent"


def test_one_whose_takers_all_die_is_parked(world: World) -> None:
    queue(world, minutes=600)

    for _ in range(ATTEMPTS):
        assert take(world) is not None
        world.wait(seconds=LEASE.total_seconds() + 1)

    assert take(world) is None
    assert (rows(world)[0].state, rows(world)[0].last_error) == ("parked", "no outcome")
    with reading(world.db) as session:
        assert queries.parked(session, world.merchant_id) == 1


def test_what_is_of_no_use_any_more_is_not_sent(world: World) -> None:
    queue(world, minutes=10)
    world.wait(minutes=10)

    assert take(world) is None
    assert (rows(world)[0].state, rows(world)[0].content_sealed) == ("dropped", None)


def test_a_row_shows_nobody_what_it_says(world: World) -> None:
    queue(world)

    assert "4711" not in repr(rows(world))
    assert "4711" not in repr(take(world))


@pytest.mark.parametrize("ending", ["sent", "dropped", "parked"])
def test_what_has_ended_is_forgotten_and_later_deleted(ending: Any, world: World) -> None:
    mail_id = queue(world)
    world.tx(lambda s: commands.end(s, world.merchant_id, mail_id, ending, now=world.now))

    (row,) = rows(world)
    assert (row.content_sealed, row.customer_id, row.due_at) == (None, None, None)
    world.wait(days=29)
    world.tx(lambda s: commands.prune(s, world.merchant_id, now=world.now))
    assert len(rows(world)) == 1
    world.wait(days=2)
    world.tx(lambda s: commands.prune(s, world.merchant_id, now=world.now))
    assert rows(world) == []


def test_letters_to_somebody_who_is_erased_are_gone_and_others_stay(world: World) -> None:
    queue(world)
    other = queue(world, customer="8")

    world.tx(
        lambda s: erase_customer(
            s, world.runtime.vault, world.merchant_id, world.shop_id, external_id="7", now=world.now
        )
    )
    left = [str(row.mail_id).replace("-", "") for row in rows(world)]
    world.tx(lambda s: erase_shop(s, world.runtime.vault, world.merchant_id, world.shop_id, now=world.now))

    assert left == [other]
    assert rows(world) == []


def test_nobody_takes_the_letters_of_another_merchant(world: World, tmp_path: Path) -> None:
    mail_id = queue(world)
    other = make_world(world.db, tmp_path)

    assert take(other) is None
    other.tx(lambda s: commands.end(s, other.merchant_id, mail_id, "sent", now=other.now))
    other.wait(days=100)
    other.tx(lambda s: commands.prune(s, other.merchant_id, now=other.now))
    assert [row.state for row in rows(world)] == ["new"]
