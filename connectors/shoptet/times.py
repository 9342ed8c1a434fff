"""How Shoptet writes times."""

from datetime import UTC, datetime


def stamp(moment: datetime) -> str:
    """2018-05-29T09:02:27+0000: whole seconds, rounded down."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
