"""Orders of the fake Shopify as an app reads them: sums that come out even, pages, filters, and what is kept from whom."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from demo.shopify.synthetic import Synthetic
from tests.demo.shopify_world import ALL_SCOPES, World, amount, opened

DAY = 86_400
LIST = """
query List($query: String, $after: String, $first: Int) {
  orders(first: $first, after: $after, query: $query, sortKey: UPDATED_AT) {
    nodes { id updatedAt createdAt } pageInfo { hasNextPage endCursor }
  }
}
"""


@pytest.fixture
def world() -> Iterator[World]:
    with opened() as world:
        yield world


def cents(bag: dict[str, Any]) -> int:
    return int(Decimal(amount(bag)) * 100)


@pytest.mark.parametrize("taxes_included", [True, False])
def test_the_sums_of_an_order_come_out_even_with_and_without_tax_in_the_prices(taxes_included: bool) -> None:
    with opened(taxes_included=taxes_included) as world:
        world.make("FIVE", combinesWith={"orderDiscounts": True})
        world.make("TENTH", combinesWith={"orderDiscounts": True},
                   customerGets={"value": {"percentage": 0.1}, "items": {"all": True}})  # fmt: skip
        made = world.shop.place_order({11: 2, 12: 1, 14: 3}, coupons=("FIVE", "TENTH"))

        order = world.order(made.id)

    lines = order["lineItems"]["nodes"]
    taken = sum(cents(part["allocatedAmountSet"]) for line in lines for part in line["discountAllocations"])
    tax = sum(cents(each["priceSet"]) for line in lines for each in line["taxLines"])
    assert {part["discountApplication"]["index"] for line in lines for part in line["discountAllocations"]} == {0, 1}
    assert taken == cents(order["totalDiscountsSet"]) > 0
    assert cents(order["subtotalPriceSet"]) == sum(cents(line["originalTotalSet"]) for line in lines) - taken
    shipping_tax = cents(order["totalTaxSet"]) - tax
    whole = cents(order["subtotalPriceSet"]) + cents(order["totalShippingPriceSet"])
    assert cents(order["totalPriceSet"]) == whole + (0 if taxes_included else tax + shipping_tax) == made.total
    before_tax = sum(cents(line["priceAfterAllDiscountsBeforeTaxesSet"]) for line in lines)
    assert before_tax == cents(order["subtotalPriceSet"]) - (tax if taxes_included else 0)
    assert order["discountCodes"] == ["FIVE", "TENTH"]


def test_ids_are_beyond_what_a_float_can_hold(world: World) -> None:
    made = world.shop.place_order()

    number = int(world.order(made.id)["legacyResourceId"])

    assert number > 2**53
    assert int(float(number)) != number


def test_a_refund_of_pieces_names_them_and_leaves_the_first_totals_alone(world: World) -> None:
    made = world.shop.place_order({11: 2, 12: 1})
    before = world.order(made.id)

    world.shop.refund(made.id, quantities={made.lines[0].id: 1}, shipping=True)

    order, refund = world.order(made.id), world.order(made.id)["refunds"][0]
    assert [line["currentQuantity"] for line in order["lineItems"]["nodes"]] == [1, 1]
    assert order["displayFinancialStatus"] == "PARTIALLY_REFUNDED"
    assert amount(order["subtotalPriceSet"]) == amount(before["subtotalPriceSet"]) == "48.4"
    assert amount(order["currentSubtotalPriceSet"]) == "36.3"
    assert amount(order["currentTotalPriceSet"]) == amount(order["netPaymentSet"]) == "36.3"
    assert amount(refund["totalRefundedSet"]) == "17.1"
    assert [amount(row["subtotalSet"]) for row in refund["refundLineItems"]["nodes"]] == ["12.1"]
    assert [amount(row["subtotalAmountSet"]) for row in refund["refundShippingLines"]["nodes"]] == ["5.0"]
    assert refund["orderAdjustments"]["nodes"] == []


def test_a_refund_of_a_mere_amount_is_a_discrepancy_without_lines(world: World) -> None:
    made = world.shop.place_order({12: 1})

    world.shop.refund(made.id, amount="3.00")

    refund = world.order(made.id)["refunds"][0]
    assert refund["refundLineItems"]["nodes"] == []
    adjustment = refund["orderAdjustments"]["nodes"][0]
    assert (adjustment["reason"], amount(adjustment["amountSet"])) == ("REFUND_DISCREPANCY", "-3.0")


def test_a_cancelled_order_is_refunded_whole_or_void(world: World) -> None:
    paid, unpaid, kept = world.shop.place_order(), world.shop.place_order(payment="bacs"), world.shop.place_order()

    world.shop.cancel(paid.id)
    world.shop.cancel(unpaid.id)
    world.shop.cancel(kept.id, refund=False)

    found = [world.order(each.id) for each in (paid, unpaid, kept)]
    assert [order["displayFinancialStatus"] for order in found] == ["REFUNDED", "VOIDED", "PAID"]
    assert all(order["cancelledAt"] for order in found)
    assert amount(found[0]["currentTotalPriceSet"]) == "0.0"


def test_money_may_be_awaited_authorized_and_captured(world: World) -> None:
    made = world.shop.place_order(payment="bacs", authorized=True)
    assert world.order(made.id)["displayFinancialStatus"] == "AUTHORIZED"

    world.shop.mark_paid(made.id)

    order = world.order(made.id)
    assert order["displayFinancialStatus"] == "PAID"
    assert [(each["kind"], each["status"]) for each in order["transactions"]] == [
        ("AUTHORIZATION", "SUCCESS"),
        ("CAPTURE", "SUCCESS"),
    ]


def test_an_edit_keeps_quantities_changes_current_ones_and_leaves_a_difference_to_pay(world: World) -> None:
    made = world.shop.place_order({11: 2})

    world.shop.edit_order(made.id, remove={made.lines[0].id: 1})
    less = world.order(made.id)
    world.shop.edit_order(made.id, add={12: 2})
    more = world.order(made.id)

    assert (less["edited"], less["displayFinancialStatus"]) == (True, "PAID")
    assert [(line["quantity"], line["currentQuantity"]) for line in less["lineItems"]["nodes"]] == [(2, 1)]
    assert amount(less["currentTotalPriceSet"]) == "17.1"
    assert more["displayFinancialStatus"] == "PARTIALLY_PAID"
    assert amount(more["netPaymentSet"]) == "29.2"


def test_tips_gift_cards_tests_and_orders_of_nobody(world: World) -> None:
    made = world.shop.place_order({11: 1}, email="", test=True, tip="2.00", gift_card="25.00")

    order = world.order(made.id)

    assert (order["test"], order["customer"]) == (True, None)
    assert [line["isGiftCard"] for line in order["lineItems"]["nodes"]] == [False, True]
    assert amount(order["totalTipReceivedSet"]) == "2.0"
    assert amount(order["totalPriceSet"]) == "44.1"


def test_who_buys_as_a_guest_becomes_a_customer_without_an_account(world: World) -> None:
    made = world.shop.place_order(email="guest@ex.cz")

    customer = world.order(made.id)["customer"]
    found = world.data("query Q($id: ID!) { customer(id: $id) { defaultEmailAddress { emailAddress } } }", **customer)

    assert found["customer"] == {"defaultEmailAddress": {"emailAddress": "guest@ex.cz"}}
    assert world.shop.store.customers[made.customer_id].password == ""


def test_a_deleted_order_is_null(world: World) -> None:
    made = world.shop.place_order()
    world.shop.delete_order(made.id)

    assert world.data("query Q($id: ID!) { order(id: $id) { id } }", id=world.shop.gid("Order", made.id)) == {
        "order": None
    }


def test_pages_by_change_hold_every_order_once_in_order(world: World) -> None:
    made = []
    for _ in range(7):
        made.append(world.shop.place_order().id)
        world.clock.turn(10)
    world.shop.complete(made[0])

    seen, after = [], None
    while True:
        page = world.data(LIST, first=3, after=after)["orders"]
        seen += [node["id"] for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]

    assert seen == [world.shop.gid("Order", each) for each in [*made[1:], made[0]]]


def test_filters_are_taken_by_the_second_and_unknown_ones_ignored_with_a_warning(world: World) -> None:
    early = world.shop.place_order()
    world.clock.turn(10)
    late = world.shop.place_order()
    since = world.order(late.id)["updatedAt"]

    at = world.data(LIST, first=9, query=f"updated_at:>='{since}'")["orders"]["nodes"]
    behind = world.data(LIST, first=9, query=f"updated_at:>'{since}'")["orders"]["nodes"]
    odd = world.ask(LIST, first=9, query="colour:green")

    assert [node["id"] for node in at] == [world.shop.gid("Order", late.id)]
    assert behind == []
    assert len(odd["data"]["orders"]["nodes"]) == 2, early
    assert odd["extensions"]["search"][0]["warnings"][0]["field"] == "colour"


def test_a_page_must_say_how_long_it_is_and_not_too_long(world: World) -> None:
    none, much = world.ask(LIST), world.ask(LIST, first=251)

    assert (none["data"], none["errors"][0]["path"][0]) == (None, "orders")
    assert "250" in much["errors"][0]["message"]


@pytest.mark.parametrize("all_orders", [True, False])
def test_orders_older_than_sixty_days_need_a_scope_of_their_own(all_orders: bool) -> None:
    scopes = ALL_SCOPES if all_orders else tuple(each for each in ALL_SCOPES if each != "read_all_orders")
    with opened(scopes) as world:
        old = world.shop.place_order()
        world.clock.turn(61 * DAY)
        new = world.shop.place_order()
        world.token = world.shop.access_token(scopes=scopes)

        listed = world.data(LIST, first=9)["orders"]["nodes"]
        one = world.data("query Q($id: ID!) { order(id: $id) { id } }", id=world.shop.gid("Order", old.id))["order"]

    expected = [old.id, new.id] if all_orders else [new.id]
    assert [node["id"] for node in listed] == [world.shop.gid("Order", each) for each in expected]
    assert (one is not None) == all_orders


def test_a_field_that_the_app_is_not_approved_for_is_null_and_says_so(world: World) -> None:
    anna = world.shop.add_customer("anna@ex.cz", first_name="Anna")
    world.shop.faults.unapproved = "Customer.firstName,Customer.defaultEmailAddress"

    body = world.ask(
        "query Q($id: ID!) { customer(id: $id) { id firstName defaultEmailAddress { emailAddress } } }",
        id=world.shop.gid("Customer", anna.id),
    )

    assert body["data"]["customer"] == {
        "id": world.shop.gid("Customer", anna.id),
        "firstName": None,
        "defaultEmailAddress": None,
    }
    assert {tuple(error["path"]) for error in body["errors"]} == {
        ("customer", "firstName"),
        ("customer", "defaultEmailAddress"),
    }
    assert {error["extensions"]["code"] for error in body["errors"]} == {"ACCESS_DENIED"}


def test_a_token_without_the_scope_gets_nothing() -> None:
    with opened(("read_customers",)) as world:
        body = world.ask(LIST, first=1)

    assert body["data"] is None
    assert body["errors"][0]["extensions"]["requiredAccess"] == "`read_orders` access scope."


def test_a_hundred_thousand_orders_are_paged_anywhere_without_being_kept() -> None:
    with opened(synthetic_orders=100_000, synthetic_customers=1_000) as world:
        since = world.data(LIST, first=1)["orders"]["nodes"][0]["createdAt"]
        late = world.data(LIST, first=5, query="updated_at:>='2026-11-01T00:00:00Z'")["orders"]
        again = world.data(
            LIST, first=5, query="updated_at:>='2026-11-01T00:00:00Z'", after=late["pageInfo"]["endCursor"]
        )
        node = late["nodes"][0]["id"]
        customers = world.data("query Q { customers(first: 2) { nodes { id } pageInfo { hasNextPage } } }")["customers"]

        one = world.data("query Q($id: ID!) { order(id: $id) { id } }", id=node)["order"]

        assert len(world.shop.store.orders) == 0
    assert since.startswith("2025")
    assert all(each["updatedAt"] >= "2026-11-01T00:00:00Z" for each in late["nodes"])
    assert late["nodes"][-1]["updatedAt"] <= again["orders"]["nodes"][0]["updatedAt"]
    assert not {each["id"] for each in late["nodes"]} & {each["id"] for each in again["orders"]["nodes"]}
    assert one == {"id": node}
    assert len(customers["nodes"]) == 2


def test_a_list_of_made_up_orders_begins_where_it_was_asked_to() -> None:
    until = 1_795_301_577
    orders = Synthetic(100_000, 10, until, 1)

    late = list(orders.orders_from(until - 5 * DAY))

    assert len(late) < 4_000
    assert sum(1 for order in orders.orders_from(0) if order.modified_at >= until - 5 * DAY) == sum(
        1 for order in late if order.modified_at >= until - 5 * DAY
    )
