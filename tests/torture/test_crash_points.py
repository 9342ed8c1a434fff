"""Death at every point of every operation: at each statement, on both sides of each COMMIT and of each call to the shop.

What is on disk then is whole or absent, and after a successor has asked for the same thing once more everything is as if nobody had
died. `-k "captures"` runs one operation; a failure names the point.
"""

import os
import random
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from core.db.engine import Database, open_database, reading
from core.errors import Conflict
from tests.conftest import require
from tests.core.world import World, make_world
from tests.torture.deeds import DEEDS, Deed
from tests.torture.mortal import NEVER, Life, RemoteShop, Worker, live
from tests.torture.tiers import TIER, size

pytestmark = pytest.mark.torture("T7a")

DEATHS = size(pr=1, nightly=2, release=3)  # one after the other: the successor dies too, somewhere
ENGINES = ["sqlite"] if TIER == "pr" else ["sqlite", "postgres"]
SYSTEM_CALLS = size(pr=3, nightly=16, release=1_000)  # of each deed; no deed makes a thousand
CALLS = ("pwrite64", "fdatasync", "fsync", "ftruncate")
Reopen = Callable[[str], Database]
# What is to be seen of a database, without ids and instants.
ALL_THERE_IS = {
    "transfers": """select i.external_id, kind, debit, credit, sum(points), count(*) from transfers t
        join identities i on i.member_id = t.member_id group by i.external_id, kind, debit, credit""",
    "postings": "select cause, count(*) from postings group by cause",
    "redemptions": """select state, points, end_reason, flags, wanted, actual from redemptions r
        join discount_effects e on e.redemption_id = r.redemption_id""",
    "captured": "select captured from redemption_orders",
    "orders": "select external_id, target_points, settlements, flags, not_earning, lease_until from orders",
    "waiting": "select count(*) from orders where wanted > settled",
    "backfills": "select state, mode, read, booked, skipped from backfills",
    "members": "select joined_by, count(*) from members group by joined_by",
    "seals": "select count(*) from seals",
    "messages": "select count(*) from inbox where state = 'new'",
}


@pytest.fixture
def reopen(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Reopen]:
    """Opens copies of a database that nobody has open: the state before a deed, once for every point of it. One at a time."""
    opened: list[Database] = []

    def again(url: str) -> Database:
        if database_kind == "sqlite":
            return again_in_place(Path(url.removeprefix("sqlite:///")), tmp_path / "copy.sqlite3")
        close_last()
        opened.append(open_database(request.getfixturevalue("postgres_server").create(template=url)))
        return opened[-1]

    def again_in_place(template: Path, path: Path) -> Database:
        # The same engine each time: it has compiled the statements before.
        if not opened:
            opened.append(open_database(f"sqlite:///{path}"))
        close_idle(opened[0])
        for leftover in tmp_path.glob(f"{path.name}-*"):
            leftover.unlink()
        shutil.copy(template, path)
        return opened[0]

    def close_last() -> None:
        while opened:
            db = opened.pop()
            db.close()
            if database_kind == "postgres":
                request.getfixturevalue("postgres_server").drop(db.url)

    yield again
    close_last()


@pytest.mark.parametrize("database_kind", ENGINES)
@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.name)
def test_a_death_at_any_point_leaves_nothing_half_and_the_successor_finishes(
    deed: Deed, migrated_url: str, reopen: Reopen, tmp_path: Path, operations: Callable[[int], None]
) -> None:
    case = prepared(deed, migrated_url, tmp_path, reopen)
    points, undisturbed = case.without_death()
    assert "before COMMIT" in points

    chosen = [(number, point) for number, point in enumerate(points, start=1) if is_chosen(number, point)]
    for number, point in chosen:
        case.with_deaths(number, point, undisturbed)

    operations(len(chosen) * DEATHS)


def is_chosen(number: int, point: str) -> bool:
    """At night every point. In every `make test` both sides of each COMMIT and of each call to the shop, and a third of the rest:
    a death between two statements of one transaction is the same death."""
    return TIER != "pr" or "COMMIT" in point or "shop" in point or number % 3 == 0


@pytest.mark.torture("T7b")
@pytest.mark.parametrize("database_kind", ["sqlite"])
@pytest.mark.parametrize("deed", DEEDS if TIER != "pr" else DEEDS[3:4], ids=lambda deed: deed.name)
def test_a_death_in_the_midst_of_writing_leaves_nothing_half_and_the_successor_finishes(
    deed: Deed, migrated_url: str, reopen: Reopen, tmp_path: Path, operations: Callable[[int], None]
) -> None:
    """SQLite only: another process writes PostgreSQL's files."""
    case = prepared(deed, migrated_url, tmp_path, reopen)
    _, undisturbed = case.without_death()
    calls = case.system_calls(tmp_path / "calls")

    for call, number in random.Random(deed.name).sample(calls, min(len(calls), SYSTEM_CALLS)):
        world, where = case.fresh(), f"died at {call} number {number}"
        with traced("-e", f"inject={call}:signal=SIGKILL:when={number}", "-o", os.devnull) as attach:
            assert case.attempt(world, dies_at=NEVER, at_birth=attach).died, where
        assert world.violations() == [], where
        assert case.finish(world) == undisturbed, where

    operations(min(len(calls), SYSTEM_CALLS))


@contextmanager
def traced(*options: str) -> Iterator[Callable[[int], None]]:
    """strace, to be attached to a process that waits for it."""
    tracers: list[subprocess.Popen[str]] = []

    def attach(pid: int) -> None:
        command = ["strace", "-f", "-e", f"trace={','.join(CALLS)}", *options, "-p", str(pid)]
        tracers.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
        assert tracers[-1].stderr is not None
        said = tracers[-1].stderr.readline()
        if "attached" not in said:
            pytest.skip(f"strace may not attach to a process here: {said.strip()}")

    require("strace")
    yield attach
    for tracer in tracers:
        tracer.communicate(timeout=60)


@dataclass(frozen=True)
class Case:
    """A deed and the state before it, of which every run gets its own copy."""

    deed: Deed
    world: World
    known: Any
    reopen: Reopen

    def without_death(self) -> tuple[list[str], dict[str, Any]]:
        """The points of the deed, and what there is afterwards when it was asked for once and nobody died."""
        world = self.fresh()
        self.deed.do(world, self.known)
        self.let_time_pass(world)
        undisturbed = outcome(world)
        world = self.fresh()
        life = self.attempt(world, dies_at=NEVER)
        assert life.refused is None, life.refused
        assert self.finish(world) == undisturbed, "asked for twice"
        return life.points, undisturbed

    def with_deaths(self, number: int, point: str, undisturbed: dict[str, Any]) -> None:
        dice, where = random.Random(number), f"died at point {number}, {point}"
        world = self.fresh()
        assert self.attempt(world, dies_at=number).died, where
        for _ in range(DEATHS - 1):
            assert world.violations() == [], where
            world.wait(minutes=15)
            self.attempt(world, dies_at=dice.randint(1, number + 5))
        assert world.violations() == [], where
        assert self.finish(world) == undisturbed, where

    def fresh(self) -> World:
        """The state before the deed: the database copied, the shop and the clock as well."""
        db = self.reopen(self.world.db.url)
        time = dict(self.world.time)
        shop = replace(self.world.shop, clock=lambda: time["now"], placed=dict(self.world.shop.placed), calls=[])
        shop.coupons = deepcopy(shop.coupons)
        runtime = replace(self.world.runtime, db=db, clock=lambda: time["now"], connect=lambda _: shop)
        return replace(self.world, runtime=runtime, shop=shop, time=time)

    def system_calls(self, log: Path) -> list[tuple[str, int]]:
        """Each write and sync of the deed: its name, and the how manieth of that name it is, which is how strace counts."""
        world = self.fresh()
        with traced("-o", str(log)) as attach:
            self.attempt(world, dies_at=NEVER, at_birth=attach)
        names = re.findall(rf"\b({'|'.join(CALLS)})\(", log.read_text())
        return [(name, names[: position + 1].count(name)) for position, name in enumerate(names)]

    def attempt(self, world: World, *, dies_at: int, at_birth: Callable[[int], None] | None = None) -> Life:
        """Somebody is asked for the deed, and may die over it."""

        def work(worker: Worker) -> None:
            remote: Any = RemoteShop(world.shop, worker)
            there = replace(world, runtime=replace(world.runtime, connect=lambda _: remote))
            self.deed.do(there, self.known)

        # SQLite's connections must not cross a fork: the dead one had the locks, not we.
        close_idle(world.db)
        return live(world.db, work, dies_at=dies_at, shop=world.shop, at_birth=at_birth)

    def finish(self, world: World) -> dict[str, Any]:
        """The leases of the dead end, a successor is asked for the same, and the worker does what is left."""
        world.wait(minutes=15)
        with suppress(Conflict):  # "this was done before" is an answer too
            self.deed.do(world, self.known)
        self.let_time_pass(world)
        assert world.violations() == []
        return outcome(world)

    def let_time_pass(self, world: World) -> None:
        for _ in range(3):
            world.wait(minutes=15)
            world.work()


def prepared(deed: Deed, url: str, tmp_path: Path, reopen: Reopen) -> Case:
    world = make_world(open_database(url), tmp_path)
    world.wait(minutes=1)
    known = deed.prepare(world)
    world.db.close()
    return Case(deed, world, known, reopen)


def close_idle(db: Database) -> None:
    for engine in (db.write_engine, db.read_engine):
        engine.dispose()


def outcome(world: World) -> dict[str, Any]:
    with reading(world.db) as session:
        found = {
            name: sorted(map(str, session.connection().execute(sa.text(statement)).all()))
            for name, statement in ALL_THERE_IS.items()
        }
    return {**found, "coupons": sorted((one.request.amount, one.uses) for one in world.shop.coupons.values())}
