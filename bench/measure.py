"""What every figure shares: how it is timed, what it is called, and how it is shown beside its limit."""

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.db.engine import Database, open_database
from core.db.migrate import upgrade
from tests.core.world import World, make_world

RUNS = 5


@dataclass(frozen=True)
class Figure:
    """`ours` and `limit` in `unit`. `ratio`: ours by limit, for rates the higher the better, for times the lower. `goal`: a word."""

    name: str
    engine: str
    ours: float
    limit: float | None
    unit: str
    goal: str = ""

    @property
    def ratio(self) -> float | None:
        return self.ours / self.limit if self.limit else None

    def as_row(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": self.ratio}

    def __str__(self) -> str:
        beside = f"{self.limit:>10.1f} {self.ratio:>6.2f}" if self.limit else " " * 17
        return f"{self.name:<46} {self.engine:<9} {self.ours:>10.1f} {beside}  {self.unit:<10} {self.goal}"


HEAD = f"{'figure':<46} {'engine':<9} {'ours':>10} {'limit':>10} {'ratio':>6}  {'unit':<10} must reach"


def compare(
    name: str, engine: str, unit: str, run: Callable[[int], tuple[float, float]], *, goal: str, runs: int = RUNS
) -> Figure:
    """The medians of several runs; each run measures ours and its limit side by side."""
    pairs = [run(number) for number in range(runs)]
    ours, limit = (statistics.median(column) for column in zip(*pairs, strict=True))
    return Figure(name, engine, ours, limit, unit, goal)


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def fdatasync_rate(folder: Path, times: int = 200) -> float:
    """How often per second this disk makes 4 kB durable: on shared machines it decides everything."""
    with (folder / "sync").open("wb", buffering=0) as file:

        def sync() -> None:
            for _ in range(times):
                file.write(b"x" * 4096)
                os.fdatasync(file.fileno())

        return times / timed(sync)


def fresh_database(folder: Path) -> Database:
    """A migrated SQLite file `regulars.db` in a new folder."""
    folder.mkdir(parents=True)
    db = open_database(f"sqlite:///{folder / 'regulars.db'}")
    upgrade(db)
    return db


def fresh_world(folder: Path, **terms: Any) -> World:
    return make_world(fresh_database(folder), folder, **terms)
