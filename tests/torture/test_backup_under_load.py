"""T20: a backup taken while the shop sells and workers book is whole; restored elsewhere, the shop itself tells what came after it.

What only we knew is gone with the database: redemptions placed after the backup. Their codes stay in the shop, and are counted here.
"""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app import backup
from app.wiring import make_runtime
from core.clock import utc_now
from core.db.engine import reading
from core.queue import inbox
from core.settings import Settings
from core.work import effects, sync
from tests.torture.demo_world import LEASES_END, MakeDatabase, World, new_world, open_world
from tests.torture.tiers import seeds

pytestmark = pytest.mark.torture("T20")

WORKERS = 2
BEFORE = 25  # things that happen in the shop before the backup begins
ORDERS_AFTER = 5
PATIENCE_S = 120


@pytest.mark.parametrize("seed", seeds(pr=1, nightly=5, release=20))
def test_a_backup_taken_under_load_is_whole_and_the_shop_fills_in_the_rest(
    new_database: MakeDatabase, tmp_path: Path, seed: int, operations: Callable[[int], None]
) -> None:
    with new_world(tmp_path / "data", new_database(), seed=seed) as world:
        with under_load(world) as happened:
            wait_for(lambda: happened() >= BEFORE)
            made = backup.make(world.runtime.settings, label="backup", now=utc_now())
            wanted = len(world.orders) + ORDERS_AFTER
            wait_for(lambda: happened() > 0 and len(world.orders) >= wanted)

        restored = restore_elsewhere(world, made.path, tmp_path / "elsewhere", new_database())

        assert restored.violations() == []
        assert -1 in restored.targets().values(), "the backup holds all that ever happened: it was not taken under load"
        the_shop_tells(restored)
        check(restored, like=world, folder=tmp_path / "oracle")
        restored.runtime.db.close()
        operations(len(world.orders))


@contextmanager
def under_load(world: World) -> Iterator[Callable[[], int]]:
    """Shoppers buy and redeem, the shop refunds and cancels, workers book. Yields how much has happened so far."""
    stopping = threading.Event()
    count = 0

    def live() -> None:
        nonlocal count
        while not stopping.is_set():
            world.keep_hints([world.something_happens()])
            errand = world.errand()
            if errand is not None:
                world.acknowledge(errand, world.run(errand))
            count += 1

    def work() -> None:
        while not stopping.is_set():
            if not world.one_round():
                time.sleep(0.01)

    with ThreadPoolExecutor(WORKERS + 1) as pool:
        running = [pool.submit(live), *(pool.submit(work) for _ in range(WORKERS))]

        def happened() -> int:
            ended = next((one for one in running if one.done()), None)
            if ended is not None:
                ended.result()  # it raised
            return count

        try:
            yield happened
        finally:
            stopping.set()
        for one in running:
            one.result(timeout=PATIENCE_S)


def restore_elsewhere(world: World, path: Path, folder: Path, url: str) -> World:
    """On another machine: the backup, and the key that was kept apart from it."""
    folder.mkdir()
    settings = Settings(data_dir=folder, database_url=url, public_url="http://127.0.0.1:9", allow_loopback=True)
    shutil.copy(world.runtime.settings.key_file, settings.key_file)
    backup.restore(settings, path)
    runtime = replace(make_runtime(settings), clock=world.clock)
    return replace(world, runtime=runtime)


def the_shop_tells(restored: World) -> None:
    """No message comes a second time: the nightly comparison finds what is missing, and the workers read it."""
    restored.clock.ahead += LEASES_END
    drift = sync.reconcile(restored.runtime, restored.merchant_id, restored.view.shop_id)
    assert drift.differing
    restored.work_to_the_end()


def check(restored: World, *, like: World, folder: Path) -> None:
    """Each order as an undisturbed reader of the same shop has it, nothing waits, and no code is left that we know of."""
    oracle = open_world(restored.shop, folder, None, launched=like.view.created_at)
    oracle.orders = restored.orders
    oracle.keep_hints(restored.orders)
    oracle.work_to_the_end()
    expected = oracle.targets()
    oracle.runtime.db.close()
    forgotten = {view.code for view in like.redemptions()} - {view.code for view in restored.redemptions()}

    assert restored.violations() == []
    assert restored.targets() == expected
    assert sync.reconcile(restored.runtime, restored.merchant_id, restored.view.shop_id).differing == ()
    with reading(restored.runtime.db) as session:
        assert inbox.counts(session, restored.merchant_id) == {"new": 0, "parked": 0}
    for _ in range(3):
        restored.clock.ahead += timedelta(hours=26)
        effects.sweep_holds(restored.runtime, restored.merchant_id)
        restored.work_to_the_end()
    assert [view for view in restored.redemptions() if view.state == "open"] == []
    assert set(restored.usable_codes()) <= forgotten
    assert restored.violations() == []


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.01)
