"""The marks for translation, with types (flask-babel has none). Whole sentences, named placeholders, plural forms."""

from typing import cast

import flask_babel

from core.errors import RegularsError


def gettext(text: str, **values: object) -> str:
    return str(flask_babel.gettext(text, **values))


def ngettext(one: str, many: str, count: int, **values: object) -> str:
    return str(flask_babel.ngettext(one, many, count, **values))


def lazy_gettext(text: str) -> str:
    """For texts that are written down before anybody asks for a page; translated when they are shown."""
    return cast(str, flask_babel.lazy_gettext(text))


def lazy_ngettext(one: str, many: str, count: int) -> str:
    return cast(str, flask_babel.lazy_ngettext(one, many, count))


class Unfilled:
    """Texts whose placeholders are filled by who asks for them, which is WTForms."""

    def gettext(self, text: str) -> str:
        return str(flask_babel.get_translations().ugettext(text))

    def ngettext(self, one: str, many: str, count: int) -> str:
        return str(flask_babel.get_translations().ungettext(one, many, count))


def said(error: RegularsError) -> str:
    """What an error of the core or of a connector says."""
    return translated(error.message)


def translated(sentence: str) -> str:
    """A sentence of an error, kept or just met: our catalogues have those that stand as they are in the code."""
    return gettext(sentence) if sentence else ""
