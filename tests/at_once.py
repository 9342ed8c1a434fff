"""The same thing asked for by many at one moment: real threads, let go together."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from core.errors import Refused


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Run `work` in so many threads. Refusals of ours are results; anything else is raised."""
    barrier = Barrier(count)

    def one(number: int) -> Any:
        barrier.wait()
        try:
            return work(number)
        except Refused as refused:
            return refused

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))
