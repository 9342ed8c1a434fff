"""Seals prove, to whoever kept one, that nothing before it was removed or changed."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from core.db.engine import Database, unit_of_work
from core.ledger import seals
from core.ledger.seals import SealView
from tests.core.world import World, make_world


@pytest.fixture
def world(db: Database, tmp_path: Path) -> World:
    world = make_world(db, tmp_path)
    for customer in "789":
        world.settle(world.shop.buy(2000, customer=customer).external_id)
    return world


def seal(world: World) -> SealView | None:
    made: SealView | None = world.tx(
        lambda session: seals.seal(session, world.runtime.vault, world.merchant_id, now=world.now)
    )
    return made


def test_a_seal_covers_what_changed_since_the_last_one(world: World) -> None:
    first = seal(world)
    nothing_new = seal(world)
    world.settle(world.shop.buy(1000, customer="8").external_id)
    second = seal(world)

    assert first is not None and second is not None and nothing_new is None
    assert (first.members, second.members, second.previous_root) == (3, 1, first.root)
    assert world.violations() == []


def test_a_seal_can_be_checked_with_the_public_key_alone(world: World) -> None:
    made = seal(world)
    assert made is not None
    statement = seals.statement_of(world.merchant_id, made.number, made.root, made.previous_root)
    key = seals.public_key(world.runtime.vault)

    assert seals.is_signed(statement, bytes.fromhex(made.signature), key)
    assert not seals.is_signed(statement + b" ", bytes.fromhex(made.signature), key)


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE seals SET root = previous_root WHERE number = 2",
        "DELETE FROM seals WHERE number = 1",
        "UPDATE seals SET signature = (SELECT signature FROM seals WHERE number = 1)",
    ],
)
def test_a_changed_or_missing_seal_is_found(world: World, tampering: str) -> None:
    seal(world)
    world.settle(world.shop.buy(1000, customer="8").external_id)
    seal(world)

    with unit_of_work(world.db) as session:
        session.connection().execute(sa.text(tampering))

    assert any("seal" in text for text in world.violations())
