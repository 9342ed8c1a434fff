"""Where a list goes on: a time and an id in the address, never an offset."""

from datetime import datetime

from core.errors import NotFound

_HEX = frozenset("0123456789abcdef")


def write_key(moment: datetime, row_id: str) -> str:
    return f"{moment.isoformat()}~{row_id}"


def read_key(text: str | None) -> tuple[datetime, str] | None:
    """None for no key. Raises NotFound for what we did not write."""
    if not text:
        return None
    written, _, row_id = text.partition("~")
    try:
        moment = datetime.fromisoformat(written)
    except ValueError as error:
        raise NotFound("There is no such page") from error
    if moment.tzinfo is None or len(row_id) != 32 or not set(row_id) <= _HEX:
        raise NotFound("There is no such page")
    return moment, row_id
