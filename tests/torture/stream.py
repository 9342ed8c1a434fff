"""A product and a demo shop on one simulated clock, and the post between them, which does all that bad post does.

Messages are the shop's own bytes, signed with the secret that the product gave it, and written when the thing happened:
so what arrives late is stale. They go through the real web application; reading back goes over real HTTP.
"""

import heapq
import itertools
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask
from sqlmodel import Session

from app import start
from app.factory import create_app
from app.wiring import make_runtime
from core.db.engine import reading, run_tx
from core.ids import MerchantId
from core.ledger import queries as ledger_queries
from core.ledger.queries import BalanceView
from core.members import queries as member_queries
from core.merchants import commands
from core.merchants import queries as merchant_queries
from core.merchants.queries import ShopView
from core.ports import Installation, Platform
from core.program import commands as programs
from core.program.terms import Terms, default_terms
from core.runtime import Runtime
from core.settings import Settings
from core.verify import verify
from core.work import effects, hooks
from core.work import reading as order_reading
from demo.server import RunningShop, start_in_thread
from demo.shop.store import Event
from demo.woocommerce import webhooks
from webhooks import work as webhook_work

START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
NOBODY = "http://127.0.0.1:9"  # where pings of new webhooks end when no server listens
COPIES = 3
DROPPED, STALE_LAST, FORGED, TRUNCATED = 0.10, 0.05, 0.02, 0.01
WINDOW = timedelta(hours=24)


@dataclass
class Clock:
    """Stands still until it is moved. The shop reads it in seconds."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        return self.now.timestamp()


@dataclass
class World:
    """A live program with one connected shop whose webhooks are set up."""

    runtime: Runtime
    clock: Clock
    shop: RunningShop
    merchant_id: MerchantId
    view: ShopView

    def wait(self, delta: timedelta) -> None:
        self.clock.now += delta

    def work(self) -> None:
        """All that the worker's threads do of themselves, until nothing is due."""
        effects.sweep_holds(self.runtime, self.merchant_id)
        while self._one_round():
            pass

    def work_for(self, delta: timedelta, *, step: timedelta = timedelta(minutes=20)) -> None:
        end = self.clock() + delta
        self.work()
        while self.clock() < end:
            self.wait(step)
            self.work()

    def balances(self) -> dict[int, BalanceView]:
        """Of all customers of the shop who are members."""
        found = {}
        with reading(self.runtime.db) as session:
            for customer in self.shop.shop.store.customers:
                member = member_queries.by_customer(session, self.merchant_id, self.view.shop_id, str(customer))
                if member is not None:
                    now, member_id = self.clock(), member.member_id
                    found[customer] = ledger_queries.balance_now(session, self.merchant_id, member_id, now=now)
        return found

    def points(self) -> dict[int, int]:
        """Points per customer, those set aside for codes included; without those who have none."""
        totals = {
            customer: balance.pending + balance.available + balance.held + balance.debt
            for customer, balance in self.balances().items()
        }
        return {customer: points for customer, points in totals.items() if points}

    def violations(self) -> list[str]:
        with reading(self.runtime.db) as session:
            return verify(session, self.runtime.vault, self.merchant_id).violations

    def _one_round(self) -> bool:
        busy = webhook_work.work_due(self.runtime, self.merchant_id) > 0
        busy |= order_reading.read_one(self.runtime, self.merchant_id)
        return busy | effects.run_due(self.runtime, self.merchant_id)


@contextmanager
def open_world(url: str, folder: Path, *, customers: int, public_url: str = NOBODY) -> Iterator[World]:
    clock = Clock()
    shop = start_in_thread(order_count=0, customer_count=0, plugin=False, clock=clock.seconds)
    shop.shop.store.checkout_pause = lambda: None
    # Our calls are signed by the real clock, so the shop checks them by it; orders it stamps by the simulated one.
    shop.shop.site.now = time.time  # type: ignore[method-assign]
    for number in range(customers):
        shop.shop.add_customer(f"shopper{number}@example.com")
    settings = Settings(data_dir=folder, database_url=url, public_url=public_url, allow_loopback=True)
    start.bring_up_to_date(settings)
    runtime = replace(make_runtime(settings), clock=clock)
    try:
        view = run_tx(runtime.db, lambda session: _connect(session, runtime, shop, clock()))
        hooks.subscribe(runtime, view)
        yield World(runtime, clock, shop, view.merchant_id, view)
    finally:
        shop.stop()
        runtime.db.close()


def _connect(session: Session, runtime: Runtime, shop: RunningShop, now: datetime) -> ShopView:
    key = shop.shop.create_key()
    keys = {"consumer_key": key.consumer_key, "consumer_secret": key.consumer_secret}
    facts = runtime.connect(Installation("x" * 32, Platform.WOOCOMMERCE, shop.url, keys)).installer.facts()
    merchant_id = commands.create_merchant(session, name="Torture", timezone="UTC", now=now)
    rules = default_terms(["EUR"], timezone="UTC").model_dump() | {"window_days": 0, "expiry_months": None}
    programs.publish(session, merchant_id, Terms.model_validate(rules), author_id=None, now=now)
    view = commands.connect_shop(
        session,
        runtime.vault,
        merchant_id,
        platform=Platform.WOOCOMMERCE,
        base_url=shop.url,
        facts=facts,
        credentials=keys,
        now=now,
    )
    commands.set_launch(session, merchant_id, "live", now=now)
    # Refunds by the dozen are the point here; the brake that parks them is tested elsewhere.
    commands.allow_clawback(session, merchant_id, view.shop_id, until=now + timedelta(days=365))
    return merchant_queries.shop(session, merchant_id, view.shop_id)


@dataclass(frozen=True)
class Letter:
    kind: str  # true, forged, cut (on the way), cut_signed (by the shop), stale
    body: bytes
    headers: dict[str, str]


@dataclass
class Post:
    """Takes every message of the shop when it is written, and hands it over when and how it likes."""

    world: World
    app: Flask
    dice: random.Random
    answers: dict[str, Counter[int]] = field(default_factory=dict)
    dropped: int = 0
    _under_way: list[tuple[datetime, int, Letter]] = field(default_factory=list)
    _for_the_end: list[Letter] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @classmethod
    def of(cls, world: World, dice: random.Random) -> "Post":
        made = cls(world, create_app(world.runtime), dice)
        world.shop.shop.store.listeners.append(made.take)
        return made

    def take(self, event: Event) -> None:
        site = self.world.shop.shop.site
        for webhook_id, arg in webhooks.jobs(site, event):
            webhook = site.webhooks[webhook_id]
            body, headers = webhooks.build(site, webhook, arg)
            self._accept(Letter("true", body, headers), webhook.secret)

    def hand_over_due(self) -> None:
        while self._under_way and self._under_way[0][0] <= self.world.clock():
            self._send(heapq.heappop(self._under_way)[2])

    def hand_over_the_rest(self) -> None:
        """What is under way, and after it what had been written first."""
        self.world.wait(WINDOW)
        self.hand_over_due()
        for letter in self._for_the_end:
            self._send(letter)

    def _accept(self, letter: Letter, secret: str) -> None:
        if self.dice.random() < STALE_LAST:
            self._for_the_end.append(replace(letter, kind="stale"))
        if self.dice.random() < DROPPED:
            self.dropped += 1
            return
        for _ in range(COPIES):
            self._put(self._cut(letter, secret) if self.dice.random() < TRUNCATED else letter)
            if self.dice.random() < FORGED:
                self._put(self._forged(letter))

    def _forged(self, letter: Letter) -> Letter:
        """Another order under the signature of this one, or this one signed by somebody else."""
        if self.dice.random() < 0.5:
            body = letter.body.replace(b'"id":', b'"id":1', 1).replace(b'"arg":', b'"arg":1', 1)
            return Letter("forged", body, letter.headers)
        wrong = webhooks.signature("a guess", letter.body)
        return Letter("forged", letter.body, {**letter.headers, "X-WC-Webhook-Signature": wrong})

    def _cut(self, letter: Letter, secret: str) -> Letter:
        body = letter.body[: self.dice.randrange(1, len(letter.body))]
        if self.dice.random() < 0.5:
            return Letter("cut", body, letter.headers)
        signed = {**letter.headers, "X-WC-Webhook-Signature": webhooks.signature(secret, body)}
        return Letter("cut_signed", body, signed)

    def _put(self, letter: Letter) -> None:
        due = self.world.clock() + WINDOW * self.dice.random()
        heapq.heappush(self._under_way, (due, next(self._numbers), letter))

    def _send(self, letter: Letter) -> None:
        address = f"/webhooks/woocommerce/{self.world.view.shop_key}"
        answer = self.app.test_client().post(address, data=letter.body, headers=letter.headers)
        self.answers.setdefault(letter.kind, Counter())[answer.status_code] += 1
