"""The bank test: eight tellers move the points of twenty members, half of it those of one; auditors add up while they do.

Whatever an auditor sees in one snapshot adds up, nothing is ever below zero, nothing that was acknowledged is missing in the end,
and no deadlock reaches a caller.
"""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import Session

from core.commerce import Order, OrderState
from core.db.engine import Database, open_database, reading
from core.errors import Refused
from core.ledger import commands as ledger
from core.ledger import queries as ledger_queries
from core.rewards.redemption import commands as redemptions
from core.rewards.redemption import queries as redemption_queries
from core.rewards.redemption.queries import RedemptionView
from core.work import effects
from core.work import reading as order_reading
from tests.core.world import World, make_world
from tests.torture.tiers import size

pytestmark = pytest.mark.torture("T3")

DEEDS = size(pr=1_000, nightly=100_000, release=500_000)  # per engine
DEEDS_PER_WORLD = 5_000
TELLERS, AUDITORS, MEMBERS = 8, 2, 20
STEP = timedelta(hours=1)  # of the bank's time, per deed: points of the first deeds expire during the run

# Each finds what must not be, in one snapshot.
AUDITS = {
    "a balance is below zero": "select member_id from balances where pending < 0 or available < 0 or held < 0 or debt > 0",
    "debt beside free points": "select member_id from balances where debt < 0 and available > 0",
    "a balance is not the sum of its transfers": """
        select b.member_id from balances b left join (
            select member_id, sum(case when credit in ('pending', 'available', 'held', 'debt') then points else 0 end)
                - sum(case when debit in ('pending', 'available', 'held', 'debt') then points else 0 end) as net
            from transfers group by member_id) t on t.member_id = b.member_id
        where b.pending + b.available + b.held + b.debt <> coalesce(t.net, 0)""",
    "the lots are not the balance": """
        select b.member_id from balances b left join (
            select member_id, sum(case when state = 'pending' then remaining else 0 end) as pending,
                sum(case when state = 'available' then remaining else 0 end) as available
            from lots group by member_id) l on l.member_id = b.member_id
        where b.pending <> coalesce(l.pending, 0) or b.available <> coalesce(l.available, 0)""",
    "open redemptions are not what is held": """
        select b.member_id from balances b left join (
            select member_id, sum(points) as held from redemptions where state = 'open' group by member_id) r
            on r.member_id = b.member_id
        where b.held <> coalesce(r.held, 0)""",
    "a chain has a gap": """
        select b.member_id from balances b left join (
            select member_id, count(*) as number, max(seq) as last from postings group by member_id) p
            on p.member_id = b.member_id
        where b.seq <> coalesce(p.number, 0) or b.seq <> coalesce(p.last, 0)""",
}


@dataclass
class Bank:
    """What the tellers share. `lock` orders what happens in the shop and on its clock, as in life; nothing of ours is under it."""

    world: World
    lock: threading.Lock = field(default_factory=threading.Lock)
    codes: list[tuple[str, RedemptionView]] = field(default_factory=list)
    adjusted: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    audits: int = 0
    closed: threading.Event = field(default_factory=threading.Event)

    def open(self) -> None:
        for number in range(MEMBERS):
            self.world.settle(self.world.shop.buy(30_000, customer=str(number)).external_id)

    def run(self, deeds: int, *, seed: int) -> None:
        shares = [deeds // TELLERS + (number < deeds % TELLERS) for number in range(TELLERS)]
        with ThreadPoolExecutor(TELLERS + AUDITORS) as pool:
            auditors = [pool.submit(self.audit_until_closed) for _ in range(AUDITORS)]
            tellers = [pool.submit(Teller(self, f"{seed}-{n}").work, share) for n, share in enumerate(shares)]
            try:
                for teller in tellers:
                    teller.result()
            finally:
                self.closed.set()
            for auditor in auditors:
                auditor.result()

    def audit_until_closed(self) -> None:
        while not self.closed.is_set():
            self.wrong += found_by_audit(self.world.db)
            self.audits += 1
            self.closed.wait(0.05)

    def after_hours(self) -> None:
        """All that happened is heard of, and every hold ends."""
        world = self.world
        for external_id in world.shop.placed:
            world.hint(external_id)
        world.work()
        for _ in range(3):
            world.wait(days=11)
            effects.sweep_holds(world.runtime, world.merchant_id)
            world.work()


class Teller:
    """One thread that does one deed after the other for some member, half of them for the same one."""

    def __init__(self, bank: Bank, name: str) -> None:
        self.bank, self.world, self.name, self.dice = bank, bank.world, name, random.Random(name)
        self.number = 0

    def work(self, deeds: int) -> None:
        kinds = {
            self.earn: 5,
            self.refund: 4,
            self.cancel: 1,
            self.hold: 5,
            self.capture: 4,
            self.void: 2,
            self.adjust: 2,
            self.expire: 2,
        }
        for self.number in range(deeds):
            customer = "0" if self.dice.random() < 0.5 else str(self.dice.randrange(1, MEMBERS))
            with self.bank.lock:
                self.world.time["now"] += STEP
            with suppress(Refused):
                self.dice.choices(list(kinds), list(kinds.values()))[0](customer)

    def earn(self, customer: str) -> None:
        self.settle(self.buy(self.dice.randint(100, 30_000), customer=customer))

    def refund(self, customer: str) -> None:
        with self.bank.lock:
            order = self.some_order(customer)
            left = order.lines[0].gross - sum(refund.gross for refund in order.refunds)
            if left <= 0:
                return
            self.world.shop.refund(order.external_id, self.dice.choice((left, self.dice.randint(1, left))), line="L1")
        self.settle(order.external_id)

    def cancel(self, customer: str) -> None:
        with self.bank.lock:
            order = self.some_order(customer)
            if order.state is OrderState.CANCELLED:
                return
            self.world.shop.cancel(order.external_id)
        self.settle(order.external_id)

    def hold(self, customer: str) -> None:
        points, key = self.dice.choice((50, 100, 300)), f"key-{self.name}-{self.number}"
        self.bank.codes.append((customer, self.world.redeem(points, customer=customer, key=key)))

    def capture(self, customer: str) -> None:
        """The shopper uses a code; it may be dying this very moment."""
        codes = [view for owner, view in self.bank.codes[-40:] if owner == customer]
        if not codes:
            return
        view = self.dice.choice(codes)
        with suppress(KeyError):  # the shop does not know it, or no longer
            amount = view.face_minor + self.dice.randint(100, 10_000)
            self.settle(self.buy(amount, customer=customer, code=view.code, off=view.face_minor))

    def void(self, customer: str) -> None:
        codes = [view for owner, view in self.bank.codes[-40:] if owner == customer]
        if codes:
            who, redemption_id = self.world.merchant_id, self.dice.choice(codes).redemption_id
            self.world.tx(lambda session: redemptions.give_back(session, who, redemption_id, now=self.world.now))
            effects.run_effect(self.world.runtime, who, redemption_id)

    def adjust(self, customer: str) -> None:
        points, member_id = self.dice.choice((-200, -10, 5, 400)), self.world.member(customer)
        request = {"reason": "goodwill", "notes": {}, "erasure_key": "k", "author_id": None, "expires_at": None}
        key = f"{self.name}-{self.number}"

        def write(session: Session) -> None:
            who = (session, self.world.merchant_id, member_id, points)
            ledger.adjust(*who, **request, idempotency_key=key, now=self.world.now)

        self.world.tx(write)
        self.bank.adjusted.append(points)

    def expire(self, _: str) -> None:
        self.world.tx(lambda s: ledger.book_due(s, self.world.merchant_id, now=self.world.now, limit=5))
        effects.sweep_holds(self.world.runtime, self.world.merchant_id)
        effects.run_due(self.world.runtime, self.world.merchant_id)

    def buy(self, amount: int, **more: Any) -> str:
        with self.bank.lock:
            order_id = f"{self.name}-{self.number}"
            return self.world.shop.buy(amount, order_id=order_id, **more).external_id

    def settle(self, external_id: str) -> None:
        """Tell of it, and work one order: this one, or what waited longer."""
        self.world.hint(external_id)
        order_reading.read_one(self.world.runtime, self.world.merchant_id)

    def some_order(self, customer: str) -> Order:
        mine = [o for o in self.world.shop.placed.values() if o.customer.external_id == customer]
        return self.dice.choice(mine[-20:])


def test_tellers_and_auditors_at_once_never_see_a_wrong_sum(
    new_database: Callable[[], str], tmp_path: Path, operations: Callable[[int], None]
) -> None:
    for start in range(0, DEEDS, DEEDS_PER_WORLD):
        db = open_database(new_database())
        bank = Bank(make_world(db, tmp_path, window_days=1, expiry_months=1, code_hours=240))
        bank.open()

        bank.run(min(DEEDS_PER_WORLD, DEEDS - start), seed=start)
        bank.after_hours()

        check(bank)
        db.close()
    operations(DEEDS)


def check(bank: Bank) -> None:
    world = bank.world
    assert bank.wrong == []
    assert bank.audits > AUDITORS
    assert found_by_audit(world.db) == []
    assert world.violations() == []
    targets = {external_id: world.order(external_id).target_points for external_id in world.shop.placed}
    assert targets == {external_id: worth(order) for external_id, order in world.shop.placed.items()}
    with reading(world.db) as session:
        assert redemption_queries.open_in_shop(session, world.merchant_id, world.shop_id) == []
        assert ledger_queries.totals(session, world.merchant_id).adjusted == sum(bank.adjusted)
        kept = {
            redemption_queries.redemption(session, world.merchant_id, v.redemption_id).points for _, v in bank.codes
        }
    assert kept == {view.points for _, view in bank.codes}


def worth(order: Order) -> int:
    """What an order of one line earns at a point a euro: floored once, and what is kept of it rounded up."""
    if order.state is OrderState.CANCELLED:
        return 0
    ordered = order.lines[0].gross
    kept = ordered - sum(refund.gross for refund in order.refunds)
    return -(-(ordered // 100) * kept // ordered)


def found_by_audit(db: Database) -> list[str]:
    with reading(db) as session:
        rows = [
            (name, row) for name, query in AUDITS.items() for row in session.connection().execute(sa.text(query)).all()
        ]
    return [f"{name}: {row}" for name, row in rows]
