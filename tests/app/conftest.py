"""The command line as a process of its own, on a data directory and a database of this test's own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.process import Cli, Server, free_port


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """On SQLite in the data directory."""
    folder = tmp_path / "data"
    folder.mkdir(exist_ok=True)
    return Cli(folder)


@pytest.fixture
def cli_on(tmp_path: Path, migrated_url: str) -> Cli:
    """On each engine, migrated."""
    folder = tmp_path / "data"
    folder.mkdir(exist_ok=True)
    return Cli(folder, {"REGULARS_DATABASE_URL": migrated_url})


@pytest.fixture
def server_of() -> Iterator[Callable[[Cli], Server]]:
    started: list[Server] = []

    def make(cli: Cli) -> Server:
        started.append(Server(cli, free_port()))
        return started[-1]

    yield make
    for server in started:
        server.kill()
