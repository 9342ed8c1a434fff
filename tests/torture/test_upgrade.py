"""T18: a database of an earlier version holds the same after the upgrade, also when the upgrade was killed in the middle of it.

There is no earlier release yet, so earlier databases are made: migrated to each version, then filled with the rows of a real history,
as far as that version had the tables and columns. From the first release on, its own database files belong here, beside these.
"""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlmodel import SQLModel

from core.db import migrate
from core.db.engine import Database, open_database, reading
from core.ledger.verify import verify_ledger
from core.verify import verify
from tests.core.world import World
from tests.torture.history import begin
from tests.torture.mortal import live
from tests.torture.tiers import size

pytestmark = pytest.mark.torture("T18")

MIGRATIONS = Path(migrate.__file__).parent / "migrations"
STEPS = size(pr=25, nightly=120, release=400)
LONGEST_STRIDE = size(
    pr=60, nightly=12, release=3
)  # statements between two kills; of the newest migration none is left out


def config() -> Config:
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS))
    return made


VERSIONS = [script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()][::-1]
LEDGER, ORDERS = (
    VERSIONS.index("0003"),
    VERSIONS.index("0007"),
)  # from here on the book, and all that verify reads, is there
EARLIER = VERSIONS[:-1] if size(pr=0, nightly=1, release=1) else ["0003", VERSIONS[-2]]


@pytest.fixture
def world(db: Database, tmp_path: Path) -> World:
    history = begin(db, tmp_path, 1)
    for _ in range(STEPS):
        history.do()
    return history.world


@pytest.fixture
def earlier(world: World, database_url: str, version: str) -> Iterator[Database]:
    """A database of that version with the world's rows."""
    db = open_database(database_url)
    with db.write_engine.begin() as connection:
        settings = config()
        settings.attributes["connection"] = connection
        command.upgrade(settings, version)
    try:
        copy_rows(world.db, db)
        yield db
    finally:
        db.close()


@pytest.mark.parametrize("version", EARLIER)
def test_a_book_of_an_earlier_version_is_the_same_after_an_upgrade_that_was_killed_again_and_again(
    world: World, earlier: Database, version: str, operations: Callable[[int], None]
) -> None:
    before, dice = rows_of(earlier, shape_of(earlier)), random.Random(version)
    shape = shape_of(earlier)
    stride = 1 if version == VERSIONS[-2] else LONGEST_STRIDE
    kills, dies_at = 0, 1

    while True:
        for engine in (earlier.write_engine, earlier.read_engine):
            engine.dispose()  # a forked child must not find connections of ours
        life = live(earlier, lambda _: migrate.upgrade(earlier), dies_at=dies_at)
        if life.points:
            break
        # All of it or nothing: a kill that came behind the COMMIT leaves a finished upgrade.
        assert migrate.current(earlier) in (version, VERSIONS[-1]), f"killed at statement {dies_at}"
        assert rows_of(earlier, shape) == before
        kills, dies_at = kills + 1, dies_at + dice.randint(1, stride)

    assert kills > 0
    assert migrate.upgrade(earlier) == []
    assert migrate.current(earlier) == VERSIONS[-1]
    assert rows_of(earlier, shape) == before
    assert violations(world, earlier, VERSIONS.index(version)) == []
    operations(kills)


def shape_of(db: Database) -> dict[str, list[str]]:
    """The tables and columns of our own that this database has."""
    found = sa.inspect(db.read_engine)
    return {
        name: [one["name"] for one in found.get_columns(name)] for name in found.get_table_names() if name in ours()
    }


def ours() -> dict[str, sa.Table]:
    return dict(SQLModel.metadata.tables)


def columns(name: str, names: list[str]) -> list[sa.Column[Any]]:
    return [column for column in ours()[name].columns if column.name in names]


def rows_of(db: Database, shape: dict[str, list[str]]) -> dict[str, list[str]]:
    with reading(db) as session:
        return {
            name: sorted(repr(tuple(row)) for row in session.connection().execute(sa.select(*columns(name, names))))
            for name, names in shape.items()
        }


def copy_rows(source: Database, target: Database) -> None:
    shape = shape_of(target)
    with reading(source) as session, target.write_engine.begin() as connection:
        for table in SQLModel.metadata.sorted_tables:
            if table.name not in shape:
                continue
            there = columns(table.name, shape[table.name])
            values = [dict(row) for row in session.connection().execute(sa.select(*there)).mappings()]
            # Not of the model, which knows a default for what that version has no column for.
            bare = sa.table(table.name, *(sa.column(column.name, column.type) for column in there))
            if values:
                connection.execute(sa.insert(bare), values)


def violations(world: World, db: Database, version: int) -> list[str]:
    """Of the book, where it was there already; of everything, where all that is verified was."""
    if version < LEDGER:
        return []
    with reading(db) as session:
        if version < ORDERS:
            return verify_ledger(session, world.merchant_id).violations
        return verify(session, world.runtime.vault, world.merchant_id).violations
