"""T12: four hours without us. The shop gives up on its webhooks; after the restart they are made anew and polling fills the gap.

The shop sends over real HTTP; a front answers 503 for us while we are away. The restarted worker is the product's own.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from app import facts
from app.factory import create_app
from app.worker import Worker
from connectors.woocommerce.webhooks import TOPICS
from core.work import sync
from tests.torture.stream import World, open_world
from tests.torture.stream_life import Life
from tests.torture.stream_oracle import expected_balances
from tests.torture.tiers import seeds

pytestmark = pytest.mark.torture("T12")

OUTAGE, STEP = timedelta(hours=4), timedelta(minutes=6)
GIVES_UP_AFTER = 7
# What polling does not see at once: the order keeps its date, is there no more, or counts as gone after an hour only.
NOT_AT_ONCE = ("delete_refund", "delete", "trash")
AT_MOST = timedelta(minutes=5)


@dataclass
class Front:
    """What stands before our server: answers for it while it is away."""

    app: WSGIApplication | None = None
    answered: Counter[int] = field(default_factory=Counter)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        app = self.app or Response("Service Unavailable", 503, content_type="text/html")
        self.answered[200 if self.app else 503] += 1
        return app(environ, start_response)


@contextmanager
def listening(front: Front) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, front, threaded=True)
    server.log_startup = lambda: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("seed", seeds(pr=1, nightly=10, release=10))
def test_after_an_outage_of_four_hours_the_webhooks_are_back_and_nothing_is_missing(
    seed: int, migrated_url: str, tmp_path: Path, operations: Callable[[int], None]
) -> None:
    front = Front()
    with (
        listening(front) as url,
        open_world(migrated_url, tmp_path / "data", customers=5, public_url=url) as world,
    ):
        life = Life(world, random.Random(seed), spared=NOT_AT_ONCE)
        front.app = create_app(world.runtime)
        a_good_hour(life)
        before = hooks_by_topic(world)

        front.app = None
        live_through_the_outage(life)

        hook = before["order.updated"]
        assert (hook.status, hook.failures) == ("disabled", GIVES_UP_AFTER - 1), "the shop did not give up on us"
        assert front.answered[503] >= GIVES_UP_AFTER
        expected = expected_balances(world.shop.shop.store.orders.values(), life.codes)
        assert world.points() != expected, "nothing happened in the gap"

        front.app = create_app(world.runtime)
        with working(world):
            wait_until(world, lambda: hooks_are_right(world) and world.points() == expected)

            order = world.shop.shop.place_order({12: 2}, customer_id=2)
            after_it = expected_balances(world.shop.shop.store.orders.values(), life.codes)
            [news] = [sent for sent in world.shop.shop.deliver_pending() if sent.topic == "order.updated"]
            assert (news.arg, news.status) == (order.id, 200)
            wait_until(world, lambda: world.points() == after_it)

        assert hooks_by_topic(world)["order.updated"].id != hook.id, "switched on again, it keeps its count of failures"
        assert world.violations() == []
        operations(1)


def a_good_hour(life: Life) -> None:
    """Orders are announced, and the last poll lies just before the outage."""
    for _ in range(12):
        life.buy()
        life.world.wait(timedelta(minutes=5))
        life.world.shop.shop.deliver_pending()
        life.world.work()
    life.redeem()
    sync.poll(life.world.runtime, life.world.merchant_id, life.world.view.shop_id)
    life.world.work()
    assert all(hook.status == "active" and hook.failures == 0 for hook in life.world.shop.shop.webhooks)


def live_through_the_outage(life: Life) -> None:
    end = life.world.clock() + OUTAGE
    while life.world.clock() < end:
        life.buy()
        life.something()
        life.something()
        life.world.wait(STEP)
        life.world.shop.shop.deliver_pending()


def hooks_by_topic(world: World) -> dict[str, Any]:
    hooks = world.shop.shop.webhooks
    found = {hook.topic: hook for hook in hooks}
    assert len(found) == len(hooks), "a topic has two webhooks"
    return found


def hooks_are_right(world: World) -> bool:
    hooks = world.shop.shop.webhooks
    ours = world.runtime.public_url()
    right = [hook.topic for hook in hooks if hook.status == "active" and hook.delivery_url.startswith(ours)]
    return sorted(right) == sorted(TOPICS) == sorted(hook.topic for hook in hooks)


@contextmanager
def working(world: World) -> Iterator[None]:
    """The worker as it starts with the server. Its daily backup was made today."""
    facts.take_turn(world.runtime.db, "daily_backup", every=timedelta(hours=23), now=world.clock())
    worker = Worker(world.runtime)
    worker.start()
    try:
        yield
    finally:
        worker.stop()


def wait_until(world: World, condition: Callable[[], bool]) -> None:
    """The simulated clock runs on meanwhile, twice as fast as a real one, for five minutes at most."""
    deadline = world.clock() + AT_MOST
    while not condition():
        assert world.clock() < deadline, "it did not come about within five minutes"
        time.sleep(0.1)
        world.wait(timedelta(seconds=0.2))
