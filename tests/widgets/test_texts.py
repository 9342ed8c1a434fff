"""What the browser gets of the catalogues, which tests/test_translations.py looks through."""

import re
from pathlib import Path

import pytest

from widgets.browser_texts import PANEL_TEXTS, STATIC, compiled, file_content, file_name
from widgets.catalogues import LANGUAGES, best_language, catalogue

SOURCES = Path("widgets/source")


@pytest.mark.parametrize("language", LANGUAGES)
def test_browser_and_server_choose_the_same_plural_form(language: str) -> None:
    spoken = catalogue(language)
    rule = spoken.locale.plural_form

    for text in (text for text in PANEL_TEXTS.values() if isinstance(text, tuple)):
        forms = spoken.forms(*text)
        for number in range(1001):
            by_server = spoken.translations.ngettext(*text, number)
            assert forms.get(rule(number), forms["other"]) == by_server, (text, number)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_built_texts_are_those_of_the_catalogues(language: str) -> None:
    built = (STATIC / file_name(language)).read_text(encoding="utf-8")

    assert built == file_content(language), "run `npm run build` in widgets/"


def test_the_panel_uses_every_text_and_only_those_that_exist() -> None:
    code = "\n".join(path.read_text() for path in SOURCES.glob("*.js"))
    literals = set(re.findall(r'"([a-z_]+)"', code))
    called = set(re.findall(r'\bt\("([a-z_]+)"', code)) | set(re.findall(r'\bsay\("([a-z_]+)"', code))

    assert called <= PANEL_TEXTS.keys()
    assert PANEL_TEXTS.keys() - {"preparing", "ending"} <= literals  # those two are states of a code


def test_polish_and_czech_count_as_people_do() -> None:
    def counted(language: str, numbers: list[int]) -> list[str]:
        spoken = catalogue(language)
        forms = compiled({"points": ("{points} point", "{points} points")}, spoken)["points"]
        assert isinstance(forms, dict)
        return [forms.get(spoken.locale.plural_form(n), forms["other"]).split()[-1] for n in numbers]

    assert counted("pl", [0, 1, 2, 5, 12, 22, 25, 101, 102]) == [
        "punktów", "punkt", "punkty", "punktów", "punktów", "punkty", "punktów", "punktów", "punkty",
    ]  # fmt: skip
    assert counted("cs", [0, 1, 2, 4, 5, 22, 101]) == ["bodů", "bod", "body", "body", "bodů", "bodů", "bodů"]
    assert counted("sk", [0, 1, 3, 5]) == ["bodov", "bod", "body", "bodov"]


@pytest.mark.parametrize(
    ("wanted", "language"),
    [("cs", "cs"), ("cs-CZ", "cs"), ("PL_pl", "pl"), ("sk-Latn-SK", "sk"), ("de", "en"), ("", "en"), (None, "en")],
)
def test_a_page_gets_the_nearest_language(wanted: str | None, language: str) -> None:
    assert best_language(wanted) == language
