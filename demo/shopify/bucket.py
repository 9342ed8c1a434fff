"""The leaky bucket of an app in a shop, by the shop's clock."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Bucket:
    """As a Standard shop has it: 2,000 points, 100 more each second. Change the figures for other plans."""

    clock: Callable[[], float]
    size: float = 2000.0
    restore_rate: float = 100.0
    available: float = field(init=False)

    def __post_init__(self) -> None:
        self.available = self.size
        self._as_of = self.clock()
        self._lock = threading.Lock()

    def take(self, points: float) -> bool:
        """Set points aside; False where there are not enough."""
        with self._lock:
            self._refill()
            if points > self.available:
                return False
            self.available -= points
            return True

    def give_back(self, points: float) -> None:
        """What a call turned out not to have cost."""
        with self._lock:
            self.available = min(self.size, self.available + points)

    def drain(self, to: float = 0.0) -> None:
        with self._lock:
            self._refill()
            self.available = to

    def status(self) -> dict[str, float]:
        with self._lock:
            self._refill()
            return {
                "maximumAvailable": self.size,
                "currentlyAvailable": float(int(self.available)),
                "restoreRate": self.restore_rate,
            }

    def _refill(self) -> None:
        now = self.clock()
        self.available = min(self.size, self.available + max(0.0, now - self._as_of) * self.restore_rate)
        self._as_of = now
