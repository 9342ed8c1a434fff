"""An SQLite database whose every commit is watched, and power cuts made on copies of it.

Its log is never carried over into the database file, so the log holds every commit: a power cut is a log that ends somewhere.
"""

import hashlib
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from core.db.engine import Database, open_database

PAGE = 4096
FRAME = PAGE + 24
HEADER = 32
SECTOR = 512


@dataclass(frozen=True)
class Acknowledged:
    """A commit that the caller was told of: how long the log was then, and the digest of everything in the database."""

    log_bytes: int
    state: str


class Watched(Database):
    """Notes every write transaction at the moment at which the code that asked for it learns that it is over."""

    def __init__(self, path: Path) -> None:
        inner = open_database(f"sqlite:///{path}")
        super().__init__(inner.url, inner.write_engine, inner.read_engine)
        for engine in (inner.write_engine, inner.read_engine):
            sa.event.listen(engine, "connect", _keep_the_log)
        self.path, self.log = path, path.with_name(path.name + "-wal")
        self.acknowledged: list[Acknowledged] = []

    @contextmanager
    def writer_turn(self) -> Iterator[None]:
        with super().writer_turn():
            yield
            self.acknowledged.append(Acknowledged(self.log.stat().st_size, state_of(self.path)))

    def start_watching(self) -> bytes:
        """Returns the database file as it is now, with nothing left in the log."""
        with closing(sqlite3.connect(self.path)) as connection:
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        assert not busy
        self.acknowledged = [Acknowledged(0, state_of(self.path))]
        return self.path.read_bytes()


def _keep_the_log(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA wal_autocheckpoint=0")


def state_of(path: Path) -> str:
    """A digest of every row of every table, seen by a connection of its own."""
    digest = hashlib.sha256()
    with closing(sqlite3.connect(path, timeout=60)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
        for (name,) in names:
            digest.update(name.encode())
            digest.update(repr(sorted(connection.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr)).encode())
    return digest.hexdigest()


def state_of_damaged(path: Path) -> str:
    """The same of a database that was not closed: opened as it lies there, and sound."""
    with closing(sqlite3.connect(path)) as connection:
        found = [word for (word,) in connection.execute("PRAGMA integrity_check")]
        assert found == ["ok"], found
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    return state_of(path)


def carried_over(path: Path) -> bytes:
    """The database file once all of its log is in it."""
    with closing(sqlite3.connect(path)) as connection:
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert not busy
    return path.read_bytes()


@dataclass(frozen=True)
class Cut:
    """What the disk holds after the power went: `whole` bytes of the log are as written, all after them is not to be trusted."""

    log: bytes
    whole: int


def cut(log: bytes, acknowledged: list[Acknowledged], dice: random.Random) -> Cut:
    """End the log at a random byte: anywhere, or within a frame's head of a commit's end, where it is most delicate."""
    if dice.random() < 0.5:
        at = dice.randint(0, len(log))
    else:
        at = dice.choice(acknowledged).log_bytes + dice.choice((-25, -24, -1, 0, 1, 23, 24, 25))
    at = min(max(at, 0), len(log))
    tail = dice.choice((_nothing, _noise, _zeros, _other_frames, _torn_sectors))(log, at, dice)
    return Cut(log[:at] + tail, at + _alike(tail, log[at:]))


def _alike(tail: bytes, truth: bytes) -> int:
    """By chance what lies behind the cut may be what belongs there."""
    pairs = enumerate(zip(tail, truth, strict=False))
    return next((n for n, (found, true) in pairs if found != true), min(len(tail), len(truth)))


def _nothing(_log: bytes, _at: int, _dice: random.Random) -> bytes:
    return b""


def _noise(_log: bytes, _at: int, dice: random.Random) -> bytes:
    return dice.randbytes(dice.randint(1, 3 * FRAME))


def _zeros(_log: bytes, _at: int, dice: random.Random) -> bytes:
    """The file system had made the file longer and not yet written into it."""
    return bytes(dice.randint(1, 3 * FRAME))


def _other_frames(log: bytes, _at: int, dice: random.Random) -> bytes:
    """Real frames from elsewhere in the log, as a disk leaves behind that did not do what it said."""
    number = dice.randrange(max(1, (len(log) - HEADER) // FRAME))
    return log[HEADER + number * FRAME :][: 2 * FRAME]


def _torn_sectors(log: bytes, at: int, dice: random.Random) -> bytes:
    """What followed was under way: some of its sectors arrived, others did not. The first one did not."""
    rest = bytearray(log[at : at + dice.randint(1, 40) * SECTOR])
    for start in range(0, len(rest), SECTOR):
        if start == 0 or dice.random() < 0.3:
            rest[start : start + SECTOR] = dice.randbytes(len(rest[start : start + SECTOR]))
    return bytes(rest)


def half_checkpointed(before: bytes, after: bytes, dice: random.Random) -> bytes:
    """The database file while the log is being carried over: each page old, new, or torn between the two."""
    pages = []
    for start in range(0, len(after), PAGE):
        old, new = before[start : start + PAGE], after[start : start + PAGE]
        torn = dice.randrange(0, PAGE, SECTOR)
        pages.append(dice.choice((old or bytes(PAGE), new, new[:torn] + (old or bytes(PAGE))[torn:])))
    return b"".join(pages)
