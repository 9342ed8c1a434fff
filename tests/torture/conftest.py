"""What the torture tests share: the choice by number (T1 to T21), and the record of every run.

A module says which test of the specification it is: `pytestmark = pytest.mark.torture("T5")`. With REGULARS_TORTURE_RECORD=<file>
each test appends one line there, and one that passed on the same commit and tier is not run again: so a long run resumes.
"""

import csv
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from tests.torture.tiers import TIER

# A failure there must say what differed.
pytest.register_assert_rewrite("tests.torture.demo_world")

ROOT = Path(__file__).parent.parent.parent
COLUMNS = ("finished", "test", "name", "tier", "commit", "seed", "operations", "seconds", "violations")
ONLY = frozenset(os.environ.get("REGULARS_TORTURE_ONLY", "").replace(",", " ").split())
RECORD = os.environ.get("REGULARS_TORTURE_RECORD")


@pytest.fixture
def operations(request: pytest.FixtureRequest) -> Callable[[int], None]:
    """Say how many operations (kills, orders, cuts, ...) the test did: for the record."""

    def note(count: int) -> None:
        request.node.user_properties.append(("operations", count))

    return note


@pytest.fixture
def new_database(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Makes migrated databases of this test's own: a long test takes a fresh one for each of its rounds."""
    made: list[str] = []

    def make() -> str:
        if database_kind == "sqlite":
            template = request.getfixturevalue("sqlite_template")
            made.append(f"sqlite:///{shutil.copy(template, tmp_path / f'regulars-{len(made)}.sqlite3')}")
        else:
            template = request.getfixturevalue("postgres_template")
            made.append(request.getfixturevalue("postgres_server").create(template=template))
        return made[-1]

    yield make
    for url in made if database_kind == "postgres" else ():
        request.getfixturevalue("postgres_server").drop(url)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    done = recorded_as_passed() if RECORD else set()
    kept, dropped = [], []
    for item in items:
        ours = number_of(item)
        unwanted = ours is not None and (
            (ONLY and not {ours, ours.rstrip("ab")} & ONLY) or (ours, item.name, TIER, commit()) in done
        )
        (dropped if unwanted else kept).append(item)
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = kept


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    ours = number_of(item)
    if RECORD and ours is not None and report.when == "call" and not report.skipped:
        noted = dict(item.user_properties)
        seed = getattr(item, "callspec", None) and item.callspec.params.get("seed", "")
        row = (
            datetime.now(UTC).isoformat(timespec="seconds"),
            ours,
            item.name,
            TIER,
            commit(),
            seed or "",
            noted.get("operations", ""),
            f"{call.duration:.1f}",
            0 if report.passed else noted.get("violations", 1),
        )
        append(Path(RECORD), row)
    return report


def number_of(item: pytest.Item) -> str | None:
    """T1 to T21, for tests of the specification."""
    mark = item.get_closest_marker("torture")
    return str(mark.args[0]) if mark is not None and mark.args else None


def append(path: Path, row: tuple[object, ...]) -> None:
    """One write per line, so that tests that run side by side do not tear each other's lines."""
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow(COLUMNS)
        writer.writerow(row)


def recorded_as_passed() -> set[tuple[str, str, str, str]]:
    path = Path(RECORD or "")
    if not path.exists():
        return set()
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {(row["test"], row["name"], row["tier"], row["commit"]) for row in rows if row["violations"] == "0"}


@cache
def commit() -> str:
    """The commit under test; "+" where product or tests differ from it."""
    head = git("rev-parse", "--short=10", "HEAD")
    changed = git("status", "--porcelain", "--", ".", ":!docs", ":!CHANGELOG.md")
    return f"{head}+" if changed else head


def git(*arguments: str) -> str:
    found = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip() or ("unknown" if found.returncode else "")
