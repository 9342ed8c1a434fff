"""The support desk: finding a member, the timeline in sentences, adjusting with a reason, undo, orders explained."""

import re

import pytest

from core.commerce import OrderState
from core.errors import Unreachable
from core.ids import MemberId
from core.members import commands as members
from core.merchants.staff import Role
from tests.admin.desk import Browser, Desk, path_of


def buy(desk: Desk, *amounts: int, **more: object) -> str:
    order = desk.world.shop.buy(*amounts, **more)  # type: ignore[arg-type]
    desk.world.settle(order.external_id)
    return order.external_id


def name(desk: Desk, customer: str, email: str, first: str, last: str) -> None:
    world = desk.world
    who = {"external_id": customer, "email": email, "first_name": first, "last_name": last}
    world.tx(lambda s: members.note_customer(s, world.merchant_id, world.shop_id, now=world.now, **who))


def member_path(desk: Desk, customer: str = "7") -> str:
    return f"/admin/members/{desk.world.member(customer)}"


def text_of(page: str) -> str:
    """What a reader sees, with spaces as one."""
    body = page.partition("<main")[2]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)).replace("&#39;", "'")


def adjust(browser: Browser, member_id: MemberId, **fields: str) -> str:
    """Through both pages, as staff do it."""
    path = f"/admin/members/{member_id}/adjust"
    key = re.search(r'name="key"[^>]*value="(\w+)"', browser.page(path))
    assert key
    values = {"direction": "give", "points": "50", "reason": "goodwill", "key": key.group(1), **fields}
    shown = browser.send(path, **values)
    assert shown.status_code == 200, text_of(shown.text)
    return browser.follow(path, **values, confirmed="yes")


@pytest.mark.parametrize("text", ["jana@example.org", "Jana", "novot", "novotná, jana", "J Novot", "1001", "#1001"])
def test_one_box_finds_a_member_by_what_support_has_at_hand(text: str, desk: Desk) -> None:
    buy(desk, 4900)
    name(desk, "7", "jana@example.org", "Jana", "Novotná")
    buy(desk, 9900, customer="8")
    browser = desk.browser(Role.SUPPORT)

    answer = browser.client.get("/admin/members", query_string={"q": text})

    if answer.status_code in (302, 303):
        assert path_of(answer) == member_path(desk)
    else:
        assert "Order #1001" in answer.text
        assert "49" in answer.text


def test_a_member_is_found_by_code_and_by_id(desk: Desk) -> None:
    buy(desk, 20000)
    code = desk.world.redeem(100).code
    browser = desk.browser()

    for text in (code, code.lower(), desk.world.member()):
        assert path_of(browser.client.get("/admin/members", query_string={"q": text})) == member_path(desk)


def test_nobody_found_says_what_to_try(desk: Desk) -> None:
    assert "Nobody found" in desk.browser().page("/admin/members", q="x'; DROP TABLE members; --")


def test_all_members_are_listed_page_by_page(desk: Desk) -> None:
    for number in range(30):
        desk.world.wait(seconds=1)
        buy(desk, 1000, customer=str(100 + number))
    browser = desk.browser()

    first = browser.page("/admin/members")
    more = re.search(r'href="(/admin/members\?after=[^"]+)"', first)
    assert more
    second = browser.page(more.group(1).replace("&amp;", "&"))

    seen = re.findall(r"c(\d+)@example.org", first) + re.findall(r"c(\d+)@example.org", second)
    assert list(dict.fromkeys(seen)) == [str(100 + number) for number in range(30)]


def test_the_timeline_explains_an_order_in_a_sentence(desk: Desk) -> None:
    desk.world.publish(
        window_days=14,
        currencies={
            "EUR": {
                "earn_points": 3,
                "earn_per_minor": 100,
                "value_points": 100,
                "value_minor": 100,
                "minimum_minor": 1,
            }
        },
    )
    desk.world.wait(days=1)
    buy(desk, 3900, 1000, order_id="1042")

    page = text_of(desk.browser().page(member_path(desk)))

    assert (
        "Order #1042: €49.00 with tax, without shipping × 3 points per €1.00 = 147 points, "
        "pending until 17 Mar 2026 (return window)." in page
    )
    assert "program version 2" in page
    assert "+147 pending" in page
    assert "Then: 0 available, 147 pending" in page


def test_every_kind_of_posting_has_its_sentence(desk: Desk) -> None:
    world = desk.world
    world.publish(window_days=2, expiry_months=1)
    world.wait(days=1)
    buy(desk, 50000, order_id="1")
    world.wait(days=4)
    used = world.redeem(100)
    buy(desk, 3000, order_id="2", code=used.code, off=80)
    kept = world.redeem(50)
    world.give_back(kept.redemption_id)
    world.shop.refund("1", 25000, line="L1")
    world.settle("1")
    world.wait(days=40)
    buy(desk, 1000, order_id="3")
    world.shop.change("3", state=OrderState.CANCELLED)
    world.settle("3")
    browser = desk.browser()
    shown = adjust(browser, world.member(), points="70")
    undo = re.search(r'href="([^"]+/undo/\w+)"', shown)
    assert undo
    page = text_of(browser.follow(undo.group(1)))

    for sentence in (
        "Order #1: €500.00 with tax, without shipping × 1 point per €1.00 = 500 points, pending until",
        "Order #1: 500 points can be redeemed now, as the return window is over.",
        f"100 points set aside for the code {used.code}, worth €1.00.",
        f"Order #2 used the code {used.code}: 80 points redeemed.",
        "20 points that the discount did not need came back.",
        f"50 points came back from the code {kept.code}: it was given back.",
        "Order #1 was refunded or changed: 250 points taken back, 250 points left.",
        "reached their date and expired.",
        "Order #3 was cancelled: 10 points taken back.",
        "Owner gave 70 points (Goodwill).",
        "Owner undid an earlier entry: 70 points.",
        "undone",
    ):
        assert sentence in page, (sentence, page)


def test_balances_stand_apart_with_what_comes_next(desk: Desk) -> None:
    desk.world.publish(window_days=14)
    desk.world.wait(days=1)
    buy(desk, 50000)
    desk.world.wait(days=20)
    buy(desk, 7000)
    desk.world.redeem(200)

    page = text_of(desk.browser().page(member_path(desk)))

    assert "Available 300 worth €3.00" in page
    assert "Pending 70 70 more after" in page
    assert "Held 200 set aside for codes" in page
    assert "Owed 0" in page
    assert "Lifetime 570 earned; 0 redeemed" in page
    assert "Order #1002: 70 points pending through" in page
    assert "Order #1001: 300 points good through" in page


def test_points_that_are_owed_are_explained(desk: Desk) -> None:
    buy(desk, 30000, order_id="1")
    code = desk.world.redeem(300).code
    buy(desk, 1000, order_id="2", code=code, off=300)
    desk.world.shop.refund("1", 30000)
    desk.world.settle("1")

    page = text_of(desk.browser().page(member_path(desk)))

    assert "points of them had been spent and are owed now." in page
    assert re.search(r"Owed \d+ taken back after being spent", page)


def test_an_adjustment_shows_the_new_balance_first_and_keeps_the_two_texts_apart(desk: Desk) -> None:
    buy(desk, 10000)
    browser = desk.browser(Role.SUPPORT)
    path = member_path(desk) + "/adjust"
    fields = {"direction": "give", "points": "50", "reason": "goodwill", "key": "a" * 32}
    notes = {"staff_note": "was rude on the phone", "member_note": "Sorry for the delay"}

    preview = text_of(browser.send(path, **fields, **notes).text)
    assert desk.world.points() == (0, 100, 0, 0)
    page = text_of(browser.follow(path, **fields, **notes, confirmed="yes"))

    assert "Available now 100" in preview
    assert "Available afterwards 150 worth €1.50" in preview
    assert "The member reads Sorry for the delay" in preview
    assert "Support gave 50 points (Goodwill)." in page
    assert "For colleagues: was rude on the phone" in page
    assert "The member reads: Sorry for the delay" in page
    assert desk.world.points() == (0, 150, 0, 0)
    assert desk.actions()[-1] == "member.adjusted"


def test_a_double_click_adjusts_once(desk: Desk) -> None:
    buy(desk, 10000)
    browser = desk.browser()
    fields = {"direction": "give", "points": "50", "reason": "goodwill", "key": "a" * 32, "confirmed": "yes"}

    for _ in range(2):
        browser.follow(member_path(desk) + "/adjust", **fields)

    assert desk.world.points() == (0, 150, 0, 0)


def test_more_than_is_there_cannot_be_taken(desk: Desk) -> None:
    buy(desk, 1000)

    answer = desk.browser().send(
        member_path(desk) + "/adjust", direction="take", points="11", reason="mistake", key="a" * 32
    )

    assert answer.status_code == 409
    assert "The member has only 10 points" in answer.text


@pytest.mark.parametrize(
    ("fields", "remark"),
    [
        ({"points": "0"}, "between 1 and"),
        ({"points": "-5"}, "between 1 and"),
        ({"points": "1.5"}, "Not a valid integer"),
        ({"points": "99999999999999999999"}, "between 1 and"),
        ({"reason": "because"}, "Not a valid choice"),
        ({"direction": "steal"}, "Not a valid choice"),
        ({"staff_note": "x" * 501}, "longer than 500"),
    ],
)
def test_a_wrong_adjustment_says_why(fields: dict[str, str], remark: str, desk: Desk) -> None:
    buy(desk, 1000)

    answer = desk.browser().send(
        member_path(desk) + "/adjust",
        **{"direction": "give", "points": "5", "reason": "goodwill", "confirmed": "yes", **fields},
    )

    assert answer.status_code == 400
    assert remark in answer.text
    assert desk.world.points() == (0, 10, 0, 0)


def test_support_has_limits_at_once_and_a_day_and_others_have_none(desk: Desk) -> None:
    buy(desk, 1000)
    support, manager = desk.browser(Role.SUPPORT), desk.browser(Role.MANAGER)
    path = member_path(desk) + "/adjust"

    def give(browser: Browser, points: int, key: str) -> int:
        fields = {"direction": "give", "reason": "goodwill", "confirmed": "yes"}
        return browser.send(path, points=str(points), key=key * 32, **fields).status_code

    assert give(support, 501, "0") == 409
    assert [give(support, 500, key) for key in "1234"] == [303] * 4
    assert give(support, 1, "5") == 409
    assert give(manager, 5000, "6") == 303
    desk.world.wait(hours=25)
    support = desk.browser(Role.SUPPORT)
    assert give(support, 1, "7") == 303


def test_an_adjustment_can_be_undone_once_and_for_thirty_days(desk: Desk) -> None:
    buy(desk, 1000)
    browser = desk.browser()
    adjust(browser, desk.world.member(), points="70")
    shown = adjust(browser, desk.world.member(), points="30")
    later, earlier = re.findall(r'href="([^"]+/undo/\w+)"', shown)

    assert "Undo this?" in browser.page(earlier)
    browser.follow(earlier)
    again = browser.send(earlier)
    desk.world.wait(days=31)
    too_late = desk.browser().send(later)

    assert desk.world.points() == (0, 40, 0, 0)
    assert again.status_code == 409
    assert "undone before" in again.text
    assert too_late.status_code == 409
    assert "older than 30 days" in too_late.text


def test_an_order_is_not_undone_but_decided_about(desk: Desk) -> None:
    buy(desk, 1000)
    page = desk.browser().page(member_path(desk))
    posting = re.search(r'id="p-(\w{32})"', page)
    assert posting

    answer = desk.browser().send(f"{member_path(desk)}/undo/{posting.group(1)}")

    assert answer.status_code == 409
    assert "decide about the order" in answer.text
    assert "/undo/" not in page


def test_a_code_can_be_given_back_for_the_member(desk: Desk) -> None:
    buy(desk, 20000)
    code = desk.world.redeem(100)
    browser = desk.browser(Role.SUPPORT)
    assert code.code in browser.page(member_path(desk))

    page = browser.follow(f"{member_path(desk)}/codes/{code.redemption_id}/give-back")

    assert "The code is invalid now, and its points are back." in page
    assert desk.world.points() == (0, 200, 0, 0)
    assert code.code not in desk.world.shop.coupons


def test_a_code_of_an_unreachable_shop_is_promised_back(desk: Desk) -> None:
    buy(desk, 20000)
    code = desk.world.redeem(100)
    desk.world.shop.failure = Unreachable("no answer")

    page = desk.browser().follow(f"{member_path(desk)}/codes/{code.redemption_id}/give-back")

    assert "as soon as the shop confirms" in page
    assert desk.world.points() == (0, 100, 100, 0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"paid": False}, "not paid yet"),
        ({"state": OrderState.CANCELLED}, "cancelled, failed or in the trash"),
        ({"is_test": True}, "test order"),
        ({"currency": "USD"}, "no rates for the currency"),
        ({"customer": None}, "placed as a guest"),
    ],
)
def test_why_is_this_order_not_here_says_the_reason(change: dict[str, object], reason: str, desk: Desk) -> None:
    buy(desk, 1000)
    number = buy(desk, 2000, **change)

    page = desk.browser(Role.SUPPORT).page(member_path(desk) + "/why", number=f"#{number}")

    assert reason in page


def test_an_order_that_nobody_heard_of_can_be_looked_for_in_the_shop(desk: Desk) -> None:
    buy(desk, 1000)
    desk.world.shop.buy(5000, order_id="777")
    browser = desk.browser(Role.SUPPORT)

    offer = browser.page(member_path(desk) + "/why", number="777")
    page = browser.follow(member_path(desk) + "/fetch", shop_id=desk.world.shop_id, number="777")

    assert "never heard of" in offer
    assert "its points are up to date" in page
    assert "50 points" in page
    assert desk.world.points() == (0, 60, 0, 0)


def test_an_order_shows_how_its_points_come_about_line_by_line(desk: Desk) -> None:
    number = buy(desk, 3900, 1000)
    desk.world.shop.refund(number, 1000, line="L2")
    desk.world.settle(number)
    order_id = desk.world.order(number).order_id

    page = text_of(desk.browser(Role.SUPPORT).page(f"/admin/orders/{order_id}"))

    assert "By version 1 of the program: 1 point for every €1.00" in page
    assert "Thing 1 €39.00 39 €39.00 39" in page
    assert "Thing 2 €10.00 10 €0.00 0" in page
    assert "Earned Issued Available" in page
    assert "Taken back Available Issued" in page


def test_a_decision_counts_at_once_and_can_be_taken_back(desk: Desk) -> None:
    number = buy(desk, 4900)
    path = f"/admin/orders/{desk.world.order(number).order_id}"
    browser = desk.browser(Role.SUPPORT)

    excluded = browser.follow(path + "/decide", kind="exclude", points="", reason="wholesale")
    assert desk.world.points() == (0, 0, 0, 0)
    browser.follow(path + "/decide", kind="fix", points="30", reason="agreed")
    assert desk.world.points() == (0, 30, 0, 0)
    browser.follow(path + "/decide", kind="withdraw", points="", reason="other")

    assert desk.world.points() == (0, 49, 0, 0)
    assert "Staff decided that this order does not count." in excluded
    assert "taken back by decision of Support (Resale or wholesale)" in text_of(browser.page(member_path(desk)))
    assert desk.actions().count("order.decided") == 3


@pytest.mark.parametrize(
    "fields", [{"kind": "fix", "points": ""}, {"kind": "fix", "points": "-1"}, {"kind": "nonsense"}, {"reason": "none"}]
)
def test_a_decision_without_sense_is_refused(fields: dict[str, str], desk: Desk) -> None:
    number = buy(desk, 4900)

    answer = desk.browser().send(
        f"/admin/orders/{desk.world.order(number).order_id}/decide",
        **{"kind": "exclude", "points": "", "reason": "agreed", **fields},
    )

    assert answer.status_code in (400, 409)
    assert desk.world.points() == (0, 49, 0, 0)


def test_an_unreachable_shop_is_told_when_an_order_is_read_again(desk: Desk) -> None:
    number = buy(desk, 4900)
    desk.world.shop.failure = Unreachable("no answer")

    page = desk.browser().follow(f"/admin/orders/{desk.world.order(number).order_id}/settle")

    assert "did not let us read the order yet" in page


def test_the_timeline_goes_on_page_by_page(desk: Desk) -> None:
    for number in range(30):
        buy(desk, 1000, order_id=f"9{number:02}")
    browser = desk.browser()

    first = browser.page(member_path(desk))
    older = re.search(r'href="([^"]+\?before=\d+)"', first)
    assert older
    second = browser.page(older.group(1))

    numbers = [n for page in (first, second) for n in re.findall(r"Order #(9\d\d): ", text_of(page).split("Why is")[0])]
    assert numbers == [f"9{number:02}" for number in reversed(range(30))]
