"""Orders and customers of one shop, read one by one and by change. The whole past comes as a file: see bulk.py."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import structlog

from connectors.graphql import GraphQLClient
from connectors.shopify import api, mapping
from connectors.shopify.bulk import PlacedOrders
from connectors.shopify.shapes import Lines, ListedOrder, RawRefund, RefundedLines, WholeOrder
from core.commerce import Customer, Gone, Order
from core.errors import ExternalNotFound, InvalidInput, Unreadable
from core.ports import Page

log = structlog.get_logger(__name__)

# Shopify says 60 days; a day less, for it reckons by the creation and in its own way.
SHOWN_AT_LEAST = timedelta(days=58)
# Room for many makes every read dear, so it is asked for where there are. The first are the defaults of the operation.
FEW_REFUNDS, MANY_REFUNDS = 5, 60
FEW_DISCOUNTS, MANY_DISCOUNTS = 10, 60


class ShopifyOrders:
    """`whole_past`: whether the app may read all orders. Without that Shopify shows those of the last 60 days."""

    def __init__(self, client: GraphQLClient, placed: PlacedOrders, *, whole_past: bool = True) -> None:
        self._client = client
        self._placed = placed
        self._whole_past = whole_past

    def get_order(self, external_id: str) -> Order | Gone:
        """The order as it is. Gone where Shopify says null: deleted, or older than our scopes let us see, as it then says."""
        gid = mapping.gid("Order", external_id)
        raw = self._client.execute_partly(api.ORDER, {"id": gid}).data.order
        if raw is not None and _is_full(raw):
            room = {"refunds": MANY_REFUNDS, "discounts": MANY_DISCOUNTS}
            raw = self._client.execute_partly(api.ORDER, {"id": gid, **room}).data.order
        if raw is None:
            shown_for = None if self._whole_past else SHOWN_AT_LEAST
            return Gone(external_id=external_id, reason="deleted", shown_for=shown_for)
        if raw.legacy_resource_id != external_id:
            raise Unreadable("The shop answered with another order than the one asked for.", code="other_order")
        try:
            return mapping.order_from(self._completed(gid, raw))
        except InvalidInput as error:
            raise Unreadable(f"Order {external_id} cannot be read: {error.message}", code="mapping") from None

    def list_orders(self, *, changed_since: datetime, cursor: str | None = None) -> Page[Order]:
        """Orders changed at or after an instant, oldest change first.

        Shopify's cursors hold the place in the order of changes: an order that changes meanwhile moves behind it.
        """
        since = changed_since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        found = self._client.execute(api.ORDERS_BY_CHANGE, {"query": f"updated_at:>='{since}'", "after": cursor}).orders
        orders, unreadable = self.whole(found.nodes)
        return Page(orders, found.page_info.following, unreadable=unreadable)

    def list_placed_orders(self, *, placed_since: datetime | None, cursor: str | None = None) -> Page[Order]:
        """All orders that our scopes let us see, from the file of a bulk operation. The first pages may be empty: it is being made."""
        found = self._placed.page(placed_since=placed_since, cursor=cursor)
        orders, unreadable = self.whole(found.orders)
        unreadable = (*found.unreadable, *unreadable)
        return Page(orders, found.cursor, total=found.total, unreadable=unreadable, wait_s=found.wait_s)

    def whole(self, listed: Sequence[ListedOrder]) -> tuple[list[Order], tuple[str, ...]]:
        """The orders, and the ids of those not understood. What a list does not show all of is read again, whole."""
        orders: list[Order] = []
        unreadable: list[str] = []
        for raw in listed:
            try:
                if raw.refunds or raw.edited or raw.line_items.page_info.has_next_page or _is_full(raw):
                    read = self.get_order(raw.legacy_resource_id)
                    orders += [read] if isinstance(read, Order) else []
                else:
                    orders.append(mapping.order_without_refunds(raw))
            except InvalidInput as error:
                log.warning("shopify.order_unreadable", order=raw.legacy_resource_id, why=error.message)
                unreadable.append(raw.legacy_resource_id)
            except Unreadable as error:
                if error.code != "mapping":
                    raise
                unreadable.append(raw.legacy_resource_id)
        return orders, tuple(unreadable)

    def _completed(self, gid: str, raw: WholeOrder) -> WholeOrder:
        """With the lines beyond the first page, and those of its refunds."""
        lines = [*raw.line_items.nodes]
        after = raw.line_items.page_info.following
        while after:
            more = self._client.execute(api.ORDER_LINES, {"id": gid, "after": after}).order
            if more is None:
                raise Unreadable("The order went away while it was read.", code="vanished")
            lines += more.line_items.nodes
            after = more.line_items.page_info.following
        refunds = tuple(self._completed_refund(each) for each in raw.refunds)
        return raw.model_copy(update={"line_items": Lines(nodes=tuple(lines)), "refunds": refunds})

    def _completed_refund(self, raw: RawRefund) -> RawRefund:
        lines = [*raw.refund_line_items.nodes]
        after = raw.refund_line_items.page_info.following
        while after:
            more = self._client.execute(api.REFUND_LINES, {"id": raw.id, "after": after}).refund
            if more is None:
                raise Unreadable("A refund went away while it was read.", code="vanished")
            lines += more.refund_line_items.nodes
            after = more.refund_line_items.page_info.following
        return raw.model_copy(update={"refund_line_items": RefundedLines(nodes=tuple(lines))})


def _is_full(raw: WholeOrder | ListedOrder) -> bool:
    """Whether there may be more of what comes without pages."""
    return len(raw.refunds) >= FEW_REFUNDS or len(raw.discount_applications.nodes) >= FEW_DISCOUNTS


class ShopifyCustomers:
    def __init__(self, client: GraphQLClient) -> None:
        self._client = client

    def get_customer(self, external_id: str) -> Customer:
        """Name and e-mail only where the app was granted them. Raises ExternalNotFound."""
        answer = self._client.execute_partly(api.CUSTOMER, {"id": mapping.gid("Customer", external_id)})
        if answer.data.customer is None:
            raise ExternalNotFound("There is no such customer")
        return mapping.customer_from(answer.data.customer)

    def emails_of(self, external_id: str) -> Sequence[str]:
        try:
            email = self.get_customer(external_id).email
        except ExternalNotFound:
            return ()
        return (email,) if email else ()

    def list_customers(self, *, cursor: str | None = None) -> Page[Customer]:
        """All customers by id, those without an account among them."""
        found = self._client.execute_partly(api.CUSTOMERS, {"after": cursor}).data.customers
        return Page([mapping.customer_from(raw) for raw in found.nodes], found.page_info.following)
