"""The back office in the frame of a Shoptet admin, in Chromium, which lets no other site than the admin's keep anything."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import FrameLocator, Page
from sqlmodel import Session

from core.db.engine import open_database
from core.errors import Unreachable
from core.merchants import installs
from core.merchants.apps import AppView
from core.merchants.staff import Role
from core.ports import InstalledShop
from core.work.reading import said_of
from tests.admin.desk import PASSWORD
from tests.admin.inside_shoptet import InsideShoptet, add_addon, inside_shoptet
from tests.admin.test_browser import RULES
from tests.conftest import CHROMIUM_ARGUMENTS

pytestmark = pytest.mark.browser
PICTURES = os.environ.get("REGULARS_PICTURES")  # a folder to leave pictures of the pages in
WIDTHS = pytest.mark.parametrize("width", [375, 1280])


@pytest.fixture(scope="module")
def inside(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InsideShoptet]:
    folder = tmp_path_factory.mktemp("shoptet")
    db = open_database(f"sqlite:///{shutil.copy(sqlite_template, folder / 'regulars.sqlite3')}")
    with inside_shoptet(db, folder, host="localhost") as made:
        made.desk.app.config.update(SESSION_COOKIE_SECURE=False, SESSION_COOKIE_NAME="regulars")
        made.desk.world.shop.buy(4900, 1000)
        made.desk.world.settle("1001")
        yield made
    db.close()


@pytest.fixture(scope="module")
def strict(chromium: Chromium) -> Iterator[Chromium]:
    """A browser without cookies of third parties, as most are."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    arguments = [*CHROMIUM_ARGUMENTS, "--test-third-party-cookie-phaseout"]
    browser = chromium.browser_type.launch(executable_path=path, args=arguments)
    yield browser
    browser.close()


@pytest.fixture
def page(inside: InsideShoptet, strict: Chromium) -> Iterator[Page]:
    context = strict.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce", locale="en-GB")
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{inside.running.url}/admin/addon")
    yield page
    cookies = context.cookies(inside.address)
    context.close()
    assert not cookies
    told = ("the server responded with a status of", "ERR_")
    assert [text for text in complaints if not any(words in text for words in told)] == []


def frame(page: Page) -> FrameLocator:
    return page.frame_locator("iframe[data-addon]")


def test_the_settings_open_in_the_frame_and_lead_through_the_admin(inside: InsideShoptet, page: Page) -> None:
    frame(page).locator("h1", has_text="Mugs").wait_for()
    address = page.frames[1].url
    assert address.startswith(f"{inside.address}{inside.root}")
    assert "code=" not in address
    assert f"shop={inside.eshop_id}" in address

    frame(page).locator("nav >> text=Members").click()

    frame(page).locator("h1", has_text="Members").wait_for()
    assert frame(page).locator("nav [aria-current=page]").all_text_contents() == ["Members"]
    page.frames[1].evaluate("history.back()")
    frame(page).locator("h1", has_text="Mugs").wait_for()


def test_nothing_can_be_kept_there_and_the_bearer_is_nowhere_to_be_found(page: Page) -> None:
    frame(page).locator("h1", has_text="Mugs").wait_for()

    inner = page.frames[1]

    assert inner.evaluate("document.cookie = 'x=1; SameSite=None; Secure', document.cookie") == ""
    assert inner.evaluate("document.documentElement.outerHTML.includes('data-bearer')") is False
    kept = "(() => { try { return String(localStorage.length); } catch { return 'denied'; } })()"
    assert inner.evaluate(kept) == "denied"  # to whoever is in a frame of another site


def test_a_form_is_sent_and_says_what_was_done(inside: InsideShoptet, page: Page) -> None:
    frame(page).locator("nav >> text=Program").click()
    frame(page).locator("[name=window_days]").fill("7")
    frame(page).locator("#example").wait_for()

    frame(page).locator("main button[type=submit]", has_text="Publish").click()

    frame(page).locator(".note.success").wait_for()
    assert "program.published" in inside.desk.actions()


def test_the_scripts_of_a_page_prove_themselves_too(page: Page) -> None:
    frame(page).locator("nav >> text=Program").click()

    frame(page).locator("[name='currencies-0-earn_points']").fill("5")

    frame(page).locator("#example >> text=245 points").wait_for()


def test_a_file_is_saved(page: Page) -> None:
    frame(page).locator("nav >> text=Members").click()

    with page.expect_download() as download:
        frame(page).locator("form[action$='/members/export'] button").click()

    assert Path(download.value.path()).read_text("utf-8-sig").startswith("member_id,")


def test_a_page_that_is_loaded_again_asks_to_be_opened_anew(page: Page) -> None:
    frame(page).locator("h1", has_text="Mugs").wait_for()

    page.frames[1].evaluate("location.reload()")

    frame(page).get_by_text("Open the settings in Shoptet's admin anew.").wait_for()
    page.reload()  # which is that: Shoptet sends a new code
    frame(page).locator("h1", has_text="Mugs").wait_for()


def test_a_bearer_that_has_ended_is_said_and_the_page_stays(inside: InsideShoptet, page: Page) -> None:
    frame(page).locator("h1", has_text="Mugs").wait_for()
    inside.desk.world.wait(minutes=61)

    frame(page).locator("nav >> text=Members").click()

    frame(page).locator("[role=alert] >> text=Open the settings in Shoptet's admin anew.").wait_for()
    assert frame(page).locator("h1", has_text="Mugs").is_visible()


def test_the_language_goes_along_with_what_is_fetched(inside: InsideShoptet, page: Page) -> None:
    inside.running.shop.site.language = "cs"
    try:
        page.reload()
        frame(page).locator("html[lang=cs] h1", has_text="Mugs").wait_for()

        with page.expect_request("**/members") as asked:
            frame(page).locator("nav a[href$='/members']").click()

        assert asked.value.headers["accept-language"] == "cs"
    finally:
        inside.running.shop.site.language = "en"


@WIDTHS
def test_pages_inside_are_accessible_and_fit(width: int, inside: InsideShoptet, strict: Chromium) -> None:
    context = strict.new_context(viewport={"width": width, "height": 900}, reduced_motion="reduce", locale="en-GB")
    page = context.new_page()
    page.goto(f"{inside.running.url}/admin/addon")
    found = []
    for name, heading in (("Home", "Mugs"), ("Shops", "Shops"), ("Program", "Program")):
        frame(page).locator(f"nav >> text={name}").click()
        frame(page).locator("h1", has_text=heading).wait_for()
        response = Axe().run(page, options={"runOnly": RULES}).response
        found += [
            f"{name}: {rule['id']} {node['html'][:200]}"
            for rule in response["violations"]
            for node in rule["nodes"]
            if len(node["target"]) > 1
        ]  # in the frame; the admin around it is not ours
        if page.frames[1].evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{name}: wider than the window")
        _picture(page, f"shoptet-{name.lower()}-{width}")
    page.frames[1].evaluate("location.reload()")
    frame(page).get_by_text("anew").wait_for()
    _picture(page, f"shoptet-anew-{width}")
    context.close()
    assert found == []


@WIDTHS
def test_the_pages_that_connect_shoptet_are_accessible_and_fit(
    width: int, inside: InsideShoptet, chromium: Chromium
) -> None:
    world, shop = inside.desk.world, inside.shop()
    assert shop is not None
    other = add_addon(inside.desk, client_id=f"waiting{width}", origin=inside.running.url)
    _let_wait(inside, other)
    context = chromium.new_context(base_url=inside.address, viewport={"width": width, "height": 900})
    page = context.new_page()
    page.goto("/admin/sign-in")
    page.fill("[name=email]", inside.desk.person(Role.OWNER).email)
    page.fill("[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url("**/admin/")
    platforms = "/admin/shops/platforms"
    paths = {
        "connect": "/admin/shops/connect",
        "platforms": platforms,
        "register": f"{platforms}/register/shoptet",
        "register-shopify": f"{platforms}/register/shopify",
        "addon": f"{platforms}/{inside.app.app_id}",
        "addon-waiting": f"{platforms}/{other.app_id}",
        "token": "/admin/shops/connect/token",
        "shop": f"/admin/shops/{shop.shop_id}",
        "being-connected": f"/admin/app/{other.app.app_key}?shop=777&language=en",
    }
    found = []
    for name, path in paths.items():
        page.goto(path)
        violations = Axe().run(page, options={"runOnly": RULES}).response["violations"]
        found += [
            f"{name}: {rule['id']} {node['html'][:200]}"
            for rule in violations
            for node in rule["nodes"]
            # A page that goes on by itself every few seconds is what it is for, and nothing on it is typed or read at length.
            if (name, rule["id"]) != ("being-connected", "meta-refresh")
        ]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{name}: wider than the window")
        _picture(page, f"shoptet-{name}-{width}")
    page.goto(paths["register"])
    page.fill("[name=client_id]", "with space")
    page.fill("[name=secret]", "s")
    page.fill("[name=home_url]", "http://a.example/admin")
    page.click("main button[type=submit]")
    _picture(page, f"shoptet-register-wrong-{width}")
    context.close()
    assert found == []
    assert world.runtime.public_url() == inside.address


def _let_wait(inside: InsideShoptet, app: AppView) -> None:
    world = inside.desk.world
    shop = InstalledShop("777", "https://mountain-goods.myshoptet.com", None, {"oauth_token": "x"})
    why = said_of(Unreachable("Shoptet's server stopped in the middle of our call."))

    def wait(session: Session) -> None:
        installs.add(session, world.runtime.vault, app, shop, now=world.now)
        taken = installs.take(session, world.runtime.vault, world.merchant_id, now=world.now)
        assert taken is not None
        installs.try_later(session, taken, error=why, now=world.now)

    world.tx(wait)


def _picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=str(Path(PICTURES) / f"{name}.png"), full_page=True)
