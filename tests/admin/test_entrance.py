"""Coming in: sign-in, sessions, one-time links, CSRF, headers."""

import re
from datetime import timedelta

import pytest
from sqlmodel import Session

from core.db.engine import Database
from core.merchants import commands, queries, staff
from core.merchants.staff import Role
from tests.admin.desk import PASSWORD, Browser, Desk, path_of

WRONG = "The e-mail address or the password is not right."
SET_UP = {
    "merchant_name": "Teas & Co",
    "name": "Olga",
    "email": "olga@teas.example",
    "password": PASSWORD,
    "timezone": "Europe/Warsaw",
    "public_url": "https://points.teas.example",
}


def set_up_path(desk: Desk) -> str:
    token = desk.world.tx(lambda s: staff.create_set_up_link(s, now=desk.world.now))
    return f"/admin/set-up/{token}"


def test_whoever_is_not_signed_in_is_asked_to_and_then_brought_to_what_they_wanted(desk: Desk) -> None:
    browser = desk.stranger()
    person = desk.person(Role.OWNER)

    answer = browser.client.get("/admin/members?q=jana")
    assert answer.status_code == 303
    signed_in = browser.send(path_of(answer), email=person.email, password=PASSWORD)

    assert path_of(signed_in) == "/admin/members?q=jana"


@pytest.mark.parametrize(
    "wanted",
    ["https://evil.example", "//evil.example", "/admin/\\evil", "/admin/\n", "/widget/", "javascript:alert(1)"],
)
def test_signing_in_leads_nowhere_else(wanted: str, desk: Desk) -> None:
    browser = desk.stranger()

    answer = browser.client.post(
        "/admin/sign-in",
        query_string={"next": wanted},
        data={"csrf_token": browser.token(), "email": desk.person(Role.OWNER).email, "password": PASSWORD},
    )

    assert path_of(answer) == "/admin/"


def test_every_refused_sign_in_looks_alike(desk: Desk) -> None:
    known = desk.person(Role.OWNER).email
    pages = []

    for email, password in (
        (known, "wrong password"),
        ("nobody@mugs.example", PASSWORD),
        ("no\0body@mugs.example", PASSWORD),
    ):
        answer = desk.stranger().send("/admin/sign-in", email=email, password=password)
        assert answer.status_code == 401
        pages.append(re.sub(r'value="[^"]*"|nonce="[^"]*"', "", answer.text))

    assert pages[0] == pages[1] == pages[2]
    assert WRONG in pages[0]


def test_guessing_a_password_is_slowed_down_even_from_many_addresses(desk: Desk) -> None:
    email = desk.person(Role.OWNER).email

    statuses = []
    for number in range(7):
        browser = desk.stranger()
        browser.client.environ_base["REMOTE_ADDR"] = f"192.0.2.{number}"
        statuses.append(browser.send("/admin/sign-in", email=email, password=f"guess {number}").status_code)

    assert statuses == [401] * 5 + [429] * 2


def test_a_deactivated_person_is_out_at_once(desk: Desk) -> None:
    support = desk.browser(Role.SUPPORT)
    support.page("/admin/members")
    person = desk.person(Role.SUPPORT)

    desk.browser().follow(f"/admin/staff/{person.staff_id}/deactivate")

    assert "/admin/sign-in" in path_of(support.client.get("/admin/members"))
    assert desk.stranger().send("/admin/sign-in", email=person.email, password=PASSWORD).status_code == 401


def test_a_changed_role_counts_from_the_next_request(desk: Desk) -> None:
    manager = desk.browser(Role.MANAGER)
    manager.page("/admin/program")

    desk.browser().follow(f"/admin/staff/{desk.person(Role.MANAGER).staff_id}/role", role="support")

    manager.page("/admin/program", status=403)


def test_a_session_ends_after_twelve_hours_however_busy(desk: Desk) -> None:
    browser = desk.browser()

    for _ in range(11):
        desk.world.wait(hours=1)
        browser.page("/admin/")
    desk.world.wait(hours=1, seconds=1)

    assert "/admin/sign-in" in path_of(browser.client.get("/admin/"))


def test_signing_out_ends_the_session(desk: Desk) -> None:
    browser = desk.browser()

    assert "You are signed out" in browser.follow("/admin/sign-out")
    assert "/admin/sign-in" in path_of(browser.client.get("/admin/"))


def test_a_new_password_ends_the_sessions_elsewhere_and_keeps_this_one(desk: Desk) -> None:
    here, elsewhere = desk.browser(), desk.browser()

    shown = here.follow("/admin/account", old=PASSWORD, password="another long password")

    assert "Your password is changed" in shown
    here.page("/admin/")
    assert "/admin/sign-in" in path_of(elsewhere.client.get("/admin/"))


def test_the_present_password_must_be_known_to_change_it(desk: Desk) -> None:
    answer = desk.browser().send("/admin/account", old="wrong", password="another long password")

    assert answer.status_code == 400
    assert "The present password is not right" in answer.text


def test_the_first_owner_comes_in_by_a_link_that_works_once(desk: Desk) -> None:
    path = set_up_path(desk)
    browser = desk.stranger()
    assert "Welcome" in browser.page(path)

    home = browser.follow(path, **SET_UP)

    assert "Teas &amp; Co" in home
    assert "Set up your program" in home
    desk.stranger().page(path, status=410)
    assert desk.stranger().send(path, **SET_UP).status_code == 410
    with desk.world.db.read_engine.connect():
        known = desk.world.tx(queries.public_url)
    assert known == "https://points.teas.example"


@pytest.mark.parametrize(
    ("field", "value", "remark"),
    [
        ("password", "short", "at least 12 characters"),
        ("email", "no address", "not an e-mail address"),
        ("email", "owner@mugs.example", "already signs in"),
        ("merchant_name", "", "fill this in"),
        ("timezone", "Mars/Phobos", "Not a valid choice"),
        ("public_url", "http://points.teas.example", "must begin with https"),
        ("public_url", "https://points.teas.example/folder", "not an address"),
        ("public_url", "javascript:alert(1)", "not an address"),
    ],
)
def test_a_refused_set_up_says_why_and_leaves_the_link_good(field: str, value: str, remark: str, desk: Desk) -> None:
    desk.person(Role.OWNER)
    path = set_up_path(desk)

    answer = desk.stranger().send(path, **{**SET_UP, field: value})

    assert answer.status_code == 400
    assert remark in answer.text
    desk.stranger().page(path)


def test_a_later_owner_is_not_asked_for_the_address_of_the_server(desk: Desk) -> None:
    def known(session: Session) -> None:
        commands.set_public_url(session, "https://points.example", now=desk.world.now)

    desk.world.tx(known)

    assert 'name="public_url"' not in desk.stranger().page(set_up_path(desk))


def test_an_invitation_is_a_link_to_copy_that_works_once(desk: Desk) -> None:
    owner = desk.browser()
    shown = owner.send("/admin/staff/invite", email="New@Mugs.example", name="New", role="support").text
    found = re.search(r'value="https://loyalty\.example(/admin/link/[^"]+)"', shown)
    assert found

    newcomer = desk.stranger()
    assert "new@mugs.example" in newcomer.page(found.group(1))
    home = newcomer.follow(found.group(1), password="my very own password")

    assert "The program so far" in home
    desk.stranger().page(found.group(1), status=410)
    assert "staff.invited" in desk.actions()


def test_a_reset_link_replaces_the_password(desk: Desk) -> None:
    person = desk.person(Role.SUPPORT)
    shown = desk.browser().send(f"/admin/staff/{person.staff_id}/reset").text
    found = re.search(r'value="https://loyalty\.example(/admin/link/[^"]+)"', shown)
    assert found

    desk.stranger().follow(found.group(1), password="my very own password")

    assert desk.stranger().send("/admin/sign-in", email=person.email, password=PASSWORD).status_code == 401


def test_a_link_that_is_too_old_says_so(desk: Desk) -> None:
    path = set_up_path(desk)
    desk.world.time["now"] += timedelta(days=7)

    assert "not valid any more" in desk.stranger().page(path, status=410)


@pytest.mark.parametrize(
    "path", ["/admin/sign-in", "/admin/sign-out", "/admin/program", "/admin/launch", "/admin/members/export"]
)
def test_without_the_token_of_the_page_nothing_happens(path: str, desk: Desk) -> None:
    browser = desk.browser()
    before = desk.actions()

    answer = browser.client.post(path, data={"state": "paused"})

    assert answer.status_code == 400
    assert "This page was too old" in answer.text
    assert desk.actions() == before


def test_the_token_of_another_session_is_no_good(desk: Desk) -> None:
    theirs = desk.browser(Role.MANAGER).token()

    answer = desk.browser().send("/admin/launch", token=theirs, state="paused")

    assert answer.status_code == 400


def test_pages_come_with_strict_headers(desk: Desk) -> None:
    for answer in (desk.stranger().client.get("/admin/sign-in"), desk.browser().client.get("/admin/")):
        policy = answer.headers["Content-Security-Policy"]
        nonce = re.search(r"script-src 'nonce-([\w-]{20,})'", policy)
        assert nonce
        assert f'nonce="{nonce.group(1)}"' in answer.text
        for part in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
            assert part in policy
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert "unsafe" not in policy
        assert "<script>" not in answer.text
        assert "style=" not in answer.text
        assert not re.search(r"\son\w+=", answer.text)


def test_each_answer_has_a_nonce_of_its_own(desk: Desk) -> None:
    browser = desk.stranger()

    policies = {browser.client.get("/admin/sign-in").headers["Content-Security-Policy"] for _ in range(3)}

    assert len(policies) == 3


def test_the_session_cookie_is_for_this_host_and_no_script(desk: Desk) -> None:
    browser = desk.stranger()
    token = browser.token()

    answer = browser.send("/admin/sign-in", token=token, email=desk.person(Role.OWNER).email, password=PASSWORD)

    cookie = next(value for name, value in answer.headers if name == "Set-Cookie" and "regulars" in value)
    for part in ("__Host-", "HttpOnly", "Secure", "SameSite=Lax", "Path=/"):
        assert part in cookie
    assert "Domain" not in cookie


def test_one_time_links_are_not_told_to_other_sites(desk: Desk) -> None:
    answer = desk.stranger().client.get(set_up_path(desk))

    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_names_cannot_run_as_code(db: Database, desk: Desk) -> None:
    nasty = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    owner = desk.browser()

    shown = owner.follow("/admin/settings", name=nasty, timezone="Europe/Prague", public_url="https://a.example")

    assert "<script>alert" not in shown
    assert "<img src=x" not in shown
    assert "&lt;script&gt;" in shown


def test_browser_helper_needs_a_page_with_a_token(desk: Desk) -> None:
    assert isinstance(desk.stranger(), Browser)
    assert len(desk.stranger().token()) > 20
