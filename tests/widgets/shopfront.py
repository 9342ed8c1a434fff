"""A made-up shop's page and canned answers of the widget's door, to see every state of the panel without a server.

The answers have the shapes of widgets/presenters.py; test_presenters.py holds them against it.
"""

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Browser, Page, Route

from widgets.browser_texts import LOADER_TEXTS, PANEL_TEXTS, compiled
from widgets.catalogues import catalogue

SHOP = "https://shop.example"
SERVER = "https://points.example"
CUSTOMER = "2f6c1a52-5b9c-11ef-9c1f-0242ac120002"
SHOP_KEY = "0123456789abcdef0123456789abcdef"
STATIC = Path("widgets/static/v1").resolve()
EUR = {"currency": "EUR", "digits": 2}

Answer = dict[str, Any]

CONFIG: Answer = {
    "state": "live",
    "lang": "en",
    "dir": "ltr",
    "program": "Linden Club",
    "launcher": True,
    "theme": {
        "scheme": "auto",
        "side": "end",
        "colours": {"brand": "#1f5f4a", "on-brand": "#ffffff", "accent-light": "#1f5f4a", "accent-dark": "#5cb797"},
    },
    "identity": "shop",
    "mailed": None,
    "panel": "static/x/panel.js",
    "texts": "static/x/texts.en.json",
    "words": {},
    "links": {"account": f"{SHOP}/my-account/"},
    "earn": [
        {"icon": "order", "title": "Buy something", "text": "3 points for every €1.00"},
        {"icon": "join", "title": "Become a member", "text": "100 points once"},
    ],
    "redeem": [{"icon": "discount", "title": "A discount on your order", "text": "100 points are worth €1.00"}],
    "terms": ["Points are free to use 14 days after the purchase.", "Points are valid for 12 months."],
}
ME: Answer = {
    "points": {"available": 380, "pending": 57, "held": 0, "debt": 0},
    "value": {"minor": 380, **EUR},
    "pending": {"points": 57, "on": "2026-12-05"},
    "expiring": None,
    "goal": {"points": 500, "missing": 120, "value": {"minor": 500, **EUR}},
    "redeem": {"allowed": True, "minimum": 100, "maximum": 380, "step": 10, "unit": {"minor": 10, **EUR}},
    "codes": [],
    "order": None,
}
CODE: Answer = {
    "id": "r1",
    "state": "ready",
    "code": "LIN-7KQ2MZX4PTRWB9CDH",
    "points": 300,
    "value": {"minor": 300, **EUR},
    "expires_at": "2026-12-01T20:00:00Z",
}
HISTORY: Answer = {
    "items": [
        {
            "on": "2026-11-21",
            "text": "Order #1042: 48.40 € × 3, free to use from 5 December",
            "points": 57,
            "note": None,
        },
        {"on": "2026-11-14", "text": "Used on order #1031: 3.00 € off", "points": -300, "note": None},
        {"on": "2026-11-12", "text": "Adjusted by the shop", "points": 50, "note": "Sorry for the late parcel!"},
        {"on": "2026-11-01", "text": "Points of order #998 became free to use", "points": 0, "note": None},
        {"on": "2026-10-20", "text": "Part of order #990 was returned", "points": -27, "note": None},
        {"on": "2026-10-02", "text": "Welcome to the program", "points": 100, "note": None},
    ],
    "next": "more",
}
CART: Answer = {
    "coupons": [],
    "totals": {"total_price": "4840", "currency_code": "EUR", "currency_minor_unit": 2},
}


def changed(base: Answer, **changes: Any) -> Answer:
    return {**copy.deepcopy(base), **changes}


PAGE = """<!doctype html><html lang="{lang}" dir="{dir}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Linden, household goods</title>
<style>html{{font:16px/1.6 Georgia,serif;color:#222;background:#fff}}body{{margin:0}}*{{letter-spacing:.01em}}
button{{background:red}}h2{{color:red}}p{{margin-block:1em}}
header{{padding:20px 32px;border-bottom:1px solid #ddd;font-size:22px}}
main{{padding:32px;display:grid;gap:24px;grid-template-columns:repeat(auto-fill,minmax(220px,1fr))}}
.tile{{background:#efeae2;border-radius:8px;height:260px}}</style></head>
<body><header>Linden</header><main id="main"><h1>Kitchen</h1>{tiles}
<p>Ceramics, linen and wood. <a href="/cart">Cart</a></p></main>
<script async src="{server}/widget/v1/loader.js" data-shop="{key}" data-identity="{identity}"
 data-store="{store}" data-lang="{lang}" {extra}></script></body></html>"""


class Shopfront:
    """One browser page in the made-up shop. `answers`: "GET me" and the like -> a value, (status, value), or a function."""

    def __init__(self, page: Page, lang: str) -> None:
        self.page = page
        self.lang = lang
        self.seen: list[tuple[str, str]] = []
        self.sent: list[Any] = []
        self.dir = "ltr"
        self.extra = ""
        self.identity_address = "/wp-json/regulars/v1/identity"
        self.store = "/wp-json/wc/store/v1"
        self.policy = ""
        self.texts: dict[str, Any] = dict(compiled(PANEL_TEXTS, catalogue(lang)))
        self.config = changed(CONFIG, lang=lang, words=compiled(LOADER_TEXTS, catalogue(lang)))
        self.cart = copy.deepcopy(CART)
        self.cart_refusal: str | None = None
        self.identity: Answer = {"token": "a-token", "nonce": "n0"}
        self.answers: dict[str, Any] = {
            "GET config": lambda _query: self.config,
            "GET me": ME,
            "GET history": HISTORY,
            "POST hint": (202, {}),
        }
        page.route("**/*", self._serve)

    def visit(self, path: str = "/") -> None:
        self.page.goto(SHOP + path)

    def open(self, path: str = "/") -> None:
        self.visit(path)
        self.page.locator("regulars-widget .launcher").click()
        self.page.locator("regulars-widget dialog").wait_for()
        self.page.locator("regulars-widget dialog [aria-busy]").wait_for(state="detached")

    def _serve(self, route: Route) -> None:
        url = urlsplit(route.request.url)
        self.seen.append((route.request.method, f"{url.scheme}://{url.netloc}{url.path}"))
        if url.netloc == urlsplit(SERVER).netloc:
            self._serve_door(route, url.path, parse_qs(url.query))
        else:
            self._serve_shop(route, url.path)

    def _serve_door(self, route: Route, path: str, query: dict[str, list[str]]) -> None:
        allow = {"access-control-allow-origin": SHOP}
        tail = path.removeprefix("/widget/v1/")
        if tail in ("loader.js", "static/x/panel.js", "static/x/mailed.js"):
            body = (STATIC / tail.rsplit("/", 1)[-1]).read_text()
            return route.fulfill(body=body, content_type="text/javascript", headers=allow)
        if tail.startswith("static/x/texts"):
            return route.fulfill(json=self.texts, headers=allow)
        if route.request.method == "OPTIONS":
            allow |= {
                "access-control-allow-headers": "authorization, content-type",
                "access-control-allow-methods": "*",
            }
            return route.fulfill(status=204, headers=allow | {"access-control-allow-methods": "GET, POST, DELETE"})
        name = f"{route.request.method} {tail.removeprefix(f'api/{SHOP_KEY}/')}"
        if route.request.post_data:
            self.sent.append((name, json.loads(route.request.post_data)))
        answer = self.answers.get(name, (404, {"error": {"code": "not_found", "message": "Not found"}}))
        if callable(answer):
            answer = answer(query)
        if answer is None:
            return None  # never answered
        status, value = answer if isinstance(answer, tuple) else (200, answer)
        return route.fulfill(status=status, json=value, headers=allow)

    def _serve_shop(self, route: Route, path: str) -> None:
        if path == "/wp-json/regulars/v1/identity":
            known = route.request.headers.get("x-regulars") == "1"
            return route.fulfill(json=self.identity if known else {}, status=200 if known else 403)
        if path.startswith("/wp-json/wc/store/v1/cart"):
            return self._serve_cart(route, path.rsplit("/", 1)[-1])
        tiles = '<div class="tile"></div>' * 7
        html = PAGE.format(
            lang=self.lang,
            dir=self.dir,
            server=SERVER,
            key=SHOP_KEY,
            tiles=tiles,
            identity=self.identity_address,
            store=self.store,
            extra=self.extra,
        )
        headers = {"content-security-policy": self.policy} if self.policy else {}
        return route.fulfill(body=html, content_type="text/html; charset=utf-8", headers=headers)

    def _serve_cart(self, route: Route, what: str) -> None:
        if route.request.method == "POST":
            if route.request.headers.get("nonce") != "n1":
                return route.fulfill(status=401, json={"code": "woocommerce_rest_missing_nonce", "message": "Missing"})
            if self.cart_refusal is not None:
                refusal = {"code": "woocommerce_rest_cart_coupon_error", "message": self.cart_refusal}
                return route.fulfill(status=400, json=refusal)
            applied = what == "apply-coupon"
            code = json.loads(route.request.post_data or "{}")["code"].lower()
            self.cart["coupons"] = [{"code": code}] if applied else []
            self.cart["totals"]["total_price"] = "4540" if applied else "4840"
        return route.fulfill(json=self.cart, headers={"Nonce": "n1"})


@contextmanager
def shopfront(
    browser: Browser, *, lang: str = "en", width: int = 1280, dark: bool = False, **options: Any
) -> Iterator[Shopfront]:
    context = browser.new_context(
        viewport={"width": width, "height": 800 if width > 600 else 760},
        color_scheme="dark" if dark else "light",
        locale=lang,
        timezone_id="Europe/Prague",
        permissions=["clipboard-write", "clipboard-read"],
        **options,
    )
    context.set_default_timeout(8000)
    try:
        yield Shopfront(context.new_page(), lang)
    finally:
        context.close()


def to_history(front: Shopfront) -> None:
    front.open()
    front.page.get_by_role("button", name=front.texts["history"]).click()
    front.page.locator("regulars-widget dialog [aria-busy]").wait_for(state="detached")


def press(key: str) -> Callable[[Shopfront], None]:
    def act(front: Shopfront) -> None:
        front.open()
        front.page.locator(f'regulars-widget [data-key="{key}"]').click()
        front.page.wait_for_timeout(250)

    return act


def no_answers(front: Shopfront) -> None:
    """Opens the panel while the server keeps silent."""
    front.answers["GET me"] = lambda _query: None if front.page.locator("dialog").count() else ME
    front.visit()
    front.page.locator("regulars-widget .launcher").click()
    front.page.locator("regulars-widget dialog .wait").wait_for()


def fail_me(front: Shopfront) -> None:
    front.answers["GET me"] = (500, {"error": {"code": "broken", "message": "x"}})
    front.open()


def after_purchase(front: Shopfront) -> None:
    front.extra = 'data-order="1042"'
    front.answers["GET me"] = lambda query: changed(ME, order={"points": 57} if "order" in query else None)
    front.visit("/order-received")
    front.page.locator("regulars-widget .note:not(:empty)").wait_for()


def refuse_cart(front: Shopfront) -> None:
    front.cart_refusal = "The minimum spend for this coupon is &quot;<span>50,00&nbsp;&euro;</span>&quot;."
    press("redeem")(front)


def late_code(front: Shopfront) -> None:
    front.answers["POST redemptions"] = (202, changed(CODE, state="preparing", code=None))
    front.answers["GET redemptions/r1"] = changed(CODE, state="preparing", code=None)
    front.page.clock.install()
    front.open()
    front.page.locator('regulars-widget [data-key="redeem"]').click()
    for _ in range(14):
        front.page.clock.run_for(1000)
        front.page.wait_for_timeout(40)


def by_mail(front: Shopfront) -> None:
    """A shop whose pages name the customer and sign nothing; its server knows this browser once the code was right."""
    front.config.update(identity="mail", mailed="static/x/mailed.js")
    front.identity_address = ""
    front.extra = f'data-customer="{CUSTOMER}"'
    front.answers["POST proofs"] = (202, {})
    front.answers["POST proofs/confirm"] = {"token": "kept-token"}
    front.answers["POST session"] = {"token": "short-token", "expires_in": 300}


def wrong_code(front: Shopfront) -> None:
    message = "This code is not right, or no longer valid. Please check it, or ask for a new one."
    front.answers["POST proofs/confirm"] = (403, {"error": {"code": "wrong_code", "message": message}})
    press("ask")(front)
    front.page.locator('regulars-widget [data-key="code"]').fill("ABCD-EFGH")
    front.page.locator('regulars-widget [data-key="confirm"]').click()
    front.page.locator("regulars-widget .bad").wait_for()


def no_mail(front: Shopfront) -> None:
    message = "Codes cannot be sent at the moment. Please try again later."
    front.answers["POST proofs"] = (503, {"error": {"code": "no_mail", "message": message}})
    press("ask")(front)


def blocked(message: str, **changes: Any) -> Answer:
    return changed(ME, redeem={"allowed": False, "reason": "stopped", "message": message}, **changes)


# Every state that a shopper can see: what differs, and how to get there.
STATES: dict[str, tuple[Callable[[Shopfront], Any], Callable[[Shopfront], Any]]] = {
    "launcher": (lambda _front: None, lambda front: front.visit() or front.page.locator(".launcher").wait_for()),
    "signed_out": (lambda front: front.identity.update(token=None), Shopfront.open),
    "joinable": (lambda front: front.answers.update({"GET me": {"points": None}}), Shopfront.open),
    "member": (lambda _front: None, Shopfront.open),
    "member_with_codes": (
        lambda front: front.answers.update(
            {
                "GET me": changed(
                    ME,
                    points={"available": 1380, "pending": 157, "held": 300, "debt": 0},
                    value={"minor": 1380, **EUR},
                    goal={"points": 2000, "missing": 620, "value": {"minor": 2000, **EUR}},
                    expiring={"points": 80, "through": "2026-12-31"},
                    codes=[CODE, changed(CODE, id="r2", state="preparing", code=None, points=100)],
                )
            }
        ),
        Shopfront.open,
    ),
    "giving_back": (lambda front: front.answers.update({"GET me": changed(ME, codes=[CODE])}), press("give-r1")),
    "applied": (lambda front: front.answers.update({"POST redemptions": (201, CODE)}), press("redeem")),
    "refused_by_cart": (lambda front: front.answers.update({"POST redemptions": (201, CODE)}), refuse_cart),
    "late": (lambda _front: None, late_code),
    "redeem_failed": (
        lambda front: front.answers.update(
            {"POST redemptions": (409, {"error": {"code": "conflict", "message": "Your balance has changed."}})}
        ),
        press("redeem"),
    ),
    "history": (lambda _front: None, to_history),
    "history_empty": (lambda front: front.answers.update({"GET history": {"items": [], "next": None}}), to_history),
    "paused": (
        lambda front: (
            front.config.update(state="paused"),
            front.answers.update({"GET me": blocked("The program is paused, so points cannot be used at the moment.")}),
        ),
        Shopfront.open,
    ),
    "debt": (
        lambda front: front.answers.update(
            {
                "GET me": blocked(
                    "Points can be used again once the balance is above zero.",
                    points={"available": 0, "pending": 0, "held": 0, "debt": -40},
                    value={"minor": 0, **EUR},
                    pending=None,
                    goal=None,
                )
            }
        ),
        Shopfront.open,
    ),
    "below_minimum": (
        lambda front: front.answers.update(
            {
                "GET me": blocked(
                    "Points can be used from 100 points on.",
                    points={"available": 60, "pending": 0, "held": 0, "debt": 0},
                    value={"minor": 60, **EUR},
                    pending=None,
                    goal={"points": 100, "missing": 40, "value": {"minor": 100, **EUR}},
                )
            }
        ),
        Shopfront.open,
    ),
    "redeem_stopped": (
        lambda front: front.answers.update({"GET me": blocked("The shop has stopped redeeming for now.")}),
        Shopfront.open,
    ),
    "prove": (by_mail, Shopfront.open),
    "prove_failed": (by_mail, no_mail),
    "code_sent": (by_mail, press("ask")),
    "code_wrong": (by_mail, wrong_code),
    "staff_preview": (lambda front: front.config.update(state="staff"), Shopfront.open),
    "loading": (lambda _front: None, no_answers),
    "error": (lambda _front: None, fail_me),
    "after_purchase": (lambda _front: None, after_purchase),
}


def show(front: Shopfront, state: str) -> None:
    prepare, act = STATES[state]
    prepare(front)
    act(front)
