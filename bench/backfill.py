"""Backfill of past orders, from the first page read to the last point booked, beside a bulk INSERT of the rows it made.

The bulk INSERT goes into the same tables, indexes and CHECKs live, a thousand rows per statement call, one transaction.
"""

import resource
import sqlite3
from datetime import timedelta
from pathlib import Path

from bench.measure import Figure, compare, fresh_database, fresh_world, timed
from core.db.engine import run_tx
from core.work import backfill

TABLES = ("orders", "identities", "members", "balances", "postings", "transfers", "lots")
USUAL, LARGE, LARGEST = 20_000, 100_000, 1_000_000


def figures(folder: Path, *, large: bool) -> list[Figure]:
    sizes = (LARGE, LARGEST) if large else (USUAL,)
    found = [
        compare(
            f"backfill, {size:,} orders",
            "sqlite",
            "orders/s",
            lambda number, size=size: _run(folder / f"backfill{size}-{number}", size),  # type: ignore[misc]
            goal=">= 0.1",
            runs=1,
        )
        for size in sizes
    ]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [*found, Figure("peak memory after it, the shop's orders included", "sqlite", peak, None, "MB")]


def _run(folder: Path, size: int) -> tuple[float, float]:
    world = fresh_world(folder)
    world.wait(days=1)
    for number in range(size):
        world.shop.buy(1200 + number % 50, customer=str(number % (size // 4)), paid=True)
    world.wait(days=1)

    def run() -> None:
        begun = run_tx(
            world.db, lambda session: backfill.begin(session, world.merchant_id, world.shop_id, now=world.now)
        )
        while backfill.run_step(world.runtime, world.merchant_id, begun.backfill_id):
            pass
        run_tx(
            world.db,
            lambda session: backfill.answer(
                session,
                world.merchant_id,
                begun.backfill_id,
                mode="from_date",
                points_from=world.now - timedelta(days=30),
                now=world.now,
            ),
        )
        while backfill.run_step(world.runtime, world.merchant_id, begun.backfill_id):
            pass

    ours = size / timed(run)
    world.db.close()
    with sqlite3.connect(folder / "regulars.db") as connection:
        rows = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in TABLES}
    assert len(rows["postings"]) >= size, "the backfill did not book every order"
    fresh_database(folder / "limit").close()
    return ours, size / timed(lambda: _insert(folder / "limit" / "regulars.db", rows))


def _insert(path: Path, rows: dict[str, list[tuple[object, ...]]]) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("BEGIN IMMEDIATE")
    for name, found in rows.items():
        marks = ",".join("?" * len(found[0]))
        connection.executemany(f"INSERT INTO {name} VALUES ({marks})", found)
    connection.execute("COMMIT")
    connection.close()
