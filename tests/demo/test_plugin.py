"""The loyalty plugin inside the demo shop keeps the contract of the WordPress plugin."""

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable

import jwt
import pytest
import requests

from demo.server import RunningShop
from demo.woocommerce.plugin import PairingFailed, Plugin
from tests.demo.conftest import Open
from tests.demo.world import Clock, Received, Receiver, signed_in

KEY = bytes(range(32))
LOADER = "https://loyalty.example/widget/v1/loader.js"
PAGES = ("/", "/product/stoneware-mug/", "/cart/", "/checkout/", "/my-account/login/")


def pair_answer(got: Received) -> tuple[int, dict[str, str], bytes]:
    key = base64.urlsafe_b64encode(KEY).rstrip(b"=").decode()
    body = {"kid": "k1", "key": key, "loader_url": LOADER}
    return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()


@pytest.fixture
def paired(open_shop: Open, receiver: Receiver) -> RunningShop:
    running = open_shop()
    receiver.answer = pair_answer
    plugin_of(running).configure(server_url=f"{receiver.url}/", shop_key="shop-1", pairing_code="12-34")
    plugin_of(running).activate()
    return running


def plugin_of(running: RunningShop) -> Plugin:
    assert running.shop.plugin is not None
    return running.shop.plugin


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not done():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


def test_pairing_trades_the_code_for_a_key(paired: RunningShop, receiver: Receiver) -> None:
    [got] = receiver.received

    assert (got.method, got.path) == ("POST", "/webhooks/woocommerce/shop-1/pair")
    assert got.headers["Content-Type"] == "application/json"
    assert json.loads(got.body) == {"code": "12-34", "plugin_version": "0.1.0", "site_url": paired.url}
    assert (plugin_of(paired).kid, plugin_of(paired).key) == ("k1", KEY)


@pytest.mark.parametrize(
    "answer",
    [(403, {}, b"{}"), (200, {}, b"<html>"), (200, {}, b"[]"), (200, {}, b'{"kid":"k","key":"QQ","loader_url":"x"}')],
)
def test_a_failed_pairing_says_so_and_changes_nothing(
    open_shop: Open, receiver: Receiver, answer: tuple[int, dict[str, str], bytes]
) -> None:
    plugin = plugin_of(open_shop())
    receiver.answer = lambda got: answer
    plugin.configure(server_url=receiver.url, shop_key="s", pairing_code="c")

    with pytest.raises(PairingFailed):
        plugin.activate()

    assert not plugin.active


def test_an_unpaired_shop_prints_nothing(open_shop: Open) -> None:
    assert "data-shop" not in requests.get(open_shop().url, timeout=9).text


@pytest.mark.parametrize("page", PAGES)
def test_every_page_carries_exactly_one_tag(paired: RunningShop, page: str) -> None:
    text = requests.get(paired.url + page, timeout=9).text

    home = paired.url
    assert (
        f'<script async src="{LOADER}" data-shop="shop-1" data-identity="{home}/wp-json/regulars/v1/identity" '
        f'data-store="{home}/wp-json/wc/store/v1" data-lang="en"></script>'
    ) in text
    assert text.count("data-shop=") == 1


def test_only_the_thank_you_page_names_the_order_and_only_with_its_key(paired: RunningShop) -> None:
    order = paired.shop.place_order()
    url = f"{paired.url}/checkout/order-received/{order.id}/"

    thanks = requests.get(url, params={"key": order.key}, timeout=9)

    assert f'data-lang="en" data-order="{order.id}"></script>' in thanks.text
    assert requests.get(url, params={"key": "wc_order_x"}, timeout=9).status_code == 404
    assert requests.get(url, timeout=9).status_code == 404
    assert "data-order" not in requests.get(paired.url, timeout=9).text


def test_a_page_of_a_signed_in_customer_holds_no_identity(paired: RunningShop) -> None:
    customer = paired.shop.add_customer("anna@example.com", first_name="Anna")
    cookies = signed_in(paired, customer.id)

    for page in PAGES:
        text = requests.get(paired.url + page, cookies=cookies, timeout=9).text
        tag = re.search(r"<script async [^>]*>", text)
        assert tag is not None
        assert "anna" not in tag[0].lower()
        assert "eyJ" not in text


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_identity_is_a_short_lived_token_for_the_signed_in(paired: RunningShop, clock: Clock, method: str) -> None:
    customer = paired.shop.add_customer("anna@example.com")
    url, cookies = f"{paired.url}/wp-json/regulars/v1/identity", signed_in(paired, customer.id)

    answers = [requests.request(method, url, cookies=cookies, headers={"X-Regulars": "1"}, timeout=9) for _ in range(2)]

    assert answers[0].headers["Cache-Control"] == "no-store, private"
    token = answers[0].json()["token"]
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT", "kid": "k1"}
    options = {"verify_exp": False, "verify_iat": False, "require": ["iss", "aud", "sub", "iat", "exp", "jti"]}
    claims = jwt.decode(token, KEY, ["HS256"], audience="shop-1", issuer=paired.url, options=options)  # type: ignore[arg-type]
    assert claims["sub"] == str(customer.id)
    assert (claims["iat"], claims["exp"] - claims["iat"]) == (int(clock()), 300)
    other = jwt.decode(answers[1].json()["token"], options={"verify_signature": False})
    assert other["jti"] != claims["jti"]


def test_a_guest_has_no_token(paired: RunningShop) -> None:
    url = f"{paired.url}/wp-json/regulars/v1/identity"

    assert requests.get(url, headers={"X-Regulars": "1"}, timeout=9).json() == {"token": None}


def test_the_identity_is_closed_to_other_origins(paired: RunningShop) -> None:
    customer = paired.shop.add_customer("anna@example.com")
    url, cookies = f"{paired.url}/wp-json/regulars/v1/identity", signed_in(paired, customer.id)
    origin = {"Origin": "https://elsewhere.example"}

    without_header = requests.get(url, cookies=cookies, timeout=9)
    preflight = requests.options(url, headers={**origin, "Access-Control-Request-Headers": "x-regulars"}, timeout=9)
    with_header = requests.get(url, cookies=cookies, headers={**origin, "X-Regulars": "1"}, timeout=9)

    assert (without_header.status_code, "token" in without_header.text) == (403, False)
    assert preflight.status_code >= 400
    for answer in (without_header, preflight, with_header):
        assert not [name for name in answer.headers if name.startswith("Access-Control-")]


def test_an_order_nudges_the_server_with_a_signed_hint(paired: RunningShop, receiver: Receiver, clock: Clock) -> None:
    receiver.received.clear()
    order = paired.shop.place_order()
    until(lambda: len(receiver.received) > 0)

    got = receiver.received[0]
    assert got.path == "/webhooks/woocommerce/shop-1/nudge"
    assert got.headers["Content-Type"] == "application/json"
    digest = hmac.new(KEY, got.body, hashlib.sha256).hexdigest()
    assert (got.headers["X-Regulars-Signature"], got.headers["X-Regulars-Kid"]) == (f"v1={digest}", "k1")
    body = json.loads(got.body)
    assert (set(body), body["order"], body["at"]) == ({"order", "at", "nonce"}, str(order.id), int(clock()))
    assert re.fullmatch(r"[0-9a-f]{32}", body["nonce"])


def test_one_change_nudges_once(paired: RunningShop, receiver: Receiver) -> None:
    receiver.received.clear()
    plugin_of(paired).gather_s = 0.5

    paired.shop.place_order()
    until(lambda: len(receiver.received) > 0)
    time.sleep(0.3)

    assert len(receiver.received) == 1


@pytest.mark.parametrize("deed", ["complete", "cancel", "trash", "refund", "delete_refund"])
def test_every_change_of_an_order_nudges(paired: RunningShop, receiver: Receiver, deed: str) -> None:
    shop = paired.shop
    order = shop.place_order()
    refund = shop.refund(order.id, amount="1.00")
    time.sleep(0.3)
    receiver.received.clear()

    match deed:
        case "refund":
            shop.refund(order.id, amount="1.00")
        case "delete_refund":
            shop.delete_refund(order.id, refund.id)
        case _:
            getattr(shop, deed)(order.id)

    until(lambda: len(receiver.received) > 0)
    assert json.loads(receiver.received[0].body)["order"] == str(order.id)


def test_a_server_that_does_not_answer_holds_nothing_up(open_shop: Open) -> None:
    running = open_shop()
    plugin = plugin_of(running)
    plugin.configure(server_url="http://127.0.0.1:9", shop_key="s", pairing_code="c")
    plugin.kid, plugin.key, plugin.loader_url = "k", KEY, LOADER

    started = time.monotonic()
    order = running.shop.place_order()

    assert time.monotonic() - started < 3
    assert running.shop.store.orders[order.id].status == "processing"


def test_the_settings_page_pairs_and_disconnects(open_shop: Open, receiver: Receiver) -> None:
    running = open_shop()
    receiver.answer = pair_answer
    form = {"server_url": receiver.url, "shop_key": "shop-1", "pairing_code": "12-34"}
    with requests.Session() as browser:
        browser.get(f"{running.url}/demo/sign-in/owner", timeout=9)
        connected = browser.post(f"{running.url}/wp-admin/plugin/", data=form, timeout=9)
        assert "Connected." in connected.text

        browser.post(f"{running.url}/wp-admin/plugin/", data={"disconnect": "1"}, timeout=9)

    assert not plugin_of(running).active


def test_a_shop_can_do_without_the_plugin(open_shop: Open) -> None:
    running = open_shop(plugin=False)

    assert running.shop.plugin is None
    assert requests.get(f"{running.url}/wp-json/regulars/v1/identity", timeout=9).status_code == 404
