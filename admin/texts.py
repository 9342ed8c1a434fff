"""The marks for translation, with types (flask-babel has none). Whole sentences, named placeholders, plural forms."""

from typing import cast

import flask_babel


def gettext(text: str, **values: object) -> str:
    return str(flask_babel.gettext(text, **values))


def ngettext(one: str, many: str, count: int, **values: object) -> str:
    return str(flask_babel.ngettext(one, many, count, **values))


def lazy_gettext(text: str) -> str:
    """For texts that are written down before anybody asks for a page; translated when they are shown."""
    return cast(str, flask_babel.lazy_gettext(text))
