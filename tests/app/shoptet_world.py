"""A merchant on the fake Shoptet: our whole server in this process, and the platform on a port of its own."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask
from sqlmodel import Session
from werkzeug.serving import make_server

from app import clock_guard, start
from app.factory import create_app
from app.wiring import make_runtime
from core.db.engine import reading, run_tx
from core.earning import queries as order_queries
from core.earning.queries import OrderView
from core.ids import MemberId, MerchantId
from core.ledger import queries as ledger_queries
from core.members import queries as member_queries
from core.merchants import apps, commands, installs
from core.merchants import queries as merchant_queries
from core.merchants.apps import AppView
from core.merchants.installs import Pending
from core.merchants.queries import ShopView
from core.ports import Installation, Platform
from core.program import commands as programs
from core.program.terms import Terms, default_terms
from core.rewards.redemption import commands as redemptions
from core.rewards.redemption import queries as redemption_queries
from core.rewards.redemption.codes import rules_of
from core.rewards.redemption.queries import RedemptionView
from core.runtime import Runtime
from core.settings import Settings
from core.verify import verify
from core.work import addons, effects, sync
from core.work import reading as order_reading
from demo.shop.entities import Order
from demo.shoptet.fake_shop import FakeShoptet
from demo.shoptet.server import AddonConfig, RunningShoptet, start_in_thread
from webhooks import work as webhook_work

CLIENT_ID, SECRET = "b4f1c20d9e7a6358", "shoasecret_of_the_test_0123456789abcdef0123456789"
LOCKED_H = 10 / 3600


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
    platform: RunningShoptet
    merchant_id: MerchantId
    app: AppView
    here: str

    @property
    def fake(self) -> FakeShoptet:
        return self.platform.shop

    def install(self) -> ShopView:
        """The merchant installs the addon; the worker ties the shop. What is written twice within seconds Shoptet refuses."""
        self.pass_hours(LOCKED_H)
        assert self.fake.install(), "the addon did not answer the install call as it must"
        self.work()
        return self.shop()

    def pending(self) -> list[Pending]:
        """Installations that the worker has not looked at."""
        with reading(self.runtime.db) as session:
            return installs.pending(session, self.runtime.vault, self.merchant_id)

    def shop(self) -> ShopView:
        with reading(self.runtime.db) as session:
            found = apps.shop_by_platform_id(session, self.app, str(self.fake.site.eshop_id))
        assert found is not None, "the shop is not tied"
        return found

    def installation(self) -> Installation:
        with reading(self.runtime.db) as session:
            return merchant_queries.installation(session, self.runtime.vault, self.merchant_id, self.shop().shop_id)

    def secrets(self) -> list[str]:
        """The keys that messages of the shop may be signed with."""
        with reading(self.runtime.db) as session:
            mine = (self.merchant_id, self.shop().shop_id)
            return list(merchant_queries.webhook_secrets(session, self.runtime.vault, *mine))

    def work(self) -> None:
        """Deliver what the shop has to tell, and work until nothing is due."""
        self.fake.deliver_pending()
        while self._one_round():
            self.fake.deliver_pending()

    def work_by_polling(self) -> None:
        """What no message told: credit notes, and all that happened while messages stayed away."""
        self.work()
        sync.poll(self.runtime, self.merchant_id, self.shop().shop_id)
        self.work()

    def sweep(self) -> None:
        """As the schedule does each minute."""
        effects.sweep_holds(self.runtime, self.merchant_id)
        self.work()
        effects.sweep_holds(self.runtime, self.merchant_id)

    def pass_hours(self, hours: float) -> None:
        """A clock that jumps is not believed until somebody has looked at it."""
        self.clock.ahead += timedelta(hours=hours)
        clock_guard.guard_of(self.runtime.clock).confirm()

    def member(self, customer: int) -> MemberId:
        with reading(self.runtime.db) as session:
            guid = self.fake.guid("customer", customer)
            found = member_queries.by_customer(session, self.merchant_id, self.shop().shop_id, guid)
        assert found is not None, "the customer is no member"
        return found.member_id

    def points(self, customer: int) -> int:
        """What they have to spend, ripe or not; what codes hold is not among it."""
        with reading(self.runtime.db) as session:
            mine = (self.merchant_id, self.member(customer))
            found = ledger_queries.balance_now(session, *mine, now=self.runtime.clock())
        return found.available + found.pending + found.debt

    def buy(self, customer: int, pieces: int = 4, *, code: str | None = None, payment: str = "demo_card") -> Order:
        """Tees at 24.20 EUR, at the storefront."""
        coupons = (code,) if code else ()
        return self.fake.place_order({12: pieces}, customer_id=customer, coupons=coupons, payment=payment)

    def stored(self, code: str) -> OrderView | None:
        """An order as we know it; None: it was never heard of. `code`: as the shop calls it."""
        with reading(self.runtime.db) as session:
            return order_queries.find(session, self.merchant_id, self.shop().shop_id, code)

    def target(self, order: Order) -> int:
        found = self.stored(self.fake.site.code(order))
        assert found is not None, "the order was never read"
        return found.target_points

    def place(self, customer: int, points: int, *, key: str | None = None) -> RedemptionView:
        """Hold points and make a code of ours, which the shop does not know yet. Raises CannotRedeem."""

        def work(session: Session) -> RedemptionView:
            return redemptions.place(
                session,
                self.merchant_id,
                self.member(customer),
                self.shop(),
                customer_external_id=self.fake.guid("customer", customer),
                points=points,
                idempotency_key=key or f"key-{customer}-{points:08d}",
                codes=rules_of(self.runtime.capabilities(self.shop().platform)),
                now=self.runtime.clock(),
            )

        return run_tx(self.runtime.db, work)

    def redeem(self, customer: int, points: int, *, key: str | None = None) -> RedemptionView:
        """As the widget does it: hold, then have the shop make the coupon."""
        made = self.place(customer, points, key=key)
        done = effects.run_effect(self.runtime, self.merchant_id, made.redemption_id)
        assert done.effect.actual == "issued", done.effect
        return done

    def give_back(self, of: RedemptionView) -> None:
        """As the widget does it."""
        now = self.runtime.clock()
        run_tx(self.runtime.db, lambda s: redemptions.give_back(s, self.merchant_id, of.redemption_id, now=now))

    def redemption(self, of: RedemptionView) -> RedemptionView:
        """As it is now."""
        with reading(self.runtime.db) as session:
            return redemption_queries.redemption(session, self.merchant_id, of.redemption_id)

    def linked_to(self, of: RedemptionView) -> list[str | None]:
        """The orders that a redemption was captured for, as the shop calls them."""
        with reading(self.runtime.db) as session:
            return [
                order_queries.order(session, self.merchant_id, order_id).external_id
                for order_id, _ in redemption_queries.redemption(session, self.merchant_id, of.redemption_id).orders
            ]

    def violations(self) -> list[str]:
        with reading(self.runtime.db) as session:
            return list(verify(session, self.runtime.vault, self.merchant_id).violations)

    def _one_round(self) -> bool:
        busy = addons.connect_next(self.runtime, self.merchant_id)
        busy |= webhook_work.work_due(self.runtime, self.merchant_id) > 0
        busy |= order_reading.read_one(self.runtime, self.merchant_id)
        return busy | effects.run_due(self.runtime, self.merchant_id)


@contextmanager
def opened(folder: Path, url: str | None = None, *, smtp_url: str | None = None, **shop: object) -> Iterator[World]:
    """A merchant with a live program and a registered addon; the shop has not installed it yet."""
    clock = Clock()
    mail = {"smtp_url": smtp_url, "mail_from": "points@fernway.example"} if smtp_url else {}
    settings = Settings(data_dir=folder, database_url=url, allow_loopback=True, **mail)
    start.bring_up_to_date(settings)
    runtime = make_runtime(settings, clock=clock)
    flask = create_app(runtime)
    server = make_server("127.0.0.1", 0, flask, threaded=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    here = f"http://127.0.0.1:{server.server_port}"
    wanted = {"order_count": 0, "customer_count": 3, **shop}
    addon = AddonConfig(client_id=CLIENT_ID, client_secret=SECRET)
    platform = start_in_thread(clock=clock.seconds, addon=addon, **wanted)

    def work(session: Session) -> tuple[MerchantId, AppView]:
        now = runtime.clock()
        merchant_id = commands.create_merchant(session, name="Fernway", timezone="UTC", now=now)
        terms = {**default_terms(["EUR"], timezone="UTC").model_dump(), "window_days": 0}
        programs.publish(session, merchant_id, Terms.model_validate(terms), author_id=None, now=now)
        commands.set_launch(session, merchant_id, "live", now=now)
        app = apps.add_app(
            session, runtime.vault, merchant_id, platform=Platform.SHOPTET, client_id=CLIENT_ID, secret=SECRET,
            origin=platform.url, now=now,
        )  # fmt: skip
        commands.set_public_url(session, here, now=now)
        return merchant_id, app

    merchant_id, app = run_tx(runtime.db, work)
    key = app.app.app_key
    platform.shop.configure(
        install_url=f"{here}/install/shoptet/{key}",
        lifecycle_url=f"{here}/webhooks/shoptet/app/{key}",
    )
    try:
        yield World(runtime, flask, clock, platform, merchant_id, app, here)
    finally:
        platform.stop()
        server.shutdown()
        server.server_close()
        runtime.db.close()
