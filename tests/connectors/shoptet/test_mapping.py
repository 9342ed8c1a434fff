"""What Shoptet's rows mean: which are goods, whose a discount is, what a credit note gave back, and what is nonsense."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.shoptet import mapping
from connectors.shoptet.client import read_json
from connectors.shoptet.shapes import RawCustomer, RawOrder, read
from core.commerce import LineKind, OrderState, Payment, kept_of
from core.errors import InvalidInput, PlatformError
from tests.connectors.shoptet.bodies import grosses, item, mapped, note, order, price

# Rows ---------------------------------------------------------------------------------------------------------------


def test_goods_earn_and_the_rest_does_not() -> None:
    kinds = [
        "product",
        "product-set",
        "bazar",
        "service",
        "gift",
        "gift-certificate",
        "billing",
        "deposit",
        "who-knows",
    ]

    found = mapped(order([item(kind, number, "10.00") for number, kind in enumerate(kinds)], "90.00"))

    assert [line.kind for line in found.lines] == [*[LineKind.GOODS] * 5, LineKind.GIFT_CARD, *[LineKind.FEE] * 3]


def test_shipping_is_shipping_and_parts_of_a_set_are_no_lines() -> None:
    items = [
        item("product-set", 1, "100.00"),
        item("product-set-item", 2, "60.00"),
        item("shipping", 3, "99.00", "81.82"),
    ]

    found = mapped(order(items, "199.00"))

    assert grosses(found) == {"1": 100_00}
    assert (found.shipping.gross, found.shipping.net, found.total) == (99_00, 81_82, 199_00)


def test_what_the_total_holds_beside_its_rows_is_a_line_that_earns_nothing() -> None:
    more, less = (
        mapped(order([item("product", 1, "99.60")], "100.00")),
        mapped(order([item("product", 1, "99.60")], "99.00")),
    )

    assert [(line.kind, line.gross) for line in more.lines] == [(LineKind.GOODS, 99_60), (LineKind.FEE, 40)]
    assert [(line.kind, line.gross) for line in less.lines] == [(LineKind.GOODS, 99_60), (LineKind.FEE, -60)]


def test_a_coupon_is_taken_off_the_goods_by_their_worth_and_off_nothing_else() -> None:
    items = [
        item("product", 1, "300.00", "247.93"),
        item("product", 2, "100.00", "82.64"),
        item("gift-certificate", 3, "500.00"),
        item("billing", 4, "30.00"),
        item("discount-coupon", 5, "-100.00", "-82.64"),
    ]

    found = mapped(order(items, "830.00"))

    assert grosses(found) == {"1": 225_00, "2": 75_00, "3": 500_00, "4": 30_00}
    assert [line.net for line in found.lines[:2]] == [185_95, 61_98]
    assert [line.before_discount for line in found.lines[:2]] == [300_00, 100_00]
    assert [(each.gross, each.net, each.used) for each in found.unnamed_codes] == [(100_00, 82_64, 100_00)]


def test_odd_hellers_of_a_discount_are_all_given_out() -> None:
    items = [*(item("product", number, "10.00") for number in (1, 2, 3)), item("discount-coupon", 4, "-10.00")]

    assert grosses(mapped(order(items, "20.00"))) == {"1": 6_66, "2": 6_67, "3": 6_67}


def test_each_rate_of_vat_bears_the_part_that_the_row_says() -> None:
    split = [price("-80.00", "-66.12", "21.00"), price("-20.00", "-17.86", "12.00")]
    items = [
        item("product", 1, "200.00", "165.29", "21.00"),
        item("product", 2, "200.00", "178.57", "12.00"),
        item("discount-coupon", 3, "-100.00", "-83.98", "21.00", displayPrices=split),
    ]

    found = mapped(order(items, "300.00"))

    assert grosses(found) == {"1": 120_00, "2": 180_00}
    assert [line.net for line in found.lines] == [165_29 - 66_12, 178_57 - 17_86]


def test_a_part_of_a_rate_that_no_goods_have_is_borne_by_all() -> None:
    items = [
        item("product", 1, "100.00"),
        item("product", 2, "100.00"),
        item("discount-coupon", 3, "-50.00", itemPriceVatBreakdown=[price("-50.00", "-50.00", "15.00")]),
    ]

    assert grosses(mapped(order(items, "150.00"))) == {"1": 75_00, "2": 75_00}


def test_discounts_by_volume_and_by_hand_are_no_coupons() -> None:
    items = [
        item("product", 1, "100.00"),
        item("volume-discount", 2, "-10.00"),
        item("generic-item", 3, "-5.00"),
        item("generic-item", 4, "7.00"),
    ]

    found = mapped(order(items, "92.00"))

    assert grosses(found) == {"1": 85_00, "4": 7_00}
    assert found.unnamed_codes == ()
    assert found.lines[0].before_discount == 100_00


def test_a_coupon_worth_more_than_the_goods_leaves_nothing_and_no_line_below_it() -> None:
    items = [item("product", 1, "60.00"), item("shipping", 2, "50.00"), item("discount-coupon", 3, "-100.00")]

    found = mapped(order(items, "10.00"))

    assert grosses(found) == {"1": 0, "rest": -40_00}
    assert (found.shipping.gross, found.total) == (50_00, 10_00)


def test_a_shop_that_pays_no_vat_has_but_one_price() -> None:
    items = [item("product", 1, "50.00") | {"itemPrice": {"withVat": None, "withoutVat": "50.00", "vatRate": "0.00"}}]

    [line] = mapped(order(items, "50.00")).lines

    assert (line.gross, line.net) == (50_00, 50_00)


def test_goods_taken_back_for_others_are_taken_off_those() -> None:
    items = [
        item("product", 1, "1000.00", "826.45", code="NEW"),
        item("product", 2, "-600.00", "-495.87", code="OLD"),
        item("service", 3, "-300.00", "-247.93"),
    ]

    found = mapped(order(items, "100.00"))

    assert [(line.external_id, line.gross, line.net) for line in found.lines] == [("1", 100_00, 82_65)]
    assert (found.lines[0].before_discount, found.unnamed_codes, found.total) == (1000_00, (), 100_00)


def test_two_rows_of_one_id_are_not_understood() -> None:
    with pytest.raises(InvalidInput):
        mapped(order([item("product", 1, "1.00"), item("product", 1, "1.00")], "2.00"))


# The order ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("paid", "status", "means"),
    [
        (True, -1, Payment.PAID),
        (False, 7, Payment.UNPAID),
        (None, 7, Payment.PAID),
        (None, -1, Payment.UNKNOWN),
        (None, None, Payment.UNKNOWN),
    ],
)
def test_paid_is_what_the_order_says_and_else_what_its_status_says(
    paid: bool | None, status: int | None, means: Payment
) -> None:
    said = {"id": status, "name": None} if status else None

    found = mapped(order([], "0.00", paid=paid, status=said), paid_statuses=[7])

    assert found.payment is means
    assert (found.paid_at is not None) == (means is Payment.PAID)


@pytest.mark.parametrize(
    ("cash_desk", "status", "paid", "means"),
    [
        (True, -3, None, Payment.PAID),
        (True, -3, False, Payment.UNPAID),
        (True, -1, None, Payment.UNKNOWN),
        (False, -3, None, Payment.UNKNOWN),
        (None, -3, None, Payment.UNKNOWN),
    ],
)
def test_what_is_done_at_a_cash_desk_was_paid_there(
    cash_desk: bool | None, status: int, paid: bool | None, means: Payment
) -> None:
    found = mapped(order([], "0.00", cashDeskOrder=cash_desk, paid=paid, status={"id": status}))

    assert found.payment is means


def test_it_was_paid_when_the_money_came_or_else_by_its_last_change() -> None:
    came = [
        {"status": "OK", "changeTime": "2026-11-21T11:00:00+0100"},
        {"status": "FAILED", "changeTime": "2026-11-21T12:00:00+0100"},
    ]

    with_transaction = mapped(order([], "0.00", paymentTransactions=came)).paid_at
    without = mapped(order([], "0.00")).paid_at

    assert with_transaction and with_transaction.isoformat() == "2026-11-21T11:00:00+01:00"
    assert without and without.isoformat() == "2026-11-22T08:00:00+01:00"


@pytest.mark.parametrize(
    ("status", "state", "is_done"), [(-4, "cancelled", False), (-3, "placed", True), (12, "placed", False)]
)
def test_statuses_of_the_system_are_known_by_their_number(status: int, state: str, is_done: bool) -> None:
    found = mapped(order([], "0.00", status={"id": status, "name": "whatever"}))

    assert (found.state, found.completed_at is not None) == (OrderState(state), is_done)


def test_an_order_without_any_time_is_not_understood() -> None:
    with pytest.raises(InvalidInput):
        mapped(order([], "0.00", creationTime=None, changeTime=None))


@pytest.mark.parametrize(
    "time", ["0001-01-01T00:00:00+1400", "9999-12-31T23:59:59-1400", "2026-11-21T10:19:58", "soon"]
)
def test_a_time_that_no_calendar_has_everywhere_is_not_understood(time: str) -> None:
    with pytest.raises(InvalidInput):
        mapped(order([], "0.00", creationTime=time))


def test_a_currency_without_minor_units_is_read_in_whole_ones() -> None:
    body = order([item("product", 1, "100.00")], "100.00")
    body["price"]["currencyCode"] = "jpy"

    assert mapped(body).total == 100


# Credit notes -------------------------------------------------------------------------------------------------------

GOODS = [
    item("product", 1, "200.00", code="MUG"),
    item("product", 2, "300.00", code="TEE"),
    item("shipping", 3, "50.00"),
    item("billing", 4, "20.00"),
]


@pytest.mark.parametrize("sign", ["", "-"])
def test_a_credit_note_gives_back_whatever_its_sign(sign: str) -> None:
    back = note(
        [item("product", 91, f"{sign}100.00", code="MUG"), item("shipping", 92, f"{sign}50.00")], f"{sign}150.00"
    )

    found = mapped(order(GOODS, "570.00"), back)

    [refund] = found.refunds
    assert (refund.external_id, refund.gross) == ("D1", 150_00)
    assert [(part.line_id, part.gross) for part in refund.lines] == [("1", 100_00), (None, 50_00)]
    assert kept_of(found) == {"1": 100_00, "2": 300_00, "4": 20_00}


def test_a_note_of_an_order_with_a_coupon_gives_back_what_was_paid() -> None:
    goods = [item("product", 1, "200.00", code="MUG"), item("discount-coupon", 2, "-50.00")]
    back = note([item("product", 91, "-200.00", code="MUG"), item("discount-coupon", 92, "50.00")], "-150.00")

    found = mapped(order(goods, "150.00"), back)

    assert [(part.line_id, part.gross) for part in found.refunds[0].lines] == [("1", 150_00)]
    assert kept_of(found) == {"1": 0}


def test_two_lines_of_one_code_are_given_back_one_after_the_other_by_two_notes() -> None:
    goods = [item("product", 1, "100.00", code="MUG"), item("product", 2, "100.00", code="MUG")]
    notes = [note([item("product", 91, "100.00", code="MUG")], "100.00", code) for code in ("D1", "D2")]

    assert [refund.lines[0].line_id for refund in mapped(order(goods, "200.00"), *notes).refunds] == ["1", "2"]


def test_what_names_no_line_is_left_to_be_spread_and_an_invalid_note_gives_nothing() -> None:
    strange = note([item("product", 91, "40.00")], "40.00")
    invalid = note([item("product", 92, "40.00", code="MUG")], "40.00", "D2", isValid=False)

    [refund] = mapped(order(GOODS, "570.00"), strange, invalid).refunds

    assert (refund.gross, refund.lines) == (40_00, ())


def test_goods_without_a_code_are_not_taken_for_other_goods_without_one() -> None:
    back = note([item("product", 91, "40.00")], "40.00")

    [refund] = mapped(order([item("product", 1, "100.00")], "100.00"), back).refunds

    assert (refund.gross, refund.lines) == (40_00, ())


def test_an_id_of_a_note_is_not_one_of_the_orders_rows() -> None:
    back = note([item("product", 2, "100.00", code="MUG")], "100.00")

    assert [part.line_id for part in mapped(order(GOODS, "570.00"), back).refunds[0].lines] == ["1"]


@pytest.mark.parametrize(
    ("held", "given_back", "gross", "kept"),
    [
        ([], "300.00", 0, {"2": 700_00}),
        ([item("product", 1, "100.00", code="MUG")], "300.00", 100_00, {"1": 0, "2": 700_00}),
    ],
    ids=["the item", "some of its pieces"],
)
def test_goods_that_were_taken_out_of_the_order_too_are_not_given_back_twice(
    held: list[dict[str, Any]], given_back: str, gross: int, kept: dict[str, int]
) -> None:
    goods = [*held, item("product", 2, "700.00", code="TEE")]
    back = note([item("product", 91, given_back, code="MUG")], given_back)

    found = mapped(order(goods, "800.00" if held else "700.00"), back)

    assert found.refunds[0].gross == gross
    assert kept_of(found) == kept


def test_what_one_note_asked_for_the_order_does_not_hold_for_the_next() -> None:
    goods = [item("product", 1, "100.00", code="MUG"), item("product", 2, "700.00", code="TEE")]
    notes = [note([item("product", 91, "100.00", code="MUG")], "100.00", code) for code in ("D1", "D2")]

    found = mapped(order(goods, "800.00"), *notes)

    assert [refund.gross for refund in found.refunds] == [100_00, 0]
    assert kept_of(found) == {"1": 0, "2": 700_00}


def test_what_the_order_holds_is_reckoned_before_discounts() -> None:
    """Half of the pieces were taken out; the coupon was taken off the note as off the order."""
    goods = [item("product", 1, "200.00", code="MUG"), item("discount-coupon", 2, "-50.00")]
    back = note([item("product", 91, "400.00", code="MUG"), item("discount-coupon", 92, "-100.00")], "300.00")

    [refund] = mapped(order(goods, "150.00"), back).refunds

    assert (refund.gross, [part.gross for part in refund.lines]) == (150_00, [150_00])


@pytest.mark.parametrize("sign", ["", "-"])
def test_goods_went_back_also_where_a_deposit_settles_the_note(sign: str) -> None:
    other = "" if sign else "-"
    rows = [
        item("billing", 91, f"{sign}20.00"),
        item("product", 92, f"{sign}200.00", code="MUG"),
        item("deposit", 93, f"{other}220.00"),
    ]

    found = mapped(order(GOODS, "570.00"), note(rows, "0.00"))

    assert found.refunds[0].gross == 200_00
    assert kept_of(found) == {"1": 0, "2": 300_00, "4": 20_00}


@pytest.mark.parametrize(("head", "row"), [("200.00", "-200.00"), ("-200.00", "200.00")])
def test_the_goods_say_the_sign_of_a_note_whatever_its_head_says(head: str, row: str) -> None:
    [refund] = mapped(order(GOODS, "570.00"), note([item("product", 91, row, code="MUG")], head)).refunds

    assert (refund.gross, [(part.line_id, part.gross) for part in refund.lines]) == (200_00, [("1", 200_00)])


def test_without_goods_the_head_says_the_sign() -> None:
    [refund] = mapped(order(GOODS, "570.00"), note([item("shipping", 91, "-50.00")], "-50.00")).refunds

    assert (refund.gross, [(part.line_id, part.gross) for part in refund.lines]) == (50_00, [(None, 50_00)])


def test_a_note_in_another_currency_is_not_understood() -> None:
    back = note([], "1.00")
    back["price"]["currencyCode"] = "EUR"

    with pytest.raises(InvalidInput):
        mapped(order(GOODS, "570.00"), back)


# Customers ----------------------------------------------------------------------------------------------------------


def test_a_customer_is_known_by_the_main_account_and_written_to_where_somebody_may_sign_in() -> None:
    accounts = [
        {"email": "Shop@Example.com ", "fullName": "Petr Novák", "mainAccount": False, "authorized": True},
        {"email": "main@example.com", "fullName": "Jana Marie Nováková", "mainAccount": True, "authorized": True},
        {"email": "waiting@example.com", "fullName": "", "mainAccount": False, "authorized": False},
    ]
    raw = read(RawCustomer, {"guid": "7b0a91c4", "accounts": accounts})

    found = mapping.customer_from(raw)

    assert (found.email, found.first_name, found.last_name) == ("main@example.com", "Jana Marie", "Nováková")
    assert mapping.emails_from(raw) == ("main@example.com", "shop@example.com")


# Anything at all ----------------------------------------------------------------------------------------------------

KINDS = [
    "product",
    "shipping",
    "billing",
    "discount-coupon",
    "volume-discount",
    "generic-item",
    "gift-certificate",
    "x",
]
AMOUNTS = st.integers(-10_000_00, 10_000_00).map(
    lambda cents: f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"
)
PRICES = st.builds(price, AMOUNTS, AMOUNTS, st.sampled_from(["0.00", "12.00", "21.00"]))
ITEMS = st.lists(
    st.fixed_dictionaries(
        {
            "itemType": st.sampled_from(KINDS),
            "itemPrice": PRICES,
            "displayPrices": st.lists(PRICES, max_size=3),
            "code": st.sampled_from([None, "A", "B"]),
            "amount": st.sampled_from(["1.000", "0.250", "3.000"]),
        }
    ),
    max_size=8,
).map(lambda rows: [{**row, "itemId": number, "name": ""} for number, row in enumerate(rows)])


@given(ITEMS, AMOUNTS, st.lists(st.tuples(ITEMS, AMOUNTS), max_size=3))
def test_lines_and_shipping_are_the_total_and_nothing_is_taken_twice(
    items: list[dict[str, Any]], total: str, notes: list[tuple[list[dict[str, Any]], str]]
) -> None:
    found = mapped(order(items, total), *(note(rows, amount, f"D{n}") for n, (rows, amount) in enumerate(notes)))

    assert sum(line.gross for line in found.lines) + found.shipping.gross == found.total
    goods = [line for line in found.lines if line.kind is LineKind.GOODS]
    assert all(0 <= line.gross <= line.before_discount for line in goods)
    off = sum(line.before_discount - line.gross for line in goods)
    asked = sum(-int(each["itemPrice"]["withVat"].replace(".", "")) for each in items if is_discount(each))
    assert 0 <= off <= max(0, asked)
    for line in found.lines:
        assert 0 <= kept_of(found)[line.external_id] <= max(0, line.gross)
        named = sum(part.gross for refund in found.refunds for part in refund.lines if part.line_id == line.external_id)
        assert named <= max(0, line.gross)


def is_discount(row: dict[str, Any]) -> bool:
    below = row["itemPrice"]["withVat"].startswith("-")
    return below and row["itemType"] in ("product", "discount-coupon", "volume-discount", "generic-item")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["1e999999999", "NaN", "-", "-1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
PLACES = [
    "code",
    "creationTime",
    "changeTime",
    "email",
    "customerGuid",
    "status",
    "price",
    "paid",
    "items",
    "billingAddress",
]


@given(st.sampled_from(PLACES), JSON)
def test_no_order_raises_anything_but_that_it_is_not_understood(place: str, value: Any) -> None:
    body = order(GOODS, "570.00")

    for broken in (
        body | {place: value},
        body | {"items": [GOODS[0] | {place: value}]},
        body | {"price": {place: value}},
    ):
        try:
            mapped(broken, note([GOODS[0] | {"itemPrice": value}], "1.00"))
        except (InvalidInput, PlatformError):
            continue


@given(st.sampled_from(["withVat", "withoutVat", "vatRate", "itemId", "amount", "itemType"]), JSON)
def test_no_row_raises_anything_but_that_it_is_not_understood(place: str, value: Any) -> None:
    row = item("discount-coupon", 9, "-5.00", displayPrices=[price("-5.00") | {place: value}])

    for broken in (row, row | {place: value}, row | {"itemPrice": row["itemPrice"] | {place: value}}):
        try:
            mapped(order([*GOODS, broken], "1.00"))
        except (InvalidInput, PlatformError):
            continue


@given(st.binary(max_size=60) | st.sampled_from([b'{"code":' * 5000, b"[1e999999999]", b'{"a":NaN}', b"1" * 5000]))
def test_no_bytes_raise_anything_but_that_they_are_not_understood(body: bytes) -> None:
    try:
        read(RawOrder, read_json(body))
    except InvalidInput:
        return
