"""How calls are signed, and every way in which a shop says no, each an error that tells somebody what to do."""

from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import requests
import responses

from connectors.woocommerce.client import numeric_id, read_json, seconds_apart
from core.errors import (
    AddressChanged,
    ClockSkew,
    CredentialsRefused,
    ExternalNotFound,
    InvalidInput,
    NotJson,
    PermalinksPlain,
    PlatformError,
    PlatformRefused,
    RateLimited,
    ShopUnavailable,
    Unreachable,
    Unreadable,
)
from demo.woocommerce.auth import _check_signature
from demo.woocommerce.demo_shop import DemoShop
from demo.woocommerce.errors import WpError
from tests.connectors.woocommerce.shops import API, BASE, KEY, SECRET, client, connector, page, refusal

NOTICE = "<br />\n<b>Notice</b>: Undefined index: x in <b>/srv/old.php</b> on line <b>7</b><br />\n"

# Every answer of the facts sheet (and its cousins) -> the error, whether trying again makes sense, a word of the sentence.
REFUSALS: dict[str, tuple[dict[str, Any], type[PlatformError], str]] = {
    "revoked key": (refusal("woocommerce_rest_cannot_view", 401), CredentialsRefused, "revoked"),
    "wrong secret": (refusal("woocommerce_rest_authentication_error", 401, "Consumer secret is invalid."),
                     CredentialsRefused, "Read/Write"),
    "wrong secret, in Czech": (refusal("woocommerce_rest_authentication_error", 401, "Klíč není platný."),
                               CredentialsRefused, "Read/Write"),
    "owner without rights": (refusal("woocommerce_rest_cannot_view", 403), CredentialsRefused, "owns our key"),
    "WooCommerce switched off": (refusal("rest_no_route", 404), ShopUnavailable, "switched off"),
    "no such thing": (refusal("woocommerce_rest_shop_order_invalid_id", 404), ExternalNotFound, "Sorry"),
    "no such customer": (refusal("woocommerce_rest_invalid_id", 404), ExternalNotFound, "Sorry"),
    "no such thing to write": (refusal("woocommerce_rest_shop_coupon_invalid_id", 400), ExternalNotFound, "Sorry"),
    "a plugin closes the API": (refusal("rest_not_logged_in", 401), ShopUnavailable, "wp-json"),
    "a plugin forbids the API": (refusal("rest_forbidden", 403), ShopUnavailable, "wp-json"),
    "a plugin hides the API": (refusal("rest_disabled", 404), ShopUnavailable, "wp-json"),
    "maintenance": (page(status=503) | {"headers": {"Retry-After": "600"}}, ShopUnavailable, "maintenance"),
    "PHP died": (page(status=500), Unreachable, "stopped"),
    "PHP died and says so in JSON": (refusal("internal_server_error", 500), Unreachable, "stopped"),
    "gateway": (page(status=502), Unreachable, "gateway"),
    "too many calls": (page(status=429), RateLimited, "fewer"),
    "a front page": (page(), NotJson, "web page"),
    "no WordPress": (page(status=404), NotJson, "no WordPress"),
    "a firewall": (page(status=403), NotJson, "blocks"),
    "a firewall's question": (page(status=401), NotJson, "blocks"),
    "a notice before the data": ({"body": NOTICE + "{}", "content_type": "application/json"}, NotJson, "WP_DEBUG_DISPLAY"),
    "half an answer": ({"body": '{"id": 1', "content_type": "application/json"}, NotJson, "WP_DEBUG_DISPLAY"),
    "an empty answer": ({"body": "", "content_type": "application/json"}, NotJson, "WP_DEBUG_DISPLAY"),
    "a list for an object": ({"json": []}, NotJson, "form"),
    "a text for an object": ({"json": "ok"}, NotJson, "form"),
    "a redirect": ({"status": 301, "headers": {"Location": "https://www.shop.example/"}}, AddressChanged, "www.shop.example"),
    "too large a message": (page(status=413), PlatformRefused, "size"),
    "too large a batch": (refusal("woocommerce_rest_request_entity_too_large", 413), PlatformRefused, "Sorry"),
    "a business error as 500": (refusal("woocommerce_rest_cannot_create_order_refund", 500, "Invalid refund amount."),
                                PlatformRefused, "refund amount"),
    "data as a bare number": (refusal("woocommerce_rest_x", 500, "No.", data=500), PlatformRefused, "No."),
    "data as a bare number, 400": (refusal("woocommerce_rest_x", 400, "No.", data=400), PlatformRefused, "No."),
    "entities and tags": (refusal("x_y", 400, "Coupon &quot;a&quot; <b>is</b> bad."), PlatformRefused, 'Coupon "a" is bad.'),
    "a code that is no text": ({"json": {"code": 7}, "status": 500}, Unreachable, "stopped"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS.values(), ids=REFUSALS.keys())
@responses.activate
def test_a_refusal_is_an_error_that_says_what_to_do(case: tuple[dict[str, Any], type[PlatformError], str]) -> None:
    answer, kind, word = case
    responses.get(f"{API}/orders/5", **answer)
    responses.get(f"{BASE}/", **page())

    with pytest.raises(kind) as problem:
        client().one("GET", "orders/5")

    assert type(problem.value) is kind
    assert word in problem.value.message
    assert SECRET not in problem.value.message


@pytest.mark.parametrize("name", [name for name, (_, kind, _) in REFUSALS.items() if issubclass(kind, Unreadable)])
@responses.activate
def test_what_is_no_statement_never_makes_an_order_gone(name: str) -> None:
    answer, kind, _ = REFUSALS[name]
    responses.get(f"{API}/orders/5", **answer)
    responses.get(f"{BASE}/", **page())

    with pytest.raises(kind):
        connector().orders.get_order("5")


@responses.activate
def test_plain_permalinks_are_told_from_any_other_web_page() -> None:
    responses.get(f"{API}/orders/5", **page())
    responses.get(f"{BASE}/", json={"name": "Shop"})

    with pytest.raises(PermalinksPlain, match="Permalinks"):
        client().one("GET", "orders/5")
    assert "ck_" not in str(responses.calls[-1].request.url)


@responses.activate
def test_plain_permalinks_on_a_server_that_says_404_are_told_too() -> None:
    responses.get(f"{API}/orders/5", **page(status=404))
    responses.get(f"{BASE}/", json={"name": "Shop"})

    with pytest.raises(PermalinksPlain):
        client().one("GET", "orders/5")


@responses.activate
def test_plain_permalinks_that_add_a_slash_first_are_told_from_a_shop_that_moved() -> None:
    responses.get(f"{API}/orders/5", status=301, headers={"Location": f"{API}/orders/5/"})
    responses.get(f"{BASE}/", json={"name": "Shop"})

    with pytest.raises(PermalinksPlain):
        client().one("GET", "orders/5")


@responses.activate
def test_a_shop_that_moved_is_not_taken_for_one_with_plain_permalinks() -> None:
    responses.get(f"{API}/orders/5", status=301, headers={"Location": "https://new.example/wp-json/wc/v3/orders/5"})
    responses.get(f"{BASE}/", status=301, headers={"Location": "https://new.example/"})

    with pytest.raises(AddressChanged, match=r"new\.example"):
        client().one("GET", "orders/5")


@responses.activate
def test_a_key_that_may_only_read_is_named_when_it_writes() -> None:
    message = "Poskytnutý klíč API nemá oprávnění k zápisu."
    responses.post(f"{API}/coupons", **refusal("woocommerce_rest_authentication_error", 401, message))

    with pytest.raises(CredentialsRefused, match="does not let our key write"):
        client().one("POST", "coupons", body={})


@responses.activate
def test_over_tls_the_keys_go_in_the_header_and_never_in_the_address() -> None:
    responses.get(f"{API}/orders/5", json={"id": 5})

    client().one("GET", "orders/5", params={"_fields": "id"})

    request = responses.calls[0].request
    assert request.headers["Authorization"].startswith("Basic ")
    assert "consumer" not in str(request.url)


@responses.activate
def test_a_host_that_strips_the_header_gets_the_keys_in_the_address_from_then_on() -> None:
    responses.get(f"{API}/orders/5", match=[without_keys], **refusal("woocommerce_rest_cannot_view", 401))
    responses.get(f"{API}/orders/5", json={"id": 5})
    shop = client()

    shop.one("GET", "orders/5")
    shop.one("GET", "orders/5")

    assert shop.auth == "query"
    assert len(responses.calls) == 3
    assert "Authorization" not in responses.calls[2].request.headers
    assert parse_qs(urlsplit(str(responses.calls[2].request.url)).query)["consumer_secret"] == [SECRET]


@responses.activate
def test_a_shop_known_to_strip_the_header_is_asked_right_at_once() -> None:
    responses.get(f"{API}/orders/5", json={"id": 5})

    client(auth="query").one("GET", "orders/5")

    assert len(responses.calls) == 1
    assert "consumer_key" in str(responses.calls[0].request.url)


@responses.activate
def test_keys_refused_both_ways_are_refused_and_the_header_stays_the_way() -> None:
    responses.get(f"{API}/orders/5", **refusal("woocommerce_rest_cannot_view", 401))
    shop = client()

    with pytest.raises(CredentialsRefused):
        shop.one("GET", "orders/5")
    assert (shop.auth, len(responses.calls)) == ("basic", 2)


@responses.activate
def test_a_key_known_and_refused_is_not_sent_again_in_the_address() -> None:
    responses.get(f"{API}/orders/5", **refusal("woocommerce_rest_authentication_error", 401))

    with pytest.raises(CredentialsRefused):
        client().one("GET", "orders/5")
    assert len(responses.calls) == 1


@responses.activate
def test_over_plain_http_calls_are_signed_as_the_shop_expects() -> None:
    shop = DemoShop(order_count=0, customer_count=0, home_url="http://shop.example")
    key = shop.create_key()
    key.consumer_key, key.consumer_secret = KEY, SECRET
    responses.get("http://shop.example/wp-json/wc/v3/orders", json=[])

    client("http://shop.example").rows("orders", {"modified_after": "2026-11-21T10:00:00Z", "search": "a b+c@d"})

    request = responses.calls[0].request
    parts = urlsplit(str(request.url))
    assert "Authorization" not in request.headers
    assert SECRET not in str(request.url)
    _check_signature(shop.site, key, "GET", parts.path, dict(parse_qsl(parts.query)))
    with pytest.raises(WpError):
        _check_signature(shop.site, key, "POST", parts.path, dict(parse_qsl(parts.query)))


@responses.activate
def test_a_retry_over_plain_http_is_signed_anew() -> None:
    responses.get("http://shop.example/wp-json/wc/v3/orders", status=503)
    responses.get("http://shop.example/wp-json/wc/v3/orders", json=[])

    client("http://shop.example").rows("orders", {})

    nonces = [parse_qs(urlsplit(str(call.request.url)).query)["oauth_nonce"][0] for call in responses.calls]
    assert len(set(nonces)) == 2
    assert all(len(nonce) == 32 for nonce in nonces)


@responses.activate
def test_clocks_apart_are_known_by_the_shops_date_and_not_by_its_words() -> None:
    late = {"Date": "Sat, 21 Nov 2020 10:00:00 GMT"}
    answer = refusal("woocommerce_rest_authentication_error", 401, "Neplatné časové razítko.")
    responses.get("http://shop.example/wp-json/wc/v3/orders/5", headers=late, **answer)

    with pytest.raises(ClockSkew, match="clocks"):
        client("http://shop.example").one("GET", "orders/5")


@responses.activate
def test_all_rows_are_read_page_by_page_and_the_end_is_noticed() -> None:
    responses.get(f"{API}/webhooks", json=[{"id": number} for number in range(100)], headers={"X-WP-Total": "150"})
    responses.get(f"{API}/webhooks", json=[{"id": number} for number in range(100, 150)])

    rows = client().all_rows("webhooks", {})

    assert [row["id"] for row in rows] == list(range(150))


@responses.activate
def test_a_list_without_end_is_given_up() -> None:
    responses.get(f"{API}/webhooks", json=[{"id": 1}] * 100)

    with pytest.raises(NotJson):
        client().all_rows("webhooks", {}, most=300)


@responses.activate
def test_the_sites_index_is_asked_without_keys() -> None:
    responses.get(f"{BASE}/wp-json/", json={"name": "Shop"})

    assert client().index()["name"] == "Shop"
    assert "Authorization" not in responses.calls[0].request.headers


@responses.activate
def test_a_broken_connection_tells_no_key() -> None:
    responses.get(f"{API}/orders/5", body=requests.ConnectionError(f"Max retries: /?consumer_secret={SECRET}"))

    with pytest.raises(Unreachable) as problem:
        client(auth="query").one("GET", "orders/5")

    assert SECRET not in repr(problem.value)
    assert problem.value.__cause__ is None
    assert problem.value.__context__ is None


@pytest.mark.parametrize(
    "text", ["1e99999999999999999999", "-1e-99999999999999999999", "NaN", "[" * 100_000, "1" * 5_000]
)
def test_a_number_beyond_all_bounds_is_no_json(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_json(f'{{"id": {text}}}'.encode())


def test_a_date_beyond_all_calendars_tells_nothing() -> None:
    assert seconds_apart("01 Jan 99999999999 00:00", 0) is None


def test_numbers_stay_exact() -> None:
    assert str(read_json(b'{"a": 8.623967}')) == "{'a': Decimal('8.623967')}"


@pytest.mark.parametrize("text", ["", "0x5", "-5", "5/../settings", "5?x=1", "５", "5 ", "1" * 21, "abc"])
def test_what_is_no_id_never_gets_into_an_address(text: str) -> None:
    with pytest.raises(InvalidInput):
        numeric_id(text)


def without_keys(request: requests.PreparedRequest) -> tuple[bool, str]:
    return "consumer_key" not in str(request.url), "has keys in the address"
