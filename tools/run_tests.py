"""Runs every part of the test suite, whatever the others did; the last line says N passed, N failed, N skipped.

`python -m tools.run_tests` runs all parts, `python -m tools.run_tests check` the static ones only.
"""

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent

PYTHON = sys.executable

CHECKS: dict[str, list[str]] = {
    "ruff check": [PYTHON, "-m", "ruff", "check", "."],
    "ruff format": [PYTHON, "-m", "ruff", "format", "--check", "."],
    "mypy": [PYTHON, "-m", "mypy"],
    "import contracts": [str(Path(PYTHON).with_name("lint-imports")), "--no-logo"],
}

# A test runs in the first of these parts whose marker it bears; one that bears none runs in the parallel part.
ONE_AT_A_TIME = ("browser", "torture", "packaging", "serial")
PARALLEL = ["-n", "2", "--dist", "worksteal"]
# A browser on two busy cores may lose a race against its own page. What fails there is tried once more by itself, and the report
# names it; nowhere else, for a failure that comes and goes in a test of the books is exactly what we are looking for.
TRIED_TWICE = ("browser",)
FEW = 3
# Browsers, and servers that are killed and started again, wait more than they work: some of them share the machine well.
SIDE_BY_SIDE = {"browser": PARALLEL, "torture": ["-n", "3", "--dist", "worksteal"]}

PYTEST_FOUND_NO_TESTS = 5


@dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


@dataclass(frozen=True)
class Part:
    name: str
    ok: bool
    seconds: float
    counts: Counts | None = None  # None: a check, which counts no tests
    second_try: int = 0  # tests that passed only then


def main(arguments: list[str]) -> int:
    parts = [run_check(name, command) for name, command in CHECKS.items()]
    if arguments != ["check"]:
        parts += [run_pytest(name, options) for name, options in pytest_parts().items()]
    report(parts)
    return 0 if all(part.ok for part in parts) else 1


def pytest_parts() -> dict[str, list[str]]:
    """Options of each part, made so that every test runs exactly once whatever markers it bears."""
    parts = {"parallel": [*PARALLEL, "-m", f"not ({' or '.join(ONE_AT_A_TIME)})"]}
    for position, marker in enumerate(ONE_AT_A_TIME):
        earlier = ONE_AT_A_TIME[:position]
        chosen = f"{marker} and not ({' or '.join(earlier)})" if earlier else marker
        parts[marker] = [*SIDE_BY_SIDE.get(marker, []), "-m", chosen]
    return parts


def run_check(name: str, command: list[str]) -> Part:
    code, seconds = run(name, command)
    return Part(name, ok=code == 0, seconds=seconds)


def run_pytest(name: str, options: list[str]) -> Part:
    with tempfile.TemporaryDirectory() as folder:
        junit = Path(folder) / "junit.xml"
        code, seconds = run(f"pytest, {name}", [PYTHON, "-m", "pytest", "-q", f"--junitxml={junit}", *options])
        counts = read_junit(junit)
    ok = code in (0, PYTEST_FOUND_NO_TESTS)
    if not ok and not counts.failed:
        counts.failed = 1  # pytest itself broke: the sum must not read as if all were well
        return Part(f"pytest, {name}", ok=ok, seconds=seconds, counts=counts)
    if not ok and name in TRIED_TWICE and counts.failed <= FEW:
        failed = ["--last-failed", "--last-failed-no-failures=none", "-m", name]
        code, more = run(f"pytest, {name}: what failed, once more", [PYTHON, "-m", "pytest", "-q", *failed])
        if code == 0:
            sum_up = Counts(counts.passed + counts.failed, 0, counts.skipped)
            return Part(f"pytest, {name}", True, seconds + more, sum_up, second_try=counts.failed)
    return Part(f"pytest, {name}", ok=ok, seconds=seconds, counts=counts)


def run(title: str, command: list[str]) -> tuple[int, float]:
    print(f"\n=== {title}", flush=True)
    started = time.monotonic()
    code = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, check=False).returncode
    return code, time.monotonic() - started


def read_junit(path: Path) -> Counts:
    if not path.exists():
        return Counts()
    counts = Counts()
    for suite in ElementTree.parse(path).getroot().iter("testsuite"):  # noqa: S314 - pytest has just written it
        total, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        counts += Counts(passed=max(total - failed - skipped, 0), failed=failed, skipped=skipped)
    return counts


def report(parts: list[Part]) -> None:
    print("\n=== seconds of each part")
    for part in parts:
        print(f"{part.seconds:8.1f}  {'ok    ' if part.ok else 'FAILED'}  {part.name}{detail(part)}")
    print(f"{sum(part.seconds for part in parts):8.1f}  in all")
    counted = [part.counts for part in parts if part.counts is not None]
    if counted:
        print(sum(counted, Counts()))


def detail(part: Part) -> str:
    again = f" ({part.second_try} of them on the second try only: see above)" if part.second_try else ""
    return f": {part.counts}{again}" if part.counts is not None else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
