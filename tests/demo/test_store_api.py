"""The Store API's guards: nonce, Cart-Token, cookies and origins; and carts that follow their owner."""

import pytest
import requests

from tests.demo.conftest import Open
from tests.demo.world import Basket, Clock, checkout_body, rest, signed_in

ITEM = {"id": 11, "quantity": 1}


def test_a_write_without_a_nonce_or_with_a_wrong_one_is_refused(open_shop: Open) -> None:
    running = open_shop()
    url = f"{running.url}/wp-json/wc/store/v1/cart/add-item"

    missing = requests.post(url, json=ITEM, timeout=9)
    wrong = requests.post(url, json=ITEM, headers={"Nonce": "0123456789"}, timeout=9)

    assert (missing.status_code, missing.json()["code"]) == (401, "woocommerce_rest_missing_nonce")
    assert (wrong.status_code, wrong.json()["code"]) == (403, "woocommerce_rest_invalid_nonce")


def test_a_cart_token_alone_may_write_on_current_shops_only(version: str, open_shop: Open) -> None:
    basket = Basket(open_shop(version))
    basket.call("GET", "cart")
    del basket.headers["Nonce"]

    answer = basket.call("POST", "cart/add-item", ITEM)

    assert answer.status_code == (201 if version == "11.0.1" else 401)


def test_a_forged_or_old_cart_token_is_nobody(open_shop: Open, clock: Clock) -> None:
    running = open_shop()
    basket = Basket(running).filled()
    token = basket.headers["Cart-Token"]
    url = f"{running.url}/wp-json/wc/store/v1/cart"

    def items(token: str) -> int:
        return int(requests.get(url, headers={"Cart-Token": token}, timeout=9).json()["items_count"])

    assert items(token) == 2
    head, body, seal = token.split(".")
    assert items(f"{head}.{body}.{seal[::-1]}") == 0
    clock.turn(48 * 3600 + 1)
    assert items(token) == 0


def test_a_nonce_outlives_one_tick_and_not_two(open_shop: Open, clock: Clock) -> None:
    running = open_shop()
    url = f"{running.url}/wp-json/wc/store/v1/cart"
    nonce = requests.get(url, timeout=9).headers["Nonce"]

    def status() -> int:
        return requests.post(f"{url}/add-item", json=ITEM, headers={"Nonce": nonce}, timeout=9).status_code

    clock.turn(12 * 3600)
    assert status() == 201
    clock.turn(12 * 3600)
    assert status() == 403


def test_a_guest_is_known_by_the_session_cookie(open_shop: Open) -> None:
    running = open_shop()
    url = f"{running.url}/wp-json/wc/store/v1/cart"
    with requests.Session() as browser:
        nonce = browser.get(url, timeout=9).headers["Nonce"]
        browser.post(f"{url}/add-item", json=ITEM, headers={"Nonce": nonce}, timeout=9)

        assert browser.get(url, timeout=9).json()["items_count"] == 1
    assert requests.get(url, timeout=9).json()["items_count"] == 0


def test_an_emptied_cart_takes_its_cookies_back(open_shop: Open) -> None:
    running = open_shop()
    url = f"{running.url}/wp-json/wc/store/v1/cart"
    with requests.Session() as browser:
        browser.headers["Nonce"] = browser.get(url, timeout=9).headers["Nonce"]
        browser.post(f"{url}/add-item", json=ITEM, timeout=9)
        assert browser.cookies["woocommerce_items_in_cart"] == "1"

        browser.delete(f"{url}/items", timeout=9)

        assert "woocommerce_items_in_cart" not in browser.cookies


def test_a_guests_cart_comes_along_when_they_sign_in(open_shop: Open) -> None:
    running = open_shop()
    customer = running.shop.add_customer("anna@example.com")
    url = f"{running.url}/wp-json/wc/store/v1/cart"
    with requests.Session() as browser:
        nonce = browser.get(url, timeout=9).headers["Nonce"]
        browser.post(f"{url}/add-item", json=ITEM, headers={"Nonce": nonce}, timeout=9)

        browser.get(f"{running.url}/demo/sign-in/{customer.id}", timeout=9)

        cart = browser.get(url, timeout=9)
        assert (cart.json()["items_count"], cart.headers["User-ID"]) == (1, str(customer.id))


def test_other_origins_may_ask_and_only_a_cart_token_may_read(open_shop: Open) -> None:
    running = open_shop()
    url = f"{running.url}/wp-json/wc/store/v1/cart"
    origin = {"Origin": "https://elsewhere.example"}

    preflight = requests.options(url, headers=origin, timeout=9)
    plain = requests.get(url, headers=origin, timeout=9)
    token = requests.get(url, headers={**origin, "Cart-Token": plain.headers["Cart-Token"]}, timeout=9)

    assert preflight.headers["Access-Control-Allow-Origin"] == "https://elsewhere.example"
    assert "Access-Control-Allow-Origin" not in plain.headers
    assert token.headers["Access-Control-Allow-Origin"] == "https://elsewhere.example"


def test_items_are_changed_and_removed_by_their_key(open_shop: Open) -> None:
    basket = Basket(open_shop()).filled()
    [item] = basket.call("GET", "cart").json()["items"]

    changed = basket.call("POST", "cart/update-item", {"key": item["key"], "quantity": 5}).json()
    removed = basket.call("POST", "cart/remove-item", {"key": item["key"]}).json()

    assert (changed["items_count"], removed["items_count"]) == (5, 0)
    assert basket.call("POST", "cart/remove-item", {"key": item["key"]}).status_code == 409


def test_a_code_can_be_taken_off_the_cart_again(open_shop: Open) -> None:
    running = open_shop()
    running.shop.add_coupon("five")
    basket = Basket(running).filled()
    basket.call("POST", "cart/apply-coupon", {"code": "FIVE"})

    assert basket.call("POST", "cart/remove-coupon", {"code": "five"}).json()["coupons"] == []
    assert basket.call("POST", "cart/remove-coupon", {"code": "five"}).status_code == 409


def test_downloads_are_not_shipped(open_shop: Open) -> None:
    cart = Basket(open_shop()).filled(13, 1).call("GET", "cart").json()

    assert (cart["needs_shipping"], cart["totals"]["total_price"], cart["shipping_rates"]) == (False, "990", [])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"payment_method": ""}, "woocommerce_rest_checkout_missing_payment_method"),
        ({"payment_method": "gold"}, "woocommerce_rest_checkout_payment_method_disabled"),
        ({"billing_address": {"email": "nonsense"}}, "woocommerce_rest_invalid_email_address"),
    ],
)
def test_an_incomplete_checkout_is_refused_and_the_cart_stays(
    open_shop: Open, body: dict[str, object], code: str
) -> None:
    basket = Basket(open_shop()).filled()

    answer = basket.call("POST", "checkout", {**checkout_body(), **body})

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert basket.call("GET", "cart").json()["items_count"] == 2


def test_an_empty_cart_cannot_be_checked_out(open_shop: Open) -> None:
    basket = Basket(open_shop())
    basket.call("GET", "cart")

    assert basket.check_out().json()["code"] == "woocommerce_rest_cart_empty"


def test_the_checkout_can_make_an_account_and_signs_it_in(open_shop: Open) -> None:
    running = open_shop()
    basket = Basket(running).filled(email="new@ex.cz")

    answer = basket.check_out(email="new@ex.cz", create_account=True)

    customer = running.shop.store.customer_by_email("new@ex.cz")
    assert customer is not None
    assert answer.json()["customer_id"] == customer.id
    assert running.shop.site.login_cookie in answer.cookies
    again = Basket(running).filled(email="new@ex.cz").check_out(email="new@ex.cz", create_account=True)
    assert (again.status_code, again.json()["code"]) == (400, "registration-error-email-exists")


def test_an_order_of_a_signed_in_customer_is_theirs_and_leaves_the_address(open_shop: Open) -> None:
    running = open_shop()
    customer = running.shop.add_customer("anna@example.com")
    basket = Basket(running, cookies=signed_in(running, customer.id))
    basket.filled(email="anna@example.com")

    order = basket.check_out(email="anna@example.com").json()

    assert order["customer_id"] == customer.id
    assert rest(running).get(f"customers/{customer.id}").json()["billing"]["city"] == "Brno"


def test_free_shipping_can_come_with_a_code(open_shop: Open) -> None:
    running = open_shop()
    running.shop.add_coupon("ship", "0.00", free_shipping=True)
    basket = Basket(running).filled()

    cart = basket.call("POST", "cart/apply-coupon", {"code": "ship"}).json()

    assert (cart["totals"]["total_shipping"], cart["totals"]["total_price"]) == ("0", "2420")
