"""What the demo shop's tests share: shops that are stopped afterwards, and a receiver of webhooks."""

from collections.abc import Callable, Iterator

import pytest

from demo.server import RunningShop, start_in_thread
from tests.demo.world import Clock, Receiver

Open = Callable[..., RunningShop]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_shop(clock: Clock) -> Iterator[Open]:
    """Starts an empty shop, of any version, on a free port."""
    running: list[RunningShop] = []

    def start(version: str = "11.0.1", **options: object) -> RunningShop:
        settings = {"order_count": 0, "customer_count": 0, "clock": clock, **options}
        running.append(start_in_thread(version=version, **settings))  # type: ignore[arg-type]
        return running[-1]

    yield start
    for shop in running:
        shop.stop()


@pytest.fixture(params=["11.0.1", "8.2.2"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening
