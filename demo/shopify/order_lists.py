"""Lists of orders and customers: Shopify's filters and sort keys, over the books and the made-up hundred thousands."""

from collections.abc import Callable, Iterator
from heapq import merge

from demo.shop.entities import Customer, Order
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
    "ID": lambda order: order.id,
}
CUSTOMER_SORTS: dict[str, Callable[[Customer], float]] = {
    "CREATED_AT": lambda customer: customer.created_at,
    "UPDATED_AT": lambda customer: customer.modified_at,
    "ID": lambda customer: customer.id,
}


def visible(site: Site, order: Order, scopes: tuple[str, ...]) -> bool:
    return site.has_scope("read_all_orders", scopes) or order.created_at >= site.store.now() - WINDOW_S


def orders(
    site: Site, scopes: tuple[str, ...], wanted: Search[Order], sort: str, first: int | None, after: str | None,
    *, reverse: bool,
) -> Connection[OrderView]:  # fmt: skip
    of = ORDER_SORTS[sort]
    times = [at for name, at in wanted.since.items() if name in {"created_at", "updated_at", "processed_at"}]
    least = int(max(times, default=0.0))
    if not site.has_scope("read_all_orders", scopes):
        least = max(least, site.store.now() - WINDOW_S)

    def source(behind: Key | None) -> Iterator[tuple[Key, OrderView]]:
        start = max(least, int(behind[0])) if behind is not None and sort != "ID" and not reverse else least
        real = sorted(((of(order), order.id, order) for order in list(site.store.orders.values())), reverse=reverse)
        made = ((of(order), order.id, order) for order in site.synthetic.orders_from(start, backwards=reverse))
        for value, order_id, order in merge(real, made, key=lambda row: row[:2], reverse=reverse):
            key = (float(value), order_id)
            if behind is not None and (key >= behind if reverse else key <= behind):
                continue
            if visible(site, order, scopes) and wanted.matches(order):
                yield key, OrderView(site, order)

    return Connection(source, first, after)


def customers(
    site: Site, wanted: Search[Customer], sort: str, first: int | None, after: str | None, *, reverse: bool
) -> Connection[CustomerView]:
    of = CUSTOMER_SORTS[sort]

    def source(behind: Key | None) -> Iterator[tuple[Key, CustomerView]]:
        beyond = behind[1] if behind is not None else 0
        real = sorted(((of(one), one.id, one) for one in list(site.store.customers.values())), reverse=reverse)
        made = ((of(one), one.id, one) for one in site.synthetic.all_customers(beyond, backwards=reverse))
        for value, customer_id, customer in merge(real, made, key=lambda row: row[:2], reverse=reverse):
            key = (float(value), customer_id)
            if behind is not None and (key >= behind if reverse else key <= behind):
                continue
            if wanted.matches(customer):
                yield key, CustomerView(site, customer)

    return Connection(source, first, after)


def order_search(site: Site, query: str | None) -> Search[Order]:
    return search.read(query, _order_fields(site))


def customer_search(site: Site, query: str | None) -> Search[Customer]:
    return search.read(query, _customer_fields(site))


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


def _customer_fields(site: Site) -> Fields[Customer]:
    return Fields(
        moments={
            "created_at": lambda customer: customer.created_at,
            "customer_date": lambda customer: customer.created_at,
            "updated_at": lambda customer: customer.modified_at,
        },
        numbers={"id": lambda customer: number("Customer", customer.id)},
        words={
            "email": lambda customer: [customer.email],
            "first_name": lambda customer: [customer.first_name],
            "last_name": lambda customer: [customer.last_name],
            "tag": lambda customer: site.tags.get(customer.id, []),
        },
    )
