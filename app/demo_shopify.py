"""The fake Shopify: our app is registered and deployed there, the merchant installs it and opens it in the shop's admin."""

import html
import re

import requests

from app.demo_world import FAVOURITE, STEP_S, Door, World, wait_for
from connectors import registry
from core.db.engine import reading, run_tx
from core.errors import ConfigurationError
from core.merchants import apps
from core.merchants import queries as merchant_queries
from core.merchants.queries import ShopView
from core.ports import Platform

PLATFORM = Platform.SHOPIFY
# What the fake Shopify gives to whoever registers an app there (demo/shopify/app_config.py).
CLIENT_ID, SECRET = "0123456789abcdef0123456789abcdef", "shpss_0123456789abcdef0123456789abcdef"
ADMIN = "/admin/apps/regulars"
_FRAME = re.compile(r'<iframe[^>]*\ssrc="([^"]+)"')


def connect(world: World) -> ShopView:
    """Register the app at our end, deploy it at the platform's, install it, and open it as the merchant does."""
    runtime = world.runtime
    app = run_tx(
        runtime.db,
        lambda session: apps.add_app(
            session,
            runtime.vault,
            world.merchant_id,
            platform=PLATFORM,
            client_id=CLIENT_ID,
            secret=SECRET,
            origin=world.shop_url,
            now=runtime.clock(),
        ),
    )
    archive = registry.app_package(PLATFORM).zip_for(
        server_url=world.server_url, app_key=app.app.app_key, client_id=CLIENT_ID
    )
    _done(requests.post(f"{world.shop_url}/demo/deploy", data=archive, timeout=STEP_S), "deploy the app")
    # Without read_all_orders a shop shows two months of its past; a demo should show the year.
    everything = {"scope": "read_all_orders"}
    _done(world.owner.post(f"{world.shop_url}/admin/install", data=everything, timeout=STEP_S), "install the app")
    page = _done(world.owner.get(f"{world.shop_url}{ADMIN}", timeout=STEP_S), "show the app")
    frame = _FRAME.search(page.text)
    if frame is None:
        raise ConfigurationError("The shop's admin shows no app")
    _done(requests.get(html.unescape(frame.group(1)), timeout=STEP_S), "open the app")
    with reading(runtime.db) as session:
        shops = merchant_queries.shops(session, world.merchant_id)
    if not shops:
        raise ConfigurationError("The shop is not connected after its app was opened")
    return shops[0]


def finish(world: World, shop: ShopView) -> None:
    """Nothing: what we ship into the shop came with the app."""


def wait_for_webhooks(world: World) -> None:
    """They stand in the app's configuration."""
    wait_for("The app is installed", lambda: world.shop_state()["installed"])


def doors(world: World) -> list[Door]:
    return [
        Door("Shop", f"{world.shop_url}/demo/sign-in/{FAVOURITE}?next=/", "signed in as Anna, a regular customer"),
        Door("Shop admin", f"{world.shop_url}{ADMIN}", "the merchant's: our app inside it, orders and refunds"),
    ]


def _done(answer: requests.Response, what: str) -> requests.Response:
    if answer.status_code >= 400:
        raise ConfigurationError(f"The fake Shopify could not {what} (it answered {answer.status_code})")
    return answer
