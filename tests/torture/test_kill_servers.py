"""kill -9 of whole servers under load: every message that was answered with 200 is kept and worked, and the books add up."""

import base64
import hashlib
import hmac
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa

from core.db.engine import reading
from core.db.types import table
from core.merchants import queries as merchant_queries
from core.queue.tables import InboxRow
from tests.process import Cli, Server, free_port
from tests.torture.demo_world import LEASES_END, MakeDatabase, World, check, new_world, rounds_of
from tests.torture.tiers import size

pytestmark = pytest.mark.torture("T6")

KILLS = size(pr=20, nightly=300, release=1_000)
KILLS_PER_WORLD = 50
CLIENTS = 4


def test_servers_die_under_load_and_what_they_acknowledged_is_done(
    new_database: MakeDatabase, tmp_path: Path, operations: Callable[[int], None]
) -> None:
    for number, kills in enumerate(rounds_of(KILLS, KILLS_PER_WORLD)):
        with new_world(tmp_path / f"data-{number}", new_database(), seed=number) as world:
            acknowledged = kill_servers(world, kills)
            kept = messages_kept(world)
            world.keep_hints(world.orders)  # what happened while no server ran was told to nobody
            world.clock.ahead += LEASES_END

            world.work_to_the_end()

            assert len(acknowledged) >= kills
            assert kept >= len(acknowledged)
            check(world, tmp_path / f"oracle-{number}")
    operations(KILLS)


def kill_servers(world: World, kills: int) -> list[int]:
    """Start and kill, with clients knocking all the time. Returns the orders whose messages were acknowledged."""
    for _ in range(8):
        world.something_happens()
    server = server_on(world)
    secret = webhook_secret(world)
    acknowledged: list[int] = []
    try:
        with clients(world, server.url, secret, acknowledged):
            for _ in range(kills):
                heard = len(acknowledged)
                server.start()
                wait_for(lambda: len(acknowledged) > heard)  # noqa: B023 - asked in this turn of the loop only
                world.something_happens()
                errand = world.errand()
                if errand is not None:
                    world.acknowledge(errand, world.run(errand))
                time.sleep(world.dice.uniform(0.1, 0.6))
                server.kill()
    finally:
        server.kill()
    return acknowledged


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 240
    while not condition():
        assert time.monotonic() < until, "the server is up and acknowledges nothing"
        time.sleep(0.01)


def server_on(world: World) -> Server:
    settings = {
        "REGULARS_DATABASE_URL": world.runtime.db.url,
        "REGULARS_ALLOW_LOOPBACK": "true",
        "REGULARS_PUBLIC_URL": "http://127.0.0.1:9",
    }
    return Server(Cli(world.runtime.settings.data_dir, settings), free_port())


@contextmanager
def clients(world: World, url: str, secret: str, acknowledged: list[int]) -> Iterator[None]:
    stopping = threading.Event()
    threads = [
        threading.Thread(target=send_until, args=(stopping, world, url, secret, acknowledged, number))
        for number in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join()


def send_until(
    stopping: threading.Event, world: World, url: str, secret: str, acknowledged: list[int], number: int
) -> None:
    """A shop that sends and counts what was answered with 200."""
    dice = random.Random(number)
    session = requests.Session()
    address = f"{url}/webhooks/woocommerce/{world.view.shop_key}"
    while not stopping.is_set():
        order = dice.choice(world.orders)
        body, headers = world.hint(order)
        digest = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
        signed = {**headers, "Content-Type": "application/json", "X-WC-Webhook-Signature": digest}
        try:
            if session.post(address, data=body, headers=signed, timeout=10).status_code == 200:
                acknowledged.append(order)
        except requests.RequestException:
            time.sleep(0.1)
        time.sleep(0.01)


def webhook_secret(world: World) -> str:
    with reading(world.runtime.db) as session:
        return merchant_queries.webhook_secrets(session, world.runtime.vault, world.merchant_id, world.view.shop_id)[0]


def messages_kept(world: World) -> int:
    rows = (
        sa.select(sa.func.count())
        .select_from(table(InboxRow))
        .where(table(InboxRow).c.merchant_id == world.merchant_id)
    )
    with reading(world.runtime.db) as session:
        return int(session.connection().execute(rows).scalar_one())
