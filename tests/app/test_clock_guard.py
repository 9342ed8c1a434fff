"""A clock gone wild must not make points expire: which time the guard says it is, and when it asks for a person."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from app import clock_guard, doctor, facts
from app.clock_guard import CLOCK_AHEAD, CLOCK_BEHIND, CLOCK_JUMPED, ClockGuard, LastRun
from app.schedule import Schedule
from app.wake import Wake
from app.wiring import make_runtime
from core.clock import utc_now
from core.db.engine import open_database
from core.runtime import Runtime
from core.settings import Settings
from tests.process import Cli, Server

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TEN_YEARS = timedelta(days=3652)
HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
NONE = timedelta(0)


class Clocks:
    """The time that really is, a wall clock that can be set, and a clock that nobody can set."""

    def __init__(self, last: LastRun | None = None, *, wall: timedelta = NONE) -> None:
        self.truth, self.off, self.slept = START, wall, NONE
        self.guard = ClockGuard(
            lambda: self.truth + self.off,
            running=lambda: (self.truth - START - self.slept).total_seconds() + 1000,
            last_run=lambda: last,
        )
        self.guard()

    def pass_(self, duration: timedelta) -> None:
        self.truth += duration

    def sleep(self, duration: timedelta) -> None:
        """As a virtual machine does: its unsettable clock stands still."""
        self.truth += duration
        self.slept += duration

    @property
    def believed_off(self) -> timedelta:
        return self.guard() - self.truth


def test_time_that_passes_is_no_reason_to_stop() -> None:
    clocks = Clocks()
    for _ in range(400):
        clocks.pass_(timedelta(days=1))
        assert clocks.guard.problem() is None
        assert clocks.believed_off == NONE


@pytest.mark.parametrize(
    ("jump", "problem", "believed"),
    [
        (timedelta(seconds=1), None, timedelta(seconds=1)),  # a leap second that is not smeared
        (timedelta(seconds=-3), None, timedelta(seconds=-3)),
        (timedelta(minutes=59), None, timedelta(minutes=59)),
        (timedelta(minutes=-59), None, timedelta(minutes=-59)),
        (HOUR, CLOCK_JUMPED, NONE),
        (-HOUR, CLOCK_JUMPED, NONE),
        (2 * DAY, CLOCK_JUMPED, NONE),
        (TEN_YEARS, CLOCK_JUMPED, NONE),
        (-TEN_YEARS, CLOCK_JUMPED, NONE),
    ],
)
def test_small_steps_are_followed_and_over_a_jump_time_goes_on(
    jump: timedelta, problem: str | None, believed: timedelta
) -> None:
    clocks = Clocks()
    clocks.pass_(DAY)
    clocks.guard()
    clocks.off += jump

    assert clocks.believed_off == believed  # the very first call after the jump
    assert clocks.guard.problem() == problem
    clocks.pass_(40 * DAY)
    assert clocks.believed_off == believed


def test_a_jump_does_not_heal_by_itself() -> None:
    clocks = Clocks()
    clocks.off = TEN_YEARS
    assert clocks.guard.problem() == CLOCK_JUMPED

    clocks.off = NONE

    assert clocks.guard.problem() == CLOCK_JUMPED
    assert clocks.believed_off == NONE


def test_small_jumps_add_up() -> None:
    clocks = Clocks()
    for _ in range(3):
        clocks.off += timedelta(minutes=25)
        clocks.guard()

    assert clocks.guard.problem() == CLOCK_JUMPED
    assert clocks.believed_off == timedelta(minutes=50)


def test_a_clock_that_drifts_is_followed() -> None:
    """100 parts in a million, corrected as a time server does it, by the minute at most."""
    clocks = Clocks()
    for _ in range(1000):
        clocks.pass_(DAY)
        clocks.off = (clocks.off + timedelta(seconds=8.6)) % MINUTE
        assert clocks.believed_off == clocks.off
        assert clocks.guard.problem() is None


def test_what_was_followed_before_a_jump_is_kept() -> None:
    clocks = Clocks()
    clocks.off = 20 * MINUTE
    clocks.guard()

    clocks.off = TEN_YEARS

    assert clocks.believed_off == 20 * MINUTE


@pytest.mark.parametrize(
    ("asleep", "problem", "believed"),
    [(30 * MINUTE, None, NONE), (8 * HOUR, CLOCK_JUMPED, -8 * HOUR), (20 * DAY, CLOCK_JUMPED, -20 * DAY)],
)
def test_a_machine_whose_unsettable_clock_sleeps_asks_a_person(
    asleep: timedelta, problem: str | None, believed: timedelta
) -> None:
    clocks = Clocks()
    clocks.sleep(asleep)

    assert clocks.guard.problem() == problem
    assert clocks.believed_off == believed
    clocks.guard.confirm()
    assert (clocks.guard.problem(), clocks.believed_off) == (None, NONE)


@pytest.mark.parametrize(
    ("ago", "in_doubt", "wall", "problem"),
    [
        (MINUTE, False, NONE, None),
        (7 * DAY, False, NONE, None),
        (40 * DAY, False, NONE, None),
        (46 * DAY, False, NONE, CLOCK_AHEAD),
        (MINUTE, False, TEN_YEARS, CLOCK_AHEAD),
        (MINUTE, False, -TEN_YEARS, CLOCK_BEHIND),
        (NONE, False, -4 * MINUTE, None),
        (NONE, False, -2 * HOUR, CLOCK_BEHIND),
        # The run before had stopped believing.
        (MINUTE, True, NONE, None),
        (59 * MINUTE, True, NONE, None),
        (NONE, True, 10 * DAY, CLOCK_AHEAD),
        (NONE, True, TEN_YEARS, CLOCK_AHEAD),
        (NONE, True, -DAY, CLOCK_BEHIND),
    ],
)
def test_at_the_start_the_last_run_is_the_measure(
    ago: timedelta, in_doubt: bool, wall: timedelta, problem: str | None
) -> None:
    clocks = Clocks(LastRun(START - ago, in_doubt), wall=wall)

    assert clocks.guard.problem() == problem
    assert clocks.guard.is_time_unknown() == (problem is not None)
    assert clocks.believed_off == (wall if problem is None else -ago)
    clocks.pass_(DAY)
    assert clocks.believed_off == (wall if problem is None else -ago)


def test_on_the_first_start_of_all_there_is_nothing_to_compare_with() -> None:
    clocks = Clocks(None, wall=TEN_YEARS)

    assert clocks.guard.problem() is None


def test_a_clock_that_its_time_server_sets_right_after_the_start_is_believed_then() -> None:
    clocks = Clocks(LastRun(START - HOUR), wall=-TEN_YEARS)
    assert clocks.guard.problem() == CLOCK_BEHIND
    clocks.pass_(MINUTE)

    clocks.off = NONE

    assert (clocks.guard.problem(), clocks.guard.is_time_unknown(), clocks.believed_off) == (None, False, NONE)
    clocks.off = TEN_YEARS
    assert (clocks.guard.problem(), clocks.guard.is_time_unknown(), clocks.believed_off) == (CLOCK_JUMPED, False, NONE)


def test_a_clock_wrong_at_the_start_and_wrong_another_way_is_still_not_believed() -> None:
    clocks = Clocks(LastRun(START - HOUR), wall=-TEN_YEARS)

    clocks.off = TEN_YEARS

    assert (clocks.guard.problem(), clocks.believed_off) == (CLOCK_AHEAD, -HOUR)


def test_a_person_can_say_that_the_clock_is_right() -> None:
    for clocks in (Clocks(), Clocks(LastRun(START - 400 * DAY))):
        clocks.off += 2 * DAY
        assert clocks.guard.problem() is not None

        clocks.guard.confirm()

        assert (clocks.guard.problem(), clocks.believed_off) == (None, 2 * DAY)
        clocks.pass_(DAY)
        assert (clocks.guard.problem(), clocks.believed_off) == (None, 2 * DAY)


def test_only_what_is_said_during_a_doubt_ends_it() -> None:
    clocks = Clocks(LastRun(START, confirmed="long ago"))
    clocks.guard.hear("long ago")
    clocks.guard.hear("lately, while all was well")
    clocks.off = TEN_YEARS

    clocks.guard.hear("lately, while all was well")
    assert clocks.guard.problem() == CLOCK_JUMPED
    clocks.guard.hear("now")
    assert clocks.guard.problem() is None


def test_a_word_said_before_the_start_does_not_end_its_doubt() -> None:
    clocks = Clocks(LastRun(START, confirmed="long ago"), wall=TEN_YEARS)

    clocks.guard.hear("long ago")

    assert clocks.guard.problem() == CLOCK_AHEAD


def test_where_the_last_run_cannot_be_asked_there_is_no_time_until_it_can() -> None:
    away = [True]

    def ask() -> LastRun:
        if away[0]:
            raise ConnectionError
        return LastRun(START)

    guard = ClockGuard(lambda: START + TEN_YEARS, running=lambda: 0.0, last_run=ask)

    with pytest.raises(ConnectionError):
        guard()
    away[0] = False
    assert guard() == START


# -- with what the database remembers


class Wall:
    """This machine's clock, and what it is off by."""

    off = timedelta(0)

    def __call__(self) -> datetime:
        return utc_now() + self.off


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def start_again(tmp_path: Path, migrated_url: str, wall: Wall) -> Iterator[Callable[[], Runtime]]:
    """As a process does that starts on the same database under the wall clock as it is."""
    settings = Settings(data_dir=tmp_path, database_url=migrated_url, public_url="https://regulars.example")
    made: list[Runtime] = []

    def start() -> Runtime:
        made.append(make_runtime(settings, clock=wall))
        return made[-1]

    yield start
    for runtime in made:
        runtime.db.close()


def beat(runtime: Runtime) -> None:
    Schedule(runtime, wake=Wake()).beat()


def problem(runtime: Runtime) -> str | None:
    return clock_guard.guard_of(runtime.clock).problem()


def is_right(runtime: Runtime) -> bool:
    return abs(runtime.clock() - utc_now()) < MINUTE


@pytest.mark.parametrize("jump", [TEN_YEARS, -TEN_YEARS, 10 * DAY, 3 * HOUR])
def test_a_restart_does_not_forget_the_doubt_and_does_not_believe_the_wild_clock(
    start_again: Callable[[], Runtime], wall: Wall, jump: timedelta
) -> None:
    first = start_again()
    beat(first)
    wall.off = jump
    beat(first)
    assert (problem(first), is_right(first)) == (CLOCK_JUMPED, True)

    second = start_again()
    beat(second)
    third = start_again()

    for runtime in (second, third):
        assert (problem(runtime), is_right(runtime)) == (CLOCK_AHEAD if jump > NONE else CLOCK_BEHIND, True)
    wall.off = NONE
    assert [(problem(runtime), is_right(runtime)) for runtime in (second, third)] == [(None, True)] * 2


def test_the_word_of_a_person_reaches_every_process_and_the_next_start(
    start_again: Callable[[], Runtime], wall: Wall
) -> None:
    web, worker = start_again(), start_again()
    schedule = Schedule(worker, wake=Wake())
    schedule.beat()
    wall.off = 2 * DAY
    assert {problem(web), problem(worker)} == {CLOCK_JUMPED}

    doctor.confirm_clock(start_again())
    schedule.beat()
    clock_guard.listen(clock_guard.guard_of(web.clock), web.db)

    for runtime in (web, worker, start_again()):
        assert (problem(runtime), runtime.clock() > utc_now() + DAY) == (None, True)


def test_after_the_word_of_a_person_a_server_may_be_off_for_long_again(
    start_again: Callable[[], Runtime], wall: Wall
) -> None:
    first = start_again()
    beat(first)
    wall.off = 2 * DAY
    beat(first)

    doctor.confirm_clock(start_again())
    wall.off += 20 * DAY

    assert problem(start_again()) is None


def test_a_process_that_only_serves_hears_the_word_by_itself(start_again: Callable[[], Runtime], wall: Wall) -> None:
    runtime = start_again()
    clock_guard.keep_listening(clock_guard.guard_of(runtime.clock), runtime.db, every_s=0.05)
    wall.off = 2 * DAY
    assert problem(runtime) == CLOCK_JUMPED

    doctor.confirm_clock(start_again())

    deadline = time.monotonic() + 20
    while problem(runtime) is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert problem(runtime) is None


def test_the_doctor_says_what_to_do_even_where_no_server_runs(start_again: Callable[[], Runtime], wall: Wall) -> None:
    wall.off = -TEN_YEARS
    runtime = start_again()
    believed = runtime.clock()
    beat(runtime)

    def clock_lines() -> list[str]:
        said: list[str] = []
        doctor.examine(runtime.settings, say=said.append)
        return [line for line in said if "Clock" in line]

    (wrong,) = clock_lines()
    wall.off = NONE
    doctor.confirm_clock(start_again())
    (right,) = clock_lines()

    assert wrong.startswith("wrong  Clock: clock far ahead of last run.")
    assert f"goes by {believed:%Y-%m-%d}" in wrong
    assert "regulars doctor --clock-is-right" in wrong
    assert right == "   ok  Clock: ok"


def test_a_demo_believes_the_clock_it_starts_under(start_again: Callable[[], Runtime], wall: Wall) -> None:
    runtime = start_again()
    beat(runtime)
    wall.off = TEN_YEARS

    demo = make_runtime(runtime.settings.model_copy(update={"demo": True}), clock=wall)

    assert problem(demo) is None
    demo.db.close()


def test_a_server_without_a_worker_starts_in_doubt_and_hears_the_word(
    cli: Cli, server_of: Callable[[Cli], Server]
) -> None:
    """Left by a run a year ahead, it goes by a time that is past the last beat; so its health says "silent"."""
    cli("verify")
    db, now = open_database(f"sqlite:///{cli.data_dir / 'regulars.db'}"), utc_now()
    left = {"at": (now + 400 * DAY).isoformat(), "clock": None, "beat": (now + 390 * DAY).isoformat()}
    facts.note(db, facts.HEARTBEAT, left, now=now)
    db.close()
    server = server_of(replace(cli, settings={**cli.settings, "REGULARS_PROCESS_ROLES": "web"})).start()

    def worker_word() -> str:
        return str(requests.get(f"{server.url}/healthz/deep", timeout=5).json()["checks"]["worker"])

    before = worker_word()
    said = cli("doctor", "--clock-is-right")
    deadline = time.monotonic() + 60
    while worker_word() != "ok" and time.monotonic() < deadline:
        time.sleep(0.5)

    assert before == "silent"
    assert "Clock: ok" in said.stdout
    assert worker_word() == "ok"
