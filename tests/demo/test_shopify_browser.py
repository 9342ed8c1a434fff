"""The fake Shopify in Chromium: an app of several pages inside the admin's frame, and shop pages that anybody can use."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from demo.shopify.app_config import AppConfig
from tests.demo.shopify_world import World, opened
from tests.demo.world import Received, Receiver

pytestmark = pytest.mark.browser

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}
SHOP = ("/", "/products/stoneware-mug", "/account/login", "/cart", "/checkout", "/account")
ADMIN = ("", "/customers", "/discounts", "/webhooks", "/faults")


class App:
    """An embedded app drawn by a server: two pages that need a token, the page that only asks for one, and a call."""

    def __init__(self) -> None:
        self.shop_url = ""
        self.refuse_once = True
        self.receiver = Receiver(answer=self._answer)

    def _answer(self, got: Received) -> tuple[int, dict[str, str], bytes]:
        url = urlsplit(got.path)
        if url.path == "/call":
            return self._call(got)
        if url.path == "/token-page":
            return 200, {"Content-Type": "text/html"}, self._page("")
        if "id_token" not in parse_qs(url.query):
            return 302, {"Location": f"/token-page?shopify-reload={url.path}"}, b""
        body = f"""<h1>{url.path}</h1><a href="/second">on</a><output></output><script type="module">
          const answer = await fetch("/call", {{ method: "POST" }});
          document.querySelector("output").textContent = await answer.text();
          shopify.toast.show("Saved");
        </script>"""
        return 200, {"Content-Type": "text/html"}, self._page(body)

    def _call(self, got: Received) -> tuple[int, dict[str, str], bytes]:
        if self.refuse_once:
            self.refuse_once = False
            return 401, {"X-Shopify-Retry-Invalid-Session-Request": "1"}, b"again"
        return 200, {"Content-Type": "text/plain"}, got.headers.get("Authorization", "").encode()

    def _page(self, body: str) -> bytes:
        bridge = f'<script src="{self.shop_url}/app-bridge.js" data-api-key="k"></script>'
        polaris = f'<script src="{self.shop_url}/polaris.js"></script>'
        return f"<!doctype html><html lang='en'><head>{bridge}{polaris}</head><body>{body}</body></html>".encode()


@pytest.fixture(params=[375, 1280])
def page(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": request.param, "height": 800})
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def world() -> Iterator[World]:
    with opened(order_count=12, customer_count=4) as world:
        yield world


def test_an_app_of_several_pages_gets_its_tokens_from_the_admin_around_it(page: Page) -> None:
    app = App()
    with app.receiver, opened(app=AppConfig(app_url=f"{app.receiver.url}/first")) as world:
        app.shop_url = world.url
        page.goto(f"{world.url}/admin/apps/regulars")
        frame = page.frame_locator("iframe[data-app]")
        frame.locator("h1:text-is('/first')").wait_for()
        frame.locator("output:has-text('Bearer')").wait_for()
        page.locator("[data-toast]:text-is('Saved')").wait_for()

        frame.locator("a").click()
        frame.locator("h1:text-is('/second')").wait_for()
        frame.locator("output:has-text('Bearer')").wait_for()

        site = world.shop.site
        calls = [got for got in app.receiver.received if got.path == "/call"]
        second = next(got for got in app.receiver.received if got.path.startswith("/second?"))
    tokens = [got.headers["Authorization"].removeprefix("Bearer ") for got in calls]
    tokens += parse_qs(urlsplit(second.path).query)["id_token"]
    assert len(tokens) == 4  # the first call was refused and made once more with a fresh token
    assert len(set(tokens)) == 4
    for token in tokens:
        options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
        assert jwt.decode(token, site.app.secret, ["HS256"], audience=site.app.client_id, options=options)["sub"]


def test_a_page_of_the_app_outside_of_the_admin_goes_there(page: Page) -> None:
    app = App()
    with app.receiver, opened(app=AppConfig(client_id="k", app_url=f"{app.receiver.url}/first")) as world:
        app.shop_url = world.url

        page.goto(f"{app.receiver.url}/first?id_token=x")

        page.wait_for_url(f"{world.url}/admin/apps/k")


def test_tokens_are_given_to_the_apps_own_frame_only(page: Page) -> None:
    app = App()
    with app.receiver, opened(app=AppConfig(app_url=f"{app.receiver.url}/first")) as world:
        app.shop_url = world.url
        page.goto(f"{world.url}/admin/apps/regulars")
        page.frame_locator("iframe[data-app]").locator("output:has-text('Bearer')").wait_for()

        answered = page.evaluate(
            """() => new Promise((resolve) => {
              addEventListener("message", ({ data }) => data.kind === "shopify-answer" && resolve(true));
              window.postMessage({ kind: "shopify-ask", id: 1, what: "idToken" }, "*");
              setTimeout(() => resolve(false), 500);
            })"""
        )

    assert answered is False


def test_a_shopper_follows_a_link_to_a_discount_and_buys(page: Page, world: World) -> None:
    world.make("FIVE")
    page.goto(f"{world.url}/demo/sign-in/anna@example.com")
    page.goto(f"{world.url}/discount/FIVE?redirect=/products/everyday-tee")
    page.click("text=Add to cart")
    page.click("text=Check out")
    page.wait_for_selector("text=−€5.00")

    page.click("text=Pay now")

    page.wait_for_selector("text=is confirmed")
    newest = world.shop.store.orders[max(world.shop.store.orders)]
    assert (newest.total, newest.coupon_lines[0].coupon["code"]) == (2420, "FIVE")


def test_no_page_has_a_fault_or_is_too_wide(page: Page, world: World) -> None:
    page.goto(f"{world.url}/demo/sign-in/anna@example.com")
    page.goto(f"{world.url}/products/stoneware-mug")
    page.click("text=Add to cart")
    found = {}
    order = next(iter(world.shop.store.orders))
    for path in (*SHOP, *(f"/admin{each}" for each in ADMIN), f"/admin/orders/{order}"):
        page.goto(f"{world.url}{path}")
        faults = [violation["id"] for violation in Axe().run(page, options=RULES).response["violations"]]
        wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
        if faults or wide:
            found[path] = [*faults, *(["too wide"] if wide else [])]

    assert found == {}
