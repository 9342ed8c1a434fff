"""What is done next about a code at the platform, and when its death is proven."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.commerce import Revocation
from core.rewards.redemption.effect import AfterRevoke, EffectView, Step, after_revoke, next_step, retry_at

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
EFFECT = EffectView(
    wanted="issued",
    actual="nothing",
    next_at=NOW,
    attempts=0,
    issue_started_at=None,
    absent_since=None,
    unreachable_since=None,
    used=None,
    last_error=None,
)
GONE = Revocation(code="X", existed=False)


@pytest.mark.parametrize(
    ("wanted", "actual", "step"),
    [
        ("issued", "nothing", "issue"),
        ("issued", "unknown", "issue"),
        ("issued", "issued", "nothing"),
        ("issued", "dead", "nothing"),
        ("dead", "nothing", "revoke"),
        ("dead", "unknown", "revoke"),
        ("dead", "issued", "revoke"),
        ("dead", "dead", "nothing"),
    ],
)
def test_the_next_step_leads_from_what_is_to_what_is_wanted(wanted: str, actual: str, step: Step) -> None:
    assert next_step(replace(EFFECT, wanted=wanted, actual=actual)) == step


@pytest.mark.parametrize(
    "effect",
    [
        replace(EFFECT, actual="nothing"),
        replace(EFFECT, actual="issued", issue_started_at=NOW),
        replace(EFFECT, actual="unknown"),
    ],
)
def test_a_code_whose_issue_has_ended_or_never_began_is_dead_at_once(effect: EffectView) -> None:
    assert after_revoke(effect, GONE, now=NOW) == AfterRevoke(dead=True)


@pytest.mark.parametrize(
    ("minutes_since_issue", "minutes_absent", "expected"),
    [
        (0, None, AfterRevoke(False, None, NOW + 10 * MINUTE)),
        (5, None, AfterRevoke(False, None, NOW + 5 * MINUTE)),
        (5, 5, AfterRevoke(False, None, NOW + 5 * MINUTE)),  # found nothing too early: that look does not count
        (9.5, None, AfterRevoke(False, None, NOW + MINUTE)),
        (10, None, AfterRevoke(False, NOW, NOW + MINUTE)),
        (30, None, AfterRevoke(False, NOW, NOW + MINUTE)),
        (30, 0.5, AfterRevoke(False, NOW - MINUTE / 2, NOW + MINUTE)),
        (30, 1, AfterRevoke(True)),
        (10, 1, AfterRevoke(True)),
        (30, 20, AfterRevoke(True)),
    ],
)
def test_an_issue_under_way_may_still_make_the_code_until_two_late_looks_find_nothing(
    minutes_since_issue: float, minutes_absent: float | None, expected: AfterRevoke
) -> None:
    effect = replace(
        EFFECT,
        actual="unknown",
        issue_started_at=NOW - minutes_since_issue * MINUTE,
        absent_since=None if minutes_absent is None else NOW - minutes_absent * MINUTE,
    )

    assert after_revoke(effect, GONE, now=NOW) == expected


@pytest.mark.parametrize(
    ("attempts", "asked_to_wait_s", "wait_s"),
    [(0, None, 5), (1, None, 10), (2, None, 20), (8, None, 1280), (9, None, 1800), (50, None, 1800), (3, 77, 77)],
)
def test_the_pause_doubles_up_to_half_an_hour_unless_the_shop_names_one(
    attempts: int, asked_to_wait_s: int | None, wait_s: int
) -> None:
    at = retry_at(replace(EFFECT, attempts=attempts), retry_after_s=asked_to_wait_s, now=NOW)

    assert at == NOW + timedelta(seconds=wait_s)
