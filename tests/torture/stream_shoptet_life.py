"""Days in a Shoptet shop: people buy, pay late, redeem points and use the codes; staff credit, edit, cancel and delete.

Everything is done through the fake shop's own interface and the product's own use cases, by a seeded dice.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from demo.shop.entities import Order, OrderLine
from demo.shoptet.entities import CANCELLED, DONE, PROCESSING
from demo.shoptet.site import CUSTOM_STATUS
from tests.torture.stream_deeds import Deeds
from tests.torture.stream_shoptet import World

PRODUCTS = range(11, 21)
GUESTS = 0.08
WITH_CODES = 0.35
# Rows beside the products, as staff and the shop's own rules write them: goods, no goods, discounts.
BESIDE = (
    ("service", "Gift wrapping", "3.00"),
    ("generic-item", "Assembly", "5.00"),
    ("gift-certificate", "Gift certificate", "25.00"),
    ("volume-discount", "Volume discount", "-2.00"),
    ("generic-item", "Discount by hand", "-1.50"),
)


@dataclass
class Life(Deeds):
    world: World
    _customers: list[int] = field(default_factory=list)

    DEEDS: ClassVar[Mapping[str, int]] = {
        "pay": 30,
        "finish": 12,
        "mark_by_status": 6,
        "credit_pieces": 16,
        "credit_amount": 12,
        "delete_note": 8,
        "add_line": 8,
        "remove_pieces": 8,
        "drop_coupon": 4,
        "cancel": 10,
        "revive": 6,
        "cancel_many": 2,
        "delete": 3,
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
        email = f"guest{self.dice.randint(1, 9)}@example.com"
        wishes: dict[str, Any] = {
            "rows": (self.dice.choice(BESIDE),) if self.dice.random() < 0.3 else (),
            "cash_desk": self.dice.random() < 0.04,
            "paid_unknown": self.dice.random() < 0.04,
        }
        return lambda codes: self.world.fake.place_order(
            items, customer_id=customer, payment=payment, coupons=codes, email=email, **wishes
        )

    def order(self, order_id: int) -> Order | None:
        return self.world.fake.store.orders.get(order_id)

    def delete_notes_at_last(self) -> None:
        """When no message is under way any more that would have their orders read again."""
        for code in [*self.world.fake.site.credit_notes]:
            if self.dice.random() < 0.3:
                self.world.fake.delete_credit_note(code)
                self.note("delete_note at last")

    def _pieces(self) -> int:
        return self.dice.choices((1, 2, 3, 12), (35, 35, 25, 5))[0]

    # -- what an order is like

    def _status(self, order: Order) -> int:
        return self.world.fake.site.extra_of(order).status_id

    def _is_cancelled(self, order: Order) -> bool:
        return self._status(order) == CANCELLED

    def _only_status_says_paid(self, order: Order) -> bool:
        """Such an order stays in its status: whether it was ever read in another decides what it earns."""
        return self.world.fake.site.extra_of(order).paid_unknown

    def _has_our_code(self, order: Order) -> bool:
        return any(line.code in self.codes for line in order.coupon_lines)

    def _pieces_left(self, order: Order, line: OrderLine) -> int:
        back = [part for refund in order.refunds for part in refund.lines if part.item_id == line.id]
        return line.quantity - sum(part.quantity for part in back)

    # -- deeds: each returns whether it happened

    def _pay(self, order: Order) -> bool:
        if order.paid_at is not None or self._is_cancelled(order):
            return False
        self.world.fake.mark_paid(order.id)
        return True

    def _finish(self, order: Order) -> bool:
        """With the money, or still without it."""
        if self._status(order) in (DONE, CANCELLED) or self._only_status_says_paid(order):
            return False
        if self.dice.random() < 0.5:
            self.world.fake.complete(order.id)
        else:
            self.world.fake.set_status(order.id, DONE)
        return True

    def _mark_by_status(self, order: Order) -> bool:
        """A status of the merchant's own, which marks an order as paid."""
        if self._status(order) in (CUSTOM_STATUS, CANCELLED):
            return False
        self.world.fake.set_status(order.id, CUSTOM_STATUS)
        return True

    def _credit_pieces(self, order: Order) -> bool:
        line = self.dice.choice(order.lines)
        left = self._pieces_left(order, line)
        if left <= 0 or self._is_cancelled(order):
            return False
        self.world.fake.credit(order.id, quantities={line.id: self.dice.randint(1, left)})
        return True

    def _credit_amount(self, order: Order) -> bool:
        left = order.total - order.refunded
        if left <= 0 or self._is_cancelled(order):
            return False
        cents = left if self.dice.random() < 0.2 else self.dice.randint(1, left)
        self.world.fake.credit(order.id, amount=f"{cents / 100:.2f}")
        return True

    def _delete_note(self, order: Order) -> bool:
        """Nobody is told, and nothing says any more which order it was of."""
        notes = [code for code, note in self.world.fake.site.credit_notes.items() if note.order_id == order.id]
        if not notes:
            return False
        self.world.fake.delete_credit_note(self.dice.choice(notes))
        return True

    def _add_line(self, order: Order) -> bool:
        self.world.fake.edit_order(order.id, add={self.dice.choice(PRODUCTS): self.dice.randint(1, 2)})
        return True

    def _remove_pieces(self, order: Order) -> bool:
        """Not where a code takes off a fixed amount: that stays, and could be more than what is left."""
        line = self.dice.choice(order.lines)
        left = self._pieces_left(order, line)
        if left < 2 or order.coupon_lines:
            return False
        self.world.fake.edit_order(order.id, pieces={line.id: line.quantity - self.dice.randint(1, left - 1)})
        return True

    def _drop_coupon(self, order: Order) -> bool:
        if not order.coupon_lines:
            return False
        self.world.fake.edit_order(order.id, drop_coupon=True)
        return True

    def _cancel(self, order: Order) -> bool:
        if self._is_cancelled(order):
            return False
        self.world.fake.cancel(order.id)
        return True

    def _revive(self, order: Order) -> bool:
        if not self._is_cancelled(order) or self._only_status_says_paid(order):
            return False
        self.world.fake.set_status(order.id, PROCESSING)
        return True

    def _cancel_many(self, order: Order) -> bool:
        """In the list of orders: told one by one, and all together beside."""
        others = [each for each in self._order_ids[-3:] if self.order(each) is not None]
        self.world.fake.mass_status(others, CANCELLED)
        return bool(others)

    def _delete(self, order: Order) -> bool:
        """Not with a code of ours: whether such an order was ever seen decides what becomes of the points."""
        if self._has_our_code(order):
            return False
        self.world.fake.delete_order(order.id)
        return True

    def _rename_customer(self, order: Order) -> bool:
        if order.customer_id == 0:
            return False
        self.world.fake.update_customer(order.customer_id, first_name=f"Kim {self.dice.randint(1, 99)}")
        return True
