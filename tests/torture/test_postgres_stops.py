"""T10: PostgreSQL stops in the middle of commits, or ends our connections. Nobody knows then whether a commit counted; the key does.

The ways and moments are the seed's; what the threads had just done is not. A failure shows which keys went wrong and verify's findings.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from core.db.engine import Database, open_database, reading, unit_of_work
from core.db.types import table
from core.ids import MemberId
from core.ledger import commands as ledger
from core.ledger.tables import PostingRow
from tests.conftest import migrate
from tests.core.world import World, make_world
from tests.torture.acknowledging import give_a_point
from tests.torture.cluster import Cluster, running_cluster
from tests.torture.tiers import seeds, size

pytestmark = pytest.mark.torture("T10")

STOPS = size(pr=10, nightly=100, release=200)
THREADS = 4
CUSTOMERS = ("7", "8", "9")
PATIENCE_S = 120


@dataclass
class Load:
    """Threads that give points, each key tried until it is acknowledged, and orders that are read and settled in between."""

    world: World
    members: list[MemberId]
    stopping: threading.Event = field(default_factory=threading.Event)
    acknowledged: dict[str, str] = field(default_factory=dict)  # key -> posting
    unknown: list[str] = field(default_factory=list)  # keys whose outcome the database did not tell

    def give(self, thread: int) -> None:
        number = 0
        while not self.stopping.is_set():
            key, number = f"{thread}-{number}", number + 1
            member_id = self.members[0] if number % 2 else self.members[number % len(self.members)]
            self.acknowledged[key] = self.until_told(key, lambda m=member_id, k=key: self.one(m, k))

    def one(self, member_id: MemberId, key: str) -> str:
        return give_a_point(self.world.db, self.world.merchant_id, member_id, key)

    def settle(self) -> None:
        """Orders of the first customer, ten points each."""
        number = 0
        while not self.stopping.is_set():
            order_id, number = f"order-{number}", number + 1
            self.world.shop.buy(1000, order_id=order_id, customer=CUSTOMERS[0])
            self.until_told(order_id, lambda o=order_id: self.world.settle(o))

    def until_told(self, key: str, work: Callable[[], str]) -> str:
        """The same request again and again, as a shop's plugin or a worker does that got no answer."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return work()
            except DBAPIError as error:
                assert is_disconnected(error), error
                assert time.monotonic() < deadline, f"{key}: the database is back and still not used"
                self.unknown.append(key)
                time.sleep(0.02)

    def wait_for_more(self, count: int) -> None:
        wanted, deadline = len(self.acknowledged) + count, time.monotonic() + PATIENCE_S
        while len(self.acknowledged) < wanted:
            assert time.monotonic() < deadline, "nothing is acknowledged any more"
            time.sleep(0.001)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with running_cluster() as started:
        migrate(started.url())
        with psycopg.connect(started.url("template1"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE migrated TEMPLATE postgres")
        yield started


@pytest.fixture
def own_db(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Database]:
    name = f"run_{abs(hash(request.node.name))}"
    with psycopg.connect(cluster.url("template1"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE migrated")
    database = open_database(cluster.url(name))
    yield database
    database.close()


@pytest.fixture
def load(own_db: Database, tmp_path: Path) -> Load:
    world = make_world(own_db, tmp_path)
    for customer in CUSTOMERS:
        world.settle(world.shop.buy(100, order_id=f"first-{customer}", customer=customer).external_id)
    return Load(world, [world.member(customer) for customer in CUSTOMERS])


@pytest.mark.parametrize("seed", seeds(pr=1, nightly=2, release=5))
def test_a_server_that_stops_in_mid_commit_loses_and_doubles_nothing(
    cluster: Cluster, load: Load, seed: int, operations: Callable[[int], None]
) -> None:
    dice = random.Random(seed)
    with ThreadPoolExecutor(THREADS + 1) as pool:
        working = [pool.submit(load.give, thread) for thread in range(THREADS)] + [pool.submit(load.settle)]
        try:
            for _ in range(STOPS):
                load.wait_for_more(dice.randint(1, 12))
                time.sleep(dice.uniform(0, 0.01))
                disturb(cluster, load, dice)
            load.wait_for_more(THREADS)
        finally:
            load.stopping.set()
        for one in working:
            one.result(timeout=PATIENCE_S)

    assert load.unknown, "no request was ever cut off: this tested nothing"
    check(load)
    operations(STOPS)


def disturb(cluster: Cluster, load: Load, dice: random.Random) -> None:
    """The server dies and is started again, or all our connections end, or some."""
    if dice.random() < 0.5:
        cluster.stop_without_a_word()
        cluster.start()
        return
    share = dice.choice((1.0, 0.5))
    with psycopg.connect(load.world.db.url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND random() < %s",
            [share],
        )


def check(load: Load) -> None:
    """One posting for each key, the one that was named; the points are those; the books are clean."""
    world = load.world
    for _ in range(3):
        world.wait(minutes=30)  # the leases of reads that were cut off end
        world.work()
    rows = table(PostingRow)
    with reading(world.db) as session:
        found = session.connection().execute(
            sa.select(rows.c.idempotency_key, rows.c.posting_id).where(
                rows.c.merchant_id == world.merchant_id, rows.c.idempotency_key.like("adjust:%")
            )
        )
        postings = {(row.idempotency_key.removeprefix("adjust:"), row.posting_id) for row in found}
    given = sum(world.points(customer)[1] for customer in CUSTOMERS)
    earned = sum(order.lines[0].gross // 100 for order in world.shop.placed.values())

    assert postings == set(load.acknowledged.items())
    assert given == len(load.acknowledged) + earned
    assert world.violations() == []


def test_who_sits_idle_in_a_transaction_is_put_out_and_the_others_go_on(load: Load) -> None:
    db, merchant_id, member_id = load.world.db, load.world.merchant_id, load.members[0]
    before = load.world.points()

    with pytest.raises(DBAPIError) as caught, unit_of_work(db) as session:
        # 60 s in the product; the wait is not what is tested.
        session.connection().exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = '50ms'")
        books = ledger.open_books(session, merchant_id, [member_id], now=load.world.now)
        given = load.one(member_id, "while-the-other-sleeps")  # waits for the row's lock, and gets it
        books[member_id].adjust_up(1000, expires_at=None)
        ledger.store_books(session, merchant_id, books)

    assert is_disconnected(caught.value)
    assert load.one(member_id, "while-the-other-sleeps") == given
    assert load.world.points() == (before[0], before[1] + 1, *before[2:])
    assert load.world.violations() == []


def test_our_connections_ask_for_durable_commits_and_put_out_who_sleeps(load: Load) -> None:
    with unit_of_work(load.world.db) as session:
        connection = session.connection()
        words = {
            name: connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in ("synchronous_commit", "fsync")
        }
        idle = connection.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar_one()

    assert words == {"synchronous_commit": "on", "fsync": "on"}
    assert idle != "0"


def is_disconnected(error: DBAPIError) -> bool:
    """The connection is gone, or there is no server to connect to: the outcome is unknown, and asking again is right."""
    starting = ("57P03", "57P01", "57P02")  # not yet accepting connections, shutting down, crashed
    no_server = getattr(error.orig, "sqlstate", None) is None
    return error.connection_invalidated or no_server or getattr(error.orig, "sqlstate", None) in starting
