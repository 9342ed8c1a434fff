"""What the widget says in the browser: keys used in source/*.js, each with its English sentence.

`python -m widgets.browser_texts` compiles them, in every language of translations/, into static/v1/texts.<language>.json.
Plural forms are keyed by CLDR category, as Intl.PluralRules names them; what decides the form is always `points`.
"""

import json
from pathlib import Path

from widgets.catalogues import LANGUAGES, Catalogue, catalogue

STATIC = Path(__file__).parent / "static" / "v1"
Plural = tuple[str, str]
JsonText = str | dict[str, str]


def _(text: str) -> str:
    """Marks a text for extraction."""
    return text


def _n(one: str, many: str) -> Plural:
    """Marks a text with plural forms for extraction."""
    return one, many


# The loader has these from the config, so that a page that nobody opens the panel on loads no texts.
LOADER_TEXTS: dict[str, str | Plural] = {
    "launcher": _("Rewards"),
    "points": _n("{points} point", "{points} points"),
    "earned": _n("+{points} point for your order", "+{points} points for your order"),
    "failed": _("Your rewards could not be loaded. The shop itself works as usual."),
}

PANEL_TEXTS: dict[str, str | Plural] = {
    **LOADER_TEXTS,
    "after": _("now"),
    "applied": _("{value} off is in your cart"),
    "apply": _("Put in cart"),
    "back": _("Back"),
    "before": _("before"),
    "cart_failed": _("Your code is ready, but the cart could not be reached. Please enter the code at the checkout."),
    "close": _("Close"),
    "code_points": _n("{points} point set aside.", "{points} points set aside."),
    "code": _("Code from the e-mail"),
    "code_again": _("Send a new code"),
    "code_enter": _("Enter the code"),
    "code_sent": _(
        "The code is on its way to the e-mail address of your account. It is valid for 10 minutes. "
        "If it does not come, please look in the spam folder."
    ),
    "codes": _("Your codes"),
    "confirm": _("Confirm"),
    "copied": _("Copied"),
    "copy": _("Copy"),
    "copy_code": _("Copy the code {code}"),
    "debt": _n(
        "{points} point is owed after a returned order. The next points you earn settle it first.",
        "{points} points are owed after a returned order. The next points you earn settle them first.",
    ),
    "done": _("Done"),
    "earn": _("How to earn points"),
    "ending": _("Being cancelled"),
    "expiring": _n("{points} point is valid through {date} only.", "{points} points are valid through {date} only."),
    "give_back": _("Give back"),
    "give_back_sure": _n(
        "Give up this code and get {points} point back?", "Give up this code and get {points} points back?"
    ),
    "give_back_yes": _("Yes, give back"),
    "given_back": _n("{points} point is back on your balance.", "{points} points are back on your balance."),
    "giving_back": _("The code is being cancelled. Your points will be back in a moment."),
    "guest": _("Sign in to your account at this shop, and your purchases earn points."),
    "have_account": _("Already have an account?"),
    "held": _n(
        "{points} point is set aside for your open codes.", "{points} points are set aside for your open codes."
    ),
    "history": _("Points history"),
    "history_empty": _("Nothing here yet. Each change of your points will show up here, with its reason."),
    "how_many": _("How many points to use"),
    "in_cart": _("In your cart"),
    "join": _("Join now"),
    "join_text": _("Joining is free. From then on your points and rewards are here."),
    "join_title": _("Become a member"),
    "joined": _("Welcome! You are a member now."),
    "keep": _("Keep the code"),
    "late": _("Your code is being prepared. It will appear here in a moment."),
    "less": _("Fewer points"),
    "load_more": _("Show more"),
    "loading": _("Loading…"),
    "more": _("More points"),
    "off": _("{value} off"),
    "paused": _("The program is paused at the moment. Your points stay on your account."),
    "pending": _n("{points} point is on its way.", "{points} points are on their way."),
    "pending_next": _n(
        "{points} point will be free to use from {date}.", "{points} points will be free to use from {date}."
    ),
    "points_worth": _n("{points} point, {value} off", "{points} points, {value} off"),
    "preparing": _("Being prepared"),
    "preview": _("Preview for staff: shoppers do not see this yet."),
    "problem": _("That did not work. Please try again."),
    "prove": _("See your points"),
    "prove_send": _("Send me a code"),
    "prove_text": _("To be sure that it is you, we send a code to the e-mail address of your account in this shop."),
    "proven": _("Thank you. This browser knows you from now on."),
    "ready": _("Your code for {value} off is ready. Please enter it at the checkout."),
    "redeem": _("Get {value} off"),
    "refused": _("The cart did not take the code: {reason}"),
    "register": _("Create an account"),
    "retry": _("Try again"),
    "sign_in": _("Sign in"),
    "spend": _("What points are good for"),
    "terms": _("Good to know"),
    "to_go": _n("{points} point to go for {value} off", "{points} points to go for {value} off"),
    "total": _("Total"),
    "unit": _n("point", "points"),
    "until": _("Valid until {time}."),
    "unused": _("Not used yet"),
    "use": _("Use your points"),
    "wait": _("One moment…"),
    "waits": _("{value} off waits in your cart: it is taken off at the checkout."),
    "why": _("Collect points and pay with them at the checkout."),
    "worth": _("worth {value}"),
}


def compiled(texts: dict[str, str | Plural], language: Catalogue) -> dict[str, JsonText]:
    """The texts in one language, in the shape that source/format.js reads."""
    return {key: _compiled(text, language) for key, text in texts.items()}


def _compiled(text: str | Plural, language: Catalogue) -> JsonText:
    return language.text(text) if isinstance(text, str) else language.forms(*text)


def file_name(language: str) -> str:
    return f"texts.{language}.json"


def file_content(language: str) -> str:
    return json.dumps(compiled(PANEL_TEXTS, catalogue(language)), ensure_ascii=False, separators=(",", ":")) + "\n"


def main() -> None:
    for language in LANGUAGES:
        (STATIC / file_name(language)).write_text(file_content(language), encoding="utf-8")


if __name__ == "__main__":
    main()
