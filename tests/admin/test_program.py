"""The rules: form, worked example, versions; and the launch switch."""

import re

import pytest

from core.merchants import queries
from core.merchants.queries import MerchantView
from core.program import queries as programs
from core.program.queries import ProgramView
from tests.admin.desk import Desk, make_desk
from tests.admin.test_members import text_of

FIELDS = {
    "name": "Mug Club",
    "brand_colour": "#3b4cca",
    "timezone": "Europe/Prague",
    "enrolment": "automatic",
    "currencies-0-currency": "EUR",
    "currencies-0-earn_points": "3",
    "currencies-0-earn_per": "1.00",
    "currencies-0-value_points": "100",
    "currencies-0-value": "1,00",
    "currencies-0-minimum": "1",
    "currencies-0-maximum": "",
    "earn_when": "paid",
    "window_days": "14",
    "expiry_months": "12",
    "include_tax": "y",
    "grace_days": "14",
    "lookback_days": "30",
    "code_hours": "24",
    "code_prefix": "mug-",
}


def current(desk: Desk) -> ProgramView:
    found: ProgramView = desk.world.tx(lambda s: programs.current(s, desk.world.merchant_id, now=desk.world.now))
    return found


def merchant(desk: Desk) -> MerchantView:
    found: MerchantView = desk.world.tx(lambda s: queries.merchant(s, desk.world.merchant_id))
    return found


def test_publishing_makes_a_version_and_the_form_shows_it_again(desk: Desk) -> None:
    browser = desk.browser()

    page = browser.follow("/admin/program", **FIELDS)

    terms = current(desk).terms
    assert current(desk).number == 2
    assert (terms.name, terms.window_days, terms.code_prefix) == ("Mug Club", 14, "MUG-")
    assert terms.currencies["EUR"].earn_points == 3
    assert terms.currencies["EUR"].maximum_minor is None
    assert "Version 2 is in force" in page
    assert 'value="Mug Club"' in page
    assert desk.actions()[-1] == "program.published"


def test_publishing_what_is_in_force_makes_no_version(desk: Desk) -> None:
    browser = desk.browser()
    browser.follow("/admin/program", **FIELDS)

    page = browser.follow("/admin/program", **FIELDS)

    assert "Nothing was changed" in page
    assert current(desk).number == 2


@pytest.mark.parametrize(
    ("field", "value", "remark"),
    [
        ("currencies-0-earn_per", "0", "more than nothing"),
        ("currencies-0-earn_per", "-1", "more than nothing"),
        ("currencies-0-earn_per", "1.005", "no amounts as small"),
        ("currencies-0-earn_per", "many", "not an amount"),
        ("currencies-0-earn_per", "NaN", "not an amount"),
        ("currencies-0-earn_per", "1e9", "not an amount"),
        ("currencies-0-earn_per", "99999999999999", "gigantic"),
        ("currencies-0-maximum", "0.50", "below the smallest"),
        ("currencies-0-earn_points", "0", "between 1 and"),
        ("currencies-0-value", "", "fill this in"),
        ("window_days", "366", "between 0 and 365"),
        ("expiry_months", "0", "between 1 and 120"),
        ("code_prefix", "Ä!", "should match pattern"),
        ("brand_colour", "red", "A colour such as"),
        ("timezone", "Mars/Phobos", "Not a valid choice"),
        ("name", "", "fill this in"),
    ],
)
def test_a_wrong_value_is_told_beside_its_field(field: str, value: str, remark: str, desk: Desk) -> None:
    answer = desk.browser().send("/admin/program", **{**FIELDS, field: value})

    assert answer.status_code == 400
    assert remark in answer.text
    assert current(desk).number == 1


def test_zero_days_and_no_expiry_are_values_of_their_own(desk: Desk) -> None:
    desk.browser().follow("/admin/program", **{**FIELDS, "window_days": "0", "expiry_months": "", "grace_days": "0"})

    terms = current(desk).terms
    assert (terms.window_days, terms.expiry_months, terms.grace_days) == (0, None, 0)


def test_the_example_is_worked_out_for_what_stands_in_the_form(desk: Desk) -> None:
    browser = desk.browser()

    page = text_of("<main>" + browser.send("/admin/program/example", **FIELDS).text)
    without_tax = {name: value for name, value in FIELDS.items() if name != "include_tax"}
    other = text_of("<main>" + browser.send("/admin/program/example", **without_tax).text)

    assert "Goods €49.00" in page
    assert "Of this counts: with tax, without shipping €49.00" in page
    assert "Times 3 points for every €1.00, rounded down 147 points" in page
    assert "Worth at checkout €1.47" in page
    assert "3 % Costs 3 % of sales if every point is redeemed; 1.8 % if 6 of 10 are" in page
    assert "The first discount is reached after spending €33.34" in page
    assert "Of this counts: without tax, without shipping €40.49" in other
    assert "121 points" in other
    assert current(desk).number == 1


def test_the_example_waits_while_something_is_wrong(desk: Desk) -> None:
    page = desk.browser().send("/admin/program/example", **{**FIELDS, "currencies-0-earn_per": ""}).text

    assert "When all fields are right" in page


def test_a_version_shows_what_was_changed_and_by_whom(desk: Desk) -> None:
    browser = desk.browser()
    browser.follow("/admin/program", **FIELDS)
    listed = browser.page("/admin/program/versions")
    newest = re.search(r'href="(/admin/program/versions/\w{32})"', listed)
    assert newest

    page = text_of(browser.page(newest.group(1)))

    assert "published by Owner" in page
    assert "Name Mug Club before: Rewards" in page
    assert "Earning in EUR 3 points for every €1.00 before: 1 point for every €1.00" in page
    assert "Time zone Europe/Prague before" not in page


def test_a_first_program_is_proposed_from_the_shop(desk: Desk) -> None:
    desk.world.tx(lambda s: s.connection().exec_driver_sql("DELETE FROM program_versions"))

    page = desk.browser().page("/admin/program")

    assert "A proposal. Nothing counts before you publish it." in page
    assert "EUR" in page
    assert "147 points" in page


def test_the_program_goes_from_draft_by_staff_to_live_and_pauses(desk: Desk) -> None:
    desk = make_desk(desk.world.db, desk.world.runtime.settings.data_dir, launch="draft")
    browser = desk.browser_of("draft@mugs.example")

    for state, name in (("staff", "Visible to staff"), ("live", "Live"), ("paused", "Paused"), ("live", "Live")):
        page = browser.follow("/admin/launch", state=state)
        assert f"The program is now: {name}." in page
        assert merchant(desk).launch == state

    assert len(merchant(desk).pauses) == 1
    assert desk.woken
    assert desk.actions().count("program.launched") == 4


def test_staff_get_a_link_to_see_it_in_the_shop(desk: Desk) -> None:
    browser = desk.browser()

    page = browser.follow("/admin/launch", state="staff")

    assert re.search(r'href="https://mugs\.example/\?regulars_preview=\d+\.\w+"', page)


@pytest.mark.parametrize("state", ["draft", "open", ""])
def test_a_launch_without_sense_is_refused(state: str, desk: Desk) -> None:
    answer = desk.browser().send("/admin/launch", state=state)

    assert answer.status_code in (400, 409)
    assert merchant(desk).launch == "live"


def test_redeeming_can_be_stopped_on_a_bad_day(desk: Desk) -> None:
    browser = desk.browser()

    page = browser.follow("/admin/launch/redeeming", redeeming="stop")
    assert "No new codes are made" in page
    assert merchant(desk).redeeming_stopped
    browser.follow("/admin/launch/redeeming", redeeming="go")

    assert not merchant(desk).redeeming_stopped
    assert desk.actions()[-2:] == ["program.redeeming_stopped", "program.redeeming_resumed"]
