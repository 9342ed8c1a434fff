"""The back office in Chromium: accessible on every main page, nothing blocked by its own policy, no page wider than the phone."""

import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page
from werkzeug.serving import BaseWSGIServer, make_server

from core.commerce import Health
from core.db.engine import open_database
from core.merchants import health, staff
from core.merchants.staff import Role
from core.work import backfill
from tests.admin.desk import PASSWORD, Desk, make_desk
from tests.admin.inside import add_app
from tests.admin.inside_shoptet import add_addon

pytestmark = pytest.mark.browser
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass
class Living:
    """A desk on a port, with a member who has seen everything."""

    desk: Desk
    address: str
    paths: dict[str, str] = field(default_factory=dict)
    session: Any = None  # of the one sign-in: more would run into its limit


@pytest.fixture(scope="module")
def living(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    folder = tmp_path_factory.mktemp("admin")
    db = open_database(f"sqlite:///{shutil.copy(sqlite_template, folder / 'regulars.sqlite3')}")
    desk = make_desk(db, folder, window_days=14)
    server: BaseWSGIServer = make_server("127.0.0.1", 0, desk.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    object.__setattr__(desk.world.runtime, "public_url", lambda: address)
    desk.app.config.update(SESSION_COOKIE_SECURE=False, SESSION_COOKIE_NAME="regulars")  # no certificate here
    yield Living(desk, address, fill(desk))
    server.shutdown()
    thread.join()
    db.close()


def fill(desk: Desk) -> dict[str, str]:
    """A refund, codes, an adjustment, a shop with problems: pages that show all they have."""
    world = desk.world
    world.shop.buy(48900, 1000)
    order_id = world.settle("1001")
    world.wait(days=16)
    world.shop.buy(2500)
    world.settle("1002")
    world.redeem(100)
    world.shop.refund("1001", 20000, line="L1")
    world.settle("1001")
    world.shop.buy(2500, paid=False)
    world.settle("1003")
    member_id = world.member()
    browser = desk.browser()
    adjusting = {"direction": "give", "points": "5", "reason": "goodwill", "key": "a" * 32, "confirmed": "yes"}
    browser.follow(f"/admin/members/{member_id}/adjust", **adjusting, staff_note="kind", member_note="Sorry!")
    desk.person(Role.SUPPORT)
    world.tx(
        lambda s: staff.invite(s, world.merchant_id, email="n@mugs.example", name="", role=Role.MANAGER, now=world.now)
    )
    ill = Health(checked_at=world.now, problems=("key_refused", "webhook_missing"), version="9.6")
    world.tx(lambda s: health.record_look(s, world.merchant_id, world.shop_id, ill))
    shop = f"/admin/shops/{world.shop_id}"
    app = f"/admin/shops/platforms/{add_app(desk).app_id}"
    addon = f"/admin/shops/platforms/{add_addon(desk).app_id}"
    return {
        "home": "/admin/",
        "members": "/admin/members",
        "search": "/admin/members?q=1001",
        "member": f"/admin/members/{member_id}",
        "adjust": f"/admin/members/{member_id}/adjust",
        "why": f"/admin/members/{member_id}/why?number=1003",
        "order": f"/admin/orders/{order_id}",
        "program": "/admin/program",
        "versions": "/admin/program/versions",
        "launch": "/admin/launch",
        "shops": "/admin/shops",
        "shop": shop,
        "disconnect": f"{shop}/disconnect",
        "history": f"{shop}/history",
        "connect": "/admin/shops/connect",
        "connect address": "/admin/shops/connect/woocommerce",
        "platforms": "/admin/shops/platforms",
        "register at shopify": "/admin/shops/platforms/register/shopify",
        "register at shoptet": "/admin/shops/platforms/register/shoptet",
        "addon": addon,
        "token": "/admin/shops/connect/token",
        "app": app,
        "connect by app": f"{app}/connect",
        "keys": "/admin/shops/connect/keys",
        "staff": "/admin/staff",
        "audit": "/admin/audit",
        "settings": "/admin/settings",
        "account": "/admin/account",
        "not found": "/admin/members/" + "0" * 32,
    }


def open_page(chromium: Chromium, living: Living, **options: Any) -> tuple[Page, list[str]]:
    """A page of somebody who is signed in, and what the console says against it."""
    if living.session is None:
        living.session = sign_in(chromium, living)
    context = chromium.new_context(
        base_url=living.address, reduced_motion="reduce", storage_state=living.session, **options
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return page, complaints


def sign_in(chromium: Chromium, living: Living) -> Any:
    context = chromium.new_context(base_url=living.address)
    page = context.new_page()
    page.goto("/admin/sign-in")
    page.fill("[name=email]", living.desk.person(Role.OWNER).email)
    page.fill("[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url("**/admin/")
    session = context.storage_state()
    context.close()
    return session


def axe(page: Page) -> list[str]:
    found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
    return [f"{rule['id']}: {node['html'][:120]}" for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
def test_no_page_has_an_accessibility_violation(width: int, scheme: Any, living: Living, chromium: Chromium) -> None:
    page, complaints = open_page(chromium, living, viewport={"width": width, "height": 800}, color_scheme=scheme)
    found = {}

    for name, path in living.paths.items():
        page.goto(path)
        if violations := axe(page):
            found[name] = violations
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found[name] = [*found.get(name, []), "wider than the window"]

    page.context.close()
    assert not found
    assert not [text for text in complaints if "404" not in text]


def test_pages_for_strangers_are_accessible_too(living: Living, chromium: Chromium) -> None:
    token = living.desk.world.tx(lambda s: staff.create_set_up_link(s, now=living.desk.world.now))
    context = chromium.new_context(base_url=living.address, viewport={"width": 375, "height": 800})
    page = context.new_page()

    for path in ("/admin/sign-in", f"/admin/set-up/{token}", "/admin/set-up/made-up", "/admin/link/made-up"):
        page.goto(path)
        assert axe(page) == []
    context.close()


def test_pages_reflow_on_a_very_narrow_window(living: Living, chromium: Chromium) -> None:
    page, _ = open_page(chromium, living, viewport={"width": 320, "height": 700})

    too_wide = []
    for name, path in living.paths.items():
        page.goto(path)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            too_wide.append(name)

    page.context.close()
    assert not too_wide


def test_the_example_follows_what_is_typed(living: Living, chromium: Chromium) -> None:
    page, complaints = open_page(chromium, living, viewport={"width": 1280, "height": 800})
    page.goto("/admin/program")

    page.fill("[name='currencies-0-earn_points']", "5")
    page.wait_for_selector("#example >> text=245 points")
    page.fill("[name='currencies-0-earn_per']", "")

    page.wait_for_selector("#example >> text=When all fields are right")
    page.context.close()
    assert not complaints


def test_a_link_is_copied_by_its_button(living: Living, chromium: Chromium) -> None:
    page, _ = open_page(chromium, living, permissions=["clipboard-read", "clipboard-write"])
    page.goto(living.paths["shop"])
    page.click("text=Pair by a line of text instead")

    page.click("[data-copy]")

    page.wait_for_selector("text=Copied")
    assert page.evaluate("navigator.clipboard.readText()").startswith(f"{living.address}|")
    page.context.close()


def test_the_phone_menu_opens_and_closes_by_keyboard(living: Living, chromium: Chromium) -> None:
    page, _ = open_page(chromium, living, viewport={"width": 375, "height": 700})
    page.goto("/admin/")
    page.focus(".menu summary")

    page.keyboard.press("Enter")
    assert page.is_visible(".menu nav >> text=Members")
    page.keyboard.press("Escape")

    assert not page.is_visible(".menu nav >> text=Members")
    page.context.close()


def test_everything_works_without_a_script(living: Living, chromium: Chromium) -> None:
    page, _ = open_page(chromium, living, java_script_enabled=False)
    page.goto(living.paths["adjust"])

    page.fill("[name=points]", "3")
    page.click("text=See what this does")
    page.click("main button[type=submit]")

    assert page.is_visible("text=Owner gave 3 points (Goodwill).")
    page.context.close()


def test_the_reading_of_past_orders_is_shown_as_it_goes(living: Living, chromium: Chromium) -> None:
    world = living.desk.world
    page, _ = open_page(chromium, living)
    page.goto(living.paths["history"])
    page.click("text=Read past orders")
    page.wait_for_selector("text=Reading orders")

    (backfill_id,) = world.tx(lambda s: backfill.unfinished(s, world.merchant_id))
    while backfill.run_step(world.runtime, world.merchant_id, backfill_id):
        pass

    page.wait_for_selector("text=See what this gives", timeout=15_000)
    page.context.close()
