"""Orders of one shop: one by one, by change, and all of the past."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

import structlog

from connectors.shoptet import mapping
from connectors.shoptet.client import SHAPE, Client, segment
from connectors.shoptet.notes import CreditNotes
from connectors.shoptet.shapes import (
    Change,
    Changes,
    OrderAnswer,
    OrderRow,
    OrderRows,
    RawNote,
    RawOrder,
    Statuses,
    read,
    rows_of,
)
from connectors.shoptet.snapshots import PAGES, Piece, Place, Snapshot
from connectors.shoptet.times import stamp
from core.commerce import ChangedOrder, Gone, Order
from core.errors import ExternalNotFound, InvalidInput, Unreadable
from core.ports import Page

log = structlog.get_logger(__name__)

# Shoptet keeps changes for 30 days; a day less, for it reckons by its own clock.
CHANGES_KEPT = timedelta(days=29)
CHANGES_AT_ONCE = 1000
ORDERS_AT_ONCE = 50  # more are refused
STATUSES_KEPT = timedelta(minutes=10)

Now = Callable[[], datetime]


class ShoptetOrders:
    """`now`: the clock, to know which changes Shoptet has forgotten."""

    def __init__(self, client: Client, notes: CreditNotes, snapshot: Snapshot, *, now: Now) -> None:
        self._client, self._notes, self._snapshot, self._now = client, notes, snapshot, now
        self._statuses = PaidStatuses(client, now)
        self._noted: Mapping[str, Sequence[str]] | None = None

    def get_order(self, external_id: str) -> Order | Gone:
        """The order with its credit notes. Gone only where Shoptet says that there is no such order."""
        try:
            body = self._detail(external_id)
        except ExternalNotFound:
            return Gone(external_id=external_id)
        if body.get("code") != external_id:
            raise Unreadable("The shop answered with another order than the one asked for.", code="other_order")
        try:
            raw = read(RawOrder, body)
            return self._order(raw, self._notes.of_order(external_id, mapping.placed_at(raw)))
        except InvalidInput as error:
            raise Unreadable(f"Order {external_id} cannot be read: {error.message}", code="mapping") from None

    def list_orders(self, *, changed_since: datetime, cursor: str | None = None) -> Page[ChangedOrder]:
        """Which orders changed at or after an instant, deleted ones too, and those whose credit notes did.

        An order may come twice. Oldest first as far as Shoptet lists them so.
        """
        at = _Place.read(cursor) if cursor else self._beginning(changed_since)
        read_page = {"old": self._old, "orders": self._changed, "notes": self._noted_changes}[at.part]
        return read_page(at)

    def list_placed_orders(self, *, placed_since: datetime | None, cursor: str | None = None) -> Page[Order]:
        """All orders, from the file of a job, or by pages. The first pages may be empty: the file is being made."""
        params = {"creationTimeFrom": stamp(placed_since)} if placed_since else {}
        if cursor is None:
            self._noted = None
            return _waiting(self._snapshot.begin(params))
        place = Place.read(cursor)
        if place.job is None:
            return self._placed_by_pages(place, params)
        piece = self._snapshot.piece(place, params)
        if not piece.rows:
            return _waiting(piece)
        return self._page_of([rows_of(row, "order") for row in piece.rows], piece.cursor)

    def _beginning(self, since: datetime) -> "_Place":
        forgotten = self._now() - CHANGES_KEPT
        if since >= forgotten:
            return _Place("orders", stamp(since), stamp(since))
        pages = self._old_page(since=stamp(since), until=stamp(forgotten), page=1).paginator.page_count
        return _Place("old", stamp(since), stamp(forgotten), page=max(1, pages))

    def _old(self, at: "_Place") -> Page[ChangedOrder]:
        """The last page first: an order that changes meanwhile leaves this list, and none slips through the gap."""
        found = self._old_page(since=at.since, until=at.begin, page=at.page).orders
        following = replace(at, page=at.page - 1) if at.page > 1 else _Place("orders", at.begin, at.begin)
        return _page_of_changes(found, following)

    def _old_page(self, *, since: str, until: str, page: int) -> OrderRows:
        asked = {"changeTimeFrom": since, "changeTimeTo": until, "page": str(page), "itemsPerPage": str(ORDERS_AT_ONCE)}
        return self._client.get("/api/orders", OrderRows, params=asked)

    def _changed(self, at: "_Place") -> Page[ChangedOrder]:
        asked = {"from": at.since, "itemsPerPage": str(CHANGES_AT_ONCE), "page": str(at.page)}
        found = self._client.get("/api/orders/changes", Changes, params=asked)
        following = _following(at, found) or _Place("notes", at.begin, at.begin)
        return _page_of_changes(found.changes, following)

    def _noted_changes(self, at: "_Place") -> Page[ChangedOrder]:
        """Of a note that was deleted nothing says any more which order it was of: comparing by night finds it."""
        found = self._client.get("/api/credit-notes/changes", Changes, params={"from": at.since, "page": str(at.page)})
        orders = self._notes.orders_of([row.code for row in found.changes], at.since)
        rows = [
            Change(code=orders[row.code], change_time=row.change_time) for row in found.changes if row.code in orders
        ]
        return _page_of_changes(rows, _following(at, found))

    def _placed_by_pages(self, place: Place, params: Mapping[str, str]) -> Page[Order]:
        asked = {**params, "page": str(place.offset), "itemsPerPage": str(ORDERS_AT_ONCE)}
        found = self._client.get("/api/orders", OrderRows, params=asked)
        bodies = []
        for row in found.orders:
            try:
                bodies.append(self._detail(row.code))
            except ExternalNotFound:
                continue
        more = place.offset < found.paginator.page_count and found.orders
        cursor = replace(PAGES, offset=place.offset + 1).write() if more else None
        page = self._page_of(bodies, cursor)
        return replace(page, total=found.paginator.total_count or None)

    def _page_of(self, bodies: Sequence[Mapping[str, Any]], cursor: str | None) -> Page[Order]:
        """Oldest first within the page, which is as far as Shoptet's own order can be mended."""
        if self._noted is None:
            self._noted = self._notes.by_order()
        noted = self._noted
        orders: list[Order] = []
        unreadable: list[str] = []
        for body in bodies:
            code = str(body.get("code") or "")[:100]
            try:
                raw = read(RawOrder, body)
                orders.append(self._order(raw, self._notes.whole(noted.get(raw.code, ()))))
            except (InvalidInput, Unreadable) as error:
                if isinstance(error, Unreadable) and error.code != SHAPE:
                    raise
                log.warning("shoptet.order_unreadable", order=code, why=error.message)
                unreadable += [code] if code else []
        orders.sort(key=lambda order: (order.placed_at, order.external_id))
        return Page(orders, cursor, unreadable=tuple(unreadable))

    def _detail(self, code: str) -> Mapping[str, Any]:
        params = {"include": "paymentTransactions"}
        return self._client.get(f"/api/orders/{segment(code)}", OrderAnswer, params=params).order

    def _order(self, raw: RawOrder, notes: Sequence[RawNote]) -> Order:
        """Raises InvalidInput."""
        needed = raw.paid is None and raw.status is not None
        return mapping.order_from(raw, notes, self._statuses.now() if needed else frozenset())


class PaidStatuses:
    """Ids of the shop's statuses that mark an order as paid, read anew from time to time."""

    def __init__(self, client: Client, now: Now) -> None:
        self._client, self._now = client, now
        self._lock = Lock()
        self._read: tuple[datetime, frozenset[int]] | None = None

    def now(self) -> frozenset[int]:
        with self._lock:
            moment = self._now()
            if self._read is None or moment - self._read[0] > STATUSES_KEPT:
                found = self._client.get("/api/orders/statuses", Statuses).statuses
                self._read = moment, frozenset(status.id for status in found if status.mark_as_paid)
            return self._read[1]


@dataclass(frozen=True)
class _Place:
    """Where list_orders stands. `part`: old orders, changes of orders, changes of notes; each begins at `begin`."""

    part: str
    since: str
    begin: str
    page: int = 1

    @classmethod
    def read(cls, text: str) -> "_Place":
        try:
            part, since, begin, page = json.loads(text)
            known = cls(str(part), str(since), str(begin), int(page))
        except (ValueError, TypeError, RecursionError):
            raise InvalidInput("This is not a cursor of ours", field="cursor") from None
        if known.part not in ("old", "orders", "notes") or known.page < 1:
            raise InvalidInput("This is not a cursor of ours", field="cursor")
        return known

    def write(self) -> str:
        return json.dumps([self.part, self.since, self.begin, self.page])


def _following(at: _Place, found: Changes) -> _Place | None:
    """What comes after a page of changes. Each thing stands there once, with its last change: one that changes meanwhile
    moves, and those behind it move up a place. So we go on by time where the list is in the order of time.
    """
    if at.page >= found.paginator.page_count or not found.changes:
        return None
    times = [row.change_time for row in found.changes]
    known = [moment for moment in times if moment is not None]
    if len(known) == len(times) and known == sorted(known) and stamp(known[-1]) > at.since:
        return replace(at, since=stamp(known[-1]), page=1)
    return replace(at, page=at.page + 1)


def _page_of_changes(rows: Sequence[OrderRow | Change], following: _Place | None) -> Page[ChangedOrder]:
    """Of a row without a time nobody can tell whether it is news: its order is to be read."""
    return Page(
        [ChangedOrder(external_id=row.code, changed_at=row.change_time) for row in rows if row.change_time],
        following.write() if following else None,
        unreadable=tuple(dict.fromkeys(row.code for row in rows if not row.change_time and row.code)),
    )


def _waiting(piece: Piece) -> Page[Order]:
    return Page([], piece.cursor, wait_s=piece.wait_s)
