"""Money: whole minor units of ISO 4217 plus the currency. No floats anywhere."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from core.errors import InvalidInput

# ISO 4217 exponents that differ from 2. Not CLDR's display digits: those differ for IQD, ALL and others.
_EXPONENTS = {
    **dict.fromkeys(
        (
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
LARGEST_MINOR = 2**62


def exponent(currency: str) -> int:
    """Digits after the point of the currency's minor unit. Raises InvalidInput for what is not a currency code."""
    if len(currency) != 3 or not currency.isascii() or not currency.isalpha() or not currency.isupper():
        raise InvalidInput(f"{currency!r} is not a currency code", field="currency")
    return _EXPONENTS.get(currency, 2)


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in minor units, for example Money(4840, "EUR") for 48.40 euros. May be negative."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        exponent(self.currency)
        if abs(self.minor) > LARGEST_MINOR:
            raise InvalidInput("The amount is larger than any real one", field="amount")

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + self._same(other).minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - self._same(other).minor, self.currency)

    def _same(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise InvalidInput(f"Cannot mix {self.currency} and {other.currency}", field="currency")
        return other


def minor_from_text(text: str, currency: str) -> int:
    """Minor units from a shop's decimal string such as "48.40", "-10.44", "48" or "". Exact.

    Shops round to their own decimals before they send; what is finer than the currency's minor unit is rounded half up.
    Raises InvalidInput for what is no number.
    """
    try:
        amount = Decimal(text.strip() or "0")
    except InvalidOperation as error:
        raise InvalidInput(f"{text!r} is not an amount", field="amount") from error
    # The comparison is exact; abs() would overflow on 1e999999999.
    if not amount.is_finite() or amount > LARGEST_MINOR or amount < -LARGEST_MINOR:
        raise InvalidInput(f"{text!r} is not an amount", field="amount")
    scaled = amount.scaleb(exponent(currency))
    return int(scaled.quantize(Decimal(1), rounding="ROUND_HALF_UP"))


def text_from_minor(minor: int, currency: str) -> str:
    """The plain decimal string that platforms take, for example "48.40": a point, no grouping, the currency's own digits."""
    digits = exponent(currency)
    return f"{Decimal(minor).scaleb(-digits):.{digits}f}"


def split_by_largest_remainder(total: int, weights: list[int]) -> list[int]:
    """Split a whole number over weights so that the parts add up to it exactly; ties go to the earlier place.

    With no weight at all everything goes to the first place. Weights must not be negative.
    """
    if not weights:
        return []
    whole = sum(weights)
    if whole == 0:
        return [total] + [0] * (len(weights) - 1)
    parts = [total * weight // whole for weight in weights]
    remainders = [total * weight % whole for weight in weights]
    for index in sorted(range(len(weights)), key=lambda i: (-remainders[i], i))[: total - sum(parts)]:
        parts[index] += 1
    return parts


def ceil_div(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)
