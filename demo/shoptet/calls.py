"""What the calls of the API share: what they are given and answer, queries, pages, times, modules."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from demo.shoptet.amounts import Json
from demo.shoptet.envelope import Fault, Refused
from demo.shoptet.site import Site
from demo.shoptet.times import DAY_S, moment, stamp

Row = TypeVar("Row")
CHANGES_KEPT_S = 30 * DAY_S


@dataclass(frozen=True)
class Call:
    """`sent`: the JSON of the body; `values`: from the path; `announce(event, instance)` queues a webhook."""

    site: Site
    announce: Callable[[str, str], None]
    method: str
    sent: Any
    query: Mapping[str, str]
    values: Mapping[str, Any]

    def include(self) -> frozenset[str]:
        return frozenset(each.strip() for each in self.query.get("include", "").split(",") if each.strip())


@dataclass(frozen=True)
class Done:
    """`metadata=False`: of the few answers that have none."""

    data: Any = None
    status: int = 200
    errors: Sequence[Fault] = field(default_factory=tuple)
    metadata: bool = True


View = Callable[[Call], Done]


def paged(
    call: Call, name: str, rows: Sequence[Row], show: Callable[[Row], Json], *, default: int = 20, most: int,
    strict: bool = False,
) -> Done:  # fmt: skip
    """One page of rows under `name`. More than the maximum per page is cut down to it, or refused (`strict`)."""
    size, page = whole(call, "itemsPerPage", default), whole(call, "page", 1)
    if size > most and strict:
        raise invalid("itemsPerPage", f'Invalid "itemsPerPage" parameter. Maximum value is {most}.')
    if size < 1 or page < 1:
        raise invalid("page" if page < 1 else "itemsPerPage", "The value must be higher than zero.")
    size = min(size, most)
    shown = rows[(page - 1) * size : page * size]
    paginator = {
        "totalCount": len(rows),
        "page": page,
        "pageCount": -(-len(rows) // size),
        "itemsOnPage": len(shown),
        "itemsPerPage": size,
    }
    return Done({name: [show(row) for row in shown], "paginator": paginator})


def whole(call: Call, name: str, default: int) -> int:
    given = call.query.get(name, "")
    if not given:
        return default
    try:
        return int(given)
    except ValueError:
        raise invalid(name, f'Invalid value "{given}" for parameter "{name}".') from None


def yes_or_no(call: Call, name: str) -> bool | None:
    given = call.query.get(name, "").lower()
    if not given:
        return None
    if given not in {"true", "false", "1", "0"}:
        raise invalid(name, f'Invalid value "{given}" for parameter "{name}".')
    return given in {"true", "1"}


def at(call: Call, name: str) -> float | None:
    """A time of the query."""
    given = call.query.get(name, "")
    if not given:
        return None
    try:
        return moment(given)
    except ValueError:
        raise invalid(name, f'Invalid value "{given}" for parameter "{name}". ISO 8601 is expected.') from None


def between(call: Call, name: str) -> Callable[[float], bool]:
    """Does a time lie between <name>From and <name>To, both included."""
    first, last = at(call, f"{name}From"), at(call, f"{name}To")
    return lambda time: (first is None or time >= first) and (last is None or time <= last)


def changes(call: Call, kind: str, field: str, living: Mapping[str, int], *, most: int, default: int = 20) -> Done:
    """The last change of each thing since `from`, oldest first. `living`: identifier -> when it last changed."""
    if "from" not in call.query:
        raise Refused(400, ("missing-parameter", 'Missing value for parameter "from".', "from"))
    since = max(at(call, "from") or 0.0, call.site.now() - CHANGES_KEPT_S)
    wanted = call.query.get("changeType", "")
    if wanted not in {"", "edit", "delete"}:
        raise invalid("changeType", f'Invalid value "{wanted}" for parameter "changeType".')
    found = [(time, key, "edit") for key, time in living.items()]
    found += [(time, key, "delete") for key, time in call.site.deleted[kind].items()]
    rows = sorted(row for row in found if row[0] >= since and wanted in {"", row[2]})
    return paged(
        call, "changes", rows, lambda row: {field: row[1], "changeTime": stamp(row[0]), "changeType": row[2]},
        default=default, most=most,
    )  # fmt: skip


def need_module(site: Site, name: str) -> None:
    if name not in site.modules:
        raise Refused(403, ("missing-module", f"Method requires active {name} module in eshop.", name))


def invalid(name: str, message: str) -> Refused:
    return Refused(400, ("invalid-parameter", message, name))
