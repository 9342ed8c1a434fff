"""A PostgreSQL server of a test's own, that may be stopped without a word. Its folder and its processes go when the test is over."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import require
from tests.process import free_port

USER = "postgres"
PORTS_TRIED = 5
WAIT_S = "120"
# Small, and durable as a server is that nobody configured: fsync and synchronous_commit stay as they are.
SETTINGS = ("shared_buffers=16MB", "max_connections=60", "autovacuum=off", "max_wal_size=256MB")


class Cluster:
    """Started; `url` is its maintenance database."""

    def __init__(self, folder: Path, binaries: Path, port: int) -> None:
        self._folder, self._binaries, self.port = folder, binaries, port

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        options = [
            f"port={self.port}",
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={self._folder}",
            *SETTINGS,
        ]
        shown = " ".join(f"-c {option}" for option in options)
        self._control("start", "-o", shown, "-l", str(self._folder / "server.log"))

    def stop_without_a_word(self) -> None:
        """As a crash of the server would: no checkpoint, every connection cut, recovery at the next start."""
        self._control("stop", "-m", "immediate")

    def log(self) -> str:
        return (self._folder / "server.log").read_text(errors="replace")

    def _control(self, verb: str, *options: str) -> None:
        command = [str(self._binaries / "pg_ctl"), verb, "-w", "-t", WAIT_S, "-D", str(self._folder / "data"), *options]
        run(command)


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Skips where PostgreSQL's server programs, or a user that may run them, are missing."""
    binaries = Path(require("initdb"))
    folder = Path(tempfile.mkdtemp(prefix="regulars-cluster-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, USER)
        run(
            [
                str(binaries / "initdb"),
                "-D",
                str(folder / "data"),
                "-U",
                USER,
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "-N",
            ]
        )
        cluster = start_somewhere(folder, binaries)
        try:
            yield cluster
        finally:
            cluster.stop_without_a_word()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def start_somewhere(folder: Path, binaries: Path) -> Cluster:
    """On a free port; another when somebody else was quicker."""
    for _ in range(PORTS_TRIED):
        cluster = Cluster(folder, binaries, free_port())
        try:
            cluster.start()
        except subprocess.CalledProcessError:
            if "could not bind" not in cluster.log():
                raise AssertionError(cluster.log()) from None
            continue
        return cluster
    raise AssertionError("no port was free for a PostgreSQL server")


def run(command: list[str]) -> None:
    """As the user postgres where we are root. Output goes nowhere: a server would keep a pipe open for ever."""
    if os.geteuid() == 0:
        command = ["runuser", "-u", USER, "--", *command]
    null = subprocess.DEVNULL
    subprocess.run(command, cwd="/", stdin=null, stdout=null, stderr=null, timeout=180, check=True)
