"""A program's rules in words: as rows to read and compare, and as an example order worked out step by step."""

from dataclasses import dataclass
from datetime import datetime

from admin.formats import last_day, money, number, per_cent, points
from admin.texts import gettext, ngettext
from core.commerce import LineKind, OrderState, Payment
from core.earning.assess import assess
from core.earning.awards import dates_of
from core.earning.snapshot import Snapshot, SnapshotLine
from core.money import ceil_div
from core.program.terms import CurrencyTerms, Terms, default_currency_terms

SAMPLE_UNITS, SAMPLE_SHIPPING_UNITS = 49, 5
SAMPLE_TAX_PER_CENT = 21


@dataclass(frozen=True)
class Step:
    text: str
    result: str


@dataclass(frozen=True)
class Example:
    """An order in one currency, worked out. `cost`: the sentence on what the program costs."""

    currency: str
    title: str
    steps: list[Step]
    points: int
    cost: str
    cost_short: str


@dataclass(frozen=True)
class TermRow:
    label: str
    text: str
    before: str | None = None  # where it differs from the version before


def examples(terms: Terms, *, now: datetime) -> list[Example]:
    return [_example(terms, currency, rates, now) for currency, rates in terms.currencies.items()]


def term_rows(terms: Terms, before: Terms | None = None) -> list[TermRow]:
    """All rules as label and text, each with the text of the version before where that was another."""
    earlier = dict(_rows(before)) if before is not None else {}
    return [
        TermRow(
            label,
            text,
            earlier.get(label, gettext("none")) if before is not None and earlier.get(label) != text else None,
        )
        for label, text in _rows(terms)
    ]


def rate_sentence(currency: str, rates: CurrencyTerms) -> str:
    return gettext(
        "%(points)s for every %(amount)s",
        points=points(rates.earn_points),
        amount=money(rates.earn_per_minor, currency),
    )


def basis_sentence(terms: Terms) -> str:
    """What of an order earns: "with tax, without shipping"."""
    tax = gettext("with tax") if terms.include_tax else gettext("without tax")
    shipping = gettext("with shipping") if terms.include_shipping else gettext("without shipping")
    return gettext("%(tax)s, %(shipping)s", tax=tax, shipping=shipping)


def window_sentence(days: int) -> str:
    if days == 0:
        return gettext("none: points are free to redeem at once")
    return ngettext("%(number)s day", "%(number)s days", days, number=number(days))


def expiry_sentence(months: int | None) -> str:
    if months is None:
        return gettext("never")
    return ngettext("after %(number)s month", "after %(number)s months", months, number=number(months))


def _example(terms: Terms, currency: str, rates: CurrencyTerms, now: datetime) -> Example:
    unit = default_currency_terms(currency).earn_per_minor
    goods, shipping = SAMPLE_UNITS * unit, SAMPLE_SHIPPING_UNITS * unit
    result = assess(_sample(currency, goods, shipping, now), terms)
    matures_at, expires_at = dates_of(terms, now)
    worth = result.points * rates.value_minor // rates.value_points
    steps = [
        Step(gettext("Goods"), money(goods, currency)),
        Step(gettext("Shipping"), money(shipping, currency)),
        Step(
            gettext("Of this counts: %(basis)s", basis=basis_sentence(terms)),
            money(result.eligible, currency),
        ),
        Step(
            gettext("Times %(rate)s, rounded down", rate=rate_sentence(currency, rates)),
            points(result.points),
        ),
        Step(
            gettext("Pending while the goods can be returned"),
            gettext("until %(day)s", day=last_day(matures_at)) if matures_at else gettext("not at all"),
        ),
        Step(gettext("Worth at checkout"), money(worth, currency)),
        Step(
            gettext("Good until"),
            last_day(expires_at) if expires_at else gettext("for ever"),
        ),
        Step(gettext("The first discount is reached after spending"), money(_first_reward(rates), currency)),
    ]
    cost = rates.cost_per_mille
    return Example(
        currency=currency,
        title=gettext("An order in %(currency)s", currency=currency),
        steps=steps,
        points=result.points,
        cost=gettext(
            "Costs %(cost)s of sales if every point is redeemed; %(usual)s if 6 of 10 are, which is usual.",
            cost=per_cent(cost),
            usual=per_cent(ceil_div(cost * 6, 10)),
        ),
        cost_short=per_cent(cost),
    )


def _first_reward(rates: CurrencyTerms) -> int:
    """What must be spent until the smallest discount can be had."""
    needed = ceil_div(rates.minimum_minor * rates.value_points, rates.value_minor)
    return ceil_div(needed * rates.earn_per_minor, rates.earn_points)


def _sample(currency: str, goods: int, shipping: int, now: datetime) -> Snapshot:
    def net(gross: int) -> int:
        return gross * 100 // (100 + SAMPLE_TAX_PER_CENT)

    line = SnapshotLine(
        line_id="1",
        kind=LineKind.GOODS,
        name="",
        product_id=None,
        sku=None,
        quantity=1,
        ordered=goods,
        ordered_net=net(goods),
        undiscounted=goods,
        kept=goods,
    )
    return Snapshot(
        state=OrderState.PLACED,
        payment=Payment.PAID,
        currency=currency,
        placed_at=now,
        paid_at=now,
        completed_at=now,
        is_test=False,
        customer_external_id="1",
        customer_erased=False,
        lines=(line,),
        shipping=shipping,
        shipping_net=net(shipping),
        shipping_kept=shipping,
        codes=(),
        total=goods + shipping,
        refunded=0,
    )


def _rows(terms: Terms) -> list[tuple[str, str]]:
    rows = [
        (gettext("Name"), terms.name),
        (gettext("Colour"), terms.brand_colour),
        (gettext("Who takes part"), _enrolment(terms)),
        (gettext("Points are earned when the order is"), _earn_when(terms)),
    ]
    for currency, rates in terms.currencies.items():
        rows += [
            (gettext("Earning in %(currency)s", currency=currency), rate_sentence(currency, rates)),
            (gettext("Value in %(currency)s", currency=currency), _value(currency, rates)),
            (gettext("Discounts in %(currency)s", currency=currency), _limits(currency, rates)),
        ]
    rows += [
        (gettext("What counts"), _basis_long(terms)),
        (gettext("Return window"), window_sentence(terms.window_days)),
        (gettext("Points expire"), expiry_sentence(terms.expiry_months)),
        (gettext("Days of grace"), number(terms.grace_days)),
        (gettext("Days before joining that count"), number(terms.lookback_days)),
        (gettext("Hours that a code is good"), number(terms.code_hours)),
        (gettext("Codes begin with"), terms.code_prefix or gettext("nothing")),
        (gettext("Time zone"), terms.timezone),
    ]
    return [(str(label), str(text)) for label, text in rows]


def _enrolment(terms: Terms) -> str:
    if terms.enrolment == "automatic":
        return gettext("All with an account")
    return gettext("Customers who join")


def _earn_when(terms: Terms) -> str:
    return gettext("paid") if terms.earn_when == "paid" else gettext("completed")


def _value(currency: str, rates: CurrencyTerms) -> str:
    return gettext(
        "%(points)s for %(amount)s off", points=points(rates.value_points), amount=money(rates.value_minor, currency)
    )


def _limits(currency: str, rates: CurrencyTerms) -> str:
    low = money(rates.minimum_minor, currency)
    if rates.maximum_minor is None:
        return gettext("from %(low)s", low=low)
    return gettext("from %(low)s to %(high)s", low=low, high=money(rates.maximum_minor, currency))


def _basis_long(terms: Terms) -> str:
    cards = gettext("with gift cards") if terms.include_gift_cards else gettext("without gift cards")
    paid = (
        gettext("with what was paid with points")
        if terms.include_points_paid
        else gettext("without what was paid with points")
    )
    return gettext("%(basis)s, %(cards)s, %(paid)s", basis=basis_sentence(terms), cards=cards, paid=paid)
