"""Times as WooCommerce writes them: shop-local and UTC, both without an offset; and how it reads what clients send."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Prague")


def local(at: int | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, ZONE).strftime("%Y-%m-%dT%H:%M:%S")


def gmt(at: int | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def read(value: str, *, naive_is_gmt: bool = False) -> int:
    """Unix seconds of a date a client sent. A naive value is shop time unless told; an offset or Z is honoured.

    With both an offset and `naive_is_gmt` the real shop turns the date into its own wall clock and holds that against its
    GMT column, so the moment moves by the shop's offset. Raises ValueError on anything else.
    """
    # A plus sign of an offset arrives as a space when the client forgot to encode it.
    moment = datetime.fromisoformat(value.strip().replace(" ", "+") if "T" in value else value.strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC if naive_is_gmt else ZONE)
    elif naive_is_gmt:
        moment = moment.astimezone(ZONE).replace(tzinfo=UTC)
    return int(moment.timestamp())


def php_date(at: int | None) -> dict[str, object] | None:
    """How old shops serialise a date object."""
    if at is None:
        return None
    text = datetime.fromtimestamp(at, ZONE).strftime("%Y-%m-%d %H:%M:%S.000000")
    return {"date": text, "timezone_type": 3, "timezone": "Europe/Prague"}
