"""A browser where pages of the shop sign nothing: asked for a code once, known again, and forgotten with the customer."""

import json
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.widgets.shopfront import CUSTOMER, ME, SHOP_KEY, Shopfront, by_mail, changed, shopfront
from widgets.refusals import WRONG_CODE

pytestmark = pytest.mark.browser

OTHER = "77777777-5b9c-11ef-9c1f-0242ac120002"
KEPT = f"regulars-{SHOP_KEY}"


def part(front: Shopfront, key: str) -> Locator:
    return front.page.locator(f'regulars-widget [data-key="{key}"]')


def kept(front: Shopfront) -> Any:
    return front.page.evaluate(f"JSON.parse(localStorage.getItem('{KEPT}'))")


def remember(front: Shopfront, customer: str = CUSTOMER) -> None:
    value = json.dumps({"customer": customer, "token": "kept-token"})
    front.page.add_init_script(f"localStorage.getItem('seen') || localStorage.setItem('{KEPT}', '{value}')")
    front.page.add_init_script("localStorage.setItem('seen', '1')")


def asked(front: Shopfront, path: str) -> list[Any]:
    return [body for name, body in front.sent if name == f"POST {path}"]


def test_a_shopper_asks_for_a_code_types_it_and_sees_the_points(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        by_mail(front)
        front.open()
        part(front, "ask").click()
        expect(part(front, "code")).to_be_focused()
        front.page.keyboard.type("abcd-efgh")
        front.page.keyboard.press("Enter")

        expect(front.page.locator("regulars-widget .points")).to_have_text("380 points")
        status = front.page.locator('regulars-widget dialog [role="status"]')
        expect(status).to_have_text("Thank you. This browser knows you from now on.")
        assert asked(front, "proofs") == [{"customer_id": CUSTOMER}]
        assert asked(front, "proofs/confirm") == [{"customer_id": CUSTOMER, "code": "abcd-efgh"}]
        assert kept(front) == {"customer": CUSTOMER, "token": "kept-token"}
        expect(front.page.locator("regulars-widget .launcher")).to_have_attribute("aria-label", "Rewards, 380 points")


def test_all_of_it_works_by_keyboard_alone(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        by_mail(front)
        front.visit()
        front.page.locator("regulars-widget .launcher").focus()
        front.page.keyboard.press("Enter")
        expect(part(front, "ask")).to_be_visible()
        front.page.keyboard.press("Tab")
        expect(part(front, "ask")).to_be_focused()
        front.page.keyboard.press("Enter")
        expect(part(front, "code")).to_be_focused()
        front.page.keyboard.type("ABCDEFGH")
        front.page.keyboard.press("Tab")
        expect(part(front, "confirm")).to_be_focused()
        front.page.keyboard.press("Enter")

        expect(front.page.locator("regulars-widget .points")).to_be_visible()


def test_a_known_browser_is_not_asked_again(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        by_mail(front)
        remember(front)
        front.visit()

        expect(front.page.get_by_role("button", name="Rewards, 380 points")).to_be_visible()
        assert asked(front, "session") == [{"token": "kept-token"}]
        assert asked(front, "proofs") == []


@pytest.mark.parametrize("customer", [OTHER, "", "a b"])
def test_a_token_goes_when_the_page_names_another_customer_or_nobody(customer: str, chromium: Browser) -> None:
    with shopfront(chromium) as front:
        by_mail(front)
        remember(front)
        front.extra = f'data-customer="{customer}"'
        front.visit()
        front.page.get_by_role("button", name="Rewards").wait_for()

        assert kept(front) is None
        assert asked(front, "session") == []


def test_a_token_goes_when_the_server_does_not_know_it_any_more(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        by_mail(front)
        remember(front)
        front.answers["POST session"] = (401, {"error": {"code": "sign_in", "message": ""}})
        front.open()

        expect(part(front, "ask")).to_be_visible()
        assert kept(front) is None


def test_a_token_stays_when_the_server_only_fails(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        by_mail(front)
        remember(front)
        front.answers["POST session"] = (500, {"error": {"code": "internal", "message": ""}})
        front.visit()
        front.page.get_by_role("button", name="Rewards").wait_for()

        assert kept(front) == {"customer": CUSTOMER, "token": "kept-token"}


def test_when_the_short_token_has_ended_another_is_asked_for(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        by_mail(front)
        remember(front)
        looks: list[int] = []

        def me(_query: Any) -> Any:
            looks.append(1)
            return (401, {"error": {"code": "sign_in", "message": ""}}) if len(looks) == 1 else ME

        front.answers["GET me"] = me
        front.visit()

        expect(front.page.get_by_role("button", name="Rewards, 380 points")).to_be_visible()
        assert len(asked(front, "session")) == 2


def test_a_guest_is_a_guest_and_nobody_is_written_to(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        by_mail(front)
        front.extra = ""
        front.open()

        expect(part(front, "sign_in")).to_be_visible()
        expect(part(front, "ask")).to_have_count(0)


def test_shoptets_own_word_for_the_customer_is_understood(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        by_mail(front)
        front.extra = ""
        front.page.add_init_script(
            f"window.getShoptetDataLayer = (name) => ({{customer: {{guid: '{CUSTOMER}', registered: true}}}})[name]"
        )
        front.open()
        part(front, "ask").click()
        part(front, "code").wait_for()

        assert asked(front, "proofs") == [{"customer_id": CUSTOMER}]


def test_a_wrong_code_is_said_beside_the_field_and_read_out_and_what_was_typed_stays(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        by_mail(front)
        front.answers["POST proofs/confirm"] = (403, {"error": {"code": "wrong_code", "message": str(WRONG_CODE)}})
        front.open()
        part(front, "ask").click()
        expect(part(front, "code")).to_be_focused()
        front.page.keyboard.type("ABCD-EFGX")
        front.page.keyboard.press("Enter")

        expect(front.page.locator("regulars-widget .bad")).to_have_text(WRONG_CODE)
        expect(front.page.locator('regulars-widget dialog [role="status"]')).to_have_text(WRONG_CODE)
        field = part(front, "code")
        expect(field).to_have_value("ABCD-EFGX")
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_have_attribute("aria-describedby", "bad")
        expect(field).to_be_focused()
        front.answers["POST proofs/confirm"] = {"token": "kept-token"}
        front.page.keyboard.type("ABCD-EFGH")
        front.page.keyboard.press("Enter")
        expect(front.page.locator("regulars-widget .points")).to_be_visible()
        assert asked(front, "proofs/confirm")[-1]["code"] == "ABCD-EFGH"


def test_who_has_proven_themselves_and_is_no_member_may_join(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        by_mail(front)
        front.answers["GET me"] = changed(ME, points=None)
        front.open()
        part(front, "ask").click()
        expect(part(front, "code")).to_be_focused()
        front.page.keyboard.type("ABCDEFGH")
        front.page.keyboard.press("Enter")

        expect(part(front, "join")).to_be_visible()


def test_neither_token_is_anywhere_but_where_it_is_kept(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        by_mail(front)
        remember(front)
        spoken: list[str] = []
        front.page.on("console", lambda message: spoken.append(message.text))
        front.open()

        shown = front.page.evaluate(
            """() => JSON.stringify([document.cookie, {...sessionStorage}, location.href, document.documentElement.outerHTML,
            document.querySelector('regulars-widget').shadowRoot.innerHTML])"""
        )
        assert "kept-token" not in shown
        assert "short-token" not in shown
        assert "short-token" not in json.dumps(front.page.evaluate("({...localStorage})"))
        assert spoken == []
        assert not any("token" in address for _, address in front.seen)


def test_a_browser_that_keeps_nothing_is_known_on_this_page(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        by_mail(front)
        front.page.add_init_script(
            "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError') }})"
        )
        front.open()
        part(front, "ask").click()
        expect(part(front, "code")).to_be_focused()
        front.page.keyboard.type("ABCDEFGH")
        front.page.keyboard.press("Enter")

        expect(front.page.locator("regulars-widget .points")).to_be_visible()


def test_a_shop_that_signs_loads_none_of_it(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        front.open()

        assert not any("mailed.js" in address for _, address in front.seen)
