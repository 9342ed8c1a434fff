"""Group commit: many short writes of one process share a transaction, and each caller waits until its own is on disk.

On SQLite every commit is an fsync and writers queue; one thread that commits what has gathered gives ten times the
throughput on a slow disk (stack.md), and nobody is answered before the commit.
"""

import queue
import threading
from concurrent.futures import Future

from core.db.engine import Database, run_tx
from core.queue import inbox
from core.queue.inbox import Arrival

LARGEST_GROUP = 256


class GroupWriter:
    """Stores arrivals through one thread; who writes waits until the row is durable."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: queue.SimpleQueue[tuple[Arrival, Future[str]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._start = threading.Lock()

    def write(self, arrival: Arrival, *, timeout_s: float = 30) -> str:
        """The id of the stored row; raises what the database raised. The thread starts with the first call: a forked
        child has one of its own."""
        with self._start:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="intake-writer", daemon=True)
                self._thread.start()
        done: Future[str] = Future()
        self._waiting.put((arrival, done))
        return done.result(timeout=timeout_s)

    def close(self) -> None:
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join(timeout=10)

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            group = [first]
            closing = False
            while len(group) < LARGEST_GROUP and not self._waiting.empty():
                following = self._waiting.get()
                if following is None:
                    closing = True
                    break
                group.append(following)
            self._commit(group)
            if closing:
                return

    def _commit(self, group: list[tuple[Arrival, Future[str]]]) -> None:
        arrivals = [arrival for arrival, _ in group]
        try:
            ids = run_tx(self._db, lambda session: inbox.store(session, arrivals))
        except Exception as error:
            # One bad row must not refuse its neighbours: each alone, then.
            if len(group) == 1:
                group[0][1].set_exception(error)
                return
            for one in group:
                self._commit([one])
            return
        for (_, done), inbox_id in zip(group, ids, strict=True):
            done.set_result(inbox_id)
