"""Coming in and going out: sign-in, the first owner's set-up link, invitations and resets, the own account."""

from flask import flash, redirect, render_template, request, url_for
from flask_limiter.util import get_remote_address
from flask_login import current_user
from sqlmodel import Session
from werkzeug import Response

from admin import languages, session
from admin.forms import Form, email, password, read_server_address, select, server_address, text, time_zone
from admin.screens import EVERYONE, STRANGERS, actor, change, now, read, runtime, screen
from admin.texts import gettext
from admin.texts import lazy_gettext as _l
from core.db.engine import run_tx
from core.errors import Conflict, InvalidInput, NotAllowed
from core.merchants import audit, commands, queries, staff
from core.merchants.staff import StaffView

PASSWORD_HINT = _l("At least 12 characters. A few words in a row are easy to remember and hard to guess.")
DEFAULT_ZONE = "Europe/Prague"
LANGUAGE_CHOICES = [("", _l("As in the browser")), *languages.NAMES.items()]


class SignInForm(Form):
    email = email(_l("E-mail address"), autocomplete="username", autofocus=True)
    password = password(_l("Password"))


class SetUpForm(Form):
    merchant_name = text(_l("Name of your business"), autocomplete="organization", autofocus=True)
    name = text(_l("Your name"), autocomplete="name")
    email = email(_l("Your e-mail address"), hint=_l("You sign in with it."), autocomplete="username")
    password = password(_l("Password"), hint=PASSWORD_HINT, new=True)
    timezone = time_zone(_l("Time zone"), hint=_l("Times in this back office are shown in it."))
    public_url = server_address()


class NewPasswordForm(Form):
    password = password(_l("New password"), hint=PASSWORD_HINT, new=True)


class ChangePasswordForm(Form):
    old = password(_l("Present password"))
    password = password(_l("New password"), hint=PASSWORD_HINT, new=True)


class LanguageForm(Form):
    language = select(_l("Language"), LANGUAGE_CHOICES)


def tried_email() -> str:
    """Whom a sign-in is counted for, beside the address that it comes from."""
    return request.form.get("email", "").strip().lower()[:254] or get_remote_address()


@screen("/sign-in", roles=STRANGERS, methods=("GET", "POST"), embedded=False)
def sign_in() -> Response | str | tuple[str, int]:
    if current_user.is_authenticated:
        return redirect(url_for("admin.home"))
    form = SignInForm()
    if not form.validate_on_submit():
        return render_template("admin/sign_in.html", form=form)
    moment = now()
    try:
        person = read(lambda s: staff.verify_password(s, form.email.data or "", form.password.data or ""))
    except NotAllowed:
        return render_template("admin/sign_in.html", form=form, refused=True), 401

    def note(s: Session) -> None:
        staff.note_sign_in(s, person.merchant_id, person.staff_id, now=moment)
        _note(s, person, "staff.signed_in")

    run_tx(runtime().db, note)
    session.sign_in(person)
    return redirect(session.safe_next(request.args.get("next")), code=303)


@screen("/sign-out", roles=EVERYONE, methods=("POST",), embedded=False)
def sign_out() -> Response:
    change("staff.signed_out", lambda _: None, subject=actor().staff_id)
    session.sign_out()
    flash(gettext("You are signed out."), "success")
    return redirect(url_for("admin.sign_in"), code=303)


@screen("/set-up/<token>", roles=STRANGERS, methods=("GET", "POST"), embedded=False)
def set_up(token: str) -> Response | str | tuple[str, int]:
    """The one-time link of the first owner: makes the merchant, signs the owner in, and leads to the guide."""
    if not read(lambda s: staff.set_up_link_is_good(s, token, now())):
        return render_template("admin/link_dead.html", set_up=True), 410
    form = SetUpForm(timezone=DEFAULT_ZONE, public_url=request.host_url.rstrip("/"))
    if runtime().settings.public_url is not None or read(queries.public_url) is not None:
        del form.public_url  # known already: not this owner's to change
    if form.validate_on_submit():
        try:
            person = run_tx(runtime().db, lambda s: _set_up(s, token, form))
        except InvalidInput as error:
            form.take_error(error, "email")
        except Conflict as error:
            form.take_error(InvalidInput(error.message, field="email"), "email")
        else:
            session.sign_in(person)
            return redirect(url_for("admin.home"), code=303)
    return render_template("admin/set_up.html", form=form), 400 if form.errors else 200


@screen("/link/<token>", roles=STRANGERS, methods=("GET", "POST"), embedded=False)
def link(token: str) -> Response | str | tuple[str, int]:
    """An invitation or a reset: set a password and come in."""
    try:
        person = read(lambda s: staff.link_owner(s, token, now()))
    except NotAllowed:
        return render_template("admin/link_dead.html", set_up=False), 410
    form = NewPasswordForm()
    if form.validate_on_submit():
        try:
            person = run_tx(runtime().db, lambda s: _accept(s, token, form.password.data or ""))
        except InvalidInput as error:
            form.take_error(error, "password")
        else:
            session.sign_in(person)
            return redirect(url_for("admin.home"), code=303)
    return render_template("admin/link.html", form=form, person=person), 400 if form.errors else 200


@screen("/account", roles=EVERYONE, methods=("GET", "POST"), embedded=False)
def account() -> Response | str | tuple[str, int]:
    form = ChangePasswordForm()
    me = actor()
    if form.validate_on_submit():
        old, new = form.old.data or "", form.password.data or ""
        try:
            person = change(
                "staff.password_changed",
                lambda s: staff.change_password(s, me.merchant_id, me.staff_id, old=old, new=new, now=now()),
                subject=me.staff_id,
            )
        except InvalidInput as error:
            form.take_error(error, "password")
        except NotAllowed as error:
            form.take_error(InvalidInput(error.message, field="old"), "old")
        else:
            session.sign_in(person)
            flash(gettext("Your password is changed. You are signed out everywhere else."), "success")
            return redirect(url_for("admin.account"), code=303)
    language_form = LanguageForm(formdata=None, language=me.language or "")
    shown = render_template("admin/account.html", form=form, language_form=language_form)
    return shown, 400 if form.errors else 200


@screen("/account/language", roles=EVERYONE, methods=("POST",), embedded=False)
def account_language() -> Response:
    form, me = LanguageForm(), actor()
    if not form.validate_on_submit():
        raise InvalidInput(gettext("There is no such language"), field="language")
    chosen = form.language.data or None
    change(
        "staff.language_chosen",
        lambda s: staff.choose_language(s, me.merchant_id, me.staff_id, chosen),
        subject=me.staff_id,
        details={"language": chosen},
    )
    languages.speak(chosen)
    flash(gettext("The language is changed."), "success")
    return redirect(url_for("admin.account"), code=303)


def _set_up(s: Session, token: str, form: SetUpForm) -> StaffView:
    moment = now()
    if "public_url" in form:
        commands.set_public_url(s, read_server_address(form.public_url.data or ""), now=moment)
    person = staff.set_up(
        s,
        token,
        email=form.email.data or "",
        name=form.name.data or "",
        password=form.password.data or "",
        merchant_name=form.merchant_name.data or "",
        timezone=form.timezone.data,
        now=moment,
    )
    _note(s, person, "merchant.set_up")
    return person


def _accept(s: Session, token: str, new: str) -> StaffView:
    person = staff.accept(s, token, new, now())
    _note(s, person, "staff.password_set")
    return person


def _note(s: Session, person: StaffView, action: str) -> None:
    audit.record(
        s,
        person.merchant_id,
        actor_kind="staff",
        actor_id=person.staff_id,
        action=action,
        subject=person.staff_id,
        now=now(),
    )
