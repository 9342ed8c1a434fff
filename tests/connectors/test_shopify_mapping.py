"""What an order of Shopify means: amounts by hand, in bodies that we wrote in the form of the Admin API's answers."""

from decimal import Decimal
from typing import Any

import pytest

from connectors.shopify import mapping
from connectors.shopify.shapes import WholeOrder
from core.commerce import CustomerRef, LineKind, Order, OrderState, Payment, RefundLine, kept_of
from core.errors import InvalidInput

DAY = "2026-11-20T10:00:00Z"


def bag(amount: str) -> dict[str, Any]:
    return {"shopMoney": {"amount": amount, "currencyCode": "EUR"}}


def line(number: int = 1, *, total: str, tax: str = "0", rate: str | None = None, **more: Any) -> dict[str, Any]:
    """`off`: {index of the application: amount}."""
    off = more.pop("off", {})
    return {
        "id": f"gid://shopify/LineItem/{number}",
        "name": "Mug",
        "sku": "MUG-1",
        "quantity": 1,
        "currentQuantity": 1,
        "isGiftCard": False,
        "product": {"id": "gid://shopify/Product/900719925474099312"},
        "variant": {"id": "gid://shopify/ProductVariant/7"},
        "originalTotalSet": bag(total),
        "discountAllocations": [
            {"allocatedAmountSet": bag(amount), "discountApplication": {"index": index}}
            for index, amount in off.items()
        ],
        "taxLines": [{"rate": rate, "priceSet": bag(tax)}] if rate else [],
        **more,
    }


def code(index: int, text: str, target: str = "LINE_ITEM") -> dict[str, Any]:
    return {"index": index, "targetType": target, "code": text}


def refund(number: int, gross: str, *lines: tuple[int, int, str, str], shipping: str | None = None) -> dict[str, Any]:
    """Lines: number, quantity, subtotal, tax."""
    return {
        "id": f"gid://shopify/Refund/{number}",
        "legacyResourceId": str(number),
        "totalRefundedSet": bag(gross),
        "refundLineItems": {
            "nodes": [
                {
                    "quantity": quantity,
                    "subtotalSet": bag(subtotal),
                    "totalTaxSet": bag(tax),
                    "lineItem": {"id": f"gid://shopify/LineItem/{which}"},
                }
                for which, quantity, subtotal, tax in lines
            ]
        },
        "refundShippingLines": {
            "nodes": [{"subtotalAmountSet": bag(shipping), "taxAmountSet": bag("0")}] if shipping else []
        },
    }


def shipping_line(price: str, *, removed: bool = False) -> dict[str, Any]:
    gid = "gid://shopify/ShippingLine/5"
    return {"id": gid, "isRemoved": removed, "discountedPriceSet": bag(price), "taxLines": []}


def read(*lines: dict[str, Any], total: str, **changes: Any) -> Order:
    body = {
        "legacyResourceId": "56010000000000017",
        "name": "#1001",
        "test": False,
        "edited": False,
        "createdAt": DAY,
        "processedAt": DAY,
        "updatedAt": DAY,
        "cancelledAt": None,
        "displayFinancialStatus": "PAID",
        "displayFulfillmentStatus": "UNFULFILLED",
        "currencyCode": "EUR",
        "taxesIncluded": True,
        "discountCodes": [],
        "customer": {"id": "gid://shopify/Customer/57010000000000019"},
        "totalPriceSet": bag(total),
        "originalTotalPriceSet": bag(total),
        "totalReceivedSet": bag(total),
        "totalOutstandingSet": bag("0.00"),
        "totalTipReceivedSet": bag("0.00"),
        "transactions": [],
        "fulfillments": [],
        "lineItems": {"nodes": list(lines)},
        "shippingLines": {"nodes": changes.pop("shipping", [])},
        "discountApplications": {"nodes": changes.pop("applications", [])},
        "refunds": [],
        **changes,
    }
    return mapping.order_from(WholeOrder.model_validate(body))


def amounts(order: Order) -> list[tuple[int, int, int]]:
    return [(each.gross, each.net, each.before_discount) for each in order.lines]


def test_prices_with_tax_are_gross_and_the_tax_comes_off_for_net() -> None:
    order = read(line(total="48.40", tax="8.40", rate="0.21", quantity=2, currentQuantity=2), total="48.40")

    assert amounts(order) == [(4840, 4000, 4840)]
    assert order.external_id == "56010000000000017"
    assert order.customer == CustomerRef(external_id="57010000000000019")
    assert order.lines[0].product_id == "900719925474099312"  # more digits than a float holds


def test_prices_without_tax_get_it_on_top() -> None:
    order = read(line(total="40.00", tax="8.40", rate="0.21"), total="48.40", taxesIncluded=False)

    assert amounts(order) == [(4840, 4000, 4840)]


@pytest.mark.parametrize(
    ("with_tax", "total", "off", "tax", "taken"),
    [
        (True, "48.40", "12.10", "6.30", (1210, 1000)),
        (False, "40.00", "10.00", "6.30", (1210, 1000)),
        (False, "40.00", "40.00", "0.00", (4840, 4000)),  # nothing is left to tell the tax by
    ],
)
def test_a_code_takes_off_its_share_of_the_tax_as_well(
    with_tax: bool, total: str, off: str, tax: str, taken: tuple[int, int]
) -> None:
    goods = line(total=total, off={0: off}, tax=tax, rate="0.21")
    paid = Decimal(total) - Decimal(off) + (0 if with_tax else Decimal(tax))
    order = read(goods, total=str(paid), taxesIncluded=with_tax, applications=[code(0, "R-17")])

    assert [(each.code, each.gross, each.net) for each in order.discounts] == [("R-17", *taken)]
    assert order.lines[0].before_discount == 4840
    assert sum(each.gross for each in order.lines) == order.total


def test_only_codes_are_named_and_what_an_automatic_discount_took_is_gone_all_the_same() -> None:
    automatic = {"index": 0, "targetType": "LINE_ITEM"}
    goods = line(total="30.00", off={0: "5.00", 1: "10.00"})
    order = read(goods, total="15.00", applications=[automatic, code(1, "R-17")])

    assert [(each.code, each.gross) for each in order.discounts] == [("R-17", 1000)]
    assert amounts(order) == [(1500, 1500, 3000)]


def test_a_code_for_shipping_takes_nothing_off_the_goods() -> None:
    order = read(line(total="20.00"), total="20.00", shipping=[shipping_line("0.00")],
                 applications=[code(0, "SHIP", "SHIPPING_LINE")])  # fmt: skip

    assert [(each.code, each.gross, each.free_shipping) for each in order.discounts] == [("SHIP", 0, True)]


def test_a_code_that_the_order_names_only_by_its_text_is_named() -> None:
    order = read(line(total="20.00"), total="20.00", discountCodes=["OLD"])

    assert [(each.code, each.gross) for each in order.discounts] == [("OLD", 0)]


def test_tips_and_duties_are_a_fee_that_earns_nothing_and_everything_adds_up() -> None:
    order = read(line(total="20.00"), total="28.50", shipping=[shipping_line("5.00")])

    assert [(each.kind, each.gross) for each in order.lines] == [(LineKind.GOODS, 2000), (LineKind.FEE, 350)]
    assert order.shipping.gross == 500
    assert sum(each.gross for each in order.lines) + order.shipping.gross == order.total == 2850


def test_a_shipping_line_that_was_taken_off_costs_nothing() -> None:
    order = read(line(total="20.00"), total="20.00", shipping=[shipping_line("5.00", removed=True)])

    assert order.shipping.gross == 0


def test_a_gift_card_is_one() -> None:
    assert read(line(total="50.00", isGiftCard=True), total="50.00").lines[0].kind is LineKind.GIFT_CARD


def test_refunded_pieces_are_taken_off_their_line_and_the_rest_is_kept() -> None:
    goods = line(total="48.40", quantity=2, currentQuantity=1)
    order = read(goods, line(2, total="10.00"), total="58.40", displayFinancialStatus="PARTIALLY_REFUNDED",
                 refunds=[refund(9, "24.20", (1, 1, "24.20", "0.00"))])  # fmt: skip

    assert order.payment is Payment.PAID
    assert amounts(order) == [(4840, 4840, 4840), (1000, 1000, 1000)]
    assert kept_of(order) == {"1": 2420, "2": 1000}


def test_a_refund_plus_tax_is_gross() -> None:
    order = read(line(total="40.00", tax="8.40", rate="0.21"), total="48.40", taxesIncluded=False,
                 refunds=[refund(9, "48.40", (1, 1, "40.00", "8.40"))], displayFinancialStatus="REFUNDED")  # fmt: skip

    assert order.refunds[0].lines == (RefundLine(line_id="1", gross=4840),)
    assert order.state is OrderState.REFUNDED
    assert kept_of(order) == {"1": 0}


def test_a_return_without_money_gives_nothing_back() -> None:
    order = read(line(total="20.00", currentQuantity=0), total="20.00",
                 refunds=[refund(9, "0.00", (1, 1, "20.00", "0.00"))])  # fmt: skip

    assert kept_of(order) == {"1": 2000}


def test_a_refund_of_the_shipping_leaves_the_goods_alone() -> None:
    order = read(line(total="20.00"), total="25.00", shipping=[shipping_line("5.00")],
                 refunds=[refund(9, "5.00", shipping="5.00")])  # fmt: skip

    assert kept_of(order) == {"1": 2000}


def test_pieces_that_an_edit_took_away_before_any_refund_are_no_part_of_the_line() -> None:
    goods = line(total="72.60", quantity=3, currentQuantity=1, off={0: "6.00"})
    order = read(goods, total="72.60", edited=True, applications=[code(0, "R-17")],
                 refunds=[refund(9, "22.20", (1, 1, "22.20", "0.00"))])  # fmt: skip

    # Of three pieces at 22.20 (24.20 less 2.00) one was taken away unpaid, one refunded, one kept.
    assert amounts(order) == [(4440, 4440, 4840)]
    assert kept_of(order) == {"1": 2220}


@pytest.mark.parametrize(
    ("received", "back", "kept"),
    [
        ("30.00", "10.00", 2000),  # what the third piece had cost
        ("30.00", "13.00", 1700),  # and three more
        ("20.00", "3.00", 1700),  # the third piece was never paid for
    ],
)
def test_money_back_for_what_an_edit_took_away_is_not_taken_off_what_is_left(
    received: str, back: str, kept: int
) -> None:
    goods = line(total="30.00", quantity=3, currentQuantity=2)
    order = read(goods, total="30.00", edited=True, totalReceivedSet=bag(received), refunds=[refund(9, back)])

    assert amounts(order) == [(2000, 2000, 2000)]
    assert kept_of(order) == {"1": kept}


@pytest.mark.parametrize(
    ("received", "outstanding", "charged"),
    [
        ("48.40", "-24.20", 4840),  # paid for and sent back; the money follows
        ("24.20", "0.00", 2420),  # taken out before the payment: nobody ever paid for the second piece
        ("0.00", "24.20", 2420),
    ],
)
def test_pieces_that_were_taken_out_unpaid_are_no_part_of_the_order_though_a_refund_without_money_names_them(
    received: str, outstanding: str, charged: int
) -> None:
    order = read(
        line(total="48.40", quantity=2, currentQuantity=1), total="48.40", edited=True,
        totalReceivedSet=bag(received), totalOutstandingSet=bag(outstanding),
        refunds=[refund(9, "0.00", (1, 1, "24.20", "0.00"))],
    )  # fmt: skip

    assert [each.gross for each in order.lines] == [charged]
    assert kept_of(order) == {"1": charged}


def test_the_tip_on_an_edited_order_is_not_money_for_what_was_taken_out() -> None:
    goods = line(total="30.00", quantity=3, currentQuantity=2)
    order = read(
        goods, total="35.00", edited=True, totalTipReceivedSet=bag("5.00"), totalReceivedSet=bag("35.00"),
        refunds=[refund(9, "13.00")],
    )  # fmt: skip

    # Ten for the piece that was taken out; of the other three the tip bears its share.
    assert kept_of(order) == {"1": 1760, "rest": 440}


def test_some_of_many_pieces_cost_what_they_cost_to_the_half_cent() -> None:
    order = read(line(total="1.62", quantity=12, currentQuantity=7), total="1.62", edited=True)

    assert amounts(order) == [(95, 95, 95)]  # 94.5, rounded up


@pytest.mark.parametrize(
    ("status", "edited", "payment"),
    [
        ("PAID", False, Payment.PAID),
        ("PARTIALLY_REFUNDED", False, Payment.PAID),
        ("PENDING", False, Payment.UNPAID),
        ("AUTHORIZED", False, Payment.UNPAID),
        ("PARTIALLY_PAID", False, Payment.UNPAID),
        ("A_WORD_OF_NEXT_YEAR", False, Payment.UNKNOWN),
        (None, False, Payment.UNKNOWN),
    ],
)
def test_what_counts_as_paid(status: str | None, edited: bool, payment: Payment) -> None:
    assert read(line(total="9.00"), total="9.00", displayFinancialStatus=status, edited=edited).payment is payment


@pytest.mark.parametrize(
    ("received", "payment"),
    [("9.00", Payment.PAID), ("2.00", Payment.UNPAID)],
    ids=["all of it, before more was put in", "a deposit"],
)
def test_of_an_edited_order_that_is_paid_in_part_the_first_total_says_whether_it_was_paid(
    received: str, payment: Payment
) -> None:
    order = read(
        line(total="12.00"), total="12.00", displayFinancialStatus="PARTIALLY_PAID", edited=True,
        originalTotalPriceSet=bag("9.00"), totalReceivedSet=bag(received),
    )  # fmt: skip

    assert order.payment is payment


def test_it_is_paid_when_the_last_money_came_and_completed_when_the_last_parcel_left() -> None:
    came = [
        {"kind": kind, "status": status, "processedAt": at}
        for kind, status, at in (
            ("AUTHORIZATION", "SUCCESS", "2026-11-20T10:00:01Z"),
            ("CAPTURE", "SUCCESS", "2026-11-21T09:00:00Z"),
            ("SALE", "FAILURE", "2026-11-22T09:00:00Z"),
            ("REFUND", "SUCCESS", "2026-11-23T09:00:00Z"),
        )
    ]
    sent = [{"createdAt": "2026-11-21T12:00:00Z"}, {"createdAt": "2026-11-22T12:00:00Z"}]
    order = read(line(total="9.00"), total="9.00", transactions=came, fulfillments=sent,
                 displayFulfillmentStatus="FULFILLED")  # fmt: skip

    assert order.paid_at is not None and order.paid_at.isoformat() == "2026-11-21T09:00:00+00:00"
    assert order.completed_at is not None and order.completed_at.isoformat() == "2026-11-22T12:00:00+00:00"
    half = read(line(total="9.00"), total="9.00", fulfillments=sent, displayFulfillmentStatus="PARTIALLY_FULFILLED")
    assert half.completed_at is None


def test_an_imported_order_is_as_old_as_it_was_processed() -> None:
    order = read(line(total="9.00"), total="9.00", processedAt="2024-01-05T10:00:00Z")

    assert order.placed_at.year == 2024


@pytest.mark.parametrize("changes", [{"cancelledAt": DAY}, {"displayFinancialStatus": "VOIDED"}])
def test_a_cancelled_or_voided_order_is_cancelled(changes: dict[str, Any]) -> None:
    assert read(line(total="9.00"), total="9.00", **changes).state is OrderState.CANCELLED


def test_an_order_without_its_customer_makes_no_statement_of_whose_it_is() -> None:
    assert read(line(total="9.00"), total="9.00", customer=None).customer == CustomerRef(erased=True)


def test_a_test_order_says_so() -> None:
    assert read(line(total="9.00"), total="9.00", test=True).is_test


@pytest.mark.parametrize("text", ["", "gid://shopify/Order/", "gid://shopify/Order/x", "gid://shopify/Order/１７"])
def test_an_id_without_a_number_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        mapping.tail(text)


@pytest.mark.parametrize("text", ["", "x", "1/../2", "-1", "1" * 21])
def test_no_id_is_made_of_what_is_no_number(text: str) -> None:
    with pytest.raises(InvalidInput):
        mapping.gid("Order", text)
