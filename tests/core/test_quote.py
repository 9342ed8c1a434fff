"""What points buy: whole steps, within minimum and maximum, never a point too few."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import CannotRedeem
from core.program.terms import CurrencyTerms, Terms
from core.rewards.redemption.quote import Offer, Price, offer, points_for, price, step_of


def rules(**changes: Any) -> CurrencyTerms:
    """100 points are one euro."""
    base = {"earn_points": 1, "earn_per_minor": 100, "value_points": 100, "value_minor": 100, "minimum_minor": 1}
    return CurrencyTerms.model_validate({**base, **changes})


def terms(**changes: Any) -> Terms:
    return Terms(currencies={"EUR": rules(**changes)})


@pytest.mark.parametrize(
    ("value_points", "value_minor", "smallest_unit", "step"),
    [
        (100, 100, 1, 1),
        (100, 500, 1, 5),  # a point is five cents
        (3, 100, 1, 100),  # a third of a euro costs no whole points; a euro costs three
        (3, 100, 100, 100),
        (4, 100, 10, 50),  # lcm of 25 and 10
        (7, 10, 4, 4),  # nothing up to the value itself fits both: the shop's unit, and points are rounded up
        (1, 1, 100, 100),
    ],
)
def test_the_step_costs_whole_points_and_can_be_written_by_the_shop(
    value_points: int, value_minor: int, smallest_unit: int, step: int
) -> None:
    assert step_of(rules(value_points=value_points, value_minor=value_minor), smallest_unit) == step


def test_a_discount_costs_points_rounded_up() -> None:
    third = rules(value_points=3, value_minor=100)

    assert [points_for(third, face) for face in (0, 1, 33, 34, 100, 101)] == [0, 1, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("available", "changes", "smallest_unit", "expected"),
    [
        (500, {}, 1, Offer("EUR", 500, 1, 1, 500, 1, 500, 0, None)),
        (599, {}, 100, Offer("EUR", 500, 100, 100, 500, 100, 500, 0, None)),
        (500, {"minimum_minor": 500}, 1, Offer("EUR", 500, 1, 500, 500, 500, 500, 0, None)),
        (499, {"minimum_minor": 500}, 1, Offer("EUR", 499, 1, 500, 0, 500, 0, 1, "below_minimum")),
        (0, {}, 1, Offer("EUR", 0, 1, 1, 0, 1, 0, 1, "below_minimum")),
        (500, {"minimum_minor": 150}, 100, Offer("EUR", 500, 100, 200, 500, 200, 500, 0, None)),
        (500, {"maximum_minor": 250}, 100, Offer("EUR", 500, 100, 100, 200, 100, 200, 0, None)),
        (500, {"maximum_minor": 300}, 1, Offer("EUR", 500, 1, 1, 300, 1, 300, 0, None)),
        # enough points, but no step lies between minimum and maximum: not a point is missing
        (
            500,
            {"minimum_minor": 10, "maximum_minor": 50},
            100,
            Offer("EUR", 500, 100, 100, 0, 100, 0, 0, "below_minimum"),
        ),
        (7, {"value_points": 3}, 1, Offer("EUR", 233, 100, 100, 200, 3, 6, 0, None)),
    ],
)
def test_an_offer_says_what_the_balance_buys(
    available: int, changes: dict[str, Any], smallest_unit: int, expected: Offer
) -> None:
    assert offer(terms(**changes), "EUR", available, smallest_unit=smallest_unit) == expected


def test_a_currency_without_terms_buys_nothing_and_says_so() -> None:
    assert offer(terms(), "CZK", 500, smallest_unit=100) == Offer("CZK", 0, 100, 0, 0, 0, 0, 0, "currency")
    with pytest.raises(CannotRedeem) as refused:
        price(terms(), "CZK", 100, available=500, smallest_unit=1)
    assert refused.value.reason == "currency"


def test_more_points_than_a_float_can_count_are_still_exact() -> None:
    many = 10**17 + 1

    assert offer(terms(), "EUR", many, smallest_unit=1).maximum_minor == many
    assert price(terms(), "EUR", many, available=many, smallest_unit=1) == Price(many, many, "EUR")


def test_a_price_takes_whole_steps_and_leaves_the_rest() -> None:
    assert price(terms(), "EUR", 299, available=500, smallest_unit=100) == Price(200, 200, "EUR")
    assert price(terms(value_points=3), "EUR", 5, available=500, smallest_unit=1) == Price(3, 100, "EUR")
    assert price(terms(minimum_minor=200, maximum_minor=400), "EUR", 200, available=500, smallest_unit=1).points == 200
    assert price(terms(minimum_minor=200, maximum_minor=400), "EUR", 400, available=500, smallest_unit=1).points == 400


@pytest.mark.parametrize(
    ("points", "reason"), [(199, "below_minimum"), (401, "above_maximum"), (0, "below_minimum"), (-5, "below_minimum")]
)
def test_a_price_outside_minimum_and_maximum_is_refused_with_a_word(points: int, reason: str) -> None:
    with pytest.raises(CannotRedeem) as refused:
        price(terms(minimum_minor=200, maximum_minor=400), "EUR", points, available=500, smallest_unit=1)
    assert refused.value.reason == reason


def test_what_the_balance_does_not_cover_is_refused() -> None:
    for points, available, reason in ((501, 500, "above_maximum"), (100, 0, "below_minimum")):
        with pytest.raises(CannotRedeem) as refused:
            price(terms(), "EUR", points, available=available, smallest_unit=1)
        assert refused.value.reason == reason


@given(
    st.integers(1, 500),
    st.integers(1, 500),
    st.sampled_from([1, 5, 10, 100]),
    st.integers(0, 5000),
    st.integers(0, 5000),
)
def test_whatever_is_priced_is_covered_by_the_balance_and_worth_its_points(
    value_points: int, value_minor: int, smallest_unit: int, available: int, asked: int
) -> None:
    program = terms(value_points=value_points, value_minor=value_minor)
    try:
        found = price(program, "EUR", asked, available=available, smallest_unit=smallest_unit)
    except CannotRedeem:
        return

    assert found.points <= min(asked, available)
    assert found.face_minor % smallest_unit == 0
    assert found.face_minor * value_points <= found.points * value_minor < found.face_minor * value_points + value_minor
