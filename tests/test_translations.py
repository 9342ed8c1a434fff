"""Every catalogue: nothing missing, nothing left over, each placeholder and plural form in its place, and up to its source."""

from itertools import product

import pytest
from babel.messages.catalog import Catalog

from tools.texts import AREAS, Area, faults, read, updated

CATALOGUES = [
    pytest.param(area, language, id=f"{area.folder}-{language}") for area in AREAS for language in area.languages()
]
WIDGET, ADMIN = AREAS
POINTS = ("%(number)s point", "%(number)s points")


def catalogue(source: str | tuple[str, ...], translation: str | tuple[str, ...], **options: bool) -> Catalog:
    made = Catalog(locale="cs")
    made.add(source, translation, flags=["fuzzy"] if options.get("fuzzy") else [])
    return made


def test_czech_and_slovak_are_there() -> None:
    spoken = {(area.folder, language) for area in AREAS for language in area.languages()}

    assert spoken >= set(product(("widgets", "admin"), ("cs", "sk")))


@pytest.mark.parametrize(("area", "language"), CATALOGUES)
def test_translations_are_without_fault(area: Area, language: str) -> None:
    assert faults(area, read(area, language)) == []


@pytest.mark.parametrize(("area", "language"), CATALOGUES)
def test_catalogues_are_up_to_their_source(area: Area, language: str) -> None:
    there = area.file(language).read_text(encoding="utf-8")

    assert there == updated(area, language), "run `make texts`, then translate what is new"


@pytest.mark.parametrize(
    ("area", "made", "fault"),
    [
        (ADMIN, catalogue("Members", ""), "not translated"),
        (ADMIN, catalogue(POINTS, ("%(number)s bod", "", "%(number)s bodů")), "not translated"),
        (ADMIN, catalogue(POINTS, ("%(number)s bod", "%(number)s bodů")), "not every plural form"),
        (ADMIN, catalogue("%(shop)s is connected.", "Obchod je připojen."), "other placeholders"),
        (ADMIN, catalogue("Connected.", "%(shop)s připojen."), "other placeholders"),
        (ADMIN, catalogue("%(cost)s of sales", "%(cost)s z tržeb (v %)"), "other placeholders"),
        (ADMIN, catalogue(POINTS, ("jeden bod", "%(number)s body", "%(number)s bodů")), "other placeholders"),
        (WIDGET, catalogue("{value} off", "Sleva"), "other placeholders"),
        (WIDGET, catalogue("{value} off", "Sleva {amount}"), "other placeholders"),
        (ADMIN, catalogue("Nothing yet.", "Zatím nic"), "another end"),
        (ADMIN, catalogue("Members", "Členové", fuzzy=True), "fuzzy"),
    ],
)
def test_faults_are_seen(area: Area, made: Catalog, fault: str) -> None:
    (found,) = faults(area, made)

    assert found.startswith(fault)
