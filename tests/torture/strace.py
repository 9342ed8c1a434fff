"""System calls of a process that books (acknowledging.py): watched, or made to fail. Skips where strace cannot be had."""

import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import require
from tests.torture.conftest import ROOT

WRITES = ("write", "pwrite64", "writev", "pwritev", "pwritev2", "ftruncate", "fallocate")
SYNCS = ("fdatasync", "fsync")
_CALL = re.compile(r"^\d+ +(?P<name>\w+)\((?P<fd>\d+)<(?P<file>[^>]*)>(?P<rest>.*)")


@dataclass(frozen=True)
class Told:
    """One acknowledgement: how often the log was synced since the one before, and how many writes to it were not yet."""

    syncs: int
    unsynced_writes: int


def run(options: Sequence[str], arguments: Sequence[str], *, log: Path) -> tuple[list[str], list[str]]:
    """Book under strace. Returns what was said and what was called."""
    require("strace")
    command = ["strace", "-f", "-y", "-o", str(log), *options, sys.executable, "-m", "tests.torture.acknowledging"]
    done = subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.startswith("READY"), done.stderr
    return done.stdout.splitlines()[1:], log.read_text(errors="replace").splitlines()


def acknowledgements(calls: Sequence[str], database: Path) -> list[Told]:
    """Read the calls in their order: what had been written to the database's files and not synced when each line was said."""
    files = {str(database), f"{database}-wal"}
    told: list[Told] = []
    unsynced: dict[str, int] = {}
    syncs = 0
    for line in calls:
        call = _CALL.match(line)
        if call is None:
            continue
        name, file = call["name"], call["file"]
        if name in WRITES and file in files:
            unsynced[file] = unsynced.get(file, 0) + 1
        elif name in SYNCS and file in files:
            unsynced.pop(file, None)
            syncs += 1
        elif name == "write" and call["fd"] == "1" and '"ACK ' in call["rest"]:
            told.append(Told(syncs, sum(unsynced.values())))
            syncs = 0
    return told
