"""What an order should earn, and what a redemption on it costs: whole points, rounded where docs/ledger.md says."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.commerce import LineKind, OrderState, Payment
from core.earning.assess import (
    SHIPPING_LINE,
    LinePoints,
    assess,
    captured_points,
    earned_by,
    fixed_targets,
    points_paid_by_line,
    qualifies,
    reinstated_points,
)
from core.earning.snapshot import Snapshot, SnapshotCode, SnapshotLine
from core.program.terms import CurrencyTerms, Terms

AT = datetime(2026, 3, 2, tzinfo=UTC)
OURS = frozenset({"OURS"})


def line(
    ordered: int, kept: int | None = None, *, off: int = 0, net: int | None = None, **changes: Any
) -> SnapshotLine:
    base: dict[str, Any] = {
        "line_id": "L1",
        "kind": LineKind.GOODS,
        "name": "Thing",
        "product_id": None,
        "sku": None,
        "quantity": 1,
        "ordered": ordered,
        "ordered_net": ordered if net is None else net,
        "undiscounted": ordered + off,
        "kept": ordered if kept is None else kept,
    }
    return SnapshotLine.model_validate({**base, **changes})


def snapshot(*lines: SnapshotLine, codes: tuple[SnapshotCode, ...] = (), **changes: Any) -> Snapshot:
    numbered = tuple(one.model_copy(update={"line_id": f"L{n}"}) for n, one in enumerate(lines, start=1))
    base: dict[str, Any] = {
        "state": OrderState.PLACED,
        "payment": Payment.PAID,
        "currency": "EUR",
        "placed_at": AT,
        "paid_at": AT,
        "completed_at": None,
        "is_test": False,
        "customer_external_id": "7",
        "customer_erased": False,
        "lines": numbered,
        "shipping": 500,
        "shipping_net": 400,
        "shipping_kept": 500,
        "codes": codes,
        "total": 0,
        "refunded": 0,
    }
    return Snapshot.model_validate({**base, **changes})


def code(gross: int, text: str = "OURS") -> SnapshotCode:
    return SnapshotCode(code=text, gross=gross, used=gross, free_shipping=False)


def terms(earn_points: int = 1, earn_per_minor: int = 100, **changes: Any) -> Terms:
    rate = CurrencyTerms(earn_points=earn_points, earn_per_minor=earn_per_minor, value_points=100, value_minor=100)
    return Terms.model_validate({"currencies": {"EUR": rate}, **changes})


@pytest.mark.parametrize(
    ("changes", "earn_when", "expected"),
    [
        ({}, "paid", True),
        ({"payment": Payment.UNPAID}, "paid", False),
        ({"payment": Payment.UNKNOWN}, "paid", False),
        ({"state": OrderState.DRAFT}, "paid", False),
        ({"state": OrderState.CANCELLED}, "paid", False),
        ({"state": OrderState.REFUNDED}, "paid", True),
        ({"is_test": True}, "paid", False),
        ({}, "completed", False),
        ({"completed_at": AT}, "completed", True),
        ({"completed_at": AT, "payment": Payment.UNPAID}, "completed", True),
        ({"completed_at": AT, "is_test": True}, "completed", False),
    ],
)
def test_an_order_earns_from_the_moment_that_the_program_names(
    changes: dict[str, Any], earn_when: str, expected: bool
) -> None:
    assert qualifies(snapshot(line(1000), **changes), terms(earn_when=earn_when)) is expected


def test_points_are_rounded_down_once_and_never_through_a_float() -> None:
    three_per_euro = CurrencyTerms(earn_points=3, earn_per_minor=100, value_points=100, value_minor=100)

    assert [earned_by(minor, three_per_euro) for minor in (0, 33, 34, 99, 100, 199)] == [0, 0, 1, 2, 3, 5]
    assert earned_by(10**17 - 1, three_per_euro) == 3 * 10**15 - 1


def test_the_sum_is_rounded_and_then_split_so_that_no_line_loses_its_share() -> None:
    assessment = assess(snapshot(line(150), line(150), line(199)), terms())

    assert (assessment.currency, assessment.eligible, assessment.points, assessment.target) == ("EUR", 499, 4, 4)
    assert assessment.targets() == {"L1": 1, "L2": 1, "L3": 2}
    assert assessment.lines[2] == LinePoints("L3", "Thing", 199, 199, 199, 2, 2)


def test_after_a_refund_a_line_keeps_its_share_rounded_up() -> None:
    assessment = assess(snapshot(line(1000, 1), line(1000, 0), line(1000, 999)), terms())

    assert assessment.points == 30
    assert assessment.targets() == {"L1": 1, "L3": 10}
    assert assessment.target == 11


def test_what_costs_nothing_earns_nothing_and_divides_by_nothing() -> None:
    assessment = assess(snapshot(line(0), line(0)), terms())

    assert (assessment.points, assessment.targets()) == (0, {})


@pytest.mark.parametrize(
    ("changes", "eligible"),
    [
        ({}, 1000),
        ({"include_gift_cards": True}, 3000),
        ({"include_tax": False}, 800),
        ({"include_shipping": True}, 1500),
        ({"include_shipping": True, "include_tax": False}, 1200),
    ],
)
def test_what_is_eligible_is_a_matter_of_the_terms(changes: dict[str, Any], eligible: int) -> None:
    goods = line(1000, net=800)
    card = line(2000, kind=LineKind.GIFT_CARD)
    fee = line(4000, kind=LineKind.FEE)

    assert assess(snapshot(goods, card, fee), terms(**changes)).eligible == eligible


def test_shipping_earns_as_a_line_of_its_own_and_loses_with_its_refund() -> None:
    half_kept = snapshot(line(1000), shipping_kept=250)

    with_tax = assess(half_kept, terms(include_shipping=True))
    without = assess(half_kept, terms(include_shipping=True, include_tax=False))

    assert with_tax.targets() == {"L1": 10, SHIPPING_LINE: 3}
    assert with_tax.lines[-1] == LinePoints(SHIPPING_LINE, "", 500, 500, 250, 5, 3)
    assert without.targets() == {"L1": 10, SHIPPING_LINE: 2}
    assert SHIPPING_LINE not in assess(half_kept, terms()).targets()
    three_lines = snapshot(line(1000), line(2000), line(3000))
    assert assess(three_lines, terms(include_shipping=True)).targets()[SHIPPING_LINE] == 5


def test_a_line_paid_in_full_with_points_keeps_what_it_earns_for_them() -> None:
    paid_with_points = snapshot(line(0, off=1000), line(500), codes=(code(1000),))

    assert assess(paid_with_points, terms(), our_codes=OURS).targets() == {"L2": 5}
    included = assess(paid_with_points, terms(include_points_paid=True), our_codes=OURS)
    assert included.targets() == {"L1": 10, "L2": 5}
    assert included.eligible == 1500
    assert assess(paid_with_points, terms(include_points_paid=True)).eligible == 500


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ((), {}),
        ((code(300, "THEIRS"),), {}),
        ((code(0),), {}),
        ((code(300),), {"L1": 200, "L2": 100, "L3": 0, "L4": 0}),
        ((code(150), code(150, "THEIRS")), {"L1": 100, "L2": 50, "L3": 0, "L4": 0}),
        ((code(900),), {"L1": 200, "L2": 100, "L3": 0, "L4": 0}),  # never more than discounts took off
    ],
)
def test_our_codes_lie_on_the_goods_that_discounts_took_from(
    codes: tuple[SnapshotCode, ...], expected: dict[str, int]
) -> None:
    lines = (line(800, off=200), line(900, off=100), line(1000), line(50, off=500, kind=LineKind.FEE))

    assert points_paid_by_line(snapshot(*lines, codes=codes), OURS) == expected


def test_a_line_dearer_than_before_its_discounts_takes_no_part_in_them() -> None:
    odd = snapshot(line(800, off=-200), line(900, off=100), codes=(code(100),))

    assert points_paid_by_line(odd, OURS) == {"L1": 0, "L2": 100}


@pytest.mark.parametrize(
    ("deducted", "captured"), [(0, 0), (1, 1), (100, 100), (299, 299), (300, 300), (301, 300), (10_000, 300)]
)
def test_a_code_costs_what_it_took_off_and_never_more_than_was_held(deducted: int, captured: int) -> None:
    assert captured_points(300, 300, deducted) == captured


def test_a_code_that_took_off_a_part_costs_its_part_rounded_up() -> None:
    assert captured_points(3, 100, 34) == 2
    assert captured_points(3, 100, 33) == 1
    assert captured_points(7, 1000, 1) == 1


@pytest.mark.parametrize(
    ("lines", "gross", "back"),
    [
        ((line(9700, off=300),), 300, 0),
        ((line(9700, 4850, off=300),), 300, 150),
        ((line(9700, 0, off=300),), 300, 300),
        ((line(9700, 9699, off=300),), 300, 1),  # what is kept is rounded down, so a little comes back
        ((line(0, off=300),), 300, 0),  # points paid it in full: no refund can speak of it
        ((line(800, 0, off=200), line(900, off=100)), 300, 150),  # by the goods before our discount: 1000 of 2000
        ((line(800, 400, off=200), line(900, off=100)), 300, 75),  # 1500 of 2000 are kept
        ((line(5000, 0), line(800, 400, off=200)), 200, 150),  # the first line carried no discount of ours
        ((line(2, 1, off=1),), 1, 150),  # cents are as exact as euros
        ((line(800, 0),), 300, 0),  # the code lies on nothing
    ],
)
def test_a_refund_gives_back_points_in_proportion_to_the_goods_they_lay_on(
    lines: tuple[SnapshotLine, ...], gross: int, back: int
) -> None:
    assert reinstated_points(300, snapshot(*lines, codes=(code(gross),)), OURS) == back


def test_a_cancelled_order_gives_all_points_back() -> None:
    cancelled = snapshot(line(9700, off=300), codes=(code(300),), state=OrderState.CANCELLED)

    assert reinstated_points(300, cancelled, OURS) == 300


@given(
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 5000), st.integers(0, 500)), min_size=1, max_size=5),
    st.integers(0, 3000),
)
def test_what_comes_back_lies_between_nothing_and_all_and_grows_with_refunds(
    amounts: list[tuple[int, int, int]], captured: int
) -> None:
    lines = [line(ordered, min(kept, ordered), off=off) for ordered, kept, off in amounts]
    used = (code(sum(off for _, _, off in amounts)),)
    fewer = [one.model_copy(update={"kept": one.kept // 2}) for one in lines]

    back = reinstated_points(captured, snapshot(*lines, codes=used), OURS)

    assert 0 <= back <= captured
    assert back <= reinstated_points(captured, snapshot(*fewer, codes=used), OURS)


def test_a_fixed_target_is_spread_over_what_the_lines_cost() -> None:
    assert fixed_targets(snapshot(line(300), line(100), line(0)), 40) == {"L1": 30, "L2": 10}
    assert fixed_targets(snapshot(line(0), line(0)), 40) == {"L1": 40}
    assert fixed_targets(snapshot(line(300)), 0) == {}
    assert fixed_targets(snapshot(), 40) == {SHIPPING_LINE: 40}
    assert fixed_targets(snapshot(), 0) == {}
