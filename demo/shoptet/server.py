"""Starts a fake Shoptet on loopback, in a thread or in the foreground."""

import logging
import threading
import time
from dataclasses import dataclass
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from demo.shop.store import Clock
from demo.shoptet.addon import AddonConfig
from demo.shoptet.deliveries import Pace
from demo.shoptet.fake_shop import FakeShoptet

__all__ = ["AddonConfig", "FakeShoptet", "RunningShoptet", "run", "start_in_thread"]


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log(self, type: str, message: str, *args: object) -> None:
        """Nothing: a demo's terminal should show its address, not its traffic."""


@dataclass
class RunningShoptet:
    """A fake Shoptet that answers at `url` until `stop()`."""

    url: str
    shop: FakeShoptet
    _server: BaseWSGIServer
    _thread: threading.Thread

    def stop(self) -> None:
        self.shop.stop()
        self._server.shutdown()
        self._thread.join(timeout=5)
        self._server.server_close()


def start_in_thread(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    addon: AddonConfig | None = None,
    order_count: int = 400,
    customer_count: int = 60,
    seed: int = 1,
    clock: Clock = time.time,
    pace: Pace = "manual",
    **more: Any,
) -> RunningShoptet:
    """A shop of its own on a free port. `more`: what else FakeShoptet takes."""
    shop = FakeShoptet(
        addon=addon, order_count=order_count, customer_count=customer_count, seed=seed, clock=clock, pace=pace, **more
    )
    server = make_server(host, port, shop.app, threaded=True, request_handler=_Quiet)
    shop.site.url = f"http://{host}:{server.server_port}"
    shop.deliveries.start()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="shoptet", daemon=True)
    thread.start()
    return RunningShoptet(shop.site.url, shop, server, thread)


def run(host: str = "127.0.0.1", port: int = 0, *, orders: int = 400, seed: int = 1) -> None:
    """Serve until interrupted, with webhooks a second after each event."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = start_in_thread(host, port, order_count=orders, seed=seed, pace=1.0)
    print(f"The fake Shoptet is open at {running.url} (admin: {running.url}/admin)", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        running.stop()
