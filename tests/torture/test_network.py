"""T21: the lines between us, the shop and PostgreSQL are slow, silent, or break after the request went through. No code is made twice,
nothing acknowledged is lost, and once the line is good what waited is done in five minutes."""

import os
import random
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from app.worker import Worker
from connectors.registry import AddressPolicy
from connectors.transport import Limits, Transport
from connectors.woocommerce.connector import WooConnector
from core.db.engine import open_database, reading
from core.earning import queries as order_queries
from core.ids import normal_code
from core.ports import Connector, Installation
from core.queue import inbox
from demo.server import start_in_thread
from tests.conftest import PostgresServer
from tests.core.world import make_world
from tests.torture import demo_world
from tests.torture import proxy as proxies
from tests.torture.demo_world import Errand, World, check, open_world
from tests.torture.proxy import Fault, Proxy, proxied
from tests.torture.test_postgres_stops import CUSTOMERS, THREADS, Load
from tests.torture.test_postgres_stops import check as check_points
from tests.torture.tiers import seeds, size

pytestmark = pytest.mark.torture("T21")

EVENTS = 6
MANY = 10
DRAINED_IN = timedelta(minutes=5)
PATIENCE_S = 120
HURRIED = Limits(connect_s=2, read_s=1, whole_s=2)  # the product's own time-outs take a minute
ENDLESS = Limits(read_s=600, whole_s=600)
LINE_FAULTS: tuple[Fault, ...] = ("delayed", "cut", "half_open", "slow")
LINE_ROUNDS = size(pr=6, nightly=200, release=600)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Each broken line is logged with all that led to it; printing that takes longer than the test."""
    with capture_logs():
        yield


@contextmanager
def world_behind_a_proxy(folder: Path, url: str, *, seed: int) -> Iterator[tuple[World, Proxy]]:
    shop = start_in_thread(order_count=0, customer_count=6, plugin=False)
    host, _, port = shop.url.removeprefix("http://").partition(":")
    with proxied(host, int(port), seed=seed) as proxy:
        shop.shop.site.home_url = f"http://127.0.0.1:{proxy.port}"
        world = open_world(replace(shop, url=shop.shop.site.home_url), folder, url, seed=seed)
        time.sleep(1.1)  # the shop stamps orders in whole seconds: none may be of the second before the launch
        try:
            yield world, proxy
        finally:
            world.runtime.db.close()
            shop.stop()


@pytest.mark.parametrize("database_kind", ["sqlite"])
@pytest.mark.parametrize("seed", seeds(pr=1, nightly=25, release=100))
def test_a_bad_line_to_the_shop_makes_no_code_twice_and_what_waited_is_done_soon(
    migrated_url: str, tmp_path: Path, seed: int, operations: Callable[[int], None]
) -> None:
    with world_behind_a_proxy(tmp_path / "data", migrated_url, seed=seed) as (world, proxy):
        patient, world.runtime = world.runtime, replace(world.runtime, connect=partial(impatient, limits=HURRIED))
        for _ in range(EVENTS):
            live(world)
        faults = random.Random(seed).sample(proxies.FAULTS, len(proxies.FAULTS))
        for fault in faults:
            proxy.fault, proxy.share = fault, 0.5
            events = 0
            while events < EVENTS or fault not in proxy.met:
                assert events < 20 * EVENTS, f"{fault} never came to pass"
                live(world)
                events += 1
            proxy.heal()
            drain(world)

        codes = Counter(normal_code(one.code) for one in world.shop.shop.store.coupons.values())
        assert [code for code, count in codes.items() if count > 1] == []
        world.runtime = patient
        world.work_to_the_end()
        check(world, tmp_path / "oracle")
    operations(EVENTS * len(faults))


def impatient(installation: Installation, limits: Limits) -> Connector:
    return WooConnector(
        installation, Transport(AddressPolicy(allow_loopback=True), limits=limits, sleep=lambda _: None)
    )


def live(world: World) -> None:
    """Something happens in the shop, a shopper redeems or gives back, and the workers try."""
    world.keep_hints([world.something_happens()])
    errand = world.errand()
    if errand is not None:
        world.acknowledge(errand, world.run(errand))
    for _ in range(8):
        if not world.one_round():
            break
    world.clock.ahead += timedelta(seconds=5)


def drain(world: World) -> None:
    """The line is good again: how long until no order is unread and every code that is wanted is there?"""
    healed = world.clock.ahead
    while waiting(world):
        assert world.clock.ahead - healed <= DRAINED_IN, waiting(world)
        while world.one_round():
            pass
        world.clock.ahead += timedelta(seconds=15)


def waiting(world: World) -> list[str]:
    with reading(world.runtime.db) as session:
        messages = inbox.counts(session, world.merchant_id)["new"]
        views = [order_queries.find(session, world.merchant_id, world.view.shop_id, str(one)) for one in world.orders]
    unread = [view.external_id for view in views if view is not None and view.waiting]
    unmade = [
        one.code for one in world.redemptions() if one.effect.wanted == "issued" and one.effect.actual != "issued"
    ]
    return [*(["messages"] if messages else []), *unread, *unmade]


@pytest.mark.parametrize("seed", seeds(pr=1, nightly=3, release=10))
def test_a_bad_line_to_postgresql_loses_and_doubles_nothing(
    postgres_server: PostgresServer,
    postgres_template: str,
    tmp_path: Path,
    seed: int,
    operations: Callable[[int], None],
) -> None:
    url = postgres_server.create(template=postgres_template)
    address, dice = sa.make_url(url), random.Random(seed)
    with proxied(address.host or "127.0.0.1", address.port or 5432, seed=seed) as proxy:
        through = address.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)
        world = make_world(open_database(through), tmp_path)
        for customer in CUSTOMERS:
            world.settle(world.shop.buy(100, order_id=f"first-{customer}", customer=customer).external_id)
        load = Load(world, [world.member(customer) for customer in CUSTOMERS])

        with ThreadPoolExecutor(THREADS + 1) as pool:
            working = [pool.submit(load.give, thread) for thread in range(THREADS)] + [pool.submit(load.settle)]
            try:
                for number in range(LINE_ROUNDS):
                    spoil(proxy, LINE_FAULTS[number % len(LINE_FAULTS)], dice)
                    load.wait_for_more(dice.randint(1, 8))
            finally:
                proxy.heal()
                load.stopping.set()
            for one in working:
                one.result(timeout=PATIENCE_S)

        assert load.unknown, "no answer was ever lost: this tested nothing"
        check_points(load)
        world.db.close()
    postgres_server.drop(url)
    operations(LINE_ROUNDS)


def spoil(proxy: Proxy, fault: Fault, dice: random.Random) -> None:
    """Until it has met somebody a few times; then the line is good again, and what hung is let go."""
    wanted = proxy.met.get(fault, 0) + dice.randint(1, 4)
    proxy.fault, proxy.share = fault, dice.choice((0.05, 0.3, 1.0))
    wait_for(lambda: proxy.met.get(fault, 0) >= wanted)
    proxy.heal()


def test_our_connections_to_postgresql_notice_a_silent_server(
    postgres_server: PostgresServer, postgres_template: str
) -> None:
    """A machine that is gone says nothing: only keep-alives and time-outs of our own end the wait. The kernel does it; we must ask."""
    url = postgres_server.create(template=postgres_template)
    db = open_database(url)
    found = [patience_of(engine) for engine in (db.write_engine, db.read_engine)]
    db.close()
    postgres_server.drop(url)

    for idle_s, unanswered_ms in found:
        assert idle_s <= 60
        assert 0 < unanswered_ms <= 60_000


def patience_of(engine: sa.Engine) -> tuple[int, int]:
    """Seconds of silence before the first keep-alive, milliseconds that what we sent may stay unanswered."""
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        line = socket.socket(fileno=os.dup(driver.fileno()))
        with line:
            options = (socket.TCP_KEEPIDLE, socket.TCP_USER_TIMEOUT)
            idle_s, unanswered_ms = (line.getsockopt(socket.IPPROTO_TCP, option) for option in options)
    return idle_s, unanswered_ms


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_shop_that_hangs_keeps_no_thread_from_the_other_shops(migrated_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    well = start_in_thread(order_count=0, customer_count=6, plugin=False)
    with world_behind_a_proxy(folder, migrated_url, seed=1) as (ill_world, proxy):
        well_world = open_world(well, folder, migrated_url, seed=2)
        time.sleep(1.1)
        proxy.fault = "half_open"
        for world in (ill_world, well_world):
            for _ in range(EVENTS):
                world.keep_hints([world.something_happens()])
        worker = Worker(replace(ill_world.runtime, connect=connect_to(ill_world, ENDLESS)))
        worker.start()
        try:
            wait_for(lambda: not waiting(well_world) and -1 not in well_world.targets().values())
            still_hanging = waiting(ill_world)
            proxy.heal()
            ill_world.clock.ahead += timedelta(hours=1)
            wait_for(lambda: not waiting(ill_world))
        finally:
            proxy.heal()
            worker.stop()
        well_world.runtime.db.close()
        well.stop()

    assert proxy.met["half_open"] > 0
    assert still_hanging


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_codes_of_a_shop_that_hangs_keep_nobody_elses_waiting(migrated_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    well = start_in_thread(order_count=0, customer_count=6, plugin=False)
    with world_behind_a_proxy(folder, migrated_url, seed=1) as (ill_world, proxy):
        well_world = open_world(well, folder, migrated_url, seed=2)
        time.sleep(1.1)
        for world in (ill_world, well_world):
            rich(world)
        redeem(ill_world, times=MANY)
        proxy.fault = "half_open"
        worker = Worker(replace(ill_world.runtime, connect=connect_to(ill_world, HURRIED)))
        worker.start()
        try:
            wait_for(lambda: "half_open" in proxy.met)
            redeem(well_world, times=1)
            wait_for(lambda: not waiting(well_world))
            tried = sum(one.effect.attempts > 0 for one in ill_world.redemptions())
        finally:
            proxy.heal()
            worker.stop()
        well_world.runtime.db.close()
        well.stop()

    assert tried < MANY, "the well shop's code had to wait until the ill shop had been asked for all of its own"


def rich(world: World) -> None:
    for customer in demo_world.CUSTOMERS:
        order = world.shop.shop.place_order({12: 12}, customer_id=customer, payment="demo_card").id
        world.orders.append(order)
        world.keep_hints([order])
    world.work_to_the_end()


def redeem(world: World, *, times: int) -> None:
    for number in range(times):
        customer = demo_world.CUSTOMERS[number % len(demo_world.CUSTOMERS)]
        errand = Errand(str(customer), f"wanted-{number:08d}")
        made = world.run(errand)
        assert made is not None
        world.acknowledge(errand, made)


def connect_to(ill_world: World, limits: Limits) -> Callable[[Installation], Connector]:
    """The ill shop with these limits, the well one as always: so nothing here depends on how fast this machine is."""
    usual = ill_world.runtime.connect
    address = ill_world.view.base_url
    return lambda shop: impatient(shop, limits) if shop.base_url == address else usual(shop)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.02)
