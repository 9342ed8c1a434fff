"""T17: a server under a steady load for a long time: the books add up, and memory, files, threads and the log stay as they were.

`REGULARS_TORTURE_SOAK_S` sets how long by hand. In `make test` it only shows that it works.
"""

import base64
import hashlib
import hmac
import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import jwt
import pytest
import requests

from core.db.engine import reading, run_tx
from core.members import commands as members
from core.merchants import commands as merchants
from core.merchants import queries as merchant_queries
from tests.process import Server
from tests.torture.demo_world import LEASES_END, MakeDatabase, World, check, new_world
from tests.torture.test_kill_servers import server_on
from tests.torture.tiers import TIER, size

pytestmark = pytest.mark.torture("T17")

SECONDS = float(os.environ.get("REGULARS_TORTURE_SOAK_S", size(pr=20, nightly=7_200, release=86_400)))
WARM_S = SECONDS / 6
READS_PER_S, WEBHOOKS_PER_S, DEEDS_PER_S = 20.0, 5.0, 1.0
READERS = range(1_001, 1_041)  # none asks more often than the door allows
LOG_LIMIT = 64 * 2**20
DRIFT_PER_H, DRIFT_OF_A_SHORT_RUN = 0.05, 0.10
P99_S = 0.3


@dataclass(frozen=True)
class Sample:
    """What all processes of the server take. `at`: seconds since the load began; `log`: bytes of SQLite's log."""

    at: float
    rss: int
    files: int
    threads: int
    log: int


@dataclass
class Load:
    """Three clients that keep to their rate, each in a thread of its own."""

    world: World
    url: str
    key: tuple[str, str]
    secret: str
    answers: list[int] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    told: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)  # of the world, whose dice are not for two at once

    def __post_init__(self) -> None:
        self.calls, self.hooks = requests.Session(), requests.Session()

    def read(self, turn: int) -> None:
        shop, customer = self.world.view, READERS[turn % len(READERS)]
        kid, key = self.key
        now = int(time.time())
        claims = {"iss": shop.base_url, "aud": shop.shop_key, "sub": str(customer), "iat": now, "exp": now + 60}
        token = jwt.encode(
            {**claims, "jti": uuid4().hex},
            base64.urlsafe_b64decode(key + "=="),
            algorithm="HS256",
            headers={"kid": kid},
        )
        asked = {"Authorization": f"Bearer {token}", "Origin": shop.base_url}
        begun = time.monotonic()
        answer = self.calls.get(f"{self.url}/widget/v1/api/{shop.shop_key}/me", headers=asked, timeout=30)
        self.waits.append(time.monotonic() - begun)
        self.answers.append(answer.status_code)

    def tell(self, _turn: int) -> None:
        with self.lock:
            order = self.world.dice.choice(self.world.orders)
        body, headers = self.world.hint(order)
        signed = base64.b64encode(hmac.new(self.secret.encode(), body, hashlib.sha256).digest()).decode()
        headers |= {"Content-Type": "application/json", "X-WC-Webhook-Signature": signed}
        url = f"{self.url}/webhooks/woocommerce/{self.world.view.shop_key}"
        self.answers.append(self.hooks.post(url, data=body, headers=headers, timeout=30).status_code)
        self.told += 1

    def happen(self, _turn: int) -> None:
        with self.lock:
            self.world.something_happens()
            errand = self.world.errand()
            if errand is not None:
                self.world.acknowledge(errand, self.world.run(errand))


def test_a_server_under_steady_load_stays_as_it_was(
    new_database: MakeDatabase, tmp_path: Path, operations: Callable[[int], None]
) -> None:
    with new_world(tmp_path / "data", new_database(), seed=17) as world:
        for _ in range(8):
            world.something_happens()
        load_key, secret = enter_readers(world)
        server = server_on(world)
        try:
            server.start()
            load = Load(world, server.url, load_key, secret)
            samples = list(watched(load, server, tmp_path))
        finally:
            server.kill()
        world.keep_hints(world.orders)
        world.clock.ahead += LEASES_END
        world.work_to_the_end()

        assert set(load.answers) == {200}
        check_samples([sample for sample in samples if sample.at > WARM_S])
        if TIER != "pr":
            assert statistics.quantiles(load.waits, n=100)[98] < P99_S
        check(world, tmp_path / "oracle")
    operations(len(load.answers))


def enter_readers(world: World) -> tuple[tuple[str, str], str]:
    """Members with an empty account, the plugin's key that proves them, and the secret of the shop's webhooks."""
    merchant_id, shop_id, now = world.merchant_id, world.view.shop_id, world.clock()
    vault = world.runtime.vault
    for customer in READERS:
        run_tx(
            world.runtime.db,
            lambda session, customer=customer: members.enrol(  # type: ignore[misc]
                session,
                vault,
                merchant_id,
                shop_id,
                external_id=str(customer),
                joined_by="staff",
                joined_at=now,
                now=now,
            ),
        )
    code = run_tx(world.runtime.db, lambda s: merchants.new_pairing_code(s, merchant_id, shop_id, now=now))
    key = run_tx(world.runtime.db, lambda s: merchants.pair(s, vault, merchant_id, shop_id, code=code, now=now))
    with reading(world.runtime.db) as session:
        return key, merchant_queries.webhook_secrets(session, vault, merchant_id, shop_id)[0]


def watched(load: Load, server: Server, folder: Path) -> Iterator[Sample]:
    """Samples while the clients are at it."""
    begun = time.monotonic()
    with at_their_rates(
        (load.read, READS_PER_S), (load.tell, WEBHOOKS_PER_S), (load.happen, DEEDS_PER_S)
    ) as has_failed:
        while time.monotonic() - begun < SECONDS and not has_failed():
            time.sleep(min(5.0, SECONDS / 40))
            yield sample_of(server, folder, time.monotonic() - begun)


@contextmanager
def at_their_rates(*clients: tuple[Callable[[int], None], float]) -> Iterator[Callable[[], bool]]:
    """Each in its own thread, so many times a second. What one of them raises is raised at the end."""
    stopping, errors = threading.Event(), list[BaseException]()

    def keep_at_it(call: Callable[[int], None], per_second: float) -> None:
        begun, turn = time.monotonic(), 0
        try:
            while not stopping.wait(max(0.0, begun + turn / per_second - time.monotonic())):
                call(turn)
                turn += 1
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=keep_at_it, args=client) for client in clients]
    for thread in threads:
        thread.start()
    try:
        yield lambda: bool(errors)
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
    if errors:
        raise errors[0]


def sample_of(server: Server, folder: Path, at: float) -> Sample:
    rss = files = threads = 0
    for process in Path("/proc").iterdir():
        try:
            if (
                not process.name.isdigit()
                or server.process is None
                or os.getpgid(int(process.name)) != server.process.pid
            ):
                continue
            status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
            rss += int(status["VmRSS"].split()[0]) * 1024
            threads += int(status["Threads"])
            files += len(list((process / "fd").iterdir()))
        except (OSError, KeyError):
            continue  # it has just ended
    log = max((path.stat().st_size for path in folder.rglob("*-wal")), default=0)
    return Sample(at, rss, files, threads, log)


def check_samples(samples: list[Sample]) -> None:
    third = len(samples) // 3
    early, late = samples[:third], samples[-third:]
    assert early
    assert max(sample.log for sample in samples) < LOG_LIMIT
    assert max(sample.files for sample in late) <= max(sample.files for sample in early) + 4
    assert max(sample.threads for sample in late) <= max(sample.threads for sample in early) + 2
    before, after = (statistics.median(sample.rss for sample in part) for part in (early, late))
    hours = (late[0].at - early[0].at) / 3600
    assert after <= before * (1 + max(DRIFT_PER_H * hours, DRIFT_OF_A_SHORT_RUN if hours < 1 else 0))
