"""T13: whatever the wall clock does, nothing ends early or twice, holds end, and a member's chain of postings only goes forward.

Each case lives a random history around a day on which clocks are odd, in one of six zones. Once the core itself is told a
time that is set back and forth, and the oracle the same times; once the machine's clock goes wild before the guard of a
server that runs and starts again, and the oracle is told the true time.
Replay: REGULARS_TORTURE_SEED=<seed> pytest -m torture tests/torture/test_clock.py
"""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from app import clock_guard
from app.clock_guard import CLOCK_JUMPED, ClockGuard, LastRun
from app.schedule import Schedule
from app.wake import Wake
from core.db.engine import Database, reading
from core.earning.awards import dates_of
from core.ledger import queries as ledger_queries
from core.verify import verify
from tests.core.world import START, terms
from tests.torture import disk
from tests.torture.audit import Audit
from tests.torture.drive import drawn_terms, rules_of
from tests.torture.history import WEIGHTS, History, begin
from tests.torture.oracle_sums import dates
from tests.torture.test_simulation import without_waiting_for_the_disk
from tests.torture.tiers import seeds, size
from tests.widgets.house import House

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


TEN_YEARS = timedelta(days=3652)
WILD = (
    TEN_YEARS, -TEN_YEARS, timedelta(days=400), timedelta(days=-400), timedelta(days=3), timedelta(days=-3),
    timedelta(hours=1), timedelta(hours=-1),
)  # fmt: skip
BEAT_S = 15


class Machine:
    """A server's machine. Its wall clock can go wild; seconds since its start are true, and so is the time of the shop."""

    def __init__(self, history: History) -> None:
        self.history, self.world, self.off = history, history.world, timedelta(0)
        self.start()

    def start(self) -> None:
        """As a process does: with nothing but what the database remembers."""
        self.world.runtime = replace(
            self.world.runtime,
            clock=ClockGuard(
                lambda: self.world.now + self.off,
                running=lambda: (self.world.now - START).total_seconds(),
                last_run=lambda: clock_guard.last_run(self.world.db),
            ),
        )

    @property
    def guard(self) -> ClockGuard:
        return clock_guard.guard_of(self.world.runtime.clock)

    def beat(self) -> None:
        Schedule(self.world.runtime, wake=Wake()).beat()

    def set_wild(self, off: timedelta) -> None:
        self.history.note("the machine's clock is off by", off)
        self.beat()
        self.off = off

    def restart(self) -> None:
        self.beat()
        self.world.wait(seconds=BEAT_S)
        self.start()
        self.history.note("restart, clock problem:", self.guard.problem())

    def set_right(self) -> None:
        self.off = timedelta(0)


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


@pytest.mark.parametrize("database_kind", ["sqlite"])
@pytest.mark.parametrize("seed", seeds(pr=5, nightly=50, release=500))
def test_a_server_books_the_same_whether_its_machines_clock_goes_wild_or_not(
    db: Database, tmp_path: Path, seed: int, operations: Callable[[int], None]
) -> None:
    without_waiting_for_the_disk(db)
    rng = random.Random(seed)
    history = begin(db, tmp_path, seed, zone=ZONES[seed % len(ZONES)], weights=DEEDS)
    audit, machine = Audit(history), Machine(history)
    try:
        for _ in range(JUMPS_EACH):
            history.pass_time(timedelta(hours=9))
            live(history, audit, deeds=4)
            machine.set_wild(rng.choice(WILD))
            live(history, audit, deeds=4)
            if rng.random() < 0.5:
                machine.restart()
                # The worker waits and the shop's proofs do not fit: nothing is booked before the clock is right.
                assert machine.guard.is_time_unknown()
                assert timedelta(0) <= history.world.now - machine.guard() <= timedelta(seconds=BEAT_S)
            machine.set_right()
            machine.restart() if rng.random() < 0.5 else None
            assert not machine.guard.is_time_unknown()
            live(history, audit, deeds=2)
        history.pass_time(timedelta(days=20))
        outlive_holds(history)
        audit.thorough()
    except Exception as error:
        raise AssertionError(f"seed {seed}: {error}\n" + "\n".join(history.log)) from error

    operations(JUMPS_EACH)


@pytest.mark.parametrize("off", [TEN_YEARS, -TEN_YEARS, timedelta(days=400)])
def test_at_the_doors_a_wild_clock_expires_nothing_and_messages_are_kept(
    db: Database, tmp_path: Path, off: timedelta
) -> None:
    house, wall = House(db, tmp_path), Wall()
    house.give(500, expires_at=house.now + timedelta(days=300))
    house.clock = guard = ClockGuard(lambda: house.now + wall.off, running=lambda: house.now.timestamp())
    house.call("GET", "me")

    wall.off = off
    answers = [house.redeem(100).status_code, disk.webhook(house, b'{"id": 1}').status_code]
    house.order("77", gross=10_000)

    assert guard.problem() == CLOCK_JUMPED
    assert answers == [201, 200]
    assert disk.stored(house) == [b'{"id": 1}']
    assert free_and_held(house) == (400, 100)
    house.now += timedelta(days=40)  # past the window of the order
    assert free_and_held(house)[0] > 400
    with reading(db) as session:
        assert verify(session, house.runtime.vault, house.merchant_id).violations == []


@pytest.mark.parametrize(
    ("off", "ago", "answer"),
    [
        (TEN_YEARS, timedelta(seconds=15), 201),
        (-TEN_YEARS, timedelta(seconds=15), 201),
        # Nobody knows how long the machine was off; the shop's proof of the shopper tells that our time is not its time.
        (timedelta(0), timedelta(days=60), 401),
    ],
)
def test_at_the_doors_after_a_start_in_doubt_nothing_is_booked_by_a_wrong_time(
    db: Database, tmp_path: Path, off: timedelta, ago: timedelta, answer: int
) -> None:
    house = House(db, tmp_path)
    house.give(500, expires_at=house.now + timedelta(days=300))
    last = LastRun(house.now - ago)
    house.clock = ClockGuard(lambda: house.now + off, running=lambda: house.now.timestamp(), last_run=lambda: last)

    answers = [house.redeem(100).status_code, disk.webhook(house, b'{"id": 1}').status_code]

    assert answers == [answer, 200]
    assert free_and_held(house) == ((400, 100) if answer == 201 else (500, 0))


class Wall:
    off = timedelta(0)


def free_and_held(house: House) -> tuple[int, int]:
    with reading(house.runtime.db) as session:
        found = ledger_queries.balance_now(session, house.merchant_id, house.member(), now=house.now)
    return found.available, found.held


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
