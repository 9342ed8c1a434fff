"""Whether the clock can be believed. Points mature and expire by time, so a clock gone wild must stop that, visibly."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock

import structlog

from core.clock import Clock

log = structlog.get_logger(__name__)

LARGEST_GAP = timedelta(hours=1)
# A server may have been off for long; a clock that jumped is usually off by years.
LONGEST_ABSENCE = timedelta(days=45)
CLOCK_JUMPED, CLOCK_BEHIND, CLOCK_AHEAD = "clock_jumped", "clock_behind_last_run", "clock_far_ahead_of_last_run"


def running_seconds() -> float:
    """Seconds that no one can set; on Linux they go on while the machine sleeps."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class ClockGuard:
    """Compares the wall clock with one that cannot be set, and at the start with the last run's heartbeat."""

    def __init__(self, clock: Clock, *, running: Callable[[], float] = running_seconds) -> None:
        self._clock = clock
        self._running = running
        self._lock = Lock()
        self._wall_at, self._running_at = clock(), running()
        self._problem: str | None = None

    def start(self, last_heartbeat: datetime | None) -> None:
        """Judge the clock by what the run before wrote down last."""
        if last_heartbeat is None:
            return
        now = self._clock()
        if now < last_heartbeat - timedelta(minutes=5):
            self._stop(CLOCK_BEHIND)
        elif now > last_heartbeat + LONGEST_ABSENCE:
            self._stop(CLOCK_AHEAD)

    def problem(self) -> str | None:
        """A stable word when bookings caused by time must wait; None while all is well."""
        with self._lock:
            wall, running = self._clock(), self._running()
            apart = (wall - self._wall_at) - timedelta(seconds=running - self._running_at)
            if self._problem is None and abs(apart) >= LARGEST_GAP:
                self._problem = CLOCK_JUMPED
                log.error("clock.jumped", seconds=int(apart.total_seconds()))
            return self._problem

    def confirm(self) -> None:
        """A person has looked: the clock is right as it is now."""
        with self._lock:
            self._wall_at, self._running_at = self._clock(), self._running()
            self._problem = None
            log.info("clock.confirmed")

    def _stop(self, problem: str) -> None:
        with self._lock:
            self._problem = problem
        log.error("clock.not_believed", problem=problem)
