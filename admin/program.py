"""The program's rules: look at them, change them, see what they cost, publish a version; and the versions of before."""

from dataclasses import dataclass

from flask import flash, redirect, render_template, url_for
from sqlmodel import Session
from werkzeug import Response

from admin.program_form import ProgramForm, form_of
from admin.program_texts import Example, examples, term_rows
from admin.screens import MANAGERS, change, merchant, merchant_id, now, read, screen, staff_id
from admin.texts import gettext
from core.errors import InvalidInput, NotFound
from core.ids import ProgramVersionId
from core.merchants import queries, staff
from core.program import commands
from core.program import queries as programs
from core.program.queries import ProgramView
from core.program.terms import Terms, default_currency_terms, default_terms


@dataclass(frozen=True)
class Draft:
    """What the form starts from: the version in force, or a proposal made from the shops. `current` None: never published."""

    terms: Terms
    current: ProgramView | None
    shop_names: list[str]


@screen("/program", roles=MANAGERS, methods=("GET", "POST"))
def program() -> Response | str | tuple[str, int]:
    draft = read(_draft)
    form = form_of(draft.terms)
    terms = _read_terms(form) if form.is_submitted() else draft.terms
    if form.is_submitted() and terms is not None:
        return _publish(terms, draft)
    shown = _examples(terms)
    page = render_template("admin/program.html", form=form, draft=draft, examples=shown)
    return page, 400 if form.errors else 200


@screen("/program/example", roles=MANAGERS, methods=("POST",))
def program_example() -> str:
    """The example for what stands in the form now; nothing is stored."""
    form = form_of(read(_draft).terms)
    return render_template("admin/program_example.html", examples=_examples(_read_terms(form)))


@screen("/program/versions", roles=MANAGERS)
def program_versions() -> str:
    versions, names = read(lambda s: (programs.versions(s, merchant_id()), _names(s)))
    return render_template("admin/program_versions.html", versions=versions, names=names)


@screen("/program/versions/<id:version_id>", roles=MANAGERS)
def program_version(version_id: ProgramVersionId) -> str:
    versions, names = read(lambda s: (programs.versions(s, merchant_id()), _names(s)))
    place = next((i for i, view in enumerate(versions) if view.version_id == version_id), None)
    if place is None:
        raise NotFound("There is no such program version")
    before = versions[place + 1].terms if place + 1 < len(versions) else None
    rows = term_rows(versions[place].terms, before)
    return render_template("admin/program_version.html", version=versions[place], rows=rows, names=names)


def _draft(s: Session) -> Draft:
    """The terms in force, with a row added for each currency of a shop that they do not know yet."""
    shops = [shop for shop in queries.shops(s, merchant_id()) if shop.connected]
    try:
        current = programs.current(s, merchant_id(), now=now())
    except NotFound:
        current = None
    timezone = shops[0].timezone if shops else merchant().timezone
    terms = current.terms if current else default_terms([], timezone=_known_zone(timezone))
    units = {shop.currency: shop.smallest_unit for shop in shops} or {"EUR": 1}
    missing = {
        currency: default_currency_terms(currency, smallest_unit=unit)
        for currency, unit in units.items()
        if currency not in terms.currencies
    }
    rates = {**terms.currencies, **(missing if shops or not terms.currencies else {})}
    return Draft(terms.model_copy(update={"currencies": rates}), current, [shop.name for shop in shops])


def _known_zone(name: str) -> str:
    """A shop may be set to a mere offset from UTC; a program needs a zone with a calendar."""
    return merchant().timezone if name.startswith("Etc/") else name


def _read_terms(form: ProgramForm) -> Terms | None:
    """None: something is wrong, and the form says what."""
    if not form.validate():
        return None
    try:
        return form.terms()
    except InvalidInput as error:
        form.take_error(error, "name")
        return None


def _publish(terms: Terms, draft: Draft) -> Response:
    number = draft.current.number if draft.current else 0
    published = change(
        "program.published",
        lambda s: commands.publish(s, merchant_id(), terms, author_id=staff_id(), now=now()),
        details=lambda view: {"version": view.number},
    )
    if published.number == number:
        flash(gettext("Nothing was changed, so no version was made."), "success")
    else:
        flash(
            gettext("Version %(number)s is in force. Points earned before keep their terms.", number=published.number),
            "success",
        )
    return redirect(url_for("admin.program" if draft.current else "admin.home"), code=303)


def _examples(terms: Terms | None) -> list[Example]:
    return [] if terms is None else examples(terms, now=now())


def _names(s: Session) -> dict[str, str]:
    return {str(person.staff_id): person.name or person.email for person in staff.staff_list(s, merchant_id())}
