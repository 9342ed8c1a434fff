"""Which time it is, as far as it can be believed. Points mature and expire by time, and what is booked stays booked.

The guard is the runtime's clock. It follows the wall clock; when that jumps, time goes on from the last believed moment
by a clock that nobody can set. At a start the wall clock is compared with what the last run wrote down.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from app import facts
from core.clock import Clock
from core.db.engine import Database

log = structlog.get_logger(__name__)

LARGEST_GAP = timedelta(hours=1)
LARGEST_STEP_BACK = timedelta(minutes=5)
# A server may have been off for long; a clock that jumped is usually off by years.
LONGEST_ABSENCE = timedelta(days=45)
CLOCK_JUMPED, CLOCK_BEHIND, CLOCK_AHEAD = "clock_jumped", "clock_behind_last_run", "clock_far_ahead_of_last_run"

_LARGEST_GAP_S = LARGEST_GAP.total_seconds()


@dataclass(frozen=True)
class LastRun:
    """What the run before wrote down: the last moment that it believed, and whether the wall clock showed another."""

    at: datetime
    in_doubt: bool = False
    confirmed: str | None = None  # when a person last said that the clock is right


def running_seconds() -> float:
    """Seconds that no one can set; on Linux they go on while the machine sleeps."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def problem_at_start(wall: datetime, last: LastRun | None) -> str | None:
    """A stable word where the wall clock cannot be what follows on the last run.

    A run that ended in doubt leaves its doubt to the next: else a crash were enough to believe a clock gone wild.
    """
    if last is None:
        return None
    if wall < last.at - LARGEST_STEP_BACK:
        return CLOCK_BEHIND
    longest = LARGEST_GAP if last.in_doubt else LONGEST_ABSENCE
    return CLOCK_AHEAD if wall > last.at + longest else None


class ClockGuard:
    """The believed clock: call it for the time.

    `last_run` is asked once, when the time is first asked for, and may raise what the database raises: then so does the
    call, and the next one asks again.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        running: Callable[[], float] = running_seconds,
        last_run: Callable[[], LastRun | None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._running = running
        self._last_run = last_run
        self._lock = threading.Lock()
        self._started = False
        self._unfollowed: LastRun | None = None
        self._problem: str | None = None
        self._confirmed: str | None = None
        self._go_on_from(clock())

    def __call__(self) -> datetime:
        """The believed time. Every request asks for it: no lock and no database while all is well."""
        wall, running = self._clock(), self._running()
        apart_s = (wall - self._zero).total_seconds() - running
        if self._started and self._problem is None and -_LARGEST_GAP_S < apart_s < _LARGEST_GAP_S:
            self._drift_s = apart_s
            return wall
        return self._look_closer()

    def problem(self) -> str | None:
        """A stable word when bookings caused by time must wait; None while all is well."""
        self()
        return self._problem

    def is_time_unknown(self) -> bool:
        """After a start in doubt nobody knows how long the machine was off: the believed time is the earliest one."""
        self()
        return self._unfollowed is not None

    def hear(self, confirmed: str | None) -> None:
        """When a person last said that the clock is right. What was said since this was last heard ends a doubt."""
        in_doubt, news = self.problem() is not None, confirmed != self._confirmed
        self._confirmed = confirmed
        if in_doubt and news:
            self.confirm()

    def confirm(self) -> None:
        """A person has looked: the clock is right as it is now."""
        with self._lock:
            self._believe()
        log.info("clock.confirmed")

    def _look_closer(self) -> datetime:
        with self._lock:
            if not self._started:
                self._start(self._last_run())
            wall, gone_on = self._clock(), self._zero + timedelta(seconds=self._running())
            believed = gone_on + timedelta(seconds=self._drift_s)
            if self._unfollowed is not None:
                # As at a start, so that a clock which is set right by its time server needs nobody.
                self._problem = problem_at_start(wall, replace(self._unfollowed, at=believed))
                if self._problem is None:
                    self._believe()
                    log.info("clock.believed_again")
            elif self._problem is None and abs(wall - gone_on) >= LARGEST_GAP:
                self._problem = CLOCK_JUMPED
                log.error("clock.jumped", seconds=int((wall - believed).total_seconds()))
            return wall if self._problem is None else believed

    def _start(self, last: LastRun | None) -> None:
        self._problem = problem_at_start(self._clock(), last)
        self._confirmed = last.confirmed if last is not None else None
        if last is not None and self._problem is not None:
            self._unfollowed = last
            self._go_on_from(last.at)
            log.error("clock.not_believed", problem=self._problem)
        self._started = True

    def _believe(self) -> None:
        self._started, self._unfollowed, self._problem = True, None, None
        self._go_on_from(self._clock())

    def _go_on_from(self, moment: datetime) -> None:
        self._zero = moment - timedelta(seconds=self._running())
        self._drift_s = 0.0


def guard_of(clock: Clock) -> ClockGuard:
    """The guard that a runtime's clock is; for a clock without one (a test brings its own) a new guard before it."""
    return clock if isinstance(clock, ClockGuard) else ClockGuard(clock)


def last_run(db: Database) -> LastRun | None:
    """What the heartbeat says; None on a server that has never run."""
    beat, said = facts.fact(db, facts.HEARTBEAT), facts.fact(db, facts.CLOCK_CONFIRMED)
    if beat is None:
        return None
    at = datetime.fromisoformat(beat["at"])
    return LastRun(at=at, in_doubt=beat.get("clock") is not None, confirmed=said["at"] if said else None)


def listen(guard: ClockGuard, db: Database) -> None:
    """Whether a person has said that the clock is right. Every process asks, for each has a guard of its own."""
    said = facts.fact(db, facts.CLOCK_CONFIRMED)
    guard.hear(said["at"] if said else None)


def keep_listening(guard: ClockGuard, db: Database, *, every_s: float) -> None:
    """In a thread of its own, for as long as the process lives."""

    def run() -> None:
        while True:
            time.sleep(every_s)
            try:
                listen(guard, db)
            except Exception:
                log.exception("clock.not_asked")

    threading.Thread(target=run, name="clock-listener", daemon=True).start()
