"""The back office in the frame of a Shopify admin, in Chromium: pages, forms, files, the way back, and what goes wrong."""

import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import FrameLocator, Page
from werkzeug.serving import BaseWSGIServer, make_server

from core.db.engine import open_database
from core.merchants.staff import Role
from tests.admin.desk import PASSWORD
from tests.admin.inside import Inside, make_inside
from tests.admin.test_browser import RULES

pytestmark = pytest.mark.browser
PICTURES = os.environ.get("REGULARS_PICTURES")  # a folder to leave pictures of the pages in


@dataclass
class Framed:
    inside: Inside
    address: str

    @property
    def admin(self) -> str:
        return f"{self.inside.running.url}/admin/apps/regulars"


@pytest.fixture(scope="module")
def framed(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Framed]:
    folder = tmp_path_factory.mktemp("inside")
    db = open_database(f"sqlite:///{shutil.copy(sqlite_template, folder / 'regulars.sqlite3')}")
    inside = make_inside(db, folder)
    server: BaseWSGIServer = make_server("127.0.0.1", 0, inside.desk.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    object.__setattr__(inside.desk.world.runtime, "public_url", lambda: address)
    inside.desk.app.config.update(SESSION_COOKIE_SECURE=False, SESSION_COOKIE_NAME="regulars")
    inside.running.shop.configure(app_url=address + inside.root)
    inside.desk.world.shop.buy(4900, 1000)
    inside.desk.world.settle("1001")
    yield Framed(inside, address)
    server.shutdown()
    thread.join()
    inside.running.stop()
    db.close()


@pytest.fixture
def page(framed: Framed, chromium: Chromium) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(framed.admin)
    yield page
    cookies = context.cookies()
    context.close()
    assert not cookies
    told = ("the server responded with a status of", "ERR_", "Blocked autofocusing")
    assert [text for text in complaints if not any(words in text for words in told)] == []


def frame(page: Page) -> FrameLocator:
    return page.frame_locator("iframe[data-app]")


def address_of(page: Page) -> str:
    return page.frames[1].url


def test_a_click_shows_the_next_page_in_place_and_the_way_back_works(framed: Framed, page: Page) -> None:
    inside = frame(page)
    inside.locator("h1", has_text="Mugs").wait_for()
    assert "id_token" not in address_of(page)
    assert "hmac" not in address_of(page)

    inside.locator("nav >> text=Members").click()

    inside.locator("h1", has_text="Members").wait_for()
    assert address_of(page).partition("?")[0] == f"{framed.address}{framed.inside.root}/members"
    assert page.frames[1].title().startswith("Members")
    assert page.frames[1].evaluate("document.activeElement.name") == "q"
    page.frames[1].evaluate("history.back()")
    inside.locator("h1", has_text="Mugs").wait_for()
    page.frames[1].evaluate("history.forward()")
    inside.locator("h1", has_text="Members").wait_for()


def test_a_form_is_sent_and_says_what_was_done(framed: Framed, page: Page) -> None:
    inside = frame(page)
    inside.locator("nav >> text=Program").click()
    inside.locator("[name=window_days]").fill("7")
    inside.locator("#example").wait_for()

    inside.locator("main button[type=submit]", has_text="Publish").click()

    inside.locator(".note.success").wait_for()
    assert "program.published" in framed.inside.desk.actions()
    assert address_of(page).partition("?")[0].endswith("/program")


def test_what_is_wrong_in_a_form_is_said_beside_the_field_and_nothing_is_lost(page: Page) -> None:
    inside = frame(page)
    inside.locator("nav >> text=Program").click()
    inside.locator("[name=code_prefix]").wait_for(state="attached")
    inside.locator("details summary", has_text="Fine print").click()
    inside.locator("[name=code_prefix]").fill("a b!")

    inside.locator("main button[type=submit]", has_text="Publish").click()

    inside.locator(".error-note").wait_for()
    assert inside.locator("[name=code_prefix]").input_value() == "a b!"
    assert page.frames[1].evaluate("document.activeElement.name") == "code_prefix"


def test_the_scripts_of_a_page_run_on_pages_that_are_put_in_place(page: Page) -> None:
    inside = frame(page)
    inside.locator("nav >> text=Program").click()

    inside.locator("[name='currencies-0-earn_points']").fill("5")

    inside.locator("#example >> text=245 points").wait_for()


def test_a_search_has_an_address_of_its_own(page: Page) -> None:
    inside = frame(page)
    inside.locator("nav >> text=Members").click()
    inside.locator("[name=q]").fill("1001")

    inside.locator("[name=q]").press("Enter")

    page.frames[1].wait_for_url("**q=1001**")
    page.frames[1].evaluate("location.reload()")  # without a token: it is fetched, and the page is there again
    page.frames[1].wait_for_url(lambda address: "id_token" in address)
    page.frames[1].wait_for_url(lambda address: "q=1001" in address and "id_token" not in address)
    assert inside.locator("[name=q]").input_value() == "1001"


def test_a_file_is_saved(page: Page) -> None:
    inside = frame(page)
    inside.locator("nav >> text=Members").click()

    with page.expect_download() as download:
        inside.locator("form[action$='/members/export'] button").click()

    assert download.value.suggested_filename == "members.csv"
    assert Path(download.value.path()).read_text("utf-8-sig").startswith("member_id,")


def test_a_server_that_does_not_answer_is_said_and_the_page_stays(framed: Framed, page: Page) -> None:
    inside = frame(page)
    inside.locator("nav >> text=Members").click()
    inside.locator("h1", has_text="Members").wait_for()
    page.route("**/program", lambda route: route.abort())

    inside.locator("nav >> text=Program").click()

    inside.locator("[role=alert] >> text=The server did not answer").wait_for()
    page.unroute("**/program")
    inside.locator("nav >> text=Program").click()
    inside.locator("h1", has_text="Program").wait_for()


def test_the_platforms_own_menu_leads_through_our_pages(page: Page) -> None:
    inside = frame(page)
    inside.locator("h1", has_text="Mugs").wait_for()

    page.frames[1].evaluate(
        "document.querySelectorAll('s-link')[1].dispatchEvent(new CustomEvent('shopify:navigate', { bubbles: true, cancelable: true }))"
    )

    inside.locator("h1", has_text="Members").wait_for()


@pytest.mark.parametrize("width", [375, 1280])
def test_pages_inside_are_accessible_and_fit(width: int, framed: Framed, chromium: Chromium) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    page.goto(framed.admin)
    inside = frame(page)
    found = []
    for name, heading in (("Home", "Mugs"), ("Shops", "Shops"), ("Program", "Program")):
        inside.locator(f"nav >> text={name}").click()
        inside.locator("h1", has_text=heading).wait_for()
        response = Axe().run(page, options={"runOnly": RULES}).response
        found += [
            f"{name}: {rule['id']} {node['html'][:200]}"
            for rule in response["violations"]
            for node in rule["nodes"]
            if len(node["target"]) > 1
        ]  # in the frame; the admin around it is not ours
        if page.frames[1].evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{name}: wider than the window")
        _picture(page, f"embedded-{name.lower()}-{width}")
    context.close()
    assert found == []


@pytest.mark.parametrize("width", [375, 1280])
def test_the_pages_of_platforms_are_accessible_and_fit(width: int, framed: Framed, chromium: Chromium) -> None:
    context = chromium.new_context(base_url=framed.address, viewport={"width": width, "height": 900})
    page = context.new_page()
    page.goto("/admin/sign-in")
    page.fill("[name=email]", framed.inside.desk.person(Role.OWNER).email)
    page.fill("[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url("**/admin/")
    paths = {
        "connect": "/admin/shops/connect",
        "platforms": "/admin/shops/platforms",
        "app": f"/admin/shops/platforms/{framed.inside.app.app_id}",
        "shops": "/admin/shops",
    }
    found = []
    for name, path in paths.items():
        page.goto(path)
        if name == "app":
            page.click("details summary >> text=The addresses")
        violations = Axe().run(page, options={"runOnly": RULES}).response["violations"]
        found += [f"{name}: {rule['id']} {node['html'][:200]}" for rule in violations for node in rule["nodes"]]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{name}: wider than the window")
        _picture(page, f"{name}-{width}")
    context.close()
    assert found == []


def _picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=str(Path(PICTURES) / f"{name}.png"), full_page=True)
