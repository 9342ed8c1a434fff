"""How a door tells the worker threads of its own process that there is work: at once, and never more than a hint."""

import time
from threading import Condition

# Six threads look for work after each call: a stream of calls must not have them look all the time.
GATHER_S = 0.05


class Wake:
    """A counter that threads wait on. A call between looking for work and waiting is not lost."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._number = 0

    def __call__(self) -> None:
        with self._changed:
            self._number += 1
            self._changed.notify_all()

    @property
    def number(self) -> int:
        with self._changed:
            return self._number

    def wait(self, seen: int, timeout_s: float) -> None:
        """Return when the number is no longer `seen`, or after the time-out. A burst of calls is one."""
        with self._changed:
            called = self._changed.wait_for(lambda: self._number != seen, timeout=timeout_s)
        if called:
            time.sleep(GATHER_S)
