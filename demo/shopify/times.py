"""Times as Shopify writes them: UTC with a Z in GraphQL, shop-local with an offset in webhook bodies."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

ZONE_NAME = "Europe/Prague"
ZONE = ZoneInfo(ZONE_NAME)


def utc(at: float) -> str:
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def utc_or_none(at: float | None) -> str | None:
    return None if at is None else utc(at)


def local(at: float) -> str:
    return datetime.fromtimestamp(int(at), ZONE).isoformat()


def local_or_none(at: float | None) -> str | None:
    return None if at is None else local(at)


def millis(at: float) -> str:
    """As headers and some topics have it: 2026-11-22T22:43:00.123Z."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read(text: str) -> float:
    """Unix seconds of an ISO date or time; without an offset it is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
