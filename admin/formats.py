"""How numbers, money and times are written: in the reader's language, in the merchant's time zone."""

from datetime import datetime
from decimal import Decimal

from babel.dates import format_datetime, format_timedelta
from babel.numbers import format_currency, format_decimal
from flask_babel import get_locale

from admin.screens import now, zone
from admin.texts import gettext, ngettext
from core.money import exponent

LANGUAGES = ("en",)  # those with a complete catalogue of the admin's texts; the first one is the default


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


def per_cent(per_mille: int) -> str:
    """Per mille as per cent with at most one digit: 30 -> "3%"."""
    return str(format_decimal(Decimal(per_mille) / 10, locale=language())) + " %"


def day(moment: datetime | None) -> str:
    """The local day, for example "5 Dec 2026"."""
    if moment is None:
        return ""
    return str(format_datetime(moment, "d MMM y", tzinfo=zone(), locale=language()))


def last_day(moment: datetime | None) -> str:
    """The last local day before an instant: "valid through" the day that ends there."""
    if moment is None:
        return ""
    return day(datetime.fromtimestamp(moment.timestamp() - 1, tz=moment.tzinfo))


def time(moment: datetime | None) -> str:
    """The local day and minute, for example "5 Dec 2026, 14:03"."""
    if moment is None:
        return ""
    return str(format_datetime(moment, "d MMM y, HH:mm", tzinfo=zone(), locale=language()))


def ago(moment: datetime | None) -> str:
    """How long ago, for example "3 hours ago"; "never" for nothing."""
    if moment is None:
        return gettext("never")
    passed = moment - now()
    if abs(passed.total_seconds()) < 60:
        return gettext("just now")
    return str(format_timedelta(passed, add_direction=True, locale=language()))


def language() -> str:
    """The language of this page: what the reader asked for, if the admin's texts exist in it."""
    wanted = get_locale()
    return wanted.language if wanted is not None and wanted.language in LANGUAGES else LANGUAGES[0]


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
}
