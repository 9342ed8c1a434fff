"""`make bench`: settle one paid order and read a balance, each beside what the database allows at its best.

The limit of a settlement is a bare sqlite3 script that writes the rows of the same posting into the same tables, one commit
each, with the same durability. Medians of several runs; the rate of fdatasync stands before and after, because on shared
machines it decides everything.
"""

import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.db.engine import Database, open_database, reading
from core.db.migrate import upgrade
from core.ledger import queries as ledger_queries
from core.ledger.tables import LotRow, PostingRow, TransferRow
from tests.core.world import World, make_world

RUNS, ORDERS = 5, 150
RESULTS = Path(__file__).with_name("results.json")
TABLES = [str(model.__tablename__) for model in (PostingRow, TransferRow, LotRow)]


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        before = fdatasync_rate(Path(folder))
        settled = [compare_settlement(Path(folder) / f"run{number}") for number in range(RUNS)]
        reads = [balance_reads(Path(folder) / f"read{number}") for number in range(RUNS)]
        after = fdatasync_rate(Path(folder))
    ours, limit = (statistics.median(column) for column in zip(*settled, strict=True))
    rows: list[dict[str, Any]] = [
        figure("settle one paid order", "sqlite", ours, limit, "orders/s"),
        figure("read a balance", "sqlite", statistics.median(reads), None, "reads/s"),
    ]
    report = {"fdatasync_per_s": [before, after], "runs": RUNS, "figures": rows}
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")
    print(f"fdatasync: {before:.0f}/s before, {after:.0f}/s after; medians of {RUNS} runs")
    for row in rows:
        beside = f"  limit {row['limit']:.0f}  ratio {row['ratio']:.2f}" if row["limit"] else ""
        print(f"{row['name']:<28} {row['engine']:<8} {row['ours']:>8.0f} {row['unit']}{beside}")
    return 0


def figure(name: str, engine: str, ours: float, limit: float | None, unit: str) -> dict[str, Any]:
    ratio = ours / limit if limit else None
    return {"name": name, "engine": engine, "ours": ours, "limit": limit, "ratio": ratio, "unit": unit}


def compare_settlement(folder: Path) -> tuple[float, float]:
    """Orders settled per second by the product, and postings written per second by bare sqlite3 into the same tables."""
    world = fresh_world(folder)
    orders = [world.hint(world.shop.buy(1200, customer=str(number)).external_id) for number in range(ORDERS)]
    ours = len(orders) / timed(world.work)
    rows = {name: dump(folder / "regulars.db", name) for name in TABLES}
    world.db.close()
    empty = open_empty(folder / "limit")
    empty.close()
    return ours, ORDERS / timed(lambda: write_bare(folder / "limit" / "regulars.db", rows))


def balance_reads(folder: Path) -> float:
    """Balances read per second, for a member with one lot."""
    world = fresh_world(folder)
    world.settle(world.shop.buy(1200).external_id)
    member_id = world.member()

    def read_all() -> None:
        for _ in range(500):
            with reading(world.db) as session:
                ledger_queries.balance_now(session, world.merchant_id, member_id, now=world.now)

    rate = 500 / timed(read_all)
    world.db.close()
    return rate


def write_bare(path: Path, rows: dict[str, list[tuple[Any, ...]]]) -> None:
    """The same rows, one order per commit, without any of our code. Foreign keys are off: members are not written here."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    for number in range(ORDERS):
        connection.execute("BEGIN IMMEDIATE")
        for name in TABLES:
            row = rows[name][number]
            connection.execute(f"INSERT INTO {name} VALUES ({','.join('?' * len(row))})", row)  # noqa: S608
        connection.execute("COMMIT")
    connection.close()


def dump(path: Path, name: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(path) as connection:
        return connection.execute(f"SELECT * FROM {name}").fetchall()  # noqa: S608


def fresh_world(folder: Path) -> World:
    return make_world(open_empty(folder), folder)


def open_empty(folder: Path) -> Database:
    folder.mkdir(parents=True)
    db = open_database(f"sqlite:///{folder / 'regulars.db'}")
    upgrade(db)
    return db


def fdatasync_rate(folder: Path, times: int = 200) -> float:
    with (folder / "sync").open("wb", buffering=0) as file:

        def sync() -> None:
            for _ in range(times):
                file.write(b"x" * 4096)
                os.fdatasync(file.fileno())

        return times / timed(sync)


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
