"""What pages of the shop hold, which a cache may keep, and what the identity route answers, which no cache may."""

import base64
import json
from typing import Any

import pytest

from tests.plugin.conftest import Php

ASK = "answer(regulars_may_ask_identity(new WP_REST_Request($in)) === true);"


def test_every_page_loads_the_widget_and_names_nobody(plugin: Php) -> None:
    attributes, script = plugin("connected(); World::$user = 5; do_action('wp_footer'); answer(World::$printed);")

    assert attributes == {
        "async": True,
        "src": "https://points.example/widget/v1/loader.js",
        "data-shop": "0123456789abcdef",
        "data-identity": "https://shop.example/wp-json/regulars/v1/identity",
        "data-store": "https://shop.example/wp-json/wc/store/v1",
        "data-lang": "cs",
    }
    assert "regulars:applied" in script
    assert "nonce" not in script


@pytest.mark.parametrize(
    ("key", "order"), [("wc_order_9", "9"), ("wc_order_8", None), ("", None), (["wc_order_9"], None)]
)
def test_the_thank_you_page_names_the_order_to_whoever_holds_its_key(plugin: Php, key: Any, order: str | None) -> None:
    attributes = plugin(
        "connected(); World::$received = 9; World::$orders = [9 => new WC_Order(9)]; $_GET['key'] = $in;"
        "do_action('wp_footer'); answer(World::$printed[0]);",
        key,
    )

    assert attributes.get("data-order") == order


def test_a_shop_that_is_not_connected_shows_nothing(plugin: Php) -> None:
    assert plugin("regulars_start(); do_action('wp_footer'); answer(World::$printed);") == []


def test_a_logged_in_customer_gets_a_token_and_a_nonce(plugin: Php) -> None:
    data, printed = plugin(
        "connected(); World::$user = 17; answer([regulars_answer_identity()->data, World::$printed]);"
    )

    header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in data["token"].split(".")[:2])
    assert header == {"alg": "HS256", "typ": "JWT", "kid": "k1"}
    assert (claims["iss"], claims["aud"], claims["sub"]) == ("https://shop.example", "0123456789abcdef", "17")
    assert claims["exp"] - claims["iat"] == 300
    assert data["nonce"] == "nonce for wc_store_api"
    assert printed == ["user 17"]


def test_a_guest_gets_no_token_but_a_nonce(plugin: Php) -> None:
    data = plugin("connected(); answer(regulars_answer_identity()->data);")

    assert data == {"token": None, "nonce": "nonce for wc_store_api"}


@pytest.mark.parametrize(
    "headers",
    [
        {"x_regulars": "1"},
        {"x_regulars": "1", "sec_fetch_site": "same-origin"},
        {"x_regulars": "1", "origin": "https://shop.example"},
        {"x_regulars": "1", "origin": "https://SHOP.example:443", "sec_fetch_site": "same-origin"},
    ],
)
def test_pages_of_the_shop_may_ask(plugin: Php, headers: dict[str, str]) -> None:
    assert plugin(f"connected(); {ASK}", headers) is True


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x_regulars": "0"},
        {"x_regulars": "1", "sec_fetch_site": "cross-site"},
        {"x_regulars": "1", "sec_fetch_site": "same-site"},
        {"x_regulars": "1", "sec_fetch_site": "none"},
        {"x_regulars": "1", "origin": "null"},
        {"x_regulars": "1", "origin": ""},
        {"x_regulars": "1", "origin": "http://shop.example"},
        {"x_regulars": "1", "origin": "https://shop.example:8443"},
        {"x_regulars": "1", "origin": "https://evil.example"},
        {"x_regulars": "1", "origin": "https://shop.example.evil.example"},
    ],
)
def test_nobody_else_may_ask(plugin: Php, headers: dict[str, str]) -> None:
    assert plugin(f"connected(); {ASK}", headers) is False


def test_no_cache_keeps_the_answer_and_other_routes_are_left_alone(plugin: Php) -> None:
    ours, others = plugin(
        "connected(); $r = fn($route) => do_action('rest_post_dispatch', new WP_REST_Response(null), null,"
        " new WP_REST_Request([], $route))->headers; answer([$r('/regulars/v1/identity'), (object) $r('/wc/v3/orders')]);"
    )

    assert ours == {"Cache-Control": "no-store, private"}
    assert others == {}
