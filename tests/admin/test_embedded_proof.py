"""The back office inside the Shopify admin: each request proves who asks, and nothing else is believed."""

import re
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from core.merchants import staff
from tests.admin.desk import Browser, second_merchant
from tests.admin.inside import CLIENT_ID, SECRET, STALE, Inside, add_app, by_hand, policy

NEWEST = "shpss_newest_0123456789abcdef0000"


def test_a_document_without_a_token_goes_to_fetch_one_and_comes_back(inside: Inside) -> None:
    inside.open()
    query = inside.running.shop.launch_query()
    query.pop("id_token")

    first = inside.document("/members", {**query, "q": "eva"})

    assert first.status_code == 302
    bounce = urlsplit(first.location)
    told = parse_qs(bounce.query)
    assert bounce.path == f"{inside.root}/bounce"
    assert told["shop"] == [inside.running.shop.domain]
    assert told["host"] == [query["host"]]
    target = urlsplit(told["shopify-reload"][0])
    assert target.path == f"{inside.root}/members"
    assert "q=eva" in target.query
    page = inside.client.get(first.location)
    assert page.status_code == 200
    assert re.search(r'<script src="[^"]+/shopifycloud/app-bridge\.js" data-api-key="' + CLIENT_ID, page.text)
    assert f"frame-ancestors {inside.base_url} https://admin.shopify.com" in policy(page)
    back = inside.client.get(f"{told['shopify-reload'][0]}&id_token={inside.token()}")
    assert back.status_code == 200
    assert "Members" in back.text


def test_a_page_that_is_reloaded_below_the_app_url_is_found_as_well(inside: Inside) -> None:
    inside.open()

    assert "<title>Members" in inside.document(f"{inside.root}/members").text


def test_an_expired_token_in_the_address_is_fetched_anew_and_goes_along_nowhere(inside: Inside) -> None:
    inside.open()
    query = inside.running.shop.launch_query()
    inside.desk.world.wait(minutes=5)

    answer = inside.document("/", query)

    assert answer.status_code == 302
    assert query["id_token"] not in answer.location
    assert query["hmac"] not in answer.location


def test_a_secret_that_is_not_the_apps_is_said_and_not_asked_for_for_ever(inside: Inside) -> None:
    forged = jwt.encode(jwt.decode(inside.token(), options={"verify_signature": False}), "x" * 32, algorithm="HS256")
    first = inside.document("/", {"id_token": forged, "shop": inside.running.shop.domain})
    target = parse_qs(urlsplit(first.location).query)["shopify-reload"][0]

    second = inside.client.get(f"{target}&id_token={forged}")

    assert second.status_code == 403
    assert "client secret" in second.text


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example/", "/admin/", "{root}x", "{root}/\\evil.example", "", "{root}/\n"],
)
def test_the_page_that_fetches_a_token_leads_nowhere_else(target: str, inside: Inside) -> None:
    asked = {"shop": inside.running.shop.domain, "shopify-reload": target.format(root=inside.root)}

    assert inside.client.get(f"{inside.root}/bounce", query_string=asked).status_code == 400


def test_a_fetch_with_an_expired_token_is_asked_to_try_again(inside: Inside) -> None:
    inside.open()
    token = inside.token()
    inside.desk.world.wait(minutes=2)

    for answer in (inside.fetch("/members", token=token), inside.fetch("/members/export", method="POST", token=token)):
        assert answer.status_code == 401
        assert answer.headers[STALE] == "1"


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "another-app"},
        {"dest": "https://other.myshopify.com", "iss": "https://other.myshopify.com/admin"},
        {"dest": "https://other.myshopify.com"},
        {"sub": "gid://shopify/Customer/42"},
        {"exp": 1},
    ],
)
def test_a_token_of_another_app_shop_or_kind_is_refused(changes: dict[str, object], inside: Inside) -> None:
    inside.open()
    assert inside.fetch("/members", token=by_hand(inside)).status_code == 401  # nobody has met this person yet
    inside.document(query={"id_token": by_hand(inside)})
    assert inside.fetch("/members", token=by_hand(inside)).status_code == 200

    assert inside.fetch("/members", token=by_hand(inside, **changes)).status_code == 401


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic {token}", "{token}", "bearer {token}"])
def test_nothing_is_changed_without_a_bearer(header: str, inside: Inside) -> None:
    inside.open()
    token = inside.token()

    answer = inside.client.post(
        f"{inside.root}/members/export?id_token={token}",
        headers={"Authorization": header.format(token=token)},
        data={"id_token": token, "csrf_token": "x"},
    )

    assert answer.status_code == 401
    assert "members.exported" not in inside.desk.actions()


def test_the_session_of_the_sign_in_page_opens_nothing_inside(inside: Inside) -> None:
    inside.open()
    browser: Browser = inside.desk.browser()

    assert browser.client.get(f"{inside.root}/members").status_code == 302
    assert browser.send(f"{inside.root}/members/export").status_code == 401


def test_another_merchants_app_sees_another_merchant(inside: Inside) -> None:
    """The same shop, the same person, two programs on one server, each with an app of its own."""
    inside.open()
    other = second_merchant(inside.desk).merchant_id
    secret = "shpss_theirs_0123456789abcdef0000"
    theirs = add_app(inside.desk, client_id="f" * 32, secret=secret, merchant_id=other)
    path = f"/admin/app/{theirs.app.app_key}/members"

    for token in (inside.token(), by_hand(inside, secret=secret), by_hand(inside, secret=secret, aud="f" * 32)):
        assert inside.client.get(path, headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert not [p for p in inside.desk.world.tx(lambda s: staff.staff_list(s, other)) if p.by_platform]


def test_another_app_of_the_same_merchant_is_not_this_one(inside: Inside) -> None:
    """Its token is right, but the shop installed the other one."""
    inside.open()
    other = add_app(inside.desk, client_id="f" * 32, secret=SECRET)
    token = by_hand(inside, aud="f" * 32)

    answer = inside.client.get(f"/admin/app/{other.app.app_key}/members", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 401


def test_unknown_apps_are_not_found(inside: Inside) -> None:
    for path in ("/admin/app/" + "0" * 32, "/admin/app/%00/members", "/admin/app/"):
        for headers in ({}, {"Authorization": f"Bearer {inside.token()}"}):
            answer = inside.client.get(path, headers=headers)
            assert answer.status_code == 404, path
            assert "frame-ancestors 'none'" in policy(answer)


def test_both_secrets_are_good_while_one_replaces_the_other(inside: Inside) -> None:
    inside.open()
    old = inside.token()
    add_app(inside.desk, secret=NEWEST, origin=inside.running.url)

    assert inside.fetch("/members", token=old).status_code == 200
    inside.running.shop.configure(secrets=(NEWEST, SECRET))
    assert inside.fetch("/members").status_code == 200
    add_app(inside.desk, secret="shpss_after_that_0123456789abcdef00", origin=inside.running.url)
    assert inside.fetch("/members", token=old).status_code == 401
