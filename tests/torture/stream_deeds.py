"""People in a shop who buy and redeem, and staff who correct what they sold, by a seeded dice: what all platforms share."""

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

from demo.shop.carts import CouponJustUsed, CouponsDropped
from demo.shop.coupons import CouponRefused
from demo.shop.entities import Order
from demo.shop.orders import RefundRefused
from tests.torture.stream_oracle import Spent
from tests.torture.stream_post import Post
from tests.torture.stream_world import StreamWorld

OF_THE_LAST = 60  # what happens to orders happens mostly to recent ones
WORKED_EVERY = 20


@dataclass
class Deeds(ABC):
    """`spared`: deeds that do not happen here. `codes`: as the shop writes them. `done`: how often each thing happened.

    Each deed is a method with its name behind an underscore, and returns whether it happened.
    """

    DEEDS: ClassVar[Mapping[str, int]]  # deed -> how often, in relation to the others

    world: StreamWorld
    dice: random.Random
    spared: tuple[str, ...] = ()
    codes: dict[str, Spent] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)
    _order_ids: list[int] = field(default_factory=list)
    _in_hand: dict[int, list[str]] = field(default_factory=dict)

    @abstractmethod
    def buyer(self) -> int:
        """A customer, or 0 for somebody who is none."""

    @abstractmethod
    def member(self) -> int:
        """A customer who may have points."""

    @abstractmethod
    def placing(self, customer: int) -> Callable[[tuple[str, ...]], Order]:
        """What to buy, decided once: then bought with codes, or without where the shop refuses them."""

    @abstractmethod
    def order(self, order_id: int) -> Order | None:
        """As it is now; None: nothing can happen to it any more."""

    def buy(self) -> None:
        customer = self.buyer()
        place = self.placing(customer)
        codes = self._codes_of(customer)
        try:
            order = place(codes)
        except (CouponRefused, CouponsDropped, CouponJustUsed):
            codes = ()
            order = place(())
        self._order_ids.append(order.id)
        self.note("bought with a code" if codes else "bought")

    def redeem(self) -> None:
        customer, points = self.member(), self.dice.randint(100, 900)
        placed = self.world.redeem(customer, points=points, key=f"stream-{len(self.codes):08d}-{customer}")
        if placed is None:
            return
        code = placed.code.lower()
        self.codes[code] = Spent(customer, placed.points, placed.face_minor)
        self._in_hand.setdefault(customer, []).append(code)
        self.note("redeemed")

    def something(self) -> None:
        """One deed on some order; what the shop refuses does not happen."""
        order = self._some_order()
        if order is None:
            return
        names, weights = zip(
            *((name, often) for name, often in self.DEEDS.items() if name not in self.spared), strict=True
        )
        [name] = self.dice.choices(names, weights)
        deed: Callable[[Order], bool] = getattr(self, f"_{name}")
        try:
            happened = deed(order)
        except RefundRefused:
            happened = False
        if happened:
            self.note(name)

    def note(self, name: str) -> None:
        self.done[name] = self.done.get(name, 0) + 1

    def _codes_of(self, customer: int) -> tuple[str, ...]:
        """Mostly a new code, now and then one that was used before: some shops revive it with a cancelled order."""
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
        return self.order(self._order_ids[-place])


def live_through(life: Deeds, post: Post, *, orders: int, span: timedelta) -> None:
    """So many orders in so long, with what happens to them, while the post goes."""
    for number in range(1, orders + 1):
        life.buy()
        life.something()
        if life.dice.random() < 0.5:
            life.something()
        if life.dice.random() < 0.4:
            life.redeem()
        life.world.wait(span / orders)
        post.hand_over_due()
        if number % WORKED_EVERY == 0:
            life.world.work()
    post.hand_over_the_rest()
    life.world.work()
