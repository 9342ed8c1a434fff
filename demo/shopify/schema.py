"""The pruned Admin schema, made executable: scalars that check what goes out and what comes in."""

import re
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any

from graphql import GraphQLError, GraphQLScalarType, GraphQLSchema, build_schema

from demo.shopify import times

FILE = Path(__file__).with_name("admin.graphql")

DECIMAL = re.compile(r"-?\d+\.\d+")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
WHOLE = re.compile(r"\d+")
ADDRESS = re.compile(r"https?://\S+")

# What each custom scalar looks like in an answer.
FORMATS = {
    "Date": DAY,
    "DateTime": MOMENT,
    "Decimal": DECIMAL,
    "Money": DECIMAL,
    "URL": ADDRESS,
    "UnsignedInt64": WHOLE,
}


@cache
def admin_schema() -> GraphQLSchema:
    schema = build_schema(FILE.read_text(encoding="utf-8"), assume_valid=True)
    for name, pattern in FORMATS.items():
        scalar = schema.type_map.get(name)
        if isinstance(scalar, GraphQLScalarType):
            scalar.coerce_output_value = _writer(name, pattern)
            scalar.coerce_input_value = READERS.get(name, str)
    return schema


def _writer(name: str, pattern: re.Pattern[str]) -> Any:
    def write(value: object) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise GraphQLError(f"The shop wrote {value!r} for a {name}.")
        return value

    return write


def _read_decimal(value: object) -> Decimal:
    try:
        read = Decimal(str(value))
    except InvalidOperation:
        read = Decimal("nan")
    if isinstance(value, bool) or not read.is_finite():
        raise GraphQLError(f"invalid decimal '{value}'")
    return read


def _read_moment(value: object) -> str:
    try:
        times.read(str(value))
    except ValueError as error:
        raise GraphQLError(f"invalid DateTime '{value}'") from error
    return str(value)


def _read_day(value: object) -> str:
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError as error:
        raise GraphQLError(f"invalid Date '{value}'") from error


READERS = {"Date": _read_day, "DateTime": _read_moment, "Decimal": _read_decimal, "Money": _read_decimal}
