"""Coupons: what is asked for, lost answers, codes of others, copies that a race left."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import requests
import responses

from connectors.woocommerce.discounts import coupon_body
from core.commerce import DiscountKind, DiscountRequest, Usage
from core.errors import InvalidInput, PlatformRefused, ShopUnavailable, Unreachable
from tests.connectors.woocommerce.shops import API, connector, page, recording, refusal, sent

CODE = "T23456789ABCDEFGHJ"


def request(**changes: Any) -> DiscountRequest:
    fields: dict[str, Any] = {
        "code": CODE,
        "kind": DiscountKind.FIXED_AMOUNT,
        "currency": "EUR",
        "amount": 500,
        "valid_until": datetime(2026, 12, 5, 23, 0, tzinfo=UTC),
    }
    return DiscountRequest(**{**fields, **changes})


def stored(**changes: Any) -> dict[str, Any]:
    """The recorded coupon, as the shop would have made it from `request()`."""
    recorded = recording("rest_coupon")
    return {**recorded, "id": 77, "code": CODE.lower(), "amount": "5.00", "email_restrictions": [], **changes}


def test_a_fixed_amount_is_a_single_use_coupon_that_ends_at_an_instant() -> None:
    body = coupon_body(request(description="Regulars"))

    assert body == {
        "code": CODE.lower(),
        "discount_type": "fixed_cart",
        "amount": "5.00",
        "date_expires": "2026-12-05T23:00:00Z",
        "usage_limit": 1,
        "usage_limit_per_user": 1,
        "individual_use": True,
        "free_shipping": False,
        "description": "Regulars",
        "meta_data": [{"key": "_regulars_code", "value": CODE}],
    }


@pytest.mark.parametrize("kind", [DiscountKind.GIFT_CARD, DiscountKind.STORE_CREDIT])
def test_a_kind_that_woocommerce_has_not_is_refused_before_any_call(kind: DiscountKind) -> None:
    with responses.RequestsMock() as nothing, pytest.raises(InvalidInput) as refused:
        connector().discounts.issue(request(kind=kind))

    assert refused.value.field == "kind"
    assert len(nothing.calls) == 0


def test_an_end_in_another_zone_is_sent_in_utc() -> None:
    until = datetime(2026, 12, 6, 0, 0, tzinfo=timezone(timedelta(hours=1)))

    assert coupon_body(request(valid_until=until))["date_expires"] == "2026-12-05T23:00:00Z"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"kind": DiscountKind.PERCENTAGE, "per_mille": 125}, {"discount_type": "percent", "amount": "12.5"}),
        ({"kind": DiscountKind.PERCENTAGE, "per_mille": 150}, {"discount_type": "percent", "amount": "15"}),
        (
            {"kind": DiscountKind.FREE_SHIPPING},
            {"discount_type": "fixed_cart", "amount": "0", "free_shipping": True},
        ),
        (
            {"kind": DiscountKind.FREE_PRODUCT, "product_ids": ("11",)},
            {"discount_type": "percent", "amount": "100", "product_ids": [11], "limit_usage_to_x_items": 1},
        ),
        ({"minimum_gross": 3000}, {"minimum_amount": "30.00"}),
        ({"customer_email": "jana@ex.cz"}, {"email_restrictions": ["jana@ex.cz"]}),
        ({"combines": True}, {"individual_use": False}),
        ({"currency": "JPY", "amount": 500}, {"amount": "500"}),
        ({"product_ids": ("11", "12")}, {"product_ids": [11, 12]}),
    ],
)
def test_each_wish_has_its_field(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    body = coupon_body(request(**changes))

    assert {name: body[name] for name in expected} == expected


@responses.activate
def test_a_coupon_is_made_with_one_call() -> None:
    responses.post(f"{API}/coupons", json=stored(), status=201)

    made = connector().discounts.issue(request())

    assert (made.code, made.external_id, len(responses.calls)) == (CODE, "77", 1)


@pytest.mark.parametrize("trouble", [requests.ReadTimeout(), requests.ConnectionError(), "502", "503", "html"])
@responses.activate
def test_when_the_answer_is_lost_the_shop_is_asked_before_anybody_tries_again(trouble: Any) -> None:
    if trouble == "html":
        responses.post(f"{API}/coupons", **page())
        responses.get("https://shop.example/", **page())
    elif isinstance(trouble, str):
        responses.post(f"{API}/coupons", status=int(trouble))
    else:
        responses.post(f"{API}/coupons", body=trouble)
    responses.get(f"{API}/coupons", json=[stored()])

    assert connector().discounts.issue(request()).external_id == "77"
    assert len(sent(responses.mock, "POST", "coupons")) == 1


@responses.activate
def test_when_the_answer_is_lost_and_nothing_was_made_the_caller_is_told() -> None:
    responses.post(f"{API}/coupons", body=requests.ReadTimeout())
    responses.get(f"{API}/coupons", json=[])

    with pytest.raises(Unreachable):
        connector().discounts.issue(request())
    assert len(sent(responses.mock, "POST", "coupons")) == 1


@responses.activate
def test_when_the_shop_cannot_even_be_asked_the_caller_is_told() -> None:
    responses.post(f"{API}/coupons", body=requests.ReadTimeout())
    responses.get(f"{API}/coupons", status=503)

    with pytest.raises(ShopUnavailable):
        connector().discounts.issue(request())


EXISTS = refusal("woocommerce_rest_coupon_code_already_exists", 400, "The coupon code already exists")


@pytest.mark.parametrize(
    "there",
    [
        {},
        {"amount": "5"},
        {"amount": 5},
        {"minimum_amount": ""},
        {"usage_count": 1},
        {"product_ids": None},
        {"date_expires": "2026-12-06T00:00:00"},
    ],
)
@responses.activate
def test_our_own_coupon_found_there_is_a_success(there: dict[str, Any]) -> None:
    responses.post(f"{API}/coupons", **EXISTS)
    responses.get(f"{API}/coupons", json=[stored(**there)])

    assert connector().discounts.issue(request()).external_id == "77"


@pytest.mark.parametrize(
    "there",
    [
        {"amount": "50.00"},
        {"amount": "free"},
        {"discount_type": "percent"},
        {"usage_limit": None},
        {"usage_limit": 100},
        {"individual_use": False},
        {"free_shipping": True},
        {"minimum_amount": "100.00"},
        {"product_ids": [5]},
        {"product_ids": 5},
        {"email_restrictions": 5},
        {"amount": "sNaN"},
        {"minimum_amount": "sNaN"},
        {"email_restrictions": ["somebody@ex.cz"]},
        {"date_expires": None},
        {"id": None},
    ],
)
@responses.activate
def test_another_coupon_with_our_code_is_refused(there: dict[str, Any]) -> None:
    responses.post(f"{API}/coupons", **EXISTS)
    responses.get(f"{API}/coupons", json=[stored(**there)])

    with pytest.raises(PlatformRefused, match="another coupon"):
        connector().discounts.issue(request())


@responses.activate
def test_a_code_said_to_exist_that_nobody_can_see_is_refused() -> None:
    responses.post(f"{API}/coupons", **EXISTS)
    responses.get(f"{API}/coupons", json=[])

    with pytest.raises(PlatformRefused):
        connector().discounts.issue(request())


@responses.activate
def test_any_other_refusal_is_the_shops_and_not_looked_into() -> None:
    responses.post(f"{API}/coupons", **refusal("rest_invalid_param", 400, "Invalid parameter(s): amount"))

    with pytest.raises(PlatformRefused, match="amount"):
        connector().discounts.issue(request())
    assert len(responses.calls) == 1


@responses.activate
def test_a_shop_that_ignores_the_filter_does_not_lend_us_anothers_coupon() -> None:
    responses.get(f"{API}/coupons", json=[stored(code="summer"), stored(code="winter", id=78)])

    assert connector().discounts.usage(CODE) == Usage(state="unknown", exists=False)
    assert connector().discounts.revoke(CODE).existed is False
    assert all(call.request.method == "GET" for call in responses.calls)


@pytest.mark.parametrize(
    ("count", "state", "times"), [(0, "unused", 0), (1, "used", 1), (4, "used", 4), (None, "unknown", 0)]
)
@responses.activate
def test_usage_is_the_shops_own_count(count: int | None, state: str, times: int) -> None:
    responses.get(f"{API}/coupons", json=[stored(usage_count=count)])

    assert connector().discounts.usage(CODE) == Usage(state=state, exists=True, times_used=times)  # type: ignore[arg-type]


@pytest.mark.parametrize("counts", [(0, 1), (1, 0), (1, 1)])
@responses.activate
def test_revoking_goes_on_until_no_copy_is_found_and_remembers_any_use(counts: tuple[int, int]) -> None:
    for copy, count in zip((stored(), stored(id=78)), counts, strict=True):
        responses.get(f"{API}/coupons", json=[copy])
        responses.delete(f"{API}/coupons/{copy['id']}", json={**copy, "usage_count": count})
    responses.get(f"{API}/coupons", json=[])

    revoked = connector().discounts.revoke(CODE)

    assert (revoked.used, revoked.existed) == (True, True)
    deletions = [call.request for call in responses.calls if call.request.method == "DELETE"]
    assert [str(each.url).partition("?")[2] for each in deletions] == ["force=true", "force=true"]


@responses.activate
def test_a_use_between_the_look_and_the_deletion_is_noticed() -> None:
    responses.get(f"{API}/coupons", json=[stored(usage_count=0)])
    responses.get(f"{API}/coupons", json=[])
    responses.delete(f"{API}/coupons/77", json=stored(usage_count=1))

    assert connector().discounts.revoke(CODE).used is True


@responses.activate
def test_when_the_answer_to_a_deletion_is_lost_the_next_look_tells() -> None:
    responses.get(f"{API}/coupons", json=[stored(usage_count=1)])
    responses.get(f"{API}/coupons", json=[])
    responses.delete(f"{API}/coupons/77", body=requests.ReadTimeout())

    revoked = connector().discounts.revoke(CODE)

    assert (revoked.used, revoked.existed) == (True, True)


@responses.activate
def test_a_coupon_that_somebody_else_deletes_meanwhile_is_dead() -> None:
    responses.get(f"{API}/coupons", json=[stored()])
    responses.get(f"{API}/coupons", json=[])
    responses.delete(f"{API}/coupons/77", **refusal("woocommerce_rest_shop_coupon_invalid_id", 404))

    assert connector().discounts.revoke(CODE).existed is True


@responses.activate
def test_a_coupon_that_will_not_die_is_not_called_dead() -> None:
    responses.get(f"{API}/coupons", json=[stored()])
    responses.delete(f"{API}/coupons/77", json=stored())

    with pytest.raises(PlatformRefused):
        connector().discounts.revoke(CODE)


@responses.activate
def test_a_shop_that_is_down_does_not_make_a_code_dead() -> None:
    responses.get(f"{API}/coupons", status=503)

    with pytest.raises(ShopUnavailable):
        connector().discounts.revoke(CODE)
