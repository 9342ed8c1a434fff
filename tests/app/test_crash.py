"""kill -9 in the middle of work: what was acknowledged is done in the end, nothing is done twice, and the books add up.

The shop is the stateful demo shop. The oracle is a second database that reads the same shop at the end, undisturbed.
"""

import base64
import hashlib
import hmac
import json
import os
import random
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from sqlmodel import Session

from app import start
from app.wiring import make_runtime
from core.db.engine import dispose_after_fork, reading, run_tx
from core.db.types import table
from core.earning import queries as order_queries
from core.errors import RegularsError
from core.ids import MerchantId, RedemptionId
from core.members import queries as member_queries
from core.merchants import commands
from core.merchants import queries as merchant_queries
from core.merchants.queries import ShopView
from core.ports import Installation, Platform
from core.program import commands as programs
from core.program.terms import Terms, default_terms
from core.queue import inbox
from core.queue.tables import InboxRow
from core.rewards.redemption import commands as redemptions
from core.rewards.redemption import queries as redemption_queries
from core.runtime import Runtime
from core.settings import Settings
from core.verify import verify
from core.work import effects, sync
from core.work import reading as order_reading
from demo.server import RunningShop, start_in_thread
from webhooks import work as webhook_work

pytestmark = pytest.mark.torture

WORKERS, SERVERS = 200, 20
LEASES_END = timedelta(minutes=3)


@dataclass
class Clock:
    """The real time, moved on so that the leases of the dead end without waiting."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class World:
    runtime: Runtime
    clock: Clock
    shop: RunningShop
    merchant_id: MerchantId
    view: ShopView
    dice: random.Random = field(default_factory=lambda: random.Random(7))
    orders: list[int] = field(default_factory=list)
    placed: list[RedemptionId] = field(default_factory=list)

    def something_happens(self) -> int:
        """In the shop, or between a shopper and us. Returns the order that the shop tells us of."""
        deed = self.dice.random()
        order = self.dice.choice(self.orders) if len(self.orders) >= 5 else None
        if deed < 0.35 or order is None:
            customer = self.dice.choice(range(2, 7))
            pieces = self.dice.randint(1, 12)
            order = self.shop.shop.place_order({12: pieces}, customer_id=customer, payment="demo_card").id
            self.orders.append(order)
        elif deed < 0.5:
            self.shop.shop.refund(order, amount="0.50")
        elif deed < 0.55:
            self.shop.shop.cancel(order)
        elif deed < 0.8:
            self._redeem()
        elif deed < 0.9 and self.placed:
            redemption_id = self.dice.choice(self.placed)
            run_tx(
                self.runtime.db,
                lambda s: redemptions.give_back(s, self.merchant_id, redemption_id, now=self.clock()),
            )
        return order

    def _redeem(self) -> None:
        customer = str(self.dice.choice(range(2, 7)))

        def place(session: Session) -> RedemptionId | None:
            member = member_queries.by_customer(session, self.merchant_id, self.view.shop_id, customer)
            if member is None:
                return None
            made = redemptions.place(
                session,
                self.merchant_id,
                member.member_id,
                self.view,
                customer_external_id=customer,
                points=100,
                idempotency_key=f"key-{len(self.placed):08d}-{customer}",
                now=self.clock(),
            )
            return made.redemption_id

        try:
            made = run_tx(self.runtime.db, place)
        except RegularsError:
            return  # not enough points, or enough codes already
        if made is not None:
            self.placed.append(made)

    def hint(self, order: int) -> tuple[bytes, dict[str, str]]:
        body = json.dumps({"id": order, "status": "processing", "currency": "EUR"}).encode()
        return body, {"x-wc-webhook-topic": "order.updated"}

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

    def violations(self) -> list[str]:
        with reading(self.runtime.db) as session:
            return verify(session, self.runtime.vault, self.merchant_id).violations


@pytest.fixture
def shop() -> Iterator[RunningShop]:
    running = start_in_thread(order_count=0, customer_count=6, plugin=False)
    yield running
    running.stop()


@pytest.fixture
def world(shop: RunningShop, migrated_url: str, tmp_path: Path) -> Iterator[World]:
    made = open_world(shop, tmp_path / "data", migrated_url)
    time.sleep(1.1)  # the shop stamps orders in whole seconds: none may be of the second before the launch
    yield made
    made.runtime.db.close()


def test_two_hundred_workers_die_at_work_and_nothing_is_lost_or_doubled(world: World, tmp_path: Path) -> None:
    for _ in range(WORKERS):
        order = world.something_happens()
        keep_hints(world, [order] * world.dice.randint(1, 3))
        kill_a_worker(world)
        world.clock.ahead += LEASES_END if world.dice.random() < 0.5 else timedelta(seconds=10)

    world.clock.ahead += LEASES_END
    world.work_to_the_end()

    check(world, tmp_path)


def test_twenty_servers_die_under_load_and_what_they_acknowledged_is_done(
    world: World, tmp_path: Path, server_of: Callable[[Any], Any], cli: Any
) -> None:
    cli.data_dir = world.runtime.settings.data_dir
    cli.settings = {"REGULARS_DATABASE_URL": world.runtime.db.url, "REGULARS_ALLOW_LOOPBACK": "true"}
    cli.settings["REGULARS_PUBLIC_URL"] = "http://127.0.0.1:9"
    for _ in range(8):
        world.something_happens()
    server = server_of(cli)
    secret = webhook_secret(world)
    acknowledged: list[int] = []
    stopping = threading.Event()
    clients = [
        threading.Thread(target=send_until, args=(stopping, world, server.url, secret, acknowledged)) for _ in range(4)
    ]
    for client in clients:
        client.start()
    try:
        for _ in range(SERVERS):
            server.start()
            world.something_happens()
            time.sleep(world.dice.uniform(0.1, 0.6))
            server.kill()
    finally:
        stopping.set()
        for client in clients:
            client.join()
    with reading(world.runtime.db) as session:
        rows = sa.select(sa.func.count()).select_from(table(InboxRow))
        kept = session.connection().execute(rows.where(table(InboxRow).c.merchant_id == world.merchant_id)).scalar_one()

    keep_hints(world, world.orders)  # what happened while no server ran was told to nobody
    world.clock.ahead += LEASES_END
    world.work_to_the_end()

    assert len(acknowledged) > SERVERS
    assert kept >= len(acknowledged)
    check(world, tmp_path)


def check(world: World, tmp_path: Path) -> None:
    """Every order as an undisturbed reader of the same shop has it; every code where its redemption says; the books clean."""
    oracle = open_world(world.shop, tmp_path / "oracle", None, like=world)
    keep_hints(oracle, world.orders)
    oracle.orders = world.orders
    oracle.work_to_the_end()

    assert world.violations() == []
    assert oracle.violations() == []
    assert world.targets() == oracle.targets()
    assert sync.reconcile(world.runtime, world.merchant_id, world.view.shop_id).differing == ()
    with reading(world.runtime.db) as session:
        assert inbox.counts(session, world.merchant_id) == {"new": 0, "parked": 0}
        views = [redemption_queries.redemption(session, world.merchant_id, one) for one in world.placed]
    coupons = [coupon.code.upper() for coupon in world.shop.shop.store.coupons.values() if coupon.status == "publish"]
    for view in views:
        assert coupons.count(view.code.upper()) == (1 if view.state == "open" else 0), view
    oracle.runtime.db.close()


def open_world(shop: RunningShop, folder: Path, url: str | None, *, like: World | None = None) -> World:
    """A live program on this shop. `like`: with the same terms and launched at the same moment as another world."""
    settings = Settings(data_dir=folder, database_url=url, public_url="http://127.0.0.1:9", allow_loopback=True)
    start.bring_up_to_date(settings)
    clock = Clock()
    runtime = replace(make_runtime(settings), clock=clock)
    key = shop.shop.create_key()
    keys = {"consumer_key": key.consumer_key, "consumer_secret": key.consumer_secret}
    facts = runtime.connect(Installation("x" * 32, Platform.WOOCOMMERCE, shop.url, keys)).installer.facts()
    launched = like.view.created_at if like is not None else clock()

    def work(session: Session) -> ShopView:
        merchant_id = commands.create_merchant(session, name="Torture", timezone="UTC", now=launched)
        terms = default_terms(["EUR"], timezone="UTC")
        programs.publish(
            session,
            merchant_id,
            Terms.model_validate({**terms.model_dump(), "window_days": 0}),
            author_id=None,
            now=launched,
        )
        view = commands.connect_shop(
            session,
            runtime.vault,
            merchant_id,
            platform=Platform.WOOCOMMERCE,
            base_url=shop.url,
            facts=facts,
            credentials=keys,
            now=launched,
        )
        commands.set_launch(session, merchant_id, "live", now=launched)
        # Refunds by the dozen are the point here; the brake that parks them is tested elsewhere.
        commands.allow_clawback(session, merchant_id, view.shop_id, until=launched + timedelta(days=365))
        return merchant_queries.shop(session, merchant_id, view.shop_id)

    view = run_tx(runtime.db, work)
    return World(runtime, clock, shop, view.merchant_id, view)


def keep_hints(world: World, orders: list[int]) -> None:
    arrivals = []
    for order in orders:
        body, headers = world.hint(order)
        arrivals.append(inbox.Arrival(world.merchant_id, world.view.shop_id, "webhook", headers, body, world.clock()))
    run_tx(world.runtime.db, lambda session: inbox.store(session, arrivals))


def kill_a_worker(world: World) -> None:
    """Fork a worker and end it without a word, somewhere in its work."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the shop's threads stay behind, and nobody needs them
        child = os.fork()
    if child == 0:
        try:
            dispose_after_fork(world.runtime.db)
            world.runtime = replace(world.runtime, connect=fresh_connect(world))
            while True:
                if not world.one_round():
                    time.sleep(0.002)
        finally:
            os._exit(1)
    time.sleep(world.dice.uniform(0.01, 0.1))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the worker ended by itself: it raised"


def fresh_connect(world: World) -> Callable[[Installation], Any]:
    """Connections of the parent must not be used by its child."""
    from app.wiring import Connectors
    from connectors.registry import AddressPolicy

    return Connectors(AddressPolicy(allow_loopback=True))


def webhook_secret(world: World) -> str:
    with reading(world.runtime.db) as session:
        return merchant_queries.webhook_secrets(session, world.runtime.vault, world.merchant_id, world.view.shop_id)[0]


def send_until(stopping: threading.Event, world: World, url: str, secret: str, acknowledged: list[int]) -> None:
    """A shop that sends and counts what was answered with 200."""
    dice = random.Random(threading.get_ident())
    session = requests.Session()
    while not stopping.is_set():
        order = dice.choice(world.orders)
        body, headers = world.hint(order)
        digest = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
        signed = {**headers, "Content-Type": "application/json", "X-WC-Webhook-Signature": digest}
        try:
            address = f"{url}/webhooks/woocommerce/{world.view.shop_key}"
            if session.post(address, data=body, headers=signed, timeout=10).status_code == 200:
                acknowledged.append(order)
        except requests.RequestException:
            time.sleep(0.1)
        time.sleep(0.01)
