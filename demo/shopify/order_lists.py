"""Lists of orders and customers: Shopify's filters and sort keys, over the books and the made-up hundred thousands."""

from collections.abc import Callable, Iterator
from heapq import merge
from itertools import chain

from demo.shop.entities import Order
from demo.shopify import search
from demo.shopify.connections import Connection, Key
from demo.shopify.customer_views import CustomerView
from demo.shopify.ids import number
from demo.shopify.order_views import OrderView, cancelled_at
from demo.shopify.search import Fields, Search
from demo.shopify.site import Site
from demo.shopify.sums import financial_status

# How far back an app sees orders without read_all_orders.
WINDOW_S = 60 * 86_400

ORDER_SORTS: dict[str, Callable[[Order], float]] = {
    "CREATED_AT": lambda order: order.created_at,
    "PROCESSED_AT": lambda order: order.created_at,
    "UPDATED_AT": lambda order: order.modified_at,
}


def visible(site: Site, order: Order, scopes: tuple[str, ...]) -> bool:
    return site.has_scope("read_all_orders", scopes) or order.created_at >= site.store.now() - WINDOW_S


def orders(
    site: Site, scopes: tuple[str, ...], wanted: Search[Order], sort: str, first: int | None, after: str | None
) -> Connection[OrderView]:
    of = ORDER_SORTS[sort]
    times = [at for name, at in wanted.since.items() if name in {"created_at", "updated_at", "processed_at"}]
    least = int(max(times, default=0.0))
    if not site.has_scope("read_all_orders", scopes):
        least = max(least, site.store.now() - WINDOW_S)

    def source(behind: Key | None) -> Iterator[tuple[Key, OrderView]]:
        start = max(least, int(behind[0])) if behind is not None else least
        real = sorted((of(order), order.id, order) for order in list(site.store.orders.values()))
        made = ((of(order), order.id, order) for order in site.synthetic.orders_from(start))
        for value, order_id, order in merge(real, made, key=lambda row: row[:2]):
            key = (float(value), order_id)
            if behind is not None and key <= behind:
                continue
            if visible(site, order, scopes) and wanted.matches(order):
                yield key, OrderView(site, order)

    return Connection(source, first, after)


def customers(site: Site, first: int | None, after: str | None) -> Connection[CustomerView]:
    """By their ids."""

    def source(behind: Key | None) -> Iterator[tuple[Key, CustomerView]]:
        beyond = behind[1] if behind is not None else 0
        real = sorted((one for one in list(site.store.customers.values())), key=lambda one: one.id)
        # Made-up ones come after all of the books.
        for one in chain(real, site.synthetic.all_customers(beyond)):
            if one.id > beyond:
                yield (float(one.id), one.id), CustomerView(site, one)

    return Connection(source, first, after)


def order_search(site: Site, query: str | None) -> Search[Order]:
    return search.read(query, _order_fields(site))


def _order_fields(site: Site) -> Fields[Order]:
    return Fields(
        moments={
            "created_at": lambda order: order.created_at,
            "processed_at": lambda order: order.created_at,
            "updated_at": lambda order: order.modified_at,
        },
        numbers={
            "customer_id": lambda order: number("Customer", order.customer_id) if order.customer_id else 0,
            "id": lambda order: number("Order", order.id),
        },
        words={
            "discount_code": lambda order: [line.code for line in order.coupon_lines],
            "email": lambda order: [order.billing.email],
            "financial_status": lambda order: [financial_status(order, site.extra_of(order))],
            "name": lambda order: [f"#{1000 + order.id}", str(1000 + order.id)],
            "status": lambda order: _states(site, order),
            "tag": lambda order: [],
            "test": lambda order: [str(site.extra_of(order).test)],
        },
    )


def _states(site: Site, order: Order) -> list[str]:
    if cancelled_at(order, site.extra_of(order)) is not None:
        return ["cancelled", "any", "not_closed"]
    return ["closed", "any"] if order.completed_at is not None else ["open", "any", "not_closed"]
