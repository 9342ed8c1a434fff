"""What coupon a request asks for, and how it is told whether the coupon that is there is ours."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.shoptet.client import Client
from connectors.shoptet.coupons import ShoptetDiscounts, coupon_body, template_body
from connectors.shoptet.gate import Gate
from connectors.transport import AddressPolicy, Transport
from core.commerce import DiscountKind, DiscountRequest
from core.errors import InvalidInput, OutcomeUnknown, PlatformRefused, RateLimited, Unreachable
from tests.connectors.scripted import ScriptedServer, answer, hang_up

PRAGUE, UNTIL = ZoneInfo("Europe/Prague"), datetime(2026, 12, 5, 23, 30, tzinfo=UTC)
REQUEST = DiscountRequest(
    code="LP7F3K9Q2M5XATBW", kind=DiscountKind.FIXED_AMOUNT, currency="CZK", amount=100_00, valid_until=UNTIL
)
GUID = "1b02cb8e-d7b5-11e0-9a5c-feab5ed617ed"
THERE = {
    "code": "LP7F3K9Q2M5XATBW", "discountType": "fixed", "amount": 100.0, "ratio": None, "minPrice": "100.00",
    "currency": "CZK", "template": GUID, "shippingPrice": "cart", "validFrom": None, "validTo": "2026-12-06",
    "reusable": False, "usedCount": 0, "remark": None,
}  # fmt: skip
MADE, LEFT_OUT = {"coupons": [THERE]}, {"coupons": []}
MISSING = {"errorCode": "discount-coupon-not-found", "message": "Not found.", "instance": REQUEST.code}


def ask(**changes: Any) -> DiscountRequest:
    return REQUEST.model_copy(update=changes)


def said(data: Any, status: str = "200 OK", errors: Any = None) -> bytes:
    return answer(status, json.dumps({"data": data, "errors": errors}).encode())


NOT_THERE = said(None, "404 No", [MISSING])


def discounts(server: ScriptedServer) -> ShoptetDiscounts:
    transport = Transport(AddressPolicy(allow_loopback=True), sleep=lambda seconds: None)
    client = Client({"access_token": "1"}, transport, Gate(), origin=server.url)
    return ShoptetDiscounts(client, template=GUID, timezone="Europe/Prague")


# The request --------------------------------------------------------------------------------------------------------


def test_an_amount_is_gross_in_text_and_asks_for_a_cart_of_its_own_worth() -> None:
    assert coupon_body(REQUEST, PRAGUE) == {
        "code": "LP7F3K9Q2M5XATBW",
        "discountType": "fixed",
        "amount": "100.00",
        "minPrice": "100.00",
        "currency": "CZK",
        "shippingPrice": "cart",
        "validTo": "2026-12-06",  # a day in the shop
        "reusable": False,
    }
    assert coupon_body(ask(minimum_gross=500_00), PRAGUE)["minPrice"] == "500.00"
    assert coupon_body(ask(currency="JPY", amount=300), PRAGUE)["amount"] == "300.00"


def test_a_percentage_has_four_places_and_no_currency_unless_it_asks_for_a_cart() -> None:
    body = coupon_body(ask(kind=DiscountKind.PERCENTAGE, amount=0, per_mille=125), UTC)

    assert (body["discountType"], body["ratio"]) == ("percentual", "0.1250")
    assert {"amount", "currency", "minPrice"}.isdisjoint(body)
    least = coupon_body(ask(kind=DiscountKind.PERCENTAGE, amount=0, per_mille=1000, minimum_gross=1), UTC)
    assert (least["ratio"], least["minPrice"], least["currency"]) == ("1.0000", "0.01", "CZK")


def test_free_shipping_takes_nothing_off_the_goods() -> None:
    body = coupon_body(ask(kind=DiscountKind.FREE_SHIPPING, amount=0), UTC)

    assert (body["discountType"], body["ratio"], body["shippingPrice"]) == ("percentual", "0.0000", "free")


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": DiscountKind.FREE_PRODUCT}, {"kind": DiscountKind.GIFT_CARD}, {"kind": DiscountKind.STORE_CREDIT},
        {"code": ""}, {"code": "x" * 17}, {"amount": 0}, {"currency": "KWD"}, {"currency": "crowns"},
    ],
)  # fmt: skip
def test_what_shoptet_cannot_give_is_refused_before_any_call(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        coupon_body(ask(**changes), UTC)


def test_products_have_a_template_by_what_they_are_and_not_by_their_order() -> None:
    first, second = "1b02cb8e-d7b5-11e0-9a5c-feab5ed617ed", "2b02cb8e-d7b5-11e0-9a5c-feab5ed617ed"

    assert template_body((first, second)) == template_body((second, first, first))
    assert template_body((first,))["title"] != template_body((second,))["title"] != template_body(())["title"]
    assert len(str(template_body((first,))["title"])) <= 64
    with pytest.raises(InvalidInput):
        template_body(("17",))


# What becomes of it -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answers",
    [
        [said(MADE, "201 Made")],
        [said(LEFT_OUT, "201 Made"), said({"coupon": THERE})],
        [said(LEFT_OUT, "201 Made"), said({"coupon": THERE | {"code": "lp7f3k9q2m5xatbw"}})],
        [said(None, "423 Locked", []), said({"coupon": THERE})],
        [hang_up, said({"coupon": THERE})],
        [answer("502 Bad", b""), said({"coupon": THERE})],
        [said({"vouchers": 1}, "201 Made"), said({"coupon": THERE})],
    ],
    ids=["made", "left-out", "in-small", "locked", "lost", "gateway", "strange"],
)
def test_a_coupon_that_is_there_as_it_was_asked_for_is_issued(answers: list[Any]) -> None:
    with ScriptedServer(answers) as server:
        assert discounts(server).issue(REQUEST).code == REQUEST.code
        assert [each.method for each in server.asked].count("POST") == 1


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ([said(LEFT_OUT, "201 Made"), NOT_THERE], PlatformRefused),
        ([said(None, "423 Locked", []), NOT_THERE], RateLimited),
        ([hang_up, NOT_THERE], Unreachable),
        ([said({"vouchers": 1}, "201 Made"), NOT_THERE], OutcomeUnknown),
        ([hang_up, answer("500 Oops", b"")], Unreachable),
    ],
    ids=["refused", "locked", "lost", "strange", "lost-twice"],
)
def test_a_coupon_that_is_not_there_is_refused_or_asked_for_again_later(
    answers: list[Any], kind: type[Exception]
) -> None:
    with ScriptedServer(answers) as server, pytest.raises(kind) as raised:
        discounts(server).issue(REQUEST)

    assert type(raised.value) is kind


def test_a_refusal_that_shoptet_gives_a_reason_for_is_told_with_it() -> None:
    why = [{"errorCode": "invalid-request-data", "message": "Template is not there.", "instance": "template"}]
    with (
        ScriptedServer([said(LEFT_OUT, "201 Made", why), NOT_THERE]) as server,
        pytest.raises(PlatformRefused, match="Template is not there") as refused,
    ):
        discounts(server).issue(REQUEST)

    assert refused.value.code == "invalid-request-data"


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": "99.00"}, {"discountType": "percentual"}, {"reusable": True}, {"minPrice": None}, {"currency": "EUR"},
        {"shippingPrice": "free"}, {"validTo": None}, {"amount": "NaN"}, {"amount": None},
    ],
)  # fmt: skip
def test_a_coupon_that_is_another_is_not_ours(wrong: dict[str, Any]) -> None:
    with (
        ScriptedServer([said(LEFT_OUT, "201 Made"), said({"coupon": THERE | wrong})]) as server,
        pytest.raises(PlatformRefused, match="another"),
    ):
        discounts(server).issue(REQUEST)


def test_another_code_in_the_answer_says_nothing_of_ours() -> None:
    with ScriptedServer([said({"coupon": THERE | {"code": "OTHER"}})]) as server:
        assert discounts(server).usage(REQUEST.code).exists is False


@pytest.mark.parametrize(("count", "state"), [(0, "unused"), (1, "used"), (3, "used"), (None, "unknown")])
def test_use_is_what_shoptet_counted(count: int | None, state: str) -> None:
    with ScriptedServer([said({"coupon": THERE | {"usedCount": count}})]) as server:
        usage = discounts(server).usage(REQUEST.code)

    assert (usage.exists, usage.state, usage.order_ids) == (True, state, ())


@pytest.mark.parametrize(
    ("answers", "existed", "used"),
    [
        ([NOT_THERE], False, None),
        ([said({"coupon": THERE}), said(None)], True, False),
        ([said({"coupon": THERE | {"usedCount": 1}}), said(None)], True, True),
        ([said({"coupon": THERE}), NOT_THERE], True, False),
        ([said({"coupon": THERE}), hang_up, NOT_THERE], True, False),
    ],
)
def test_a_revoked_coupon_is_gone_and_says_whether_it_was_used(
    answers: list[Any], existed: bool, used: bool | None
) -> None:
    with ScriptedServer(answers) as server:
        revoked = discounts(server).revoke(REQUEST.code)

    assert (revoked.existed, revoked.used) == (existed, used)


USED = said({"coupon": THERE | {"usedCount": 1}})


@pytest.mark.parametrize(
    "answers",
    [[USED, hang_up], [USED, answer("502 Bad", b"")], [USED, said(None, "423 Locked", [])]],
    ids=["lost", "gateway", "locked"],
)
def test_a_use_that_was_seen_is_told_though_nobody_knows_whether_the_coupon_is_gone(answers: list[Any]) -> None:
    with ScriptedServer([*answers, answer("502 Bad", b"")]) as server:
        revoked = discounts(server).revoke(REQUEST.code)

    assert (revoked.existed, revoked.used) == (True, True)


def test_a_used_coupon_that_may_be_used_again_is_not_called_dead() -> None:
    again = said({"coupon": THERE | {"usedCount": 1, "reusable": True}})
    with ScriptedServer([again, hang_up, again]) as server, pytest.raises(Unreachable):
        discounts(server).revoke(REQUEST.code)


def test_a_coupon_that_may_still_be_there_is_not_called_dead() -> None:
    with (
        ScriptedServer([said({"coupon": THERE}), hang_up, said({"coupon": THERE})]) as server,
        pytest.raises(Unreachable),
    ):
        discounts(server).revoke(REQUEST.code)


def test_codes_end_with_the_day_and_not_before_the_moment() -> None:
    for hours in range(48):
        moment = UNTIL + timedelta(hours=hours)
        end = datetime.fromisoformat(f"{coupon_body(ask(valid_until=moment), PRAGUE)['validTo']}T23:59:59+01:00")
        assert end >= moment
