"""Our lines on the shop's pages, run by a real browser where there is one."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Browser

from connectors.shoptet.storefront import MOST_LETTERS, snippet

SERVER, KEY = "https://regulars.example", "0123456789abcdef0123456789abcdef"
LAYER = {
    "language": "cs", "pageType": "thankYou", "order": {"orderNo": "2026000123"},
    "customer": {"guid": "7b0a91c4-2e7b-11f0-9a11-02420a000002", "registered": True},
}  # fmt: skip


def test_the_lines_fit_and_name_the_shop() -> None:
    found = snippet(f"{SERVER}/", KEY)

    assert len(found.encode()) <= MOST_LETTERS
    assert f'"{SERVER}/widget/v1/loader.js"' in found
    assert found.count(KEY) == 2


@pytest.mark.parametrize("key", ["", "x" * 32, '"><script>', KEY + "0"])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="shop key"):
        snippet(SERVER, key)


def test_an_address_ends_no_element_and_too_long_a_one_is_refused() -> None:
    found = snippet("https://regulars.example/</script><b>", KEY)

    assert len(re.findall("</script>", found)) == 1
    with pytest.raises(ValueError, match="too long"):
        snippet("https://regulars.example/" + "x" * MOST_LETTERS, KEY)


def loaded(browser: Browser, before: str) -> dict[str, Any]:
    """What the loader finds on its element."""
    page = browser.new_page()
    try:
        page.route("https://regulars.example/**", lambda route: route.fulfill(body="", content_type="text/javascript"))
        page.set_content(f"<html lang='sk'><body><script>{before}</script>{snippet(SERVER, KEY)}</body></html>")
        found: dict[str, Any] = page.eval_on_selector("script[data-shop]", "each => ({src: each.src, ...each.dataset})")
        return found
    finally:
        page.close()


def test_the_loader_learns_what_the_page_says(chromium: Browser) -> None:
    config = "window.shoptet = {config: {addDiscountCouponUrl: '/action/Cart/addDiscountCoupon/'}};"
    before = f"{config} window.getShoptetDataLayer = () => ({json.dumps(LAYER)});"

    assert loaded(chromium, before) == {
        "src": f"{SERVER}/widget/v1/loader.js",
        "shop": KEY,
        "platform": "shoptet",
        "lang": "cs",
        "customer": "7b0a91c4-2e7b-11f0-9a11-02420a000002",
        "coupon": "/action/Cart/addDiscountCoupon/",
        "order": "2026000123",
    }


@pytest.mark.parametrize("before", ["", "window.getShoptetDataLayer = () => { throw 1 }; window.shoptet = null;"])
def test_a_page_that_says_nothing_gets_the_widget_all_the_same(chromium: Browser, before: str) -> None:
    assert loaded(chromium, before) == {
        "src": f"{SERVER}/widget/v1/loader.js",
        "shop": KEY,
        "platform": "shoptet",
        "lang": "sk",
    }
