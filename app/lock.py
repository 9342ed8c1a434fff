"""One lock a data directory: servers and workers share it, a restore wants it alone. It goes with the process that holds it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import ConfigurationError

LOCK_FILE = "regulars.lock"


@contextmanager
def in_use(data_dir: Path, *, alone: bool = False) -> Iterator[None]:
    """Hold the lock. Raises ConfigurationError when others are there and must not be."""
    handle = take(data_dir, alone=alone)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def take(data_dir: Path, *, alone: bool = False) -> int | None:
    """Hold the lock for as long as this process lives, or until the handle is closed."""
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    data_dir.mkdir(parents=True, exist_ok=True)
    handle = os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        what = "Regulars is running: stop it first" if alone else "A restore is under way in this data directory"
        raise ConfigurationError(what) from None
    return handle
