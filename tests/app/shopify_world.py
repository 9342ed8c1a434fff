"""A merchant on the fake Shopify: our whole server in this process, and the platform on a port of its own."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlmodel import Session
from werkzeug.serving import make_server

from app import clock_guard, start
from app.factory import create_app
from app.wiring import make_runtime
from core.db.engine import reading, run_tx
from core.earning import orders
from core.earning import queries as order_queries
from core.ids import MemberId, MerchantId
from core.ledger import queries as ledger_queries
from core.members import queries as member_queries
from core.merchants import apps, commands
from core.merchants.apps import AppView
from core.merchants.queries import ShopView
from core.ports import Platform
from core.program import commands as programs
from core.program.terms import Terms, default_terms
from core.runtime import Runtime
from core.settings import Settings
from core.verify import verify
from core.work import connecting, effects
from core.work import reading as order_reading
from demo.shopify.server import AppConfig, RunningShopify, start_in_thread
from webhooks import work as webhook_work

CLIENT_ID, SECRET = "f3a1c5e79b2d4860a1b2c3d4e5f60718", "shpss_of_the_test_0123456789abcdef01234567"


@dataclass
class Clock:
    """The real time, moved on; the shop's and ours are one."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def seconds(self) -> float:
        return time.time() + self.ahead.total_seconds()


@dataclass
class World:
    runtime: Runtime
    flask: Flask
    clock: Clock
    platform: RunningShopify
    merchant_id: MerchantId
    app: AppView

    @property
    def fake(self) -> Any:
        return self.platform.shop

    @property
    def base_url(self) -> str:
        return f"https://{self.fake.domain}"

    def shop(self) -> ShopView:
        with reading(self.runtime.db) as session:
            found = apps.shop_of(session, self.app, self.base_url)
        assert found is not None, "the shop is not tied"
        return found

    def work(self) -> None:
        """Deliver what the shop has to tell, and work until nothing is due."""
        self.fake.deliver_pending()
        while self._one_round():
            self.fake.deliver_pending()

    def pass_days(self, days: int) -> None:
        self.pass_hours(24 * days)

    def want(self, order: int) -> None:
        """As a reconcile pass does."""
        number, shop = self.fake.number("Order", order), self.shop()
        run_tx(
            self.runtime.db,
            lambda s: orders.want(s, self.merchant_id, shop.shop_id, number, now=self.runtime.clock()),
        )

    def flags(self, order: int) -> list[str]:
        with reading(self.runtime.db) as session:
            found = order_queries.find(session, self.merchant_id, self.shop().shop_id, self.fake.number("Order", order))
        assert found is not None
        return list(found.flags)

    def pass_hours(self, hours: int) -> None:
        """A clock that jumps is not believed until somebody has looked at it."""
        self.clock.ahead += timedelta(hours=hours)
        clock_guard.guard_of(self.runtime.clock).confirm()

    def member(self, customer: int) -> MemberId:
        number = self.fake.number("Customer", customer)
        with reading(self.runtime.db) as session:
            found = member_queries.by_customer(session, self.merchant_id, self.shop().shop_id, number)
        assert found is not None, "the customer is no member"
        return found.member_id

    def points(self, customer: int) -> int:
        """What they have, ripe or not."""
        return self.balance(self.member(customer))[0]

    def balance(self, member_id: MemberId) -> tuple[int, int]:
        """What a member has, ripe or not, and what they owe."""
        with reading(self.runtime.db) as session:
            found = ledger_queries.balance_now(session, self.merchant_id, member_id, now=self.runtime.clock())
        return found.available + found.pending, found.debt

    def target(self, order: int) -> int:
        with reading(self.runtime.db) as session:
            found = order_queries.find(session, self.merchant_id, self.shop().shop_id, self.fake.number("Order", order))
        assert found is not None, "the order was never read"
        return found.target_points

    def violations(self) -> list[str]:
        with reading(self.runtime.db) as session:
            return list(verify(session, self.runtime.vault, self.merchant_id).violations)

    def _one_round(self) -> bool:
        busy = webhook_work.work_due(self.runtime, self.merchant_id) > 0
        busy |= order_reading.read_one(self.runtime, self.merchant_id)
        return busy | effects.run_due(self.runtime, self.merchant_id)


@contextmanager
def opened(folder: Path, url: str | None = None, **shop: Any) -> Iterator[World]:
    """A merchant with a live program and a registered app; the shop has not installed it yet."""
    clock = Clock()
    settings = Settings(data_dir=folder, database_url=url, allow_loopback=True)
    start.bring_up_to_date(settings)
    runtime = make_runtime(settings, clock=clock)
    flask = create_app(runtime)
    server = make_server("127.0.0.1", 0, flask, threaded=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    here = f"http://127.0.0.1:{server.server_port}"
    commands_of = {"order_count": 0, "customer_count": 3, **shop}
    platform = start_in_thread(
        clock=clock.seconds, app=AppConfig(client_id=CLIENT_ID, secrets=(SECRET,)), **commands_of
    )

    def work(session: Session) -> tuple[MerchantId, AppView]:
        now = runtime.clock()
        merchant_id = commands.create_merchant(session, name="Fernway", timezone="UTC", now=now)
        terms = {**default_terms(["EUR"], timezone="UTC").model_dump(), "window_days": 0}
        programs.publish(session, merchant_id, Terms.model_validate(terms), author_id=None, now=now)
        commands.set_launch(session, merchant_id, "live", now=now)
        app = apps.add_app(
            session, runtime.vault, merchant_id, platform=Platform.SHOPIFY, client_id=CLIENT_ID, secret=SECRET,
            origin=platform.url, now=now,
        )  # fmt: skip
        commands.set_public_url(session, here, now=now)
        return merchant_id, app

    merchant_id, app = run_tx(runtime.db, work)
    key = app.app.app_key
    platform.shop.configure(
        app_url=f"{here}/admin/app/{key}",
        webhook_url=f"{here}/webhooks/shopify/{key}",
        proxy_url=f"{here}/widget/v1/proxy/{key}",
    )
    try:
        yield World(runtime, flask, clock, platform, merchant_id, app)
    finally:
        platform.stop()
        server.shutdown()
        server.server_close()
        runtime.db.close()


def install(world: World) -> None:
    """As the first opening of the app does: prove who is there, exchange the session token, tie the shop."""
    world.fake.install()
    dealing = world.runtime.app_platform(world.app.app.platform)
    assert dealing is not None
    now, token = world.clock(), world.fake.session_token()
    visit = dealing.staff(world.app.app, token, now)
    credentials = dealing.grant_by_token(world.app.app, visit.base_url, token, now)
    connecting.by_app(world.runtime, world.app, visit.base_url, credentials, now=now)
