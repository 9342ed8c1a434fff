"""Who may call the REST API: the real client over plain http, secrets over https only, and what a key may do."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from requests.auth import HTTPBasicAuth

from demo.server import RunningShop
from tests.demo.conftest import Open
from tests.demo.world import Clock, rest

ERROR = "woocommerce_rest_authentication_error"
UNKNOWN = "woocommerce_rest_cannot_view"


def told(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def signed_url(running: RunningShop, **params: str) -> str:
    """A URL the real client would call, signed and unused."""
    api = rest(running)
    return api._API__get_oauth_url(f"{running.url}/wp-json/wc/v3/orders", "GET")


def test_the_real_client_reads_and_writes_over_plain_http(version: str, open_shop: Open) -> None:
    api = rest(open_shop(version))

    made = api.post("customers", {"email": "ěšč+x@example.com", "first_name": "Zoë"})
    found = api.get("customers", params={"email": "ěšč+x@example.com", "role": "all"})

    assert made.status_code == 201
    assert [customer["first_name"] for customer in found.json()] == ["Zoë"]


@pytest.mark.parametrize("search", ["a b", "a+b", "a@b", "ěšč", "2026-01-01T00:00:00Z", "50%"])
def test_any_text_survives_the_signature(open_shop: Open, search: str) -> None:
    assert rest(open_shop()).get("orders", params={"search": search, "per_page": 5}).status_code == 200


def test_a_list_parameter_breaks_the_signature(open_shop: Open) -> None:
    api = rest(open_shop())

    assert told(api.get("orders", params={"status": ["completed", "processing"]})) == (401, ERROR)
    assert told(api.get("orders?status[]=completed")) == (401, ERROR)
    assert api.get("orders", params={"status": "completed,processing"}).status_code == 200


def test_a_signed_call_cannot_be_repeated(open_shop: Open) -> None:
    url = signed_url(open_shop())

    assert requests.get(url, timeout=9).status_code == 200
    again = requests.get(url, timeout=9)

    assert told(again) == (401, ERROR)
    assert again.json()["message"] == "Invalid nonce - nonce has already been used."


@pytest.mark.parametrize(("seconds", "status"), [(890, 200), (-890, 200), (1000, 401), (-1000, 401)])
def test_the_clocks_may_differ_by_a_quarter_of_an_hour(
    open_shop: Open, clock: Clock, seconds: int, status: int
) -> None:
    running = open_shop()
    url = signed_url(running)
    running.shop.faults.clock_skew_s = seconds

    answer = requests.get(url, timeout=9)

    assert answer.status_code == status
    if status == 401:
        assert answer.json()["message"] == "Invalid timestamp."


def test_a_signature_holds_for_one_method_one_path_and_one_query(open_shop: Open) -> None:
    running = open_shop()

    assert told(requests.post(signed_url(running), timeout=9)) == (401, ERROR)
    assert told(requests.get(signed_url(running).replace("/orders", "/coupons"), timeout=9)) == (401, ERROR)
    assert told(requests.get(signed_url(running) + "&per_page=1", timeout=9)) == (401, ERROR)


def test_secrets_are_not_accepted_over_plain_http(open_shop: Open) -> None:
    running = open_shop()
    key = running.shop.create_key()
    url = f"{running.url}/wp-json/wc/v3/orders"
    secrets = {"consumer_key": key.consumer_key, "consumer_secret": key.consumer_secret}

    assert told(requests.get(url, auth=HTTPBasicAuth(*secrets.values()), timeout=9)) == (401, UNKNOWN)
    assert told(requests.get(url, params=secrets, timeout=9)) == (401, UNKNOWN)


def test_over_https_both_basic_and_query_string_are_accepted(open_shop: Open) -> None:
    running = open_shop(tls=True)
    key = running.shop.create_key()
    url = f"{running.url}/wp-json/wc/v3/orders"
    secrets = {"consumer_key": key.consumer_key, "consumer_secret": key.consumer_secret}

    assert requests.get(url, auth=HTTPBasicAuth(*secrets.values()), timeout=9).status_code == 200
    assert requests.get(url, params=secrets, timeout=9).status_code == 200


def test_over_https_the_last_of_a_list_counts(open_shop: Open) -> None:
    running = open_shop(tls=True)
    key = running.shop.create_key()
    running.shop.complete(running.shop.place_order().id)
    url = f"{running.url}/wp-json/wc/v3/orders?status=completed&status=cancelled"

    answer = requests.get(url, auth=HTTPBasicAuth(key.consumer_key, key.consumer_secret), timeout=9)

    assert answer.json() == []


def test_a_wrong_secret_and_an_unknown_key_are_told_apart(open_shop: Open) -> None:
    running = open_shop(tls=True)
    key = running.shop.create_key()
    url = f"{running.url}/wp-json/wc/v3/orders"

    assert told(requests.get(url, auth=HTTPBasicAuth(key.consumer_key, "cs_x"), timeout=9)) == (401, ERROR)
    assert told(requests.get(url, auth=HTTPBasicAuth("ck_x", key.consumer_secret), timeout=9)) == (401, UNKNOWN)
    assert told(requests.get(url, timeout=9)) == (401, UNKNOWN)


@pytest.mark.parametrize(
    ("scope", "reads", "writes"), [("read", 200, 401), ("write", 401, 201), ("read_write", 200, 201)]
)
def test_a_key_does_only_what_its_scope_says(open_shop: Open, scope: str, reads: int, writes: int) -> None:
    api = rest(open_shop(), scope=scope)

    assert api.get("orders").status_code == reads
    assert api.post("coupons", {"code": "x"}).status_code == writes


def test_a_demoted_owner_gets_403_and_a_deleted_one_401(open_shop: Open) -> None:
    running = open_shop()
    manager = running.shop.add_customer("manager@example.com", role="shop_manager")
    api = rest(running, user_id=manager.id)
    assert api.get("orders").status_code == 200

    manager.role = "customer"
    assert told(api.get("orders")) == (403, UNKNOWN)

    del running.shop.store.customers[manager.id]
    assert told(api.get("orders")) == (401, UNKNOWN)


def test_the_client_of_the_facts_sheet_signs_by_its_own_clock(open_shop: Open) -> None:
    running = open_shop(clock=Clock(time.time()))
    api = rest(running)

    plain: Callable[..., Any] = type(api).__mro__[1].get
    assert plain(api, "orders").status_code == 200
