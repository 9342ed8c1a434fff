"""Connections and transactions. The edge owns the transaction: core functions take a session and never commit.

SQLite settings are measured (stack.md): pysqlite's own transaction handling lost updates, so it is switched off and every
transaction begins explicitly, IMMEDIATE for writers. Writers of one process queue on a lock, which keeps the slowest wait short.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool
from sqlmodel import Session

from core.db import statements

T = TypeVar("T")
BUSY_TIMEOUT_MS = 30_000
ATTEMPTS = 12
# serialization failure, deadlock, lock not available
RETRYABLE_SQLSTATES = frozenset({"40001", "40P01", "55P03"})


class Database:
    """An open database: one engine for writers, one for readers that cannot write."""

    def __init__(self, url: str, write_engine: Engine, read_engine: Engine) -> None:
        self.url = url
        self.write_engine = write_engine
        self.read_engine = read_engine
        self.is_sqlite = write_engine.dialect.name == "sqlite"
        self._turn = threading.Lock()

    @contextmanager
    def writer_turn(self) -> Iterator[None]:
        if not self.is_sqlite:
            yield
            return
        with self._turn:
            yield

    def close(self) -> None:
        """Close all connections; those that another thread still has, when it gives them back."""
        for engine in (self.write_engine, self.read_engine):
            sa.event.listen(engine.pool, "checkin", _close_on_return)
            engine.dispose()


def _close_on_return(_connection: Any, record: Any) -> None:
    record.invalidate()


def open_database(url: str, *, pool_size: int = 8) -> Database:
    """Open a database by its URL: sqlite:///file or postgresql://… Raises nothing until it is used."""
    if url.startswith("sqlite"):
        write = sa.create_engine(url, poolclass=QueuePool, pool_size=4, max_overflow=8, connect_args=_SQLITE_ARGS)
        read = sa.create_engine(url, poolclass=QueuePool, pool_size=8, max_overflow=24, connect_args=_SQLITE_ARGS)
        _prepare_sqlite(write, begin="BEGIN IMMEDIATE", query_only=False)
        _prepare_sqlite(read, begin="BEGIN", query_only=True)
        return Database(url, write, read)
    address = sa.make_url(url).set(drivername="postgresql+psycopg")
    options = "-c lock_timeout=20s -c statement_timeout=120s -c idle_in_transaction_session_timeout=60s -c timezone=UTC"
    shared: dict[str, Any] = {"connect_args": {"options": options, **_NOTICE_SILENCE}}
    write = sa.create_engine(address, pool_size=pool_size, max_overflow=pool_size, **shared)
    read = sa.create_engine(
        address,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,  # writers find a lost connection out by themselves: see run_tx
        isolation_level="REPEATABLE READ",
        execution_options={"postgresql_readonly": True},
        **shared,
    )
    return Database(url, write, read)


# A server that is gone says nothing, and the kernel's own patience is two hours: so long a thread would hang in one answer.
_NOTICE_SILENCE: dict[str, Any] = {
    "connect_timeout": 15,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
_SQLITE_ARGS: dict[str, Any] = {"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000}


def _prepare_sqlite(engine: Engine, *, begin: str, query_only: bool) -> None:
    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA cache_size=-8000")
        cursor.execute(f"PRAGMA query_only={'ON' if query_only else 'OFF'}")
        cursor.close()

    def on_begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    def on_begin_to_read(connection: sa.Connection) -> None:
        connection.connection.cursor().execute(begin)  # takes no lock, so it cannot fail, and needs nobody to see it

    sa.event.listen(engine, "connect", on_connect)
    sa.event.listen(engine, "begin", on_begin_to_read if query_only else on_begin)


@contextmanager
def unit_of_work(db: Database) -> Iterator[Session]:
    """One write transaction, tried once: commits at the end, rolls back on any exception."""
    with (
        db.writer_turn(),
        Session(db.write_engine, expire_on_commit=False, autoflush=False) as session,
        session.begin(),
    ):
        yield session


@contextmanager
def reading(db: Database) -> Iterator[Session]:
    """A read transaction: one snapshot for all its statements, and it cannot write."""
    with Session(db.read_engine, expire_on_commit=False, autoflush=False) as session:
        yield session  # it begins with the first statement and ends by rolling back nothing


def run_tx(db: Database, work: Callable[[Session], T]) -> T:
    """Run `work` in one write transaction, again when the engine asks for it. `work` must touch nothing but the database.

    A connection that is lost before COMMIT has changed nothing, so that is another reason for once more; one that is lost
    in COMMIT may have.
    """
    for attempt in range(1, ATTEMPTS + 1):
        at_commit = False
        try:
            with unit_of_work(db) as session:
                result = work(session)
                at_commit = True
            return result
        except DBAPIError as error:
            again = is_retryable(error) or (error.connection_invalidated and not at_commit)
            if attempt == ATTEMPTS or not again:
                raise
        time.sleep(random.uniform(0.2, 1.0) * min(1.0, 0.005 * 2**attempt))
    raise AssertionError("unreachable")


def is_retryable(error: DBAPIError) -> bool:
    state = getattr(error.orig, "sqlstate", None)
    return state in RETRYABLE_SQLSTATES or "database is locked" in str(error.orig)


def insert_or_ignore(session: Session, target: sa.Table, values: dict[str, Any]) -> bool:
    """Insert a row unless a unique key already has it. True if it is new."""
    return statements.change(session, _insert_or_ignore(session.connection().dialect.name, target), values) == 1


@cache
def _insert_or_ignore(dialect_name: str, target: sa.Table) -> Any:
    insert: Any = postgresql_insert if dialect_name == "postgresql" else sqlite_insert
    return insert(target).on_conflict_do_nothing()


def rows_changed(session: Session, statement: Any, parameters: Any = None) -> int:
    """Run a write statement and say how many rows it touched."""
    result = session.connection().execute(statement, parameters, execution_options={"preserve_rowcount": True})
    return int(result.rowcount)


def dispose_after_fork(db: Database) -> None:
    """A forked child must not share connections with its parent."""
    db.write_engine.dispose(close=False)
    db.read_engine.dispose(close=False)
