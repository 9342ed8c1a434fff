"""The outer server process: granian, which keeps one serving process alive. It stays small: it imports nothing of ours.

What happens before (prepare.py) is a process that comes and goes; what serves (process.py) is granian's child.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from core.errors import ConfigurationError

THREADS = 16
PORTS_TRIED = 50
GRACE_S = 10


def serve(*, host: str, port: int, log_file: Path | None = None) -> int:
    """Serve until interrupted, with the settings of the environment. Returns the exit code.

    Raises ConfigurationError for a port that is taken.
    """
    check_port(host, port)
    url = address(host, port)
    prepared = subprocess.run([sys.executable, "-m", "app.prepare", url], check=False)  # noqa: S603
    if prepared.returncode != 0:
        return prepared.returncode
    load = partial(load_application, url, log_file)
    try:
        from granian.server import Server
    except ImportError:
        return _serve_with_waitress(url, log_file, host=host, port=port)
    server: Any = Server(
        target="app.serving:load_application",
        address=host,
        port=port,
        interface="wsgi",  # type: ignore[arg-type]
        workers=1,
        blocking_threads=THREADS,
        websockets=False,
        log_enabled=False,
        respawn_failed_workers=True,
        workers_kill_timeout=GRACE_S,
    )
    server.serve(target_loader=load, wrap_loader=False)
    return 0


def load_application(url: str, log_file: Path | None = None) -> Callable[..., Any]:
    """Runs in the serving process: everything heavy is imported there and only there."""
    from app import process

    return process.make_application(url, parent=os.getppid(), log_file=log_file)


def address(host: str, port: int) -> str:
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104  (compared, not bound)
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def is_free(host: str, port: int) -> bool:
    """Whether nobody listens there. The server shares its port by SO_REUSEPORT, so it would not notice by itself."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def check_port(host: str, port: int) -> None:
    if not is_free(host, port):
        raise ConfigurationError(f"Port {port} is taken: choose another with --port")


def free_port(host: str, wanted: int) -> int:
    """The wanted port or the next free one. Raises ConfigurationError."""
    for port in range(wanted, wanted + PORTS_TRIED):
        if is_free(host, port):
            return port
    raise ConfigurationError(f"No port is free from {wanted} to {wanted + PORTS_TRIED - 1}")


def _serve_with_waitress(url: str, log_file: Path | None, *, host: str, port: int) -> int:
    """Where granian cannot be installed: slower, and in this very process."""
    import waitress

    from app import process

    waitress.serve(process.make_application(url, log_file=log_file), host=host, port=port, threads=THREADS, ident=None)
    return 0
