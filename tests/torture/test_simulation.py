"""T1: seeded random histories of the whole service layer, compared with the oracle after every deed.

A failing seed prints its last deeds; replay it with REGULARS_TORTURE_SEED=<seed> pytest -m torture tests/torture/test_simulation.py
"""

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from core.db.engine import Database
from tests.torture.audit import Audit
from tests.torture.history import History, begin
from tests.torture.tiers import seeds, size

pytestmark = pytest.mark.torture("T1")

OPERATIONS = size(pr=2_500, nightly=100_000, release=100_000)
VERIFY_EVERY = size(pr=500, nightly=10_000, release=10_000)


@pytest.mark.parametrize("database_kind", ["sqlite"])
@pytest.mark.parametrize("seed", seeds(pr=5, nightly=20, release=100))
def test_a_random_history_is_at_every_moment_what_the_oracle_says(
    db: Database, tmp_path: Path, seed: int, operations: Callable[[int], None]
) -> None:
    without_waiting_for_the_disk(db)
    history = begin(db, tmp_path, seed)
    audit = Audit(history)

    run(history, audit, seed)

    operations(history.count)


def run(history: History, audit: Audit, seed: int) -> None:
    try:
        verified_at = 0
        while history.count < OPERATIONS:
            history.do()
            audit.quick()
            if history.count - verified_at >= VERIFY_EVERY:
                verified_at = history.count
                audit.thorough()
        history.finish()
        audit.thorough()
        audit.settled()
    except Exception as error:
        deeds = "\n".join(history.log)
        raise AssertionError(
            f"seed {seed}, operation {history.count}: {error}\nThe last {len(history.log)} deeds:\n{deeds}"
        ) from error


def without_waiting_for_the_disk(db: Database) -> None:
    """Durability is T5's subject; here a commit need not wait for the disk."""
    for engine in (db.write_engine, db.read_engine):
        sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF").close())
