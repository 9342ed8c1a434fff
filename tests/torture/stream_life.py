"""Days in a WooCommerce shop: people buy, pay late, change their minds, redeem points and use the codes; staff correct.

Everything is done through the demo shop's own interface and the product's own use cases, by a seeded dice.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from woocommerce import API

from demo.shop.entities import Order
from tests.torture.stream import World
from tests.torture.stream_deeds import Deeds

PRODUCTS = range(11, 21)
GUESTS = 0.06


@dataclass
class Life(Deeds):
    world: World

    DEEDS: ClassVar[Mapping[str, int]] = {
        "pay": 30,
        "refund_pieces": 14,
        "refund_amount": 12,
        "delete_refund": 10,
        "change_pieces": 8,
        "add_line": 4,
        "remove_line": 4,
        "add_fee": 3,
        "rehome": 3,
        "cancel": 10,
        "revive": 6,
        "mark_refunded": 3,
        "trash": 3,
        "delete": 2,
    }

    def __post_init__(self) -> None:
        key = self.world.shop.shop.create_key()
        keys = {"consumer_key": key.consumer_key, "consumer_secret": key.consumer_secret}
        self._staff = API(url=self.world.shop.url, version="wc/v3", timeout=60, **keys)
        self._customers = [customer for customer in self.world.shop.shop.store.customers if customer != 1]

    def buyer(self) -> int:
        return 0 if self.dice.random() < GUESTS else self.member()

    def member(self) -> int:
        return self.dice.choice(self._customers)

    def placing(self, customer: int) -> Callable[[tuple[str, ...]], Order]:
        items = {self.dice.choice(PRODUCTS): self.dice.randint(1, 3) for _ in range(self.dice.randint(1, 3))}
        payment = self.dice.choices(("demo_card", "cod", "bacs"), (70, 15, 15))[0]
        shop = self.world.shop.shop
        return lambda codes: shop.place_order(items, customer_id=customer, payment=payment, coupons=codes)

    def order(self, order_id: int) -> Order | None:
        found = self.world.shop.shop.store.orders.get(order_id)
        return None if found is None or found.status == "trash" else found

    def _edited(self, order: Order, **fields: object) -> bool:
        answer = self._staff.put(f"orders/{order.id}", fields)
        if answer.status_code == 401:  # the client's nonces have eight digits, and shops remember them for a while
            answer = self._staff.put(f"orders/{order.id}", fields)
        assert answer.status_code == 200, answer.text
        return True

    # -- deeds: each returns whether it happened

    def _pay(self, order: Order) -> bool:
        if order.status == "on-hold":
            self.world.shop.shop.mark_paid(order.id)
        elif order.status == "processing":
            self.world.shop.shop.complete(order.id)
        else:
            return False
        return True

    def _refund_pieces(self, order: Order) -> bool:
        line = self.dice.choice(order.lines)
        back = sum(part.quantity for refund in order.refunds for part in refund.lines if part.item_id == line.id)
        if back >= line.quantity or order.status in ("cancelled", "refunded"):
            return False
        self.world.shop.shop.refund(order.id, quantities={line.id: self.dice.randint(1, line.quantity - back)})
        return True

    def _refund_amount(self, order: Order) -> bool:
        left = order.total - order.refunded
        if left <= 0 or order.status in ("cancelled", "refunded"):
            return False
        cents = left if self.dice.random() < 0.2 else self.dice.randint(1, left)
        self.world.shop.shop.refund(order.id, amount=f"{cents / 100:.2f}")
        return True

    def _delete_refund(self, order: Order) -> bool:
        """The shop says nothing to anybody, and the order keeps its date."""
        if not order.refunds:
            return False
        self.world.shop.shop.delete_refund(order.id, self.dice.choice(order.refunds).id)
        return True

    def _change_pieces(self, order: Order) -> bool:
        line = self.dice.choice(order.lines)
        return self._edited(order, line_items=[{"id": line.id, "quantity": self.dice.randint(1, 5)}])

    def _add_line(self, order: Order) -> bool:
        return self._edited(order, line_items=[{"product_id": self.dice.choice(PRODUCTS), "quantity": 1}])

    def _remove_line(self, order: Order) -> bool:
        if len(order.lines) < 2:
            return False
        return self._edited(order, line_items=[{"id": self.dice.choice(order.lines).id, "quantity": 0}])

    def _add_fee(self, order: Order) -> bool:
        return self._edited(order, fee_lines=[{"name": "Gift wrap", "total": "2.00"}])

    def _rehome(self, order: Order) -> bool:
        return self._edited(order, customer_id=self.dice.choice(self._customers))

    def _cancel(self, order: Order) -> bool:
        if order.status not in ("processing", "on-hold", "completed"):
            return False
        self.world.shop.shop.cancel(order.id)
        return True

    def _revive(self, order: Order) -> bool:
        if order.status != "cancelled":
            return False
        self.world.shop.shop.set_status(order.id, "processing")
        return True

    def _mark_refunded(self, order: Order) -> bool:
        if order.status not in ("processing", "completed"):
            return False
        self.world.shop.shop.set_status(order.id, "refunded")
        return True

    def _trash(self, order: Order) -> bool:
        self.world.shop.shop.trash(order.id)
        if self.dice.random() < 0.4:
            self.world.shop.shop.restore(order.id)
        return True

    def _delete(self, order: Order) -> bool:
        """Not with a code of ours: whether such an order was ever seen decides what becomes of the points."""
        if any(line.code in self.codes for line in order.coupon_lines):
            return False
        self.world.shop.shop.delete_order(order.id)
        return True
