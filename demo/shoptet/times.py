"""Times as Shoptet writes them: 2018-05-29T09:02:27+0200, in the zone of the shop, whole seconds."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Prague")
DAY_S = 86_400


def stamp(at: float) -> str:
    return datetime.fromtimestamp(int(at), ZONE).strftime("%Y-%m-%dT%H:%M:%S%z")


def moment(text: str) -> float:
    """Unix seconds of a time in a query. Raises ValueError, also where the plus sign came through as a space."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").timestamp()


def day(at: float) -> str:
    return datetime.fromtimestamp(int(at), ZONE).date().isoformat()


def starts(text: str) -> int:
    """The first second of a day of the shop. Raises ValueError."""
    return int(datetime.combine(date.fromisoformat(text), time(), ZONE).timestamp())


def ends(text: str) -> int:
    """The last second of a day of the shop. Raises ValueError."""
    following = date.fromisoformat(text) + timedelta(days=1)
    return int(datetime.combine(following, time(), ZONE).timestamp()) - 1
