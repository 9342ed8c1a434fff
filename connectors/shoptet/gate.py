"""How fast one shop may be called: three calls at once, and a bucket of drops that leaks by ten a second.

Shoptet counts for each pair of addon and shop, so all connectors of one token in this process share a gate.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from weakref import WeakValueDictionary

from connectors.budget import FEWER_CALLS, Budget, Cost, whole_seconds
from core.errors import RateLimited

AT_ONCE = 3
LEAK_PER_S = 10.0
# What a call costs shows only in the next filling, so that each call needs this much room before it is made.
ROOM = 20.0
LONGEST_WAIT_S = 10.0
_CALL = "call"


class Gate:
    """`clock` and `sleep` as of time.monotonic and time.sleep. `longest_wait_s`: for room, and for one of the three turns."""

    def __init__(
        self,
        *,
        longest_wait_s: float = LONGEST_WAIT_S,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._longest_wait_s = longest_wait_s
        self._budget = Budget(longest_wait_s, clock=clock, sleep=sleep)

    @contextmanager
    def turn(self) -> Iterator["Turn"]:
        """Room for one call. Raises RateLimited when that takes too long."""
        if not self._turns.acquire(timeout=self._longest_wait_s):
            raise RateLimited(FEWER_CALLS, code="busy", retry_after_s=whole_seconds(self._longest_wait_s))
        try:
            taken = self._budget.take(_CALL)
            turn = Turn()
            try:
                yield turn
            finally:
                self._budget.settle(_CALL, taken, turn.cost)
        finally:
            self._turns.release()


class Turn:
    cost: Cost | None = None

    def tell(self, filling: str) -> None:
        """What the answer says of the bucket, such as "17/200". What cannot be read says nothing."""
        used, _, most = filling.partition("/")
        if used.strip().isdigit() and most.strip().isdigit() and len(filling) <= 20 and int(most) > 0:
            self.cost = Cost(ROOM, max(0.0, float(most) - float(used)), LEAK_PER_S, float(most))


_gates: WeakValueDictionary[bytes, Gate] = WeakValueDictionary()
_lock = threading.Lock()


def gate_of(token: str) -> Gate:
    """The gate of whoever calls with this grant; it lives as long as somebody holds it."""
    name = sha256(token.encode()).digest()
    with _lock:
        gate = _gates.get(name)
        if gate is None:
            gate = _gates[name] = Gate()
        return gate
