"""The fake Shoptet in Chromium: the shop's own scripts, their events, older templates, and pages that anybody can use."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from demo.shoptet.addon import AddonConfig
from tests.demo.shoptet_world import World, opened
from tests.demo.world import Receiver

pytestmark = pytest.mark.browser

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}
SHOP = ("/", "/stoneware-mug/", "/prihlaseni/", "/kosik/", "/objednavka/krok-1/", "/objednavka/krok-2/", "/klient/")
ADMIN = ("", "/customers", "/coupons", "/webhooks", "/faults", "/partner")
EVENTS = (
    "ShoptetCartUpdated", "ShoptetCartAddDiscountCoupon", "ShoptetDOMCartContentLoaded", "ShoptetDOMPageContentLoaded",
    "ShoptetDOMContentLoaded", "ShoptetDataLayerUpdated",
)  # fmt: skip
# An addon's script: listens, and puts a code on the cart as the vendor's own form does.
ADDON = """
window.heard = [];
for (const name of EVENTS) document.addEventListener(name, () => heard.push(name));
window.apply = async (code) => {
  const form = document.createElement("form");
  form.className = "csrf-enabled";
  form.innerHTML = '<input type="hidden" name="discountCouponCode">';
  form.elements.discountCouponCode.value = code;
  shoptet.csrf.injectToken(form);
  await shoptet.cart.ajaxSubmitForm(shoptet.config.addDiscountCouponUrl, form, "functionsForCart", "cart", true);
};
""".replace("EVENTS", json.dumps(EVENTS))


@pytest.fixture(params=[375, 1280])
def page(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": request.param, "height": 800})
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


def ready(world: World) -> None:
    world.shop.add_coupon("LP-ONE")
    html = f"<script>{ADDON}</script>"
    world.write("POST", "/api/template-include", {"snippets": [{"location": "common-footer", "html": html}]})


def fill_cart(page: Page, world: World) -> None:
    page.goto(f"{world.url}/stoneware-mug/")
    page.click("text=Add to cart")
    page.locator("#cart-count:text-is('1'), .count:text-is('1')").first.wait_for()
    page.goto(f"{world.url}/kosik/")


def asked(page: Page, expression: str) -> Any:
    return page.evaluate(expression)


def test_an_addon_applies_a_coupon_as_the_shops_own_form_does(page: Page) -> None:
    with opened() as world:
        ready(world)
        fill_cart(page, world)
        asked(page, "apply('LP-ONE')")
        page.locator(".applied-coupon:has-text('LP-ONE')").wait_for()

        assert sorted(asked(page, "heard")) == sorted(EVENTS)
        assert asked(page, "getShoptetDataLayer('cartInfo').discountCoupon[0].code") == "LP-ONE"
        assert asked(page, "getShoptetDataLayer().cartInfo.getNoBillingShippingPrice.withVat") == 7.1
        page.click("text=Remove the coupon")
        page.locator("input[name=discountCouponCode]").wait_for()
        assert asked(page, "getShoptetDataLayer('cartInfo').discountCoupon") == []


def test_a_refused_coupon_says_so_and_fires_nothing(page: Page) -> None:
    with opened() as world:
        ready(world)
        fill_cart(page, world)
        asked(page, "apply('NOPE')")
        page.locator("#cart-message:has-text('does not exist')").wait_for()

        assert asked(page, "heard") == []
        assert asked(page, "getShoptetDataLayer('cartInfo').discountCoupon") == []


def test_older_templates_have_no_cart_object_but_their_form_works(page: Page) -> None:
    with opened(generation=2) as world:
        ready(world)
        fill_cart(page, world)
        kinds = asked(
            page, "[typeof shoptet.cart, typeof shoptet.csrf.injectToken, shoptet.config.addDiscountCouponUrl]"
        )
        page.fill("input[name=discountCouponCode]", "LP-ONE")
        page.click("text=Apply")
        page.locator(".applied-coupon:has-text('LP-ONE')").wait_for()

        assert kinds == ["undefined", "function", "/action/Cart/addDiscountCoupon/"]


def test_a_shopper_buys_with_a_coupon(page: Page) -> None:
    with opened(order_count=5, customer_count=4) as world:
        ready(world)
        page.goto(f"{world.url}/demo/sign-in/anna@example.com")
        fill_cart(page, world)
        page.fill("input[name=discountCouponCode]", "LP-ONE")
        page.click("text=Apply")
        page.locator(".applied-coupon").wait_for()
        page.click("text=Continue")
        page.check("input[value=cod]")
        page.click("text=Continue")
        page.click("text=Send the order")
        page.locator("h1:has-text('Thank you')").wait_for()

        order = world.get("/api/orders")["orders"][0]
        assert asked(page, "getShoptetDataLayer('order').orderNo") == order["code"]
        assert (order["email"], order["paid"], order["price"]["withVat"]) == ("anna@example.com", False, "12.10")
        assert world.get("/api/discount-coupons/LP-ONE")["coupon"]["usedCount"] == 1


def test_the_settings_page_is_shown_in_a_frame_with_its_placeholders_filled(page: Page) -> None:
    body = b"<!doctype html><html lang='en'><title>Ours</title><h1>Ours</h1></html>"
    with Receiver(answer=lambda got: (200, {"Content-Type": "text/html"}, body)) as receiver:
        addon = AddonConfig(
            settings_url=f"{receiver.url}/admin/app/k?code=#OAUTH_CODE#&shop=#SHOP_ID#&lang=#LANGUAGE#",
            login_url=f"{receiver.url}/login",
        )
        with opened(addon=addon) as world:
            page.goto(f"{world.url}/admin/addon")
            page.frame_locator("iframe[data-addon]").locator("h1:text-is('Ours')").wait_for()
            path = receiver.received[0].path

    assert "&shop=222651&lang=en" in path
    assert "#" not in path
    assert len(path.split("code=")[1].split("&")[0]) == 255


def test_the_pages_can_be_used_by_anybody(page: Page) -> None:
    with opened(order_count=12, customer_count=4) as world:
        world.shop.add_coupon("LP-ONE")
        page.goto(f"{world.url}/demo/sign-in/anna@example.com")
        fill_cart(page, world)
        order = max(world.shop.store.orders)
        for path in (*SHOP, *(f"/admin{each}" for each in ADMIN), f"/admin/orders/{order}"):
            page.goto(f"{world.url}{path}")
            found = Axe().run(page, options=RULES).response["violations"]
            assert [(each["id"], each["nodes"][0]["html"]) for each in found] == [], path
            assert asked(page, "document.documentElement.scrollWidth <= innerWidth"), path
