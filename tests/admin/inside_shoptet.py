"""The back office inside the Shoptet admin: a desk with an addon, a fake Shoptet, our whole server on a port that it can call."""

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from sqlmodel import Session
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from app.factory import create_app
from connectors import registry
from connectors.registry import AddressPolicy
from core.db.engine import Database
from core.ids import MerchantId
from core.merchants import apps, staff
from core.merchants.apps import AppView
from core.merchants.queries import ShopView
from core.merchants.staff import StaffView
from core.ports import Connector, Installation, Platform
from core.work import addons
from demo.shoptet.server import AddonConfig, RunningShoptet, start_in_thread
from tests.admin.desk import Desk, make_desk

CLIENT_ID, SECRET = "b4f1c20d9e7a6358", "shoasecret_of_this_test_0123456789abcdef0123456789"
POLICY = AddressPolicy(allow_loopback=True)


@dataclass
class InsideShoptet:
    desk: Desk
    running: RunningShoptet
    app: AppView
    address: str

    @property
    def client(self) -> FlaskClient:
        return self.desk.app.test_client()

    @property
    def root(self) -> str:
        return f"/admin/app/{self.app.app.app_key}"

    @property
    def eshop_id(self) -> str:
        return str(self.running.shop.site.eshop_id)

    def query(self, **changes: str) -> dict[str, str]:
        """What Shoptet opens the settings with."""
        return {"code": self.running.shop.login_code(), "shop": self.eshop_id, "language": "en", **changes}

    def document(self, query: Mapping[str, str] | None = None, path: str = "/", **more: Any) -> TestResponse:
        return self.client.get(self.root + path, query_string=dict(self.query() if query is None else query), **more)

    def open(self, **changes: str) -> str:
        """Open the settings; the bearer of the page."""
        answer = self.document(self.query(**changes))
        assert answer.status_code == 200, f"{answer.status_code} {answer.text[:2000]}"
        return bearer_of(answer)

    def fetch(self, path: str, bearer: str, *, method: str = "GET", **fields: Any) -> TestResponse:
        """As our own script sends what the page fetches."""
        headers = {"Authorization": f"Bearer {bearer}"}
        data = fields if method == "POST" else None
        return self.client.open(self.root + path, method=method, headers=headers, data=data)

    def install(self) -> None:
        """The merchant installs the addon, and the worker ties the shop."""
        assert self.running.shop.install()
        assert addons.connect_next(self.desk.world.runtime, self.desk.world.merchant_id)

    def shop(self) -> ShopView | None:
        found: ShopView | None = self.desk.world.tx(lambda s: apps.shop_by_platform_id(s, self.app, self.eshop_id))
        return found

    def people(self) -> list[StaffView]:
        everybody = self.desk.world.tx(lambda s: staff.staff_list(s, self.desk.world.merchant_id))
        return [person for person in everybody if person.by_platform]


def bearer_of(answer: TestResponse) -> str:
    found = re.search(r'data-bearer="([^"]+)"', answer.text)
    assert found, answer.text[:2000]
    return found.group(1)


@contextmanager
def inside_shoptet(
    db: Database, folder: Path, *, installed: bool = True, host: str = "127.0.0.1", **terms: Any
) -> Iterator[InsideShoptet]:
    """The addon is installed and its shop connected, unless told otherwise. The fake calls our server, which is on a port.

    `host`: another name of this machine is another site for a browser.
    """
    plain = make_desk(db, folder, **terms)
    world = plain.world

    def connect(installation: Installation) -> Connector:
        if installation.platform is Platform.SHOPTET:
            return registry.connect(installation, policy=POLICY)
        found: Any = world.shop
        return found

    def addon_platform(which: Platform) -> Any:
        return registry.addon_platform(which, policy=POLICY)

    there: list[str] = []
    world.runtime = replace(
        world.runtime,
        connect=connect,
        addon_platform=addon_platform,
        capabilities=registry.capabilities,
        public_url=lambda: there[0] if there else "https://loyalty.example",
        settings=world.runtime.settings.model_copy(update={"allow_loopback": True}),
    )
    desk = Desk(world, create_app(world.runtime, wake=lambda: plain.woken.append(True)), plain.woken)
    desk.app.testing = True
    server = make_server("127.0.0.1", 0, desk.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    there.append(f"http://{host}:{server.server_port}")
    running = start_in_thread(order_count=3, customer_count=3, clock=lambda: world.now.timestamp())
    app = add_addon(desk, origin=running.url)
    page = f"{there[0]}/admin/app/{app.app.app_key}"
    running.shop.site.addon = AddonConfig(
        client_id=CLIENT_ID,
        client_secret=SECRET,
        install_url=f"{there[0]}/install/shoptet/{app.app.app_key}",
        settings_url=f"{page}?code=#OAUTH_CODE#&shop=#SHOP_ID#&language=#LANGUAGE#",
        login_url=page,
    )
    inside = InsideShoptet(desk, running, app, there[0])
    try:
        if installed:
            inside.install()
        yield inside
    finally:
        running.stop()
        server.shutdown()
        thread.join()
        server.server_close()


def add_addon(
    desk: Desk,
    *,
    client_id: str = CLIENT_ID,
    secret: str = SECRET,
    origin: str | None = None,
    merchant_id: MerchantId | None = None,
) -> AppView:
    world = desk.world

    def add(session: Session) -> AppView:
        return apps.add_app(
            session,
            world.runtime.vault,
            merchant_id or world.merchant_id,
            platform=Platform.SHOPTET,
            client_id=client_id,
            secret=secret,
            origin=origin,
            home_url=origin or "https://partner.myshoptet.com",
            now=world.now,
        )

    found: AppView = world.tx(add)
    return found
