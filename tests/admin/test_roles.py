"""Who may do what: each route, each role, and ids of somebody else. The table is written down apart from the code."""

import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import Session

from admin.screens import ROLES
from core.db.engine import Database
from core.merchants import apps
from core.merchants.staff import Role
from core.ports import Platform
from tests.admin.desk import Browser, Desk, make_desk, second_merchant
from tests.core.world import make_world

STRANGER, SUPPORT, MANAGER, OWNER = "-", "s", "m", "o"
NOBODY_IN = "-"

# Endpoint -> who gets in: o(wner), m(anager), s(upport); "-" is for people who are not signed in.
TABLE = {
    "sign_in": "-",
    "set_up": "-",
    "link": "-",
    "sign_out": "oms",
    "account": "oms",
    "account_language": "oms",
    "home": "oms",
    "members": "oms",
    "member": "oms",
    "member_adjust": "oms",
    "member_undo": "oms",
    "member_give_back": "oms",
    "member_end_browsers": "oms",
    "order": "oms",
    "order_why": "oms",
    "order_fetch": "oms",
    "order_settle": "oms",
    "order_decide": "oms",
    "shops": "oms",
    "shop": "oms",
    "shop_check": "oms",
    "shop_subscribe": "om",
    "shop_pairing_code": "om",
    "shop_plugin": "om",
    "shop_clawbacks": "om",
    "shop_return": "om",
    "shop_disconnect": "om",
    "connect": "om",
    "connect_address": "om",
    "connect_keys": "om",
    "connect_token": "om",
    "platforms": "om",
    "platform_app": "om",
    "platform_register": "om",
    "platform_package": "om",
    "platform_connect": "om",
    "platform_connected": "om",
    "history": "om",
    "history_progress": "om",
    "history_begin": "om",
    "history_answer": "om",
    "history_pause": "om",
    "history_resume": "om",
    "program": "om",
    "program_example": "om",
    "program_versions": "om",
    "program_version": "om",
    "launch": "om",
    "launch_set": "om",
    "launch_redeeming": "om",
    "export_members": "om",
    "export_ledger": "om",
    "audit_list": "om",
    "people": "o",
    "invite": "o",
    "person_reset": "o",
    "person_role": "o",
    "person_deactivate": "o",
    "person_activate": "o",
    "settings": "o",
}
LETTER = {Role.OWNER: "o", Role.MANAGER: "m", Role.SUPPORT: "s"}
MADE_UP = "0" * 32


def routes(desk: Desk) -> list[tuple[str, str, str]]:
    """Endpoint, method and address of every route of the admin, with made-up ids."""
    found = []
    for rule in desk.app.url_map.iter_rules():
        if rule.endpoint.startswith("admin.") and rule.endpoint != "admin.static":
            path = re.sub(r"<id:\w+>", MADE_UP, rule.rule).replace("<token>", "made-up")
            methods = (rule.methods or set()) & {"GET", "POST"}
            found += [(rule.endpoint.removeprefix("admin."), method, path) for method in sorted(methods)]
    return found


def test_the_table_names_every_route(desk: Desk) -> None:
    assert {endpoint for endpoint, _, _ in routes(desk)} == TABLE.keys() == ROLES.keys()


@pytest.mark.parametrize("role", list(Role))
def test_each_role_gets_in_exactly_where_the_table_says(role: Role, desk: Desk) -> None:
    wrong = []
    browser = desk.browser(role)
    token = browser.token()

    for endpoint, method, path in routes(desk):
        if endpoint == "sign_out" or TABLE[endpoint] == NOBODY_IN:
            continue
        data = {"csrf_token": token} if method == "POST" else None
        status = browser.client.open(path, method=method, data=data).status_code
        may = LETTER[role] in TABLE[endpoint]
        if (status == 403) is may or status >= 500:
            wrong.append((endpoint, method, status))

    assert not wrong


def test_strangers_get_nowhere(desk: Desk) -> None:
    wrong = []
    browser = desk.stranger()
    token = browser.token()

    for endpoint, method, path in routes(desk):
        answer = browser.client.open(path, method=method, data={"csrf_token": token} if method == "POST" else None)
        asked = answer.status_code == 303 and "/admin/sign-in" in (answer.location or "")
        if asked is (TABLE[endpoint] == NOBODY_IN) or answer.status_code >= 500:
            wrong.append((endpoint, method, answer.status_code))

    assert not wrong


def test_a_post_without_the_token_is_refused_everywhere(desk: Desk) -> None:
    browser = desk.browser()

    refused = {
        endpoint: browser.client.post(path).status_code for endpoint, method, path in routes(desk) if method == "POST"
    }

    assert set(refused.values()) == {400}, refused


@pytest.fixture
def foreign(db: Database, tmp_path: Path) -> tuple[Desk, dict[str, str]]:
    """A desk, and ids of things that belong to another merchant on the same server."""
    desk = make_desk(db, tmp_path)
    other = make_world(db, tmp_path)
    other.shop.buy(4900, 1000)
    order_id = other.settle("1001")
    other.shop.buy(200_00)
    other.settle("1002")
    redemption = other.redeem(100)

    def posting(session: Session) -> str:
        statement = sa.text("SELECT posting_id FROM postings WHERE merchant_id = :m ORDER BY seq")
        return str(session.connection().execute(statement, {"m": other.merchant_id}).scalars().first()).replace("-", "")

    def version(session: Session) -> str:
        statement = sa.text("SELECT version_id FROM program_versions WHERE merchant_id = :m")
        return str(session.connection().execute(statement, {"m": other.merchant_id}).scalar_one()).replace("-", "")

    def app(session: Session) -> str:
        mine = {"platform": Platform.SHOPIFY, "client_id": "theirs", "secret": "shpss_theirs"}
        added = apps.add_app(session, other.runtime.vault, other.merchant_id, **mine, now=other.now)
        return added.app_id

    return desk, {
        "app_id": other.tx(app),
        "member_id": other.member(),
        "shop_id": other.shop_id,
        "order_id": order_id,
        "redemption_id": redemption.redemption_id,
        "posting_id": other.tx(posting),
        "version_id": other.tx(version),
        "person_id": second_merchant(desk).staff_id,
    }


def test_ids_of_another_merchant_are_not_found_and_look_like_made_up_ones(foreign: tuple[Desk, dict[str, str]]) -> None:
    desk, ids = foreign
    browser = desk.browser()
    token = browser.token()
    fields = {"csrf_token": token, "role": "support", "kind": "exclude", "reason": "abuse", "mode": "none"}
    fields |= {"direction": "give", "points": "5", "number": "1", "shop_id": ids["shop_id"]}
    wrong = []

    for rule in desk.app.url_map.iter_rules():
        if not rule.endpoint.startswith("admin.") or "<id:" not in rule.rule:
            continue
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            theirs = re.sub(r"<id:(\w+)>", lambda found: ids[found.group(1)], rule.rule)
            made_up = re.sub(r"<id:\w+>", MADE_UP, rule.rule)
            answers = [
                browser.client.open(path, method=method, data=fields if method == "POST" else None)
                for path in (theirs, made_up)
            ]
            bodies = {re.sub(r'nonce="[^"]*"|value="[^"]*"', "", answer.text) for answer in answers}
            if [answer.status_code for answer in answers] != [404, 404] or len(bodies) != 1:
                wrong.append((rule.endpoint, method, [answer.status_code for answer in answers], len(bodies)))

    assert not wrong


def test_a_member_of_ours_does_not_open_what_belongs_to_another(foreign: tuple[Desk, dict[str, str]]) -> None:
    desk, ids = foreign
    desk.world.shop.buy(4900)
    desk.world.settle("1001")
    member_id = desk.world.member()
    browser = desk.browser()

    for path in (
        f"/admin/members/{member_id}/undo/{ids['posting_id']}",
        f"/admin/members/{member_id}/codes/{ids['redemption_id']}/give-back",
        f"/admin/members/{member_id}/fetch",
    ):
        assert browser.send(path, shop_id=ids["shop_id"], number="1").status_code == 404


def test_search_finds_nothing_of_another_merchant(foreign: tuple[Desk, dict[str, str]]) -> None:
    desk, ids = foreign
    browser = desk.browser()

    for text in ("c7@example.org", "1001", ids["member_id"]):
        assert "Nobody found" in browser.page("/admin/members", q=text)


@pytest.mark.parametrize(
    "path", ["/admin/members/1", "/admin/members/../x", "/admin/orders/" + "g" * 32, "/admin/nowhere"]
)
def test_what_is_no_id_is_not_found(path: str, desk: Desk) -> None:
    assert desk.browser().client.get(path).status_code == 404


def test_support_sees_no_buttons_that_it_may_not_press(desk: Desk) -> None:
    support: Browser = desk.browser(Role.SUPPORT)

    shop = support.page(f"/admin/shops/{desk.world.shop_id}")
    home = support.page("/admin/")

    assert "Download the plugin" not in shop
    assert "Disconnect" not in shop
    assert "Set up your program" not in home
    assert "/admin/program" not in home
    assert "/admin/staff" not in home
