"""The back office inside the Shopify admin: each request proves who asks, nothing is kept in the browser."""

import html
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from admin.screens import ONLY_OUTSIDE
from core.commerce import Health
from core.db.engine import Database
from core.errors import CredentialsRefused, NotAllowed, Refused
from core.merchants import apps, commands, health, queries, staff
from core.merchants.staff import Role
from tests.admin.desk import PASSWORD, Browser, second_merchant
from tests.admin.inside import CLIENT_ID, SECRET, STALE, Inside, add_app, make_inside


@pytest.fixture
def inside(db: Database, tmp_path: Path) -> Iterator[Inside]:
    made = make_inside(db, tmp_path)
    yield made
    made.running.stop()


NEWEST = "shpss_newest_0123456789abcdef0000"


def policy(answer: TestResponse) -> str:
    return str(answer.headers["Content-Security-Policy"])


def by_hand(inside: Inside, *, secret: str = SECRET, **changes: object) -> str:
    """A session token as Shopify makes them, without the fake's help."""
    now = int(inside.desk.world.now.timestamp())
    domain = inside.running.shop.domain
    claims = {
        "iss": f"https://{domain}/admin", "dest": f"https://{domain}", "aud": CLIENT_ID, "sub": "42", "sid": "s1", "jti": "j1",
        "iat": now, "nbf": now, "exp": now + 60,
    }  # fmt: skip
    return jwt.encode({**claims, **changes}, secret, algorithm="HS256")


# -- opening


def test_the_first_opening_connects_the_shop_and_shows_the_guide(inside: Inside) -> None:
    assert inside.shop() is None

    page = inside.open()

    shop = inside.shop()
    assert shop is not None
    assert shop.connected
    assert f"{shop.name} is connected." in page
    assert "Set up your program" in page
    assert "Install the plugin" not in page  # the guide is about this shop, not the one of another platform
    assert inside.installation().credentials["access_token"]
    assert {"staff.met", "shop.connected"} <= set(inside.desk.actions())
    assert inside.desk.woken


def test_opening_again_asks_for_no_second_grant(inside: Inside) -> None:
    inside.open()
    before = inside.installation().credentials["refresh_token"]

    page = inside.open()

    assert "is connected." not in page
    assert inside.running.shop.site.tokens.exchanges == 1
    assert inside.installation().credentials["refresh_token"] == before


def test_a_reinstall_works_at_once(inside: Inside) -> None:
    inside.open()
    shop = inside.shop()
    assert shop is not None
    world = inside.desk.world
    inside.running.shop.uninstall()
    at = world.tx(lambda s: queries.installed_at(s, world.merchant_id, shop.shop_id))
    world.tx(lambda s: commands.shop_took_us_off(s, world.merchant_id, shop.shop_id, installed_at=at, now=world.now))

    inside.running.shop.install()
    inside.open()

    again = inside.shop()
    assert again is not None
    assert again.connected
    assert (again.shop_id, again.shop_key) == (shop.shop_id, shop.shop_key)


def test_a_reinstall_of_which_nobody_told_us_works_when_the_key_was_seen_to_be_dead(inside: Inside) -> None:
    inside.open()
    shop = inside.shop()
    assert shop is not None
    world = inside.desk.world
    inside.running.shop.uninstall()
    inside.running.shop.install()
    refused = CredentialsRefused("no longer")
    world.tx(lambda s: health.note_failure(s, world.merchant_id, shop.shop_id, refused, now=world.now))

    inside.open()

    assert inside.running.shop.site.tokens.exchanges == 2
    found = world.runtime.connect(inside.installation()).installer.facts()
    assert found.name == shop.name


def test_a_grant_that_fails_says_what_to_do_and_connects_nothing(inside: Inside) -> None:
    inside.running.shop.uninstall()

    answer = inside.document()

    assert answer.status_code == 502
    assert "Shopify" in answer.text
    assert "Try again" in answer.text
    assert inside.shop() is None
    assert "/members" not in answer.text
    assert inside.fetch("/members").status_code == 401


def test_a_token_that_only_shopify_finds_too_old_is_fetched_anew_once(inside: Inside) -> None:
    inside.running.shop.faults.clock_skew_s = 600
    first = inside.document(query={"id_token": by_hand(inside)})
    assert first.status_code == 302

    target = parse_qs(urlsplit(first.location).query)["shopify-reload"][0]
    second = inside.client.get(f"{target}&id_token={by_hand(inside)}")

    assert second.status_code == 403
    assert "Reload the page" in second.text
    assert inside.shop() is None


def test_staff_get_one_row_however_often_they_come(inside: Inside) -> None:
    inside.open()
    inside.open()
    inside.fetch("/members")

    (person,) = inside.people()
    assert person.role is Role.MANAGER
    assert person.last_signed_in_at == inside.desk.world.now
    assert inside.desk.actions().count("staff.met") == 1


def test_each_member_of_the_shops_staff_is_somebody_else(inside: Inside) -> None:
    inside.open()
    inside.document(query=inside.running.shop.launch_query(id_token=inside.token(sub="77")))

    assert len(inside.people()) == 2


def test_staff_of_the_shop_cannot_come_in_by_the_sign_in_page(inside: Inside) -> None:
    inside.open()
    (person,) = inside.people()
    world = inside.desk.world

    with pytest.raises(NotAllowed):
        world.tx(lambda s: staff.verify_password(s, person.email, PASSWORD))
    known = world.tx(lambda s: s.connection().execute(sa.text("SELECT email FROM directory_staff")).scalars().all())
    assert person.email not in known
    with pytest.raises(Refused):
        world.tx(lambda s: staff.reset(s, world.merchant_id, person.staff_id, now=world.now))
    page = inside.desk.browser().page("/admin/staff")
    assert inside.running.shop.domain in page
    assert ".invalid" not in page


def test_a_deactivated_person_is_refused(inside: Inside) -> None:
    inside.open()
    (person,) = inside.people()
    world = inside.desk.world
    world.tx(lambda s: staff.deactivate(s, world.merchant_id, person.staff_id, now=world.now))

    assert inside.document().status_code == 403
    assert inside.fetch("/members").status_code == 403
    assert inside.post("/members/export").status_code == 403


def test_a_deactivated_person_connects_nothing(inside: Inside) -> None:
    inside.open()
    (person,), shop, world = inside.people(), inside.shop(), inside.desk.world
    assert shop is not None
    world.tx(lambda s: staff.deactivate(s, world.merchant_id, person.staff_id, now=world.now))
    world.tx(lambda s: commands.disconnect_shop(s, world.merchant_id, shop.shop_id, now=world.now))

    inside.document()

    again = inside.shop()
    assert again is not None
    assert not again.connected


def test_a_shop_that_staff_disconnected_does_not_let_itself_in_again_until_it_may(inside: Inside) -> None:
    inside.open()
    shop, world = inside.shop(), inside.desk.world
    assert shop is not None
    world.tx(lambda s: commands.disconnect_shop(s, world.merchant_id, shop.shop_id, now=world.now))

    refused = inside.document()
    still = inside.shop()
    inside.desk.browser().send(f"/admin/shops/{shop.shop_id}/return")
    inside.open()
    again = inside.shop()

    assert refused.status_code == 409
    assert "disconnected in Regulars" in refused.get_data(as_text=True)
    assert still is not None and not still.connected
    assert again is not None and again.connected


def test_an_app_is_for_one_shop_and_nobody_of_another_is_known(inside: Inside) -> None:
    inside.open()
    world, (known,) = inside.desk.world, inside.people()
    app, stranger = inside.app, "https://stranger.myshopify.com"

    with pytest.raises(NotAllowed):
        world.tx(lambda s: apps.may_install(s, app, stranger))
    inside.running.shop.site.name = "stranger"
    refused = inside.document()

    assert refused.status_code == 409
    assert inside.people() == [known]


def test_a_page_that_was_open_when_the_shop_was_disconnected_does_nothing_more(inside: Inside) -> None:
    inside.open()
    shop, world = inside.shop(), inside.desk.world
    assert shop is not None
    world.tx(lambda s: commands.disconnect_shop(s, world.merchant_id, shop.shop_id, now=world.now))

    assert inside.fetch("/members").status_code == 401
    assert inside.post("/members/export").status_code == 401


def test_two_first_visits_at_once_make_one_row(inside: Inside) -> None:
    world = inside.desk.world
    of = {"base_url": inside.base_url, "user_id": "42", "name": "x", "now": world.now}

    first, is_new = world.tx(lambda s: staff.add_by_platform(s, world.merchant_id, **of, role=Role.SUPPORT))
    second, is_new_too = world.tx(lambda s: staff.add_by_platform(s, world.merchant_id, **of, role=Role.OWNER))

    assert (is_new, is_new_too) == (True, False)
    assert first == second


def test_the_role_of_the_row_counts(inside: Inside) -> None:
    inside.open()
    (person,) = inside.people()
    world = inside.desk.world
    assert inside.fetch("/program").status_code == 200

    world.tx(lambda s: staff.change_role(s, world.merchant_id, person.staff_id, Role.SUPPORT))

    assert inside.fetch("/program").status_code == 403
    assert inside.fetch("/members").status_code == 200


# -- proof


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


# -- what is sent


def test_nothing_is_kept_in_the_browser(inside: Inside) -> None:
    inside.running.shop.launch_query()
    answers = [inside.document("/", {"shop": inside.running.shop.domain}), inside.document()]
    answers += [inside.fetch(path) for path in ("/", "/members", "/program", "/launch", "/nowhere", "/staff")]
    answers += [inside.post("/launch/set", launch="staff"), inside.fetch("/members", token="x")]

    assert {answer.status_code for answer in answers} >= {200, 302, 401, 403, 404}
    for answer in answers:
        assert "Set-Cookie" not in answer.headers
        assert "no-store" in answer.headers["Cache-Control"]
        assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_a_form_is_answered_with_the_page_that_it_leads_to_and_what_was_done(inside: Inside) -> None:
    inside.open()
    shop = inside.shop()
    assert shop is not None

    answer = inside.post(f"/shops/{shop.shop_id}/check")

    assert answer.status_code == 200
    assert answer.headers["Content-Location"] == f"{inside.root}/shops/{shop.shop_id}"
    assert "Checked: all is well." in answer.text
    assert "Checked" not in inside.fetch(f"/shops/{shop.shop_id}").text.replace("Last checked", "")
    assert "shop.checked" in inside.desk.actions()


def test_a_document_that_leads_elsewhere_is_answered_with_that_page(inside: Inside) -> None:
    inside.open()

    answer = inside.document("/", {**inside.running.shop.launch_query(), "connected": "0"})

    assert answer.status_code == 200
    assert "it was not approved there" in answer.text


def test_all_addresses_on_a_page_stay_inside(inside: Inside) -> None:
    inside.open()
    shop = inside.shop()
    assert shop is not None

    for path in ("/", "/members", "/program", "/launch", "/shops", f"/shops/{shop.shop_id}", "/audit"):
        page = inside.fetch(path).text
        ours = re.findall(r'(?:href|action|src|data-refresh|data-example)="(/[^"]*)"', page)
        assert ours
        assert [address for address in ours if not address.startswith(f"{inside.root}/")] == []
        assert "id_token" not in page
        followed = {html.unescape(address) for address in re.findall(r'<a [^>]*href="(/[^"#]*)"', page)}
        assert [a for a in followed if inside.fetch(a.removeprefix(inside.root)).status_code == 404] == []


def test_each_page_may_be_framed_by_its_own_shop_alone(inside: Inside) -> None:
    inside.open()

    found = policy(inside.document("/members"))

    assert f"frame-ancestors {inside.base_url} https://admin.shopify.com {inside.running.url}" in found
    assert f"script-src 'self' {inside.running.url};" in found
    assert "'unsafe-inline'" not in found
    assert "X-Frame-Options" not in inside.document("/members").headers
    outside = inside.desk.browser().client.get("/admin/")
    assert "frame-ancestors 'none'" in policy(outside)
    assert outside.headers["X-Frame-Options"] == "DENY"


def test_with_the_real_shopify_its_own_origins_stand_in_the_policy(inside: Inside) -> None:
    inside.open()
    add_app(inside.desk, origin=None)

    answer = inside.document("/members")

    assert f"frame-ancestors {inside.base_url} https://admin.shopify.com" == policy(answer).rpartition("; ")[2]
    assert "script-src 'self' https://cdn.shopify.com;" in policy(answer)
    first = re.search(r"<script[^>]*>", answer.text)
    assert first
    assert first.group() == (
        f'<script src="https://cdn.shopify.com/shopifycloud/app-bridge.js" data-api-key="{CLIENT_ID}">'
    )
    assert f'<meta name="shopify-api-key" content="{CLIENT_ID}">' in answer.text


def test_the_menu_is_for_the_platform_to_draw(inside: Inside) -> None:
    page = inside.open()

    assert re.search(rf'<s-link href="{inside.root}/" rel="home">', page)
    assert f'<s-link href="{inside.root}/members">' in page
    assert "Sign out" not in page
    assert 'class="side"' not in page


def test_what_is_for_outside_is_not_found_inside(inside: Inside) -> None:
    inside.open()
    app, shop = inside.app, inside.shop()
    assert shop is not None
    paths = {
        "sign_in": "/sign-in", "sign_out": "/sign-out", "set_up": "/set-up/x", "link": "/link/x", "account": "/account",
        "connect": "/shops/connect", "connect_address": "/shops/connect/woocommerce", "connect_keys": "/shops/connect/keys",
        "platforms": "/shops/platforms", "platform_app": f"/shops/platforms/{app.app_id}",
        "platform_package": f"/shops/platforms/{app.app_id}/package", "shop_disconnect": f"/shops/{shop.shop_id}/disconnect",
        "shop_return": f"/shops/{shop.shop_id}/return",
    }  # fmt: skip

    assert paths.keys() == ONLY_OUTSIDE
    for name, path in paths.items():
        method = "POST" if name in ("sign_out", "shop_return") else "GET"
        assert inside.fetch(path, method=method).status_code == 404, name


def test_a_download_comes_as_a_file(inside: Inside) -> None:
    inside.open()

    answer = inside.post("/members/export")

    assert answer.headers["Content-Disposition"] == 'attachment; filename="members.csv"'
    assert answer.text.lstrip("\ufeff").startswith("member_id,")


def test_files_of_the_pages_are_there_for_everybody(inside: Inside) -> None:
    with inside.client.get(f"{inside.root}/static/embedded.js") as answer:
        assert answer.status_code == 200
        assert "shopify:navigate" in answer.text


def test_ids_of_another_merchant_are_not_found_inside_either(inside: Inside) -> None:
    inside.open()
    foreign = second_merchant(inside.desk)

    assert foreign.merchant_id != inside.desk.world.merchant_id
    assert inside.fetch(f"/members/{'0' * 32}").status_code == 404
    assert foreign.name not in inside.fetch("/audit").text


def test_a_shop_that_lacks_permissions_says_so_everywhere(inside: Inside) -> None:
    inside.open()
    shop, world = inside.shop(), inside.desk.world
    assert shop is not None
    found = Health(checked_at=world.now, problems=("scopes_missing",))
    world.tx(lambda s: health.record_look(s, world.merchant_id, shop.shop_id, found))

    assert "has not granted all that the app asks for" in inside.fetch("/members").text
    assert "accept the new permissions" in inside.fetch(f"/shops/{shop.shop_id}").text
