"""The worker: threads that work what the doors and the schedule wrote down. Stopping it at any point loses nothing.

Rows are the truth; `wake` only makes a thread look sooner. Merchants take turns, and one whose work fails waits longer
each time while the others go on.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from app import mailing
from app.schedule import Schedule
from app.wake import Wake
from core.db.engine import reading
from core.ids import MerchantId
from core.merchants import queries as merchant_queries
from core.runtime import Runtime
from core.work import addons, backfill, effects
from core.work import reading as order_reading
from webhooks import work as webhook_work

log = structlog.get_logger(__name__)

READERS = 3
READERS_PER_MERCHANT = 2
IDLE_S = 1.0
MERCHANTS_KEPT_S = 5.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0

Step = Callable[[MerchantId], bool]


class Turns:
    """Whose turn it is: all merchants in a circle, each `at_once` times at most, failing ones after a pause."""

    def __init__(self, merchants: Callable[[], list[MerchantId]], *, at_once: int) -> None:
        self._merchants = merchants
        self._at_once = at_once
        self._lock = threading.Lock()
        self._busy: dict[MerchantId, int] = {}
        self._pauses: dict[MerchantId, tuple[float, float]] = {}  # (seconds, until)
        self._last = 0
        self._alone = False

    def circle(self) -> list[MerchantId]:
        merchants = self._merchants()
        with self._lock:
            self._alone = len(merchants) == 1
            self._last += 1
            start = self._last % len(merchants) if merchants else 0
        return merchants[start:] + merchants[:start]

    @contextmanager
    def turn(self, merchant_id: MerchantId) -> Iterator[bool]:
        """Yields whether it may work now."""
        with self._lock:
            _, until = self._pauses.get(merchant_id, (0.0, 0.0))
            free = self._alone or self._busy.get(merchant_id, 0) < self._at_once
            may = free and time.monotonic() >= until
            if may:
                self._busy[merchant_id] = self._busy.get(merchant_id, 0) + 1
        try:
            yield may
        finally:
            if may:
                with self._lock:
                    self._busy[merchant_id] -= 1

    def failed(self, merchant_id: MerchantId) -> None:
        with self._lock:
            seconds, _ = self._pauses.get(merchant_id, (FIRST_PAUSE_S / 2, 0.0))
            seconds = min(seconds * 2, LONGEST_PAUSE_S)
            self._pauses[merchant_id] = (seconds, time.monotonic() + seconds)

    def succeeded(self, merchant_id: MerchantId) -> None:
        with self._lock:
            self._pauses.pop(merchant_id, None)


class Worker:
    """All background work of one process. `start` makes the threads, so a forked child starts its own."""

    def __init__(self, runtime: Runtime, *, wake: Wake | None = None, readers: int = READERS) -> None:
        self._runtime = runtime
        self.wake = wake or Wake()
        self.schedule = Schedule(runtime, wake=self.wake)
        self._readers = readers
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._kept: tuple[float, list[MerchantId]] = (-MERCHANTS_KEPT_S, [])

    def start(self) -> None:
        self._spawn("inbox", lambda merchant_id: webhook_work.work_due(self._runtime, merchant_id) > 0, at_once=1)
        reading_turns = Turns(self._merchants, at_once=READERS_PER_MERCHANT)
        for number in range(self._readers):
            self._spawn_loop(f"reader-{number + 1}", reading_turns, self._once_time_is_known(self._read_one))
        run_effects: Step = lambda merchant_id: effects.run_due(self._runtime, merchant_id)  # noqa: E731
        self._spawn("effects", self._once_time_is_known(run_effects), at_once=1)
        self._spawn("mail", lambda merchant_id: mailing.send_due(self._runtime, merchant_id), at_once=1)
        connect_addons: Step = lambda merchant_id: addons.connect_next(self._runtime, merchant_id)  # noqa: E731
        self._spawn("addons", connect_addons, at_once=1)
        self._spawn("backfill", self._once_time_is_known(self._backfill), at_once=1)
        self._thread("schedule", lambda: self.schedule.run(self._stopping))
        log.info("worker.started", threads=len(self._threads))

    def stop(self, *, timeout_s: float = 10) -> None:
        """Ask all threads to end after what they are at, and wait for them."""
        self._stopping.set()
        self.wake()
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        log.info("worker.stopped", still_running=[t.name for t in self._threads if t.is_alive()])

    def run_until(self, stopping: threading.Event) -> None:
        """For a process that is nothing but a worker."""
        self.start()
        stopping.wait()
        self.stop()

    def _once_time_is_known(self, step: Step) -> Step:
        """Work that books points by the time waits: its rows lose nothing by it. Messages are taken in meanwhile."""
        return lambda merchant_id: not self.schedule.guard.is_time_unknown() and step(merchant_id)

    def _read_one(self, merchant_id: MerchantId) -> bool:
        return order_reading.read_one(self._runtime, merchant_id)

    def _backfill(self, merchant_id: MerchantId) -> bool:
        with reading(self._runtime.db) as session:
            unfinished = backfill.unfinished(session, merchant_id)
        return any([backfill.run_step(self._runtime, merchant_id, backfill_id) for backfill_id in unfinished])

    def _spawn(self, name: str, step: Step, *, at_once: int) -> None:
        self._spawn_loop(name, Turns(self._merchants, at_once=at_once), step)

    def _spawn_loop(self, name: str, turns: Turns, step: Step) -> None:
        self._thread(name, lambda: self._loop(name, turns, step))

    def _thread(self, name: str, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, name=f"worker-{name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _loop(self, name: str, turns: Turns, step: Step) -> None:
        while not self._stopping.is_set():
            seen = self.wake.number
            if not self._one_round(name, turns, step):
                self.wake.wait(seen, IDLE_S)

    def _one_round(self, name: str, turns: Turns, step: Step) -> bool:
        """One step for each merchant. True when anything was done: then others may have work from it."""
        busy = False
        for merchant_id in self._circle(turns):
            if self._stopping.is_set():
                return False
            with turns.turn(merchant_id) as may:
                if not may:
                    continue
                try:
                    done = step(merchant_id)
                except Exception:
                    turns.failed(merchant_id)
                    log.exception("worker.step_failed", worker=name, merchant_id=merchant_id)
                    continue
                turns.succeeded(merchant_id)
            if done:
                busy = True
                self.wake()
        return busy

    def _circle(self, turns: Turns) -> list[MerchantId]:
        try:
            return turns.circle()
        except Exception:
            log.exception("worker.database_away")
            self._stopping.wait(LONGEST_PAUSE_S / 10)
            return []

    def _merchants(self) -> list[MerchantId]:
        read_at, merchants = self._kept
        if time.monotonic() - read_at >= MERCHANTS_KEPT_S or not merchants:
            with reading(self._runtime.db) as session:
                merchants = [merchant.merchant_id for merchant in merchant_queries.all_merchants(session)]
            self._kept = (time.monotonic(), merchants)
        return merchants
