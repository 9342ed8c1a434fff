"""One REST call and its answer, and how parameters are read: unknown ones are ignored, wrong ones refused."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from demo.woocommerce.auth import Caller
from demo.woocommerce.errors import invalid_param
from demo.woocommerce.times import read

TRUE = frozenset({"1", "true", "yes", "on"})


@dataclass(frozen=True, slots=True)
class Call:
    """`params` are the query and, over it, the JSON or form body. `ids` come from the path."""

    method: str
    route: str
    params: Mapping[str, Any]
    caller: Caller
    query_string: str = ""
    ids: Mapping[str, int] = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        value = self.params.get(name)
        return default if value is None else str(value)

    def flag(self, name: str) -> bool:
        value = self.params.get(name, False)
        return value if isinstance(value, bool) else str(value).lower() in TRUE

    def number(self, name: str, default: int, *, least: int | None = None, most: int | None = None) -> int:
        value = self.params.get(name)
        if value is None or value == "":
            return default
        if isinstance(value, bool) or not str(value).lstrip("-").isdigit():
            raise invalid_param(name, f"{name} is not of type integer.", code="rest_invalid_type")
        found = int(value)
        if (least is not None and found < least) or (most is not None and found > most):
            detail = f"{name} must be greater than or equal to {least}"
            if most is not None:
                detail = f"{name} must be between {least} (inclusive) and {most} (inclusive)"
            raise invalid_param(name, detail, code="rest_out_of_bounds")
        return found

    def words(self, name: str) -> list[str]:
        """A list parameter: a JSON list or comma-separated text."""
        value = self.params.get(name)
        parts = value if isinstance(value, list) else str(value).split(",") if value not in (None, "") else []
        return [str(part).strip() for part in parts if str(part).strip()]

    def ints(self, name: str) -> list[int]:
        words = self.words(name)
        if any(not word.isdigit() for word in words):
            raise invalid_param(name, f"{name}[0] is not of type integer.", code="rest_invalid_type")
        return [int(word) for word in words]

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        value = self.text(name, default)
        if value not in allowed:
            raise invalid_param(name, f"{name} is not one of {', '.join(allowed)}.", code="rest_not_in_enum")
        return value

    def moment(self, name: str) -> int | None:
        value = self.params.get(name)
        if value in (None, ""):
            return None
        try:
            return read(str(value), naive_is_gmt=self.flag("dates_are_gmt"))
        except ValueError as error:
            raise invalid_param(name, "Invalid date.", code="rest_invalid_date") from error


@dataclass(frozen=True, slots=True)
class Reply:
    """`before_sending` runs once the shop's lock is free again: calls to other machines belong there."""

    body: object
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    before_sending: Callable[[], object] | None = None


def only_fields(body: object, wanted: list[str]) -> object:
    """`_fields=id,billing.email`: keep those, everywhere in a list."""
    if not wanted:
        return body
    if isinstance(body, list):
        return [only_fields(row, wanted) for row in body]
    if not isinstance(body, dict):
        return body
    kept: dict[str, object] = {}
    for path in wanted:
        head, _, rest = path.partition(".")
        if head not in body:
            continue
        value = body[head]
        if rest and isinstance(value, dict):
            deeper = only_fields(value, [rest])
            before = kept.get(head)
            kept[head] = {**before, **deeper} if isinstance(before, dict) and isinstance(deeper, dict) else deeper
        else:
            kept[head] = value
    return kept
