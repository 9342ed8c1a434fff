"""What tests share: databases, a browser, PHP, Node, the vendors' contracts, and the rule for what a machine lacks.

The rule: what is not there skips its tests with a reason, unless REGULARS_TEST_REQUIRE names it; then they fail.
"""

import importlib.util
import itertools
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import hypothesis
import psycopg
import pytest
from playwright.sync_api import Browser, sync_playwright
from psycopg import sql
from sqlalchemy.engine import make_url

from core.db.engine import Database, open_database
from core.db.migrate import upgrade

# Deadlines measure the machine, not the code, on two shared cores.
hypothesis.settings.register_profile("house", deadline=None, print_blob=True)
hypothesis.settings.load_profile("house")

REQUIRED = frozenset(os.environ.get("REGULARS_TEST_REQUIRE", "").replace(",", " ").split())
POSTGRES = os.environ.get("REGULARS_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432")
REDIS = os.environ.get("REGULARS_TEST_REDIS", "redis://127.0.0.1:6379")

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_configure() -> None:
    if unknown := REQUIRED - PROBES.keys():
        raise pytest.UsageError(f"REGULARS_TEST_REQUIRE names {sorted(unknown)}; known are {sorted(PROBES)}")


def require(name: str) -> str:
    """Where the named thing is (an address or a path); skips or fails the test that asks when it is nowhere."""
    found = locate(name)
    if found is None and name in REQUIRED:
        pytest.fail(f"{name} is required by REGULARS_TEST_REQUIRE and was not found", pytrace=False)
    if found is None:
        pytest.skip(f"{name} was not found on this machine")
    return found


@pytest.fixture(name="require", scope="session")
def require_fixture() -> Callable[[str], str]:
    return require


@pytest.fixture(scope="session")
def php() -> str:
    return require("php")


@pytest.fixture(scope="session")
def node() -> str:
    return require("node")


@pytest.fixture(scope="session")
def node_with_packages(node: str) -> str:
    """Node, where the packages of the Shopify extensions are installed too (`make test` tries)."""
    require("node_modules")
    return node


@pytest.fixture(scope="session")
def contracts_dir() -> Path:
    return Path(require("contracts"))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = require("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(params=["sqlite", "postgres"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def database_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database of this test's own."""
    if database_kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.create()
        yield url
        server.drop(url)


@pytest.fixture
def migrated_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a migrated database of this test's own: a copy, for migrating anew would take most of the time."""
    if database_kind == "sqlite":
        path = shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "regulars.sqlite3")
        yield f"sqlite:///{path}"
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.create(template=request.getfixturevalue("postgres_template"))
        yield url
        server.drop(url)


@pytest.fixture
def db(migrated_url: str) -> Iterator[Database]:
    """A migrated database, open."""
    database = open_database(migrated_url)
    yield database
    database.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "regulars.sqlite3"
    migrate(f"sqlite:///{path}")
    assert not path.with_name(path.name + "-wal").exists(), (
        "the file alone is not the whole database: close() left a log"
    )
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator["PostgresServer"]:
    server = PostgresServer(require("postgres"))
    yield server
    server.close()


@pytest.fixture(scope="session")
def postgres_template(postgres_server: "PostgresServer") -> Iterator[str]:
    url = postgres_server.create()
    migrate(url)
    yield url
    postgres_server.drop(url)


def migrate(url: str) -> None:
    database = open_database(url)
    try:
        upgrade(database)
    finally:
        database.close()


class PostgresServer:
    """Makes and drops databases, under names that no other run on the same server takes."""

    def __init__(self, address: str) -> None:
        self._address = make_url(address)
        self._run = f"regulars_test_{uuid4().hex[:12]}"
        self._numbers = itertools.count(1)
        # Dropping waits 0.1 s for the other backends to take note, so it is done beside the tests.
        self._aside = ThreadPoolExecutor(max_workers=1)
        self._drops: list[Future[None]] = []

    def create(self, *, template: str | None = None) -> str:
        name = f"{self._run}_{next(self._numbers)}"
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template is not None:
            statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(database_name(template)))
        self._execute(statement)
        return self._url(name)

    def drop(self, url: str) -> None:
        statement = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database_name(url)))
        self._drops.append(self._aside.submit(self._execute, statement))

    def close(self) -> None:
        self._aside.shutdown(wait=True)
        for drop in self._drops:
            drop.result()

    def _execute(self, statement: sql.Composable) -> None:
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def _url(self, database: str) -> str:
        return self._address.set(database=database).render_as_string(hide_password=False)


def database_name(url: str) -> str:
    name = make_url(url).database
    assert name is not None
    return name


@cache
def locate(name: str) -> str | None:
    return PROBES[name]()


def locate_postgres() -> str | None:
    try:
        psycopg.connect(
            make_url(POSTGRES).set(database="postgres").render_as_string(hide_password=False), connect_timeout=3
        ).close()
    except psycopg.OperationalError:
        return None
    return POSTGRES


def locate_redis() -> str | None:
    address = urlsplit(REDIS)
    try:
        socket.create_connection((address.hostname or "127.0.0.1", address.port or 6379), timeout=3).close()
    except OSError:
        return None
    return REDIS


def locate_chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def locate_php() -> str | None:
    return shutil.which("php")


def locate_node_modules() -> str | None:
    """The packages of the Shopify extensions. npm writes this list last, so they are all there."""
    listed = Path("connectors/shopify/storefront/node_modules/.package-lock.json")
    return str(listed.parent.resolve()) if listed.is_file() else None


def locate_contracts() -> str | None:
    """The folder of the vendors' own schemas and recorded traffic; it is not part of this repository."""
    path = os.environ.get("REGULARS_CONTRACTS", "")
    return str(Path(path).resolve()) if path and Path(path).is_dir() else None


def locate_initdb() -> str | None:
    """The folder of PostgreSQL's own programs, where they can be run: PostgreSQL refuses root, who needs a user to run it as."""
    found = shutil.which("initdb")
    places = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    usable = [place for place in places if (place / "initdb").exists() and (place / "pg_ctl").exists()]
    may_run = os.geteuid() != 0 or (shutil.which("runuser") and has_user("postgres"))
    return str(usable[0]) if usable and may_run else None


def has_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def locate_strace() -> str | None:
    """It is there, and this user may trace a child: some kernels forbid that."""
    found = shutil.which("strace")
    trial = [found or "", "-o", os.devnull, "true"]
    return found if found and subprocess.run(trial, capture_output=True, check=False).returncode == 0 else None


def locate_atheris() -> str | None:
    spec = importlib.util.find_spec("atheris")
    return spec.origin if spec is not None else None


PROBES: dict[str, Callable[[], str | None]] = {
    "postgres": locate_postgres,
    "redis": locate_redis,
    "chromium": locate_chromium,
    "php": locate_php,
    "node": lambda: shutil.which("node"),
    "node_modules": locate_node_modules,
    "contracts": locate_contracts,
    "git": lambda: shutil.which("git"),
    "strace": locate_strace,
    "initdb": locate_initdb,
    "atheris": locate_atheris,
}
