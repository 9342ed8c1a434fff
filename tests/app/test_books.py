"""Commands on the books, against a shop with a past: read it, compare with it, explain what came of it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session

from app import books
from app.wiring import make_runtime
from core.clock import utc_now
from core.db.engine import run_tx
from core.errors import InvalidInput, NotFound
from core.members import commands as members
from core.merchants import commands
from core.merchants.queries import ShopView
from core.ports import Installation, Platform
from core.program import commands as programs
from core.program.terms import Terms, default_terms
from core.runtime import Runtime
from core.settings import Settings
from core.work import reading as order_reading
from demo.server import RunningShop, start_in_thread

ANNA = "anna@example.com"


@pytest.fixture
def shop() -> Iterator[RunningShop]:
    running = start_in_thread(order_count=30, customer_count=6, plugin=False)
    yield running
    running.stop()


@pytest.fixture
def runtime(tmp_path: Path, migrated_url: str) -> Iterator[Runtime]:
    made = make_runtime(Settings(data_dir=tmp_path, database_url=migrated_url, allow_loopback=True))
    yield made
    made.db.close()


@pytest.fixture
def connected(runtime: Runtime, shop: RunningShop) -> ShopView:
    key = shop.shop.create_key()
    keys = {"consumer_key": key.consumer_key, "consumer_secret": key.consumer_secret}
    facts = runtime.connect(Installation("x" * 32, Platform.WOOCOMMERCE, shop.url, keys)).installer.facts()
    now = utc_now()

    def work(session: Session) -> ShopView:
        merchant_id = commands.create_merchant(session, name="Fernway", timezone="UTC", now=now)
        terms = Terms.model_validate({**default_terms(["EUR"], timezone="UTC").model_dump(), "window_days": 0})
        programs.publish(session, merchant_id, terms, author_id=None, now=now)
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
        return view

    return run_tx(runtime.db, work)


def test_past_orders_are_read_and_points_given_only_when_a_day_is_named(runtime: Runtime, connected: ShopView) -> None:
    said: list[str] = []

    books.backfill_shop(runtime, connected.shop_key, since=None, say=said.append)
    nothing_yet = books.balance_of_customer(runtime, connected, ANNA)
    books.backfill_shop(runtime, connected.shop_key, since=utc_now() - timedelta(days=365), say=said.append)

    assert nothing_yet == (0, 0)
    assert any("No points were given" in line for line in said)
    assert said[-1].startswith("done: 30 orders read")
    assert books.balance_of_customer(runtime, connected, ANNA)[0] > 0
    assert books.verify_all(runtime, say=said.append) == 0


def test_a_balance_is_explained_line_by_line_now_and_then(runtime: Runtime, connected: ShopView) -> None:
    books.backfill_shop(runtime, connected.shop_key, since=utc_now() - timedelta(days=365), say=lambda _: None)
    points, _ = books.balance_of_customer(runtime, connected, ANNA)
    now: list[str] = []
    before: list[str] = []

    books.explain(runtime, ANNA, at=None, say=now.append)
    books.explain(runtime, ANNA, at=utc_now() - timedelta(days=500), say=before.append)

    assert f"{points} available" in now[1]
    assert f"then {points} available" in now[-1]
    assert "rate [3, 100]" in now[-1]
    assert "0 available" in before[1]
    assert len(before) == 2


def test_who_is_meant_must_be_clear(runtime: Runtime, connected: ShopView) -> None:
    for number in ("901", "902"):
        enrol(runtime, connected, number, f"twin.{number}@example.com")

    books.explain(runtime, "twin.901@example.com", at=None, say=lambda _: None)
    with pytest.raises(InvalidInput, match="name one by id"):
        books.explain(runtime, "twin", at=None, say=lambda _: None)
    with pytest.raises(NotFound):
        books.explain(runtime, "nobody@example.com", at=None, say=lambda _: None)


def test_what_changed_without_a_word_is_found_and_read_again(
    runtime: Runtime, connected: ShopView, shop: RunningShop
) -> None:
    said: list[str] = []
    order = shop.shop.place_order({12: 2}, customer_id=2, payment="demo_card")
    refund = shop.shop.refund(order.id, amount="10.00")
    books.reconcile_shops(runtime, None, say=said.append)
    work(runtime, connected)
    said.clear()

    shop.shop.delete_refund(order.id, refund.id)
    books.reconcile_shops(runtime, connected.shop_key, say=said.append)
    found = said[:]
    work(runtime, connected)
    said.clear()
    books.reconcile_shops(runtime, connected.shop_key, say=said.append)

    assert any(f"order {order.id}: will be read again" in line for line in found)
    assert "0 differ" in said[0]


def test_a_shop_that_is_none_is_not_found(runtime: Runtime) -> None:
    with pytest.raises(NotFound):
        books.reconcile_shops(runtime, "0" * 32, say=lambda _: None)


def enrol(runtime: Runtime, shop: ShopView, customer: str, email: str) -> None:
    now = utc_now()
    run_tx(
        runtime.db,
        lambda session: members.enrol(
            session,
            runtime.vault,
            shop.merchant_id,
            shop.shop_id,
            external_id=customer,
            email=email,
            joined_by="staff",
            joined_at=now,
            now=now,
        ),
    )


def work(runtime: Runtime, shop: ShopView) -> None:
    while order_reading.read_one(runtime, shop.merchant_id):
        pass
