"""Staff: who may sign in, with which role. Invitations and resets are links to copy, as this version sends no e-mail."""

from dataclasses import dataclass

from flask import flash, redirect, render_template, url_for
from sqlmodel import Session
from werkzeug import Response

from admin.forms import ButtonForm, Form, email, select, text
from admin.screens import OWNERS, actor, change, merchant_id, now, read, runtime, screen
from admin.texts import gettext
from admin.texts import lazy_gettext as _l
from core.errors import Conflict, InvalidInput
from core.ids import StaffId
from core.merchants import staff
from core.merchants.staff import Role, StaffView

ROLE_NAMES = {Role.OWNER: _l("Owner"), Role.MANAGER: _l("Manager"), Role.SUPPORT: _l("Support")}
ROLE_HINT = _l(
    "Owners may do everything. Managers everything but staff and settings. Support looks up members and adjusts points."
)
ROLE_CHOICES = [(role.value, name) for role, name in ROLE_NAMES.items()]


class InviteForm(Form):
    email = email(_l("E-mail address"), autocomplete="off")
    name = text(_l("Name"), required=False, autocomplete="off")
    role = select(_l("Role"), ROLE_CHOICES, default=Role.SUPPORT.value, hint=ROLE_HINT)


class RoleForm(Form):
    role = select(_l("Role"), ROLE_CHOICES)


@dataclass(frozen=True)
class Row:
    person: StaffView
    is_me: bool
    role_name: str
    role_form: RoleForm

    @property
    def shown_email(self) -> str:
        """Of people whom a platform vouches for: the shop in whose admin they work."""
        email = self.person.email
        return email.rpartition("@")[2].removesuffix(staff.NO_MAIL) if self.person.by_platform else email


@screen("/staff", roles=OWNERS)
def people() -> str:
    return render_template("admin/people.html", people=_rows(), form=InviteForm())


@screen("/staff/invite", roles=OWNERS, methods=("POST",))
def invite() -> Response | str | tuple[str, int]:
    form = InviteForm()
    if form.validate_on_submit():
        try:
            token = change("staff.invited", lambda s: _invite(s, form), details={"role": form.role.data})
        except (InvalidInput, Conflict) as error:
            form.take_error(InvalidInput(error.message, field="email"), "email")
        else:
            return _show_link(token, form.email.data or "", days=7)
    return render_template("admin/people.html", people=_rows(), form=form), 400


@screen("/staff/<id:person_id>/reset", roles=OWNERS, methods=("POST",))
def person_reset(person_id: StaffId) -> str:
    """A link to set a password: a new invitation for who has none yet."""
    token = change("staff.reset", lambda s: staff.reset(s, merchant_id(), person_id, now=now()), subject=person_id)
    person = read(lambda s: staff.staff(s, merchant_id(), person_id))
    return _show_link(token, person.email, days=7 if person.invited else 1)


@screen("/staff/<id:person_id>/role", roles=OWNERS, methods=("POST",))
def person_role(person_id: StaffId) -> Response:
    form = RoleForm()
    if not form.validate_on_submit():
        raise InvalidInput(gettext("There is no such role"), field="role")
    role = Role(form.role.data)
    change(
        "staff.role_changed",
        lambda s: staff.change_role(s, merchant_id(), person_id, role),
        subject=person_id,
        details={"role": role.value},
    )
    flash(gettext("The role is changed. It counts from the next click on."), "success")
    return redirect(url_for("admin.people"), code=303)


@screen("/staff/<id:person_id>/deactivate", roles=OWNERS, methods=("POST",))
def person_deactivate(person_id: StaffId) -> Response:
    ButtonForm().validate_on_submit()
    change(
        "staff.deactivated",
        lambda s: staff.deactivate(s, merchant_id(), person_id, now=now()),
        subject=person_id,
    )
    flash(gettext("This person is signed out everywhere and cannot come in any more."), "success")
    return redirect(url_for("admin.people"), code=303)


@screen("/staff/<id:person_id>/activate", roles=OWNERS, methods=("POST",))
def person_activate(person_id: StaffId) -> Response:
    change("staff.activated", lambda s: staff.activate(s, merchant_id(), person_id), subject=person_id)
    flash(gettext("This person can sign in again."), "success")
    return redirect(url_for("admin.people"), code=303)


def _invite(s: Session, form: InviteForm) -> str:
    return staff.invite(
        s,
        merchant_id(),
        email=form.email.data or "",
        name=form.name.data or "",
        role=Role(form.role.data),
        now=now(),
    )


def _rows() -> list[Row]:
    me = actor()
    people = read(lambda s: staff.staff_list(s, merchant_id()))
    return [
        Row(
            person,
            person.staff_id == me.staff_id,
            ROLE_NAMES[person.role],
            RoleForm(formdata=None, role=person.role.value),
        )
        for person in people
    ]


def _show_link(token: str, address: str, *, days: int) -> str:
    url = runtime().public_url() + url_for("admin.link", token=token)
    return render_template("admin/people_link.html", url=url, address=address, days=days)
