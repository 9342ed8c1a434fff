"""Holds on PostgreSQL with 8 connections, beside pgbench with 8 clients on the same server.

Ours runs as two processes of four threads: a web process and a worker process do the same, and one interpreter cannot use two cores.
"""

import itertools
import multiprocessing
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL, make_url
from sqlmodel import Session

from bench.measure import Figure, compare
from connectors import registry
from core.db.engine import Database, open_database, run_tx
from core.db.migrate import upgrade
from core.ids import MemberId, RedemptionId, new_secret
from core.ledger import commands as ledger
from core.members import commands as members
from core.merchants.queries import ShopView
from core.rewards.redemption import commands as redemptions
from core.rewards.redemption.codes import rules_of
from tests.core.world import make_world

SERVER = os.environ.get("REGULARS_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432")
PROCESSES, THREADS, MEMBERS, SECONDS, WARM_S = 2, 4, 400, 6, 2
HOT_ROW = """
\\set number random(1, 1000000)
BEGIN;
UPDATE hot SET balance = balance + 1 WHERE id = 1;
INSERT INTO entries (account, points, key) VALUES (1, 1, :number);
END;
"""


def figures(folder: Path) -> list[Figure]:
    if _pgbench() is None:
        print("No pgbench on this machine: the figures of PostgreSQL are left out.")
        return []
    name = "place or capture a hold"
    return [
        compare(f"{name}, members spread", "postgres", "postings/s", lambda _: _run(folder, MEMBERS), goal=">= 0.35"),
        compare(f"{name}, one hot member", "postgres", "postings/s", lambda _: _run(folder, 1), goal=">= 0.35"),
    ]


def _run(folder: Path, member_count: int) -> tuple[float, float]:
    with _database() as ours, _database() as theirs:
        rate = _holds(ours, folder, member_count)
        return rate, _tpcb(theirs) if member_count > 1 else _hot_row(theirs)


def _holds(url: str, folder: Path, member_count: int) -> float:
    db = open_database(url)
    upgrade(db)
    world = make_world(db, folder)
    shop = world.shop_view()

    def enrol(session: Session) -> list[MemberId]:
        found = []
        for number in range(member_count):
            member_id = members.enrol(
                session,
                world.runtime.vault,
                world.merchant_id,
                world.shop_id,
                external_id=str(number),
                joined_by="staff",
                joined_at=world.now,
                now=world.now,
            )
            ledger.adjust(
                session,
                world.merchant_id,
                member_id,
                5_000_000,
                reason="goodwill",
                notes={},
                erasure_key="k",
                author_id=None,
                idempotency_key=str(number),
                expires_at=None,
                now=world.now,
            )
            found.append(member_id)
        return found

    member_ids = run_tx(db, enrol)
    db.close()
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    barrier = context.Barrier(PROCESSES + 1)
    processes = [
        context.Process(target=_process, args=(url, shop, member_ids, number, barrier, results))
        for number in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    barrier.wait(120)
    barrier.wait(120)
    _analyze(url)  # as pgbench does with its own tables, once they are filled
    barrier.wait(120)
    rates = [results.get(timeout=120) for _ in processes]
    for process in processes:
        process.join()
    return float(sum(rates))


def _process(
    url: str, shop: ShopView, member_ids: list[MemberId], number: int, barrier: object, results: object
) -> None:
    db, turns = open_database(url), itertools.count(number, PROCESSES)
    # A member may have five codes open, so on one hot member no more than four are ever under way.
    slots = threading.Semaphore(THREADS if len(member_ids) > 1 else 2)

    def rate(seconds: float) -> float:
        counts: list[int] = []
        barrier.wait()  # type: ignore[attr-defined]
        started = time.monotonic()

        def redeem_until_the_end() -> None:
            postings = 0
            while time.monotonic() < started + seconds:
                with slots:
                    _redeem(db, shop, member_ids[next(turns) % len(member_ids)])
                postings += 2
            counts.append(postings)

        threads = [threading.Thread(target=redeem_until_the_end) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(counts) / (time.monotonic() - started)

    rate(WARM_S)
    barrier.wait()  # type: ignore[attr-defined]
    results.put(rate(SECONDS))  # type: ignore[attr-defined]
    db.close()


def _redeem(db: Database, shop: ShopView, member_id: MemberId) -> None:
    """A hold is placed, then captured: two postings, each in a transaction of its own."""

    def place(session: Session) -> RedemptionId:
        placed = redemptions.place(
            session,
            shop.merchant_id,
            member_id,
            shop,
            customer_external_id="1",
            points=100,
            idempotency_key=new_secret(),
            codes=rules_of(registry.capabilities(shop.platform)),
            now=shop.created_at,
        )
        return placed.redemption_id

    placed = run_tx(db, place)
    run_tx(db, lambda s: redemptions.capture_unmatched(s, shop.merchant_id, placed, now=shop.created_at))


def _analyze(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE")


def _tpcb(url: str) -> float:
    _pgbench_run(url, "--initialize", "--scale=10", "--quiet")
    return _rate(_pgbench_run(url, "--client=8", "--jobs=2", f"--time={SECONDS}"))


def _hot_row(url: str) -> float:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE hot (id int PRIMARY KEY, balance bigint NOT NULL)")
        connection.execute("CREATE TABLE entries (id bigserial PRIMARY KEY, account int, points bigint, key bigint)")
        connection.execute("INSERT INTO hot VALUES (1, 0)")
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(HOT_ROW)
        script.flush()
        return _rate(
            _pgbench_run(url, "--no-vacuum", "--client=8", "--jobs=2", f"--time={SECONDS}", f"--file={script.name}")
        )


def _pgbench_run(url: str, *options: str) -> str:
    program = _pgbench()
    assert program is not None
    return subprocess.run([program, *options, url], check=True, capture_output=True, text=True).stdout


def _rate(output: str) -> float:
    found = re.search(r"tps = ([\d.]+)", output)
    assert found, output
    return float(found[1])


def _pgbench() -> str | None:
    found = shutil.which("pgbench")
    if found is None:
        newest = sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"))
        found = str(newest[-1]) if newest else None
    return found


@contextmanager
def _database() -> Iterator[str]:
    name, server = f"regulars_bench_{uuid4().hex[:12]}", make_url(SERVER)
    _on_server(server, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        _on_server(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _on_server(server: URL, statement: sql.Composable) -> None:
    url = server.set(database="postgres").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)
