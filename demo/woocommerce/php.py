"""JSON as PHP writes it: ASCII, with escaped slashes. Signatures are over these very bytes."""

import json


def encode(value: object) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).replace("/", "\\/")


def number(value: float) -> int | float:
    """PHP drops the fraction of a whole float."""
    rounded = round(value, 10)
    return int(rounded) if rounded == int(rounded) else rounded
