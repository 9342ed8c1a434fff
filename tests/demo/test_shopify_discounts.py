"""Codes, gift cards and store credit of the fake Shopify: what is refused and how, and what happens at the checkout."""

from collections.abc import Iterator
from typing import Any

import pytest

from demo.shop.carts import CouponJustUsed, CouponsDropped
from demo.shop.coupons import CouponRefused
from tests.demo.shopify_world import World, opened

GIFT = """
mutation Make($input: GiftCardCreateInput!) {
  giftCardCreate(input: $input) { giftCard { id enabled lastCharacters balance { amount } } userErrors { code field } }
}
"""
CREDIT = """
mutation Give($id: ID!, $input: StoreCreditAccountCreditInput!) {
  storeCreditAccountCredit(id: $id, creditInput: $input) {
    storeCreditAccountTransaction { id amount { amount } } userErrors { code field }
  }
}
"""
BY_CODE = """
query Q($code: String!) { codeDiscountNodeByCode(code: $code) { id codeDiscount { ... on DiscountCodeBasic { status asyncUsageCount } } } }
"""
DELETE = "mutation M($id: ID!) { discountCodeDelete(id: $id) { userErrors { code } } }"
ACCOUNTS = (
    "query Q($id: ID!) { customer(id: $id) { storeCreditAccounts(first: 9) { nodes { id balance { amount } } } } }"
)
MOVEMENTS = """
query Q($id: ID!) {
  storeCreditAccount(id: $id) {
    transactions(first: 5, reverse: true) { nodes { ... on StoreCreditAccountCreditTransaction { id } } }
  }
}
"""
ALL = {"all": True}


@pytest.fixture
def world() -> Iterator[World]:
    with opened() as world:
        yield world


def value(**parts: Any) -> dict[str, Any]:
    return {"customerGets": {"value": parts, "items": ALL}}


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"code": " "}, "BLANK", "code"),
        ({"title": ""}, "BLANK", "title"),
        ({"startsAt": None}, "BLANK", "startsAt"),
        ({"context": None}, "BLANK", "context"),
        ({"context": {"customers": {"add": ["gid://shopify/Customer/1"]}}}, "INVALID", "context.customers.add"),
        ({"code": "X" * 256}, "TOO_LONG", "code"),
        ({"endsAt": "2025-01-01T00:00:00Z"}, "END_DATE_BEFORE_START_DATE", "endsAt"),
        ({"usageLimit": 0}, "GREATER_THAN", "usageLimit"),
        (value(percentage=1.5), "VALUE_OUTSIDE_RANGE", "customerGets.value.percentage"),
        (value(discountAmount={"amount": "0"}), "GREATER_THAN", "customerGets.value.discountAmount.amount"),
        (value(), "BLANK", "customerGets.value"),
        ({"customerGets": {"value": {"percentage": 0.1}, "items": {}}}, "APPLIES_ON_NOTHING", "customerGets.items"),
    ],
)
def test_a_wrong_code_is_refused_with_the_platforms_word_and_place(
    world: World, changes: dict[str, Any], code: str, field: str
) -> None:
    made = world.make("WRONG", **changes)

    assert made["codeDiscountNode"] is None
    error = made["userErrors"][0]
    assert (error["code"], ".".join(error["field"])) == (code, f"basicCodeDiscount.{field}")
    assert world.shop.discount("WRONG") is None


def test_a_code_exists_once_whatever_its_letter_case(world: World) -> None:
    world.make("Summer")

    again = world.make("SUMMER")

    assert again["userErrors"][0]["code"] == "TAKEN"
    assert world.data(BY_CODE, code="sUmMeR")["codeDiscountNodeByCode"]["codeDiscount"]["status"] == "ACTIVE"


def test_a_code_for_one_customer_works_for_nobody_else_and_once_only(world: World) -> None:
    anna, jan = world.shop.add_customer("anna@ex.cz"), world.shop.add_customer("jan@ex.cz")
    mine = {"customers": {"add": [world.shop.gid("Customer", anna.id)]}}
    made = world.make("ANNA", context=mine, usageLimit=1, appliesOncePerCustomer=True)
    assert made["codeDiscountNode"]["codeDiscount"]["context"]["customers"] == [
        {"id": world.shop.gid("Customer", anna.id)}
    ]

    with pytest.raises(CouponRefused, match="not_yours"):
        world.shop.place_order(customer_id=jan.id, coupons=("ANNA",))
    order = world.shop.place_order({12: 1}, customer_id=anna.id, coupons=("anna",))
    with pytest.raises((CouponRefused, CouponsDropped, CouponJustUsed)):
        world.shop.place_order(customer_id=anna.id, coupons=("ANNA",))

    assert world.order(order.id)["discountCodes"] == ["ANNA"]
    assert world.data(BY_CODE, code="ANNA")["codeDiscountNodeByCode"]["codeDiscount"]["asyncUsageCount"] == 1


def test_the_count_of_uses_may_lag(world: World) -> None:
    world.make("SOON")
    world.shop.place_order({12: 1}, coupons=("SOON",))
    world.shop.faults.usage_lags = True

    lagging = world.data(BY_CODE, code="SOON")["codeDiscountNodeByCode"]["codeDiscount"]
    world.shop.faults.usage_lags = False
    caught_up = world.data(BY_CODE, code="SOON")["codeDiscountNodeByCode"]["codeDiscount"]

    assert (lagging["asyncUsageCount"], caught_up["asyncUsageCount"]) == (0, 1)


def test_a_code_is_scheduled_active_expired_by_the_shops_clock(world: World) -> None:
    world.make("SOON", startsAt="2026-12-01T00:00:00Z", endsAt="2026-12-02T00:00:00Z")
    with pytest.raises(CouponRefused, match="unknown"):
        world.shop.place_order(coupons=("SOON",))
    scheduled = world.data(BY_CODE, code="SOON")["codeDiscountNodeByCode"]["codeDiscount"]["status"]

    world.clock.now = 1_796_083_200 + 60  # 2026-12-01
    world.token = world.shop.access_token()
    active = world.data(BY_CODE, code="SOON")["codeDiscountNodeByCode"]["codeDiscount"]["status"]
    world.shop.place_order({12: 1}, coupons=("SOON",))
    world.clock.turn(86_400)
    world.token = world.shop.access_token()

    expired = world.data(BY_CODE, code="SOON")["codeDiscountNodeByCode"]["codeDiscount"]["status"]
    assert [scheduled, active, expired] == ["SCHEDULED", "ACTIVE", "EXPIRED"]
    with pytest.raises(CouponRefused, match="expired"):
        world.shop.place_order({12: 1}, coupons=("SOON",))


def test_a_code_that_was_deleted_is_not_taken_any_more(world: World) -> None:
    node = world.make("GONE")["codeDiscountNode"]["id"]

    done = world.data(DELETE, id=node)["discountCodeDelete"]

    assert done["userErrors"] == []
    with pytest.raises(CouponRefused):
        world.shop.place_order(coupons=("GONE",))
    assert world.data(DELETE, id=node)["discountCodeDelete"]["userErrors"] == [{"code": "INVALID"}]


def test_codes_stand_together_only_where_both_say_so(world: World) -> None:
    world.make("ALONE")
    world.make("ONE", combinesWith={"orderDiscounts": True})
    world.make("TWO", combinesWith={"orderDiscounts": True})

    both = world.shop.place_order({12: 2}, coupons=("ONE", "TWO"))
    last = world.shop.place_order({12: 2}, coupons=("ONE", "ALONE"))

    assert world.order(both.id)["discountCodes"] == ["ONE", "TWO"]
    assert world.order(last.id)["discountCodes"] == ["ALONE"]


def test_a_code_for_products_takes_from_their_lines_only(world: World) -> None:
    items = {"products": {"productsToAdd": [world.shop.gid("Product", 12)]}}
    world.make("TEES", customerGets={"value": {"percentage": 0.5}, "items": items})

    made = world.shop.place_order({11: 1, 12: 1}, coupons=("TEES",))

    lines = world.order(made.id)["lineItems"]["nodes"]
    assert [len(line["discountAllocations"]) for line in lines] == [0, 1]


def test_free_shipping_has_a_mutation_of_its_own(world: World) -> None:
    text = """mutation M($d: DiscountCodeFreeShippingInput!) {
      discountCodeFreeShippingCreate(freeShippingCodeDiscount: $d) { codeDiscountNode { id } userErrors { code field } } }"""
    given = {
        "title": "Free",
        "code": "SHIP",
        "startsAt": "2026-01-01T00:00:00Z",
        "context": {"all": "ALL"},
        "destination": ALL,
    }

    nowhere = world.data(text, d={**given, "destination": None})["discountCodeFreeShippingCreate"]
    made = world.data(text, d=given)["discountCodeFreeShippingCreate"]
    order = world.shop.place_order(coupons=("SHIP",))

    assert nowhere["userErrors"][0]["code"] == "BLANK"
    assert made["userErrors"] == []
    found = world.order(order.id)
    assert found["discountApplications"]["nodes"] == [{"index": 0, "targetType": "SHIPPING_LINE", "code": "SHIP"}]
    assert found["totalShippingPriceSet"]["shopMoney"]["amount"] == "0.0"


def test_the_code_of_a_gift_card_may_be_chosen_once(world: World) -> None:
    anna = world.shop.add_customer("anna@ex.cz")
    wanted = {
        "initialAmount": {"amount": "10.00", "currencyCode": "EUR"},
        "code": "REWARD-2026-abc",
        "customerId": world.shop.gid("Customer", anna.id),
    }

    made = world.data(GIFT, input=wanted)["giftCardCreate"]
    again = world.data(GIFT, input={**wanted, "code": "reward2026ABC"})["giftCardCreate"]
    short = world.data(GIFT, input={**wanted, "code": "abc"})["giftCardCreate"]

    assert made["giftCard"]["lastCharacters"] == "6abc"
    assert again == {"giftCard": None, "userErrors": [{"code": "TAKEN", "field": ["input", "code"]}]}
    assert short["userErrors"][0]["code"] == "TOO_SHORT"
    off = world.data(
        "mutation M($id: ID!) { giftCardDeactivate(id: $id) { giftCard { enabled } userErrors { message } } }",
        id=made["giftCard"]["id"],
    )["giftCardDeactivate"]
    assert off["giftCard"]["enabled"] is False


def test_store_credit_has_an_account_per_customer_and_no_key_against_doing_it_twice(world: World) -> None:
    anna = world.shop.add_customer("anna@ex.cz")
    wanted = {"creditAmount": {"amount": "5.00", "currencyCode": "EUR"}}
    gid = world.shop.gid("Customer", anna.id)

    first = world.data(CREDIT, id=gid, input=wanted)["storeCreditAccountCredit"]["storeCreditAccountTransaction"]
    second = world.data(CREDIT, id=gid, input=wanted)["storeCreditAccountCredit"]["storeCreditAccountTransaction"]

    [account] = world.data(ACCOUNTS, id=gid)["customer"]["storeCreditAccounts"]["nodes"]
    assert account["balance"]["amount"] == "10.0"
    rows = world.data(MOVEMENTS, id=account["id"])["storeCreditAccount"]["transactions"]["nodes"]
    assert [row["id"] for row in rows] == [second["id"], first["id"]]


@pytest.mark.parametrize(
    ("amount", "currency", "owner", "code"),
    [
        ("0.00", "EUR", None, "NEGATIVE_OR_ZERO_AMOUNT"),
        ("5.00", "USD", None, "UNSUPPORTED_CURRENCY"),
        ("5.00", "EUR", "gid://shopify/Customer/1", "OWNER_NOT_FOUND"),
        ("5.00", "EUR", "gid://shopify/StoreCreditAccount/1", "ACCOUNT_NOT_FOUND"),
        ("999999.00", "EUR", None, "CREDIT_LIMIT_EXCEEDED"),
    ],
)
def test_store_credit_is_refused_with_the_platforms_word(
    world: World, amount: str, currency: str, owner: str | None, code: str
) -> None:
    anna = world.shop.add_customer("anna@ex.cz")
    wanted = {"creditAmount": {"amount": amount, "currencyCode": currency}}

    made = world.data(CREDIT, id=owner or world.shop.gid("Customer", anna.id), input=wanted)["storeCreditAccountCredit"]

    assert (made["storeCreditAccountTransaction"], made["userErrors"][0]["code"]) == (None, code)


def test_an_answer_may_be_lost_after_the_deed_was_done(world: World) -> None:
    world.shop.faults.lose_answers = True
    with pytest.raises(OSError):
        world.make("LOST")
    world.shop.faults.lose_answers = False

    assert world.make("LOST")["userErrors"][0]["code"] == "TAKEN"
