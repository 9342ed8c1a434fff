"""Random histories of a shop: whatever happens, in whatever order it is heard of, the book verifies and nothing is stuck.

A failing seed is a parameter: `pytest "tests/core/test_random_histories.py" -k "seed and 7"` replays it.
"""

import random
from pathlib import Path

import pytest

from core.commerce import CustomerRef, Order, OrderState
from core.db.engine import Database, reading
from core.errors import Refused, Unreachable
from core.ledger import commands as ledger
from core.members import queries as members
from core.rewards.redemption import queries as redemptions
from core.work import effects, sync
from tests.core.world import World, make_world

CUSTOMERS = ("7", "8", "9")
STEPS = 60


class History:
    """One random history. Every step is something that a shopper, a shop or time does."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.random = world, random.Random(seed)
        self.codes: dict[str, list[tuple[str, int]]] = {customer: [] for customer in CUSTOMERS}

    def step(self) -> None:
        weights = {
            self.buy: 6,
            self.refund: 4,
            self.withdraw_refund: 1,
            self.cancel_or_revive: 2,
            self.edit: 1,
            self.change_customer: 1,
            self.redeem: 5,
            self.give_back: 2,
            self.adjust: 1,
            self.wait: 4,
            self.shop_fails: 1,
        }
        self.random.choices(list(weights), list(weights.values()))[0]()
        if self.random.random() < 0.7:
            self.hear()

    def hear(self) -> None:
        """Some orders are announced, some of them twice, in any order."""
        ids = list(self.world.shop.placed)
        for external_id in self.random.choices(ids, k=min(3, len(ids))):
            self.world.hint(external_id)
        self.world.work()

    def buy(self) -> None:
        customer = self.random.choice(CUSTOMERS)
        amounts = [self.random.choice((0, 1, 99, 1000, 2599, 50000)) for _ in range(self.random.randint(1, 4))]
        usable = [code for code in self.codes[customer] if code[0] in self.world.shop.coupons]
        code, off = self.random.choice(usable) if usable and self.random.random() < 0.6 else (None, 0)
        amounts[0] = max(amounts[0], off)
        used = self.random.randint(0, off) if self.random.random() < 0.2 else off
        paid = self.random.random() < 0.8
        self.world.shop.buy(
            *amounts, customer=self.random.choice((customer, customer, None)), paid=paid, code=code, off=used
        )

    def refund(self) -> None:
        order = self._some_order()
        if order is None:
            return
        left = order.total - sum(refund.gross for refund in order.refunds)
        if left <= 0:
            return
        line = self.random.choice([None, *(line.external_id for line in order.lines)])
        gross = self.random.choice((left, self.random.randint(1, left)))
        self.world.shop.refund(order.external_id, gross, line=line, stamp=self.random.random() < 0.8)

    def withdraw_refund(self) -> None:
        order = self._some_order()
        if order is not None and order.refunds:
            silently = order.model_copy(update={"refunds": order.refunds[:-1]})
            self.world.shop.placed[order.external_id] = silently

    def cancel_or_revive(self) -> None:
        order = self._some_order()
        if order is None:
            return
        if order.state is OrderState.CANCELLED:
            self.world.shop.change(order.external_id, state=OrderState.PLACED)
        else:
            self.world.shop.cancel(order.external_id)

    def edit(self) -> None:
        order = self._some_order()
        if order is not None and not order.discounts:
            lines = tuple(
                line.model_copy(update={"gross": amount, "before_discount": amount})
                for line in order.lines
                for amount in [self.random.choice((line.gross, 0, 777))]
            )
            self.world.shop.change(order.external_id, lines=lines)

    def change_customer(self) -> None:
        order = self._some_order()
        if order is not None:
            customer = self.random.choice(CUSTOMERS)
            reference = CustomerRef(external_id=customer, email=f"c{customer}@example.org")
            self.world.shop.change(
                order.external_id, customer=self.random.choice((reference, CustomerRef(erased=True)))
            )

    def redeem(self) -> None:
        customer = self.random.choice(CUSTOMERS)
        try:
            placed = self.world.redeem(
                self.random.choice((1, 7, 100, 300)),
                customer=customer,
                key=f"key-{self.random.getrandbits(64)}",
                issue=self.random.random() < 0.8,
            )
        except (Refused, AssertionError):  # too few points, or no member yet
            return
        self.codes[customer].append((placed.code, placed.face_minor))

    def give_back(self) -> None:
        with reading(self.world.db) as session:
            found = redemptions.open_in_shop(session, self.world.merchant_id, self.world.shop_id)
        if found:
            self.world.give_back(self.random.choice(found).redemption_id)

    def adjust(self) -> None:
        world, points = self.world, self.random.choice((-50, -1, 1, 250))
        with reading(world.db) as session:
            member = members.by_customer(session, world.merchant_id, world.shop_id, "7")
        if member is None:
            return
        request = {
            "reason": "goodwill",
            "notes": {},
            "erasure_key": "k",
            "author_id": None,
            "idempotency_key": str(self.random.getrandbits(64)),
            "expires_at": None,
        }
        try:
            world.tx(lambda s: ledger.adjust(s, world.merchant_id, member.member_id, points, now=world.now, **request))
        except Refused:
            return

    def wait(self) -> None:
        self.world.wait(hours=self.random.choice((0.1, 1, 5, 30, 24 * 9)))
        effects.sweep_holds(self.world.runtime, self.world.merchant_id)
        self.world.tx(lambda s: ledger.book_due(s, self.world.merchant_id, now=self.world.now))
        self.world.work()

    def shop_fails(self) -> None:
        self.world.shop.failure = Unreachable("no answer")
        self.hear()
        self.world.shop.failure = None

    def finish(self) -> None:
        """Nothing more happens: a reconcile pass, time, and every hold has ended."""
        for _ in range(4):
            sync.reconcile(self.world.runtime, self.world.merchant_id, self.world.shop_id, days=400)
            for external_id in self.world.shop.placed:
                self.world.hint(external_id)
            self.world.work()
            self.world.wait(days=2.2)
            effects.sweep_holds(self.world.runtime, self.world.merchant_id)
            self.world.work()

    def _some_order(self) -> Order | None:
        ids = list(self.world.shop.placed)
        return self.world.shop.placed[self.random.choice(ids)] if ids else None


@pytest.mark.parametrize("seed", range(3))
def test_a_random_history_verifies_at_every_stage_and_leaves_nothing_held(
    db: Database, tmp_path: Path, seed: int
) -> None:
    world = make_world(
        db,
        tmp_path,
        window_days=seed % 3 * 5,
        expiry_months=2,
        include_points_paid=seed % 2 == 1,
        include_shipping=seed == 2,
    )
    history = History(world, seed)

    for number in range(STEPS):
        history.step()
        if number % 12 == 0:
            assert world.violations() == [], f"seed {seed}, step {number}"
    history.finish()

    assert world.violations() == []
    with reading(db) as session:
        assert redemptions.open_in_shop(session, world.merchant_id, world.shop_id) == []
