"""What the program offers, from its terms: how to earn, what for, what is good to know, and the next goal. Pure."""

from dataclasses import dataclass

from core.money import Money, exponent
from core.program.terms import CurrencyTerms, Terms
from core.rewards.redemption.quote import points_for
from widgets.browser_texts import _, _n
from widgets.speech import Speech

EARN_TITLE = _("Buy in this shop")
EARN_TEXT = _n("{points} point for every {amount}", "{points} points for every {amount}")
SPEND_TITLE = _("A discount on your next order")
SPEND_TEXT = _n("{points} point is worth {value}.", "{points} points are worth {value}.")
SPEND_FROM = _n("You can use them from {points} point on.", "You can use them from {points} points on.")
WINDOW = _n(
    "Points are free to use {points} day after the purchase.",
    "Points are free to use {points} days after the purchase.",
)
EXPIRY = _n("Points are valid for {points} month.", "Points are valid for {points} months.")
ON_COMPLETION = _("Points come once the order is completed.")
# Goals are round sums: 1, 2, 5, 10, 20, 50 … whole units of the currency.
_ROUND = (1, 2, 5)


@dataclass(frozen=True)
class Way:
    icon: str
    title: str
    text: str


@dataclass(frozen=True)
class Goal:
    points: int
    value: Money


def ways_to_earn(terms: Terms, currency: str, speech: Speech) -> list[Way]:
    rate = terms.currencies.get(currency)
    if rate is None:
        return []
    amount = speech.money(Money(rate.earn_per_minor, currency))
    return [Way("order", speech.text(EARN_TITLE), speech.plural(EARN_TEXT, rate.earn_points, amount=amount))]


def ways_to_redeem(terms: Terms, currency: str, speech: Speech) -> list[Way]:
    rate = terms.currencies.get(currency)
    if rate is None:
        return []
    value = speech.money(Money(rate.value_minor, currency))
    least = points_for(rate, rate.minimum_minor)
    text = speech.plural(SPEND_TEXT, rate.value_points, value=value)
    if least > 1:
        text += " " + speech.plural(SPEND_FROM, least)
    return [Way("discount", speech.text(SPEND_TITLE), text)]


def good_to_know(terms: Terms, speech: Speech) -> list[str]:
    lines = []
    if terms.earn_when == "completed":
        lines.append(speech.text(ON_COMPLETION))
    if terms.window_days:
        lines.append(speech.plural(WINDOW, terms.window_days))
    if terms.expiry_months:
        lines.append(speech.plural(EXPIRY, terms.expiry_months))
    return lines


def next_goal(available: int, rate: CurrencyTerms, currency: str) -> Goal | None:
    """The nearest reward out of reach: the smallest one, then round sums. None beyond the largest redemption."""
    least = points_for(rate, rate.minimum_minor)
    if available < least:
        return Goal(least, Money(rate.minimum_minor, currency))
    size = 10 ** exponent(currency)
    while True:
        for digit in _ROUND:
            minor = digit * size
            if rate.maximum_minor is not None and minor > rate.maximum_minor:
                return None
            if (points := points_for(rate, minor)) > available:
                return Goal(points, Money(minor, currency))
        size *= 10
