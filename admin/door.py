"""The door as the frame sees it: `register(app)`. What every request goes through stands here: session, role, CSRF, headers."""

import secrets
from typing import Any

from flask import Flask, Response, abort, current_app, g, render_template, request
from flask_limiter import Limiter
from flask_limiter.errors import RateLimitExceeded
from flask_limiter.util import get_remote_address
from flask_login import current_user
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug import Response as BaseResponse
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter

from admin import (
    account,
    audit_list,
    dashboard,
    embedded,
    exports,
    formats,
    forms,
    history,
    launch,
    member_changes,
    member_orders,
    members,
    navigation,
    people,
    platform_connect,
    platforms,
    program,
    session,
    settings,
    shop_connect,
    shop_token,
    shops,
)
from admin.screens import ONLY_OUTSIDE, ROLES, STRANGERS, actor, blueprint, merchant, runtime
from admin.texts import gettext, said
from core.errors import InvalidInput, NotFound, PlatformError, Refused
from core.runtime import Runtime

SCREENS = (
    account,
    audit_list,
    dashboard,
    exports,
    history,
    launch,
    member_changes,
    member_orders,
    members,
    people,
    platform_connect,
    platforms,
    program,
    settings,
    shop_connect,
    shop_token,
    shops,
)
# By address, and by the e-mail that is tried, wherever from.
SIGN_IN_BY_ADDRESS = "10 per minute; 100 per hour"
SIGN_IN_BY_EMAIL = "5 per minute; 30 per hour"
LINKS_BY_ADDRESS = "30 per minute"


class IdConverter(BaseConverter):
    """One of our ids in an address: anything else is not found, before a database sees it."""

    regex = "[0-9a-f]{32}"


def register(app: Flask) -> None:
    """Add the admin to an application that has a Runtime, a secret key and Babel."""
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False  # the other doors have no cookies to protect
    app.config["WTF_CSRF_TIME_LIMIT"] = None  # as long as the session
    session.register(app)
    CSRFProtect(app)
    _prepare(app)
    app.register_blueprint(blueprint)
    _add_limits(app)


def register_embedded(app: Flask) -> None:
    """The same screens inside a platform's own admin, for an application that has a Runtime and Babel, and no secret key.

    It is mounted where `embedded.mounted` says.
    """
    embedded.register(app)
    _prepare(app)
    app.register_blueprint(blueprint, url_prefix="/")


def _prepare(app: Flask) -> None:
    app.url_map.converters["id"] = IdConverter
    app.jinja_env.filters.update(formats.FILTERS)
    app.jinja_env.globals["described"] = forms.described


def _add_limits(app: Flask) -> None:
    shared: Runtime = app.extensions["regulars"]
    limiter = Limiter(get_remote_address, app=app, storage_uri=shared.settings.limiter_storage, default_limits=[])
    views: dict[str, Any] = app.view_functions
    by_address = limiter.limit(SIGN_IN_BY_ADDRESS, methods=["POST"])(views["admin.sign_in"])
    by_email = limiter.limit(SIGN_IN_BY_EMAIL, key_func=account.tried_email, methods=["POST"])
    views["admin.sign_in"] = by_email(by_address)
    for endpoint in ("admin.set_up", "admin.link"):
        views[endpoint] = limiter.limit(LINKS_BY_ADDRESS)(views[endpoint])


@blueprint.before_request
def _guard() -> BaseResponse | None:
    """Nobody passes who is not named by the route: strangers are asked to sign in, the wrong role is refused."""
    g.csp_nonce = secrets.token_urlsafe(16)
    name = (request.endpoint or "").removeprefix("admin.")
    if name == "static":
        return None
    inside = embedded.visit() is not None
    if request.method not in ("GET", "HEAD", "OPTIONS") and not inside:
        current_app.extensions["csrf"].protect()
    roles = ROLES.get(name)
    if roles is None or (inside and name in ONLY_OUTSIDE):
        abort(404)
    if roles is STRANGERS:
        return None
    if not current_user.is_authenticated:
        return session.ask_to_sign_in()
    if actor().role not in roles:
        abort(403)
    return None


@blueprint.after_request
def _headers(response: Response) -> Response:
    """Scripts only with this response's nonce, nothing from elsewhere, never in a frame, never kept."""
    if request.endpoint == "admin.static" or embedded.visit() is not None:
        return response
    response.headers["Content-Security-Policy"] = "; ".join(
        [
            "default-src 'none'",
            f"script-src 'nonce-{g.get('csp_nonce', '')}'",
            "style-src 'self'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "object-src 'none'",
            "frame-ancestors 'none'",
        ]
    )
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Cache-Control"] = "no-store"
    if request.endpoint in ("admin.set_up", "admin.link"):
        response.headers["Referrer-Policy"] = "no-referrer"  # the address is a secret
    return response


@blueprint.context_processor
def _shared_with_templates() -> dict[str, object]:
    shared: dict[str, object] = {
        "csp_nonce": g.get("csp_nonce", ""),
        "language": formats.language(),
        "demo": runtime().settings.demo,
        "visit": embedded.visit(),
        "framing": g.get("framing"),
    }
    if current_user.is_authenticated:
        shared |= {
            "me": actor(),
            "merchant": merchant(),
            "menu": navigation.menu(actor().role, request.endpoint or ""),
            "banners": navigation.banners(),
        }
    return shared


@blueprint.errorhandler(NotFound)
def _not_found(_error: NotFound) -> tuple[str, int]:
    return _problem(404, gettext("There is nothing here"), gettext("The address may be old, or the thing is gone."))


@blueprint.errorhandler(Refused)
def _refused(error: Refused) -> tuple[str, int]:
    status = 400 if isinstance(error, InvalidInput) else 409
    return _problem(status, gettext("That is not possible"), said(error))


@blueprint.errorhandler(PlatformError)
def _platform(error: PlatformError) -> tuple[str, int]:
    return _problem(502, gettext("The shop did not do what we asked"), said(error))


@blueprint.errorhandler(CSRFError)
def _csrf(_error: CSRFError) -> tuple[str, int]:
    return _problem(
        400,
        gettext("This page was too old"),
        gettext("Nothing has been changed. Go back, load the page anew, and try again."),
    )


@blueprint.errorhandler(RateLimitExceeded)
def _too_often(_error: RateLimitExceeded) -> tuple[str, int]:
    return _problem(429, gettext("Too many attempts"), gettext("Wait a few minutes, then try again."))


@blueprint.errorhandler(403)
def _forbidden(_error: HTTPException) -> tuple[str, int]:
    return _problem(
        403,
        gettext("Your role does not allow this"),
        gettext("Ask an owner of this program to do it, or for the role."),
    )


@blueprint.errorhandler(404)
def _gone(_error: HTTPException) -> tuple[str, int]:
    return _not_found(NotFound())


def _problem(status: int, title: str, text: str) -> tuple[str, int]:
    return render_template("admin/problem.html", status=status, title=title, text=text), status
