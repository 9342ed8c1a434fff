"""The storefront and the admin of the fake Shoptet without a browser: globals, snippets, the cart's actions, staff deeds."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from jsonschema import Draft7Validator

from demo.shoptet.addon import AddonConfig
from demo.shoptet.amounts import Json
from tests.demo.shoptet_world import World, contract_in, opened

ROOT = Path(__file__).resolve().parents[2]
XHR = {"X-Shoptet-XHR": "Shoptet_Coo7ai"}
DATA = re.compile(r'<script id="shoptet-data" type="application/json">(.*?)</script>', re.DOTALL)
TOKEN = re.compile(r'csrf: \{ token: "([0-9a-f]+)"')


class Visitor:
    """A browser without scripts."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.session = requests.Session()

    def page(self, path: str = "/") -> str:
        answer = self.session.get(f"{self.world.url}{path}", timeout=20)
        assert answer.status_code == 200
        return answer.text

    def layer(self, path: str = "/") -> Json:
        found = DATA.search(self.page(path))
        assert found is not None
        told: Json = json.loads(found.group(1))
        return told

    def token(self) -> str:
        found = TOKEN.search(self.page())
        assert found is not None
        return found.group(1)

    def act(
        self, deed: str, *, group: str = "Cart", headers: dict[str, str] | None = None, **form: Any
    ) -> requests.Response:
        form = {"__csrf__": self.token(), **form}
        url = f"{self.world.url}/action/{group}/{deed}/"
        head = XHR if headers is None else headers
        return self.session.post(url, data=form, headers=head, allow_redirects=False, timeout=20)

    def put(self, product: int = 11, amount: int = 2) -> "Visitor":
        assert self.act("addCartItem", priceId=product, amount=amount).json()["code"] == 200
        return self

    def coupon(self, code: str) -> tuple[int, str]:
        told = self.act("addDiscountCoupon", discountCouponCode=code).json()
        assert told.keys() == {"code", "message", "payload"}
        return told["code"], told["message"]

    def sign_in(self, email: str, password: str = "demo") -> None:
        self.session.post(f"{self.world.url}/prihlaseni/", data={"email": email, "password": password}, timeout=20)

    def check_out(self, payment: str = "demo_card", email: str = "guest@ex.cz") -> str:
        """Where the browser ends up."""
        url = self.world.url
        self.session.post(f"{url}/objednavka/krok-1/", data={"payment": payment}, timeout=20)
        form = {"email": email, "first_name": "Guest", "last_name": "Host", "city": "Brno"}
        return self.session.post(f"{url}/objednavka/krok-2/", data=form, timeout=20).url.removeprefix(url)


@pytest.fixture
def world() -> Iterator[World]:
    with opened() as world:
        yield world


@pytest.fixture
def visitor(world: World) -> Visitor:
    return Visitor(world)


PAGES = {
    "/": "homepage",
    "/stoneware-mug/": "productDetail",
    "/kosik/": "cart",
    "/objednavka/krok-1/": "billingAndShipping",
    "/objednavka/krok-2/": "customerDetails",
    "/klient/": "unknown",
}


def test_every_page_tells_the_data_layer_of_the_vendors_schema(
    world: World, visitor: Visitor, contracts_dir: Path
) -> None:
    schema = Draft7Validator(json.loads((contracts_dir / "shoptet/datalayer.schema.json").read_text()))
    world.shop.add_coupon("LP")
    customer = world.somebody()
    visitor.put(14)
    visitor.sign_in("jana@ex.cz")
    visitor.coupon("LP")
    layers = {path: visitor.layer(path) for path in PAGES}
    layers["thankYou"] = visitor.layer(visitor.check_out())

    for told in layers.values():
        assert [error.message for error in schema.iter_errors(told)] == []
    assert {path: told["pageType"] for path, told in layers.items()} == PAGES | {"thankYou": "thankYou"}
    assert layers["/kosik/"]["pageId"] == 9
    assert layers["/"]["customer"]["guid"] == world.shop.guid("customer", customer.id)
    assert layers["/"]["customer"]["email"] == "jana@ex.cz"
    assert layers["/"]["projectId"] == 222651
    assert layers["/kosik/"]["cartInfo"]["getNoBillingShippingPrice"] == {
        "withVat": 22.8,
        "withoutVat": 20.36,
        "vat": 2.44,
    }
    order = layers["thankYou"]["order"]
    assert order["orderNo"] == world.shop.code(max(world.shop.store.orders))
    assert order["total"] == 27.8


@pytest.mark.parametrize("name", ["guest", "logged_in", "coupon_applied"])
def test_the_data_layer_has_what_the_samples_have(
    world: World, visitor: Visitor, contracts_dir: Path, name: str
) -> None:
    world.shop.add_coupon("LP")
    world.somebody()
    visitor.put()
    if name != "guest":
        visitor.sign_in("jana@ex.cz")
    if name == "coupon_applied":
        visitor.coupon("LP")
    sample, ours = contract_in(contracts_dir).sample(f"datalayer_{name}"), visitor.layer("/kosik/")

    assert ours.keys() == sample.keys()
    for part in ("customer", "cartInfo", "currencyInfo"):
        assert ours[part].keys() == sample[part].keys(), part
    assert [each.keys() for each in ours["cartInfo"]["discountCoupon"]] == [
        each.keys() for each in sample["cartInfo"]["discountCoupon"]
    ]


def test_a_second_login_of_a_customer_is_the_same_customer_but_not_the_main_account(
    world: World, visitor: Visitor
) -> None:
    customer = world.somebody()
    world.shop.add_account(customer.id, "second@ex.cz", name="Second Login")
    visitor.sign_in("second@ex.cz")
    told = visitor.layer()["customer"]

    assert told["guid"] == world.shop.guid("customer", customer.id)
    assert (told["email"], told["fullName"], told["mainAccount"]) == ("second@ex.cz", "Second Login", False)


def test_a_guest_has_no_guid_and_a_wrong_password_stays_one(world: World, visitor: Visitor) -> None:
    world.somebody()
    visitor.sign_in("jana@ex.cz", "wrong")
    told = visitor.layer()["customer"]

    assert "guid" not in told
    assert told["registered"] is False


def test_snippets_stand_where_they_belong(world: World, visitor: Visitor) -> None:
    html = {place: f"<i>{place}</i>" for place in ("common-header", "common-footer", "order-confirmed")}
    rows = [{"location": place, "html": text} for place, text in html.items()]
    world.write("POST", "/api/template-include", {"snippets": rows})
    page, thanks = visitor.page(), visitor.page(visitor.put().check_out())

    assert page.index(html["common-header"]) < page.index("</head>") < page.index(html["common-footer"])
    assert html["order-confirmed"] not in page
    assert all(text in thanks for text in html.values())
    assert world.refused("POST", "/api/template-include", {"snippets": [{"location": "nowhere", "html": ""}]}) == (
        400, ["template-include-location-invalid"],
    )  # fmt: skip
    world.write("DELETE", "/api/template-include/common-header")
    assert html["common-header"] not in visitor.page()
    assert world.refused("DELETE", "/api/template-include/common-header")[0] == 404
    world.shop.suspend()
    assert html["common-footer"] not in visitor.page()


def test_a_coupon_goes_on_the_cart_and_off_again(world: World, visitor: Visitor) -> None:
    world.shop.add_coupon("LP")
    visitor.put()
    assert visitor.coupon("lp")[0] == 200
    on = visitor.layer("/kosik/")["cartInfo"]
    assert 'name="discountCouponCode"' not in visitor.page("/kosik/")
    assert visitor.act("removeDiscountCoupon").json()["code"] == 200
    off = visitor.layer("/kosik/")["cartInfo"]

    assert [each["code"] for each in on["discountCoupon"]] == ["LP"]
    assert on["getNoBillingShippingPrice"]["withVat"] == 19.2
    assert off["discountCoupon"] == []
    assert off["getNoBillingShippingPrice"]["withVat"] == 24.2
    assert 'name="discountCouponCode"' in visitor.page("/kosik/")


def test_a_cart_refuses_what_does_not_fit_and_says_why(world: World, visitor: Visitor) -> None:
    for code in ("ONE", "TWO"):
        world.shop.add_coupon(code)
    world.shop.add_coupon("MIN", minPrice="99.00")
    assert visitor.coupon("ONE") == (400, "Your cart is empty.")
    visitor.put()
    assert visitor.coupon("NOPE") == (400, "This discount coupon does not exist.")
    assert visitor.coupon("MIN") == (400, "The value of your cart is too low for this discount coupon.")
    assert visitor.coupon("ONE")[0] == 200
    assert visitor.coupon("TWO") == (400, "Only one discount coupon can be used in a cart.")
    assert visitor.layer()["cartInfo"]["discountCoupon"][0]["code"] == "ONE"


def test_a_coupon_falls_off_when_the_cart_no_longer_fits_it(world: World, visitor: Visitor) -> None:
    world.shop.add_coupon("MIN", minPrice="20.00")
    visitor.put(11, 2)
    visitor.coupon("MIN")
    visitor.act("setCartItemAmount", priceId=11, amount=1)

    assert visitor.layer()["cartInfo"]["discountCoupon"] == []


def test_a_form_without_its_token_does_nothing(world: World, visitor: Visitor) -> None:
    world.shop.add_coupon("LP")
    visitor.put()
    stranger = Visitor(world)
    answers = [visitor.act("addDiscountCoupon", discountCouponCode="LP", __csrf__=token).json()["code"]
               for token in ("", stranger.token())]  # fmt: skip

    assert answers == [403, 403]
    assert visitor.layer()["cartInfo"]["discountCoupon"] == []


def test_without_the_header_the_answer_is_a_page(world: World, visitor: Visitor) -> None:
    world.shop.add_coupon("LP")
    visitor.put()
    bad = visitor.act("addDiscountCoupon", headers={}, discountCouponCode="NOPE")
    good = visitor.act("addDiscountCoupon", headers={}, discountCouponCode="LP")

    assert (bad.status_code, good.status_code) == (302, 302)
    assert good.headers["Location"] == "/kosik/"
    assert "does not exist" in visitor.page(bad.headers["Location"])


def test_the_express_checkout_has_its_own_addresses(world: World, visitor: Visitor) -> None:
    world.shop.add_coupon("LP")
    visitor.put()
    codes = [visitor.act(deed, group="ExpressCheckout", discountCouponCode="LP").json()["code"]
             for deed in ("addDiscountCoupon", "removeDiscountCoupon")]  # fmt: skip

    assert codes == [200, 200]


@pytest.mark.parametrize("signed_in", [True, False])
def test_buying_at_the_storefront_uses_the_coupon_for_customer_and_guest(
    world: World, visitor: Visitor, signed_in: bool
) -> None:
    world.shop.add_coupon("LP")
    customer = world.somebody()
    visitor.put()
    if signed_in:
        visitor.sign_in("jana@ex.cz")
    visitor.coupon("LP")
    end = visitor.check_out("cod")
    order = world.get("/api/orders")["orders"][0]

    assert end.startswith("/objednavka/dekujeme/")
    assert order["customerGuid"] == (world.shop.guid("customer", customer.id) if signed_in else None)
    assert (order["price"]["withVat"], order["paid"], order["email"]) == ("24.20", False, "guest@ex.cz")
    assert world.get("/api/discount-coupons/LP")["coupon"]["usedCount"] == 1
    assert visitor.layer()["cart"] == []


def test_a_coupon_used_elsewhere_meanwhile_is_taken_off_at_the_end(world: World, visitor: Visitor) -> None:
    world.shop.add_coupon("LP")
    visitor.put()
    visitor.coupon("LP")
    world.shop.place_order(coupons=["LP"])
    assert visitor.check_out() == "/objednavka/krok-2/"
    assert visitor.check_out().startswith("/objednavka/dekujeme/")
    assert world.get("/api/orders")["orders"][0]["price"]["withVat"] == "29.20"


def test_who_registers_is_a_customer_and_can_sign_out(world: World, visitor: Visitor) -> None:
    form = {"email": "new@ex.cz", "password": "secret"}
    visitor.session.post(f"{world.url}/registrace/", data=form, timeout=20)
    guid = visitor.layer()["customer"]["guid"]
    found = world.get("/api/customers?email=new@ex.cz")["customers"]
    visitor.session.post(f"{world.url}/action/Customer/logout/", timeout=20)

    assert [each["guid"] for each in found] == [guid]
    assert "guid" not in visitor.layer()["customer"]


def post(world: World, path: str, **form: Any) -> requests.Response:
    return requests.post(f"{world.url}{path}", data=form, allow_redirects=False, timeout=20)


def test_staff_do_from_the_admin_what_tests_do_by_method(world: World) -> None:
    world.shop.add_coupon("LP")
    order = world.shop.place_order({11: 2}, coupons=["LP"], payment="cod")
    line, path = order.lines[0].id, f"/admin/orders/{order.id}"

    def told() -> Any:
        answer = world.order(order.id)
        return answer["status"]["id"], answer["paid"], answer["price"]["withVat"]

    assert told() == (-1, False, "24.20")
    post(world, f"{path}/paid")
    assert told() == (-1, True, "24.20")
    post(world, f"{path}/status", status=-2)
    assert told() == (-2, True, "24.20")
    post(world, f"{path}/credit", **{f"line-{line}": 1})
    assert world.get("/api/credit-notes")["creditNotes"][0]["price"]["withVat"] == "9.60"
    assert "error" in post(world, f"{path}/credit", amount="900").headers["Location"]
    post(world, f"{path}/edit", product=14, units=1, drop_coupon="1")
    assert told() == (-2, True, "43.10")
    post(world, f"{path}/unpaid")
    post(world, f"{path}/cancel")
    assert told() == (-4, False, "43.10")
    post(world, f"{path}/delete")
    assert world.get("/api/orders")["orders"] == []


def test_the_addons_life_and_the_modules_are_in_the_merchants_hand(world: World) -> None:
    site = world.shop.site
    states = []
    for deed in ("suspend", "approve", "terminate", "approve", "uninstall", "install"):
        place = post(world, f"/admin/partner/{deed}").headers["Location"]
        states.append((site.installed, site.suspended))
    post(world, "/admin/partner/modules", module=["rating"])

    assert states == [(True, True), (True, False), (True, True), (True, False), (False, False), (False, False)]
    assert "error" in place
    assert site.modules == {"rating"}


def test_the_partners_registration_can_be_set_over_http(world: World) -> None:
    answer = requests.post(
        f"{world.url}/demo/addon", json={"install_url": "http://a/", "rights": ["eshop"]}, timeout=20
    )
    wrong = requests.post(f"{world.url}/demo/addon", json={"nonsense": 1}, timeout=20)

    assert world.shop.site.addon == AddonConfig(install_url="http://a/", rights=("eshop",))
    assert answer.json()["install_url"] == "http://a/"
    assert wrong.status_code == 400


def test_it_starts_from_the_command_line() -> None:
    command = [sys.executable, "-m", "demo", "--platform", "shoptet", "--port", "0", "--orders", "3"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[6]
            state = requests.get(f"{url}/demo/state", timeout=20).json()
        finally:
            process.terminate()

    assert state["orders"] == 3


def test_demo_sign_in_leads_nowhere_else(world: World) -> None:
    world.somebody()
    for target in ("https://evil.example/", "//evil.example/", "/\\evil.example"):
        answer = requests.get(
            f"{world.url}/demo/sign-in/jana@ex.cz", params={"next": target}, allow_redirects=False, timeout=20
        )
        assert answer.headers["Location"] == "/"
    assert requests.get(f"{world.url}/demo/sign-in/nobody@ex.cz", timeout=20).status_code == 404
