"""Our doors over HTTP, through the real server process with its worker: webhook intake and the widget's balance.

Clients are raw sockets with ready-made requests: what they cost is the same for both sides and small.
"""

import base64
import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
from sqlmodel import Session

from app import start
from app.wiring import make_runtime
from bench import bare
from bench.measure import Figure, compare
from core.commerce import ShopFacts
from core.db.engine import run_tx
from core.earning.orders import want
from core.ledger import commands as ledger
from core.members import commands as members
from core.merchants import commands as merchants
from core.merchants import queries as merchant_queries
from core.ports import Platform
from core.program import commands as programs
from core.program.terms import default_terms
from core.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
CLIENTS, SECONDS = 8, 5
CUSTOMERS = 1000  # so that no one of them asks more often than the door allows
BODY = json.dumps({"id": 4711, "status": "processing", "currency": "EUR", "padding": "x" * 3000}).encode()
MEMORY_RATE, MEMORY_SECONDS = 50, 30


@dataclass(frozen=True)
class Prepared:
    """A shop in a data directory, and the requests that its platform and its shoppers send."""

    folder: Path
    intake: bytes
    balances: list[bytes]


def figures(folder: Path) -> list[Figure]:
    prepared = _prepare(folder / "doors")
    with _serving(prepared) as (ours, theirs, _):
        intake = compare(
            "webhook intake, HMAC and a durable row",
            "sqlite",
            "requests/s",
            lambda _: (_rate(ours, [prepared.intake]), _rate(theirs, [_bare_intake()])),
            goal=">= 0.7",
        )
    # A server of its own: the messages of the first are still being worked off there.
    prepared = _prepare(folder / "widget")
    with _serving(prepared) as (ours, theirs, _):
        echo = b"GET /echo HTTP/1.1\r\nHost: bench\r\n\r\n"
        balance = compare(
            "widget balance read",
            "sqlite",
            "requests/s",
            lambda _: (_rate(ours, prepared.balances), _rate(theirs, [echo])),
            goal=">= 0.5",
        )
    return [intake, balance, memory(folder)]


def memory(folder: Path) -> Figure:
    """The highest memory (PSS, both processes) of the server while it answers 50 requests a second, half of them webhooks."""
    prepared = _prepare(folder / "memory")
    with _serving(prepared) as (ours, _, group):
        peak, ends, turn = 0.0, time.monotonic() + MEMORY_SECONDS, 0
        connection = _connect(ours)
        while time.monotonic() < ends:
            following = time.monotonic() + 1 / MEMORY_RATE
            _ask(connection, prepared.intake if turn % 2 else prepared.balances[turn % CUSTOMERS])
            if turn % MEMORY_RATE == 0:
                peak = max(peak, _memory_mb(group))
            turn += 1
            time.sleep(max(0.0, following - time.monotonic()))
        connection.close()
    return Figure("peak memory of serve at 50 requests/s", "sqlite", peak, None, "MB", "<= 250")


def _prepare(folder: Path) -> Prepared:
    settings = Settings(data_dir=folder / "data", public_url="http://127.0.0.1:9", allow_loopback=True)
    start.bring_up_to_date(settings)
    runtime, now = make_runtime(settings), datetime.now(UTC)

    def work(session: Session) -> Prepared:
        merchant_id = merchants.create_merchant(session, name="Bench", timezone="UTC", now=now)
        programs.publish(session, merchant_id, default_terms(["EUR"], timezone="UTC"), author_id=None, now=now)
        shop = merchants.connect_shop(
            session,
            runtime.vault,
            merchant_id,
            platform=Platform.WOOCOMMERCE,
            base_url="http://127.0.0.1:9",  # nobody is there: the worker tries, and tries again later
            facts=ShopFacts(name="Bench", currency="EUR", timezone="UTC"),
            credentials={"consumer_key": "ck", "consumer_secret": "cs"},
            now=now,
        )
        merchants.set_launch(session, merchant_id, "live", now=now)
        code = merchants.new_pairing_code(session, merchant_id, shop.shop_id, now=now)
        kid, key = merchants.pair(session, runtime.vault, merchant_id, shop.shop_id, code=code, now=now)
        secret = merchant_queries.webhook_secrets(session, runtime.vault, merchant_id, shop.shop_id)[0]
        balances = []
        for number in range(1, CUSTOMERS + 1):
            member_id = members.enrol(
                session,
                runtime.vault,
                merchant_id,
                shop.shop_id,
                external_id=str(number),
                joined_by="staff",
                joined_at=now,
                now=now,
            )
            ledger.adjust(
                session,
                merchant_id,
                member_id,
                1000,
                reason="goodwill",
                notes={},
                erasure_key="k",
                author_id=None,
                idempotency_key=str(number),
                expires_at=None,
                now=now,
            )
            claims = {
                "iss": shop.base_url,
                "aud": shop.shop_key,
                "sub": str(number),
                "iat": int(now.timestamp()),
                "exp": int((now + timedelta(minutes=5)).timestamp()),
                "jti": f"jti-{number:016d}",
            }
            token = jwt.encode(claims, base64.urlsafe_b64decode(key + "=="), algorithm="HS256", headers={"kid": kid})
            path = f"/widget/v1/api/{shop.shop_key}/me"
            balances.append(_get(path, f"Authorization: Bearer {token}\r\nOrigin: {shop.base_url}\r\n"))
        order_id = want(session, merchant_id, shop.shop_id, "4711", now=now)
        assert order_id
        signed = base64.b64encode(hmac.new(secret.encode(), BODY, hashlib.sha256).digest()).decode()
        headers = f"X-WC-Webhook-Topic: order.updated\r\nX-WC-Webhook-Signature: {signed}\r\n"
        return Prepared(folder, _post(f"/webhooks/woocommerce/{shop.shop_key}", headers), balances)

    prepared = run_tx(runtime.db, work)
    runtime.db.close()
    return prepared


@contextmanager
def _serving(prepared: Prepared) -> Iterator[tuple[int, int, int]]:
    """The ports of ours and of the bare one, and the process group of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REGULARS_")}
    settings = {"REGULARS_DATA_DIR": str(prepared.folder / "data"), "REGULARS_PUBLIC_URL": "http://127.0.0.1:9"}
    settings |= {"REGULARS_ALLOW_LOOPBACK": "true", "PYTHONPATH": str(ROOT)}
    ours, theirs = _free_port(), _free_port()
    with (prepared.folder / "log").open("w") as log:

        def launch(*command: str) -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                [sys.executable, "-m", *command],
                env={**kept, **settings},
                cwd=prepared.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

        processes = [launch("app.cli", "serve", "--port", str(ours))]
        try:
            _wait_for(ours, _get("/healthz/ready"))
            (prepared.folder / "answer.json").write_bytes(_body(_once(ours, prepared.balances[0])))
            processes.append(launch("bench.bare", str(theirs), str(prepared.folder)))
            _wait_for(theirs, _get("/echo"))
            _once(theirs, _bare_intake())
            yield ours, theirs, processes[0].pid
        finally:
            for process in processes:
                os.killpg(process.pid, signal.SIGTERM)
            for process in processes:
                process.wait(30)


def _rate(port: int, requests: list[bytes]) -> float:
    counts, ends = [0] * CLIENTS, time.monotonic() + SECONDS

    def ask(mine: int) -> None:
        connection, turn = _connect(port), mine
        while time.monotonic() < ends:
            _ask(connection, requests[turn % len(requests)])
            counts[mine] += 1
            turn += CLIENTS
        connection.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(CLIENTS)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.monotonic() - started)


def _ask(connection: socket.socket, request: bytes) -> bytes:
    """One request on a connection that stays open. Raises AssertionError for any answer but 200."""
    connection.sendall(request)
    answer = connection.recv(65536)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), answer[:500]
    wanted = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    while len(body) < wanted:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def _once(port: int, request: bytes) -> bytes:
    connection = _connect(port)
    try:
        return _ask(connection, request)
    finally:
        connection.close()


def _body(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


def _connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _wait_for(port: int, request: bytes) -> None:
    ends = time.monotonic() + 60
    while True:
        try:
            _once(port, request)
            return
        except (OSError, AssertionError, StopIteration):
            if time.monotonic() > ends:
                raise
            time.sleep(0.05)


def _get(path: str, headers: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n{headers}\r\n".encode()


def _post(path: str, headers: str) -> bytes:
    length = f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n"
    return f"POST {path} HTTP/1.1\r\nHost: bench\r\n{length}{headers}\r\n".encode() + BODY


def _bare_intake() -> bytes:
    return _post("/intake", f"X-Signature: {hmac.new(bare.SECRET, BODY, hashlib.sha256).hexdigest()}\r\n")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _memory_mb(group: int) -> float:
    """Proportional set size of all processes of a group, from the kernel's own sums."""
    total = 0
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if os.getpgid(int(folder.name)) == group:
                    total += _field(folder / "smaps_rollup", "Pss:")
            except OSError:
                continue
    return total / 1024


def _field(path: Path, name: str) -> int:
    return next(int(line.split()[1]) for line in path.read_text().splitlines() if line.startswith(name))
