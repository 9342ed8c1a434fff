"""Signed-in staff: a session names person and epoch, and is looked up anew on each request, so that disabling is immediate."""

from datetime import timedelta
from urllib.parse import urlsplit

from flask import Flask, redirect, request, session, url_for
from flask_login import LoginManager, UserMixin, login_user, logout_user
from werkzeug import Response

from admin.languages import speak
from admin.screens import now, read
from core.errors import NotFound
from core.ids import MerchantId, StaffId
from core.merchants import staff
from core.merchants.staff import StaffView

SESSION_LIFETIME = timedelta(hours=12)
_SINCE = "signed_in_at"


class SignedIn(UserMixin):
    """What flask-login carries; screens use `person`."""

    def __init__(self, person: StaffView) -> None:
        self.person = person

    def get_id(self) -> str:
        return f"{self.person.merchant_id}:{self.person.staff_id}:{self.person.session_epoch}"


def register(app: Flask) -> None:
    manager = LoginManager()
    manager.session_protection = None  # shoppers' networks change; the epoch and the 12 hours are what protects
    manager.user_loader(load)
    manager.unauthorized_handler(ask_to_sign_in)
    manager.init_app(app)
    app.config["PERMANENT_SESSION_LIFETIME"] = SESSION_LIFETIME


def sign_in(person: StaffView) -> None:
    """Begin a fresh session: nothing of the one before it stays."""
    session.clear()
    session.permanent = True
    session[_SINCE] = int(now().timestamp())
    login_user(SignedIn(person))


def sign_out() -> None:
    logout_user()
    session.clear()


def load(session_id: str) -> SignedIn | None:
    """Who a session is, if they may still come in."""
    merchant_id, _, rest = session_id.partition(":")
    staff_id, _, epoch = rest.partition(":")
    age = now().timestamp() - session.get(_SINCE, 0)
    if not 0 <= age < SESSION_LIFETIME.total_seconds():
        return None
    try:
        person = read(lambda reading: staff.staff(reading, MerchantId(merchant_id), StaffId(staff_id)))
    except NotFound:
        return None
    if not person.active or str(person.session_epoch) != epoch:
        return None
    speak(person.language)
    return SignedIn(person)


def ask_to_sign_in() -> Response:
    """To the sign-in page, and from there back to what was asked for."""
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("admin.sign_in", next=wanted), code=303)


def safe_next(path: str | None) -> str:
    """Where to go after signing in: a path of this admin, nothing else."""
    home = url_for("admin.home")
    if not path or not path.startswith("/admin/") or "\\" in path or any(ord(letter) < 33 for letter in path):
        return home
    parts = urlsplit(path)
    return home if parts.scheme or parts.netloc else path
