"""A clock gone wild must not make points expire."""

from datetime import UTC, datetime, timedelta

import pytest

from app.clock_guard import CLOCK_AHEAD, CLOCK_BEHIND, CLOCK_JUMPED, ClockGuard

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Time:
    """Wall clock and a clock that cannot be set, side by side."""

    def __init__(self) -> None:
        self.wall, self.running = START, 1000.0
        self.guard = ClockGuard(lambda: self.wall, running=lambda: self.running)

    def pass_(self, duration: timedelta, *, wall: timedelta | None = None) -> None:
        self.running += duration.total_seconds()
        self.wall += duration if wall is None else wall


def test_time_that_passes_is_no_reason_to_stop() -> None:
    time = Time()
    for _ in range(400):
        time.pass_(timedelta(days=1))
        assert time.guard.problem() is None


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(days=3650), timedelta(hours=-1), timedelta(days=-3650)])
def test_a_jump_of_an_hour_stops_and_does_not_heal_by_itself(jump: timedelta) -> None:
    time = Time()
    time.wall += jump

    assert time.guard.problem() == CLOCK_JUMPED
    time.wall -= jump
    assert time.guard.problem() == CLOCK_JUMPED


@pytest.mark.parametrize("jump", [timedelta(minutes=59), timedelta(minutes=-59), timedelta(seconds=3)])
def test_small_corrections_are_what_time_servers_do(jump: timedelta) -> None:
    time = Time()
    time.wall += jump

    assert time.guard.problem() is None


def test_small_jumps_add_up() -> None:
    time = Time()
    for _ in range(3):
        time.wall += timedelta(minutes=25)

    assert time.guard.problem() == CLOCK_JUMPED


@pytest.mark.parametrize(
    ("heartbeat", "problem"),
    [
        (None, None),
        (START - timedelta(minutes=1), None),
        (START - timedelta(days=40), None),
        (START - timedelta(days=46), CLOCK_AHEAD),
        (START + timedelta(minutes=4), None),
        (START + timedelta(hours=2), CLOCK_BEHIND),
        (START + timedelta(days=3650), CLOCK_BEHIND),
    ],
)
def test_at_the_start_the_last_heartbeat_is_the_measure(heartbeat: datetime | None, problem: str | None) -> None:
    time = Time()
    time.guard.start(heartbeat)

    assert time.guard.problem() == problem


def test_a_person_can_say_that_the_clock_is_right() -> None:
    time = Time()
    time.wall += timedelta(days=2)
    assert time.guard.problem() == CLOCK_JUMPED

    time.guard.confirm()

    assert time.guard.problem() is None
    time.pass_(timedelta(days=1))
    assert time.guard.problem() is None
