"""The made-up WooCommerce shop: the owner approves us on the shop's own page, the shop hands over keys, webhooks are
registered by the server, the plugin is paired by a code."""

import html
import re
from urllib.parse import urljoin

from app.demo_world import FAVOURITE, STEP_S, Door, World, wait_for
from connectors import registry
from core.db.engine import reading, run_tx
from core.errors import ConfigurationError
from core.merchants import commands as merchant_commands
from core.merchants import queries as merchant_queries
from core.merchants.queries import ShopView
from core.ports import Platform

PLATFORM = Platform.WOOCOMMERCE
_APPROVE = re.compile(r'href="([^"]*access_granted[^"]*)"')


def connect(world: World) -> ShopView:
    """The one-click way: our page to the shop's, approve there, keys come from server to server."""
    world.owner.get(f"{world.shop_url}/demo/sign-in/owner", params={"next": "/wp-admin/"}, timeout=STEP_S)
    flow = registry.connect_flow(PLATFORM)
    base_url = flow.normal_shop_url(world.shop_url)
    state = run_tx(
        world.runtime.db,
        lambda session: merchant_commands.begin_connect(
            session,
            world.merchant_id,
            platform=PLATFORM,
            base_url=base_url,
            staff_id=world.staff_id,
            now=world.runtime.clock(),
        ),
    )
    address = flow.authorize_url(
        base_url,
        state=state,
        callback_url=f"{world.server_url}/install/{PLATFORM.value}/callback",
        return_url=f"{world.server_url}/install/{PLATFORM.value}/return",
        app_name="Regulars",
    )
    page = world.owner.get(address, timeout=STEP_S)
    found = _APPROVE.search(page.text)
    if found is None:
        raise ConfigurationError(f"The shop did not offer to approve us (it answered {page.status_code})")
    approve = urljoin(page.url, html.unescape(found.group(1)))
    approved = world.owner.get(approve, timeout=STEP_S, allow_redirects=False)
    if approved.status_code not in (302, 303):
        raise ConfigurationError(f"The shop could not hand over its keys (it answered {approved.status_code})")
    with reading(world.runtime.db) as session:
        return merchant_queries.shops(session, world.merchant_id)[0]


def finish(world: World, shop: ShopView) -> None:
    """Pair the plugin: paste what Regulars shows into its page, as the merchant does."""
    code = run_tx(
        world.runtime.db,
        lambda session: merchant_commands.new_pairing_code(
            session, world.merchant_id, shop.shop_id, now=world.runtime.clock()
        ),
    )
    form = {"server_url": world.server_url, "shop_key": shop.shop_key, "pairing_code": code}
    world.owner.post(f"{world.shop_url}/wp-admin/plugin/", data=form, timeout=STEP_S)
    if not world.shop_state()["plugin"]["active"]:
        raise ConfigurationError("The shop's plugin could not be paired")


def wait_for_webhooks(world: World) -> None:
    """The server registers them by itself, as soon as it has looked at the shop."""
    wait_for("The shop has our webhooks", lambda: world.shop_state()["webhooks"])


def doors(world: World) -> list[Door]:
    shop = f"{world.shop_url}/demo/sign-in/{FAVOURITE}?next=/"
    desk = f"{world.shop_url}/demo/sign-in/owner?next=/wp-admin/"
    return [
        Door("Shop", shop, "signed in as Anna, a regular customer"),
        Door("Back office", desk, "the shop's: orders and refunds"),
    ]
