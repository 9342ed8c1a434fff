"""The door on a SQLite database of the test's own; what both engines must agree on is tested in tests/core."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.db.engine import Database, open_database
from tests.widgets.house import House


@pytest.fixture
def sqlite_db(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    database = open_database(f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'regulars.sqlite3')}")
    yield database
    database.close()


@pytest.fixture
def house(sqlite_db: Database, tmp_path: Path) -> House:
    return House(sqlite_db, tmp_path)
