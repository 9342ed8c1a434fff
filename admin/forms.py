"""What all forms share: fields with a hint, whole numbers with limits, e-mail and password fields."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from flask_wtf import FlaskForm
from wtforms import (
    EmailField,
    Field,
    IntegerField,
    PasswordField,
    SelectField,
    StringField,
)
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # its stubs are older
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from admin.texts import Unfilled, lazy_ngettext, said
from admin.texts import lazy_gettext as _l
from core.errors import InvalidInput

REQUIRED = _l("Please fill this in.")
# What WTForms itself says of the fields that we use: its own catalogues have no Czech by that name, and another tone.
OF_WTFORMS = (
    _l("Not a valid integer value."),
    _l("Not a valid choice."),
    _l("Not a valid date value."),
    _l("Number must be between %(min)s and %(max)s."),
    lazy_ngettext(
        "Field cannot be longer than %(max)d character.", "Field cannot be longer than %(max)d characters.", 2
    ),
)


class Speaking:
    """The `Meta` of a form: what WTForms says comes out of our catalogues."""

    def get_translations(self, _form: Any) -> Any:
        return Unfilled()


class Form(FlaskForm):
    """A form with CSRF. Errors of the core are put beside the field that they name."""

    class Meta(Speaking, FlaskForm.Meta):
        pass

    def take_error(self, error: InvalidInput, default: str) -> None:
        field: Field = self._fields.get(error.field or default) or self._fields[default]
        field.errors = [*field.errors, said(error)]


class ButtonForm(Form):
    """Nothing but a button: for actions without input."""


def text(label: str, *, hint: str = "", longest: int = 200, required: bool = True, **attributes: Any) -> StringField:
    checks = [InputRequired(REQUIRED) if required else Optional(), Length(max=longest)]
    return StringField(
        label, checks, description=hint, filters=[_stripped], render_kw={"maxlength": longest, **attributes}
    )


def email(label: str, *, hint: str = "", **attributes: Any) -> EmailField:
    checks = [InputRequired(REQUIRED), Length(max=254)]
    return EmailField(label, checks, description=hint, filters=[_stripped], render_kw={"maxlength": 254, **attributes})


def password(label: str, *, hint: str = "", new: bool = False) -> PasswordField:
    kept = "new-password" if new else "current-password"
    return PasswordField(label, [InputRequired(REQUIRED)], description=hint, render_kw={"autocomplete": kept})


def whole_number(
    label: str, *, low: int, high: int, hint: str = "", required: bool = True, **attributes: Any
) -> IntegerField:
    checks = [InputRequired(REQUIRED) if required else Optional(), NumberRange(low, high)]
    shown = {"min": low, "max": high, "inputmode": "numeric", **attributes}
    return IntegerField(label, checks, description=hint, render_kw=shown)


def select(
    label: str, choices: Iterable[tuple[str, str]], *, hint: str = "", default: str | None = None
) -> SelectField:
    return SelectField(label, choices=options(choices), description=hint, default=default)


def options(choices: Iterable[tuple[str, str]]) -> Any:
    return [SelectChoice(value, label) for value, label in choices]


def time_zone(label: str, *, hint: str = "") -> SelectField:
    zones = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/")))
    return select(label, [(name, name.replace("_", " ")) for name in [*zones, "UTC"]], hint=hint)


def server_address() -> StringField:
    hint = _l("Shops and shoppers reach Regulars here. Outside this machine it must begin with https://.")
    return text(_l("Address of this server"), hint=hint, longest=300, inputmode="url", spellcheck="false")


def read_server_address(typed: str) -> str:
    """Scheme, host and port. Raises InvalidInput for anything else."""
    try:
        parts = urlsplit(typed.rstrip("/"))
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    local = host in ("127.0.0.1", "localhost", "::1")
    if not host or parts.path or parts.query or parts.fragment or parts.username is not None:
        raise InvalidInput(str(_l("This is not an address such as https://points.example.")), field="public_url")
    if parts.scheme != "https" and not (local and parts.scheme == "http"):
        raise InvalidInput(str(_l("The address must begin with https://.")), field="public_url")
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}{'' if port is None else f':{port}'}"


def _stripped(value: str | None) -> str | None:
    """Without NUL, too, which PostgreSQL does not take in a text: nobody types it by mistake."""
    return value.replace("\0", "").strip() if isinstance(value, str) else value


def described(field: Field, **more: Any) -> dict[str, Any]:
    """Attributes that tie a field to its hint and its errors, for those who do not see the page."""
    ids = [f"{field.id}-hint"] if field.description else []
    ids += [f"{field.id}-error{place}" for place, _ in enumerate(field.errors, start=1)]
    attributes = {name.replace("_", "-"): value for name, value in more.items()}
    if ids:
        attributes["aria-describedby"] = " ".join(ids)
    if field.errors:
        attributes["aria-invalid"] = "true"
    return attributes
