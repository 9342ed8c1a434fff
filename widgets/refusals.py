"""What the door says when it says no: a stable code for the page, and a sentence that the shopper can read. Pure."""

from dataclasses import dataclass

from core import errors
from widgets.browser_texts import _, _n
from widgets.speech import Speech

# Why nothing can be redeemed: core's stable words. What is not listed gets the last sentence.
REASONS = {
    "paused": _("The program is paused, so points cannot be used at the moment."),
    "redeeming_stopped": _("Points cannot be used at the moment. They stay on your account."),
    "shop_disconnected": _("Points cannot be used in this shop at the moment. They stay on your account."),
    "currency": _("Points cannot be used in this shop's currency."),
    "debt": _("You can use points again once what is owed has been settled."),
    "too_many_open": _("You have as many unused codes as you can have at a time. Please use or give back one of them."),
    "above_maximum": _("That is more than can be used at a time."),
}
NOT_NOW = _("Points cannot be used at the moment.")
BELOW_MINIMUM = _n("Points can be used from {points} point on.", "Points can be used from {points} points on.")
BELOW_MINIMUM_PLAIN = _("That is less than can be used at a time.")
SIGN_IN = _("Please sign in to the shop again.")
NOT_FROM_HERE = _("Only pages of the shop may ask this.")
NOT_FOUND = _("This was not found. Perhaps it has ended meanwhile.")
CONFLICT = _("Something has changed meanwhile. Please look again.")
TOO_FEW = _("You do not have so many points to use.")
INVALID = _("The server did not understand that.")
TOO_OFTEN = _("That was a little too fast. Please wait a minute.")
WRONG_CODE = _("This code is not right, or no longer valid. Please check it, or ask for a new one.")
TOO_MANY_CODES = _("That was tried too often. Please try again later.")
NO_MAIL = _("Codes cannot be sent at the moment. Please try again later.")
LATER = _("The shop cannot be reached at the moment. Please try again in a while.")


class TooOften(errors.Refused):
    """More calls than the limit allows."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__()
        self.retry_after_s = retry_after_s


class WrongOrigin(errors.Refused):
    """The page that asks is not one of the shop's."""


class TooManyCodes(TooOften):
    """More codes, or tries of them, than the limits allow."""


class WrongCode(errors.Refused):
    """A code that proves nothing: wrong, used, too old, for another customer, for nobody."""


class NoMail(errors.Refused):
    """No code can be mailed: this server has not been told how."""


@dataclass(frozen=True)
class Refusal:
    status: int
    code: str
    message: str


# The first that fits counts.
_TABLE: tuple[tuple[type[errors.RegularsError], int, str, str], ...] = (
    (WrongOrigin, 403, "wrong_origin", NOT_FROM_HERE),
    (TooManyCodes, 429, "too_often", TOO_MANY_CODES),
    (TooOften, 429, "too_often", TOO_OFTEN),
    (WrongCode, 403, "wrong_code", WRONG_CODE),
    (NoMail, 503, "no_mail", NO_MAIL),
    (errors.SignatureInvalid, 401, "sign_in", SIGN_IN),
    (errors.NotFound, 404, "not_found", NOT_FOUND),
    (errors.InvalidInput, 400, "invalid", INVALID),
    (errors.InsufficientPoints, 409, "insufficient_points", TOO_FEW),
    (errors.Refused, 409, "conflict", CONFLICT),
    (errors.PlatformError, 503, "shop_unreachable", LATER),
)


def refusal(error: errors.RegularsError, speech: Speech) -> Refusal | None:
    """None for what is not the shopper's to know: the application's own table answers it."""
    if isinstance(error, errors.CannotRedeem):
        return Refusal(409, error.reason, cannot_redeem(error.reason, speech))
    for kind, status, code, message in _TABLE:
        if isinstance(error, kind):
            return Refusal(status, code, speech.text(message))
    return None


def cannot_redeem(reason: str, speech: Speech, *, minimum_points: int | None = None) -> str:
    if reason == "below_minimum":
        return (
            speech.text(BELOW_MINIMUM_PLAIN) if minimum_points is None else speech.plural(BELOW_MINIMUM, minimum_points)
        )
    return speech.text(REASONS.get(reason, NOT_NOW))
