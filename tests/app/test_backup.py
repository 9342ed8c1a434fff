"""Backups: whole, without the key, and the way back."""

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app import backup
from app.wiring import make_runtime
from core.clock import utc_now
from core.db.engine import reading, run_tx
from core.errors import ConfigurationError, InvalidInput
from core.merchants import commands, queries
from core.runtime import Runtime
from core.settings import Settings


@pytest.fixture
def runtime(tmp_path: Path, migrated_url: str) -> Iterator[Runtime]:
    made = make_runtime(Settings(data_dir=tmp_path / "data", database_url=migrated_url))
    yield made
    made.db.close()


def test_what_was_backed_up_is_what_is_restored(runtime: Runtime) -> None:
    add(runtime, "First")
    made = backup.make(runtime.settings, label="backup", now=utc_now())
    add(runtime, "Second")
    runtime.db.close()

    kept = backup.restore(runtime.settings, made.path)

    assert names(runtime) == ["First"]
    assert kept is not None
    runtime.db.close()
    backup.restore(runtime.settings, kept)
    assert names(runtime) == ["First", "Second"]


def test_a_backup_holds_no_key_and_only_its_owner_may_read_it(runtime: Runtime) -> None:
    made = backup.make(runtime.settings, label="backup", now=utc_now())

    key = runtime.settings.key_file.read_bytes().strip()
    assert key not in made.path.read_bytes()
    assert made.path.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in made.path.parent.iterdir()] == [made.path.name]


def test_a_backup_while_others_write_is_of_one_moment(runtime: Runtime) -> None:
    import threading

    stopping = threading.Event()

    def write() -> None:
        number = 0
        while not stopping.is_set():
            add(runtime, f"Merchant {number:04d}")
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    made = [backup.make(runtime.settings, label=f"b{number}", now=utc_now()) for number in range(5)]
    stopping.set()
    writer.join()
    runtime.db.close()

    backup.restore(runtime.settings, made[-1].path)

    found = names(runtime)
    assert found == [f"Merchant {number:04d}" for number in range(len(found))]


def test_fourteen_daily_backups_are_kept(runtime: Runtime) -> None:
    backup.make(runtime.settings, label="backup", now=utc_now())
    for day in range(16):
        backup.make(runtime.settings, label="daily", now=utc_now() - timedelta(days=30 - day))

    backup.make_daily(runtime)

    assert len(backup.newest(runtime.settings.backup_dir, "daily")) == 14
    assert len(backup.newest(runtime.settings.backup_dir)) == 15


@pytest.mark.parametrize("content", [b"", b"nonsense", b"SQLite format 3\x00" + b"\x00" * 5000])
def test_what_is_no_backup_is_refused_and_the_database_stays(tmp_path: Path, content: bytes) -> None:
    runtime = on_sqlite(tmp_path)
    add(runtime, "First")
    bad = tmp_path / "bad.db"
    bad.write_bytes(content)

    with pytest.raises(InvalidInput):
        backup.restore(runtime.settings, bad)

    assert names(runtime) == ["First"]
    runtime.db.close()


def test_a_backup_of_a_newer_program_is_refused_and_the_database_stays(tmp_path: Path) -> None:
    runtime = on_sqlite(tmp_path)
    add(runtime, "First")
    made = backup.make(runtime.settings, label="backup", now=utc_now())
    with sqlite3.connect(made.path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()

    with pytest.raises(ConfigurationError, match="9999"):
        backup.restore(runtime.settings, made.path)

    assert names(runtime) == ["First"]
    runtime.db.close()


def test_a_restore_is_refused_while_the_server_runs(cli: Any, server_of: Any) -> None:
    made = cli("verify")
    made = cli("backup")
    path = made.stdout.split(" (", 1)[0]
    server = server_of(cli).start()

    running = cli("restore", path, "--yes")
    server.stop()
    stopped = cli("restore", path, "--yes")

    assert (running.returncode, running.stderr.strip()) == (1, "regulars: Regulars is running: stop it first")
    assert stopped.returncode == 0, stopped.stderr
    assert "Every point is accounted for." in stopped.stdout
    assert "The key is not in it" in made.stdout


def on_sqlite(folder: Path) -> Runtime:
    from app import start

    settings = Settings(data_dir=folder / "data")
    start.bring_up_to_date(settings)
    return make_runtime(settings)


def add(runtime: Runtime, name: str) -> None:
    run_tx(runtime.db, lambda s: commands.create_merchant(s, name=name, timezone="UTC", now=utc_now()))


def names(runtime: Runtime) -> list[str]:
    with reading(runtime.db) as session:
        return [merchant.name for merchant in queries.all_merchants(session)]
