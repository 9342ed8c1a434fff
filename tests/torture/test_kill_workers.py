"""kill -9 of workers at work: what was acknowledged is done in the end, nothing is done twice, no hold is stuck, the books add up."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from app.wiring import Connectors
from connectors.registry import AddressPolicy
from tests.torture.demo_world import LEASES_END, Errand, MakeDatabase, World, check, new_world, rounds_of
from tests.torture.mortal import Life, Worker, live
from tests.torture.tiers import size

pytestmark = pytest.mark.torture("T5")

KILLS = size(pr=200, nightly=2_000, release=10_000)
KILLS_PER_WORLD = 250
LONGEST_WORK = 90  # points: a few more than a worker has to do in one life
LONGEST_MOMENT_S = 0.006


def test_workers_die_at_work_and_nothing_is_lost_doubled_or_stuck(
    new_database: MakeDatabase, tmp_path: Path, operations: Callable[[int], None]
) -> None:
    for number, kills in enumerate(rounds_of(KILLS, KILLS_PER_WORLD)):
        with new_world(tmp_path / f"data-{number}", new_database(), seed=number) as world:
            kill_workers(world, kills)

            world.work_to_the_end()

            check(world, tmp_path / f"oracle-{number}")
    operations(KILLS)


def kill_workers(world: World, kills: int) -> None:
    """An errand is handed to one worker after the other, under the same key, until one has acknowledged it."""
    warm_up(world)
    errand: Errand | None = None
    for _ in range(kills):
        order = world.something_happens()
        world.keep_hints([order] * world.dice.randint(1, 3))
        errand = errand or world.errand()
        life = kill_a_worker(world, errand)
        if errand is not None and life.said:
            world.acknowledge(errand, life.said[0])
            errand = None if world.dice.random() < 0.8 else errand  # the answer may be lost on its way: asked again
        world.clock.ahead += LEASES_END if world.dice.random() < 0.5 else LEASES_END / 20
    world.clock.ahead += LEASES_END
    if errand is not None:
        world.acknowledge(errand, world.run(errand))


def warm_up(world: World) -> None:
    """A quiet hour. A worker is born with what its parent has compiled and imported, so it works, and does not warm up, until it dies."""
    for _ in range(20):
        world.keep_hints([world.something_happens()])
        while world.one_round():
            pass
        errand = world.errand()
        if errand is not None:
            world.acknowledge(errand, world.run(errand))


def kill_a_worker(world: World, errand: Errand | None) -> Life:
    def work(worker: Worker) -> None:
        # Connections of the parent must not be used by its child.
        world.runtime = replace(world.runtime, connect=Connectors(AddressPolicy(allow_loopback=True)))
        if errand is not None:
            worker.say(world.run(errand))
        while world.one_round():
            pass
        worker.idle()

    dies_at, moment = world.dice.randint(1, LONGEST_WORK), world.dice.uniform(0, LONGEST_MOMENT_S)
    life = live(world.runtime.db, work, dies_at=dies_at, moment_after=moment)
    assert life.died
    return life
