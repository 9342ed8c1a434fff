"""Money is exact: minor units of every currency, texts there and back, and splits that add up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.money import (
    LARGEST_MINOR,
    Money,
    ceil_div,
    exponent,
    minor_from_text,
    split_by_largest_remainder,
    text_from_minor,
)


@pytest.mark.parametrize(
    ("currency", "digits"),
    [("EUR", 2), ("CZK", 2), ("HUF", 2), ("JPY", 0), ("CLP", 0), ("XOF", 0), ("KWD", 3), ("IQD", 3), ("CLF", 4)],
)
def test_a_currency_has_the_digits_of_iso_4217(currency: str, digits: int) -> None:
    assert exponent(currency) == digits


@pytest.mark.parametrize("text", ["", "EU", "EURO", "eur", "Eur", "E1R", "ÉUR", "123"])
def test_what_is_no_currency_code_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        exponent(text)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("48.40", "EUR", 4840),
        ("48.4", "EUR", 4840),
        ("48", "EUR", 4800),
        (" 48.40 ", "EUR", 4840),
        ("", "EUR", 0),
        ("  ", "EUR", 0),
        ("0.00", "EUR", 0),
        ("-10.44", "EUR", -1044),
        ("0.005", "EUR", 1),
        ("0.0049", "EUR", 0),
        ("-0.005", "EUR", -1),
        ("12.345", "KWD", 12345),
        ("150", "JPY", 150),
        ("149.5", "JPY", 150),
        ("9007199254740993.01", "EUR", 900719925474099301),  # no float could hold it
    ],
)
def test_a_shops_decimal_text_is_read_exactly(text: str, currency: str, minor: int) -> None:
    assert minor_from_text(text, currency) == minor


@pytest.mark.parametrize("text", ["x", "1,50", "NaN", "sNaN", "Infinity", "-Infinity", "1e999999999", "-1e999999999"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        minor_from_text(text, "EUR")


def test_the_largest_amount_is_read_and_one_more_is_not() -> None:
    assert minor_from_text(str(LARGEST_MINOR), "JPY") == LARGEST_MINOR
    assert minor_from_text(str(-LARGEST_MINOR), "JPY") == -LARGEST_MINOR
    for text in (str(LARGEST_MINOR + 1), str(-LARGEST_MINOR - 1)):
        with pytest.raises(InvalidInput):
            minor_from_text(text, "JPY")


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(4840, "EUR", "48.40"), (5, "EUR", "0.05"), (-1044, "EUR", "-10.44"), (150, "JPY", "150"), (1, "KWD", "0.001")],
)
def test_an_amount_is_written_with_the_currencys_own_digits(minor: int, currency: str, text: str) -> None:
    assert text_from_minor(minor, currency) == text


@given(st.integers(-(10**15), 10**15), st.sampled_from(["EUR", "JPY", "KWD", "CLF"]))
def test_what_is_written_is_read_back(minor: int, currency: str) -> None:
    assert minor_from_text(text_from_minor(minor, currency), currency) == minor


def test_money_adds_and_subtracts_in_one_currency_only() -> None:
    assert Money(150, "EUR") + Money(50, "EUR") == Money(200, "EUR")
    assert Money(150, "EUR") - Money(250, "EUR") == Money(-100, "EUR")
    with pytest.raises(InvalidInput):
        Money(1, "EUR") + Money(1, "CZK")
    with pytest.raises(InvalidInput):
        Money(1, "EUR") - Money(1, "CZK")


def test_money_has_a_currency_and_a_size_that_can_be_real() -> None:
    assert Money(LARGEST_MINOR, "EUR").minor == -Money(-LARGEST_MINOR, "EUR").minor
    for minor, currency in ((1, "eur"), (LARGEST_MINOR + 1, "EUR"), (-LARGEST_MINOR - 1, "EUR")):
        with pytest.raises(InvalidInput):
            Money(minor, currency)


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (10, [1, 1, 1], [4, 3, 3]),  # ties go to the earlier place
        (11, [1, 1, 1], [4, 4, 3]),
        (100, [199, 200, 201], [33, 33, 34]),  # the largest remainder first
        (5, [0, 3, 0], [0, 5, 0]),
        (7, [0, 0], [7, 0]),
        (0, [3, 4], [0, 0]),
        (9, [], []),
        (1, [10**30, 10**30 + 1], [0, 1]),
        (10, [1, 0, 2], [3, 0, 7]),
    ],
)
def test_a_split_goes_by_the_largest_remainder(total: int, weights: list[int], parts: list[int]) -> None:
    assert split_by_largest_remainder(total, weights) == parts


@given(st.integers(0, 10**12), st.lists(st.integers(0, 10**9), min_size=1, max_size=8))
def test_a_split_adds_up_and_no_part_is_a_whole_unit_off(total: int, weights: list[int]) -> None:
    parts = split_by_largest_remainder(total, weights)

    whole = sum(weights)
    assert sum(parts) == total
    if whole:
        for part, weight in zip(parts, weights, strict=True):
            assert abs(part * whole - total * weight) < whole


@pytest.mark.parametrize(("numerator", "denominator", "up"), [(0, 3, 0), (1, 3, 1), (3, 3, 1), (4, 3, 2), (-1, 3, 0)])
def test_dividing_upwards_is_exact(numerator: int, denominator: int, up: int) -> None:
    assert ceil_div(numerator, denominator) == up
    assert ceil_div(numerator + 3 * 10**30, denominator) == up + 10**30
