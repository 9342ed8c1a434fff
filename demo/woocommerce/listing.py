"""Lists of wc/v3: filters by date and id, sorting, pages of at most 100, and the headers that count them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar
from urllib.parse import parse_qsl, urlencode

from demo.woocommerce.calls import Call, Reply
from demo.woocommerce.site import Site


class Dated(Protocol):
    @property
    def id(self) -> int: ...
    @property
    def created_at(self) -> int: ...


T = TypeVar("T", bound=Dated)


@dataclass(frozen=True)
class Sort(Generic[T]):
    """The orderings one route offers."""

    keys: dict[str, Callable[[T], tuple[int | str, ...]]]
    default: str = "date"


def by_dates(call: Call, rows: Iterable[T], *, modified: Callable[[T], int] | None) -> list[T]:
    """Apply include, exclude, after, before and, where the route has them, modified_after and modified_before.

    All four are strict, and seconds are the finest step: an order changed in the very second asked for is not listed.
    """
    kept = list(rows)
    if include := set(call.ints("include")):
        kept = [row for row in kept if row.id in include]
    if exclude := set(call.ints("exclude")):
        kept = [row for row in kept if row.id not in exclude]
    if (after := call.moment("after")) is not None:
        kept = [row for row in kept if row.created_at > after]
    if (before := call.moment("before")) is not None:
        kept = [row for row in kept if row.created_at < before]
    if modified is None:
        return kept
    if (since := call.moment("modified_after")) is not None:
        kept = [row for row in kept if modified(row) > since]
    if (until := call.moment("modified_before")) is not None:
        kept = [row for row in kept if modified(row) < until]
    return kept


def page(
    site: Site,
    call: Call,
    rows: Sequence[T],
    sort: Sort[T],
    show: Callable[[T], object],
    *,
    default_order: str = "desc",
) -> Reply:
    """One page of the rows. Past the end: an empty list and a total of zero."""
    size = call.number("per_page", 10, least=1, most=100)
    number = call.number("page", 1, least=1)
    key = sort.keys[call.choice("orderby", sort.default, tuple(sort.keys))]
    backwards = call.choice("order", default_order, ("asc", "desc")) == "desc"
    start = call.number("offset", (number - 1) * size, least=0)
    ordered = sorted(rows, key=key, reverse=backwards)
    shown = ordered[start : start + size]
    total = len(rows) if shown else 0
    pages = -(-total // size)
    headers = {"X-WP-Total": str(total), "X-WP-TotalPages": str(pages)}
    if number > 1 and shown:
        headers["Link"] = _link(site, call, number - 1, "prev")
    if number < pages:
        following = _link(site, call, number + 1, "next")
        headers["Link"] = f"{headers['Link']}, {following}" if "Link" in headers else following
    return Reply([show(row) for row in shown], headers=headers)


def _link(site: Site, call: Call, number: int, rel: str) -> str:
    query = {**dict(parse_qsl(call.query_string)), "page": str(number)}
    return f'<{site.home_url}/wp-json{call.route}?{urlencode(query)}>; rel="{rel}"'
