"""The whole past of a shop: a bulk operation makes a file of it at Shopify, which we read a piece at a time.

Nothing is kept here between two calls: the cursor says which operation, and where in its file we stand. Orders come with
their lines behind them (groupObjects), so a piece is cut before its last order, which may go on in the next one.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from pydantic import ValidationError

from connectors.graphql import GraphQLClient, operation_text
from connectors.shopify import api
from connectors.shopify.shapes import BulkOperation, ListedOrder
from connectors.transport import Call, Transport
from core.errors import InvalidInput, PlatformRefused, ShopUnavailable, Unreadable

log = structlog.get_logger(__name__)

PIECE_BYTES = 512 * 1024
# An order of the longest kind; one that needs more cannot be read.
LARGEST_PIECE_BYTES = 8 * 1024 * 1024

_QUERY = operation_text("connectors.shopify", "bulk_placed_orders")
_NAMELESS = "  customer {\n    id\n  }"
_NAMED = "  customer {\n    id\n    firstName\n    lastName\n    defaultEmailAddress {\n      emailAddress\n    }\n  }"
_CHILDREN = {"LineItem": "lineItems", "ShippingLine": "shippingLines"}
_BUSY = frozenset({"CREATED", "RUNNING"})
_FULL = frozenset({"LIMIT_REACHED", "OPERATION_IN_PROGRESS"})

# Shopify takes from seconds to hours to make the file.
LOOK_AGAIN_S = 5
# A failed operation is begun anew; what had been read is known then, and taken once only.
OPERATIONS_AT_MOST = 3


@dataclass(frozen=True)
class Found:
    """A piece of the past. `unreadable`: ids. `wait_s`: nothing is there yet, look again after so long."""

    orders: list[ListedOrder]
    cursor: str | None
    total: int | None = None
    unreadable: tuple[str, ...] = ()
    wait_s: int | None = None


@dataclass(frozen=True)
class Place:
    """`operation`: the gid of the bulk operation. `offset`: bytes of its file that have been read. `number`: which try it is."""

    operation: str
    offset: int = 0
    number: int = 1

    @classmethod
    def read(cls, text: str) -> "Place":
        try:
            operation, offset, number = json.loads(text)
        except (ValueError, TypeError):
            raise InvalidInput("This is not a cursor of ours", field="cursor") from None
        if not (isinstance(operation, str) and isinstance(offset, int) and isinstance(number, int) and offset >= 0):
            raise InvalidInput("This is not a cursor of ours", field="cursor")
        return cls(operation, offset, number)

    def write(self) -> str:
        return json.dumps([self.operation, self.offset, self.number])


class PlacedOrders:
    """`files`: its own transport, for the file lies with another host than the shop, signed by its address.

    `names`: whether customers' names may be asked for. A file that asks for more than is granted fails as a whole, so
    after a failure they are left out.
    """

    def __init__(
        self, client: GraphQLClient, files: Transport, *, names: bool = False, piece_bytes: int = PIECE_BYTES
    ) -> None:
        self._client = client
        self._names = names
        self._files = files
        self._piece_bytes = piece_bytes

    def page(self, *, placed_since: datetime | None, cursor: str | None) -> Found:
        """Raises PlatformRefused where Shopify fails to make the file, time and again; else PlatformError."""
        if cursor is None:
            return Found([], Place(self._begin(placed_since, names=self._names)).write(), wait_s=LOOK_AGAIN_S)
        place = Place.read(cursor)
        operation = self._client.execute(api.BULK_STATUS, {"id": place.operation}).bulk_operation
        if operation is not None and operation.status in _BUSY:
            return Found([], place.write(), operation.root_object_count or None, wait_s=LOOK_AGAIN_S)
        if operation is not None and operation.status == "COMPLETED":
            return self._read(place, operation)
        why = (operation.error_code or operation.status) if operation is not None else "UNKNOWN"
        if place.number >= OPERATIONS_AT_MOST:
            raise PlatformRefused(f"Shopify could not export the orders ({why}).", code=why)
        log.warning("shopify.bulk_begun_anew", why=why)
        anew = Place(self._begin(placed_since, names=False), number=place.number + 1)
        return Found([], anew.write(), wait_s=LOOK_AGAIN_S)

    def _begin(self, placed_since: datetime | None, *, names: bool) -> str:
        answer = self._client.execute(
            api.BULK_RUN, {"query": query(placed_since, names=names)}
        ).bulk_operation_run_query
        if any(error.code in _FULL for error in answer.user_errors):
            raise ShopUnavailable("The shop is busy with other exports.", code="bulk_busy", retry_after_s=60)
        self._client.raise_for(answer.user_errors)
        if answer.bulk_operation is None:
            raise Unreadable("Shopify did not say which export it began.", code="no_operation")
        return answer.bulk_operation.id

    def _read(self, place: Place, operation: BulkOperation) -> Found:
        total = operation.root_object_count
        size = operation.file_size or 0
        if operation.url is None or place.offset >= size:  # a shop without orders has no file
            return Found([], None, total)
        url, length = operation.url, self._piece_bytes
        while True:
            is_last = place.offset + length >= size
            piece = self._piece(url, place.offset, length)
            taken = len(piece) if is_last else _whole_orders(piece)
            if taken:
                break
            if length >= LARGEST_PIECE_BYTES:
                raise Unreadable("An order in Shopify's export is larger than we can read.", code="bulk_order_size")
            length = min(length * 4, LARGEST_PIECE_BYTES)
        orders, unreadable = _orders(piece[:taken])
        after = place.offset + taken
        following = Place(place.operation, after, place.number).write() if after < size else None
        return Found(orders, following, total, unreadable)

    def _piece(self, url: str, offset: int, length: int) -> bytes:
        headers = {"Range": f"bytes={offset}-{offset + length - 1}", "Accept-Encoding": "identity"}
        answer = self._files.send(lambda: Call("GET", url, headers))
        if answer.status != 206:
            raise Unreadable("Shopify's export cannot be read in pieces.", code="bulk_file", http_status=answer.status)
        return answer.body


def query(placed_since: datetime | None, *, names: bool) -> str:
    """The bulk query's text: all orders, or those created since. It takes no variables."""
    text = _QUERY.replace(_NAMELESS, _NAMED) if names else _QUERY
    if placed_since is None:
        return text
    since = placed_since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return text.replace("(sortKey: CREATED_AT)", f"(sortKey: CREATED_AT, query: \"created_at:>='{since}'\")")


def _whole_orders(piece: bytes) -> int:
    """How many bytes of a piece hold whole orders only: up to its last line that begins an order."""
    end = len(piece)
    while (begin := piece.rfind(b"\n", 0, end)) >= 0:
        line = piece[begin + 1 : end]
        # Only lines that are whole can be told apart; the last may be cut.
        if end != len(piece) and _is_order(line):
            return begin + 1
        end = begin
    return 0


def _is_order(line: bytes) -> bool:
    try:
        row = json.loads(line)
    except ValueError:
        return False
    return isinstance(row, dict) and "__parentId" not in row


def _orders(piece: bytes) -> tuple[list[ListedOrder], tuple[str, ...]]:
    orders: list[ListedOrder] = []
    unreadable: list[str] = []
    for body in _grouped(piece):
        try:
            orders.append(ListedOrder.model_validate(body))
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            order = str(body.get("legacyResourceId"))
            log.warning("shopify.order_unreadable", order=order, place=first["loc"], why=first["type"])
            if order.isascii() and order.isdigit():
                unreadable.append(order)
    return orders, tuple(unreadable)


def _grouped(piece: bytes) -> Iterator[dict[str, Any]]:
    """The rows of a piece, each order with what follows it put in its place."""
    order: dict[str, Any] | None = None
    for text in piece.splitlines():
        row = _row(text)
        if "__parentId" not in row:
            if order is not None:
                yield order
            order = {**row, **{name: {"nodes": []} for name in ("lineItems", "shippingLines", "discountApplications")}}
        elif order is not None and row["__parentId"] == order.get("id"):
            order[_list_of(row)]["nodes"].append(row)
    if order is not None:
        yield order


def _row(text: bytes) -> dict[str, Any]:
    try:
        row = json.loads(text, parse_float=str)
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise Unreadable("Shopify's export holds a line that is no JSON.", code="bulk_line")
    return row


def _list_of(row: dict[str, Any]) -> str:
    """Which list a row belongs to: its id names its kind, and discount applications have none."""
    kind = str(row.get("id", "")).removeprefix("gid://shopify/").partition("/")[0]
    return _CHILDREN.get(kind, "discountApplications")
