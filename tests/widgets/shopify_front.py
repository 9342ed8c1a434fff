"""A made-up Shopify shop's page with our blocks on it: the blocks drawn from their own files, the answers canned.

Shopify's Liquid runs nowhere but at Shopify; `drawn` puts in what each expression would print and fails on any other.
"""

import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from playwright.sync_api import Browser, Page, Route

from connectors.shopify.package import SLUG, package_zip
from tests.widgets.shopfront import CONFIG, ME, SERVER, SHOP, SHOP_KEY, STATIC, changed
from widgets.browser_texts import LOADER_TEXTS, compiled
from widgets.catalogues import catalogue

APP_KEY = "f" * 32
EXTENSIONS = Path("connectors/shopify/storefront/extensions").resolve()
THEME = EXTENSIONS / "regulars-theme"
IDENTITY = "/apps/regulars/token"
ALLOW = {"access-control-allow-origin": "*", "access-control-allow-headers": "authorization, content-type"}


def texts_of(extension: str, language: str) -> dict[str, Any]:
    name = f"{language}{'.default' if language == 'en' else ''}.json"
    found: dict[str, Any] = json.loads((EXTENSIONS / extension / "locales" / name).read_text())
    return found


def shipped(name: str) -> str:
    """A file of the archive, filled in."""
    with ZipFile(io.BytesIO(package_zip(server_url=SERVER, app_key=APP_KEY, client_id="c" * 32))) as archive:
        return archive.read(f"{SLUG}/{name}").decode()


def drawn(block: str, *, lang: str = "en", currency: str = "EUR", shop: str = "", customer: bool = True) -> str:
    """The block as the shop would draw it, for a product with the variants 11 (49.90) and 12 (99.90)."""
    text = (THEME / f"blocks/{block}.liquid").read_text()
    text = re.sub(r"\{%-? comment.*?endcomment -?%\}|\{% schema.*?endschema %\}", "", text, flags=re.DOTALL)
    chosen = 1 if customer else 2
    choice = r"\{%- if customer -%\}(.*?)\{%- else -%\}(.*?)\{%- endif -%\}"
    text = re.sub(choice, lambda match: match.group(chosen), text, flags=re.DOTALL)
    text = re.sub(r"\{%- for variant .*?endfor -%\}", ', "12": 9990', text, flags=re.DOTALL)
    text = re.sub(r"\{%-?.*?-?%\}", "", text, flags=re.DOTALL)
    values = {
        "app.metafields.regulars.shop_key.value | default: '' | escape": shop,
        "routes.account_url | escape": "/account",
        "routes.account_login_url | escape": "/account/login",
        "localization.language.iso_code | slice: 0, 2 | escape": lang,
        "cart.currency.iso_code | escape": currency,
        "chosen.id | escape": "11",
        "chosen.price | json": "4990",
        "block.shopify_attributes": "",
    }
    for group, texts in texts_of("regulars-theme", lang).items():
        values |= {f"'{group}.{key}' | t | escape": value for key, value in texts.items()}
    return re.sub(r"\{\{-?(.*?)-?\}\}", lambda match: values[match.group(1).strip()], text, flags=re.DOTALL)


class ShopifyFront:
    """`asked`: every call, in order. `identity`: what /apps/regulars/token answers, or a status."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.lang = "en"
        self.asked: list[str] = []
        self.bearers: list[str | None] = []
        self.identity: Any = {
            "shop_key": SHOP_KEY,
            "token": "a-token",
            "expires_in": 300,
            "earn": {"points": 3, "per_minor": 100, "currency": "EUR", "digits": 2},
        }
        self.me: Any = ME
        self._html = ""
        self._script = shipped("extensions/regulars-theme/assets/regulars.js")
        page.route("**/*", self._serve)

    def visit(self, *blocks: str) -> None:
        body = f"<main><h1>Kitchen</h1>{''.join(blocks)}</main>"
        scripts = '<script src="/regulars.js" defer></script>' * 2  # a shop may load it twice
        self._html = f'<!doctype html><html lang="{self.lang}"><title>Linden</title><body>{body}{scripts}</body></html>'
        self.page.goto(SHOP)

    def calls(self, end: str) -> int:
        return sum(call.endswith(end) for call in self.asked)

    def _serve(self, route: Route) -> None:
        request = route.request
        url = request.url.partition("?")[0]
        self.asked.append(f"{request.method} {url}")
        door = f"{SERVER}/widget/v1"
        if url == f"{SHOP}/":
            return route.fulfill(body=self._html, content_type="text/html; charset=utf-8")
        if url == f"{SHOP}/regulars.js":
            return route.fulfill(body=self._script, content_type="text/javascript")
        if url == SHOP + IDENTITY:
            known = request.headers.get("x-regulars") == "1" and not isinstance(self.identity, int)
            return route.fulfill(json=self.identity if known else {}, status=200 if known else 403)
        if url == f"{door}/loader.js":
            return route.fulfill(body=(STATIC / "loader.js").read_text(), content_type="text/javascript")
        if url == f"{door}/api/{SHOP_KEY}/config":
            words = compiled(LOADER_TEXTS, catalogue(self.lang))
            return route.fulfill(json=changed(CONFIG, lang=self.lang, words=words), headers=ALLOW)
        if url == f"{door}/api/{SHOP_KEY}/me":
            if request.method == "OPTIONS":
                return route.fulfill(status=204, headers=ALLOW)
            self.bearers.append(request.headers.get("authorization"))
            return route.fulfill(json=self.me, headers=ALLOW)
        return route.fulfill(status=404, body="")


@contextmanager
def shopify_front(browser: Browser) -> Iterator[ShopifyFront]:
    context = browser.new_context(locale="en")
    context.set_default_timeout(8000)
    try:
        yield ShopifyFront(context.new_page())
    finally:
        context.close()
