"""Connections: pages of rows behind opaque cursors, and the limits that Shopify sets on them."""

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

from graphql import GraphQLError

V = TypeVar("V")
Key = tuple[float, int]
# Rows with their keys, in order, from behind a key on.
Source = Callable[[Key | None], Iterator[tuple[Key, V]]]

MOST = 250


@dataclass(frozen=True, slots=True)
class Edge(Generic[V]):
    node: V
    TYPE = "Edge"


@dataclass(frozen=True, slots=True)
class PageInfo:
    """Attributes are named as in the schema."""

    hasNextPage: bool
    endCursor: str | None
    TYPE = "PageInfo"


class Connection(Generic[V]):
    """One page, or, for a bulk operation, all `rows`. Attributes are named as in the schema."""

    TYPE = "Connection"

    def __init__(self, source: Source[V], first: int | None, after: str | None) -> None:
        self._source = source
        self._first = first
        self._after = after
        self._page: list[tuple[Key, V]] | None = None
        self._more = False

    def rows(self) -> Iterator[V]:
        return (row for _, row in self._source(None))

    @property
    def nodes(self) -> list[V]:
        return [row for _, row in self._read()]

    @property
    def edges(self) -> list[Edge[V]]:
        return [Edge(row) for _, row in self._read()]

    @property
    def pageInfo(self) -> PageInfo:
        page = self._read()
        return PageInfo(self._more, _cursor(page[-1][0]) if page else None)

    def _read(self) -> list[tuple[Key, V]]:
        if self._page is None:
            if self._first is None:
                raise GraphQLError("you must provide one of first or last", extensions={"code": "BAD_REQUEST"})
            if not 0 <= self._first <= MOST:
                raise GraphQLError(f"first cannot exceed {MOST}", extensions={"code": "BAD_REQUEST"})
            found = list(islice(self._source(_key(self._after)), self._first + 1))
            self._page, self._more = found[: self._first], len(found) > self._first
        return self._page


def listed(rows: Sequence[V], first: int | None, after: str | None = None) -> Connection[V]:
    """The connection of a short list."""

    def source(behind: Key | None) -> Iterator[tuple[Key, V]]:
        start = 0 if behind is None else behind[1] + 1
        return (((float(place), place), row) for place, row in enumerate(rows) if place >= start)

    return Connection(source, first, after)


def _cursor(key: Key) -> str:
    return base64.b64encode(json.dumps({"last_id": key[1], "last_value": key[0]}).encode()).decode()


def _key(cursor: str | None) -> Key | None:
    if cursor is None:
        return None
    try:
        read = json.loads(base64.b64decode(cursor, validate=True))
        return float(read["last_value"]), int(read["last_id"])
    except (ValueError, KeyError, TypeError) as error:
        raise GraphQLError("Invalid cursor for current pagination sort.", extensions={"code": "BAD_REQUEST"}) from error
