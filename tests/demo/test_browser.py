"""The shop as people use it, in Chromium, on a phone and on a desk."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.demo.conftest import Open
from tests.demo.world import GUEST

pytestmark = pytest.mark.browser

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}
SHOP = ("/", "/product/stoneware-mug/", "/my-account/login/", "/cart/", "/checkout/", "/my-account/")
OFFICE = ("", "products/", "coupons/", "customers/", "connections/", "plugin/", "faults/")


@pytest.fixture(params=[375, 1280])
def page(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": request.param, "height": 800})
    yield context.new_page()
    context.close()


def faults_of(page: Page) -> list[str]:
    """What axe finds, and whether the page is wider than its window."""
    found = [violation["id"] for violation in Axe().run(page, options=RULES).response["violations"]]
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return [*found, "wider than the window"] if wide else found


def test_a_guest_fills_a_cart_uses_a_code_and_buys(page: Page, open_shop: Open) -> None:
    running = open_shop()
    running.shop.add_coupon("five")
    page.goto(f"{running.url}/product/stoneware-mug/")
    page.fill("#quantity", "2")
    page.click("text=Add to cart")
    page.click("text=See the cart")

    page.fill("#code", "nope")
    page.click("text=Apply")
    page.wait_for_selector("text=cannot be applied because it does not exist")
    page.fill("#code", "FIVE")
    page.click("text=Apply")
    page.wait_for_selector("[data-total]:text-is('€24.20')")

    page.click("text=Go to checkout")
    for name in ("email", "first_name", "last_name", "address_1", "postcode", "city", "phone"):
        page.fill(f"#{name}", GUEST[name])
    page.click("text=Place order")
    page.wait_for_url("**/checkout/order-received/**")

    [order] = running.shop.store.orders.values()
    assert (order.status, order.total, order.billing.email) == ("processing", 2420, "guest@ex.cz")
    assert f"Order {order.id} is in" in page.inner_text("main")


def test_a_code_put_on_the_cart_by_the_widget_shows_at_once(page: Page, open_shop: Open) -> None:
    running = open_shop()
    running.shop.add_coupon("five")
    page.goto(f"{running.url}/product/stoneware-mug/")
    page.click("text=Add to cart")
    page.click("text=See the cart")
    page.wait_for_selector(".line")

    page.evaluate(
        """async () => {
          const nonce = (await fetch("/wp-json/wc/store/v1/cart")).headers.get("Nonce");
          await fetch("/wp-json/wc/store/v1/cart/apply-coupon", {
            method: "POST", headers: { "Content-Type": "application/json", Nonce: nonce }, body: '{"code":"five"}',
          });
          document.dispatchEvent(new Event("wc-blocks_added_to_cart"));
        }"""
    )

    page.wait_for_selector("text=five −€5.00")


def test_no_page_has_a_fault_or_is_too_wide(page: Page, open_shop: Open) -> None:
    running = open_shop(order_count=60, customer_count=8)
    page.goto(f"{running.url}/demo/sign-in/anna@example.com?next=/product/stoneware-mug/")
    page.click("text=Add to cart")
    page.wait_for_selector("[data-toast] a")
    found = {}
    for path in SHOP:
        page.goto(running.url + path)
        page.wait_for_load_state("networkidle")
        found[path] = faults_of(page)
    page.goto(f"{running.url}/demo/sign-in/owner")
    newest = max(running.shop.store.orders)
    for path in (*OFFICE, f"orders/{newest}/"):
        page.goto(f"{running.url}/wp-admin/{path}")
        found[path or "orders"] = faults_of(page)

    assert {path: faults for path, faults in found.items() if faults} == {}
