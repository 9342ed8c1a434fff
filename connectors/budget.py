"""The leaky bucket that a platform keeps for us: wait before a call that it would refuse."""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from core.errors import RateLimited

THROTTLED = "THROTTLED"  # Shopify's word
FEWER_CALLS = "The shop asks for fewer calls."


@dataclass(frozen=True)
class Cost:
    """Points of the platform's leaky bucket. Seconds and points only, so floats do no harm."""

    requested: float
    available: float
    restored_per_s: float
    most: float


def whole_seconds(wait_s: float) -> int:
    """A wait to be told to a caller: rounded up, at most a day."""
    return math.ceil(min(wait_s, 86_400.0))


class Budget:
    """What is left in the platform's bucket, as last told, less what calls under way may take. Safe to share by threads.

    The price of an operation is what it cost last time; one that was never sent, or a platform without a bucket, is free.
    """

    def __init__(self, longest_wait_s: float, *, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._longest_wait_s = longest_wait_s
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._prices: dict[str, float] = {}
        self._state: Cost | None = None
        self._as_of = 0.0
        self._under_way = 0.0

    def take(self, name: str) -> float:
        """The points set aside for a call, once the bucket holds them. Raises RateLimited when that takes too long."""
        waited = 0.0
        while True:
            with self._lock:
                price = self._prices.get(name, 0.0)
                wait = self._spend(price)
                if wait <= 0:
                    self._under_way += price
                    return price
            if waited + wait > self._longest_wait_s:
                raise RateLimited(FEWER_CALLS, code=THROTTLED, retry_after_s=whole_seconds(wait))
            self._sleep(wait)
            waited += wait

    def settle(self, name: str, taken: float, cost: Cost | None) -> None:
        """The call that `taken` was set aside for is over; `cost` is what its answer told. None: take it as spent."""
        with self._lock:
            self._under_way = max(0.0, self._under_way - taken)
            if cost is not None:
                self._prices[name] = cost.requested
                self._state = replace(cost, available=cost.available - self._under_way)
                self._as_of = self._clock()

    def _spend(self, price: float) -> float:
        """Seconds until there is enough; 0 when there was, and then it is spent."""
        state = self._state
        if state is None or price > state.most:  # dearer than the whole bucket: the platform says what is wrong
            return 0.0
        now = self._clock()
        filled = min(state.available + (now - self._as_of) * state.restored_per_s, state.most)
        missing = price - filled
        if price > 0 and missing > 0.001:
            return missing / state.restored_per_s if state.restored_per_s > 0 else math.inf
        self._state, self._as_of = replace(state, available=filled - price), now
        return 0.0
