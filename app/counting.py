"""Where the doors' limits are counted: in this process, or where the setting says that several count together."""

import time
from threading import Lock
from typing import cast

from limits.storage import MemoryStorage, Storage, storage_from_string

IN_MEMORY = "memory://"
SWEPT_EVERY_S = 10.0


def storage_of(uri: str) -> Storage:
    return InMemory() if uri == IN_MEMORY else cast(Storage, storage_from_string(uri))


class InMemory(MemoryStorage):
    """The library's own starts a thread up to a hundred times a second to look for what has run out, and each caller
    waits for that thread to begin. Here the caller looks, every ten seconds."""

    STORAGE_SCHEME = []  # noqa: RUF012  (what others make by "memory://" stays the library's)

    def __init__(self) -> None:
        super().__init__()
        self._lock = Lock()
        self._sweep_at = 0.0

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        now = time.time()
        with self._lock:
            if now >= self._sweep_at:
                self._sweep(now)
            if self.expirations.get(key, 0.0) <= now:
                self.storage[key] = 0
                self.expirations[key] = now + expiry
            self.storage[key] += amount
            return self.storage[key]

    def _sweep(self, now: float) -> None:
        self._sweep_at = now + SWEPT_EVERY_S
        for key in [key for key, until in self.expirations.items() if until <= now]:
            del self.expirations[key], self.storage[key]
