"""The one-click connection, step by step as a merchant's browser goes through it."""

import json
import re
from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from demo.server import RunningShop
from tests.demo.conftest import Open
from tests.demo.recordings import differences, load
from tests.demo.world import Received, Receiver

STATE = "st4te-0123456789abcdef"


def address(running: RunningShop, callback: str, **changes: str) -> str:
    fields = {
        "app_name": "Regulars",
        "scope": "read_write",
        "user_id": STATE,
        "return_url": f"{running.url}/back",
        "callback_url": callback,
        **changes,
    }
    return f"{running.url}/wc-auth/v1/authorize?{urlencode(fields)}"


def grant_page(browser: requests.Session, running: RunningShop, callback: str, **changes: str) -> requests.Response:
    """Follow the redirect to the login form, sign in, and arrive at the grant page."""
    first = browser.get(address(running, callback, **changes), allow_redirects=False, timeout=9)
    assert first.status_code == 302
    assert "/wc-auth/v1/login/" in first.headers["Location"]
    form = browser.get(f"{running.url}{first.headers['Location']}", timeout=9)
    return browser.post(form.url, data={"username": "owner", "password": "owner"}, timeout=9)


def link(page: requests.Response, text: str) -> str:
    found = re.search(rf'href="([^"]+)">{text}<', page.text)
    assert found is not None, page.text
    return unescape(found[1])


def approve(browser: requests.Session, running: RunningShop, callback: str, **changes: str) -> requests.Response:
    page = grant_page(browser, running, callback, **changes)
    return browser.get(f"{running.url}{link(page, 'Approve')}", allow_redirects=False, timeout=20)


def test_the_keys_arrive_before_the_browser_returns_and_they_work(open_shop: Open, receiver: Receiver) -> None:
    running = open_shop(tls=True)

    with requests.Session() as browser:
        back = approve(browser, running, f"{receiver.url}/connect/callback?x=1&y=2")

    [got] = receiver.received
    recorded = load("11.0.1", "wc_auth_callback")
    head = dict(recorded["headers"])
    keys = json.loads(got.body)
    assert differences(json.loads(recorded["body"]), keys) == []
    assert (got.method, got.path) == (recorded["method"], recorded["path"])
    assert got.headers["Content-Type"] == head["Content-Type"]
    assert re.fullmatch(r"WordPress/7\.1; http://127\.0\.0\.1:\d+", got.headers["User-Agent"])
    assert keys["user_id"] == STATE
    returned = load("11.0.1", "wc_auth_return")
    assert back.status_code == returned["status"]
    assert urlsplit(back.headers["Location"]).query == urlsplit(returned["location"]).query
    orders = requests.get(
        f"{running.url}/wp-json/wc/v3/orders", auth=(keys["consumer_key"], keys["consumer_secret"]), timeout=9
    )
    assert orders.status_code == 200


def test_a_signed_in_owner_goes_straight_to_the_grant_page(open_shop: Open) -> None:
    running = open_shop()
    with requests.Session() as browser:
        browser.get(f"{running.url}/demo/sign-in/owner", timeout=9)

        page = browser.get(address(running, "http://127.0.0.1:9/"), timeout=9)

    assert urlsplit(page.url).path == "/wc-auth/v1/grant_access/"


def test_denying_returns_without_keys(open_shop: Open, receiver: Receiver) -> None:
    running = open_shop()
    with requests.Session() as browser:
        page = grant_page(browser, running, receiver.url)

    assert parse_qs(urlsplit(link(page, "Deny")).query) == {"success": ["0"], "user_id": [STATE]}
    assert (receiver.received, running.shop.site.keys) == ([], {})


@pytest.mark.parametrize("status", [201, 204, 400, 500])
def test_any_answer_but_200_takes_the_keys_back(open_shop: Open, receiver: Receiver, status: int) -> None:
    running = open_shop()
    receiver.answer = status

    with requests.Session() as browser:
        answer = approve(browser, running, receiver.url)

    assert (answer.status_code, running.shop.site.keys) == (401, {})


def test_a_redirecting_callback_loses_the_keys_and_still_counts(open_shop: Open, receiver: Receiver) -> None:
    running = open_shop()

    def redirect(got: Received) -> tuple[int, dict[str, str], bytes]:
        return (200, {}, b"") if got.path == "/after" else (302, {"Location": "/after"}, b"")

    receiver.answer = redirect
    with requests.Session() as browser:
        answer = approve(browser, running, receiver.url)

    assert answer.status_code == 302
    assert [(got.method, got.path, got.body) for got in receiver.received][1:] == [("GET", "/after", b"")]
    assert len(running.shop.site.keys) == 1


@pytest.mark.parametrize("name", ["Loyal & Co <points>", "Loyal <b>"])
def test_an_app_name_is_cut_at_the_first_special_letter(open_shop: Open, name: str) -> None:
    running = open_shop()
    with requests.Session() as browser:
        page = grant_page(browser, running, "http://127.0.0.1:9/", app_name=name)

    assert "<strong>Loyal</strong>" in page.text


@pytest.mark.parametrize(
    "changes",
    [
        {"scope": "everything"},
        {"user_id": ""},
        {"callback_url": "http://shop.example/x"},
        {"return_url": "javascript:1"},
    ],
)
def test_a_wrong_request_is_an_error_page(open_shop: Open, changes: dict[str, str]) -> None:
    running = open_shop()

    answer = requests.get(address(running, "https://app.example/x", **changes), timeout=9)

    assert (answer.status_code, answer.headers["Content-Type"]) == (401, "text/html; charset=UTF-8")


def test_nobody_can_approve_by_a_link_from_elsewhere(open_shop: Open, receiver: Receiver) -> None:
    running = open_shop()
    forged = address(running, receiver.url).replace("authorize?", "access_granted/?wc_auth_nonce=0123456789&")
    with requests.Session() as browser:
        browser.get(f"{running.url}/demo/sign-in/owner", timeout=9)

        answer = browser.get(forged, timeout=9)

    assert (answer.status_code, receiver.received) == (401, [])


def test_customers_cannot_approve(open_shop: Open) -> None:
    running = open_shop()
    running.shop.add_customer("anna@example.com")
    with requests.Session() as browser:
        browser.get(f"{running.url}/demo/sign-in/anna@example.com", timeout=9)

        page = browser.get(address(running, "http://127.0.0.1:9/"), timeout=9)

    assert urlsplit(page.url).path == "/wc-auth/v1/login/"
