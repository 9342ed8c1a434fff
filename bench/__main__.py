"""`make bench`: every figure beside the limit of this machine, measured in the same run. `--large`: the large sizes, once each.

Names after the options choose what runs: `python -m bench settle doors`. Writes results.json beside this file.
"""

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import backfill, book, bulk, doors, enumeration, postgres, settle
from bench.measure import HEAD, RUNS, Figure, fdatasync_rate

RESULTS = Path(__file__).with_name("results.json")


def main(arguments: list[str]) -> int:
    large = "--large" in arguments
    chosen = [name for name in arguments if not name.startswith("--")] or (
        ["backfill", "book", "bulk"] if large else list(_parts(large=False))
    )
    found: list[Figure] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        before = fdatasync_rate(folder)
        print(HEAD)
        for name in chosen:
            for figure in _parts(large=large)[name](folder):
                print(figure, flush=True)
                found.append(figure)
        after = fdatasync_rate(folder)
    print(f"fdatasync: {before:.0f}/s before, {after:.0f}/s after; medians of {RUNS} runs where a limit stands beside")
    report = {"fdatasync_per_s": [before, after], "runs": RUNS, "figures": [figure.as_row() for figure in found]}
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")
    return 0


def _parts(*, large: bool) -> dict[str, Callable[[Path], list[Figure]]]:
    return {
        "settle": settle.figures,
        "postgres": postgres.figures,
        "doors": doors.figures,
        "enumeration": enumeration.figures,
        "backfill": lambda folder: backfill.figures(folder, large=large),
        "bulk": lambda folder: bulk.figures(folder, large=large),
        "book": lambda folder: book.figures(folder, large=large),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
