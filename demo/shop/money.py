"""Money of the demo shop: integers of minor units (cents), always including the one VAT rate."""

from decimal import ROUND_HALF_UP, Decimal

VAT_PERCENT = 21
# Shops keep item amounts at six decimals; the seventh never shows.
FINE = Decimal("0.000001")


def net(gross: int) -> int:
    """The part of an amount that is not VAT, rounded half up. `net(g) + tax(g) == g` always."""
    sign = -1 if gross < 0 else 1
    return sign * ((abs(gross) * 200 + 100 + VAT_PERCENT) // (2 * (100 + VAT_PERCENT)))


def tax(gross: int) -> int:
    return gross - net(gross)


def gross_of(net_amount: int) -> int:
    """The amount including VAT whose net part is `net_amount` cents."""
    sign = -1 if net_amount < 0 else 1
    return sign * ((abs(net_amount) * (100 + VAT_PERCENT) * 2 + 100) // 200)


def text(minor: int) -> str:
    """12.10"""
    sign = "-" if minor < 0 else ""
    return f"{sign}{abs(minor) // 100}.{abs(minor) % 100:02d}"


def exact_net(gross: int) -> Decimal:
    """The unrounded net amount in major units, at six decimals."""
    return (Decimal(gross) / (100 + VAT_PERCENT)).quantize(FINE, ROUND_HALF_UP)


def exact_tax(gross: int) -> Decimal:
    """VAT of the net amount at six decimals, itself at six decimals."""
    return (exact_net(gross) * VAT_PERCENT / 100).quantize(FINE, ROUND_HALF_UP)


def trimmed(amount: Decimal) -> str:
    """A decimal without trailing zeros: 4.2, 20, 0."""
    return f"{amount.normalize():f}" if amount else "0"


def minor(amount: str | int | float | Decimal) -> int:
    """Cents of an amount in major units as a client wrote it ("5", "5.00", 5). Raises ArithmeticError on nonsense."""
    value = Decimal(str(amount))
    if not value.is_finite():
        raise ArithmeticError(f"not an amount: {amount!r}")
    return int((value * 100).quantize(Decimal(1), ROUND_HALF_UP))
