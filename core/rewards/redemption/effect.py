"""What to do next about the one object that a redemption has at the platform, and what an answer means. Pure.

Once dead is wanted, no issue is sent. A crash or time-out leaves the outcome of an issue unknown: then "not found" means
dead only when the last issue began long ago and two look-ups some time apart found nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from core.commerce import Revocation

ISSUE_IS_OVER_AFTER = timedelta(minutes=10)
LOOK_AGAIN_AFTER = timedelta(minutes=1)
FIRST_RETRY_S, LONGEST_RETRY_S = 5, 1800

Step = Literal["issue", "revoke", "nothing"]


@dataclass(frozen=True)
class EffectView:
    """`wanted`: issued or dead. `actual`: nothing, unknown (an issue was begun), issued or dead. `used`: as the platform told."""

    wanted: str
    actual: str
    next_at: datetime | None
    attempts: int
    issue_started_at: datetime | None
    absent_since: datetime | None
    unreachable_since: datetime | None
    used: bool | None
    last_error: str | None


@dataclass(frozen=True)
class AfterRevoke:
    """`dead` is proven, or look again at `look_again_at`."""

    dead: bool
    absent_since: datetime | None = None
    look_again_at: datetime | None = None


def next_step(effect: EffectView) -> Step:
    if effect.wanted == "dead":
        return "nothing" if effect.actual == "dead" else "revoke"
    return "nothing" if effect.actual in ("issued", "dead") else "issue"


def after_revoke(effect: EffectView, revocation: Revocation, *, now: datetime) -> AfterRevoke:
    """Whether the code is dead for good now."""
    if effect.actual != "unknown" or effect.issue_started_at is None:
        return AfterRevoke(dead=True)
    over_at = effect.issue_started_at + ISSUE_IS_OVER_AFTER
    if now >= over_at and effect.absent_since is not None and now - effect.absent_since >= LOOK_AGAIN_AFTER:
        return AfterRevoke(dead=True)
    # It was there and is deleted, or it is not there: the issue that is under way may still make it (again).
    absent_since = (effect.absent_since or now) if now >= over_at else None
    return AfterRevoke(dead=False, absent_since=absent_since, look_again_at=max(over_at, now + LOOK_AGAIN_AFTER))


def retry_at(effect: EffectView, *, retry_after_s: int | None, now: datetime) -> datetime:
    return now + timedelta(seconds=retry_after_s or min(LONGEST_RETRY_S, FIRST_RETRY_S * 2**effect.attempts))
