"""What a written body must look like. What breaks the schema is answered 422 as a whole, however much of it is right."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from demo.shoptet.envelope import Fault, Refused

Check = Callable[[Any], str]
INVALID = "invalid-request-data"
GUID = r"^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$"
MONEY = r"^(-)?[0-9]+\.[0-9]{2}$"
RATIO = r"^[0-1]\.[0-9]{4}$"
ANY_RATIO = r"^[0-9]+\.[0-9]{4}$"
CURRENCY = r"^[a-zA-Z]{3}$"


def text(*, least: int = 0, most: int = 1 << 20) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str):
            return f"{_kind(value)} value found, but a string is required"
        if len(value) < least:
            return f"Must be at least {least} characters long"
        return f"Must be at most {most} characters long" if len(value) > most else ""

    return check


def like(pattern: str) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str):
            return f"{_kind(value)} value found, but a string is required"
        return "" if re.search(pattern, value) else f"Does not match the regex pattern {pattern}"

    return check


def whole(*, least: int | None = None, most: int | None = None) -> Check:
    def check(value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, int):
            return f"{_kind(value)} value found, but an integer is required"
        fits = (least is None or value >= least) and (most is None or value <= most)
        return "" if fits else f"Must be between {least} and {most}"

    return check


def flag(value: Any) -> str:
    return "" if isinstance(value, bool) else f"{_kind(value)} value found, but a boolean is required"


def day(value: Any) -> str:
    wrong = like(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")(value)
    if wrong:
        return wrong
    try:
        date.fromisoformat(value)
    except ValueError:
        return "Invalid date"
    return ""


def one_of(*choices: str) -> Check:
    def check(value: Any) -> str:
        listed = ",".join(f'"{each}"' for each in choices)
        return "" if value in choices else f"Does not have a value in the enumeration [{listed}]"

    return check


def maybe(inner: Check) -> Check:
    """The same, or null."""
    return lambda value: "" if value is None else inner(value)


def list_of(inner: Check) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, list):
            return f"{_kind(value)} value found, but an array is required"
        return next((wrong for wrong in map(inner, value) if wrong), "")

    return check


def anything(value: Any) -> str:
    return ""


def thing(value: Any) -> str:
    return "" if isinstance(value, dict) else f"{_kind(value)} value found, but an object is required"


def faults(value: Any, shape: Mapping[str, Check], path: str, *, required: tuple[str, ...] = ()) -> list[Fault]:
    """What is wrong with an object: missing, unknown and ill-shaped properties."""
    if not isinstance(value, dict):
        return [(INVALID, f"{_kind(value)} value found, but an object is required", path)]
    found = [(INVALID, f"The property {name} is required", f"{path}.{name}") for name in required if name not in value]
    for name, each in value.items():
        check = shape.get(name)
        wrong = check(each) if check is not None else "The property is not defined and additional ones are not allowed"
        if wrong:
            found.append((INVALID, wrong, f"{path}.{name}"))
    return found


def data(body: Any) -> Any:
    """What is under `data`. Raises Refused."""
    if not isinstance(body, dict) or "data" not in body:
        raise Refused(422, (INVALID, "The property data is required", "data"))
    if len(body) > 1:
        raise Refused(422, (INVALID, "Only the property data is allowed", "payload"))
    return body["data"]


def checked(body: Any, shape: Mapping[str, Check], *, required: tuple[str, ...] = ()) -> dict[str, Any]:
    """`data` as an object of this shape. Raises Refused."""
    value = data(body)
    found = faults(value, shape, "data", required=required)
    if found:
        raise Refused(422, *found)
    return dict(value)


def many(
    value: Any, shape: Mapping[str, Check], path: str, *, most: int, required: tuple[str, ...] = ()
) -> list[dict[str, Any]]:
    """A list of 1 to `most` objects. Raises Refused: 413 for too many of them."""
    if not isinstance(value, list) or not value:
        raise Refused(422, (INVALID, "There must be a minimum of 1 items in the array", path))
    if len(value) > most:
        raise Refused(413, ("too-many-rows", f"There must be a maximum of {most} items in the array", path))
    found = [
        fault
        for place, each in enumerate(value)
        for fault in faults(each, shape, f"{path}[{place}]", required=required)
    ]
    if found:
        raise Refused(422, *found)
    return [dict(each) for each in value]


def _kind(value: Any) -> str:
    names = {bool: "Boolean", int: "Integer", float: "Double", str: "String", list: "Array", dict: "Object"}
    return names.get(type(value), "NULL")
