"""The world in which workers and servers are killed: the stateful demo shop, its customers, and a merchant on it.

The oracle is a second database that reads the same shop at the end, undisturbed.
"""

import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import Session

from app import start
from app.wiring import make_runtime
from core.db.engine import reading, run_tx
from core.db.types import table
from core.earning import queries as order_queries
from core.errors import RegularsError
from core.ids import MerchantId, RedemptionId, normal_code
from core.members import queries as member_queries
from core.merchants import commands
from core.merchants import queries as merchant_queries
from core.merchants.queries import ShopView
from core.ports import Installation, Platform
from core.program import commands as programs
from core.program.terms import Terms, default_terms
from core.queue import inbox
from core.rewards.redemption import commands as redemptions
from core.rewards.redemption import queries as redemption_queries
from core.rewards.redemption.codes import rules_of
from core.rewards.redemption.queries import RedemptionView
from core.rewards.redemption.tables import RedemptionRow
from core.runtime import Runtime
from core.settings import Settings
from core.verify import verify
from core.work import effects, sync
from core.work import reading as order_reading
from demo.server import RunningShop, start_in_thread
from demo.shop.carts import CouponsDropped
from demo.shop.coupons import CouponRefused
from demo.shop.orders import RefundRefused
from webhooks import work as webhook_work

LEASES_END = timedelta(minutes=3)
CUSTOMERS = range(2, 7)


@dataclass
class Clock:
    """The real time, moved on so that the leases of the dead end without waiting."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass(frozen=True)
class Errand:
    """What a shopper asks of us, with the key that is retried until somebody has acknowledged it."""

    customer: str
    key: str
    give_back: RedemptionId | None = None


@dataclass
class World:
    runtime: Runtime
    clock: Clock
    shop: RunningShop
    merchant_id: MerchantId
    view: ShopView
    dice: random.Random
    orders: list[int] = field(default_factory=list)
    placed: dict[str, RedemptionId] = field(default_factory=dict)  # by key, as acknowledged
    errands: int = 0

    def something_happens(self) -> int:
        """In the shop. Returns the order that the shop tells us of."""
        deed = self.dice.random()
        order = self.dice.choice(self.orders) if len(self.orders) >= 5 else None
        if deed < 0.55 or order is None:
            return self._buy()
        if deed < 0.75:
            with suppress(RefundRefused):  # nothing is left of it
                self.shop.shop.refund(order, amount="0.50")
        elif deed < 0.82:
            self.shop.shop.cancel(order)
        return order

    def errand(self) -> Errand | None:
        """Now and then a shopper redeems, or does not want a code any more."""
        deed = self.dice.random()
        if deed >= 0.6:
            return None
        self.errands += 1
        back = self.dice.choice(list(self.placed.values())) if self.placed and deed < 0.15 else None
        return Errand(str(self.dice.choice(CUSTOMERS)), f"key-{self.errands:08d}", back)

    def run(self, errand: Errand) -> RedemptionId | None:
        """Do what was asked. None: refused, for want of points or because there are codes enough."""
        try:
            return run_tx(self.runtime.db, partial(self._run, errand))
        except RegularsError:
            return None

    def acknowledge(self, errand: Errand, made: RedemptionId | None) -> None:
        if made is not None and errand.give_back is None:
            assert self.placed.setdefault(errand.key, made) == made, f"{errand} has two answers"

    def hint(self, order: int) -> tuple[bytes, dict[str, str]]:
        body = json.dumps({"id": order, "status": "processing", "currency": "EUR"}).encode()
        return body, {"x-wc-webhook-topic": "order.updated"}

    def keep_hints(self, orders: list[int]) -> None:
        arrivals = []
        for order in orders:
            body, headers = self.hint(order)
            arrivals.append(inbox.Arrival(self.merchant_id, self.view.shop_id, "webhook", headers, body, self.clock()))
        run_tx(self.runtime.db, lambda session: inbox.store(session, arrivals))

    def one_round(self) -> bool:
        busy = webhook_work.work_due(self.runtime, self.merchant_id) > 0
        busy |= order_reading.read_one(self.runtime, self.merchant_id)
        return busy | effects.run_due(self.runtime, self.merchant_id)

    def work_to_the_end(self) -> None:
        for _ in range(4):
            while self.one_round():
                pass
            self.clock.ahead += timedelta(minutes=20)

    def targets(self) -> dict[str, int]:
        found = {}
        with reading(self.runtime.db) as session:
            for order in self.orders:
                view = order_queries.find(session, self.merchant_id, self.view.shop_id, str(order))
                found[str(order)] = view.target_points if view is not None else -1
        return found

    def redemptions(self) -> list[RedemptionView]:
        with reading(self.runtime.db) as session:
            mine = sa.select(table(RedemptionRow).c.redemption_id).where(
                table(RedemptionRow).c.merchant_id == self.merchant_id
            )
            ids = [RedemptionId(one) for one in session.connection().execute(mine).scalars()]
            return [redemption_queries.redemption(session, self.merchant_id, one) for one in ids]

    def violations(self) -> list[str]:
        with reading(self.runtime.db) as session:
            return verify(session, self.runtime.vault, self.merchant_id).violations

    def usable_codes(self) -> list[str]:
        """Of ours: the shop has coupons of its own, without a limit."""
        coupons = list(self.shop.shop.store.coupons.values())
        return sorted(
            normal_code(coupon.code)
            for coupon in coupons
            if coupon.status == "publish" and coupon.usage_limit and coupon.usage_count < coupon.usage_limit
        )

    def _buy(self) -> int:
        """With a code, if the shopper has one: each code is bound to its customer, so only its owner can use it."""
        customer = self.dice.choice(CUSTOMERS)
        items = {12: self.dice.randint(1, 12)}
        codes = self.usable_codes() if self.dice.random() < 0.4 else []
        place = partial(self.shop.shop.place_order, items, customer_id=customer, payment="demo_card")
        try:
            order = place(coupons=(self.dice.choice(codes),)) if codes else place()
        except (CouponRefused, CouponsDropped):
            order = place()  # somebody else's, or taken from the shop this very moment
        self.orders.append(order.id)
        return order.id

    def _run(self, errand: Errand, session: Session) -> RedemptionId | None:
        if errand.give_back is not None:
            redemptions.give_back(session, self.merchant_id, errand.give_back, now=self.clock())
            return errand.give_back
        member = member_queries.by_customer(session, self.merchant_id, self.view.shop_id, errand.customer)
        if member is None:
            return None
        made = redemptions.place(
            session,
            self.merchant_id,
            member.member_id,
            self.view,
            customer_external_id=errand.customer,
            points=100,
            idempotency_key=errand.key,
            codes=rules_of(self.runtime.capabilities(self.view.platform)),
            now=self.clock(),
        )
        return made.redemption_id


@contextmanager
def new_world(folder: Path, url: str, *, seed: int) -> Iterator[World]:
    """A shop that has just opened, and a merchant who has just launched."""
    shop = start_in_thread(order_count=0, customer_count=6, plugin=False)
    made = open_world(shop, folder, url, seed=seed)
    try:
        time.sleep(1.1)  # the shop stamps orders in whole seconds: none may be of the second before the launch
        yield made
    finally:
        made.runtime.db.close()
        shop.stop()


def open_world(
    shop: RunningShop, folder: Path, url: str | None, *, seed: int = 0, launched: datetime | None = None
) -> World:
    """A live program on this shop. `launched`: at the moment when another world was."""
    settings = Settings(data_dir=folder, database_url=url, public_url="http://127.0.0.1:9", allow_loopback=True)
    start.bring_up_to_date(settings)
    clock = Clock()
    runtime = replace(make_runtime(settings), clock=clock)
    key = shop.shop.create_key()
    keys = {"consumer_key": key.consumer_key, "consumer_secret": key.consumer_secret}
    facts = runtime.connect(Installation("x" * 32, Platform.WOOCOMMERCE, shop.url, keys)).installer.facts()
    moment = launched or clock()

    def work(session: Session) -> ShopView:
        merchant_id = commands.create_merchant(session, name="Torture", timezone="UTC", now=moment)
        terms = {**default_terms(["EUR"], timezone="UTC").model_dump(), "window_days": 0}
        programs.publish(session, merchant_id, Terms.model_validate(terms), author_id=None, now=moment)
        view = commands.connect_shop(
            session,
            runtime.vault,
            merchant_id,
            platform=Platform.WOOCOMMERCE,
            base_url=shop.url,
            facts=facts,
            credentials=keys,
            now=moment,
        )
        commands.set_launch(session, merchant_id, "live", now=moment)
        # Refunds by the dozen are the point here; the brake that parks them is tested elsewhere.
        commands.allow_clawback(session, merchant_id, view.shop_id, until=moment + timedelta(days=365))
        return merchant_queries.shop(session, merchant_id, view.shop_id)

    view = run_tx(runtime.db, work)
    return World(runtime, clock, shop, view.merchant_id, view, random.Random(seed))


def check(world: World, folder: Path) -> None:
    """Every order as an undisturbed reader of the same shop has it; every code where its redemption says; the books clean."""
    oracle = open_world(world.shop, folder, None, launched=world.view.created_at)
    oracle.orders = world.orders
    oracle.keep_hints(world.orders)
    oracle.work_to_the_end()
    targets = oracle.targets()
    assert oracle.violations() == []
    oracle.runtime.db.close()

    assert world.violations() == []
    assert world.targets() == targets
    assert sync.reconcile(world.runtime, world.merchant_id, world.view.shop_id).differing == ()
    with reading(world.runtime.db) as session:
        assert inbox.counts(session, world.merchant_id) == {"new": 0, "parked": 0}
    made = world.redemptions()
    assert {view.redemption_id for view in made} == set(world.placed.values())
    assert world.usable_codes() == sorted(view.code for view in made if view.state == "open")
    let_holds_end(world)


def let_holds_end(world: World) -> None:
    """Nobody comes any more: the sweeper ends every hold, and no code is left that could be used."""
    for _ in range(3):
        world.clock.ahead += timedelta(hours=26)
        effects.sweep_holds(world.runtime, world.merchant_id)
        world.work_to_the_end()

    assert [view for view in world.redemptions() if view.state == "open"] == []
    assert world.usable_codes() == []
    assert world.violations() == []


def rounds_of(total: int, size: int) -> list[int]:
    """How many in each round: a fresh world now and then keeps a kill as cheap at the end as at the start."""
    return [min(size, total - done) for done in range(0, total, size)]


MakeDatabase = Callable[[], str]
