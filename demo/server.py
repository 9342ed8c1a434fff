"""Starts a demo shop on loopback: in a thread for tests, in the foreground for people. Here platforms are chosen."""

import logging
import threading
import time
from dataclasses import dataclass

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from demo.shop.store import Clock
from demo.woocommerce.deliveries import Pace
from demo.woocommerce.demo_shop import DemoShop

__all__ = ["DemoShop", "RunningShop", "run", "start_in_thread"]


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log(self, type: str, message: str, *args: object) -> None:
        """Nothing: a demo's terminal should show its address, not its traffic."""


@dataclass
class RunningShop:
    """A shop that answers at `url` until `stop()`."""

    url: str
    shop: DemoShop
    _server: BaseWSGIServer
    _thread: threading.Thread

    def stop(self) -> None:
        self.shop.deliveries.stop()
        self._server.shutdown()
        self._thread.join(timeout=5)
        self._server.server_close()


def start_in_thread(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    version: str = "11.0.1",
    order_count: int = 400,
    customer_count: int = 60,
    seed: int = 1,
    clock: Clock = time.time,
    tls: bool = False,
    pace: Pace = "manual",
    plugin: bool = True,
) -> RunningShop:
    """A shop of its own on a free port. `tls=True`: calls count as https although they come over plain http."""
    shop = DemoShop(
        version=version, order_count=order_count, customer_count=customer_count, seed=seed, clock=clock, tls=tls,
        pace=pace, plugin=plugin,
    )  # fmt: skip
    server = make_server(host, port, shop.app, threaded=True, request_handler=_Quiet)
    shop.site.home_url = f"http://{host}:{server.server_port}"
    shop.deliveries.start()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="shop", daemon=True)
    thread.start()
    return RunningShop(shop.site.home_url, shop, server, thread)


def run(host: str = "127.0.0.1", port: int = 0, *, version: str = "11.0.1", orders: int = 400, seed: int = 1) -> None:
    """Serve until interrupted, with webhooks at the pace of a real shop."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = start_in_thread(host, port, version=version, order_count=orders, seed=seed, pace="cron")
    print(f"The demo shop is open at {running.url} (back office: {running.url}/wp-admin/)", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        running.stop()
