"""The queue of webhook deliveries: in no order that could be relied on, tried nine times in all over four hours."""

import random
import threading
from collections import deque
from dataclasses import dataclass
from typing import Any, Literal

import requests

from demo.shop.store import Event
from demo.shopify import webhooks
from demo.shopify.site import Site
from demo.shopify.webhooks import Job

Pace = Literal["manual"] | float

CONNECT_S, ANSWER_S = 1.0, 5.0
RETRIES = 8
# Waits before each retry; four hours in all.
BACKOFF_S = (10, 60, 300, 600, 1200, 2400, 3600, 6230)
KEPT = 500
COMPLIANCE = frozenset({"customers/data_request", "customers/redact", "shop/redact"})


@dataclass(frozen=True, slots=True)
class Delivery:
    """What was sent. `status` 0: nobody answered in time; -1: lost by a fault switch. `final`: it will not be tried again."""

    topic: str
    status: int
    body: str
    headers: dict[str, str]
    at: float
    final: bool


class Deliveries:
    """Collects jobs from the shop's events; `run` delivers what is due."""

    def __init__(self, site: Site, pace: Pace = "manual") -> None:
        self.site = site
        self.pace = pace
        self.sent: deque[Delivery] = deque(maxlen=KEPT)
        self._queue: list[Job] = []
        self._first: dict[tuple[str, str], Job] = {}
        self._running = threading.Lock()
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._random = random.Random(site.store.seed)

    def note(self, event: Event) -> None:
        """Write down, now, what will be told about an event."""
        if not self._wanted():
            return
        for topic, body in webhooks.told(self.site, event):
            self.announce(topic, body)

    def announce(self, topic: str, body: dict[str, Any]) -> None:
        """Queue one delivery, if the app subscribed to the topic and is installed (or was, until just now)."""
        if topic not in self.site.app.topics or not self.site.app.webhook_url:
            return
        if not self.site.installed and topic not in COMPLIANCE | {"app/uninstalled"}:
            return
        job = webhooks.job(self.site, topic, body)
        with self.site.store.lock:
            self._queue.append(job)
            self._first.setdefault((topic, job.subject), job)
        self._wake.set()

    def waiting(self) -> int:
        return len(self._queue)

    def take_pending(self) -> list[Job]:
        """Take what waits out of the queue: somebody else delivers it."""
        with self.site.store.lock:
            taken, self._queue = self._queue, []
        return taken

    def drop_pending(self) -> int:
        """Lose what waits, as a platform that was down may. Answers how many."""
        return len(self.take_pending())

    def run(self, *, early: bool = False) -> list[Delivery]:
        """Deliver what is due, and what the fault switches add. `early`: retries, too, whose time has not come."""
        with self._running:
            now = self.site.now()
            with self.site.store.lock:
                jobs = [job for job in self._queue if early or job.due <= now]
                self._queue = [job for job in self._queue if job not in jobs]
            if self.site.faults.shuffle:
                self._random.shuffle(jobs)
            done = [delivery for job in jobs for delivery in self._deliver(job)]
            if self.site.faults.stale_last:
                stale = (self._first.get((job.topic, job.subject)) for job in jobs)
                done += [self._send(job, job.body) for job in stale if job is not None]
            self.sent.extend(done)
            return done

    def start(self) -> None:
        threading.Thread(target=self._loop, name="deliveries", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()
        self._wake.set()

    def _wanted(self) -> bool:
        return self.site.installed and bool(self.site.app.webhook_url)

    def _loop(self) -> None:
        while not self._stopped.is_set():
            self._wake.wait(timeout=5)
            self._wake.clear()
            if not self._stopped.is_set() and not isinstance(self.pace, str):
                self._stopped.wait(float(self.pace))
                self.run()

    def _deliver(self, job: Job) -> list[Delivery]:
        faults = self.site.faults
        if faults.delay_s:
            self._stopped.wait(faults.delay_s)
        if faults.drop_rate and self._random.random() < faults.drop_rate:
            return [self._record(job, job.body, -1, final=True)]
        sent = job.body[: len(job.body) // 2] if faults.truncated else job.body
        done = [self._try(job, sent)]
        if faults.duplicate:
            done.append(self._send(job, sent))
        if faults.forged:
            done.append(self._send(job, job.body.replace(b'"id":', b'"id":9', 1) + b" "))
        return done

    def _try(self, job: Job, body: bytes) -> Delivery:
        status = self._post(job, body)
        failed = not 200 <= status < 300
        again = failed and job.tries < RETRIES
        if again:
            job.due = self.site.now() + BACKOFF_S[job.tries]
            job.tries += 1
            with self.site.store.lock:
                self._queue.append(job)
        return self._record(job, body, status, final=not again)

    def _send(self, job: Job, body: bytes) -> Delivery:
        return self._record(job, body, self._post(job, body), final=True)

    def _post(self, job: Job, body: bytes) -> int:
        with requests.Session() as session:
            session.trust_env = False
            try:
                answer = session.post(
                    self.site.app.webhook_url, data=body, headers=job.headers, timeout=(CONNECT_S, ANSWER_S),
                    allow_redirects=False,
                )  # fmt: skip
            except requests.RequestException:
                return 0
            return answer.status_code

    def _record(self, job: Job, body: bytes, status: int, *, final: bool) -> Delivery:
        return Delivery(job.topic, status, body.decode(errors="replace"), job.headers, self.site.now(), final)
