"""Codes that go to the cart by the shop's share link: on the fake Shopify from the button to the checkout, and at the edges."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

from connectors.shopify.package import package_zip
from demo.shopify.ids import number
from tests.app.shopify_world import CLIENT_ID, World, install, opened
from tests.widgets.shopfront import CODE, ME, Shopfront, changed, shopfront
from tests.widgets.shopify_front import drawn, shopify_front

pytestmark = pytest.mark.browser

LINK = "/discount/{code}?redirect=/cart.js"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}
MUG = 12


def sign_in_with_a_mug(page: Page, url: str) -> None:
    page.goto(f"{url}/demo/sign-in/1?next=/cart")
    answer = page.request.post(f"{url}/cart/add.js", data={"id": number("ProductVariant", MUG), "quantity": 4})
    assert answer.ok
    page.goto(f"{url}/cart")


def part(page: Page, key: str) -> Any:
    return page.locator(f'regulars-widget [data-key="{key}"]')


def redeem(page: Page) -> str:
    """Turns all points into a code, and returns the code that is shown to copy."""
    page.locator("regulars-widget .launcher").click()
    part(page, "redeem").click()
    code = page.locator("regulars-widget .code code").first
    code.wait_for()
    return code.inner_text()


def checkout(page: Page, url: str) -> tuple[str, list[str]]:
    """The total, and the codes that are taken off it."""
    page.goto(f"{url}/checkout")
    return page.locator(".totals .total dd").inner_text(), page.locator(".totals dt code").all_inner_texts()


@pytest.fixture
def world(sqlite_template: Path, tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path / "data") as made:
        server = urlsplit(made.fake.site.app.app_url)
        key = made.app.app.app_key
        made.fake.deploy(package_zip(server_url=f"{server.scheme}://{server.netloc}", app_key=key, client_id=CLIENT_ID))
        install(made)
        made.fake.place_order({MUG: 5}, customer_id=1)
        made.work()
        yield made


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(locale="en", timezone_id="Europe/Prague")
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


def test_a_code_of_the_widget_is_taken_off_at_the_checkout(world: World, page: Page) -> None:
    url = world.platform.url
    sign_in_with_a_mug(page, url)
    assert checkout(page, url) == ("€101.80", [])
    page.goto(f"{url}/cart")
    expect(page.locator("script[data-shop]")).to_have_attribute("data-apply", LINK)

    code = redeem(page)

    expect(part(page, "applied")).to_have_text("€3.63 off waits in your cart: it is taken off at the checkout.")
    expect(part(page, "applied")).to_be_focused()
    expect(page.locator("regulars-widget .total")).to_have_count(0)  # nobody has asked what the cart costs now
    assert checkout(page, url) == ("€98.17", [code])


def test_a_code_of_the_list_is_put_on_the_cart_whenever_the_shopper_likes(world: World, page: Page) -> None:
    url = world.platform.url
    sign_in_with_a_mug(page, url)
    page.route("**/discount/**", lambda route: route.fulfill(status=503))
    code = redeem(page)
    assert checkout(page, url) == ("€101.80", [])
    page.unroute("**/discount/**")
    page.goto(f"{url}/cart")
    page.locator("regulars-widget .launcher").click()

    for _ in range(2):  # whether it lies there already is not known, and asking twice does no harm
        page.get_by_role("button", name="Put in cart").click()
        expect(part(page, "applied")).to_have_text("€3.63 off waits in your cart: it is taken off at the checkout.")
        part(page, "done").click()
        expect(page.locator("regulars-widget .tag")).to_have_text("Not used yet")

    assert checkout(page, url) == ("€98.17", [code])


def test_a_page_from_before_the_share_link_names_none(chromium: Browser) -> None:
    with shopify_front(chromium) as front:
        front.visit(drawn("launcher").replace(f'data-apply="{LINK}"', ""))

        expect(front.page.locator("regulars-widget .launcher")).to_be_visible()
        expect(front.page.locator("script[data-shop]")).to_have_attribute("data-apply", "")


# --- the edges, with canned answers


class Shop:
    """The made-up shop with a share link. `asked`: each call of the link, whole. `answer`: what the shop says to it."""

    def __init__(self, front: Shopfront, link: str = LINK, **code: Any) -> None:
        self.page = front.page
        self.asked: list[str] = []
        self.redeemed = False
        self.answer: dict[str, Any] | None = {"json": {}}
        made = changed(CODE, **code)
        front.store = ""
        front.extra = f'data-apply="{link}"'
        front.answers["POST redemptions"] = (201, made)
        front.answers["GET me"] = lambda _query: changed(ME, codes=[made] if self.redeemed else [])
        front.page.on("request", self._note)
        front.page.route(lambda url: "/discount/" in url, self._serve)
        front.open()

    def redeem(self) -> None:
        self.redeemed = True
        part(self.page, "redeem").click()
        part(self.page, "applied").wait_for()

    def _note(self, request: Any) -> None:
        if "/discount/" in request.url:
            self.asked.append(f"{request.method} {request.url}")

    def _serve(self, route: Route) -> None:
        route.abort() if self.answer is None else route.fulfill(**self.answer)


@pytest.fixture
def front(chromium: Browser) -> Iterator[Shopfront]:
    with shopfront(chromium) as made:
        yield made


@pytest.mark.parametrize(
    "answer",
    [{"status": 404}, {"status": 500}, {"status": 302, "headers": {"location": "https://evil.example/"}}, None],
    ids=["not found", "broken", "leads away", "no answer"],
)
def test_without_the_shops_word_the_code_is_there_to_copy(front: Shopfront, answer: dict[str, Any] | None) -> None:
    shop = Shop(front)
    shop.answer = answer

    shop.redeem()

    expect(part(shop.page, "applied")).to_have_text(
        "Your code for €3.00 off is ready. Please enter it at the checkout."
    )
    expect(shop.page.locator("regulars-widget .code code").first).to_have_text(CODE["code"])
    assert len(shop.asked) == 1
    expect(shop.page.locator("regulars-widget .good")).to_have_count(0)


@pytest.mark.parametrize(
    "link", ["https://evil.example/discount/{code}", "//evil.example/discount/{code}", "javascript:'/discount/{code}'"]
)
def test_an_address_outside_of_the_shop_is_not_asked(front: Shopfront, link: str) -> None:
    shop = Shop(front, link)

    shop.redeem()

    expect(part(shop.page, "applied")).to_have_text(
        "Your code for €3.00 off is ready. Please enter it at the checkout."
    )
    expect(shop.page.get_by_role("button", name="Put in cart")).to_have_count(0)
    assert shop.asked == []


@pytest.mark.parametrize("link", [LINK, "https://shop.example/discount/go?redirect=/&code={code}"])
def test_a_code_is_a_name_and_never_a_path(front: Shopfront, link: str) -> None:
    shop = Shop(front, link, code="50%/../?a=b&$&#é")

    shop.redeem()

    expect(part(shop.page, "applied")).to_contain_text("waits in your cart")
    address = link.replace("{code}", "50%25%2F..%2F%3Fa%3Db%26%24%26%23%C3%A9")
    assert shop.asked == [f"GET https://shop.example{address.removeprefix('https://shop.example')}"]


def test_a_redemption_without_a_code_puts_nothing_on_the_cart(front: Shopfront) -> None:
    shop = Shop(front, code=None, state="ending")

    shop.redeem()

    assert shop.asked == []


def test_a_cart_that_can_be_asked_comes_before_the_link(front: Shopfront) -> None:
    store = front.store
    shop = Shop(front)
    front.store = store
    front.open()

    shop.redeem()

    expect(part(shop.page, "applied")).to_have_text("€3.00 off is in your cart")
    assert shop.asked == []


def test_the_code_is_shown_once_and_the_state_is_accessible(front: Shopfront) -> None:
    shop = Shop(front)

    shop.redeem()

    expect(part(shop.page, "applied")).to_be_focused()
    status = shop.page.locator("regulars-widget dialog [role=status]")
    expect(status).to_have_text("€3.00 off waits in your cart: it is taken off at the checkout.")
    expect(shop.page.locator("regulars-widget .code code")).to_have_count(1)
    found = Axe().run(shop.page, options=RULES)
    assert found.response["violations"] == []
