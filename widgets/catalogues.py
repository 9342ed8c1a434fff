"""The widget's texts in its languages, from translations/<language>.po."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from babel import Locale
from babel.support import NullTranslations

from core import catalogues

TRANSLATIONS = Path(__file__).parent / "translations"
LANGUAGES = ("en", "cs", "pl", "sk")
# Enough numbers to meet every plural form of every language: rules look at the last two digits at most, and at zero.
_SAMPLES = range(201)


@dataclass(frozen=True)
class Catalogue:
    """One language. Placeholders are named, {like} this, and filled by the caller's values."""

    language: str
    translations: NullTranslations

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
    return Catalogue(language, catalogues.translations(TRANSLATIONS, language))


def best_language(wanted: str | None) -> str:
    """The language to answer in: what a page says of itself ("cs-CZ", "pl_PL"), else English."""
    return catalogues.nearest(wanted, LANGUAGES) or catalogues.SOURCE
