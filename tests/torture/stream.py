"""WooCommerce: a product and a demo shop on one simulated clock, and the post between them.

Messages are the shop's own bytes, signed with the secret that the product gave it, and written when the thing happened:
so what arrives late is stale. They go through the real web application; reading back goes over real HTTP.
"""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlmodel import Session

from app import start
from app.factory import create_app
from app.wiring import make_runtime
from core.db.engine import run_tx
from core.merchants import commands
from core.merchants import queries as merchant_queries
from core.merchants.queries import ShopView
from core.ports import Installation, Platform
from core.program import commands as programs
from core.program.terms import Terms, default_terms
from core.runtime import Runtime
from core.settings import Settings
from core.work import hooks
from demo.server import RunningShop, start_in_thread
from demo.shop.store import Event
from demo.woocommerce import webhooks
from tests.torture import stream_post
from tests.torture.stream_post import Letter
from tests.torture.stream_world import Clock, StreamWorld

NOBODY = "http://127.0.0.1:9"  # where pings of new webhooks end when no server listens


@dataclass
class World(StreamWorld):
    shop: RunningShop

    def customers(self) -> dict[int, str]:
        return {customer: str(customer) for customer in self.shop.shop.store.customers}


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
        yield World(runtime, clock, view.merchant_id, view, shop)
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


@dataclass
class Post(stream_post.Post):
    world: World

    @classmethod
    def of(cls, world: World, dice: random.Random) -> "Post":
        made = cls(world, create_app(world.runtime), dice)
        world.shop.shop.store.listeners.append(made.take)
        return made

    @property
    def address(self) -> str:
        return f"/webhooks/woocommerce/{self.world.view.shop_key}"

    def collect(self) -> None:
        """Nothing: the shop calls `take`."""

    def take(self, event: Event) -> None:
        site = self.world.shop.shop.site
        for webhook_id, arg in webhooks.jobs(site, event):
            webhook = site.webhooks[webhook_id]
            body, headers = webhooks.build(site, webhook, arg)
            self.accept(Letter("true", body, headers, webhook.secret))

    def forged(self, letter: Letter) -> Letter:
        """Another order under the signature of this one, or this one signed by somebody else."""
        if self.dice.random() < 0.5:
            body = letter.body.replace(b'"id":', b'"id":1', 1).replace(b'"arg":', b'"arg":1', 1)
            return replace(letter, kind="forged", body=body)
        return replace(letter, kind="forged", headers=self.signed(letter, letter.body, "a guess"))

    def signed(self, letter: Letter, body: bytes, secret: str) -> dict[str, str]:
        return {**letter.headers, "X-WC-Webhook-Signature": webhooks.signature(secret, body)}
