"""What the widget does in a real browser: keyboard, redeeming, failures, and what it must never do."""

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.widgets.shopfront import CODE, ME, SERVER, SHOP, Shopfront, changed, press, shopfront, to_history

pytestmark = pytest.mark.browser

FOCUSED = """() => {
  let node = document.activeElement;
  while (node && node.shadowRoot && node.shadowRoot.activeElement) node = node.shadowRoot.activeElement;
  return node && (node.dataset.key || node.className || node.tagName);
}"""


def focused(front: Shopfront) -> Any:
    return front.page.evaluate(FOCUSED)


def part(front: Shopfront, key: str) -> Any:
    return front.page.locator(f'regulars-widget [data-key="{key}"]')


# -- keyboard


def test_the_whole_way_by_keyboard(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        front.answers["POST redemptions"] = (201, CODE)
        front.visit()
        front.page.locator("regulars-widget .launcher").wait_for()
        front.page.keyboard.press("Tab")
        front.page.keyboard.press("Tab")
        assert focused(front) == "launcher"

        front.page.keyboard.press("Enter")
        part(front, "redeem").wait_for()
        assert focused(front) == "close"
        ring = ["slider", "less", "field", "more", "redeem", "history", "close"]
        for stop in [*ring, "slider"]:
            front.page.keyboard.press("Tab")
            assert focused(front) == stop
        for stop in ["close", "history", "redeem"]:
            front.page.keyboard.press("Shift+Tab")
            assert focused(front) == stop

        front.page.keyboard.press("Enter")
        expect(part(front, "applied")).to_be_focused()
        front.page.keyboard.press("Escape")
        expect(front.page.locator("regulars-widget dialog")).to_have_count(0)
        assert focused(front) == "launcher"


def test_the_panel_is_a_named_modal_dialog(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        front.visit()
        launcher = front.page.get_by_role("button", name="Rewards, 380 points")
        expect(launcher).to_have_attribute("aria-haspopup", "dialog")
        expect(launcher).to_have_attribute("aria-expanded", "false")
        launcher.click()
        dialog = front.page.get_by_role("dialog", name="Linden Club")

        expect(dialog).to_have_attribute("aria-modal", "true")
        expect(front.page.locator("regulars-widget .launcher")).to_have_attribute("aria-expanded", "true")
        bar = front.page.get_by_role("progressbar", name="120 points to go for €5.00 off")
        expect(bar).to_have_attribute("aria-valuenow", "380")
        # The page behind is inert: a click on its link does nothing but close the panel.
        front.page.mouse.click(60, 60)
        expect(dialog).to_have_count(0)
        assert front.page.url == SHOP + "/"


def test_history_gives_the_focus_back_to_where_it_came_from(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        to_history(front)
        expect(part(front, "history-title")).to_be_focused()
        part(front, "back").click()

        expect(part(front, "history")).to_be_focused()


def test_the_next_page_of_history_is_added(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        last = {"items": [{"on": "2026-01-01", "text": "The first", "points": 1, "note": None}], "next": None}
        first = front.answers["GET history"]
        front.answers["GET history"] = lambda query: last if query.get("cursor") == ["more"] else first
        to_history(front)
        part(front, "older").click()

        expect(front.page.locator("regulars-widget .history li")).to_have_count(7)
        expect(part(front, "older")).to_have_count(0)


# -- redeeming


def test_slider_buttons_and_field_show_one_figure(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        front.open()
        slider, field, submit = part(front, "slider"), part(front, "field"), part(front, "redeem")

        slider.press("ArrowLeft")
        expect(field).to_have_value("370")
        part(front, "less").click()
        expect(slider).to_have_value("360")
        expect(submit).to_have_text("Get €3.60 off")
        expect(slider).to_have_attribute("aria-valuetext", "360 points, €3.60 off")
        field.fill("255")
        expect(slider).to_have_value("250")
        field.blur()
        expect(field).to_have_value("250")
        field.fill("9999")
        field.blur()
        expect(field).to_have_value("380")
        expect(part(front, "more")).to_have_attribute("aria-disabled", "true")
        part(front, "more").press("Enter")
        expect(field).to_have_value("380")
        field.fill("")
        field.blur()
        expect(field).to_have_value("100")


def test_news_that_come_during_a_drag_wait_for_its_end(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        front.open()
        box = part(front, "slider").bounding_box()
        assert box is not None
        y = box["y"] + box["height"] / 2
        front.page.mouse.move(box["x"] + box["width"] - 14, y)
        front.page.mouse.down()
        front.page.evaluate("document.querySelector('regulars-widget').panel.refresh()")
        front.page.mouse.move(box["x"] + box["width"] / 2, y, steps=5)
        front.page.mouse.up()

        expect(part(front, "field")).to_have_value("240")
        expect(part(front, "slider")).to_have_value("240")
        front.page.wait_for_timeout(100)
        expect(part(front, "redeem")).to_have_text("Get €2.40 off")


def test_a_code_goes_into_the_cart_and_the_page_is_told(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        front.answers["POST redemptions"] = (201, CODE)
        front.open()
        front.page.evaluate("document.addEventListener('regulars:applied', event => window.heard = event.detail)")
        part(front, "field").fill("300")
        part(front, "redeem").click()

        expect(part(front, "applied")).to_have_text("€3.00 off is in your cart")
        expect(front.page.locator("regulars-widget .total")).to_contain_text("€48.40")
        expect(front.page.locator("regulars-widget .total strong")).to_contain_text("€45.40")
        assert (
            front.page.locator('regulars-widget dialog [role="status"]').text_content() == "€3.00 off is in your cart"
        )
        heard = front.page.evaluate("window.heard")
        assert (heard["code"], heard["cart"]["totals"]["total_price"]) == (CODE["code"], "4540")
        name, body = front.sent[0]
        assert (name, body["points"]) == ("POST redemptions", 300)


def test_a_refusal_of_the_cart_is_shown_in_the_shops_words(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        front.answers["POST redemptions"] = (201, CODE)
        front.cart_refusal = "Minimum is &quot;50&nbsp;&euro;&quot; <img src=x onerror='window.pwned=1'>&lt;b&gt;"
        press("redeem")(front)

        shown = part(front, "applied").text_content()
        assert shown == 'The cart did not take the code: Minimum is "50\xa0€" <b>'
        assert front.page.evaluate("window.pwned") is None
        part(front, f"copy-{CODE['code']}").click()
        assert front.page.evaluate("navigator.clipboard.readText()") == CODE["code"]


def test_without_a_store_the_code_is_shown_to_be_copied(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        front.answers["POST redemptions"] = (201, CODE)
        front.store = ""
        press("redeem")(front)

        expect(part(front, "applied")).to_contain_text("Please enter it at the checkout")
        expect(front.page.locator("regulars-widget code").first).to_have_text(CODE["code"])


def test_trying_again_asks_with_the_same_key_and_another_wish_with_a_new_one(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        front.answers["POST redemptions"] = (503, {"error": {"code": "shop_unreachable", "message": "Later."}})
        press("redeem")(front)
        expect(front.page.locator("regulars-widget .bad")).to_have_text("Later.")
        part(front, "redeem").click()
        front.page.wait_for_timeout(200)
        part(front, "less").click()
        part(front, "redeem").click()
        front.page.wait_for_timeout(200)

        keys = [body["idempotency_key"] for _, body in front.sent]
        assert keys[0] == keys[1] != keys[2]


def test_a_code_is_given_back_only_after_asking(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        front.answers["GET me"] = changed(ME, codes=[CODE])
        front.answers["DELETE redemptions/r1"] = changed(CODE, state="ended", code=None)
        front.open()
        part(front, "give-r1").click()
        expect(part(front, "keep-r1")).to_be_focused()
        assert ("DELETE", f"{SERVER}/widget/v1/api/{'0123456789abcdef' * 2}/redemptions/r1") not in front.seen
        front.answers["GET me"] = ME
        part(front, "yes-r1").click()

        status = front.page.locator('regulars-widget dialog [role="status"]')
        expect(status).to_have_text("300 points are back on your balance.")
        expect(part(front, "give-r1")).to_have_count(0)


def test_a_code_in_the_cart_is_marked_and_leaves_it_when_given_back(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        front.answers["GET me"] = changed(ME, codes=[CODE])
        front.answers["DELETE redemptions/r1"] = (202, changed(CODE, state="ending", code=None))
        front.cart["coupons"] = [{"code": CODE["code"].lower()}]
        front.open()
        expect(front.page.locator("regulars-widget .tag")).to_have_text("In your cart")
        part(front, "give-r1").click()
        part(front, "yes-r1").click()

        status = front.page.locator('regulars-widget dialog [role="status"]')
        expect(status).to_have_text("The code is being cancelled. Your points will be back in a moment.")
        assert front.cart["coupons"] == []


def test_joining_makes_a_member(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        front.answers["GET me"] = changed(ME, points=None)
        front.answers["POST join"] = (201, ME)
        front.open()
        front.answers["GET me"] = ME
        part(front, "join").click()

        expect(front.page.locator("regulars-widget .points")).to_have_text("380 points")
        expect(front.page.locator("regulars-widget .launcher")).to_have_attribute("aria-label", "Rewards, 380 points")


def test_points_of_an_order_are_announced_without_opening_anything(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        looks: list[int] = []

        def me(query: dict[str, list[str]]) -> Any:
            looks.append(1)
            return changed(ME, order={"points": 57} if "order" in query and len(looks) > 2 else None)

        front.extra = 'data-order="1042"'
        front.answers["GET me"] = me
        front.visit()

        note = front.page.locator('regulars-widget .note[role="status"]')
        expect(note).to_have_text("+57 points for your order")
        assert ("POST hint", {"order": "1042"}) in front.sent
        assert front.page.locator("regulars-widget dialog").count() == 0


def test_points_that_do_not_come_are_not_asked_for_for_ever(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        front.extra = 'data-order="1042"'
        front.page.clock.install()
        front.visit()
        front.page.locator("regulars-widget .launcher").wait_for()
        for _ in range(30):
            front.page.clock.run_for(1000)
            front.page.wait_for_timeout(20)

        looks = [address for method, address in front.seen if method == "GET" and address.endswith("/me")]
        assert len(looks) == 1 + 6


# -- identity


def test_an_expired_identity_is_asked_for_once_again(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        asked: list[int] = []

        def me(_query: Any) -> Any:
            asked.append(1)
            return (401, {"error": {"code": "sign_in", "message": ""}}) if len(asked) == 1 else ME

        front.answers["GET me"] = me
        front.visit()

        expect(front.page.get_by_role("button", name="Rewards, 380 points")).to_be_visible()
        identities = [address for _, address in front.seen if address.endswith("/identity")]
        assert (len(identities), len(asked)) == (2, 2)


def test_who_is_refused_twice_is_signed_out(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        front.answers["GET me"] = (401, {"error": {"code": "sign_in", "message": ""}})
        front.open()

        expect(part(front, "sign_in")).to_have_attribute("href", f"{SHOP}/my-account/")
        assert len([1 for _, address in front.seen if address.endswith("/me")]) <= 4


def test_the_identity_is_kept_nowhere(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        front.identity["token"] = "very.secret.token"
        spoken: list[str] = []
        front.page.on("console", lambda message: spoken.append(message.text))
        front.open()
        to_history_again = part(front, "history")
        to_history_again.click()

        kept = front.page.evaluate(
            """() => JSON.stringify([document.cookie, {...localStorage}, {...sessionStorage}, location.href,
            document.documentElement.outerHTML, document.querySelector('regulars-widget').shadowRoot.innerHTML,
            Object.values(document.querySelector('regulars-widget')).map(String)])"""
        )
        assert "secret" not in kept
        assert spoken == []
        assert not any("secret" in address for _, address in front.seen)
        assert front.page.context.cookies() == []


def test_an_identity_at_another_address_is_not_asked_for(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        front.extra = ""
        front.identity_address = "https://evil.example/identity"
        front.visit()
        front.page.get_by_role("button", name="Rewards").wait_for()

        assert not any("evil" in address for _, address in front.seen)


def test_the_widget_talks_to_the_shop_and_to_its_server_only(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        front.answers["POST redemptions"] = (201, CODE)
        press("redeem")(front)

        assert {address.split("/")[2] for _, address in front.seen} == {"shop.example", "points.example"}
        assert front.page.context.cookies() == []


def test_texts_of_the_server_never_become_markup(chromium: Browser) -> None:
    evil = "<img src=x onerror='window.pwned=1'><script>window.pwned=1</script>"
    with shopfront(chromium) as front:
        way = {"icon": evil, "title": evil, "text": evil}
        front.config = changed(front.config, program=evil, earn=[way], redeem=[way], terms=[evil])
        items = [{"on": "2026-01-01", "text": evil, "points": 1, "note": evil}]
        front.answers["GET history"] = {"items": items, "next": None}
        to_history(front)

        assert evil in (front.page.locator("regulars-widget .history").text_content() or "")
        assert front.page.locator("regulars-widget dialog img, regulars-widget dialog script").count() == 0
        assert front.page.evaluate("window.pwned") is None


def test_a_link_of_a_strange_kind_is_not_followed(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        front.identity["token"] = None
        front.config["links"] = {"account": "javascript:window.pwned=1"}
        front.open()

        assert part(front, "register").count() == 0


# -- before the launch, and when things fail


def test_staff_see_the_preview_on_every_page_of_the_tab(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        asked: list[Any] = []

        def config(query: dict[str, list[str]]) -> Any:
            asked.append(query.get("preview"))
            return changed(front.config, state="staff") if "preview" in query else {"state": "hidden"}

        front.answers["GET config"] = config
        front.visit()
        front.page.wait_for_timeout(200)
        assert front.page.locator("regulars-widget").count() == 0
        front.visit("/?regulars_preview=abc")
        front.page.locator("regulars-widget .launcher").wait_for()
        front.visit("/another")
        front.page.locator("regulars-widget .launcher").wait_for()

        assert asked == [None, ["abc"], ["abc"]]


def test_without_a_launcher_a_link_of_the_shop_opens_the_panel(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        front.config["launcher"] = False
        front.visit()
        front.page.locator("regulars-widget").wait_for(state="attached")
        assert front.page.locator("regulars-widget .launcher").count() == 0
        front.page.evaluate("document.querySelector('a').href = '#regulars'")
        front.page.locator("main a").click()
        front.page.locator("regulars-widget .points").wait_for()
        front.page.keyboard.press("Escape")

        assert focused(front) == "A"


@pytest.mark.parametrize("how", ["black hole", "error", "nonsense", "refused"])
@pytest.mark.parametrize("what", ["loader.js", "config"])
def test_a_server_that_fails_leaves_the_shop_as_it_was(chromium: Browser, how: str, what: str) -> None:
    with shopfront(chromium) as front:
        errors: list[Any] = []
        front.page.on("pageerror", lambda error: errors.append(error))

        def fail(route: Any) -> None:
            if how == "error":
                route.fulfill(status=500, body="oops", headers={"access-control-allow-origin": SHOP})
            elif how == "nonsense":
                route.fulfill(body="<html>", content_type="text/html", headers={"access-control-allow-origin": SHOP})
            elif how == "refused":
                route.abort("connectionrefused")
            # a black hole says nothing at all

        front.page.route(f"**/{what}*", fail)
        before = "() => document.body.children.length"
        front.page.goto(SHOP, wait_until="commit")
        front.page.locator("main a").wait_for()
        front.page.wait_for_timeout(300)

        assert front.page.evaluate("document.querySelector('regulars-widget')") is None
        assert front.page.evaluate(before) == 3
        if not (how == "nonsense" and what == "loader.js"):  # then the browser itself cannot parse it
            assert errors == []
        front.page.locator("main a").click()
        assert front.page.url.endswith("/cart")


def test_a_panel_that_cannot_be_loaded_says_so_and_can_be_tried_again(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        front.config["panel"] = "static/x/missing.js"
        front.visit()
        front.page.locator("regulars-widget .launcher").click()

        expect(front.page.locator("regulars-widget .note")).to_contain_text("could not be loaded")


def test_an_error_can_be_tried_again(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        front.answers["GET me"] = (500, {"error": {"code": "internal", "message": ""}})
        front.open()
        front.answers["GET me"] = ME
        part(front, "retry").click()

        expect(front.page.locator("regulars-widget .points")).to_have_text("380 points")


def test_a_page_under_a_strict_content_policy_shows_the_widget(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        front.policy = f"default-src 'self'; script-src {SERVER}; connect-src 'self' {SERVER}; style-src 'self'"
        refused: list[str] = []
        front.page.on("console", lambda message: refused.append(message.text))
        front.open()

        box = front.page.locator("regulars-widget dialog").bounding_box()
        assert box is not None and box["width"] == 392
        assert [text for text in refused if "regulars" in text or "points.example" in text] == []


def test_a_second_copy_of_the_loader_changes_nothing(chromium: Browser) -> None:
    with shopfront(chromium) as front:
        front.visit()
        front.page.locator("regulars-widget .launcher").wait_for()
        front.page.evaluate(
            "const s = document.querySelector('script'); document.body.append(Object.assign("
            "document.createElement('script'), {src: s.src}))"
        )
        front.page.wait_for_timeout(300)

        assert front.page.locator("regulars-widget").count() == 1
