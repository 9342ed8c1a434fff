"""Orders that no recording shows: plugins' statuses and fees, PHP's odd shapes, broken rows."""

import contextlib
import copy
import json
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.woocommerce import mapping
from connectors.woocommerce.shapes import RawOrder
from core.commerce import LineKind, Order, OrderState, Payment, RefundLine, kept_of
from core.errors import InvalidInput

PAYLOADS = Path(__file__).parents[2] / "payloads" / "woocommerce"
RECORDED = json.loads((PAYLOADS / "captured" / "rest_order_created.json").read_text(encoding="utf-8"))


def order(refunds: list[dict[str, Any]] | None = None, **changes: Any) -> Order:
    """The recorded order (goods 20.87 + 22.53, shipping 5.00, total 48.40) with some fields changed."""
    return mapping.order_from({**copy.deepcopy(RECORDED), **changes}, refunds or [])


def fee(total: str, tax: str = "0.00", *, number: int = 90, name: str = "Fee") -> dict[str, Any]:
    return {"id": number, "name": name, "total": total, "total_tax": tax, "meta_data": []}


def line(item: int, total: str, tax: str = "0.00", *, of: str | None = None) -> dict[str, Any]:
    meta = [{"id": 1, "key": "_refunded_item_id", "value": of}] if of else []
    return {"id": item, "name": "x", "quantity": -1, "total": total, "total_tax": tax, "meta_data": meta}


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("pending", OrderState.PLACED),
        ("on-hold", OrderState.PLACED),
        ("processing", OrderState.PLACED),
        ("completed", OrderState.PLACED),
        ("checkout-draft", OrderState.DRAFT),
        ("auto-draft", OrderState.DRAFT),
        ("cancelled", OrderState.CANCELLED),
        ("failed", OrderState.CANCELLED),
        ("trash", OrderState.CANCELLED),
        ("refunded", OrderState.REFUNDED),
        ("shipped", OrderState.PLACED),
        ("wc-awaiting-pickup", OrderState.PLACED),
        ("wc-cancelled", OrderState.CANCELLED),
    ],
)
def test_a_status_means_what_it_means_now(status: str, state: OrderState) -> None:
    assert order(status=status).state is state


@pytest.mark.parametrize(
    ("status", "date_paid", "payment"),
    [
        ("processing", None, Payment.UNPAID),  # cash on delivery
        ("completed", None, Payment.PAID),
        ("processing", "2026-11-21T10:00:00", Payment.PAID),
        ("shipped", "2026-11-21T10:00:00", Payment.PAID),
        ("shipped", None, Payment.UNPAID),
        ("refunded", None, Payment.UNPAID),
        ("cancelled", "2026-11-21T10:00:00", Payment.PAID),
        ("failed", None, Payment.UNPAID),
    ],
)
def test_an_order_is_paid_by_its_date_or_when_completed(status: str, date_paid: str | None, payment: Payment) -> None:
    assert order(status=status, date_paid_gmt=date_paid).payment is payment


def test_an_order_completed_without_a_date_of_payment_was_paid_then() -> None:
    found = order(status="completed", date_completed_gmt="2026-11-21T10:00:00")

    assert found.paid_at == found.completed_at is not None


def test_dates_are_utc_and_not_the_machines_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert order(date_created_gmt="2026-11-21T22:53:01").placed_at.isoformat() == "2026-11-21T22:53:01+00:00"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_fee_is_a_line_of_its_own_kind() -> None:
    found = order(fee_lines=[fee("2.00", "0.42")], total="50.82")

    assert [(each.kind, each.gross, each.net) for each in found.lines][-1] == (LineKind.FEE, 242, 200)
    assert sum(each.gross for each in found.lines) + found.shipping.gross == found.total


@pytest.mark.parametrize(("prices_include_tax", "used"), [(True, 605), (False, 500)])
def test_what_a_code_used_up_is_reckoned_as_the_shops_prices_are(prices_include_tax: bool, used: int) -> None:
    coupon = {"code": "ours", "discount": "5.00", "discount_tax": "1.05"}
    [found] = order(coupon_lines=[coupon], prices_include_tax=prices_include_tax).discounts

    assert (found.gross, found.net, found.used) == (605, 500, used)


def test_what_is_read_of_an_order_is_asked_for() -> None:
    assert set(RawOrder.model_fields) <= set(mapping.ORDER_FIELDS.split(","))


def test_a_fee_below_zero_is_a_discount_on_the_goods() -> None:
    # 4.34 off goods of 20.87 + 22.53 = 43.40: by share 2.087 and 2.253, whole 2.09 and 2.25 by largest remainder.
    found = order(fee_lines=[fee("-3.59", "-0.75")], total="44.06")

    assert [each.external_id for each in found.lines] == ["1", "2"]
    assert [each.gross for each in found.lines] == [2087 - 209, 2253 - 225]
    assert [each.before_discount for each in found.lines] == [2420, 2420]
    assert sum(each.net for each in found.lines) == 1725 + 1862 - 359
    assert sum(each.gross for each in found.lines) + found.shipping.gross == found.total


def test_a_full_refund_after_a_fee_below_zero_leaves_nothing_kept() -> None:
    refund = {"id": 5, "amount": "44.06", "line_items": [], "shipping_lines": [], "fee_lines": []}

    found = order([refund], fee_lines=[fee("-3.59", "-0.75")], total="44.06")

    assert kept_of(found) == {"1": 0, "2": 0}


def test_the_lines_of_a_full_refund_after_a_fee_below_zero_leave_nothing_kept() -> None:
    refund = {
        "id": 5,
        "amount": "44.06",
        "line_items": [line(6, "-17.25", "-3.62", of="1"), line(7, "-18.62", "-3.91", of="2")],
        "shipping_lines": [line(8, "-4.13", "-0.87", of="3")],
        "fee_lines": [line(9, "3.59", "0.75", of="90")],
    }

    found = order([refund], fee_lines=[fee("-3.59", "-0.75")], total="44.06")

    assert kept_of(found) == {"1": 0, "2": 0}


def test_store_credit_larger_than_the_goods_goes_on_to_fees_and_shipping() -> None:
    # 47.00 off: goods 43.40, then the fee 2.42, then 1.18 of the shipping.
    found = order(fee_lines=[fee("2.00", "0.42"), fee("-47.00", number=91)], total="3.82")

    assert [each.gross for each in found.lines] == [0, 0, 0]
    assert found.shipping.gross == 382
    assert found.shipping.net <= found.shipping.gross
    assert found.total == 382


@given(
    goods=st.lists(st.integers(0, 10**6), min_size=0, max_size=5),
    fees=st.lists(st.integers(-(10**5), 10**5), max_size=4),
    shipping=st.integers(0, 10**4),
)
def test_what_is_negative_never_breaks_the_sum(goods: list[int], fees: list[int], shipping: int) -> None:
    def text(minor: int) -> str:
        return f"{minor / 100:.2f}"

    total = sum(goods) + sum(fees) + shipping
    found = order(
        line_items=[
            {**RECORDED["line_items"][0], "id": 100 + i, "total": text(g), "total_tax": "0"}
            for i, g in enumerate(goods)
        ],
        fee_lines=[fee(text(minor), number=200 + i) for i, minor in enumerate(fees)],
        shipping_total=text(shipping),
        shipping_tax="0.00",
        total=text(total),
    )

    assert all(each.gross >= 0 for each in found.lines)
    assert sum(each.gross for each in found.lines) + found.shipping.gross == max(0, total)


def test_a_refund_of_shipping_names_no_line() -> None:
    refund = {"id": 5, "amount": "5.00", "shipping_lines": [line(8, "-4.13", "-0.87", of="3")]}

    found = order([refund])

    assert found.refunds[0].lines == (RefundLine(line_id=None, gross=500),)
    assert kept_of(found) == {"1": 2087, "2": 2253}


def test_a_refund_of_a_fee_names_its_line() -> None:
    refund = {"id": 5, "amount": "2.42", "fee_lines": [line(8, "-2.00", "-0.42", of="90")]}

    found = order([refund], fee_lines=[fee("2.00", "0.42")], total="50.82")

    assert kept_of(found)["90"] == 0


def test_a_refund_line_without_its_line_falls_to_the_rest() -> None:
    found = order([{"id": 5, "amount": "10.00", "line_items": [line(8, "-10.00")]}])

    assert found.refunds[0].lines == ()
    assert sum(kept_of(found).values()) + 500 >= 4840 - 1000


@pytest.mark.parametrize("amount", ["0.00", "", None, "0"])
def test_a_refund_of_nothing_takes_nothing(amount: str | None) -> None:
    refund = {"id": 5, "amount": amount, "line_items": [line(8, "0.00", of="1")]}

    assert kept_of(order([refund])) == {"1": 2087, "2": 2253}


def test_refunds_come_in_the_order_they_were_made_whatever_order_they_are_sent_in() -> None:
    found = order([{"id": 19, "amount": "1"}, {"id": 18, "amount": "2"}])

    assert [each.external_id for each in found.refunds] == ["18", "19"]


@pytest.mark.parametrize(
    ("changes", "erased"),
    [
        ({"billing": {"email": "deleted@site.invalid", "first_name": "[deleted]"}}, True),
        ({"billing": {"email": "Deleted@Site.Invalid"}}, True),
        ({"meta_data": [{"id": 1, "key": "_anonymized", "value": "yes"}]}, True),
        ({"billing": {"email": "a@site.invalid"}}, False),
    ],
)
def test_an_erased_customer_is_nobody(changes: dict[str, Any], erased: bool) -> None:
    customer = order(**changes).customer

    assert customer.erased is erased
    assert (customer.email is None and customer.external_id is None) is erased


def test_names_are_shown_as_people_wrote_them() -> None:
    found = order(
        line_items=[{**RECORDED["line_items"][0], "name": "Mug &amp; plate &quot;L&quot;"}],
        billing={"first_name": "Jana &amp; Petr", "last_name": "Nov&aacute;k", "email": " j@ex.cz "},
    )

    assert found.lines[0].name == 'Mug & plate "L"'
    assert (found.customer.name, found.customer.email) == ("Jana & Petr Novák", "j@ex.cz")


@pytest.mark.parametrize(
    ("meta", "kind"),
    [
        ({"key": "pw_gift_card_to", "value": "a@ex.cz"}, LineKind.GIFT_CARD),
        ({"key": "wc_gc_giftcard_to", "value": "a@ex.cz"}, LineKind.GIFT_CARD),
        ({"key": "_ywgc_gift_card_code", "value": ["ABCD"]}, LineKind.GIFT_CARD),
        ({"key": "pw_gift_card_to", "value": ""}, LineKind.GOODS),
        ({"key": "pa_colour", "value": "gift card"}, LineKind.GOODS),
    ],
)
def test_gift_cards_are_known_by_what_their_plugins_write(meta: dict[str, Any], kind: LineKind) -> None:
    found = order(line_items=[{**RECORDED["line_items"][0], "meta_data": [{"id": 1, **meta}]}])

    assert found.lines[0].kind is kind


def test_an_order_paid_with_a_test_card_is_a_test() -> None:
    assert order(meta_data=[{"id": 1, "key": "_wcpay_mode", "value": "test"}]).is_test
    assert not order(meta_data=[{"id": 1, "key": "_wcpay_mode", "value": "prod"}]).is_test


def test_phps_odd_shapes_are_read() -> None:
    found = order(
        line_items={
            "0": {**RECORDED["line_items"][0], "sku": None, "variation_id": None, "meta_data": {"2": {"key": "x"}}}
        },
        fee_lines=None,
        coupon_lines={},
        meta_data="",
        customer_id="2",
        number=15,
        billing={"first_name": False, "last_name": None, "email": False},
    )

    assert found.lines[0].sku is None
    assert found.lines[0].variant_id is None
    assert (found.customer.external_id, found.customer.email, found.customer.name) == ("2", None, None)
    assert found.number == "15"


def test_amounts_finer_than_the_currency_are_rounded_once_after_the_sum() -> None:
    # 8.264463 + 1.735537 is exactly 10.00; each alone would round to 8.26 + 1.74. And 0.004 + 0.004 is 0.01, not 0.
    lines = [
        {**RECORDED["line_items"][0], "total": "8.264463", "total_tax": "1.735537"},
        {**RECORDED["line_items"][1], "total": "0.004", "total_tax": "0.004"},
    ]

    assert [each.gross for each in order(line_items=lines).lines] == [1000, 1]


def test_a_shop_without_decimals_is_read_in_whole_minor_units() -> None:
    czech = [{**RECORDED["line_items"][0], "total": "83", "total_tax": "17", "subtotal": "83", "subtotal_tax": "17"}]
    yen = [{**RECORDED["line_items"][0], "total": "900", "total_tax": "90"}]

    assert order(currency="CZK", line_items=czech).lines[0].gross == 10_000
    assert (
        order(currency="JPY", line_items=yen, shipping_total="0", shipping_tax="0", total="990").lines[0].gross == 990
    )


def test_goods_sold_by_weight_count_as_one() -> None:
    assert order(line_items=[{**RECORDED["line_items"][0], "quantity": 0.35}]).lines[0].quantity == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"status": None},
        {"currency": "euro"},
        {"currency": "EURO"},
        {"total": "many"},
        {"total": "NaN"},
        {"total": "1e999999999"},
        {"shipping_total": "Infinity"},
        {"line_items": "none"},
        {"line_items": [{"name": "without id"}]},
        {
            "line_items": [
                RECORDED["line_items"][0],
                {**RECORDED["line_items"][1], "id": RECORDED["line_items"][0]["id"]},
            ]
        },
        {"fee_lines": [{**RECORDED["line_items"][0], "name": "Fee"}]},
        {"date_created_gmt": "yesterday"},
        {"date_created_gmt": None, "date_modified_gmt": None},
        {"date_created_gmt": "0001-01-01T00:00:00+01:00"},
        {"date_paid_gmt": "9999-12-31T23:59:59-01:00"},
        {"coupon_lines": [{"discount": "1"}]},
        # Whole numbers of a million digits: written out they took a minute and a half each.
        {"line_items": [{**RECORDED["line_items"][0], "quantity": Decimal("1e1000000")}]},
        {"line_items": [{**RECORDED["line_items"][0], "quantity": "1e1000000"}]},
        {"customer_id": Decimal("1e1000000")},
        {"id": Decimal("1e5000")},
    ],
)
def test_what_is_no_order_is_refused_and_never_guessed(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        order(**changes)


def test_an_order_nested_deeper_than_it_can_be_walked_is_refused() -> None:
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]

    with pytest.raises(InvalidInput):
        order(number=deep)


def test_a_customer_whose_date_lies_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(InvalidInput):
        mapping.customer_from({"id": 7, "date_created_gmt": "0001-01-01T00:00:00+02:00"})


def test_what_no_database_keeps_as_text_is_left_out_of_names() -> None:
    lines = [{**RECORDED["line_items"][0], "name": "Mug\0 \ud800", "sku": "M\0"}]

    found = order(number="1\ud800", line_items=lines, coupon_lines=[{"code": "a\0b"}])

    assert (found.number, found.lines[0].name, found.lines[0].sku) == ("1?", "Mug ?", "M")
    assert found.discounts[0].code == "ab"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.decimals(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(field=st.sampled_from(sorted(RECORDED)), value=json_values)
def test_any_one_field_may_be_anything_and_is_read_or_refused(field: str, value: object) -> None:
    with contextlib.suppress(InvalidInput):
        mapping.order_from({**RECORDED, field: value}, [])


@given(field=st.sampled_from(sorted(RECORDED["line_items"][0])), value=json_values)
def test_any_field_of_a_line_may_be_anything_and_is_read_or_refused(field: str, value: object) -> None:
    with contextlib.suppress(InvalidInput):
        order(line_items=[{**RECORDED["line_items"][0], field: value}])
