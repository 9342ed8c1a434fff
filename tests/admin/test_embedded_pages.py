"""The back office inside the Shopify admin: what is sent, how it may be framed, and what is not there."""

import html
import re

from admin.screens import ONLY_OUTSIDE
from core.commerce import Health
from core.merchants import health
from tests.admin.desk import second_merchant
from tests.admin.inside import CLIENT_ID, Inside, add_app, policy


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
        assert "id_token=" not in page
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
        "account_language": "/account/language",
        "connect": "/shops/connect", "connect_address": "/shops/connect/woocommerce", "connect_keys": "/shops/connect/keys",
        "connect_token": "/shops/connect/token", "platform_register": "/shops/platforms/register/shopify",
        "platforms": "/shops/platforms", "platform_app": f"/shops/platforms/{app.app_id}",
        "platform_package": f"/shops/platforms/{app.app_id}/package",
        "platform_connect": f"/shops/platforms/{app.app_id}/connect",
        "platform_connected": f"/shops/platforms/{app.app_id}/connected", "shop_disconnect": f"/shops/{shop.shop_id}/disconnect",
        "shop_return": f"/shops/{shop.shop_id}/return",
    }  # fmt: skip

    assert paths.keys() == ONLY_OUTSIDE
    for name, path in paths.items():
        method = "POST" if name in ("sign_out", "shop_return", "account_language") else "GET"
        assert inside.fetch(path, method=method).status_code == 404, name


def test_a_download_comes_as_a_file(inside: Inside) -> None:
    inside.open()

    answer = inside.post("/members/export")

    assert answer.headers["Content-Disposition"] == 'attachment; filename="members.csv"'
    assert answer.text.lstrip("\ufeff").startswith("member_id,")


def test_files_of_the_pages_are_there_for_everybody(inside: Inside) -> None:
    with inside.client.get(f"{inside.root}/static/embedded.js") as answer:
        assert answer.status_code == 200
        assert "regulars:page" in answer.text


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
