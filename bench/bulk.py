"""Reading a Shopify shop's past by a bulk operation: does memory grow with the number of orders? Each side is its own process.

Ours is the peak after all orders were read, beside the peak after the first tenth.
"""

import multiprocessing
import resource
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

from sqlmodel import Session

from app import start
from app.wiring import make_runtime
from bench.measure import Figure
from core.db.engine import reading, run_tx
from core.ids import MerchantId
from core.merchants import commands
from core.ports import Installation, Platform
from core.settings import Settings
from core.work import backfill
from demo.shopify.server import start_in_thread

SMALL, LARGE = 2_000, 100_000
NEVER = "2099-01-01T00:00:00+00:00"


def figures(folder: Path, *, large: bool) -> list[Figure]:
    size = LARGE if large else SMALL
    processes = multiprocessing.get_context("spawn")
    from_shop, to_us = processes.Pipe(duplex=False)
    platform = processes.Process(target=_platform, args=(size, to_us), daemon=True)
    platform.start()
    from_reader, to_bench = processes.Pipe(duplex=False)
    reader = processes.Process(target=_read, args=(folder / "bulk", size, from_shop.recv(), to_bench))
    reader.start()
    early, late, seconds = from_reader.recv()
    reader.join()
    platform.terminate()
    return [
        Figure(f"bulk backfill, {size:,} orders, peak memory", "sqlite", late, early, "MB", "<= 1.1"),
        Figure(f"bulk backfill, {size:,} orders", "sqlite", size / seconds, None, "orders/s"),
    ]


def _platform(size: int, answer: Connection) -> None:
    shop = start_in_thread(order_count=0, customer_count=3, synthetic_orders=size, synthetic_customers=size // 4).shop
    scopes = [*shop.site.app.scopes, "read_all_orders"]
    answer.send((shop.url, shop.domain, shop.access_token(scopes=scopes, expiring=False)))
    threading.Event().wait()


def _read(folder: Path, size: int, shop: tuple[str, str, str], answer: Connection) -> None:
    """Read until the preview is ready; answers the peaks in MB after a tenth and at the end, and the seconds."""
    settings = Settings(data_dir=folder, allow_loopback=True)
    start.bring_up_to_date(settings)
    runtime = make_runtime(settings)
    url, domain, token = shop
    ends = {"expires_at": NEVER, "refresh_expires_at": NEVER}
    credentials = {"access_token": token, "refresh_token": "none", "scope": "read_orders", "origin": url, **ends}
    base_url = f"https://{domain}"
    facts = runtime.connect(Installation("x" * 32, Platform.SHOPIFY, base_url, credentials)).installer.facts()

    def connect(session: Session) -> tuple[MerchantId, str]:
        now = runtime.clock()
        merchant_id = commands.create_merchant(session, name="Bench", timezone="UTC", now=now)
        view = commands.connect_shop(
            session, runtime.vault, merchant_id, platform=Platform.SHOPIFY, base_url=base_url, facts=facts,
            credentials=credentials, now=now,
        )  # fmt: skip
        return merchant_id, backfill.begin(session, merchant_id, view.shop_id, now=now).backfill_id

    merchant_id, backfill_id = run_tx(runtime.db, connect)
    early, begun = 0.0, time.perf_counter()
    while True:
        if not backfill.run_step(runtime, merchant_id, backfill_id):
            time.sleep(0.2)
        with reading(runtime.db) as session:
            view = backfill.view(session, merchant_id, backfill_id)
        if not early and view.read >= size // 10:
            early = _peak()
        if view.state != "reading":
            break
    if view.read != size:
        raise RuntimeError(f"{view.read} of {size} orders were read ({view.state}: {view.last_error})")
    answer.send((early, _peak(), time.perf_counter() - begun))
    runtime.db.close()


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
