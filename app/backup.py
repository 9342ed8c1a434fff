"""Copies of the database, made while the server runs, and the way back. The key file is never in a copy: keep it apart.

SQLite: VACUUM INTO, one file that is whole. PostgreSQL: pg_dump and pg_restore, where they are installed.
"""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
import structlog

from core.clock import utc_now
from core.db import migrate
from core.db.engine import Database, open_database
from core.errors import ConfigurationError, InvalidInput
from core.runtime import Runtime
from core.settings import Settings

log = structlog.get_logger(__name__)

DAILY_KEPT = 14
STAMP = "%Y%m%dT%H%M%S.%fZ"  # two in one second must not share a name
PROGRAM_TIMEOUT_S = 3600


@dataclass(frozen=True)
class Backup:
    path: Path
    bytes: int


def make(settings: Settings, *, label: str, now: datetime, folder: Path | None = None) -> Backup:
    """Copy the database into the backup folder. Raises ConfigurationError with what is missing."""
    folder = folder or settings.backup_dir
    folder.mkdir(parents=True, exist_ok=True)
    is_sqlite = settings.url.startswith("sqlite")
    path = folder / f"{label}-{now.strftime(STAMP)}.{'db' if is_sqlite else 'dump'}"
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    try:
        if is_sqlite:
            _copy_sqlite(sqlite_file(settings), unfinished)
        else:
            _run_program(settings, "pg_dump", ["--format=custom", "--no-owner", f"--file={unfinished}"])
        unfinished.chmod(0o600)
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.rename(path)
    except (sqlite3.OperationalError, OSError) as error:
        raise ConfigurationError(f"The backup could not be written to {folder}: {error}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    log.info("backup.made", file=path.name, bytes=path.stat().st_size)
    return Backup(path, path.stat().st_size)


def make_daily(runtime: Runtime) -> None:
    """The automatic backup: today's is made, all but the newest fourteen go."""
    make(runtime.settings, label="daily", now=runtime.clock())
    for old in newest(runtime.settings.backup_dir, "daily")[DAILY_KEPT:]:
        old.unlink(missing_ok=True)


def newest(folder: Path, label: str = "") -> list[Path]:
    """Backups of a label, newest first; the time is in the name."""
    found = [path for path in folder.glob(f"{label}*") if path.suffix in (".db", ".dump")]
    return sorted(found, key=lambda path: path.stem.rsplit("-", 1)[-1], reverse=True)


def restore(settings: Settings, source: Path) -> Path | None:
    """Put a backup in the place of the database; what was there is kept in the backup folder. Returns where.

    The server must be stopped. Raises InvalidInput for a file that is no backup of ours, ConfigurationError for one
    that a newer program wrote.
    """
    if not source.is_file():
        raise InvalidInput(f"There is no file {source}")
    is_sqlite = settings.url.startswith("sqlite")
    if is_sqlite:
        _check_whole(source)
    elif source.suffix != ".dump":
        raise InvalidInput("A backup of PostgreSQL ends in .dump")
    kept = _keep_present(settings)
    if is_sqlite:
        _put_back_sqlite(source, sqlite_file(settings))
    else:
        options = ["--clean", "--if-exists", "--no-owner", "--single-transaction", "--exit-on-error"]
        _run_program(settings, "pg_restore", [*options, str(source)])
    log.info("backup.restored", file=source.name)
    return kept


def sqlite_file(settings: Settings) -> Path:
    database = sa.make_url(settings.url).database
    if not database:
        raise ConfigurationError("The database is in memory: there is nothing to copy")
    return Path(database)


def _keep_present(settings: Settings) -> Path | None:
    if settings.url.startswith("sqlite") and not sqlite_file(settings).exists():
        return None
    return make(settings, label="before-restore", now=utc_now()).path


def _copy_sqlite(source: Path, target: Path) -> None:
    if not source.exists():
        raise ConfigurationError(f"There is no database at {source} yet")
    with closing(sqlite3.connect(source, timeout=60)) as connection:
        connection.execute("VACUUM INTO ?", (str(target),))
    _check_whole(target)


def _check_whole(path: Path) -> None:
    """A whole database with tables of ours."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            word = connection.execute("PRAGMA quick_check").fetchone()[0]
            connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.DatabaseError as error:
        raise InvalidInput(f"{path.name} is not a backup of Regulars") from error
    if word != "ok":
        raise InvalidInput(f"{path.name} is damaged: {word}")


@contextmanager
def _opened(url: str) -> Iterator[Database]:
    database = open_database(url)
    try:
        yield database
    finally:
        database.close()


def _put_back_sqlite(source: Path, target: Path) -> None:
    """Through a copy beside it and one rename: whatever happens, a whole database is in its place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.restoring")
    shutil.copyfile(source, beside)
    beside.chmod(0o600)
    with beside.open("rb") as file:
        os.fsync(file.fileno())
    with _opened(f"sqlite:///{beside}") as database:
        migrate.missing(database)  # raises for one that a newer program wrote
    for leftover in ("-wal", "-shm"):
        beside.with_name(beside.name + leftover).unlink(missing_ok=True)
        target.with_name(target.name + leftover).unlink(missing_ok=True)
    beside.rename(target)


def _run_program(settings: Settings, program: str, options: list[str]) -> None:
    """pg_dump or pg_restore; the password goes by the environment, where other users cannot see it."""
    found = shutil.which(program)
    if found is None:
        raise ConfigurationError(f"{program} is not installed: install PostgreSQL's client programs")
    url = sa.make_url(settings.url).set(drivername="postgresql")
    environment = {**os.environ, "PGCONNECT_TIMEOUT": "10"}
    if url.password:
        environment["PGPASSWORD"] = str(url.password)
    address = url.set(password=None).render_as_string(hide_password=False)
    result = subprocess.run(  # noqa: S603
        [found, "--no-password", f"--dbname={address}", *options],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PROGRAM_TIMEOUT_S,
        check=False,
    )
    if result.returncode != 0:
        last = (result.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ConfigurationError(f"{program} failed: {last}")
