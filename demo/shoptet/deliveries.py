"""The queue of webhook deliveries: in no order that could be relied on, three attempts in all, 15 minutes apart."""

import random
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import requests

from demo.shop.store import Event
from demo.shoptet.entities import Notification
from demo.shoptet.site import Site
from demo.shoptet.webhooks import LIFECYCLE, Told, notification

Pace = Literal["manual"] | float

CONNECT_S, ANSWER_S = 1.0, 4.0
ATTEMPTS = 3
RETRY_S = 900
KEPT = 500


@dataclass(frozen=True, slots=True)
class Delivery:
    """What was sent. `status` 0: nobody answered in time; -1: lost by a fault switch. `final`: it will not be tried again."""

    event: str
    status: int
    body: str
    headers: dict[str, str]
    url: str
    at: float
    final: bool


class Deliveries:
    """Collects notifications from the shop's events; `run` delivers what is due."""

    def __init__(self, site: Site, pace: Pace = "manual") -> None:
        self.site = site
        self.pace = pace
        self.sent: deque[Delivery] = deque(maxlen=KEPT)
        # What else has to be done at each turn of the pace.
        self.before_run: Callable[[], None] = lambda: None
        self._told = Told(site)
        self._queue: list[Notification] = []
        self._first: dict[tuple[str, str], Notification] = {}
        self._running = threading.Lock()
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._random = random.Random(site.store.seed)

    def note(self, event: Event) -> None:
        """Queue what the addon is told of an event of the books."""
        told = self._told.of(event)
        if told is not None:
            self.announce(*told)

    def announce(self, event: str, instance: str | int) -> None:
        """Queue one event, if the addon is installed and not paused, and has a webhook for it."""
        if not self.site.installed or self.site.suspended:
            return
        with self.site.store.lock:
            for each in list(self.site.webhooks.values()):
                if each.event == event:
                    self._put(notification(self.site, each.id, each.url, event, instance))

    def announce_lifecycle(self, event: str) -> None:
        """To the address in the partner's admin. The shop's number is text in one of the four, a number in the others."""
        url = self.site.addon.lifecycle_url
        if event not in LIFECYCLE or not url:
            return
        number = self.site.eshop_id
        self._put(notification(self.site, 0, url, event, str(number) if event == "addon:uninstall" else number))

    def waiting(self) -> int:
        return len(self._queue)

    def take_pending(self) -> list[Notification]:
        """What waits, for somebody who delivers it by ways of their own."""
        with self.site.store.lock:
            taken, self._queue = self._queue, []
        return taken

    def drop_pending(self) -> int:
        """Lose what waits, as a platform that was down may. Answers how many."""
        return len(self.take_pending())

    def run(self, *, early: bool = False) -> list[Delivery]:
        """Deliver what is due, and what the fault switches add. `early`: retries, too, whose time has not come."""
        self.before_run()
        with self._running:
            now = self.site.store.clock()
            with self.site.store.lock:
                due = [each for each in self._queue if early or each.due <= now]
                self._queue = [each for each in self._queue if each not in due]
            if self.site.faults.shuffle:
                self._random.shuffle(due)
            done = [delivery for each in due for delivery in self._deliver(each)]
            if self.site.faults.stale_last:
                stale = [self._first[each.event, str(each.instance)] for each in due]
                done += [self._record(each, each.body, self._post(each, each.body), final=True) for each in stale]
            self.sent.extend(done)
            return done

    def start(self) -> None:
        threading.Thread(target=self._loop, name="deliveries", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()
        self._wake.set()

    def wake(self) -> None:
        self._wake.set()

    def _put(self, made: Notification) -> None:
        with self.site.store.lock:
            self._queue.append(made)
            self._first.setdefault((made.event, str(made.instance)), made)
            if made.webhook_id:
                self.site.notifications.append(made)
        self._wake.set()

    def _loop(self) -> None:
        while not self._stopped.is_set():
            self._wake.wait(timeout=5)
            self._wake.clear()
            if not self._stopped.is_set() and not isinstance(self.pace, str):
                self._stopped.wait(float(self.pace))
                self.run()

    def _deliver(self, made: Notification) -> list[Delivery]:
        faults = self.site.faults
        if faults.delay_s:
            self._stopped.wait(faults.delay_s)
        if faults.drop_rate and self._random.random() < faults.drop_rate:
            return [self._record(made, made.body, -1, final=True)]
        sent = made.body[: len(made.body) // 2] if faults.truncated else made.body
        done = [self._try(made, sent)]
        copies = 2 if faults.triple else int(faults.duplicate)
        done += [self._record(made, sent, self._post(made, sent), final=True) for _ in range(copies)]
        if faults.forged:
            changed = made.body.replace(b'"eventInstance":"', b'"eventInstance":"9', 1) + b" "
            done.append(self._record(made, changed, self._post(made, changed), final=True))
        return done

    def _try(self, made: Notification, body: bytes) -> Delivery:
        status = self._post(made, body)
        made.attempts += 1
        made.attempted_at = self.site.store.now()
        made.status = "success" if status == 200 else "failed"
        made.active = status != 200 and made.attempts < ATTEMPTS
        if made.active:
            made.due = self.site.store.clock() + RETRY_S
            with self.site.store.lock:
                self._queue.append(made)
        return self._record(made, body, status, final=not made.active)

    def _post(self, made: Notification, body: bytes) -> int:
        with requests.Session() as session:
            session.trust_env = False
            try:
                answer = session.post(
                    made.url, data=body, headers=made.headers, timeout=(CONNECT_S, ANSWER_S), allow_redirects=False
                )
            except requests.RequestException:
                return 0
            return answer.status_code

    def _record(self, made: Notification, body: bytes, status: int, *, final: bool) -> Delivery:
        shown = body.decode(errors="replace")
        return Delivery(made.event, status, shown, made.headers, made.url, self.site.now(), final)
