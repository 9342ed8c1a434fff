"""The admin inside a platform's own admin: each request proves anew who asks. There are no cookies.

A document brings the platform's proof in its address, a fetch comes with a bearer. Only a bearer may change anything: no
other site can make a browser send one, so it stands where a CSRF token stands outside. What a person may do is asked of
their row, as outside. How a platform proves its staff: by_token.py, by_code.py.
"""

from wsgiref.types import WSGIEnvironment

from flask import Flask, Request, Response, abort, g, request
from flask_login import LoginManager
from werkzeug import Response as BaseResponse

from admin import by_code, by_token, formats, visits
from admin.following import PROVEN, Following, OneRequest
from admin.frames import FRAMES, Framing
from admin.languages import speak
from admin.screens import read, runtime
from admin.session import SignedIn
from admin.visits import said_language, visit
from core.errors import NotFound
from core.merchants import apps
from core.merchants.apps import AppView
from core.ports import PlatformApp

__all__ = ["PREFIX", "mounted", "register", "settings_url", "visit"]

PREFIX = "/admin/app/"
_APP_KEY = "regulars.app_key"
_SAFE = ("GET", "HEAD", "OPTIONS")
# What unknown apps are checked by, so that both cases do the same work; nobody signs with it.
_NOBODY = PlatformApp("", next(iter(FRAMES)), "nobody", ("nobody's: the same work is done, and nothing fits",))


def mounted(environ: WSGIEnvironment) -> WSGIEnvironment | None:
    """The request as an application sees it that is mounted at /admin/app/<app_key>; None for any other address."""
    path = "/" + environ.get("PATH_INFO", "").lstrip("/")
    if not path.startswith(PREFIX):
        return None
    app_key, _, rest = path.removeprefix(PREFIX).partition("/")
    # A page that is reloaded in the platform's admin comes with its whole path below the App URL, where that is not the host.
    rest = rest.removeprefix(f"{PREFIX}{app_key}/".lstrip("/"))
    root = environ.get("SCRIPT_NAME", "") + PREFIX + app_key
    return {**environ, "SCRIPT_NAME": root, "PATH_INFO": f"/{rest}", _APP_KEY: app_key}


def settings_url(server_url: str, app_key: str) -> str:
    """Where a platform opens our pages, as it stands in the app's settings there."""
    return f"{server_url}{PREFIX}{app_key}"


def register(app: Flask) -> None:
    """Make an application the one inside: proof before anything else, nothing kept in the browser."""
    app.session_interface = OneRequest()
    app.config["WTF_CSRF_ENABLED"] = False  # the bearer stands in its place
    app.jinja_env.globals["csrf_token"] = str
    manager = LoginManager()
    manager.session_protection = None
    manager.request_loader(_who)
    manager.init_app(app)
    app.before_request(_prove)
    app.after_request(_headers)
    app.context_processor(_shared_with_templates)
    app.add_url_rule("/bounce", "bounce", by_token.bounce)
    app.wsgi_app = Following(app.wsgi_app)  # type: ignore[method-assign]


def _prove() -> BaseResponse | None:
    """Nobody passes without a proof of this request's own, but to what is no secret."""
    if request.endpoint == "admin.static":
        return None
    if PROVEN in request.environ:  # a redirect that is followed
        return visits.let_in(request.environ[PROVEN])
    app = read(lambda s: apps.app_by_key(s, runtime().vault, request.environ[_APP_KEY]))
    if app is not None and app.app.platform not in FRAMES:
        raise NotFound("This platform has no pages of ours")
    g.framing = Framing(app.app if app else _NOBODY)
    speak(said_language())
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    is_fetch = bool(bearer) or request.method not in _SAFE
    return _prove_by_platform(app, is_fetch=is_fetch, bearer=bearer if scheme == "Bearer" else "")


def _prove_by_platform(app: AppView | None, *, is_fetch: bool, bearer: str) -> BaseResponse | None:
    framing: Framing = g.framing
    addons = runtime().addon_platform(framing.app.platform)
    if addons is not None and app is not None:
        if is_fetch:
            return by_code.prove_fetch(app, bearer)
        return by_code.prove_document(addons, app, settings_url(runtime().public_url(), app.app.app_key))
    platform = runtime().app_platform(framing.app.platform)
    if platform is None:
        raise NotFound("This platform knows no apps")
    if is_fetch:
        return by_token.prove_fetch(platform, app, bearer)
    if request.endpoint == "bounce":
        if app is None:
            abort(404)
        g.framing = by_token.framing_of_shop_named(app)
        return None
    return by_token.prove_document(platform, app)


def _headers(response: Response) -> Response:
    if request.endpoint == "admin.static":
        return response
    framing: Framing | None = g.get("framing")
    if framing is not None and framing.app is not _NOBODY:
        response.headers["Content-Security-Policy"] = framing.policy
    # The address of a document holds a proof, which is nobody else's business, not even our own log's.
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    return response


def _shared_with_templates() -> dict[str, object]:
    """Also where no screen is reached."""
    return {"language": formats.language(), "visit": visit(), "framing": g.get("framing")}


def _who(_request: Request) -> SignedIn | None:
    found = visit()
    return SignedIn(found.person) if found else None
