"""The queue of webhook deliveries and when it runs: by hand in tests, lazily as with wp-cron, or after a delay."""

import random
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from demo.shop.store import Event
from demo.woocommerce import webhooks
from demo.woocommerce.site import Site, Webhook
from demo.woocommerce.webhooks import Arg, Job

Pace = Literal["manual", "cron"] | float

# wp-cron runs at most once a minute, and only when somebody visits the shop.
CRON_EVERY_S = 60.0
# Enough for assertions; a demo that runs for days must not grow.
KEPT = 200


@dataclass(frozen=True, slots=True)
class Delivery:
    """What was sent, for tests and the back office. `status` 0: nobody answered; -1: lost by a fault switch."""

    webhook_id: int
    topic: str
    arg: Arg
    status: int
    body: str
    headers: dict[str, str]
    at: float


class Deliveries:
    """Collects jobs from the shop's events; `run` delivers them one after another."""

    def __init__(self, site: Site, pace: Pace = "manual") -> None:
        self.site = site
        self.pace = pace
        self.sent: deque[Delivery] = deque(maxlen=KEPT)
        self.cron_every_s = CRON_EVERY_S
        self._queue: dict[Job, None] = {}
        self._earlier: dict[Job, bytes] = {}
        self._running = threading.Lock()
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._last_cron = 0.0
        self._random = random.Random(site.store.seed)

    def note(self, event: Event) -> None:
        """Queue the deliveries of an event; a job already waiting is not queued twice."""
        with self.site.store.lock:
            for job in webhooks.jobs(self.site, event):
                self._queue.setdefault(job)
        if not isinstance(self.pace, str):
            self._wake.set()

    def waiting(self) -> int:
        return len(self._queue)

    def run(self) -> list[Delivery]:
        """Deliver all that waits, one at a time, and what else the fault switches add."""
        with self._running:
            with self.site.store.lock:
                jobs = list(self._queue)
                self._queue.clear()
            if self.site.faults.shuffle:
                self._random.shuffle(jobs)
            done = [delivery for job in jobs for delivery in self._deliver(job)]
            if self.site.faults.stale_last:
                done += self._replay_stale(jobs)
            self.sent.extend(done)
            return done

    def visit(self) -> None:
        """Somebody opened a page: with pace "cron" that is what moves the queue."""
        if self.pace == "cron" and self._queue:
            self._wake.set()

    def cron(self) -> list[Delivery]:
        """A public call of wp-cron.php: delivers at once, at most one run a minute."""
        now = time.monotonic()
        if self._last_cron and now - self._last_cron < self.cron_every_s:
            return []
        self._last_cron = now
        return self.run()

    def start(self) -> None:
        threading.Thread(target=self._loop, name="deliveries", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()
        self._wake.set()

    def _loop(self) -> None:
        while not self._stopped.is_set():
            self._wake.wait()
            self._wake.clear()
            if self._stopped.is_set() or self.pace == "manual":
                continue
            if self.pace == "cron":
                self._stopped.wait(max(0.0, self._last_cron + self.cron_every_s - time.monotonic()))
                self.cron()
            else:
                self._stopped.wait(float(self.pace))
                self.run()

    def _deliver(self, job: Job) -> list[Delivery]:
        webhook_id, arg = job
        webhook = self.site.webhooks.get(webhook_id)
        if webhook is None or webhook.status != "active":
            return []
        faults = self.site.faults
        if faults.delay_s:
            self._stopped.wait(faults.delay_s)
        body, head = webhooks.build(self.site, webhook, arg)
        self._earlier.setdefault(job, body)
        if faults.drop_rate and self._random.random() < faults.drop_rate:
            return [_record(self.site, webhook, arg, -1, body, head)]
        sent = body[: len(body) // 2] if faults.truncated else body
        done = [self._send(webhook, arg, sent, head)]
        if faults.duplicate:
            done.append(self._send(webhook, arg, sent, head))
        if faults.forged:
            forged = body.replace(b'"id":', b'"id":9', 1).replace(b'"arg":', b'"arg":9', 1)
            done.append(self._send(webhook, arg, forged, head))
        return done

    def _replay_stale(self, jobs: Sequence[Job]) -> list[Delivery]:
        done = []
        for job in jobs:
            webhook = self.site.webhooks.get(job[0])
            body = self._earlier.get(job)
            if webhook is not None and webhook.status == "active" and body is not None:
                done.append(self._send(webhook, job[1], body, webhooks.headers(self.site, webhook, body)))
        return done

    def _send(self, webhook: Webhook, arg: Arg, body: bytes, head: dict[str, str]) -> Delivery:
        status = webhooks.send(self.site, webhook, body, head)
        return _record(self.site, webhook, arg, status, body, head)


def _record(site: Site, webhook: Webhook, arg: Arg, status: int, body: bytes, head: dict[str, str]) -> Delivery:
    return Delivery(webhook.id, webhook.topic, arg, status, body.decode(), head, site.store.clock())
