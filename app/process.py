"""The processes that work: the one that serves requests with the worker beside it, and one that only works."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from app import clock_guard, lock, start
from app.factory import create_app
from app.logs import set_up_logs
from app.schedule import HEARTBEAT_S
from app.wake import Wake
from app.wiring import make_runtime
from app.worker import Worker
from core.runtime import Runtime
from core.settings import Settings, load_settings


def make_application(url: str, *, parent: int | None = None, log_file: Path | None = None) -> Callable[..., Any]:
    """A WSGI application on the settings of the environment, its worker threads running. It ends with its parent."""
    set_up_logs(file=log_file)
    if parent is not None:
        _end_with(parent)
    settings = load_settings()
    lock.take(settings.data_dir)
    runtime = make_runtime(settings, default_url=url)
    wake = Wake()
    _look_at_the_clock(runtime)
    if "worker" in settings.process_roles:
        Worker(runtime, wake=wake).start()
    else:
        # The beat of a worker listens as well.
        clock_guard.keep_listening(clock_guard.guard_of(runtime.clock), runtime.db, every_s=HEARTBEAT_S)
    return create_app(runtime, wake=wake)


def run_worker(settings: Settings, *, say: Callable[[str], None]) -> None:
    """A process of workers only, beside web processes on PostgreSQL. Ends with SIGTERM or Ctrl-C."""
    with lock.in_use(settings.data_dir):
        start.bring_up_to_date(settings)
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        runtime = make_runtime(settings)
        _look_at_the_clock(runtime)
        say("The worker is running. Ctrl-C ends it.")
        Worker(runtime).run_until(stopping)
        runtime.db.close()


def _look_at_the_clock(runtime: Runtime) -> None:
    """Before many threads ask for the time at once. Where the database is away, the first to find it there looks."""
    with suppress(*start.DATABASE_ERRORS):
        runtime.clock()


def _end_with(parent: int) -> None:
    """When the process that started us dies without a word, we must not go on holding its port."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    if sys.platform != "win32":
        threading.Thread(target=watch, name="parent-watch", daemon=True).start()
