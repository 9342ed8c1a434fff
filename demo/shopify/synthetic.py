"""Orders and customers by the hundred thousand, computed from their number when asked for and kept nowhere.

Their times go up with their numbers, so that a list can begin anywhere without walking there.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from demo.shop import catalogue
from demo.shop.entities import Address, Customer, Order, OrderLine, Refund, RefundLine, ShippingLine
from demo.shop.money import exact_tax, net, tax

# Above every id of the books, which count from one.
FIRST_ID = 100_000_000
YEAR = 365 * 86_400
REFUND_EVERY = 33
GUEST_EVERY = 11
SHIPPED_AFTER = 2 * 86_400
NAMES = ("Anna", "Petr", "Jana", "Tomas", "Eva", "Martin", "Lucie", "Jakub")


@dataclass(frozen=True)
class Synthetic:
    """`until`: when the last of the orders was placed; the first one a year before."""

    orders: int
    customers: int
    until: int
    seed: int

    def order(self, order_id: int) -> Order | None:
        index = order_id - FIRST_ID
        return self._order(index) if 0 <= index < self.orders else None

    def customer(self, customer_id: int) -> Customer | None:
        index = customer_id - FIRST_ID
        return self._customer(index) if 0 <= index < self.customers else None

    def orders_from(self, at: int) -> Iterator[Order]:
        """All orders placed or changed at this time or later, oldest first."""
        return (self._order(index) for index in range(self._first(at), self.orders))

    def all_customers(self, after: int = 0) -> Iterator[Customer]:
        """All customers beyond an id."""
        return (self._customer(index) for index in range(max(0, after - FIRST_ID + 1), self.customers))

    def _first(self, at: int) -> int:
        """The number of an order that is surely not later than this time, nor much earlier."""
        if self.orders == 0:
            return 0
        passed = at - SHIPPED_AFTER - 1 - self._placed_at(0)
        return min(self.orders, max(0, passed * self.orders // YEAR))

    def _placed_at(self, index: int) -> int:
        return self.until - YEAR + (index + 1) * YEAR // self.orders

    def _order(self, index: int) -> Order:
        at, spin = self._placed_at(index), (index * 2_654_435_761 + self.seed) & 0xFFFFFFFF
        owner = FIRST_ID + spin % self.customers if self.customers and index % GUEST_EVERY else 0
        base = FIRST_ID + index * 10
        order = Order(
            FIRST_ID + index, "", "completed", owner, Address(), Address(), at, at + SHIPPED_AFTER, "web", "demo_card",
            "Demo card", paid_at=at, completed_at=at + SHIPPED_AFTER, tax_line_id=base,
        )  # fmt: skip
        for place in range(1 + spin % 3):
            product = catalogue.PRODUCTS[(spin >> (3 + 4 * place)) % len(catalogue.PRODUCTS)]
            pieces = 1 + (spin >> (16 + place)) % 2
            price = product.price * pieces
            order.lines.append(OrderLine(base + place, product.id, product.name, product.sku, pieces, price, price))
        order.shipping_lines = [ShippingLine(base + 5, catalogue.SHIPPING_TITLE, "flat_rate", "1", catalogue.SHIPPING)]
        if index % REFUND_EVERY == 0:
            order.refunds.append(_refund(order, base))
        return order

    def _customer(self, index: int) -> Customer:
        first = NAMES[index % len(NAMES)]
        at = self.until - YEAR + index * YEAR // max(1, self.customers)
        login = f"buyer{index}"
        return Customer(
            FIRST_ID + index, f"{login}@example.com", login, first, f"Buyer {index}", Address(), Address(), at, at,
            paying=True,
        )  # fmt: skip


def _refund(order: Order, base: int) -> Refund:
    """The first line came back, all of it."""
    line = order.lines[0]
    part = RefundLine(
        base + 7, base + 7, "line", line.id, line.name, line.product_id, line.sku, line.quantity, net(line.total),
        tax(line.total), exact_tax(line.total),
    )  # fmt: skip
    return Refund(base + 6, order.id, order.modified_at, line.total, "Returned", 1, False, [part], base + 8, base + 9)
