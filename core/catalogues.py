"""Translations as the widget and the back office read them: <folder>/<language>.po. English is the source and needs no file.

The .po files are the truth and are read as they are: nothing compiled lies beside them that could be out of date.
"""

import io
from functools import cache
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

SOURCE = "en"


@cache
def translations(folder: Path, language: str) -> NullTranslations:
    """Read once a process; takes a tenth of a second for a large one."""
    if language == SOURCE:
        return NullTranslations()
    compiled = io.BytesIO()
    with (folder / f"{language}.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return Translations(compiled)


def nearest(wanted: str | None, languages: tuple[str, ...]) -> str | None:
    """The one of `languages` that a tag such as "cs-CZ" or "pl_PL" asks for."""
    primary = (wanted or "").replace("_", "-").split("-")[0].lower()
    return primary if primary in languages else None
