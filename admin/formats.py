"""How numbers, money and times are written: in the reader's language, in the merchant's time zone."""

from datetime import datetime, timedelta
from decimal import Decimal

from babel.dates import format_datetime, format_timedelta
from babel.numbers import format_currency, format_decimal, get_decimal_symbol

from admin.languages import language as language  # it is as much a matter of format
from admin.screens import now, zone
from admin.texts import gettext, ngettext, translated
from core.money import exponent

# What CLDR has of these is American, or has seconds. A date in Czech and Slovak has spaces that must not break.
_DAY = {"en": "d MMM y", "cs": "d.\u00a0M.\u00a0y", "sk": "d.\u00a0M.\u00a0y"}
_MINUTE = {"en": "HH:mm", "cs": "H:mm", "sk": "H:mm"}


def number(value: int) -> str:
    return str(format_decimal(value, locale=language()))


def signed(value: int) -> str:
    """With its sign, a real minus: "+147", "−49"."""
    text = number(abs(value))
    return f"+{text}" if value > 0 else f"−{text}" if value < 0 else text


def points(value: int) -> str:
    return ngettext("%(number)s point", "%(number)s points", value, number=number(value))


def money(minor: int, currency: str) -> str:
    amount = Decimal(minor).scaleb(-exponent(currency))
    return str(format_currency(amount, currency, locale=language(), decimal_quantization=False))


def typed_amount(text: str) -> str:
    """An amount as a field holds it, "1.50", as people type it here: "1,50"."""
    return text.replace(".", get_decimal_symbol(language()))


def per_cent(per_mille: int) -> str:
    """Per mille as per cent with at most one digit: 30 -> "3%"."""
    return str(format_decimal(Decimal(per_mille) / 10, locale=language())) + " %"


def day(moment: datetime | None) -> str:
    """The local day, for example "5 Dec 2026", "5. 12. 2026"."""
    if moment is None:
        return ""
    return str(format_datetime(moment, _DAY[language()], tzinfo=zone(), locale=language()))


def last_day(moment: datetime | None) -> str:
    """The last local day before an instant: "valid through" the day that ends there."""
    if moment is None:
        return ""
    return day(datetime.fromtimestamp(moment.timestamp() - 1, tz=moment.tzinfo))


def time(moment: datetime | None) -> str:
    """The local day and minute, for example "5 Dec 2026, 14:03"."""
    if moment is None:
        return ""
    spoken = language()
    return str(format_datetime(moment, f"{_DAY[spoken]}, {_MINUTE[spoken]}", tzinfo=zone(), locale=spoken))


def ago(moment: datetime | None) -> str:
    """How long ago, for example "3 hours ago"; "never" for nothing."""
    if moment is None:
        return gettext("never")
    passed = moment - now()
    if abs(passed.total_seconds()) < 60:
        return gettext("just now")
    return str(format_timedelta(passed, add_direction=True, locale=language()))


def how_long(span: timedelta) -> str:
    """For example "5 minutes"."""
    return str(format_timedelta(span, locale=language()))


FILTERS = {
    "number": number,
    "signed": signed,
    "points": points,
    "money": money,
    "per_cent": per_cent,
    "day": day,
    "last_day": last_day,
    "time": time,
    "ago": ago,
    "translated": translated,
}
