"""In which language a page is: the person's own choice, else what the platform around the page says, else the browser's."""

from pathlib import Path

import flask_babel
from babel.support import NullTranslations
from flask import Flask, g, has_request_context, request

from core import catalogues

FOLDER = Path(__file__).parent / "translations"
# Each as it calls itself. Those with a complete catalogue of the admin's texts; the first one is the default.
NAMES = {"en": "English", "cs": "Čeština", "sk": "Slovenčina"}
LANGUAGES = tuple(NAMES)


class _Texts(flask_babel.Domain):
    """Our catalogues in place of the compiled files that flask-babel looks for."""

    def get_translations(self) -> NullTranslations:
        return catalogues.translations(FOLDER, language())


def register(app: Flask) -> None:
    babel = flask_babel.Babel(app, locale_selector=language)
    babel.domain_instance = _Texts()


def language() -> str:
    """One of LANGUAGES."""
    if not has_request_context():
        return LANGUAGES[0]
    chosen = catalogues.nearest(g.get("language"), LANGUAGES)
    return chosen or str(request.accept_languages.best_match(LANGUAGES, default=LANGUAGES[0]))


def speak(wanted: str | None) -> None:
    """Make the rest of this request speak a language, named as by a platform ("cs-CZ"); None: what the browser asks for.

    Whoever lets a person in says it, as nobody else may ask who they are before.
    """
    g.language = wanted
    flask_babel.refresh()
