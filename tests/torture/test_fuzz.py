"""T14: whatever bytes come from outside, only the documented errors leave, and nothing unsigned is believed.

Each parser is fuzzed in a process of its own. A pull request has so many inputs from a fixed seed; a night so many seconds.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.torture.fuzz.targets import TARGETS
from tests.torture.tiers import TIER, size

pytestmark = pytest.mark.torture("T14")

ROOT = Path(__file__).parent.parent.parent
# target -> inputs of a pull request, about three seconds' worth each
RUNS = {
    "webhook": 4_000,
    "order": 1_500,
    "customer": 5_000,
    "answer": 600,
    "header": 8_000,
    "token": 4_000,
    "nudge": 8_000,
    "address": 3_000,
    "keys": 8_000,
    "request": 1_200,
    "amount": 8_000,
    "settings": 2_000,
    "sentence": 2_000,
}
SECONDS = size(pr=0, nightly=600, release=0)
RELEASE_RUNS = 10_000_000
WHOLE_NIGHT_S = 60 * 60 * 48


@pytest.fixture(autouse=True)
def atheris(require: Callable[[str], str]) -> None:
    """It has builds for Linux only."""
    require("atheris")


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_no_bytes_from_outside_break_the_parser(target: str, tmp_path: Path, operations: Callable[[int], None]) -> None:
    runs = {"pr": RUNS[target], "nightly": -1, "release": RELEASE_RUNS}[TIER]
    command = [sys.executable, "-m", "tests.torture.fuzz", target, "--corpus", str(tmp_path), "--runs", str(runs)]

    done = subprocess.run(
        [*command, "--seconds", str(SECONDS)],
        cwd=ROOT,
        env={**settings_of_nobody(), "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        timeout=WHOLE_NIGHT_S,
        check=False,
    )

    broken = {found.name: found.read_bytes()[:500] for found in tmp_path.glob("*-*")}
    assert done.returncode == 0, f"{done.stdout[-3_000:]}\n{done.stderr[-1_500:]}\n{broken}"
    executed = re.search(r"stat::number_of_executed_units:\s+(\d+)", done.stderr)
    assert executed is not None, done.stderr[-1_500:]
    operations(int(executed[1]))
    assert int(executed[1]) >= max(runs, 1)


def test_every_target_has_its_share_of_a_pull_request() -> None:
    assert set(RUNS) == set(TARGETS)


def settings_of_nobody() -> dict[str, str]:
    """The environment without the settings of this product: one of the targets reads them."""
    return {name: value for name, value in os.environ.items() if not name.startswith("REGULARS_")}
