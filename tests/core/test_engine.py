"""Connections and transactions behave the same on both engines."""

import pytest

from core.db.engine import Database, open_database


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
