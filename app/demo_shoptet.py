"""The fake Shoptet: our addon is registered at the partner's, the merchant installs it, the worker ties the shop."""

from typing import Any

import requests

from app.demo_world import FAVOURITE, STEP_S, Door, World, wait_for
from core.db.engine import reading, run_tx
from core.errors import ConfigurationError
from core.merchants import apps
from core.merchants import queries as merchant_queries
from core.merchants.apps import AppView
from core.merchants.queries import ShopView
from core.ports import Platform

PLATFORM = Platform.SHOPTET
# What the fake Shoptet gives to whoever registers an addon there (demo/shoptet/addon.py).
CLIENT_ID, SECRET = "ae5d72b8964a08ed", "shoasecret_" + "0123456789abcdef" * 4
ADMIN = "/admin/addon"
OUR_PAGE = "?code=#OAUTH_CODE#&shop=#SHOP_ID#&language=#LANGUAGE#"


def connect(world: World) -> ShopView:
    """Register the addon at our end, write our addresses into its settings, install it as the merchant does."""
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
    settings = f"{world.shop_url}/demo/addon"
    _done(requests.post(settings, json=addresses(world, app), timeout=STEP_S), "take our addresses")
    installed = world.owner.post(f"{world.shop_url}/admin/partner/install", allow_redirects=False, timeout=STEP_S)
    if not _done(installed, "install the addon").headers.get("Location", "").endswith(ADMIN):
        raise ConfigurationError("The fake Shoptet could not install the addon")
    return tied(world)


def addresses(world: World, app: AppView) -> dict[str, Any]:
    """As they stand in an addon's settings at Shoptet."""
    key, page = app.app.app_key, f"{world.server_url}/admin/app/{app.app.app_key}"
    return {
        "install_url": f"{world.server_url}/install/{PLATFORM.value}/{key}",
        "lifecycle_url": f"{world.server_url}/webhooks/{PLATFORM.value}/app/{key}",
        "settings_url": f"{page}{OUR_PAGE}",
        "login_url": page,
    }


def tied(world: World) -> ShopView:
    """The shop, once the worker has asked for its facts."""

    def look() -> ShopView | None:
        with reading(world.runtime.db) as session:
            shops = merchant_queries.shops(session, world.merchant_id)
        return next((shop for shop in shops if shop.connected), None)

    found: ShopView = wait_for("The shop is connected after its addon was installed", look)
    return found


def finish(world: World, shop: ShopView) -> None:
    """Nothing: our lines came onto the shop's pages with the addon."""


def wait_for_webhooks(world: World) -> None:
    """The server registers them, and puts its lines on the shop's pages after that."""
    wait_for("The shop has our webhooks", lambda: world.shop_state()["webhooks"] and world.shop_state()["snippets"])


def doors(world: World) -> list[Door]:
    shop = [
        Door("Shop", f"{world.shop_url}/demo/sign-in/{FAVOURITE}?next=/", "signed in as Anna, a regular customer"),
        Door("Shop admin", f"{world.shop_url}{ADMIN}", "the merchant's: our addon inside it, orders and coupons"),
    ]
    mail = [Door("Mail", world.mail_url, "codes that Anna is sent end here")] if world.mail_url else []
    return [*shop, *mail]


def _done(answer: requests.Response, what: str) -> requests.Response:
    if answer.status_code >= 400:
        raise ConfigurationError(f"The fake Shoptet could not {what} (it answered {answer.status_code})")
    return answer
