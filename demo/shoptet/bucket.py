"""The limits of the API per addon and shop: a leaky bucket by the shop's clock, connections, and identical writes."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

# An identical write to the same address is locked for so long.
LOCK_S = 5.0


@dataclass
class Bucket:
    """Drops fall in after a call and leak away; a call that finds the bucket full is refused."""

    clock: Callable[[], float]
    size: float = 200.0
    leak: float = 10.0
    filling: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self._as_of = self.clock()
        self._lock = threading.Lock()

    def is_full(self) -> bool:
        with self._lock:
            self._flow()
            return self.filling >= self.size

    def add(self, drops: float) -> None:
        with self._lock:
            self._flow()
            self.filling = min(self.size, self.filling + drops)

    def fill(self, to: float | None = None) -> None:
        with self._lock:
            self._flow()
            self.filling = self.size if to is None else to

    def level(self) -> str:
        """12/200, as the header has it."""
        with self._lock:
            self._flow()
            return f"{int(self.filling)}/{int(self.size)}"

    def free_at(self) -> float:
        """When a drop has leaked away, in unix seconds."""
        with self._lock:
            self._flow()
            return self._as_of + max(0.0, self.filling - self.size + self.leak) / self.leak

    def _flow(self) -> None:
        now = self.clock()
        self.filling = max(0.0, self.filling - max(0.0, now - self._as_of) * self.leak)
        self._as_of = now


class Connections:
    """How many calls of one token are under way."""

    def __init__(self, most: int = 3) -> None:
        self.most = most
        self._open: dict[str, int] = {}
        self._lock = threading.Lock()

    def open(self, token: str) -> int:
        with self._lock:
            return self._open.get(token, 0)

    @contextmanager
    def one_of(self, token: str) -> Iterator[bool]:
        """False where there is no connection left for this call."""
        with self._lock:
            fits = self._open.get(token, 0) < self.most
            self._open[token] = self._open.get(token, 0) + 1
        try:
            yield fits
        finally:
            with self._lock:
                self._open[token] -= 1


class Writes:
    """Remembers writes that went through, so that an identical one is locked for a while."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last: dict[tuple[str, str, bytes], float] = {}
        self._lock = threading.Lock()

    def is_locked(self, method: str, address: str, sent: bytes) -> bool:
        with self._lock:
            at = self._last.get((method, address, sent))
            return at is not None and self._clock() - at < LOCK_S

    def note(self, method: str, address: str, sent: bytes) -> None:
        with self._lock:
            self._last[(method, address, sent)] = self._clock()
