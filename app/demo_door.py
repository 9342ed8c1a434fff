"""Only in a demo: the one-time link that signs the visitor in to the back office, without a password to make up."""

from flask import Blueprint, Flask, current_app, redirect
from sqlmodel import Session
from werkzeug import Response

from admin import session as admin_session
from core.db.engine import run_tx
from core.errors import NotAllowed
from core.merchants import staff, tokens
from core.merchants.staff import StaffView
from core.merchants.tokens import Purpose
from core.runtime import Runtime

blueprint = Blueprint("demo", __name__, url_prefix="/demo")


def register(app: Flask) -> None:
    app.register_blueprint(blueprint)


@blueprint.get("/sign-in/<token>")
def sign_in(token: str) -> Response:
    """A GET that changes something, which only a demo may have: it is meant to be clicked in a terminal."""
    runtime: Runtime = current_app.extensions["regulars"]
    now = runtime.clock()

    def work(session: Session) -> StaffView:
        person = staff.link_owner(session, token, now)
        tokens.take(session, token, purposes=[Purpose.INVITE], now=now)
        return person

    try:
        person = run_tx(runtime.db, work)
    except NotAllowed:
        return redirect("/admin/", code=303)  # used before: whoever is signed in is let in there
    admin_session.sign_in(person)
    return redirect("/admin/", code=303)
