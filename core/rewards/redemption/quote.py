"""What a member can redeem in a shop, and what it costs. Pure.

Value of a point, minimum and maximum are per currency; what is redeemed is a multiple of the shop's smallest unit.
"""

from dataclasses import dataclass
from math import gcd, lcm

from core.errors import CannotRedeem
from core.money import ceil_div
from core.program.terms import CurrencyTerms, Terms


@dataclass(frozen=True)
class Offer:
    """What can be redeemed now. Face values in minor units; each multiple of `step_minor` from minimum to maximum is possible.

    `reason`: why nothing can be redeemed ("below_minimum", "currency", "debt"), else None. `points_to_go`: until the minimum.
    """

    currency: str
    balance_worth_minor: int
    step_minor: int
    minimum_minor: int
    maximum_minor: int
    minimum_points: int
    maximum_points: int
    points_to_go: int
    reason: str | None


@dataclass(frozen=True)
class Price:
    points: int
    face_minor: int
    currency: str


def offer(terms: Terms, currency: str, available: int, *, smallest_unit: int) -> Offer:
    """What this balance offers in a currency."""
    rules = terms.currencies.get(currency)
    if rules is None:
        return Offer(currency, 0, smallest_unit, 0, 0, 0, 0, 0, "currency")
    step = step_of(rules, smallest_unit)
    worth = _down(available * rules.value_minor // rules.value_points, smallest_unit)
    minimum = _up(max(rules.minimum_minor, step), step)
    highest = worth if rules.maximum_minor is None else min(worth, rules.maximum_minor)
    maximum = _down(highest, step)
    if maximum < minimum:
        to_go = max(0, points_for(rules, minimum) - available)
        return Offer(currency, worth, step, minimum, 0, points_for(rules, minimum), 0, to_go, "below_minimum")
    return Offer(
        currency, worth, step, minimum, maximum, points_for(rules, minimum), points_for(rules, maximum), 0, None
    )


def price(terms: Terms, currency: str, points: int, *, available: int, smallest_unit: int) -> Price:
    """The discount for (at most) so many points. What does not make up a whole step is not taken.

    Raises CannotRedeem with a stable reason.
    """
    possible = offer(terms, currency, available, smallest_unit=smallest_unit)
    if possible.reason is not None:
        raise CannotRedeem(possible.reason)
    rules = terms.currencies[currency]
    face = _down(points * rules.value_minor // rules.value_points, possible.step_minor)
    if face < possible.minimum_minor:
        raise CannotRedeem("below_minimum")
    if face > possible.maximum_minor:
        raise CannotRedeem("above_maximum")
    return Price(points_for(rules, face), face, currency)


def points_for(rules: CurrencyTerms, face_minor: int) -> int:
    """What a discount costs in points, rounded up."""
    return ceil_div(face_minor * rules.value_points, rules.value_minor)


def step_of(rules: CurrencyTerms, smallest_unit: int) -> int:
    """The smallest discount that costs whole points exactly and that the shop can express; its smallest unit where none does."""
    exact = lcm(smallest_unit, rules.value_minor // gcd(rules.value_minor, rules.value_points))
    return exact if exact <= max(rules.value_minor, smallest_unit) else smallest_unit


def _down(amount: int, step: int) -> int:
    return amount - amount % step


def _up(amount: int, step: int) -> int:
    return ceil_div(amount, step) * step
