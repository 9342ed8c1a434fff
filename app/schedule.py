"""What is done by the clock: polls, looks at the shops' health, what falls due, seals, backups, the heartbeat.

Work on the database is done here, one piece after another; work that calls a shop goes to a few threads of its own, one
call to a shop at a time, so that a slow shop delays nobody else.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog

from app import backup, clock_guard, facts, shop_care
from app.clock_guard import ClockGuard
from app.wake import Wake
from core.db.engine import reading, run_tx
from core.ids import MerchantId
from core.ledger import commands as ledger_commands
from core.ledger import seals
from core.mail import commands as mail
from core.merchants import queries as merchant_queries
from core.merchants.queries import ShopView
from core.proofs import commands as proofs
from core.queue import inbox
from core.runtime import Runtime
from core.work import effects, sync

log = structlog.get_logger(__name__)

TICK_S = 1.0
SHOP_CALLERS = 3
POLL_S, POLL_UNHEALTHY_S = 60.0, 15.0
HEALTH_S = 900.0
DUE_S = 60.0
PRUNE_S = 3600.0
HEARTBEAT_S = 15.0
DAILY = timedelta(hours=23, minutes=30)
SHOPS_KEPT_S = 5.0
DUE_BATCHES = 50  # of book_due in one visit, so that a great day does not starve the rest


@dataclass
class Due:
    """When a piece of work on one subject is to be done next, in monotonic seconds."""

    next_at: float
    running: bool = False


class Schedule:
    def __init__(self, runtime: Runtime, *, wake: Wake, guard: ClockGuard | None = None) -> None:
        self._runtime = runtime
        self._wake = wake
        self.guard = guard or clock_guard.guard_of(runtime.clock)
        self._due: dict[tuple[str, str], Due] = {}
        self._shops: tuple[float, int, list[ShopView]] = (-SHOPS_KEPT_S, -1, [])
        self._callers = ThreadPoolExecutor(max_workers=SHOP_CALLERS, thread_name_prefix="shop-caller")

    def run(self, stopping: threading.Event) -> None:
        """Tick until asked to stop."""
        while not stopping.is_set():
            self._safely("tick", self.tick)
            stopping.wait(TICK_S)
        self._callers.shutdown(wait=False, cancel_futures=True)

    def tick(self) -> None:
        """Do what is due. Each piece fails alone."""
        self._every("heartbeat", "", HEARTBEAT_S, self.beat)
        merchants = self._merchants()
        for shop in self._connected_shops(merchants):
            self._call_shop("health", shop, HEALTH_S, partial(shop_care.look, self._runtime, shop))
            self._call_shop("poll", shop, self._poll_pause(shop), partial(self._poll, shop))
            self._call_shop("nightly", shop, DUE_S, partial(self._nightly, shop))
        if self.guard.problem() is None:
            for merchant_id in merchants:
                self._every("due", merchant_id, DUE_S, partial(self._book_due, merchant_id))
                self._every("prune", merchant_id, PRUNE_S, partial(self._prune, merchant_id))
            self._every("daily", "", DUE_S, lambda: self._daily(merchants))

    def beat(self) -> None:
        """Write down the believed moment, and a doubt with it: a restart must not forget it."""
        db = self._runtime.db
        clock_guard.listen(self.guard, db)
        problem, now = self.guard.problem(), self.guard()
        at = now.isoformat()
        facts.note(db, facts.HEARTBEAT, {"at": at, "clock": problem, "beat": at}, now=now)

    def look_again_now(self) -> None:
        """Everything is due at once, for somebody who does not want to wait for it."""
        for due in list(self._due.values()):
            due.next_at = 0.0
        self._wake()

    def _merchants(self) -> list[MerchantId]:
        with reading(self._runtime.db) as session:
            return [merchant.merchant_id for merchant in merchant_queries.all_merchants(session)]

    def _connected_shops(self, merchants: list[MerchantId]) -> list[ShopView]:
        read_at, number, shops = self._shops
        if time.monotonic() - read_at >= SHOPS_KEPT_S or number != self._wake.number:
            number = self._wake.number
            with reading(self._runtime.db) as session:
                shops = [
                    shop
                    for merchant_id in merchants
                    for shop in merchant_queries.shops(session, merchant_id)
                    if shop.connected
                ]
            self._shops = (time.monotonic(), number, shops)
        return shops

    def _every(self, name: str, subject: str, pause_s: float, work: Callable[[], None]) -> None:
        """Do the work here if it is due."""
        due = self._due.setdefault((name, subject), Due(next_at=0.0))
        if time.monotonic() >= due.next_at:
            due.next_at = time.monotonic() + pause_s
            self._safely(name, work)

    def _call_shop(self, name: str, shop: ShopView, pause_s: float, work: Callable[[], None]) -> None:
        """Hand the work to a caller if it is due and the last time is over."""
        due = self._due.setdefault((name, shop.shop_id), Due(next_at=0.0))
        due.next_at = min(due.next_at, time.monotonic() + pause_s)
        if due.running or time.monotonic() < due.next_at:
            return
        due.running = True
        due.next_at = time.monotonic() + pause_s

        def call() -> None:
            try:
                self._safely(name, work)
            finally:
                due.running = False
                self._wake()

        self._callers.submit(call)

    def _safely(self, name: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:
            log.exception("schedule.failed", work=name)

    def _poll_pause(self, shop: ShopView) -> float:
        return POLL_UNHEALTHY_S if shop_care.hooks_are_ill(self._runtime, shop) else POLL_S

    def _poll(self, shop: ShopView) -> None:
        sync.poll(self._runtime, shop.merchant_id, shop.shop_id)

    def _nightly(self, shop: ShopView) -> None:
        shop_care.reconcile_at_night(self._runtime, shop)

    def _book_due(self, merchant_id: MerchantId) -> None:
        """What matures, expires, or was held too long: for members whom nobody touches."""
        runtime = self._runtime
        for _ in range(DUE_BATCHES):
            now = runtime.clock()
            if not run_tx(runtime.db, partial(ledger_commands.book_due, merchant_id=merchant_id, now=now)):
                break
        effects.sweep_holds(runtime, merchant_id)

    def _prune(self, merchant_id: MerchantId) -> None:
        now = self._runtime.clock()
        for subject in (inbox, mail, proofs):
            run_tx(self._runtime.db, partial(subject.prune, merchant_id=merchant_id, now=now))
        shop_care.forget_keys(self._runtime, merchant_id)

    def _daily(self, merchants: list[MerchantId]) -> None:
        runtime = self._runtime
        now = runtime.clock()
        if facts.take_turn(runtime.db, "daily_seals", every=DAILY, now=now):
            for merchant_id in merchants:
                self._seal(merchant_id, now)
        if not runtime.settings.demo and facts.take_turn(runtime.db, "daily_backup", every=DAILY, now=now):
            self._callers.submit(lambda: self._safely("backup", lambda: backup.make_daily(runtime)))

    def _seal(self, merchant_id: MerchantId, now: datetime) -> None:
        """The root goes to the log, and with it off this machine, where logs are shipped."""
        runtime = self._runtime

        def work() -> None:
            made = run_tx(runtime.db, lambda session: seals.seal(session, runtime.vault, merchant_id, now=now))
            if made is not None:
                log.info(
                    "ledger.sealed", merchant_id=merchant_id, number=made.number, root=made.root, proof=made.signature
                )

        self._safely("seal", work)
