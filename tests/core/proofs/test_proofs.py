"""A code proves a customer: once, for ten minutes, with five tries, whoever comes at once. Both engines."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from core.db.engine import Database, reading
from core.errors import SignatureInvalid
from core.ids import CODE_ALPHABET
from core.members import commands as members
from core.proofs import commands, queries, tokens
from core.work.erasing import erase_customer
from tests.at_once import at_once
from tests.core.world import World, make_world

CODE = "ABCDEFGH"


@pytest.fixture
def world(db: Database, tmp_path: Path) -> World:
    return make_world(db, tmp_path)


def ask(world: World, customer: str = "7", *, code: str = CODE) -> None:
    world.tx(
        lambda s: commands.ask(
            s, world.runtime.vault, world.merchant_id, world.shop_id, customer, code=code, now=world.now
        )
    )


def try_code(world: World, customer: str = "7", *, code: str = CODE) -> bool:
    found: bool = world.tx(
        lambda s: commands.try_code(
            s, world.runtime.vault, world.merchant_id, world.shop_id, customer, code=code, now=world.now
        )
    )
    return found


def remember(world: World, customer: str = "7") -> str:
    token: str = world.tx(
        lambda s: commands.remember(s, world.runtime.vault, world.merchant_id, world.shop_id, customer, now=world.now)
    )
    return token


def customer_of(world: World, token: str) -> str:
    with reading(world.db) as session:
        return queries.customer_of(session, world.runtime.vault, world.merchant_id, world.shop_id, token, now=world.now)


def enrol(world: World, customer: str = "7") -> Any:
    return world.tx(
        lambda s: members.enrol(
            s,
            world.runtime.vault,
            world.merchant_id,
            world.shop_id,
            external_id=customer,
            joined_by="widget",
            joined_at=world.now,
            now=world.now,
        )
    )


def rows(world: World) -> list[Any]:
    return list(world.tx(lambda s: s.connection().execute(sa.text("SELECT * FROM proofs")).all()))


def test_a_code_has_more_than_30_bits_and_is_easy_to_type() -> None:
    codes = {commands.new_code() for _ in range(200)}

    assert len(CODE_ALPHABET) ** commands.LENGTH > 2**38
    assert len(codes) == 200
    assert all(len(code) == 8 and set(code) <= set(CODE_ALPHABET) for code in codes)
    assert not set("01OILU") & set(CODE_ALPHABET)


@pytest.mark.parametrize("typed", ["ABCDEFGH", "abcd-efgh", " ABCD EFGH ", "a b c d e f g h", "ABCD–EFGH."])
def test_a_code_is_right_however_it_is_typed(typed: str, world: World) -> None:
    ask(world)

    assert try_code(world, code=typed)


def test_a_code_is_good_once(world: World) -> None:
    ask(world)

    assert try_code(world)
    assert not try_code(world)


def test_five_wrong_tries_are_the_end_of_a_code(world: World) -> None:
    ask(world)

    assert [try_code(world, code=f"WRONGWR{number}") for number in "23456"] == [False] * 5
    assert not try_code(world)


def test_the_fifth_try_may_be_right(world: World) -> None:
    ask(world)
    for number in "2345":
        try_code(world, code=f"WRONGWR{number}")

    assert try_code(world)


def test_a_code_is_good_for_ten_minutes(world: World) -> None:
    ask(world)
    world.wait(minutes=10, seconds=-1)
    ask(world, "8")
    assert try_code(world)
    world.wait(minutes=10)

    assert not try_code(world, "8")


def test_only_the_newest_code_counts_and_it_has_five_tries_again(world: World) -> None:
    ask(world)
    for number in "23456":
        try_code(world, code=f"WRONGWR{number}")
    ask(world, code="NEWERCDE")

    assert not try_code(world)
    assert try_code(world, code="NEWERCDE")


def test_a_code_of_one_customer_shop_or_merchant_is_none_of_another(world: World, tmp_path: Path) -> None:
    other = make_world(world.db, tmp_path)
    ask(world)
    ask(world, "8", code="ANYTHING")
    ask(other, code="ANYTHING")

    assert not try_code(world, "8")
    assert not try_code(other)
    assert not try_code(world, "9")
    assert try_code(world)


def test_what_is_stored_is_no_code_and_the_same_code_is_stored_differently_for_each(world: World) -> None:
    ask(world)
    ask(world, "8")

    stored = rows(world)

    assert CODE not in repr(stored)
    assert len({row.code_digest for row in stored}) == 2


def test_of_many_who_try_the_right_code_at_once_one_succeeds(world: World) -> None:
    ask(world)

    answers = at_once(12, lambda _: try_code(world))

    assert sorted(answers) == [False] * 11 + [True]


def test_of_many_wrong_tries_at_once_none_is_free(world: World) -> None:
    ask(world)

    at_once(5, lambda number: try_code(world, code=f"WRONGWR{number + 2}"))

    assert [row.tries_left for row in rows(world)] == [0]
    assert not try_code(world)


def test_asked_for_many_times_at_once_there_is_one_code(world: World) -> None:
    at_once(8, lambda number: ask(world, code=f"CODECOD{number + 2}"))

    assert len(rows(world)) == 1


# -- the token


def test_a_proven_browser_is_known_again_member_or_not(world: World) -> None:
    token = remember(world)
    assert customer_of(world, token) == "7"
    enrol(world)
    world.wait(days=119)

    assert customer_of(world, token) == "7"
    world.wait(days=1)
    with pytest.raises(SignatureInvalid):
        customer_of(world, token)


def test_staff_end_all_browsers_of_a_member_and_what_is_under_way(world: World) -> None:
    member_id = enrol(world)
    first, other = remember(world), remember(world, "8")
    ask(world)
    ask(world, "8")

    ended = world.tx(lambda s: commands.end_browsers(s, world.merchant_id, member_id))

    assert ended == 1
    with pytest.raises(SignatureInvalid):
        customer_of(world, first)
    assert not try_code(world)
    assert customer_of(world, other) == "8"
    assert try_code(world, "8")
    assert customer_of(world, remember(world)) == "7"  # proven anew, known again


def test_nobody_ends_the_browsers_of_another_merchants_member(world: World, tmp_path: Path) -> None:
    member_id, token = enrol(world), remember(world)
    other = make_world(world.db, tmp_path)

    assert other.tx(lambda s: commands.end_browsers(s, other.merchant_id, member_id)) == 0
    assert customer_of(world, token) == "7"


def test_a_version_that_was_never_given_out_is_none(world: World) -> None:
    remember(world)
    ahead = tokens.issue(
        world.runtime.vault, world.merchant_id, world.shop_id, customer_id="7", version=1, now=world.now
    )

    with pytest.raises(SignatureInvalid):
        customer_of(world, ahead)


def test_a_token_of_somebody_who_never_proved_themselves_here_is_none(world: World) -> None:
    made = tokens.issue(
        world.runtime.vault, world.merchant_id, world.shop_id, customer_id="9", version=0, now=world.now
    )

    with pytest.raises(SignatureInvalid):
        customer_of(world, made)


def erased(world: World) -> None:
    world.tx(
        lambda s: erase_customer(
            s, world.runtime.vault, world.merchant_id, world.shop_id, external_id="7", now=world.now
        )
    )


def deleted(world: World) -> None:
    world.tx(lambda s: members.customer_removed(s, world.merchant_id, world.shop_id, external_id="7", now=world.now))


def merged(world: World) -> None:
    world.tx(
        lambda s: members.customer_merged(
            s, world.merchant_id, world.shop_id, gone="7", into="8", gives_way=lambda _member: False, now=world.now
        )
    )


@pytest.mark.parametrize("ending", [erased, deleted, merged])
def test_who_is_erased_deleted_or_merged_is_not_known_again_and_cannot_be_proven(ending: Any, world: World) -> None:
    enrol(world)
    token = remember(world)

    ending(world)

    with pytest.raises(SignatureInvalid):
        customer_of(world, token)
    with pytest.raises(SignatureInvalid):
        remember(world)


def test_a_code_under_way_to_somebody_who_is_erased_is_gone(world: World) -> None:
    ask(world)
    ask(world, "8")

    erased(world)

    assert [row.customer_id for row in rows(world)] == ["8"]


def test_codes_are_deleted_an_hour_after_they_ended(world: World, tmp_path: Path) -> None:
    other = make_world(world.db, tmp_path)
    ask(world)
    ask(other)
    world.wait(hours=1, minutes=10)
    world.tx(lambda s: commands.prune(s, world.merchant_id, now=world.now))
    assert len(rows(world)) == 2
    world.wait(seconds=1)
    world.tx(lambda s: commands.prune(s, world.merchant_id, now=world.now))

    (left,) = rows(world)
    assert str(left.merchant_id).replace("-", "") == other.merchant_id
    assert timedelta(minutes=10) == commands.LIFE  # as the letter says
