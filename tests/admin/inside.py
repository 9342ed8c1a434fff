"""The back office inside the Shopify admin: a desk with an app, a fake Shopify that has it, and requests as App Bridge makes them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jwt
from flask.testing import FlaskClient
from sqlmodel import Session
from werkzeug.test import TestResponse

from app.factory import create_app
from connectors import registry
from connectors.registry import AddressPolicy
from core.db.engine import Database
from core.ids import MerchantId
from core.merchants import apps, queries, staff
from core.merchants.apps import AppView
from core.merchants.queries import ShopView
from core.merchants.staff import StaffView
from core.ports import Connector, Installation, Platform
from demo.shopify.server import AppConfig, RunningShopify, start_in_thread
from tests.admin.desk import Desk, make_desk

CLIENT_ID = "0123456789abcdef0123456789abcdef"
SECRET = "shpss_of_this_test_0123456789abcdef"
STALE = "X-Shopify-Retry-Invalid-Session-Request"
POLICY = AddressPolicy(allow_loopback=True)


@dataclass
class Inside:
    desk: Desk
    running: RunningShopify
    app: AppView

    @property
    def client(self) -> FlaskClient:
        return self.desk.app.test_client()

    @property
    def root(self) -> str:
        return f"/admin/app/{self.app.app.app_key}"

    @property
    def base_url(self) -> str:
        return f"https://{self.running.shop.domain}"

    def token(self, **claims: Any) -> str:
        return self.running.shop.session_token(**claims)

    def document(self, path: str = "", query: Mapping[str, str] | None = None) -> TestResponse:
        """As the Shopify admin opens a page of ours."""
        return self.client.get(self.root + path, query_string=dict(query or self.running.shop.launch_query()))

    def fetch(self, path: str, *, method: str = "GET", token: str | None = None, **fields: Any) -> TestResponse:
        """As App Bridge sends what the page fetches."""
        headers = {"Authorization": f"Bearer {self.token() if token is None else token}"}
        data = fields if method == "POST" else None
        return self.client.open(self.root + path, method=method, headers=headers, data=data)

    def post(self, path: str, **fields: Any) -> TestResponse:
        return self.fetch(path, method="POST", **fields)

    def open(self) -> str:
        """Open the app, which connects the shop the first time."""
        answer = self.document()
        assert answer.status_code == 200, f"{answer.status_code} {answer.location} {answer.text[:2000]}"
        return str(answer.text)

    def shop(self) -> ShopView | None:
        found: ShopView | None = self.desk.world.tx(lambda s: apps.shop_of(s, self.app, self.base_url))
        return found

    def people(self) -> list[StaffView]:
        """Those whom the platform vouches for."""
        everybody = self.desk.world.tx(lambda s: staff.staff_list(s, self.desk.world.merchant_id))
        return [person for person in everybody if person.by_platform]

    def installation(self) -> Installation:
        shop = self.shop()
        assert shop is not None
        world = self.desk.world
        found: Installation = world.tx(
            lambda s: queries.installation(s, world.runtime.vault, world.merchant_id, shop.shop_id)
        )
        return found


def make_inside(db: Database, folder: Path, **terms: Any) -> Inside:
    """The app is installed at Shopify and was never opened. Stop `running` at the end."""
    plain = make_desk(db, folder, **terms)
    world = plain.world

    def connect(installation: Installation) -> Connector:
        if installation.platform is Platform.SHOPIFY:
            return registry.connect(installation, policy=POLICY)
        found: Any = world.shop
        return found

    def platform(which: Platform) -> Any:
        return registry.app_platform(which, policy=POLICY)

    world.runtime = replace(world.runtime, connect=connect, app_platform=platform)
    config = AppConfig(client_id=CLIENT_ID, secrets=(SECRET,))
    running = start_in_thread(app=config, order_count=3, customer_count=3, clock=lambda: world.now.timestamp())
    running.shop.install()
    desk = Desk(world, create_app(world.runtime, wake=lambda: plain.woken.append(True)), plain.woken)
    desk.app.testing = True
    return Inside(desk, running, add_app(desk, origin=running.url))


def add_app(
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
            platform=Platform.SHOPIFY,
            client_id=client_id,
            secret=secret,
            origin=origin,
            now=world.now,
        )

    found: AppView = world.tx(add)
    return found


def policy(answer: TestResponse) -> str:
    """The Content-Security-Policy of an answer."""
    return str(answer.headers["Content-Security-Policy"])


def by_hand(inside: Inside, *, secret: str = SECRET, **changes: object) -> str:
    """A session token as Shopify makes them, without the fake's help."""
    now = int(inside.desk.world.now.timestamp())
    domain = inside.running.shop.domain
    claims = {
        "iss": f"https://{domain}/admin", "dest": f"https://{domain}", "aud": CLIENT_ID, "sub": "42", "sid": "s1", "jti": "j1",
        "iat": now, "nbf": now, "exp": now + 60,
    }  # fmt: skip
    return jwt.encode({**claims, **changes}, secret, algorithm="HS256")
