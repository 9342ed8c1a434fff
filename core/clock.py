"""Time comes in as an argument; this is where it is read. All instants are UTC and aware."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from datetime import time as day_time
from zoneinfo import ZoneInfo

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a day in a zone, as UTC. Where midnight does not exist, the first instant after the gap."""
    first = datetime.combine(day, day_time.min, tzinfo=zone)
    return first.astimezone(UTC)


def end_of_day_after(moment: datetime, zone: ZoneInfo, *, days: int) -> datetime:
    """The first instant after the local day that lies `days` days after `moment`'s: "valid through" that day."""
    return start_of_day(moment.astimezone(zone).date() + timedelta(days=days + 1), zone)
