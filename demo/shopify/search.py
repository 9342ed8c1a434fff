"""Shopify's search words: `updated_at:>='2026-11-01T00:00:00Z' test:false`. Terms are joined by AND.

A field that the list does not know is ignored, and a warning says so in `extensions.search`: that is what Shopify does.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from demo.shopify import times

T = TypeVar("T")
TERM = re.compile(r"""(-?)([a-z_]+):(>=|<=|>|<)?\s*('[^']*'|"[^"]*"|[^\s]+)""", re.IGNORECASE)
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


@dataclass(frozen=True)
class Fields(Generic[T]):
    """What can be searched by: moments (compared as seconds), numbers, and words (compared without case)."""

    moments: Mapping[str, Callable[[T], float]]
    numbers: Mapping[str, Callable[[T], int]]
    words: Mapping[str, Callable[[T], list[str]]]


@dataclass
class Search(Generic[T]):
    """`matches(row)`; `since[field]`: no row below that can match; `warnings`: what was not understood."""

    tests: list[Callable[[T], bool]] = field(default_factory=list)
    since: dict[str, float] = field(default_factory=dict)
    warnings: list[dict[str, str]] = field(default_factory=list)

    def matches(self, row: T) -> bool:
        return all(test(row) for test in self.tests)


def read(text: str | None, fields: Fields[T]) -> Search[T]:
    search: Search[T] = Search()
    for minus, name, comparison, raw in TERM.findall(text or ""):
        given = raw.strip("'\"")
        test = _test(fields, name.lower(), comparison, given, search)
        if test is not None:
            search.tests.append(_negated(test) if minus else test)
    return search


def _negated(test: Callable[[T], bool]) -> Callable[[T], bool]:
    return lambda row: not test(row)


def _test(fields: Fields[T], name: str, comparison: str, given: str, search: Search[T]) -> Callable[[T], bool] | None:
    if name in fields.moments or name in fields.numbers:
        of = fields.moments.get(name) or fields.numbers[name]
        try:
            value = times.read(given) if name in fields.moments else float(int(given.rpartition("/")[2]))
        except ValueError:
            search.warnings.append(_warning(name, f"Input `{given}` is not a valid value.", "invalid_value"))
            return None
        if comparison in {">", ">="}:
            search.since[name] = max(search.since.get(name, value), value)
        compare = COMPARISONS[comparison]
        return lambda row: compare(of(row), value)
    if name in fields.words:
        words, wanted = fields.words[name], {part.lower() for part in given.split(",")}
        return lambda row: not wanted.isdisjoint(word.lower() for word in words(row))
    search.warnings.append(_warning(name, "Invalid search field for this query.", "invalid_field"))
    return None


def _warning(name: str, message: str, code: str) -> dict[str, str]:
    return {"field": name, "message": message, "code": code}
