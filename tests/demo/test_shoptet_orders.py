"""Orders and credit notes of the fake Shoptet: rows and sums, paid and cancelled, changes, what staff do to them."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from demo.shop.orders import RefundRefused
from tests.demo.shoptet_world import Json, World, opened

SINCE = "2025-01-01T00:00:00%2B0100"


@pytest.fixture
def world() -> Iterator[World]:
    with opened() as world:
        yield world


def kinds(order: Json) -> list[str]:
    return [row["itemType"] for row in order["items"]]


def row(order: Json, kind: str) -> Json:
    found: Json = next(each for each in order["items"] if each["itemType"] == kind)
    return found


def gross(price: Json) -> Decimal:
    return Decimal(price["withVat"])


def changes(world: World, kind: str = "orders", more: str = "") -> list[tuple[str, str]]:
    path = f"/api/{kind}/changes?from={SINCE}&itemsPerPage=1000{more}"
    return [(each.get("code") or each["guid"], each["changeType"]) for each in world.get(path)["changes"]]


def test_a_coupon_is_a_negative_row_without_its_code_over_all_vat_rates(world: World) -> None:
    made = world.shop.add_coupon("LP-SECRET")
    order = world.order(world.shop.place_order({11: 2, 14: 1}, coupons=[made.code]).id)
    coupon = row(order, "discount-coupon")

    assert kinds(order) == ["product", "product", "shipping", "billing", "discount-coupon"]
    assert coupon["code"] is None
    assert "LP-SECRET" not in str(order)
    assert coupon["name"] == "Discount coupon - Discount 5 EUR"
    assert gross(coupon["itemPrice"]) == Decimal("-5.00")
    assert {part["vatRate"] for part in coupon["displayPrices"]} == {"21.00", "12.00"}
    assert sum(map(gross, coupon["displayPrices"])) == Decimal("-5.00")


def test_a_coupon_row_speaks_the_language_and_currency_of_the_shop() -> None:
    with opened(language="cs", currency="CZK") as world:
        order = world.order(world.shop.place_order(coupons=[world.shop.add_coupon("LP", "5.50").code]).id)
        assert row(order, "discount-coupon")["name"] == "Slevový kupon - Sleva 5,50 Kč"
        assert order["price"]["currencyCode"] == "CZK"


def test_product_rows_are_whole_lines_before_the_coupon_and_the_head_is_the_sum(world: World) -> None:
    world.shop.add_coupon("LP")
    order = world.order(world.shop.place_order({11: 2}, coupons=["LP"]).id)

    assert gross(row(order, "product")["itemPrice"]) == Decimal("24.20")
    assert gross(row(order, "product")["unitPrice"]) == Decimal("12.10")
    assert row(order, "product")["amount"] == "2.000"
    assert sum(gross(each["itemPrice"]) for each in order["items"]) == gross(order["price"]) == Decimal("24.20")
    for each in [order["price"], *(one["itemPrice"] for one in order["items"])]:
        assert Decimal(each["withoutVat"]) + Decimal(each["vat"]) == gross(each)


def test_other_rows_have_their_own_types(world: World) -> None:
    wanted = [("service", "Gift wrap", "2.00"), ("volume-discount", "Volume discount", "-3.00"),
              ("gift-certificate", "Gift certificate", "-4.00"), ("deposit", "Bottle deposit", "0.50")]  # fmt: skip
    order = world.order(world.shop.place_order({11: 1}, rows=wanted).id)

    told = [(each["itemType"], each["name"], each["itemPrice"]["withVat"]) for each in order["items"]]
    assert [each for each in told if each in wanted] == wanted
    assert gross(order["price"]) == Decimal("12.10") + Decimal("5.00") - Decimal("4.50")


def test_an_order_in_another_currency_is_converted_row_by_row(world: World) -> None:
    order = world.order(world.shop.place_order({11: 1}, currency="CZK", rate="25.5").id)

    assert (order["price"]["currencyCode"], order["price"]["exchangeRate"]) == ("CZK", "25.50000000")
    assert gross(row(order, "product")["itemPrice"]) == Decimal("308.55")


@pytest.mark.parametrize(
    ("how", "paid", "desk"),
    [
        ({"payment": "demo_card"}, True, False),
        ({"payment": "cod"}, False, False),
        ({"payment": "bacs"}, False, False),
        ({"cash_desk": True}, None, True),
        ({"paid_unknown": True}, None, False),
    ],
)
def test_paid_is_true_false_or_null(world: World, how: Any, paid: bool | None, desk: bool) -> None:
    order = world.shop.place_order({11: 1}, **how)
    told, listed = world.order(order.id), world.get("/api/orders")["orders"][0]

    assert (told["paid"], listed["paid"]) == (paid, paid)
    assert told["cashDeskOrder"] is desk
    assert (told["status"]["id"], told["source"]["id"]) == (-1, -2 if desk else -1)


def test_status_and_paid_are_two_things_unless_a_status_marks_as_paid(world: World) -> None:
    order = world.shop.place_order(payment="cod")
    path = f"/api/orders/{world.shop.code(order.id)}/status"
    done = world.write("PATCH", path, {"statusId": -3})["order"]
    marked = world.write("PATCH", path, {"statusId": 5})["order"]
    unpaid = world.write("PATCH", path, {"paid": False})["order"]
    both = world.write("PATCH", path, {"statusId": -2, "paid": True})["order"]

    assert [(each["status"]["id"], each["paid"]) for each in (done, marked, unpaid, both)] == [
        (-3, False), (5, True), (5, False), (-2, True),
    ]  # fmt: skip
    assert next(each for each in world.get("/api/orders/statuses")["statuses"] if each["id"] == 5)["markAsPaid"]


def test_nothing_changes_when_a_status_is_set_again(world: World) -> None:
    order = world.shop.place_order()
    path = f"/api/orders/{world.shop.code(order.id)}/status"
    before = world.write("PATCH", path, {"statusId": -2})["order"]["changeTime"]
    again = world.write("PATCH", path, {"statusId": -2})["order"]["changeTime"]

    assert again == before
    assert world.refused("PATCH", path, {"statusId": 77})[0] == 422
    assert world.refused("PATCH", path, {})[0] == 422


def test_cancelling_sets_minus_four_and_leaves_paid_and_rows_alone(world: World) -> None:
    order = world.shop.place_order({11: 2})
    before = world.order(order.id)
    world.clock.turn(60)
    world.shop.cancel(order.id)
    after = world.order(order.id)

    assert (after["status"], after["paid"]) == ({"id": -4, "name": "Cancelled"}, True)
    assert [each | {"status": None} for each in after["items"]] == [each | {"status": None} for each in before["items"]]
    assert after["changeTime"] > before["changeTime"]


@pytest.mark.parametrize(("returns", "left"), [(False, 1), (True, 0)])
def test_whether_a_cancelled_order_gives_its_coupon_back_is_a_switch(returns: bool, left: int) -> None:
    with opened(usage_returns=returns) as world:
        world.shop.add_coupon("LP")
        order = world.shop.place_order(coupons=["LP"])
        used = world.get("/api/discount-coupons/LP")["coupon"]["usedCount"]
        world.shop.cancel(order.id)

        assert used == 1
        assert world.get("/api/discount-coupons/LP")["coupon"]["usedCount"] == left


def test_each_order_is_listed_once_with_its_last_change(world: World) -> None:
    first, second = world.shop.place_order(), world.shop.place_order()
    codes = [world.shop.code(each.id) for each in (first, second)]
    world.clock.turn(60)
    world.shop.mark_paid(first.id, paid=False)
    assert changes(world) == [(codes[1], "edit"), (codes[0], "edit")]

    world.clock.turn(60)
    world.shop.delete_order(second.id)
    assert changes(world) == [(codes[0], "edit"), (codes[1], "delete")]
    assert changes(world, more="&changeType=delete") == [(codes[1], "delete")]
    assert world.refused("GET", f"/api/orders/{codes[1]}") == (404, ["order-not-found"])


def test_changes_start_with_the_moment_asked_for_and_reach_back_thirty_days(world: World) -> None:
    order = world.shop.place_order()
    at = world.order(order.id)["changeTime"].replace("+", "%2B")
    later = world.order(order.id)["changeTime"].replace(":57+", ":58+").replace("+", "%2B")

    assert len(world.get(f"/api/orders/changes?from={at}")["changes"]) == 1
    assert world.get(f"/api/orders/changes?from={later}")["changes"] == []
    world.clock.turn(30 * 86_400 + 1)
    world.token = world.shop.access_token()
    assert world.get(f"/api/orders/changes?from={at}")["changes"] == []


def test_the_list_is_filtered_as_asked(world: World) -> None:
    customer = world.somebody()
    mine = world.shop.code(world.shop.place_order({11: 1}, customer_id=customer.id).id)
    world.clock.turn(600)
    other = world.shop.place_order({14: 1}, email="Guest@Example.com", payment="cod")
    theirs = world.shop.code(other.id)
    world.shop.set_status(other.id, -2)
    moment = world.order(other.id)["creationTime"].replace("+", "%2B")
    guid = world.shop.guid("customer", customer.id)

    def found(query: str) -> set[str]:
        return {each["code"] for each in world.get(f"/api/orders?{query}")["orders"]}

    assert found("statusId=-2") == {theirs}
    assert found(f"customerGuid={guid}") == {mine}
    assert found("email=guest@example.com") == {theirs}
    assert found("productCode=MUG-1") == {mine}
    assert found(f"creationTimeFrom={moment}") == {theirs}
    assert found(f"changeTimeTo={moment}") == {mine, theirs}
    assert found(f"codeFrom={theirs}") == {theirs}
    assert found(f"orderCodes={mine},{theirs},nonsense&statusId=-2") == {mine, theirs}
    assert world.refused("GET", f"/api/orders?orderCodes={','.join(['x'] * 51)}") == (400, ["invalid-parameter"])


def test_codes_may_hold_letters() -> None:
    with opened(code_prefix="FW-") as world:
        order = world.shop.place_order()
        assert world.shop.code(order.id).startswith("FW-2026")
        assert world.shop.order_id(world.order(order.id)["code"]) == order.id


def test_staff_edit_an_order_and_its_change_time_moves(world: World) -> None:
    world.shop.add_coupon("LP")
    order = world.shop.place_order({11: 3}, coupons=["LP"])
    before = world.order(order.id)
    world.clock.turn(60)
    world.shop.edit_order(order.id, add={14: 1}, pieces={order.lines[0].id: 1})
    edited = world.order(order.id)
    world.shop.edit_order(order.id, drop_coupon=True)
    dropped = world.order(order.id)

    assert gross(before["price"]) == Decimal("36.30")
    assert gross(edited["price"]) == Decimal("12.10") + Decimal("13.90") + Decimal("5.00") - Decimal("5.00")
    assert edited["changeTime"] > before["changeTime"]
    assert "discount-coupon" not in kinds(dropped)
    assert gross(dropped["price"]) == gross(edited["price"]) + Decimal("5.00")


def test_a_partial_return_is_a_credit_note_and_the_order_stays_as_it_was(world: World) -> None:
    customer = world.somebody()
    order = world.shop.place_order({11: 2, 14: 1}, customer_id=customer.id)
    before = world.order(order.id)
    world.clock.turn(60)
    note = world.shop.credit(order.id, quantities={order.lines[0].id: 1})
    told = world.get(f"/api/credit-notes/{note.code}")["creditNote"]

    assert world.order(order.id) == before
    assert told["orderCode"] == before["code"]
    assert told["customer"]["guid"] == world.shop.guid("customer", customer.id)
    assert [(each["code"], each["amount"], each["itemPrice"]["withVat"]) for each in told["items"]] == [
        ("MUG-1", "1.000", "12.10")
    ]
    assert told["price"]["withVat"] == "12.10"
    assert [each["code"] for each in world.get("/api/credit-notes")["creditNotes"]] == [note.code]
    assert changes(world, "credit-notes", "") == [(note.code, "edit")]


def test_returned_pieces_come_back_at_what_the_coupon_left_of_them(world: World) -> None:
    world.shop.add_coupon("LP")
    order = world.shop.place_order({11: 2}, coupons=["LP"])
    note = world.shop.credit(order.id, quantities={order.lines[0].id: 2})

    assert world.get(f"/api/credit-notes/{note.code}")["creditNote"]["price"]["withVat"] == "19.20"


def test_a_credit_note_may_be_an_amount_alone_and_be_taken_back(world: World) -> None:
    order = world.shop.place_order({11: 1})
    note = world.shop.credit(order.id, amount="3.00")
    row_of = world.get(f"/api/credit-notes/{note.code}")["creditNote"]["items"][0]
    with pytest.raises(RefundRefused):
        world.shop.credit(order.id, amount="15.00")
    world.shop.delete_credit_note(note.code)

    assert (row_of["itemType"], row_of["code"], row_of["itemPrice"]["withVat"]) == ("generic-item", None, "3.00")
    assert changes(world, "credit-notes") == [(note.code, "delete")]
    assert world.refused("GET", f"/api/credit-notes/{note.code}") == (404, ["credit-note-not-found"])
    assert world.shop.credit(order.id, amount="15.00").code != note.code


def test_a_credit_note_that_is_no_longer_valid_is_still_there(world: World) -> None:
    first, second = (world.shop.credit(world.shop.place_order().id, amount="1.00").code for _ in range(2))
    world.clock.turn(60)
    world.shop.void_credit_note(first)

    assert world.get(f"/api/credit-notes/{first}")["creditNote"]["isValid"] is False
    assert [each["code"] for each in world.get("/api/credit-notes?isValid=true")["creditNotes"]] == [second]
    assert changes(world, "credit-notes") == [(second, "edit"), (first, "edit")]


def test_a_credit_note_hangs_on_the_invoice_or_the_proof_of_payment_of_its_order(world: World) -> None:
    other, order = world.shop.place_order(), world.shop.place_order()
    code = world.shop.code(order.id)
    world.shop.complete(other.id)
    by_invoice, by_proof = (world.shop.credit(order.id, amount="1.00", by_proof=proof).code for proof in (False, True))
    invoice = world.get(f"/api/invoices?orderCode={code}")["invoices"]
    proof = world.get(f"/api/proof-payments?orderCode={code}")["items"]

    assert [each["orderCode"] for each in invoice + proof] == [code, code]
    assert world.get("/api/invoices")["paginator"]["totalCount"] == 2
    for query, note in (
        ("invoiceCode=" + invoice[0]["code"], by_invoice),
        ("proofPaymentCode=" + proof[0]["code"], by_proof),
    ):
        assert [each["code"] for each in world.get(f"/api/credit-notes?{query}")["creditNotes"]] == [note]


def test_history_has_what_the_system_and_what_the_addon_wrote(world: World) -> None:
    code = world.shop.code(world.shop.place_order().id)
    world.write("POST", f"/api/orders/{code}/history", {"text": "Earned 24 points"})
    texts = {
        flag: [each["text"] for each in world.get(f"/api/orders/{code}/history?system={flag}")["orderHistory"]]
        for flag in ("true", "false")
    }

    assert texts == {"true": ["Order created"], "false": ["Earned 24 points"]}
    for number in range(98):
        world.write("POST", f"/api/orders/{code}/history", {"text": f"{number}"})
    refused = world.refused("POST", f"/api/orders/{code}/history", {"text": "one too many"})
    assert refused == (403, ["order-history-item-exceeded-limit"])


def test_the_year_behind_the_shop_adds_up() -> None:
    with opened(order_count=60, customer_count=10) as world:
        rows = world.get("/api/orders")["orders"]
        for head in rows[:20]:
            told = world.get(f"/api/orders/{head['code']}")["order"]
            assert sum(gross(each["itemPrice"]) for each in told["items"]) == gross(told["price"])
        assert {each["status"]["id"] for each in rows} >= {-3, -4}
        assert {each["customerGuid"] is None for each in rows} == {True, False}
        assert world.get("/api/credit-notes")["paginator"]["totalCount"] > 0


def test_customers_have_a_guid_and_several_logins_with_guids_of_their_own(world: World) -> None:
    customer = world.somebody()
    world.shop.add_account(customer.id, "second@ex.cz", name="Second", verified=False)
    guid = world.shop.guid("customer", customer.id)
    told = world.get(f"/api/customers/{guid}")["customer"]

    assert [(each["email"], each["mainAccount"], each["emailVerified"]) for each in told["accounts"]] == [
        ("jana@ex.cz", True, True), ("second@ex.cz", False, False),
    ]  # fmt: skip
    assert guid not in {each["guid"] for each in told["accounts"]}
    for email in ("JANA@ex.cz", "second@ex.cz"):
        assert [each["guid"] for each in world.get(f"/api/customers?email={email}")["customers"]] == [guid]
    assert "email" not in world.get("/api/customers")["customers"][0]
    assert world.get("/api/customers?email=nobody@ex.cz")["customers"] == []


def test_a_customer_can_be_put_into_a_group_and_get_a_ratio(world: World) -> None:
    customer = world.somebody()
    path = f"/api/customers/{world.shop.guid('customer', customer.id)}"
    groups = world.write("POST", "/api/customers/groups", {"name": "Gold"})["customerGroups"]
    gold = next(each for each in groups if each["name"] == "Gold")
    told = world.write("PATCH", path, {"customerGroupCode": gold["customerGroupCode"], "priceRatio": "0.9500"})[
        "customer"
    ]

    assert told["customerGroup"] == {"id": gold["id"], "name": "Gold"}
    assert told["priceRatio"] == "0.9500"
    assert world.refused("PATCH", path, {"customerGroupCode": "nope"})[0] == 422
    assert world.refused("POST", "/api/customers/groups", {"name": "Gold"})[0] == 422
    assert world.refused("POST", "/api/customers/groups", {"name": "B2B", "wholesale": True}) == (
        403,
        ["missing-module"],
    )
    assert world.refused("DELETE", "/api/customers/groups/1") == (422, ["customer-group-delete-blocked"])


def test_a_deleted_customer_is_remembered_and_their_orders_have_none(world: World) -> None:
    customer = world.somebody()
    order = world.shop.place_order(customer_id=customer.id)
    guid = world.shop.guid("customer", customer.id)
    assert world.order(order.id)["customerGuid"] == guid
    world.clock.turn(60)
    world.shop.delete_customer(customer.id)

    path = f"/api/customers/changes?from={SINCE}"
    assert [(each["guid"], each["changeType"]) for each in world.get(path)["changes"]] == [(guid, "delete")]
    assert world.order(order.id)["customerGuid"] is None
