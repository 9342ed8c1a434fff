"""Shoptet: a product and a fake shop on one simulated clock, and the post between them.

Messages are the platform's own bytes, written when the thing happened. They name an event and a thing and hold no id of
their own: two of the same second are the same, byte for byte.
"""

import json
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
from app.wiring import make_runtime
from connectors import registry
from connectors.registry import AddressPolicy
from connectors.shoptet.connector import ShoptetConnector
from connectors.shoptet.gate import Gate
from connectors.transport import Transport
from core.db.engine import reading, run_tx
from core.ids import MerchantId
from core.merchants import apps, commands
from core.merchants import queries as merchant_queries
from core.merchants.apps import AppView
from core.ports import Connector, Installation, Platform
from core.program import commands as programs
from core.program.terms import Terms, default_terms
from core.runtime import Runtime
from core.settings import Settings
from core.work import addons
from demo.shoptet import webhooks
from demo.shoptet.fake_shop import FakeShoptet
from demo.shoptet.server import AddonConfig, RunningShoptet, start_in_thread
from tests.torture import stream_post
from tests.torture.stream_post import Letter
from tests.torture.stream_world import Clock, StreamWorld

CLIENT_ID, SECRET = "c91f07d2a4b86e35", "shoasecret_of_the_stream_0123456789abcdef0123456789"
NOBODY = "http://127.0.0.1:9"  # the shop needs our address to write messages; the post takes them before they are sent
PLENTY = 1e9  # the simulated clock stands still while we call, so a bucket that leaks by it would never be empty again


@dataclass
class World(StreamWorld):
    shop: RunningShoptet
    app: AppView

    @property
    def fake(self) -> FakeShoptet:
        return self.shop.shop

    def customers(self) -> dict[int, str]:
        return {customer: self.fake.guid("customer", customer) for customer in self.fake.store.customers}


@contextmanager
def open_world(url: str, folder: Path, *, customers: int) -> Iterator[World]:
    clock = Clock()
    addon = AddonConfig(client_id=CLIENT_ID, client_secret=SECRET)
    shop = start_in_thread(order_count=0, customer_count=0, clock=clock.seconds, addon=addon)
    shop.shop.site.bucket.size = PLENTY
    for number in range(customers):
        shop.shop.add_customer(f"shopper{number}@example.com")
    settings = Settings(data_dir=folder, database_url=url, public_url=NOBODY, allow_loopback=True)
    start.bring_up_to_date(settings)
    runtime = on_clock(make_runtime(settings), clock)
    try:
        merchant_id, known = run_tx(runtime.db, lambda session: _found(session, runtime, shop.url, clock()))
        world = install(runtime, clock, merchant_id, shop, known)
        # Refunds by the dozen are the point here; the brake that parks them is tested elsewhere.
        mine, until = (merchant_id, world.view.shop_id), clock() + timedelta(days=365)
        run_tx(runtime.db, lambda session: commands.allow_clawback(session, *mine, until=until))
        yield world
    finally:
        shop.stop()
        runtime.db.close()


def on_clock(runtime: Runtime, clock: Clock) -> Runtime:
    """The same by a clock that jumps: tokens end by it, and Shoptet forgets changes by it."""
    policy = AddressPolicy(allow_loopback=True)
    grants = Grants(runtime.db, runtime.vault, clock, partial(registry.grant_renewer, policy=policy))
    kept: dict[str, Connector] = {}

    def connect(given: Installation) -> Connector:
        good = grants.fresh(given)
        name = json.dumps([good.shop_key, sorted(good.credentials.items()), sorted(good.details.items())])
        if name not in kept:
            kept.clear()
            kept[name] = ShoptetConnector(good, Transport(policy), Transport(policy), Gate(), clock)
        return kept[name]

    return replace(runtime, clock=clock, connect=connect)


def install(runtime: Runtime, clock: Clock, merchant_id: MerchantId, shop: RunningShoptet, known: AppView) -> World:
    """The install call goes through the real door, by no network; the worker ties the shop."""
    fake, path = shop.shop, f"/install/shoptet/{known.app.app_key}"
    fake.configure(install_url=f"{NOBODY}{path}")
    fake.site.installed = True
    code = fake.site.tokens.new_install_code(fake.site.addon.install_url)
    answer = create_app(runtime).test_client().get(path, query_string={"code": code})
    assert answer.status_code == 200, answer.text
    assert addons.connect_next(runtime, merchant_id)
    with reading(runtime.db) as session:
        view = apps.shop_by_platform_id(session, known, str(fake.site.eshop_id))
        assert view is not None, "the shop is not tied"
        assert merchant_queries.webhook_secrets(session, runtime.vault, merchant_id, view.shop_id)
    return World(runtime, clock, merchant_id, view, shop, known)


def _found(session: Session, runtime: Runtime, origin: str, now: datetime) -> tuple[MerchantId, AppView]:
    merchant_id = commands.create_merchant(session, name="Torture", timezone="UTC", now=now)
    rules = default_terms(["EUR"], timezone="UTC").model_dump() | {"window_days": 0, "expiry_months": None}
    programs.publish(session, merchant_id, Terms.model_validate(rules), author_id=None, now=now)
    commands.set_launch(session, merchant_id, "live", now=now)
    known = apps.add_app(
        session,
        runtime.vault,
        merchant_id,
        platform=Platform.SHOPTET,
        client_id=CLIENT_ID,
        secret=SECRET,
        origin=origin,
        now=now,
    )
    return merchant_id, known


@dataclass
class Post(stream_post.Post):
    world: World

    @classmethod
    def of(cls, world: World, dice: random.Random) -> "Post":
        return cls(world, create_app(world.runtime), dice)

    @property
    def address(self) -> str:
        return f"/webhooks/shoptet/{self.world.view.shop_key}"

    def collect(self) -> None:
        """What happened to one thing since the last time is told in several events, and some of it in a list beside."""
        site, waiting = self.world.fake.site, self.world.fake.deliveries.take_pending()
        for subject in dict.fromkeys(str(each.instance) for each in waiting):
            told = [each for each in waiting if str(each.instance) == subject]
            self.accept(*(Letter("true", each.body, each.headers, site.signature_key) for each in told))

    def forged(self, letter: Letter) -> Letter:
        """Another thing or event under this signature, this one signed by somebody else, or by nobody they know."""
        way = self.dice.choice(("thing", "event", "space", "signature", "addon"))
        if way == "signature":
            return replace(letter, kind="forged", headers=self.signed(letter, letter.body, "a guess"))
        if way == "addon":
            return replace(letter, kind="forged", headers=self.signed(letter, letter.body, SECRET))
        body = {
            "thing": letter.body.replace(b'"eventInstance":"', b'"eventInstance":"9', 1),
            "event": letter.body.replace(b'"event":"order:', b'"event":"addon:uninstall","was":"', 1),
            "space": letter.body + b" ",
        }[way]
        return replace(letter, kind="forged", body=body if body != letter.body else body + b"\n")

    def signed(self, letter: Letter, body: bytes, secret: str) -> dict[str, str]:
        return {**letter.headers, webhooks.SIGNATURE: webhooks.signature(secret, body)}
