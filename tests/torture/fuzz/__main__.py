"""`python -m tests.torture.fuzz TARGET --seconds 600 --corpus DIR`: fuzz one parser with atheris (libFuzzer), in this process.

What breaks the parser is left in DIR as crash-*, timeout-* or oom-*; `--replay FILE` runs just that.
"""

import argparse
import sys
from pathlib import Path

import atheris

OURS = ["connectors", "core", "webhooks", "widgets"]
LONGEST_INPUT = 16_384
ONE_INPUT_S, MEMORY_MB = 60, 1024

with atheris.instrument_imports(include=OURS, enable_loader_override=False):
    from tests.torture.fuzz import seeds, targets


def main() -> None:
    options = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    options.add_argument("target", choices=sorted(targets.TARGETS))
    options.add_argument("--corpus", type=Path, required=True, help="kept between runs; seeded when it is empty")
    options.add_argument("--seconds", type=int, default=0, help="0: no limit")
    options.add_argument("--runs", type=int, default=-1, help="-1: no limit")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--replay", type=Path)
    chosen = options.parse_args()
    if chosen.replay:
        targets.TARGETS[chosen.target](chosen.replay.read_bytes())
        return
    atheris.Setup([sys.argv[0], *arguments(chosen)], targets.TARGETS[chosen.target])
    atheris.Fuzz()


def arguments(chosen: argparse.Namespace) -> list[str]:
    """libFuzzer's own. The corpus keeps what it finds; crashes lie beside."""
    found = chosen.corpus / "found"
    found.mkdir(parents=True, exist_ok=True)
    if not any(found.iterdir()):
        for number, seed in enumerate(seeds.seeds_of(chosen.target)):
            (found / f"seed-{number:03d}").write_bytes(seed)
    words = chosen.corpus / "words.txt"
    words.write_text(seeds.dictionary())
    return [
        f"-seed={chosen.seed}",
        f"-runs={chosen.runs}",
        f"-max_total_time={chosen.seconds}",
        f"-max_len={LONGEST_INPUT}",
        f"-timeout={ONE_INPUT_S}",
        f"-rss_limit_mb={MEMORY_MB}",
        f"-dict={words}",
        f"-artifact_prefix={chosen.corpus}/",
        "-print_final_stats=1",
        str(found),
    ]


if __name__ == "__main__":
    main()
