"""The reason of each change, made by the real core, in a sentence."""

from datetime import timedelta

import pytest

from core.commerce import AppliedDiscount, OrderState, Refund, RefundLine
from tests.widgets.house import House


def told(house: House, language: str = "en") -> list[tuple[str, int]]:
    items = house.call("GET", f"history?lang={language}").json["items"]
    return [(item["text"], item["points"]) for item in items]


def test_an_order_says_how_its_points_came_about(house: House) -> None:
    house.member()
    house.order("1042", gross=4840)

    assert told(house) == [("Order 1042: 3 points for every €1.00 of €48.40. Free to use from December 6, 2026.", 145)]
    assert told(house, "cs") == [
        ("Objednávka 1042: 3 body za 1,00\xa0€ z částky 48,40\xa0€. Lze uplatnit od 6. prosince 2026.", 145)
    ]


def test_points_that_mature_are_told_without_changing_the_sum(house: House) -> None:
    house.member()
    house.order("1042", gross=4840)
    house.now += timedelta(days=20)
    house.give(5)

    assert told(house)[1] == ("145 points are free to use now.", 0)
    assert told(house, "pl")[1][0] == "145 punktów jest teraz do wykorzystania."


def test_a_part_returned_and_a_cancelled_order_say_so(house: House) -> None:
    house.member()
    house.order("1", gross=4840)
    refund = Refund(external_id="r", gross=2420, lines=(RefundLine(line_id="l1", gross=2420),))
    house.order("1", gross=4840, refunds=(refund,))
    house.order("1", gross=4840, state=OrderState.CANCELLED)

    assert told(house)[:2] == [
        ("Order 1 was cancelled, so its points were taken back.", -73),
        ("Order 1 was changed or partly returned, so part of its points was taken back.", -72),
    ]


def test_a_redemption_is_told_from_its_code_to_its_order(house: House) -> None:
    house.give(500)
    code = house.redeem(300).json["code"]
    house.order("2", gross=100, discounts=(AppliedDiscount(code=code, gross=200, net=200, used=200),))

    lines = told(house)

    assert lines[0][0].startswith("Order 2: 3 points for every €1.00 of €1.00.")
    assert (
        "200 points were used for a discount on order 2. 100 points that the discount did not need came back."
        in (lines[0][0])
    )
    assert lines[0][1] == 103
    assert lines[1] == ("Set aside for a discount code worth €3.00.", -300)


def test_a_code_given_back_says_so(house: House) -> None:
    house.give(500)
    made = house.redeem(300).json
    house.call("DELETE", f"redemptions/{made['id']}")

    assert told(house)[0] == ("A discount code was not used, so its points came back.", 300)


def test_the_figures_add_up_to_the_balance(house: House) -> None:
    house.give(500, note="Sorry!")
    made = house.redeem(300).json
    house.order("3", gross=5000)
    house.call("DELETE", f"redemptions/{made['id']}")
    house.redeem(100, key="another-key-0123456")
    house.now += timedelta(days=30)
    house.give(-20)

    points = house.call("GET", "me").json["points"]

    assert sum(change for _, change in told(house)) == points["available"] + points["pending"] + points["debt"]


def test_a_note_for_the_member_is_shown_as_it_is(house: House) -> None:
    house.give(50, note="<b>Sorry</b> & thanks")

    item = house.call("GET", "history").json["items"][0]

    assert (item["text"], item["note"]) == ("The shop changed your balance.", "<b>Sorry</b> & thanks")


@pytest.mark.parametrize("language", ["en", "cs", "sk", "pl"])
def test_expired_points_are_told(house: House, language: str) -> None:
    house.give(50, expires_at=house.now + timedelta(days=1))
    house.now += timedelta(days=2)
    house.give(1)

    assert told(house, language)[1][1] == -50
