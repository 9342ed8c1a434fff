"""How much of each test runs: the pull-request tier in `make test`, the nightly one in `make torture`, the release one on demand.

Sizes are chosen at import, since parameters are. REGULARS_TORTURE_SEED=<n> replays one seed of every test that takes seeds.
"""

import os
from typing import Literal, cast

TierName = Literal["pr", "nightly", "release"]
TIERS: tuple[TierName, ...] = ("pr", "nightly", "release")

TIER = cast(TierName, os.environ.get("REGULARS_TORTURE_TIER", "pr"))
if TIER not in TIERS:
    raise ValueError(f"REGULARS_TORTURE_TIER is {TIER!r}; known are {', '.join(TIERS)}")


def size(*, pr: int, nightly: int, release: int) -> int:
    """The figure for this run's tier."""
    return {"pr": pr, "nightly": nightly, "release": release}[TIER]


def seeds(*, pr: int, nightly: int, release: int) -> list[int]:
    """As many seeds as this tier has, always the same ones; or the one to replay."""
    replayed = os.environ.get("REGULARS_TORTURE_SEED")
    return [int(replayed)] if replayed else list(range(1, size(pr=pr, nightly=nightly, release=release) + 1))
