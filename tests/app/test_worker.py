"""The worker: woken within moments, fair between merchants, patient with failures, and ended without loss."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import Session

from app import facts, start
from app.clock_guard import CLOCK_JUMPED, ClockGuard, LastRun
from app.schedule import Schedule
from app.wake import Wake
from app.wiring import make_runtime
from app.worker import Turns, Worker
from core.clock import utc_now
from core.db.engine import reading, run_tx
from core.ids import MerchantId
from core.merchants import commands
from core.ports import Installation, Platform
from core.program import commands as programs
from core.program.terms import Terms, default_terms
from core.runtime import Runtime
from core.settings import Settings
from demo.server import RunningShop, start_in_thread

A, B, C = MerchantId("a" * 32), MerchantId("b" * 32), MerchantId("c" * 32)


def test_a_call_between_looking_and_waiting_is_not_lost() -> None:
    wake = Wake()
    seen = wake.number
    wake()

    started = time.monotonic()
    wake.wait(seen, 5)

    assert time.monotonic() - started < 1


def test_waiting_ends_by_itself() -> None:
    wake = Wake()

    started = time.monotonic()
    wake.wait(wake.number, 0.05)

    assert time.monotonic() - started >= 0.04


def test_every_merchant_is_first_in_turn() -> None:
    turns = Turns(lambda: [A, B, C], at_once=1)

    firsts = {turns.circle()[0] for _ in range(3)}

    assert firsts == {A, B, C}


def test_one_merchant_cannot_take_all_threads() -> None:
    turns = Turns(lambda: [A, B], at_once=1)
    turns.circle()

    with turns.turn(A) as first, turns.turn(A) as second, turns.turn(B) as other:
        assert (first, second, other) == (True, False, True)
    with turns.turn(A) as again:
        assert again


def test_where_there_is_one_merchant_it_may_have_all_threads() -> None:
    turns = Turns(lambda: [A], at_once=1)
    turns.circle()

    with turns.turn(A) as first, turns.turn(A) as second:
        assert (first, second) == (True, True)


def test_a_merchant_whose_work_fails_waits_while_others_go_on() -> None:
    turns = Turns(lambda: [A, B], at_once=1)
    turns.failed(A)

    with turns.turn(A) as failing, turns.turn(B) as other:
        assert (failing, other) == (False, True)
    turns.succeeded(A)
    with turns.turn(A) as again:
        assert again


@pytest.fixture
def runtime(tmp_path: Path, migrated_url: str) -> Iterator[Runtime]:
    settings = Settings(
        data_dir=tmp_path, database_url=migrated_url, public_url="http://127.0.0.1:9", allow_loopback=True, demo=True
    )
    made = make_runtime(settings)
    yield made
    made.db.close()


@pytest.fixture
def shop() -> Iterator[RunningShop]:
    running = start_in_thread(order_count=0, customer_count=2, plugin=False)
    yield running
    running.stop()


@pytest.mark.serial
def test_a_connected_shop_is_looked_after_and_its_orders_earn_without_any_message(
    runtime: Runtime, shop: RunningShop
) -> None:
    view = connect(runtime, shop)
    worker = Worker(runtime)
    worker.start()
    try:
        eventually(lambda: len(shop.shop.webhooks) == 7, "the webhooks are there")
        eventually(lambda: facts.fact(runtime.db, facts.HEARTBEAT), "the heart beats")
        for hook in shop.shop.webhooks:
            hook.status = "disabled"
        worker.schedule.look_again_now()
        eventually(lambda: {h.status for h in shop.shop.webhooks} == {"active"}, "disabled webhooks are made anew")
        time.sleep(1.1)
        shop.shop.place_order({12: 2}, customer_id=2, payment="demo_card")
        worker.schedule.look_again_now()
        eventually(lambda: points(runtime, view) == 145, "the poll found the order")
    finally:
        worker.stop()


@pytest.mark.serial
def test_a_message_is_worked_within_moments(runtime: Runtime, shop: RunningShop) -> None:
    from core.queue import inbox

    view = connect(runtime, shop)
    time.sleep(1.1)
    order = shop.shop.place_order({12: 2}, customer_id=2, payment="demo_card")
    worker = Worker(runtime)
    worker.start()
    try:
        eventually(lambda: facts.fact(runtime.db, facts.HEARTBEAT), "the worker is up")
        body = json.dumps({"id": order.id, "status": "processing", "currency": "EUR"}).encode()
        headers = {"x-wc-webhook-topic": "order.updated"}
        arrival = inbox.Arrival(view.merchant_id, view.shop_id, "webhook", headers, body, utc_now())
        run_tx(runtime.db, lambda session: inbox.store(session, [arrival]))
        worker.wake()
        eventually(lambda: points(runtime, view) == 145, "the order is settled")
    finally:
        worker.stop()


def test_nothing_falls_due_while_the_clock_is_not_believed(runtime: Runtime) -> None:
    jumped: list[timedelta] = [timedelta()]
    clock = lambda: utc_now() + jumped[0]  # noqa: E731
    odd = replace(runtime, clock=clock)
    guard = ClockGuard(clock)
    schedule = Schedule(odd, wake=Wake(), guard=guard)
    run_tx(runtime.db, lambda s: commands.create_merchant(s, name="One", timezone="UTC", now=utc_now()))

    schedule.tick()
    well = facts.fact(runtime.db, facts.HEARTBEAT)
    jumped[0] = timedelta(days=400)
    schedule.beat()
    stopped = facts.fact(runtime.db, facts.HEARTBEAT)
    facts.note(runtime.db, facts.CLOCK_CONFIRMED, {"at": clock().isoformat()}, now=clock())
    schedule.beat()
    confirmed = facts.fact(runtime.db, facts.HEARTBEAT)

    assert well is not None and well["clock"] is None
    assert stopped is not None and stopped["clock"] == CLOCK_JUMPED
    assert timedelta() <= instant(stopped) - instant(well) < timedelta(minutes=1)  # the believed moment goes on
    assert confirmed is not None and confirmed["clock"] is None
    assert instant(confirmed) > instant(well) + timedelta(days=399)
    assert guard.problem() is None


def instant(beat: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(beat["at"])


@pytest.mark.serial
def test_after_a_start_in_doubt_orders_wait_until_the_clock_is_believed(runtime: Runtime, shop: RunningShop) -> None:
    view = connect(runtime, shop)
    time.sleep(1.1)
    shop.shop.place_order({12: 2}, customer_id=2, payment="demo_card")
    off = [timedelta(days=3652)]
    last = LastRun(utc_now())
    guard = ClockGuard(lambda: utc_now() + off[0], last_run=lambda: last)
    odd = replace(runtime, clock=guard)
    worker = Worker(odd)
    worker.start()
    try:
        eventually(lambda: waiting_orders(runtime) == 1, "the poll found the order")
        time.sleep(2)
        still = waiting_orders(runtime)
        off[0] = timedelta()
        eventually(lambda: points(runtime, view) == 145, "the order is settled")
    finally:
        worker.stop()

    assert still == 1


def test_what_is_done_once_a_day_is_done_by_one_process(runtime: Runtime) -> None:
    now = utc_now()

    first = [facts.take_turn(runtime.db, "daily", every=timedelta(hours=23), now=now) for _ in range(3)]
    later = facts.take_turn(runtime.db, "daily", every=timedelta(hours=23), now=now + timedelta(hours=24))

    assert first == [True, False, False]
    assert later


def test_threads_end_when_asked(runtime: Runtime) -> None:
    before = threading.active_count()
    worker = Worker(runtime)
    worker.start()
    time.sleep(0.3)

    worker.stop(timeout_s=20)

    eventually(lambda: threading.active_count() <= before, "all threads have ended")


def eventually(ready: Callable[[], Any], what: str, *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, f"not after {seconds} s: {what}"
        time.sleep(0.02)


def connect(runtime: Runtime, shop: RunningShop) -> Any:
    start.bring_up_to_date(runtime.settings)
    key = shop.shop.create_key()
    keys = {"consumer_key": key.consumer_key, "consumer_secret": key.consumer_secret}
    found = runtime.connect(Installation("x" * 32, Platform.WOOCOMMERCE, shop.url, keys)).installer.facts()
    now = utc_now()

    def work(session: Session) -> Any:
        merchant_id = commands.create_merchant(session, name="One", timezone="UTC", now=now)
        terms = Terms.model_validate({**default_terms(["EUR"], timezone="UTC").model_dump(), "window_days": 0})
        programs.publish(session, merchant_id, terms, author_id=None, now=now)
        view = commands.connect_shop(
            session,
            runtime.vault,
            merchant_id,
            platform=Platform.WOOCOMMERCE,
            base_url=shop.url,
            facts=found,
            credentials=keys,
            now=now,
        )
        commands.set_launch(session, merchant_id, "live", now=now)
        return view

    return run_tx(runtime.db, work)


def waiting_orders(runtime: Runtime) -> int:
    with reading(runtime.db) as session:
        found = session.connection().execute(sa.text("SELECT count(*) FROM orders WHERE wanted > settled"))
        return int(found.scalar_one())


def points(runtime: Runtime, view: Any) -> int:
    from core.ledger import queries as ledger_queries
    from core.members import queries as member_queries

    with reading(runtime.db) as session:
        member = member_queries.by_customer(session, view.merchant_id, view.shop_id, "2")
        if member is None:
            return 0
        return ledger_queries.balance_now(session, view.merchant_id, member.member_id, now=utc_now()).available
