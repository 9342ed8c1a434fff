"""T2: whatever one member's book is asked to do, in whatever order, it is what the oracle's book says.

Hypothesis looks for the shortest way to a difference. In the nightly tier it draws anew each time; a failure prints a blob
that replays it.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from core.db.engine import Database, reading
from core.ledger.verify import verify_ledger
from tests.core.world import make_world
from tests.torture.book_machine import GRACE_DAYS, BookMachine
from tests.torture.test_simulation import without_waiting_for_the_disk
from tests.torture.tiers import TIER, size

pytestmark = pytest.mark.torture("T2")

STEPS = 50
EXAMPLES = size(pr=100, nightly=20_000, release=100_000)


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_book_is_the_oracles_whatever_is_asked_of_it(
    db: Database, tmp_path: Path, operations: Callable[[int], None]
) -> None:
    without_waiting_for_the_disk(db)
    world = make_world(db, tmp_path, grace_days=GRACE_DAYS)
    BookMachine.steps = 0

    run_state_machine_as_test(
        lambda: BookMachine(world),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            derandomize=TIER == "pr",
            database=None,
            print_blob=True,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

    with reading(db) as session:
        assert verify_ledger(session, world.merchant_id).violations == []
    operations(BookMachine.steps)
