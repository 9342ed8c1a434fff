"""Connections and transactions behave the same on both engines."""

import shutil
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import Session

from core.db.engine import Database, open_database, run_tx


def test_a_connection_that_a_thread_still_has_is_closed_when_it_comes_back(migrated_url: str) -> None:
    db = open_database(migrated_url)
    connection = db.write_engine.connect()
    driver_connection = connection.connection.driver_connection
    assert driver_connection is not None

    db.close()
    connection.close()

    with pytest.raises(Exception, match="closed"):
        driver_connection.cursor().execute("SELECT 1")


def test_readers_cannot_write(db: Database) -> None:
    with db.read_engine.connect() as connection, pytest.raises(Exception, match=r"readonly|read-only"):
        connection.exec_driver_sql("DELETE FROM merchants")


def test_every_connection_to_sqlite_waits_for_the_disk(sqlite_template: Path, tmp_path: Path) -> None:
    db = open_database(f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'regulars.sqlite3')}")

    for engine in (db.write_engine, db.read_engine):
        connections = [engine.raw_connection() for _ in range(3)]
        for connection in connections:
            settings = [
                connection.cursor().execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("journal_mode", "synchronous", "foreign_keys")
            ]
            assert settings == ["wal", 2, 1], "2 is FULL: an acknowledged commit survives a power cut"
            connection.close()
    db.close()


def test_a_database_that_is_busy_is_asked_again_and_never_taken_for_success(
    sqlite_template: Path, tmp_path: Path
) -> None:
    path = shutil.copy(sqlite_template, tmp_path / "regulars.sqlite3")
    db = open_database(f"sqlite:///{path}")
    sa.event.listen(db.write_engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=1"))
    other_process = sqlite3.connect(path, isolation_level=None)
    other_process.execute("BEGIN IMMEDIATE")
    refused: list[str] = []

    def let_go_after_three(context: sa.engine.ExceptionContext) -> None:
        refused.append(str(context.original_exception))
        if len(refused) == 3:
            other_process.execute("ROLLBACK")

    sa.event.listen(db.write_engine, "handle_error", let_go_after_three)

    def work(session: Session) -> str:
        session.connection().exec_driver_sql("CREATE TABLE written (at TEXT)")
        return "written"

    assert run_tx(db, work) == "written"
    assert refused == ["database is locked"] * 3
    assert other_process.execute("SELECT count(*) FROM written").fetchone() == (0,)
    other_process.close()
    db.close()
