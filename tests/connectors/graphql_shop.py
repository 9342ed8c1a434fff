"""A shop that speaks GraphQL, its answers in the platforms' shapes, and a client on it whose time stands still."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from connectors.graphql import GraphQLClient, Operation, Shape, UserError, read_operation
from connectors.transport import AddressPolicy, Limits, Transport
from tests.connectors.scripted import ScriptedServer, answer

HERE = AddressPolicy(allow_loopback=True)
TOKEN = "shpat_0123456789abcdef0123456789abcdef"
RECORDED = {
    each["name"]: each
    for each in json.loads((Path(__file__).parents[1] / "payloads/saleor/graphql_errors.json").read_text())
}


class Customer(Shape):
    email: str | None


class Order(Shape):
    id: str
    total_price: Decimal
    note: str | None = None
    customer: Customer | None = None


class OrderAnswer(Shape):
    order: Order | None


class OrdersAnswer(Shape):
    orders: list[Order]


class Made(Shape):
    user_errors: list[UserError]


class MadeAnswer(Shape):
    discount_create: Made


ORDER_TEXT = """
# A comment does not travel.
query Order($id: ID!, $least: Decimal) { order(id: $id, least: $least) { ...Few customer { email } } }
fragment Few on Order { id totalPrice note }
"""
ORDER = read_operation(ORDER_TEXT, OrderAnswer, tolerates=["order.customer"])
ORDERS = read_operation(
    "query Orders { orders { id totalPrice customer { email } } }", OrdersAnswer, tolerates=["orders.customer.email"]
)
MAKE = read_operation(
    "mutation Make($code: String!) { discountCreate(code: $code) { userErrors { field message code } } }", MadeAnswer
)
MADE = {"data": {"discountCreate": {"userErrors": []}}}
FOUND = {"data": {"order": {"id": "gid://shop/Order/7", "totalPrice": "10.10", "note": None, "customer": None}}}


class Watch:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.now += seconds


def says(body: object, status: str = "200 OK", *, headers: str = "") -> bytes:
    return answer(status, json.dumps(body).encode(), headers=headers)


def priced(body: dict[str, Any], *, requested: int, available: int, rate: float = 100.0, most: int = 2000) -> bytes:
    """The body with Shopify's state of the bucket."""
    status = {"maximumAvailable": most, "currentlyAvailable": available, "restoreRate": rate}
    cost = {"requestedQueryCost": requested, "actualQueryCost": None, "throttleStatus": status}
    return says({**body, "extensions": {"cost": cost}})


def failed(code: str, *path: str | int, data: object = None, message: str = "No.") -> dict[str, Any]:
    return {"data": data, "errors": [{"message": message, "path": list(path), "extensions": {"code": code}}]}


def throttled(*, requested: int, available: int) -> bytes:
    body = {"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]}
    return priced(body, requested=requested, available=available)


@contextmanager
def client_of(shop: ScriptedServer, limits: Limits | None = None) -> Iterator[tuple[GraphQLClient, Watch]]:
    watch = Watch()
    transport = Transport(HERE, secrets=(TOKEN,), limits=limits, sleep=watch.sleep)
    headers = {"X-Shopify-Access-Token": TOKEN}
    client = GraphQLClient(f"{shop.url}/graphql/", transport, headers=headers, clock=watch, sleep=watch.sleep)
    try:
        yield client, watch
    finally:
        client.close()


def ask(
    *answers: bytes | Callable[[socket.socket], None], operation: Operation[Any] = ORDER, limits: Limits | None = None
) -> Any:
    variables = {"id": "7"} if operation is ORDER else {"code": "A"} if operation is MAKE else {}
    with ScriptedServer(answers) as shop, client_of(shop, limits) as (client, _):
        return client.execute(operation, variables)
