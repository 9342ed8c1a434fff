"""Days in a Shopify shop: people buy, pay late, redeem points and use the codes; staff refund, edit, cancel and delete.

Everything is done through the fake shop's own interface and the product's own use cases, by a seeded dice.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from demo.shop.entities import Order, OrderLine
from demo.shopify.entities import OrderExtra
from demo.shopify.sums import financial_status, received, refunded_units
from tests.torture.stream_deeds import Deeds
from tests.torture.stream_shopify import World

PRODUCTS = range(11, 21)
GUESTS = 0.08  # half of them leave an e-mail, and so become customers; the others' orders have none
WITH_CODES = 0.25
AWAITED = ("PENDING", "AUTHORIZED")


@dataclass
class Life(Deeds):
    world: World
    _customers: list[int] = field(default_factory=list)

    DEEDS: ClassVar[Mapping[str, int]] = {
        "pay": 30,
        "fulfil": 12,
        "refund_pieces": 14,
        "refund_amount": 12,
        "refund_shipping": 6,
        "refund_less_than_pieces": 6,
        "take_back_without_money": 4,
        "add_line": 8,
        "remove_pieces": 10,
        "cancel": 10,
        "delete": 2,
        "rename_customer": 4,
    }

    def __post_init__(self) -> None:
        self._customers = [*self.world.fake.store.customers]

    def buyer(self) -> int:
        with_codes = [customer for customer, codes in self._in_hand.items() if codes]
        if with_codes and self.dice.random() < WITH_CODES:
            return self.dice.choice(with_codes)
        return 0 if self.dice.random() < GUESTS else self.member()

    def member(self) -> int:
        return self.dice.choice(self._customers)

    def placing(self, customer: int) -> Callable[[tuple[str, ...]], Order]:
        items = {self.dice.choice(PRODUCTS): self._pieces() for _ in range(self.dice.randint(1, 3))}
        payment = self.dice.choices(("demo_card", "cod", "bacs"), (70, 15, 15))[0]
        known = customer or self.dice.random() < 0.5
        email = f"guest{self.dice.randint(1, 9)}@example.com"
        wishes: dict[str, Any] = {
            "test": self.dice.random() < 0.04,
            "tip": f"{self.dice.randint(1, 9)}.00" if self.dice.random() < 0.1 else "",
            "gift_card": "25.00" if self.dice.random() < 0.08 else "",
            "authorized": payment == "bacs" and self.dice.random() < 0.5,
            "taxes_included": self.dice.random() > 0.15,
        }
        return lambda codes: self.world.fake.place_order(
            items, customer_id=customer, payment=payment, coupons=codes, email=email, account=bool(known), **wishes
        )

    def order(self, order_id: int) -> Order | None:
        found = self.world.fake.store.orders.get(order_id)
        return None if found is None or self._extra(found).cancelled_at is not None else found

    def _pieces(self) -> int:
        return self.dice.choices((1, 2, 3, 12), (35, 35, 25, 5))[0]

    # -- what an order is like

    def _extra(self, order: Order) -> OrderExtra:
        return self.world.fake.site.extra_of(order)

    def _status(self, order: Order) -> str:
        return financial_status(order, self._extra(order))

    def _money_left(self, order: Order) -> int:
        """Cents that came and did not go back: what the platform lets staff refund."""
        return received(order, self._extra(order)) - order.refunded

    def _units_left(self, order: Order, line: OrderLine) -> int:
        return line.quantity - refunded_units(order, line.id) - self._extra(order).removed.get(line.id, 0)

    def _some_pieces(self, order: Order) -> tuple[int, int, int] | None:
        """A line, some of its units, and what they cost at most, if so much can be refunded."""
        line = self.dice.choice(order.lines)
        left = self._units_left(order, line)
        if left <= 0:
            return None
        units = self.dice.randint(1, left)
        worth = -(-line.total * units // line.quantity) + 1
        return (line.id, units, worth) if worth <= self._money_left(order) else None

    # -- deeds: each returns whether it happened

    def _pay(self, order: Order) -> bool:
        if self._status(order) not in (*AWAITED, "PARTIALLY_PAID"):
            return False
        self.world.fake.mark_paid(order.id)
        return True

    def _fulfil(self, order: Order) -> bool:
        if order.completed_at is not None or order.status == "refunded":
            return False
        self.world.fake.complete(order.id)
        return True

    def _refund_pieces(self, order: Order) -> bool:
        found = self._some_pieces(order)
        if found is None:
            return False
        self.world.fake.refund(order.id, quantities={found[0]: found[1]})
        return True

    def _refund_amount(self, order: Order) -> bool:
        left = self._money_left(order)
        if left <= 0:
            return False
        cents = left if self.dice.random() < 0.2 else self.dice.randint(1, left)
        self.world.fake.refund(order.id, amount=f"{cents / 100:.2f}")
        return True

    def _refund_shipping(self, order: Order) -> bool:
        back = any(part.part == "shipping" for refund in order.refunds for part in refund.lines)
        if back or not 0 < order.shipping_total <= self._money_left(order):
            return False
        found = self._some_pieces(order) if self.dice.random() < 0.5 else None
        if found is None or found[2] + order.shipping_total > self._money_left(order):
            self.world.fake.refund(order.id, shipping=True)
        else:
            self.world.fake.refund(order.id, quantities={found[0]: found[1]}, shipping=True)
        return True

    def _refund_less_than_pieces(self, order: Order) -> bool:
        """A fee for taking them back is kept, or something is given on top."""
        found = self._some_pieces(order)
        if found is None:
            return False
        cents = self.dice.randint(0, min(self._money_left(order), found[2] + 200))
        self.world.fake.refund(order.id, quantities={found[0]: found[1]}, amount=f"{cents / 100:.2f}")
        return True

    def _take_back_without_money(self, order: Order) -> bool:
        """The platform tells of returned goods before, or without, any money."""
        found = self._some_pieces(order)
        if found is None:
            return False
        self.world.fake.refund(order.id, quantities={found[0]: found[1]}, amount="0.00")
        return True

    def _add_line(self, order: Order) -> bool:
        if order.status == "refunded":
            return False
        self.world.fake.edit_order(order.id, add={self.dice.choice(PRODUCTS): self.dice.randint(1, 2)})
        return True

    def _remove_pieces(self, order: Order) -> bool:
        line = self.dice.choice(order.lines)
        left = self._units_left(order, line)
        if left <= 0 or order.status == "refunded":
            return False
        self.world.fake.edit_order(order.id, remove={line.id: self.dice.randint(1, left)})
        return True

    def _cancel(self, order: Order) -> bool:
        self.world.fake.cancel(order.id, refund=self.dice.random() < 0.8)
        return True

    def _delete(self, order: Order) -> bool:
        """Not with a code of ours: whether such an order was ever seen decides what becomes of the points."""
        if any(line.code in self.codes for line in order.coupon_lines):
            return False
        self.world.fake.delete_order(order.id)
        return True

    def _rename_customer(self, order: Order) -> bool:
        if order.customer_id == 0:
            return False
        self.world.fake.update_customer(order.customer_id, first_name=f"Kim {self.dice.randint(1, 99)}")
        return True
