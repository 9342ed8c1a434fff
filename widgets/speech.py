"""Whole sentences of the server, in the shopper's language: money, dates and points filled into texts. Pure."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import format_currency, format_decimal

from core.money import Money, exponent
from widgets.catalogues import Catalogue

_AN_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Speech:
    """A language and the zone of the program, whose calendar its days are of."""

    catalogue: Catalogue
    zone: ZoneInfo

    def text(self, source: str, /, **values: object) -> str:
        return self.catalogue.text(source, values)

    def plural(self, forms: tuple[str, str], number: int, /, **values: object) -> str:
        """The form for `number`, which its texts call {points}."""
        points = format_decimal(number, locale=self.catalogue.language)
        return self.catalogue.plural(*forms, number, {"points": points, **values})

    def money(self, money: Money) -> str:
        amount = Decimal(money.minor).scaleb(-exponent(money.currency))
        return format_currency(amount, money.currency, locale=self.catalogue.language)

    def long_date(self, day: date) -> str:
        return format_date(day, format="long", locale=self.catalogue.language)

    def first_day(self, instant: datetime) -> date:
        """The day on which something begins that begins at this instant."""
        return instant.astimezone(self.zone).date()

    def last_day(self, instant: datetime) -> date:
        """The last whole day before this instant: "valid through"."""
        return (instant - _AN_INSTANT).astimezone(self.zone).date()
