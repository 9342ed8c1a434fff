"""T19: the same history leaves the same rows in SQLite and in PostgreSQL, down to the last word of the last explanation.

Replay one seed: REGULARS_TORTURE_SEED=<seed> pytest -m torture tests/torture/test_engines_agree.py
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.db.engine import open_database
from tests.conftest import PostgresServer
from tests.torture.dump import dump
from tests.torture.history import WEIGHTS, begin
from tests.torture.test_simulation import without_waiting_for_the_disk
from tests.torture.tiers import seeds, size

pytestmark = pytest.mark.torture("T19")

OPERATIONS = size(pr=800, nightly=5_000, release=5_000)
# In which order things are done that fall due at the same instant is nobody's promise, so nothing here makes several due at once.
DEEDS = {name: weight for name, weight in WEIGHTS.items() if name not in ("sleep", "poll", "reconcile")}


@pytest.mark.parametrize("seed", seeds(pr=1, nightly=20, release=100))
def test_the_same_history_leaves_the_same_rows_in_both_engines(
    sqlite_template: Path,
    postgres_server: PostgresServer,
    postgres_template: str,
    tmp_path: Path,
    seed: int,
    operations: Callable[[int], None],
) -> None:
    path = shutil.copy(sqlite_template, tmp_path / "regulars.sqlite3")
    url = postgres_server.create(template=postgres_template)
    try:
        in_sqlite, in_postgres = lived(f"sqlite:///{path}", tmp_path, seed), lived(url, tmp_path, seed)
    finally:
        postgres_server.drop(url)

    assert len(in_sqlite) > 100, "nothing happened"
    for number, (here, there) in enumerate(zip(in_sqlite, in_postgres, strict=True)):
        assert here == there, f"seed {seed}: row {number} of the dumps differs"
    operations(2 * OPERATIONS)


def lived(url: str, tmp_path: Path, seed: int) -> list[str]:
    """What is in the database after the whole history."""
    db: Any = open_database(url)
    try:
        if db.is_sqlite:
            without_waiting_for_the_disk(db)
        history = begin(db, tmp_path, seed, weights=DEEDS)
        while history.count < OPERATIONS:
            history.do()
        history.rest()
        assert history.world.violations() == [], f"seed {seed}"
        return dump(db)
    finally:
        db.close()
