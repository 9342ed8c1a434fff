"""The widget's texts in its languages, read from translations/<language>.po. English is the source and needs no file.

The .po files are the truth and are read as they are: nothing compiled lies beside them that could be out of date.
"""

import gettext
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

TRANSLATIONS = Path(__file__).parent / "translations"
LANGUAGES = ("en", "cs", "pl", "sk")
# Enough numbers to meet every plural form of every language: rules look at the last two digits at most, and at zero.
_SAMPLES = range(201)


@dataclass(frozen=True)
class Catalogue:
    """One language. Placeholders are named, {like} this, and filled by the caller's values."""

    language: str
    translations: gettext.NullTranslations

    @property
    def locale(self) -> Locale:
        return Locale.parse(self.language)

    def text(self, source: str, values: Mapping[str, object] | None = None) -> str:
        return self.translations.gettext(source).format_map(values) if values else self.translations.gettext(source)

    def plural(self, one: str, many: str, number: int, values: Mapping[str, object]) -> str:
        return self.translations.ngettext(one, many, number).format_map(values)

    def forms(self, one: str, many: str) -> dict[str, str]:
        """All plural forms by CLDR category. `other` is always there; it also serves fractions, which never occur."""
        rule = self.locale.plural_form
        forms = {rule(number): self.translations.ngettext(one, many, number) for number in _SAMPLES}
        last = self.translations.ngettext(one, many, 100)
        return {**{category: form for category, form in forms.items() if form != last}, "other": last}


@cache
def catalogue(language: str) -> Catalogue:
    """The catalogue of one of LANGUAGES."""
    if language == "en":
        return Catalogue("en", gettext.NullTranslations())
    compiled = io.BytesIO()
    with (TRANSLATIONS / f"{language}.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return Catalogue(language, gettext.GNUTranslations(compiled))


def best_language(wanted: str | None) -> str:
    """The language to answer in: what a page says of itself ("cs-CZ", "pl_PL"), else English."""
    primary = (wanted or "").replace("_", "-").split("-")[0].lower()
    return primary if primary in LANGUAGES else "en"
