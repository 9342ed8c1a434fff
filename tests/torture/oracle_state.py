"""What the oracle keeps of an order and of a redemption: what it was told, and what it holds as booked."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.commerce import Order
from tests.torture.oracle_sums import Rules

CHECKOUT_LIFE = timedelta(minutes=60)


@dataclass
class KnownOrder:
    """`number`: heard of as the so-manieth. `state` is the newest accepted snapshot, `stamp` the platform's word on its age."""

    number: int
    state: Order | None = None
    stamp: datetime | None = None
    gone_since: datetime | None = None
    deleted: bool = False
    deleted_late: bool = False
    rules: Rules | None = None
    owner: str | None = None
    currency: str = ""
    earned_at: datetime | None = None
    matures_at: datetime | None = None
    expires_at: datetime | None = None
    was_guests: bool = False
    decision: tuple[str, int] | None = None
    booked: dict[tuple[str, str], int] = field(default_factory=dict)  # by customer and line
    clawed_at: datetime | None = None


@dataclass
class Redeeming:
    """`at_shop`: nothing, unknown (an issue was begun), issued, dead. `orders`: captured points by order."""

    number: int
    customer: str
    points: int
    face: int
    currency: str
    rules: Rules
    code_ends: datetime
    state: str = "open"
    wants_death: bool = False
    at_shop: str = "nothing"
    issue_begun_at: datetime | None = None
    absent_since: datetime | None = None
    silent_since: datetime | None = None
    used: bool = False
    gave_up: bool = False
    orders: dict[str, int] = field(default_factory=dict)

    @property
    def hold_ends(self) -> datetime:
        return self.code_ends + CHECKOUT_LIFE
