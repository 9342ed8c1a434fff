"""A shopper at a Shoptet shop, in a real browser: proves the e-mail, redeems, and finds the coupon in the shop's own cart."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from app import mailing
from tests.app.shoptet_world import World, opened
from tests.mailbox import Mailbox, mailbox

pytestmark = pytest.mark.browser

CODE = re.compile(r"\b[A-Z2-9]{4}-[A-Z2-9]{4}\b")


@contextmanager
def at_the_shop(chromium: Browser, folder: Path, *, generation: int) -> Iterator[tuple[World, Mailbox, Page]]:
    """Customer 1 is signed in, has points, and two tees in the cart."""
    with mailbox() as box, opened(folder / "data", smtp_url=box.url, generation=generation) as world:
        world.install()
        world.buy(1, pieces=10)
        world.work()
        context = chromium.new_context()
        context.set_default_timeout(10_000)
        page = context.new_page()
        customer = world.fake.store.customers[1]
        page.goto(f"{world.platform.url}/demo/sign-in/{customer.email}?next=/everyday-tee/")
        page.click("text=Add to cart")
        page.locator("#cart-count:text-is('1'), .count:text-is('1')").first.wait_for()
        page.goto(f"{world.platform.url}/kosik/")
        try:
            yield world, box, page
        finally:
            context.close()


def part(page: Page, key: str) -> Locator:
    return page.locator(f'regulars-widget [data-key="{key}"]')


def prove(world: World, box: Mailbox, page: Page) -> None:
    page.locator("regulars-widget .launcher").click()
    part(page, "ask").click()
    expect(part(page, "code")).to_be_visible()
    mailing.send_due(world.runtime, world.merchant_id)
    found = CODE.search(box.taken[-1].text)
    assert found is not None
    part(page, "code").fill(found.group())
    part(page, "confirm").click()
    expect(page.locator("regulars-widget .points")).to_have_text(re.compile(r"\d points"))


def redeem(page: Page, points: int) -> None:
    page.locator("regulars-widget input").first.fill(str(points))
    page.locator("regulars-widget").get_by_role("button", name=re.compile("^Get ")).click()


def coupons_in_cart(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate("[].concat(getShoptetDataLayer('cartInfo').discountCoupon || [])")
    return found


def test_a_shopper_proves_the_e_mail_redeems_and_has_the_coupon_in_the_cart(chromium: Browser, tmp_path: Path) -> None:
    with at_the_shop(chromium, tmp_path, generation=3) as (world, box, page):
        prove(world, box, page)

        redeem(page, 500)

        expect(part(page, "applied")).to_have_text(re.compile("€5.00 off waits in your cart"))
        [coupon] = coupons_in_cart(page)
        assert len(coupon["code"]) <= 16
        had = world.points(1)
        order = world.buy(1, pieces=2, code=coupon["code"])
        world.work()
        assert world.points(1) == had + world.target(order)  # what was held is spent
        assert box.taken[-1].recipients == (world.fake.store.customers[1].email,)


def test_where_the_shops_template_has_no_such_functions_the_code_is_shown_to_be_typed(
    chromium: Browser, tmp_path: Path
) -> None:
    with at_the_shop(chromium, tmp_path, generation=2) as (world, box, page):
        prove(world, box, page)

        redeem(page, 500)

        expect(part(page, "applied")).to_have_text(re.compile("enter it at the checkout"))
        assert coupons_in_cart(page) == []
