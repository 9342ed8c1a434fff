"""T9, power cut: the log ends at a random byte, garbage behind it. What was acknowledged before is there, the rest whole or absent.

The cuts are the seed's; ids in the database differ from run to run. That nothing is acknowledged before it is on the disk is seen
in the system calls themselves.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.db.engine import open_database, reading
from core.verify import verify
from tests.core.world import World, make_world
from tests.torture import strace, wal
from tests.torture.history import begin
from tests.torture.tiers import seeds, size

pytestmark = pytest.mark.torture("T9")

STEPS = size(pr=25, nightly=60, release=60)
CUTS = 400
CHECKPOINTS = 20


@dataclass
class Outage:
    """What lay on the disk, and what the product had been told of it."""

    world: World
    before: bytes
    log: bytes
    acknowledged: list[wal.Acknowledged]
    place: Path
    verified: set[str]

    def comes_back_with(self, database: bytes, log: bytes) -> str:
        """The state after the power is back; the shared memory file of the dead is garbage. Verifies each state once."""
        self.place.write_bytes(database)
        self.place.with_name(self.place.name + "-wal").write_bytes(log)
        self.place.with_name(self.place.name + "-shm").write_bytes(b"\xa5" * 32768)
        state = wal.state_of_damaged(self.place)
        if state not in self.verified:
            assert violations(self.world, self.place) == []
            self.verified.add(state)
        return state


@pytest.fixture
def outage(sqlite_template: Path, tmp_path: Path, seed: int) -> Outage:
    path = tmp_path / "regulars.sqlite3"
    path.write_bytes(sqlite_template.read_bytes())
    db = wal.Watched(path)
    history = begin(db, tmp_path, seed)
    before = db.start_watching()
    for _ in range(STEPS):
        history.do()
    log, after = db.log.read_bytes(), path.read_bytes()
    db.close()
    assert after == before, "the log was carried over: these are not power cuts"
    return Outage(history.world, before, log, db.acknowledged, tmp_path / "cut.sqlite3", set())


@pytest.mark.parametrize("seed", seeds(pr=1, nightly=25, release=125))
def test_after_a_power_cut_every_acknowledged_commit_is_there_and_the_next_is_absent(
    outage: Outage, seed: int, operations: Callable[[int], None]
) -> None:
    dice = random.Random(seed)
    assert len(outage.acknowledged) > STEPS

    for number in range(CUTS):
        cut = wal.cut(outage.log, outage.acknowledged, dice)
        state = outage.comes_back_with(outage.before, cut.log)

        survivors = [commit.state for commit in outage.acknowledged if commit.log_bytes <= cut.whole]
        assert state == survivors[-1], (
            f"seed {seed}, cut {number}: {len(survivors)} commits were acknowledged by {cut.whole}"
        )
    operations(CUTS)


@pytest.mark.parametrize("seed", seeds(pr=1, nightly=10, release=50))
def test_a_power_cut_while_the_log_is_carried_over_loses_nothing(
    outage: Outage, seed: int, operations: Callable[[int], None]
) -> None:
    dice = random.Random(seed)
    outage.place.write_bytes(outage.before)
    outage.place.with_name(outage.place.name + "-wal").write_bytes(outage.log)
    after = wal.carried_over(outage.place)

    for number in range(CHECKPOINTS):
        half_done = wal.half_checkpointed(outage.before, after, dice)
        state = outage.comes_back_with(half_done, outage.log)

        assert state == outage.acknowledged[-1].state, f"seed {seed}, checkpoint {number}"
    operations(CHECKPOINTS)


def test_nothing_is_acknowledged_before_the_disk_has_it(
    sqlite_template: Path, tmp_path: Path, operations: Callable[[int], None]
) -> None:
    commits = size(pr=30, nightly=300, release=300)
    path = tmp_path / "regulars.sqlite3"
    path.write_bytes(sqlite_template.read_bytes())
    merchant_id, member_id = a_member(path, tmp_path)

    said, calls = strace.run(
        ["-e", f"trace={','.join((*strace.WRITES, *strace.SYNCS))}"],
        [f"sqlite:///{path}", merchant_id, member_id, "key", str(commits)],
        log=tmp_path / "calls",
    )

    told = strace.acknowledgements(calls, path)
    assert said == [f"ACK {number}" for number in range(commits)]
    assert len(told) == commits
    assert [one for one in told if one.unsynced_writes or one.syncs < 1] == []
    operations(commits)


def a_member(path: Path, folder: Path) -> tuple[str, str]:
    db = open_database(f"sqlite:///{path}")
    world = make_world(db, folder)
    world.settle(world.shop.buy(1000).external_id)
    db.close()
    return world.merchant_id, world.member()


def violations(world: World, path: Path) -> list[str]:
    db = open_database(f"sqlite:///{path}")
    try:
        with reading(db) as session:
            return verify(session, world.runtime.vault, world.merchant_id).violations
    finally:
        db.close()
