"""T13: whatever the wall clock does, nothing ends early or twice, holds end, and a member's chain of postings only goes forward.

Each case lives a random history around a day on which clocks are odd, in one of six zones, while the clock is set back and
forth; the oracle is told the same times. Replay: REGULARS_TORTURE_SEED=<seed> pytest -m torture tests/torture/test_clock.py
"""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from core.db.engine import Database
from core.earning.awards import dates_of
from tests.core.world import terms
from tests.torture.audit import Audit
from tests.torture.drive import drawn_terms, rules_of
from tests.torture.history import WEIGHTS, History, begin
from tests.torture.oracle_sums import dates
from tests.torture.test_simulation import without_waiting_for_the_disk
from tests.torture.tiers import seeds, size

pytestmark = pytest.mark.torture("T13")

# Both changes of summer time in each; in Santiago and Cairo a midnight falls away, Lord Howe moves by half an hour.
ZONES = (
    "Europe/Prague",
    "America/New_York",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Africa/Cairo",
)
JUMPS = (
    timedelta(hours=1), timedelta(hours=-1), timedelta(days=1), timedelta(days=-1),
    timedelta(days=3652), timedelta(days=-3652), timedelta(seconds=-3), timedelta(minutes=20),
)  # fmt: skip
LEAP_DAYS = (datetime(2028, 2, 28, 12, tzinfo=UTC), datetime(2028, 2, 29, 23, 30, tzinfo=UTC))
DEEDS = {name: WEIGHTS[name] for name in ("buy", "refund", "cancel_or_revive", "give_back", "adjust", "undo", "wait",
                                          "to_next_change", "newcomer")} | {"redeem": 12.0}  # fmt: skip
CASES = size(pr=50, nightly=500, release=5_000)
HISTORIES = size(pr=5, nightly=50, release=500)  # each holds ten jumps
JUMPS_EACH = CASES // HISTORIES


class Clock:
    """A wall clock that can be set, beside the time that really passes."""

    def __init__(self, history: History) -> None:
        self.history, self.off = history, timedelta(0)

    def set_by(self, jump: timedelta) -> None:
        self.off += jump
        self.history.note("clock set by", jump)
        self.history.world.time["now"] += jump

    def set_right(self) -> None:
        self.set_by(-self.off)


@pytest.mark.parametrize("database_kind", ["sqlite"])
@pytest.mark.parametrize("seed", seeds(pr=5, nightly=50, release=500))
def test_a_clock_that_is_set_back_and_forth_ends_nothing_early_or_twice(
    db: Database, tmp_path: Path, seed: int, operations: Callable[[int], None]
) -> None:
    without_waiting_for_the_disk(db)
    rng = random.Random(seed)
    zone = ZONES[seed % len(ZONES)]
    history = begin(db, tmp_path, seed, zone=zone, weights=DEEDS)
    audit, clock = Audit(history), Clock(history)
    try:
        history.pass_time(odd_moment(rng, zone) - history.world.now)
        for _ in range(JUMPS_EACH):
            history.pass_time(timedelta(hours=9))
            live(history, audit, deeds=4)
            history.redeem()  # so that the clock is set during a hold
            clock.set_by(rng.choice(JUMPS))
            live(history, audit, deeds=3)
            clock.set_right() if rng.random() < 0.6 else None
            audit.quick()
        clock.set_right()
        history.pass_time(timedelta(days=20))
        outlive_holds(history)
        audit.thorough()
    except Exception as error:
        raise AssertionError(f"seed {seed}, {zone}: {error}\n" + "\n".join(history.log)) from error

    operations(JUMPS_EACH)


@pytest.mark.parametrize("zone", ZONES)
def test_points_ripen_and_end_with_the_local_day_on_odd_days_too(zone: str) -> None:
    rng = random.Random(zone)
    moments = [*changes_of_summer_time(zone, 2026), *changes_of_summer_time(zone, 2028), *LEAP_DAYS]
    for _ in range(100):
        changes = drawn_terms(rng, zone=zone)
        earned_at = rng.choice(moments) - timedelta(
            days=rng.choice((0, 1, 5, 14, 29, 30, 31)), seconds=rng.randint(-99999, 99999)
        )

        assert dates_of(terms(**changes), earned_at) == dates(rules_of(changes), earned_at), f"earned at {earned_at}"


def live(history: History, audit: Audit, *, deeds: int) -> None:
    for _ in range(deeds):
        history.do()
        audit.quick()


def outlive_holds(history: History) -> None:
    """A hold made while the clock was ten years ahead ends when that time has come, none is forgotten."""
    ends = [each.hold_ends for each in history.oracle.redeemings.values() if each.state == "open"]
    history.pass_time(max([*ends, history.world.now]) - history.world.now + timedelta(minutes=1))
    for _ in range(3):
        history.pass_time(timedelta(days=2.1))
    left = [each for each in history.oracle.redeemings.values() if each.state == "open"]
    assert left == [], f"{len(left)} holds are never ended"


def odd_moment(rng: random.Random, zone: str) -> datetime:
    """Shortly before a change of summer time, or a leap day."""
    return rng.choice(
        [*changes_of_summer_time(zone, 2026), *changes_of_summer_time(zone, 2027), *LEAP_DAYS]
    ) - timedelta(hours=rng.choice((1, 30)))


def changes_of_summer_time(zone: str, year: int) -> list[datetime]:
    """The hours of a year in which the zone's offset is another one afterwards."""
    place, hour = ZoneInfo(zone), datetime(year, 1, 1, tzinfo=UTC)
    hours = [hour + timedelta(hours=n) for n in range(366 * 24)]
    return [a for a, b in pairwise(hours) if a.astimezone(place).utcoffset() != b.astimezone(place).utcoffset()]
