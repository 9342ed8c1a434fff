"""Shopify: a product and a fake shop on one simulated clock, and the post between them.

Messages are the platform's own bytes, written when the thing happened. Topic and shop stand in headers that nothing
signs, so who saw a message can also send its true body as news of another kind, or of another shop.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from sqlmodel import Session

from app import start
from app.factory import create_app
from app.grants import Grants
from app.wiring import Connectors, make_runtime
from connectors import registry
from connectors.registry import AddressPolicy
from core.db.engine import run_tx
from core.ids import MerchantId
from core.merchants import apps, commands
from core.merchants.apps import AppView
from core.merchants.queries import ShopView
from core.ports import Platform
from core.program import commands as programs
from core.program.terms import Terms, default_terms
from core.runtime import Runtime
from core.settings import Settings
from core.work import connecting
from demo.shopify import webhooks
from demo.shopify.app_config import TOPICS
from demo.shopify.fake_shop import FakeShopify
from demo.shopify.server import AppConfig, RunningShopify, start_in_thread
from tests.torture import stream_post
from tests.torture.stream_post import Letter
from tests.torture.stream_world import Clock, StreamWorld

CLIENT_ID, SECRET = "c1f0a5e79b2d4860a1b2c3d4e5f60718", "shpss_of_the_stream_0123456789abcdef0123456789"
NOBODY = "http://127.0.0.1:9"  # the shop needs our address to write messages; the post takes them before they are sent
PLENTY = 1e9  # the simulated clock stands still while we call, so a bucket that leaks by it would never be filled again


@dataclass
class World(StreamWorld):
    shop: RunningShopify
    app: AppView

    @property
    def fake(self) -> FakeShopify:
        return self.shop.shop

    def customers(self) -> dict[int, str]:
        return {customer: self.fake.number("Customer", customer) for customer in self.fake.store.customers}


@contextmanager
def open_world(url: str, folder: Path, *, customers: int) -> Iterator[World]:
    clock = Clock()
    app = AppConfig(client_id=CLIENT_ID, secrets=(SECRET,))
    shop = start_in_thread(order_count=0, customer_count=0, clock=clock.seconds, app=app)
    bucket = shop.shop.site.bucket
    bucket.size = bucket.available = bucket.restore_rate = PLENTY
    for number in range(customers):
        shop.shop.add_customer(f"shopper{number}@example.com")
    settings = Settings(data_dir=folder, database_url=url, public_url=NOBODY, allow_loopback=True)
    start.bring_up_to_date(settings)
    runtime = on_clock(make_runtime(settings), clock)
    try:
        merchant_id, known = run_tx(runtime.db, lambda session: _found(session, runtime, shop.url, clock()))
        shop.shop.configure(webhook_url=f"{NOBODY}/webhooks/shopify/{known.app.app_key}")
        view = install(runtime, shop.shop, known)
        # Refunds by the dozen are the point here; the brake that parks them is tested elsewhere.
        until = clock() + timedelta(days=365)
        run_tx(runtime.db, lambda session: commands.allow_clawback(session, merchant_id, view.shop_id, until=until))
        yield World(runtime, clock, merchant_id, view, shop, known)
    finally:
        shop.stop()
        runtime.db.close()


def on_clock(runtime: Runtime, clock: Clock) -> Runtime:
    """The same by a clock that jumps: tokens, too, end and are renewed by it."""
    policy = AddressPolicy(allow_loopback=True)
    grants = Grants(runtime.db, runtime.vault, clock, partial(registry.grant_renewer, policy=policy))
    connect = Connectors(policy, fresh=grants.fresh)
    return replace(runtime, clock=clock, connect=connect)


def install(runtime: Runtime, fake: FakeShopify, known: AppView) -> ShopView:
    """As the first opening of the app does: prove who is there, exchange the session token, tie the shop."""
    fake.install()
    dealing = runtime.app_platform(Platform.SHOPIFY)
    assert dealing is not None
    now, token = runtime.clock(), fake.session_token()
    visit = dealing.staff(known.app, token, now)
    credentials = dealing.grant_by_token(known.app, visit.base_url, token, now)
    return connecting.by_app(runtime, known, visit.base_url, credentials, now=now)


def _found(session: Session, runtime: Runtime, origin: str, now: datetime) -> tuple[MerchantId, AppView]:
    merchant_id = commands.create_merchant(session, name="Torture", timezone="UTC", now=now)
    rules = default_terms(["EUR"], timezone="UTC").model_dump() | {"window_days": 0, "expiry_months": None}
    programs.publish(session, merchant_id, Terms.model_validate(rules), author_id=None, now=now)
    commands.set_launch(session, merchant_id, "live", now=now)
    known = apps.add_app(
        session,
        runtime.vault,
        merchant_id,
        platform=Platform.SHOPIFY,
        client_id=CLIENT_ID,
        secret=SECRET,
        origin=origin,
        now=now,
    )
    return merchant_id, known


@dataclass
class Post(stream_post.Post):
    """A forged letter is of one of these kinds: "forged", which nobody may believe, or "retopic", whose body is true."""

    world: World

    @classmethod
    def of(cls, world: World, dice: random.Random) -> "Post":
        return cls(world, create_app(world.runtime), dice)

    @property
    def address(self) -> str:
        return f"/webhooks/shopify/{self.world.app.app.app_key}"

    def collect(self) -> None:
        """What happened to one order or customer since the last time is told in several topics."""
        waiting = self.world.fake.deliveries.take_pending()
        for subject in dict.fromkeys(job.subject for job in waiting):
            jobs = [job for job in waiting if job.subject == subject]
            self.accept(*(Letter("true", job.body, job.headers, SECRET) for job in jobs))

    def forged(self, letter: Letter) -> Letter:
        """Another body under this signature, this one signed by somebody else, or this one as what it is not."""
        way = self.dice.choice(("body", "signature", "shop", "topic"))
        if way == "body":
            return replace(letter, kind="forged", body=letter.body.replace(b'"id":', b'"id":1', 1) + b" ")
        if way == "signature":
            return replace(letter, kind="forged", headers=self.signed(letter, letter.body, "a guess"))
        if way == "shop":
            another = {**letter.headers, "X-Shopify-Shop-Domain": "another.myshopify.com"}
            return replace(letter, kind="forged", headers=another)
        topic = self.dice.choice([each for each in TOPICS if each != letter.headers["X-Shopify-Topic"]])
        return replace(letter, kind="retopic", headers={**letter.headers, "X-Shopify-Topic": topic})

    def signed(self, letter: Letter, body: bytes, secret: str) -> dict[str, str]:
        return {**letter.headers, "X-Shopify-Hmac-Sha256": webhooks.signature(secret, body)}
