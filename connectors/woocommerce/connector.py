"""The WooCommerce connector: core.ports on the REST API wc/v3. Orders and customers here, the rest in modules beside.

Read mapping.py for what WooCommerce's words mean, client.py for how its refusals read.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from connectors.shopper_tokens import TokenIdentifier
from connectors.transport import AddressPolicy, Transport
from connectors.woocommerce import mapping
from connectors.woocommerce.client import PER_PAGE, Client, Rows, numeric_id
from connectors.woocommerce.discounts import WooDiscounts
from connectors.woocommerce.install import SINGLE_USE_SAFE_SINCE, WooInstaller, version_of
from connectors.woocommerce.webhooks import WooWebhookReader
from core.commerce import Customer, Gone, Order
from core.errors import ExternalNotFound, InvalidInput, Unreadable
from core.ports import Capability, Installation, Page, Platform

log = structlog.get_logger(__name__)

# Of every shop; see capabilities_of.
CAPABILITIES = frozenset(
    {
        Capability.LIST_ORDERS_BY_CHANGE,
        Capability.CODE_ON_ORDER,
        Capability.LONG_CODES,
        Capability.CANCEL_REVIVES_CODE,
        Capability.BIND_TO_CUSTOMER,
        Capability.FREE_SHIPPING,
        Capability.PERCENTAGE,
        Capability.FREE_PRODUCT,
    }
)

# list_orders looks twice: "any" leaves out the trash.
_PASSES = ("any", "trash")


class WooConnector:
    """One shop. Holds one HTTP session; safe to share by threads."""

    platform = Platform.WOOCOMMERCE

    def __init__(self, installation: Installation, transport: Transport) -> None:
        client = Client(
            installation.base_url, installation.credentials, transport, auth=installation.details.get("auth")
        )
        self.capabilities = capabilities_of(installation.details.get("version"))
        self.orders = WooOrders(client)
        self.customers = WooCustomers(client)
        self.discounts = WooDiscounts(client)
        self.webhooks = WooWebhookReader()
        self.installer = WooInstaller(client, installation)
        self.shoppers = TokenIdentifier()


def connect(installation: Installation, policy: AddressPolicy) -> WooConnector:
    """A connector for a shop. No call is made; credentials without keys raise InvalidInput."""
    missing = [name for name in ("consumer_key", "consumer_secret") if not installation.credentials.get(name)]
    if missing:
        raise InvalidInput(f"The installation has no {missing[0]}", field="credentials")
    secrets = (installation.credentials["consumer_key"], installation.credentials["consumer_secret"])
    return WooConnector(installation, Transport(policy, secrets=secrets))


def capabilities_of(version: str | None) -> frozenset[Capability]:
    """What a shop can do, by its WooCommerce version; an unknown version is taken for an old one."""
    known = version_of(version)
    if known is not None and known >= SINGLE_USE_SAFE_SINCE:
        return CAPABILITIES | {Capability.SINGLE_USE_IS_SAFE}
    return CAPABILITIES


class WooOrders:
    def __init__(self, client: Client) -> None:
        self._client = client

    def get_order(self, external_id: str) -> Order | Gone:
        """The order as it is, with all its refunds. Gone only where WooCommerce itself says so, in its own JSON."""
        order_id = numeric_id(external_id)
        try:
            body = self._client.one("GET", f"orders/{order_id}", params={"_fields": mapping.ORDER_FIELDS})
        except ExternalNotFound:
            return Gone(external_id=order_id, reason="deleted")
        if str(body.get("id")) != order_id:
            raise Unreadable("The shop answered with another order than the one asked for.", code="other_order")
        if body.get("status") == mapping.TRASHED:
            return Gone(external_id=order_id, reason="trashed")
        try:
            return self._whole(body)
        except ExternalNotFound:
            # Deleted between the two reads. No statement: the next read will tell.
            raise Unreadable("The order went away while it was read.", code="vanished") from None
        except InvalidInput as error:
            raise Unreadable(f"Order {order_id} cannot be read: {error.message}", code="mapping") from None

    def list_orders(self, *, changed_since: datetime, cursor: str | None = None) -> Page[Order]:
        """Orders changed at or after an instant, then those in the trash. An order may come twice.

        Pages go by date_modified, not by page number: an order changed meanwhile moves to the end, and with page
        numbers the one after each page's last would slip through.
        """
        since = _seconds(changed_since) - 1
        at = _ListCursor.read(cursor) if cursor else _ListCursor(_PASSES[0], since, 1)
        found = self._client.rows(
            "orders",
            {
                "status": at.status,
                "modified_after": _stamp(at.after),  # strictly greater, in whole seconds
                "dates_are_gmt": "true",
                "orderby": "modified",
                "order": "asc",
                "per_page": str(PER_PAGE),
                "page": str(at.page),
                "_fields": mapping.ORDER_FIELDS,
            },
        )
        following = at.following(found.items, since)
        return self._page(found, following.write() if following else None, total=None)

    def list_placed_orders(self, *, placed_since: datetime | None, cursor: str | None = None) -> Page[Order]:
        """All orders by id, oldest first, without the trash. Pages by number: a new order only adds to the end."""
        number = _page_number(cursor)
        params = {
            "status": "any",
            "orderby": "id",
            "order": "asc",
            "per_page": str(PER_PAGE),
            "page": str(number),
            "_fields": mapping.ORDER_FIELDS,
        }
        if placed_since is not None:
            params |= {"after": _stamp(_seconds(placed_since) - 1), "dates_are_gmt": "true"}
        found = self._client.rows("orders", params)
        return self._page(found, _next_page(found, number), total=found.total)

    def _page(self, found: Rows, cursor: str | None, *, total: int | None) -> Page[Order]:
        orders: list[Order] = []
        unreadable: list[str] = []
        for body in found.items:
            try:
                orders.append(self._whole(body))
            except ExternalNotFound:
                unreadable.append(str(body.get("id")))
            except InvalidInput as error:
                log.warning("woocommerce.order_unreadable", order=str(body.get("id")), why=error.message)
                unreadable.append(str(body.get("id")))
        return Page(orders, cursor, total=total, unreadable=tuple(unreadable))

    def _whole(self, body: Mapping[str, Any]) -> Order:
        refunds: Sequence[Mapping[str, Any]] = ()
        if body.get("refunds"):  # what stands in the order itself names no lines
            refunds = self._client.all_rows(f"orders/{numeric_id(str(body.get('id')))}/refunds", {})
        return mapping.order_from(body, refunds)


class WooCustomers:
    def __init__(self, client: Client) -> None:
        self._client = client

    def get_customer(self, external_id: str) -> Customer:
        """By the account's id, whatever the role. Raises ExternalNotFound."""
        body = self._client.one("GET", f"customers/{numeric_id(external_id)}")
        try:
            return mapping.customer_from(body)
        except InvalidInput as error:
            raise Unreadable(f"Customer {external_id} cannot be read: {error.message}", code="mapping") from None

    def emails_of(self, external_id: str) -> Sequence[str]:
        try:
            email = self.get_customer(external_id).email
        except ExternalNotFound:
            return ()
        return (email,) if email else ()

    def list_customers(self, *, cursor: str | None = None) -> Page[Customer]:
        """All accounts by id. By default WooCommerce leaves out those that are more than customers."""
        number = _page_number(cursor)
        found = self._client.rows(
            "customers",
            {"role": "all", "orderby": "id", "order": "asc", "per_page": str(PER_PAGE), "page": str(number)},
        )
        customers: list[Customer] = []
        unreadable: list[str] = []
        for body in found.items:
            try:
                customers.append(mapping.customer_from(body))
            except InvalidInput:
                unreadable.append(str(body.get("id")))
        return Page(customers, _next_page(found, number), total=found.total, unreadable=tuple(unreadable))


@dataclass(frozen=True)
class _ListCursor:
    """Where list_orders stands: the pass, changed after which Unix second, and the page while a second fills one."""

    status: str
    after: int
    page: int

    @classmethod
    def read(cls, text: str) -> "_ListCursor":
        try:
            status, after, page = json.loads(text)
            known = cls(str(status), int(after), int(page))
        except (ValueError, TypeError):
            raise InvalidInput("This is not a cursor of ours", field="cursor") from None
        if known.status not in _PASSES or known.page < 1:
            raise InvalidInput("This is not a cursor of ours", field="cursor")
        return known

    def write(self) -> str:
        return json.dumps([self.status, self.after, self.page])

    def following(self, rows: Sequence[Mapping[str, Any]], since: int) -> "_ListCursor | None":
        if len(rows) < PER_PAGE:
            place = _PASSES.index(self.status) + 1
            return None if place == len(_PASSES) else _ListCursor(_PASSES[place], since, 1)
        last = mapping.moment(str(rows[-1].get("date_modified_gmt") or ""))
        after = _seconds(last) - 1 if last else self.after
        if after > self.after:
            return _ListCursor(self.status, after, 1)
        return _ListCursor(self.status, self.after, self.page + 1)


def _next_page(found: Rows, number: int) -> str | None:
    return str(number + 1) if len(found.items) == PER_PAGE else None


def _page_number(cursor: str | None) -> int:
    if cursor is None:
        return 1
    if not (cursor.isascii() and cursor.isdigit() and int(cursor[:9]) > 0):
        raise InvalidInput("This is not a cursor of ours", field="cursor")
    return int(cursor[:9])


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _stamp(unix_seconds: int) -> str:
    """Without a Z, and always beside dates_are_gmt: WordPress turns a date with a zone into the shop's own wall clock,
    and would then hold that against the GMT column. East of Greenwich such a poll finds nothing of the last hours.
    """
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=unix_seconds)).strftime("%Y-%m-%dT%H:%M:%S")
