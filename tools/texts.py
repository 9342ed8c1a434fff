"""`make texts`: bring every catalogue up to its source. New texts come in untranslated, those that are gone leave.

What is written is the same each time, so that a test can say when a catalogue is stale. How we write: docs/translating.md.
"""

import ast
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from core import errors

ROOT = Path(__file__).parent.parent
# Where a text stands, and the text: two of them where it has a plural.
Text = tuple[str, str | tuple[str, ...]]
ENDS = (".", "?", "!", "…")
# What a merchant or a member of staff may read of an error; the others are for programs and for whoever runs the server.
SHOWN = tuple(
    kind.__name__
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, (errors.Refused, errors.PlatformError, errors.SignatureInvalid))
)
RAISED_IN = ("core", "connectors", "app/grants.py")
# What a connector says to merchants ends like a sentence; the rest is for the log.
TO_MERCHANTS = (".", "?", "!")


@dataclass(frozen=True)
class Area:
    """A folder with translations. `placeholders`: the names in a text; `other_flag`: of the other way to write them."""

    folder: str
    texts: Callable[[], Iterator[Text]]
    placeholders: Callable[[str], set[str]]
    other_flag: str

    def languages(self) -> list[str]:
        return sorted(path.stem for path in self.path.glob("*.po"))

    @property
    def path(self) -> Path:
        return ROOT / self.folder / "translations"

    def file(self, language: str) -> Path:
        return self.path / f"{language}.po"


def of_widget() -> Iterator[Text]:
    yield from _marked("widgets", [("*.py", "python")], {"_": None, "_n": (1, 2)})


def of_admin() -> Iterator[Text]:
    keywords = {"gettext": None, "ngettext": (1, 2), "lazy_ngettext": (1, 2), "_l": None, "_": None}
    yield from _marked("admin", [("**.py", "python"), ("**.html", "jinja2")], keywords)
    yield from raised()


def in_braces(text: str) -> set[str]:
    """{like} this."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def in_percents(text: str) -> set[str]:
    """%(like)s this, or %(like)d; any other % would be an error where the text is shown."""
    return set(re.findall(r"%(?:\(\w+\)[sd])?", text))


AREAS = (
    Area("widgets", of_widget, in_braces, "python-format"),
    Area("admin", of_admin, in_percents, "python-brace-format"),
)


def raised() -> Iterator[Text]:
    """The sentences of errors as they stand in the code: where one is made, or in a constant of its module.

    One that is put together with values stays English.
    """
    for place in RAISED_IN:
        path = ROOT / place
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            if "node_modules" not in file.parts:
                tree = ast.parse(file.read_text(encoding="utf-8"))
                for text in _raised(tree):
                    if place == "core" or text.endswith(TO_MERCHANTS):
                        yield file.relative_to(ROOT).as_posix(), text


def read(area: Area, language: str) -> Catalog:
    with area.file(language).open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def updated(area: Area, language: str) -> str:
    """What the catalogue's file should hold: the texts of the source in its order, with the translations that are there."""
    known = read(area, language)
    fresh = Catalog(
        locale=language,
        header_comment=known.header_comment,
        project=known.project,
        version=known.version,
        creation_date=known.creation_date,
        revision_date=known.revision_date,
        last_translator=known.last_translator,
        language_team=known.language_team,
        charset="utf-8",
        fuzzy=False,
    )
    for place, text in area.texts():
        if text not in fresh:
            found = known.get(text)
            fresh.add(text, found.string if found else None, locations=[(place, 0)])
    for message in fresh:
        message.flags.discard(area.other_flag)
    written = io.BytesIO()
    write_po(written, fresh, width=0, include_lineno=False)
    return written.getvalue().decode("utf-8")


def faults(area: Area, catalogue: Catalog) -> list[str]:
    """What is wrong with the translations that are there, and which are not; each names its text."""
    found = []
    for message in catalogue:
        if message.id:
            found += [f"{fault}: {message.id}" for fault in _faults(area, message, catalogue.num_plurals)]
    return found


def main() -> None:
    for area in AREAS:
        for language in area.languages():
            area.file(language).write_text(updated(area, language), encoding="utf-8")
            found = faults(area, read(area, language))
            print(f"{area.folder} {language}: {len(found) or 'no'} faults", *found, sep="\n  ")


def _marked(folder: str, methods: list[tuple[str, str]], keywords: Mapping[str, Any]) -> Iterator[Text]:
    found = extract_from_dir(str(ROOT / folder), method_map=methods, keywords=keywords)
    for place, _, text, _, _ in sorted(found, key=lambda one: one[0]):
        yield place, text


def _raised(tree: ast.Module) -> Iterator[str]:
    constants = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SHOWN and node.args:
            first = node.args[0]
            choices = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
            for choice in choices:
                text = _fixed(choice, constants)
                if text is not None and " " in text:  # a single word is for programs
                    yield text


def _fixed(node: ast.AST | None, constants: Mapping[str, ast.expr]) -> str | None:
    """What an expression always is; None where that depends on values."""
    if isinstance(node, ast.Name):
        return _fixed(constants.get(node.id), {})
    if isinstance(node, ast.FormattedValue):
        return _fixed(node.value, constants)
    if isinstance(node, ast.JoinedStr):
        parts = [_fixed(part, constants) for part in node.values]
        return None if None in parts else "".join(part or "" for part in parts)
    return str(node.value) if isinstance(node, ast.Constant) and isinstance(node.value, (str, int)) else None


def _faults(area: Area, message: Message, plurals: int) -> Iterator[str]:
    sources = message.id if isinstance(message.id, (tuple, list)) else (message.id,)
    strings = [text or "" for text in _strings(message)]
    if len(sources) == 2 and len(strings) != plurals:
        yield "not every plural form"
    if not all(text.strip() for text in strings):
        yield "not translated"
        return
    if message.fuzzy:
        yield "fuzzy"
    if any(area.placeholders(text) != area.placeholders(sources[-1]) for text in strings):
        yield "other placeholders"
    if any(text.endswith(ENDS) != sources[-1].endswith(ENDS) for text in strings):
        yield "another end"


def _strings(message: Message) -> Sequence[str | None]:
    return message.string if isinstance(message.string, (tuple, list)) else (message.string,)


if __name__ == "__main__":
    main()
