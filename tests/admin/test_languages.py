"""In which language the back office speaks: the person's own choice first, then the browser's; and how that language writes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import g

from admin import formats, languages
from core.merchants import queries, staff
from core.merchants.staff import Role
from tests.admin.desk import Browser, Desk

CZECH = {"Accept-Language": "cs-CZ,cs;q=0.9,en;q=0.5"}
SLOVAK = {"Accept-Language": "sk"}
NBSP = "\u00a0"


def said_in(browser: Browser, path: str, headers: dict[str, str] | None = None) -> str:
    """The language of a page."""
    text: str = browser.client.get(path, headers=headers).text
    return text.partition('<html lang="')[2][:2]


def chosen(desk: Desk, role: Role = Role.OWNER) -> str | None:
    person = desk.person(role)
    found: str | None = desk.world.tx(lambda s: staff.staff(s, person.merchant_id, person.staff_id)).language
    return found


@pytest.mark.parametrize(
    ("asked", "spoken"), [("cs", "cs"), ("sk-SK", "sk"), ("de, cs;q=0.5", "cs"), ("de", "en"), ("", "en"), (";;", "en")]
)
def test_strangers_are_spoken_to_as_their_browser_asks(asked: str, spoken: str, desk: Desk) -> None:
    assert said_in(desk.stranger(), "/admin/sign-in", {"Accept-Language": asked}) == spoken


def test_who_has_chosen_nothing_is_spoken_to_as_the_browser_asks(desk: Desk) -> None:
    browser = desk.browser()

    assert said_in(browser, "/admin/") == "en"
    assert said_in(browser, "/admin/", SLOVAK) == "sk"


def test_the_own_choice_counts_at_once_and_whatever_the_browser_asks(desk: Desk) -> None:
    browser = desk.browser()

    page = browser.follow("/admin/account/language", language="cs")

    assert "Jazyk je změněn." in page
    assert "Váš účet" in page
    assert said_in(browser, "/admin/members", SLOVAK) == "cs"
    assert chosen(desk) == "cs"
    assert desk.actions()[-1] == "staff.language_chosen"


def test_the_choice_is_of_one_person(desk: Desk) -> None:
    desk.browser().follow("/admin/account/language", language="cs")

    other = desk.browser(Role.SUPPORT)

    assert said_in(other, "/admin/") == "en"
    assert chosen(desk, Role.SUPPORT) is None


def test_the_choice_can_be_left_to_the_browser_again(desk: Desk) -> None:
    browser = desk.browser()
    browser.follow("/admin/account/language", language="cs")

    browser.follow("/admin/account/language", language="")

    assert said_in(browser, "/admin/", SLOVAK) == "sk"
    assert chosen(desk) is None


def test_a_language_that_nobody_offers_is_refused(desk: Desk) -> None:
    browser = desk.browser()

    answer = browser.send("/admin/account/language", language="tlh")

    assert answer.status_code == 400
    assert chosen(desk) is None


def test_errors_of_the_core_are_said_in_the_language_of_the_page(desk: Desk) -> None:
    browser = desk.browser()
    browser.follow("/admin/account/language", language="sk")

    answer = browser.send("/admin/account", old="wrong", password="a horse, a battery, a staple")

    assert "Súčasné heslo nie je správne" in answer.text


def test_forms_complain_in_the_language_of_the_page(desk: Desk) -> None:
    browser = desk.browser()
    browser.follow("/admin/account/language", language="cs")
    desk.world.shop.buy(48900)
    desk.world.settle("1001")

    adjusting = browser.send(f"/admin/members/{desk.world.member()}/adjust", points="1.5", reason="because")
    program = browser.send("/admin/program", **{"currencies-0-currency": "EUR", "currencies-0-earn_points": "0"})
    invitation = browser.send("/admin/staff/invite", email="a" * 255)

    assert "Zadejte celé číslo." in adjusting.text
    assert "Tuto možnost zvolit nelze." in adjusting.text
    assert "Zadejte číslo od 1 do 1000000." in program.text
    assert "Vyplňte prosím toto pole." in program.text
    assert "Nejvýše 254 znaků." in invitation.text


def test_what_is_said_before_any_screen_is_in_the_language_of_the_browser(desk: Desk) -> None:
    of_another_session = desk.stranger().token()

    answer = desk.stranger().client.post("/admin/sign-in", headers=CZECH, data={"csrf_token": of_another_session})

    assert "Stránka byla příliš stará" in answer.text


def test_what_the_platform_says_comes_before_the_browser(desk: Desk) -> None:
    with desk.app.test_request_context(headers=SLOVAK):
        assert languages.language() == "sk"

        languages.speak("cs-CZ")
        assert languages.language() == "cs"
        languages.speak("xx")
        assert languages.language() == "sk"
        languages.speak(None)
        assert languages.language() == "sk"


@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("en", ("5 Dec 2026", "5 Dec 2026, 09:03", "12,345", "CZK1,234.50", "1 point", "2 points", "5 points", "3 hours ago")),
        ("cs", ("5. 12. 2026", "5. 12. 2026, 9:03", "12 345", "1 234,50 Kč", "1 bod", "2 body", "5 bodů", "před 3 hodinami")),
        ("sk", ("5. 12. 2026", "5. 12. 2026, 9:03", "12 345", "1 234,50 CZK", "1 bod", "2 body", "5 bodov", "pred 3 hodinami")),
    ],
)  # fmt: skip
def test_days_numbers_money_and_points_are_written_as_the_language_writes_them(
    language: str, written: tuple[str, ...], desk: Desk
) -> None:
    at = datetime(2026, 12, 5, 8, 3, tzinfo=UTC)

    with desk.app.test_request_context():
        g.admin_merchant = desk.world.tx(lambda s: queries.merchant(s, desk.world.merchant_id))
        languages.speak(language)
        shown: tuple[Any, ...] = (
            formats.day(at),
            formats.time(at),
            formats.number(12345),
            formats.money(123450, "CZK"),
            *(formats.points(count) for count in (1, 2, 5)),
            formats.ago(desk.world.now - timedelta(hours=3)),
        )

    assert tuple(text.replace(NBSP, " ") for text in shown) == written
