"""The theme's blocks and the UI extensions in a real browser: with the widget's own loader, and with a made-up checkout."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.widgets.shopfront import EUR, SERVER
from tests.widgets.shopify_front import ALLOW, APP_KEY, IDENTITY, drawn, shopify_front, texts_of

pytestmark = pytest.mark.browser

APP = Path("connectors/shopify/storefront").resolve()
FORM = '<form action="/en/cart/add"><input name="id" value="11"><select name="size"><option>S<option>L</select></form>'
POINTS = "regulars-product-points [role=status]"


def test_the_button_loads_the_widget_unchanged_and_it_knows_the_shopper(chromium: Browser) -> None:
    with shopify_front(chromium) as front:
        front.visit(drawn("launcher"))

        expect(front.page.locator("regulars-widget .launcher")).to_have_accessible_name("Rewards, 380 points")
        script = front.page.locator("script[data-shop]")
        expect(script).to_have_attribute("data-identity", IDENTITY)
        expect(script).to_have_attribute("data-account", "/account")
        assert front.bearers == ["Bearer a-token"]
        assert front.calls("/loader.js") == 1


def test_a_shop_key_in_the_shops_own_data_spares_a_call(chromium: Browser) -> None:
    with shopify_front(chromium) as front:
        front.visit(drawn("launcher", shop=front.identity["shop_key"]))

        expect(front.page.locator("regulars-widget .launcher")).to_be_visible()
        assert front.calls(IDENTITY) == 1  # the widget's own; without the key it is two


def test_several_launchers_load_one_widget(chromium: Browser) -> None:
    with shopify_front(chromium) as front:
        front.visit(drawn("launcher"), drawn("launcher"))

        expect(front.page.locator("regulars-widget .launcher")).to_be_visible()
        front.page.wait_for_load_state("networkidle")
        assert front.page.locator("script[data-shop]").count() == 1


@pytest.mark.parametrize("identity", [503, {}, {"shop_key": "../../evil"}, {"shop_key": None, "token": None}])
def test_without_an_answer_the_shop_is_as_it_was(chromium: Browser, identity: Any) -> None:
    with shopify_front(chromium) as front:
        front.identity = identity
        problems: list[str] = []
        front.page.on("pageerror", lambda error: problems.append(str(error)))
        front.visit(drawn("launcher"), drawn("product-points"), drawn("account"))
        front.page.wait_for_load_state("networkidle")

        assert front.calls(IDENTITY) == 1
        assert front.calls("/loader.js") == 0
        assert problems == []
        assert front.page.locator("[role=status]").all_inner_texts() == ["", ""]


def test_a_product_says_what_it_earns_in_every_form(chromium: Browser) -> None:
    with shopify_front(chromium) as front:
        front.lang = "cs"
        front.visit(drawn("product-points", lang="cs"))
        expect(front.page.locator(POINTS)).to_have_text("Za tento produkt získáte 149 bodů")
        front.identity["earn"] = {"points": 3, "per_minor": 4990, "currency": "EUR", "digits": 2}
        front.visit(drawn("product-points", lang="cs"))
        expect(front.page.locator(POINTS)).to_have_text("Za tento produkt získáte 3 body")


@pytest.mark.parametrize(
    ("digits", "per_minor", "points"), [(2, 4991, None), (2, 4990, 1), (0, 49, 1), (0, 50, None), (3, 49900, 1)]
)
def test_points_are_rounded_down_in_the_currencys_own_units(
    chromium: Browser, digits: int, per_minor: int, points: int | None
) -> None:
    with shopify_front(chromium) as front:
        front.identity["earn"] = {"points": 1, "per_minor": per_minor, "currency": "EUR", "digits": digits}
        front.visit(drawn("product-points"))
        front.page.wait_for_load_state("networkidle")

        expect(front.page.locator(POINTS)).to_have_text("Earn 1 point with this product" if points else "")


def test_another_variant_earns_its_own_points(chromium: Browser) -> None:
    with shopify_front(chromium) as front:
        front.visit(drawn("product-points"), FORM)
        expect(front.page.locator(POINTS)).to_have_text("Earn 149 points with this product")
        # As themes do: the choice is the shopper's, the id follows it.
        front.page.evaluate("document.querySelector('select').onchange = () => document.forms[0].id.value = '12'")
        front.page.evaluate("document.forms[0].elements.id.value = '12'")
        front.page.locator("select").select_option("L")

        expect(front.page.locator(POINTS)).to_have_text("Earn 299 points with this product")
        assert front.calls(IDENTITY) == 1


@pytest.mark.parametrize("earn", [None, {}, {"points": 3, "per_minor": 100, "currency": "CZK", "digits": 2}])
def test_a_product_promises_nothing_that_is_not_known(chromium: Browser, earn: Any) -> None:
    with shopify_front(chromium) as front:
        front.identity["earn"] = earn
        front.visit(drawn("product-points"))
        front.page.wait_for_load_state("networkidle")

        expect(front.page.locator(POINTS)).to_have_text("")
        assert front.page.locator("regulars-product-points").bounding_box()["height"] > 10  # type: ignore[index]


def test_the_account_block_says_the_points_and_opens_the_widget(chromium: Browser) -> None:
    with shopify_front(chromium) as front:
        front.visit(drawn("account"), drawn("launcher"))

        expect(front.page.locator("regulars-account")).to_have_text("You have 380 points")
        expect(front.page.locator("regulars-widget .launcher")).to_be_visible()
        front.page.get_by_role("link", name="Show my rewards").click()
        expect(front.page.locator("regulars-widget .note")).to_have_text(  # no panel here: but the widget heard it
            "Your rewards could not be loaded. The shop itself works as usual."
        )


def test_the_account_block_knows_strangers_and_customers_who_have_not_joined(chromium: Browser) -> None:
    with shopify_front(chromium) as front:
        front.visit(drawn("account", customer=False))
        expect(front.page.get_by_role("link", name="Sign in to see your points")).to_have_attribute(
            "href", "/account/login"
        )
        front.me = {"points": None}
        front.visit(drawn("account"))
        expect(front.page.locator("regulars-account")).to_have_text("You have no points in this shop yet.")


# --- the UI extensions, as they are bundled

CHECKOUT = """
const TEXTS = %s;
const targets = {};
const fill = (text, values) => text.replace(/\\{\\{(\\w+)\\}\\}/g, (_, name) => values[name]);
const forms = new Intl.PluralRules("en");
const fixed = (value) => ({ value, subscribe: () => () => {} });
window.changes = [];
const codes = { value: [], subscribe: () => () => {} };
window.shopify = {
  extend: (target, run) => { targets[target] = run; },
  sessionToken: { get: async () => "session-token" },
  extension: { editor: %s },
  i18n: {
    translate: (key, values = {}) => fill(typeof TEXTS[key] == "object" ? TEXTS[key][forms.select(values.count)] : TEXTS[key], values),
    formatNumber: (number) => new Intl.NumberFormat("en").format(number),
    formatCurrency: (number, options) => new Intl.NumberFormat("en", { style: "currency", ...options }).format(number),
    formatDate: (date, options) => new Intl.DateTimeFormat("en", options).format(date),
  },
  cost: { totalAmount: fixed({ amount: 100, currencyCode: "EUR" }) },
  discountCodes: codes,
  instructions: fixed({ discounts: { canUpdateDiscountCodes: true } }),
  orderConfirmation: fixed({ order: { id: "gid://shopify/OrderIdentity/5123" }, isFirstOrder: false }),
  applyDiscountCodeChange: async (change) => {
    changes.push(change);
    codes.value = [{ code: change.code }];
    return { type: "success" };
  },
};
window.start = (target) => targets[target]();
"""
MEMBER: dict[str, Any] = {
    "points": {"available": 700, "pending": 40},
    "value": {"minor": 700, **EUR},
    "rewards": [{"id": "500", "points": 500, "value": {"minor": 500, **EUR}}],
    "codes": [],
}
READY: dict[str, Any] = {
    "id": "r1",
    "state": "ready",
    "code": "RG-ABCD",
    "points": 500,
    "value": {"minor": 500, **EUR},
    "expires_at": "2027-01-31T12:00:00Z",
}


class Host:
    """A page that runs one bundle as Shopify would, without Shopify's own look."""

    def __init__(self, page: Page, bundle: Path, *, editor: str = "undefined") -> None:
        self.page = page
        self.asked: list[tuple[str, str, Any]] = []
        self.bearers: set[str | None] = set()
        self.answers: dict[str, Any] = {"GET balance": MEMBER}
        self._standin = CHECKOUT % (json.dumps(texts_of(bundle.stem, "en")), editor)
        self._bundle = bundle.read_text().replace("@server_url@", SERVER).replace("@app_key@", APP_KEY)
        page.route("**/*", self._serve)

    def run(self, target: str) -> None:
        self.page.goto("https://checkout.example/")
        self.page.add_script_tag(content=self._standin)
        self.page.add_script_tag(content=self._bundle)
        self.page.evaluate("target => start(target)", target)

    def _serve(self, route: Route) -> None:
        request = route.request
        path = request.url.removeprefix(f"{SERVER}/widget/v1/extension/{APP_KEY}/")
        if path == request.url:
            return route.fulfill(body="<!doctype html><title>Checkout</title><body></body>", content_type="text/html")
        if request.method == "OPTIONS":
            return route.fulfill(status=204, headers=ALLOW)
        self.asked.append((request.method, path, request.post_data and json.loads(request.post_data)))
        self.bearers.add(request.headers.get("authorization"))
        return route.fulfill(json=self.answers[f"{request.method} {path}"], headers=ALLOW)


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory, node_with_packages: str) -> Path:
    folder = tmp_path_factory.mktemp("bundles")
    subprocess.run([node_with_packages, str(APP / "check.mjs"), str(folder)], check=True, timeout=120)
    return folder


@pytest.fixture
def page(chromium: Browser) -> Any:
    context = chromium.new_context(locale="en", timezone_id="Europe/Prague")
    context.set_default_timeout(8000)
    yield context.new_page()
    context.close()


def test_at_the_checkout_a_reward_becomes_a_discount(bundles: Path, page: Page) -> None:
    host = Host(page, bundles / "regulars-checkout.js")
    host.answers["POST redeem"] = READY
    host.run("purchase.checkout.reductions.render-after")

    expect(page.locator("s-text")).to_have_text("You have 700 points.")
    expect(page.locator("s-option")).to_have_text("500 points: €5.00 off")
    expect(page.locator("s-button")).to_have_attribute("disabled", "true")
    page.locator("s-select").evaluate("it => { it.value = 'reward-500'; it.dispatchEvent(new Event('change')); }")
    expect(page.locator("s-button")).not_to_have_attribute("disabled", "true")
    host.answers["GET balance"] = {**MEMBER, "points": {"available": 200, "pending": 40}, "codes": [READY]}
    page.locator("s-button").click()

    expect(page.locator("s-text")).to_have_text("Your code RG-ABCD is on this order.")
    assert page.evaluate("changes") == [{"type": "addDiscountCode", "code": "RG-ABCD"}]
    ((_, _, body),) = [call for call in host.asked if call[0] == "POST"]
    assert body["reward"] == "500"
    assert len(body["idempotency_key"]) == 32
    assert host.bearers == {"Bearer session-token"}


def test_a_refusal_at_the_checkout_is_said_and_nothing_applied(bundles: Path, page: Page) -> None:
    host = Host(page, bundles / "regulars-checkout.js")
    host.answers["POST redeem"] = {"state": "broken"}
    host.run("purchase.checkout.reductions.render-after")
    choose = "it => { it.value = 'reward-500'; it.dispatchEvent(new Event('change')); }"

    for _ in range(2):
        page.locator("s-select").evaluate(choose)
        page.locator("s-button").click()
        expect(page.get_by_text("That did not work. Please try again.")).to_be_visible()

    keys = [body["idempotency_key"] for method, _, body in host.asked if method == "POST"]
    assert len(keys) == 2
    assert len(set(keys)) == 1  # nobody knows what the first call did: it is the same intent
    assert page.evaluate("changes") == []


def test_a_stranger_at_the_checkout_sees_nothing(bundles: Path, page: Page) -> None:
    host = Host(page, bundles / "regulars-checkout.js")
    host.answers["GET balance"] = {"points": None, "value": None, "rewards": [], "codes": []}
    host.run("purchase.checkout.reductions.render-after")
    page.wait_for_load_state("networkidle")

    assert [call[:2] for call in host.asked] == [("GET", "balance")]
    assert page.locator("body > *").count() == 0


def test_the_thank_you_page_says_what_the_order_earned(bundles: Path, page: Page) -> None:
    host = Host(page, bundles / "regulars-checkout.js")
    host.answers["GET order/5123"] = {"points": 1490}
    host.run("purchase.thank-you.block.render")

    expect(page.locator("s-text")).to_have_text("You earned 1,490 points with this order.")


def test_the_editor_shows_where_the_points_will_be_and_asks_nobody(bundles: Path, page: Page) -> None:
    host = Host(page, bundles / "regulars-checkout.js", editor="{ type: 'checkout' }")
    host.run("purchase.thank-you.block.render")

    expect(page.locator("s-text")).to_have_text("The points earned with the order appear here.")
    assert host.asked == []


def test_the_profile_lists_points_and_codes(bundles: Path, page: Page) -> None:
    host = Host(page, bundles / "regulars-account.js")
    host.answers["GET balance"] = {**MEMBER, "codes": [READY, {**READY, "id": "r2", "state": "used"}]}
    host.run("customer-account.profile.block.render")

    expect(page.locator("s-text")).to_have_text(
        ["700 points", "Worth €7.00", "40 points are on their way.", "RG-ABCD", "€5.00 off, valid until Jan 31, 2027"]
    )


def test_the_profile_says_when_there_are_no_points_and_when_nobody_answers(bundles: Path, page: Page) -> None:
    host = Host(page, bundles / "regulars-account.js")
    host.answers["GET balance"] = {"points": None}
    host.run("customer-account.profile.block.render")
    expect(page.locator("s-text")).to_have_text("You have no points in this shop yet.")

    host.answers["GET balance"] = []
    host.run("customer-account.profile.block.render")
    expect(page.locator("s-text")).to_have_text("Your points could not be loaded. Please try again later.")
