"""Days in a shop: people buy, pay late, change their minds, redeem points and use the codes; staff correct what they sold.

Everything is done through the demo shop's own interface and the product's own use cases, by a seeded dice.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from woocommerce import API

from core.db.engine import reading, run_tx
from core.errors import CannotRedeem
from core.members import queries as member_queries
from core.rewards.redemption import commands as redemptions
from core.work import effects
from demo.shop.carts import CouponJustUsed, CouponsDropped
from demo.shop.coupons import CouponRefused
from demo.shop.entities import Order
from demo.shop.orders import RefundRefused
from tests.torture.stream import World
from tests.torture.stream_oracle import Spent

PRODUCTS = range(11, 21)
EBOOK = 13
GUESTS = 0.06
OF_THE_LAST = 60  # what happens to orders happens mostly to recent ones


@dataclass
class Life:
    """`spared`: deeds that do not happen here. `codes`: as the shop writes them. `done`: how often each thing happened."""

    world: World
    dice: random.Random
    spared: tuple[str, ...] = ()
    codes: dict[str, Spent] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)
    _order_ids: list[int] = field(default_factory=list)
    _in_hand: dict[int, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        key = self.world.shop.shop.create_key()
        keys = {"consumer_key": key.consumer_key, "consumer_secret": key.consumer_secret}
        self._staff = API(url=self.world.shop.url, version="wc/v3", timeout=60, **keys)
        self._customers = [customer for customer in self.world.shop.shop.store.customers if customer != 1]

    def buy(self) -> None:
        customer = 0 if self.dice.random() < GUESTS else self.dice.choice(self._customers)
        items = {self.dice.choice(PRODUCTS): self.dice.randint(1, 3) for _ in range(self.dice.randint(1, 3))}
        payment = self.dice.choices(("demo_card", "cod", "bacs"), (70, 15, 15))[0]
        codes = self._codes_of(customer)
        try:
            order = self._place(items, customer, payment, codes)
        except (CouponRefused, CouponsDropped, CouponJustUsed):
            codes = ()
            order = self._place(items, customer, payment, codes)
        self._order_ids.append(order.id)
        self._note("bought with a code" if codes else "bought")

    def redeem(self) -> None:
        """As the widget does it: hold, then have the shop make the coupon."""
        world, customer = self.world, self.dice.choice(self._customers)
        points = self.dice.randint(100, 900)
        key = f"stream-{len(self.codes):08d}-{customer}"
        with reading(world.runtime.db) as session:
            member = member_queries.by_customer(session, world.merchant_id, world.view.shop_id, str(customer))
        if member is None:
            return
        try:
            placed = run_tx(
                world.runtime.db,
                lambda session: redemptions.place(
                    session,
                    world.merchant_id,
                    member.member_id,
                    world.view,
                    customer_external_id=str(customer),
                    points=points,
                    idempotency_key=key,
                    now=world.clock(),
                ),
            )
        except CannotRedeem:
            return
        view = effects.run_effect(world.runtime, world.merchant_id, placed.redemption_id)
        assert view.effect.actual == "issued", view
        code = placed.code.lower()
        self.codes[code] = Spent(customer, placed.points, placed.face_minor)
        self._in_hand.setdefault(customer, []).append(code)
        self._note("redeemed")

    def something(self) -> None:
        """One deed on some order; what the shop refuses does not happen."""
        order = self._some_order()
        if order is None or order.status == "trash":
            return
        names, weights = zip(*((name, often) for name, often in DEEDS.items() if name not in self.spared), strict=True)
        [name] = self.dice.choices(names, weights)
        deed: Callable[[Order], bool] = getattr(self, f"_{name}")
        try:
            happened = deed(order)
        except RefundRefused:
            happened = False
        if happened:
            self._note(name)

    def _place(self, items: dict[int, int], customer: int, payment: str, codes: tuple[str, ...]) -> Order:
        return self.world.shop.shop.place_order(items, customer_id=customer, payment=payment, coupons=codes)

    def _codes_of(self, customer: int) -> tuple[str, ...]:
        """Mostly a new code, now and then one that was used before: a cancelled order revives it."""
        if self.dice.random() < 0.2 or not self._in_hand.get(customer):
            return ()
        held = self._in_hand[customer]
        code = self.dice.choice(held)
        if self.dice.random() < 0.7:
            held.remove(code)
        return (code,)

    def _some_order(self) -> Order | None:
        if not self._order_ids:
            return None
        place = self.dice.randint(1, min(OF_THE_LAST, len(self._order_ids)))
        return self.world.shop.shop.store.orders.get(self._order_ids[-place])

    def _note(self, name: str) -> None:
        self.done[name] = self.done.get(name, 0) + 1

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


# deed -> how often, in relation to the others
DEEDS = {
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
