"""The form of the program's rules: one page, one row of rates for each currency. Turns terms into fields and fields into terms."""

import re
from typing import Any

from pydantic import ValidationError
from wtforms import BooleanField, FieldList, FormField, HiddenField, StringField
from wtforms import Form as PlainForm
from wtforms.validators import InputRequired, Length, Optional, Regexp
from wtforms.validators import ValidationError as FieldError

from admin.formats import typed_amount
from admin.forms import REQUIRED, Form, Speaking, select, text, time_zone, whole_number
from admin.texts import gettext
from admin.texts import lazy_gettext as _l
from core.errors import InvalidInput
from core.money import exponent, minor_from_text, text_from_minor
from core.program.terms import CurrencyTerms, Terms

LARGEST_POINTS = 1_000_000


class AmountField(StringField):
    """Money as people type it, "1.50" or "1,50"; `minor` after validation. The currency stands in the row."""

    minor: int | None = None

    def pre_validate(self, form: Any) -> None:
        typed = (self.data or "").strip().replace(" ", "").replace(",", ".")
        self.minor = None
        if not typed:
            return
        currency = form.currency.data
        if not re.fullmatch(r"-?\d+(\.\d*)?|-?\.\d+", typed, flags=re.ASCII):
            raise FieldError(gettext("This is not an amount."))
        try:
            minor = minor_from_text(typed, currency)
        except InvalidInput as error:
            raise FieldError(gettext("This is not an amount.")) from error
        if len(typed.partition(".")[2].rstrip("0")) > exponent(currency):
            raise FieldError(gettext("%(currency)s has no amounts as small as this.", currency=currency))
        if not 0 < minor <= 10**12:
            raise FieldError(gettext("The amount must be more than nothing, and not gigantic."))
        self.minor = minor


def _amount(label: str, *, required: bool = True) -> AmountField:
    check = InputRequired(REQUIRED) if required else Optional()
    return AmountField(label, [check, Length(max=20)], render_kw={"inputmode": "decimal", "autocomplete": "off"})


class CurrencyForm(PlainForm):
    """The rates of one currency, read as two sentences: what is earned, what it is worth."""

    Meta = Speaking

    currency = HiddenField()
    earn_points = whole_number(_l("Points earned"), low=1, high=LARGEST_POINTS)
    earn_per = _amount(_l("for every amount spent"))
    value_points = whole_number(_l("Points redeemed"), low=1, high=LARGEST_POINTS)
    value = _amount(_l("for a discount of"))
    minimum = _amount(_l("Smallest discount"))
    maximum = _amount(_l("Largest discount"), required=False)

    def validate_maximum(self, field: AmountField) -> None:
        if field.minor is not None and self.minimum.minor is not None and field.minor < self.minimum.minor:
            raise FieldError(gettext("The largest discount lies below the smallest."))

    def terms(self) -> CurrencyTerms:
        assert self.earn_per.minor and self.value.minor and self.minimum.minor
        return CurrencyTerms(
            earn_points=self.earn_points.data or 0,
            earn_per_minor=self.earn_per.minor,
            value_points=self.value_points.data or 0,
            value_minor=self.value.minor,
            minimum_minor=self.minimum.minor,
            maximum_minor=self.maximum.minor,
        )


class ProgramForm(Form):
    name = text(_l("Name of the program"), hint=_l("Shoppers see it."), longest=60)
    brand_colour = StringField(
        _l("Colour"),
        [InputRequired(REQUIRED), Regexp(r"^#[0-9a-fA-F]{6}$", message=_l("A colour such as #3b4cca."))],
        description=_l("Of buttons in the shop. Text on it stays readable."),
        render_kw={"type": "color"},
    )
    timezone = time_zone(_l("Time zone"), hint=_l("Days end at midnight there."))
    enrolment = select(
        _l("Who takes part"),
        [
            ("automatic", _l("All with an account")),
            ("join", _l("Customers who join")),
        ],
    )
    currencies = FieldList(FormField(CurrencyForm))
    earn_when = select(
        _l("Points are earned when the order is"), [("paid", _l("paid")), ("completed", _l("completed"))]
    )
    window_days = whole_number(
        _l("Return window in days"),
        low=0,
        high=365,
        hint=_l("Points are pending for so long, so that a return costs you nothing. 0: free to redeem at once."),
    )
    expiry_months = whole_number(
        _l("Points are good for how many months"), low=1, high=120, required=False, hint=_l("Empty: for ever.")
    )
    include_tax = BooleanField(_l("Tax"))
    include_shipping = BooleanField(_l("Shipping"))
    include_gift_cards = BooleanField(_l("Gift cards"))
    include_points_paid = BooleanField(_l("What was paid with points"))
    grace_days = whole_number(
        _l("Days of grace"),
        low=0,
        high=365,
        hint=_l(
            "When points come back after they would have expired, because a code was not used or an order was refunded."
        ),
    )
    lookback_days = whole_number(
        _l("Orders before joining count for how many days"),
        low=0,
        high=3650,
        hint=_l("An order that somebody placed before becoming a member."),
    )
    code_hours = whole_number(
        _l("A discount code is good for how many hours"), low=1, high=24 * 60, hint=_l("Unused, its points come back.")
    )
    code_prefix = text(
        _l("Codes begin with"), longest=8, required=False, hint=_l("Letters, digits and hyphens; empty: nothing.")
    )

    def terms(self) -> Terms:
        """The document of rules. Raises InvalidInput for what the fields alone cannot know."""
        rates = {row.form.currency.data: row.form.terms() for row in self.currencies}
        try:
            return Terms(
                name=self.name.data or "",
                timezone=self.timezone.data,
                enrolment=self.enrolment.data,
                earn_when=self.earn_when.data,
                window_days=_given(self.window_days.data),
                expiry_months=self.expiry_months.data,
                grace_days=_given(self.grace_days.data),
                lookback_days=_given(self.lookback_days.data),
                include_tax=self.include_tax.data,
                include_shipping=self.include_shipping.data,
                include_gift_cards=self.include_gift_cards.data,
                include_points_paid=self.include_points_paid.data,
                code_hours=_given(self.code_hours.data),
                code_prefix=(self.code_prefix.data or "").upper(),
                brand_colour=self.brand_colour.data or "",
                currencies=rates,
            )
        except ValidationError as error:
            first = error.errors()[0]
            raise InvalidInput(str(first["msg"]), field=str(first["loc"][0]) if first["loc"] else None) from error


def form_of(terms: Terms, **options: Any) -> ProgramForm:
    """The form filled with terms; what was posted goes before them."""
    values = terms.model_dump(exclude={"currencies"})
    rows = [_row(currency, rates) for currency, rates in terms.currencies.items()]
    return ProgramForm(data={**values, "expiry_months": terms.expiry_months, "currencies": rows}, **options)


def _row(currency: str, rates: CurrencyTerms) -> dict[str, Any]:
    def amount(minor: int) -> str:
        return typed_amount(text_from_minor(minor, currency))

    return {
        "currency": currency,
        "earn_points": rates.earn_points,
        "earn_per": amount(rates.earn_per_minor),
        "value_points": rates.value_points,
        "value": amount(rates.value_minor),
        "minimum": amount(rates.minimum_minor),
        "maximum": "" if rates.maximum_minor is None else amount(rates.maximum_minor),
    }


def _given(value: int | None) -> int:
    return 0 if value is None else value
