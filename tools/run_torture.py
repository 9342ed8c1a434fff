"""Runs the torture tests of a tier and keeps a record in docs/reliability-runs.csv; what passed on this commit is not run again.

`python -m tools.run_torture nightly`, and with ONLY=T5 (or ONLY=T5,T6) in the environment just those tests.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECORD = ROOT / "docs" / "reliability-runs.csv"
NO_TESTS_LEFT = 5


def main(arguments: list[str]) -> int:
    [tier] = arguments
    chosen = {"REGULARS_TORTURE_TIER": tier, "REGULARS_TORTURE_RECORD": str(RECORD)}
    if os.environ.get("ONLY"):
        chosen["REGULARS_TORTURE_ONLY"] = os.environ["ONLY"]
    options = ["-m", "torture", "-n", "2", "--dist", "worksteal", "-p", "no:cacheprovider", "-rs"]
    command = [sys.executable, "-m", "pytest", *options, "tests/torture"]
    code = subprocess.run(command, cwd=ROOT, env={**os.environ, **chosen}, check=False).returncode
    if code == NO_TESTS_LEFT:
        print(f"Nothing is left to run: every chosen test has passed in the {tier} tier on this commit.")
    return 0 if code == NO_TESTS_LEFT else code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
