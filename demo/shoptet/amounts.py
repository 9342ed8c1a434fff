"""Amounts as Shoptet writes them. Inside, money is cents including VAT; a VAT rate is a Decimal of per cent."""

import re
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal

from demo.shop.money import text

Figures = Literal["spec", "live", "numbers"]
Json = dict[str, Any]

STANDARD = Decimal("21.00")
REDUCED = Decimal("12.00")
_AMOUNT = re.compile(r"^-?[0-9]+\.[0-9]{3}$")
_FIGURE = re.compile(r"^-?[0-9]+\.[0-9]{2,8}$")
# Live answers were seen with these as JSON numbers, whatever the specification says.
_LIVE = frozenset({"amount", "amountCompleted"})


def net(gross: int, rate: Decimal) -> int:
    """The part of an amount that is not VAT, rounded half away from zero."""
    return int((Decimal(gross) * 100 / (100 + rate)).quantize(Decimal(1), ROUND_HALF_UP))


def price(gross: int, rate: Decimal) -> Json:
    """{withVat, withoutVat, vat, vatRate}"""
    return _price(gross, net(gross, rate), rate)


def summed(parts: Iterable[tuple[int, Decimal]], rate: Decimal) -> Json:
    """One price of parts with VAT rates of their own; it shows `rate`."""
    known = list(parts)
    return _price(sum(gross for gross, _ in known), sum(net(gross, each) for gross, each in known), rate)


def pieces(count: int) -> str:
    return f"{count}.000"


def ratio(hundredths_of_percent: int) -> str:
    """0.1000 of 1000"""
    return f"{Decimal(hundredths_of_percent) / 10000:.4f}"


def shown(value: Any, figures: Figures, name: str = "") -> Any:
    """The same JSON with its figures as strings ("spec"), with numbers for counts ("live"), or all of them numbers."""
    if isinstance(value, dict):
        return {key: shown(each, figures, key) for key, each in value.items()}
    if isinstance(value, list):
        return [shown(each, figures, name) for each in value]
    if not isinstance(value, str) or figures == "spec":
        return value
    if figures == "live":
        return float(value) if name in _LIVE and _AMOUNT.match(value) else value
    return float(value) if _FIGURE.match(value) else value


def _price(gross: int, without: int, rate: Decimal) -> Json:
    return {"withVat": text(gross), "withoutVat": text(without), "vat": text(gross - without), "vatRate": f"{rate:.2f}"}
