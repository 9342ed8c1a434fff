"""A worker that dies: a forked process that is ended without a word, at its n-th point or a moment after it.

Points are where something has just become, or is about to become, durable: each statement of a writer, both sides of each COMMIT,
both sides of each call to the shop. Counting points instead of waiting makes a kill hit the work on any machine.
"""

import gc
import os
import signal
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, NoReturn

import sqlalchemy as sa

from core.db import statements
from core.db.engine import Database, dispose_after_fork
from core.errors import Refused

LONGEST_LIFE_S = 120.0
NEVER = 0


@dataclass
class Life:
    """What came of a worker. `said`: what it told before it died, so what a caller may rely on; `refused`: its answer was a refusal."""

    died: bool = False
    points: list[str] = field(default_factory=list)
    said: list[Any] = field(default_factory=list)
    answer: Any = None
    refused: Refused | None = None


class Worker:
    """The worker's own view of itself, inside the forked process."""

    def __init__(self, line: Connection, dies_at: int, *, at_once: bool) -> None:
        self._line, self._dies_at, self._at_once = line, dies_at, at_once
        self.points: list[str] = []

    def point(self, name: str) -> None:
        self.points.append(name)
        if len(self.points) != self._dies_at:
            return
        if self._at_once:
            os.kill(os.getpid(), signal.SIGKILL)
        self._line.send(("doomed", None))

    def say(self, what: Any) -> None:
        """Acknowledge: whoever hears this may rely on it."""
        self._line.send(("said", what))

    def idle(self) -> None:
        """Nothing is left to do: be killed while waiting."""
        self._line.send(("doomed", None))
        while True:
            time.sleep(1)

    def ask(self, name: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """A call to the shop, which lives in the parent and outlives this worker."""
        self.point(f"before the shop's {name}")
        self._line.send(("asked", (name, arguments, named)))
        result, error = self._line.recv()
        self.point(f"after the shop's {name}")
        if error is not None:
            raise error
        return result

    def watch(self, db: Database) -> None:
        """Make points of this database's statements and commits. Only in this process: its parent keeps its engines as they were."""

        def before(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            self.point(" ".join(statement.split()[:3]))

        sa.event.listen(db.write_engine, "before_cursor_execute", before)
        dialect = db.write_engine.dialect
        execute = statements._execute

        def execute_watched(of: Any, raw: Any, text: str, values: list[Any]) -> Any:
            if of is dialect:
                self.point(" ".join(text.split()[:3]))
            return execute(of, raw, text, values)

        statements._execute = execute_watched
        commit = dialect.do_commit

        def do_commit(connection: Any) -> None:
            self.point("before COMMIT")
            commit(connection)
            self.point("after COMMIT")

        dialect.do_commit = do_commit  # type: ignore[method-assign]


class RemoteShop:
    """The parent's shop, seen from the worker: every port of it is a call over the line."""

    def __init__(self, shop: Any, worker: Worker) -> None:
        self.capabilities, self.platform = shop.capabilities, shop.platform
        self._worker = worker

    @property
    def orders(self) -> "RemoteShop":
        return self

    customers = discounts = webhooks = installer = orders

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *arguments, **named: self._worker.ask(name, arguments, named)


def live(
    db: Database,
    work: Callable[[Worker], Any],
    *,
    dies_at: int = NEVER,
    moment_after: float | None = None,
    shop: Any = None,
    at_birth: Callable[[int], None] | None = None,
) -> Life:
    """Fork a worker and see it through to its end. It dies exactly at a point, or `moment_after` it, wherever it is by then.

    `at_birth` gets its process id before it begins to work.
    """
    ours, its = Pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of the shop stay behind, and nobody needs them
        child = os.fork()
    if child == 0:
        ours.close()
        _be_the_worker(db, work, Worker(its, dies_at, at_once=moment_after is None))
    its.close()
    life = Life()
    try:
        if at_birth is not None:
            at_birth(child)
        ours.send("go")
        _serve(ours, life, shop, moment_after or 0.0)
    finally:
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        ours.close()
    life.died = os.WIFSIGNALED(status)
    assert life.died or os.WEXITSTATUS(status) == 0, f"the worker ended by itself: {life.answer}"
    return life


def _serve(line: Connection, life: Life, shop: Any, moment: float) -> None:
    """Answer the worker until it has gone, or its moment has come."""
    until = time.monotonic() + LONGEST_LIFE_S
    while line.poll(max(0.0, until - time.monotonic())):
        try:
            kind, content = line.recv()
        except EOFError:
            return
        if kind == "doomed":
            until = time.monotonic() + moment
        elif kind == "said":
            life.said.append(content)
        elif kind == "asked":
            _answer(line, shop, *content)
        else:
            life.points, life.answer, life.refused = content
            if kind == "broke":
                raise AssertionError(f"the worker raised:\n{life.answer}")


def _answer(line: Connection, shop: Any, name: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
    try:
        reply = (getattr(shop, name)(*arguments, **named), None)
    except Exception as error:
        reply = (None, error)
    try:
        line.send(reply)
    except (BrokenPipeError, ConnectionResetError):
        return  # it died while it asked; the shop did it nevertheless


def _be_the_worker(db: Database, work: Callable[[Worker], Any], worker: Worker) -> NoReturn:
    try:
        gc.disable()  # it would touch, and so copy, every page of the parent for the sake of a short life
        dispose_after_fork(db)
        worker.watch(db)
        worker._line.recv()
        try:
            worker._line.send(("ended", (worker.points, work(worker), None)))
        except Refused as refused:
            worker._line.send(("ended", (worker.points, None, refused)))
        except BaseException:
            worker._line.send(("broke", (worker.points, traceback.format_exc(), None)))
        os._exit(0)
    finally:
        os._exit(1)
