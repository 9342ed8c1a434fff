"""Settle one paid order of a known member: the worker's own transaction, beside a bare script that writes the same rows.

The script knows no product code: sqlite3, WAL, synchronous FULL, one commit per order, foreign keys off as is its default.
"""

import shutil
import sqlite3
from pathlib import Path
from typing import Any

from bench.measure import Figure, compare, fresh_world, timed
from core.db.engine import run_tx
from core.earning import orders
from core.work.reading import settle_read
from tests.core.world import World

ORDERS, MEMBERS = 400, 100
# What one settlement writes: rows that are new, and rows that it changes.
INSERTED = ("postings", "transfers", "lots")
CHANGED = {"balances": ("merchant_id", "member_id"), "orders": ("merchant_id", "order_id")}


def figures(folder: Path) -> list[Figure]:
    return [
        compare(
            "settle one paid order",
            "sqlite",
            "orders/s",
            lambda number: _run(folder / f"settle{number}"),
            goal=">= 0.30",
        )
    ]


def _run(folder: Path) -> tuple[float, float]:
    world = fresh_world(folder)
    for customer in range(MEMBERS):
        world.settle(world.shop.buy(1200, customer=str(customer)).external_id)
    leased = [_leased(world, number) for number in range(ORDERS)]
    with sqlite3.connect(folder / "regulars.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(folder / "regulars.db", folder / "limit.db")

    def settle_all() -> None:
        for lease, order in leased:
            settle_read(world.runtime, world.merchant_id, lease, order, world.shop)  # type: ignore[arg-type]

    ours = ORDERS / timed(settle_all)
    world.db.close()
    rows = _rows(folder / "regulars.db", [lease.order_id for lease, _ in leased])
    return ours, ORDERS / timed(lambda: _write_bare(folder / "limit.db", rows))


def _leased(world: World, number: int) -> Any:
    order = world.shop.buy(1200 + number, 900, customer=str(number % MEMBERS))
    order_id = world.hint(order.external_id)
    lease = run_tx(world.db, lambda session: orders.lease(session, world.merchant_id, order_id, now=world.now))
    assert lease is not None
    return lease, order


def _rows(path: Path, order_ids: list[str]) -> list[dict[str, list[sqlite3.Row]]]:
    """Per order: all rows that its settlement left behind."""
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row

    def found(statement: str, *values: Any) -> list[sqlite3.Row]:
        return connection.execute(statement, values).fetchall()

    result = []
    for order_id in order_ids:
        transfers = found("SELECT * FROM transfers WHERE order_id = ?", order_id)
        member_id, posting_id = transfers[0]["member_id"], transfers[0]["posting_id"]
        result.append(
            {
                "postings": found("SELECT * FROM postings WHERE posting_id = ?", posting_id),
                "transfers": transfers,
                "lots": found("SELECT * FROM lots WHERE order_id = ?", order_id),
                "balances": found("SELECT * FROM balances WHERE member_id = ?", member_id),
                "orders": found("SELECT * FROM orders WHERE order_id = ?", order_id),
            }
        )
    connection.close()
    return result


def _write_bare(path: Path, settled: list[dict[str, list[sqlite3.Row]]]) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    for rows in settled:
        connection.execute("BEGIN IMMEDIATE")
        for name in INSERTED:
            for row in rows[name]:
                marks = ",".join("?" * len(row))
                connection.execute(f"INSERT INTO {name} VALUES ({marks})", tuple(row))
        for name, key in CHANGED.items():
            for row in rows[name]:
                columns = [column for column in row.keys() if column not in key]  # noqa: SIM118 (a Row iterates values)
                changes = ",".join(f"{column} = ?" for column in columns)
                where = " AND ".join(f"{column} = ?" for column in key)
                values = [row[column] for column in (*columns, *key)]
                connection.execute(f"UPDATE {name} SET {changes} WHERE {where}", values)
        connection.execute("COMMIT")
    connection.close()
