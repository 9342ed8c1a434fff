"""The admin inside a platform's own admin: each request proves anew who asks, by a token of the platform. There are no cookies.

A document brings the token in its address, a fetch as bearer. Only a bearer may change anything: no other site can make a
browser send one, so it stands where a CSRF token stands outside. What a person may do is asked of their row, as outside.
"""

from dataclasses import dataclass
from typing import cast
from urllib.parse import urlencode
from wsgiref.types import WSGIEnvironment

import structlog
from flask import Flask, Request, Response, abort, flash, g, make_response, redirect, render_template, request
from flask_login import LoginManager
from sqlmodel import Session
from werkzeug import Response as BaseResponse

from admin import formats
from admin.following import PROVEN, Following, OneRequest
from admin.frames import FRAMES, PLATFORM_NAMES, Framing
from admin.screens import now, read, runtime, wake
from admin.session import SignedIn
from admin.texts import gettext
from core.db.engine import run_tx
from core.errors import NotFound, PlatformError, RegularsError, SignatureInvalid
from core.merchants import apps, audit, health, queries, staff
from core.merchants.apps import AppView
from core.merchants.queries import ShopView
from core.merchants.staff import Role, StaffView
from core.ports import AppPlatform, PlatformApp, StaffVisit
from core.work import connecting, hooks

log = structlog.get_logger(__name__)

PREFIX = "/admin/app/"
_APP_KEY = "regulars.app_key"
_SAFE = ("GET", "HEAD", "OPTIONS")
# In the address of a document that is loaded a second time, for a fresh token: a third time would never end.
AGAIN = "again"
# What unknown apps are checked by, so that both cases do the same work; nobody signs with it.
_NOBODY = PlatformApp("", next(iter(FRAMES)), "nobody", ("nobody's: the same work is done, and nothing fits",))
# A shop whose grant is dead though it never told us, as after a reinstall: opening the app is its new grant.
_DEAD_GRANT = frozenset({"key_refused", "credentials_refused"})


@dataclass(frozen=True)
class Visit:
    """Who is here, proven for this request: the app by the address, shop and person by the token."""

    app: AppView
    framing: Framing
    shop: ShopView
    person: StaffView


@dataclass(frozen=True)
class _Asked:
    """A request before its proof. `app` None: there is no such app, and `framing` is nobody's."""

    app: AppView | None
    framing: Framing
    platform: AppPlatform


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
    app.add_url_rule("/bounce", "bounce", bounce)
    app.wsgi_app = Following(app.wsgi_app)  # type: ignore[method-assign]


def visit() -> Visit | None:
    """Who is here inside a platform's own admin; None outside of it."""
    return cast(Visit | None, g.get("visit"))


def bounce() -> str:
    """A page with nothing but the platform's script, which gets a token and goes with it to where somebody wanted to be."""
    framing: Framing = g.framing
    target, root = request.args.get(framing.words.reload, ""), request.script_root
    rest = target.removeprefix(root)
    if not target.startswith(root) or rest[:1] not in ("", "/", "?") or not target.isprintable() or "\\" in target:
        abort(400)
    return render_template("admin/embedded_bounce.html", framing=framing)


def _prove() -> BaseResponse | None:
    """Nobody passes without a proof of this request's own, but to what is no secret."""
    if request.endpoint == "admin.static":
        return None
    if PROVEN in request.environ:  # a redirect that is followed
        return _let_in(request.environ[PROVEN])
    asked = _asked()
    g.framing = asked.framing
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    if bearer or request.method not in _SAFE:
        return _prove_fetch(asked, bearer if scheme == "Bearer" else "")
    if request.endpoint == "bounce":
        if asked.app is None:
            abort(404)
        g.framing = Framing(asked.app.app, _shop_named(asked))
        return None
    return _prove_document(asked)


def _prove_fetch(asked: _Asked, token: str) -> BaseResponse | None:
    """By the bearer alone: a token in the address never changes anything."""
    proven = _proven(asked, token)
    if asked.app is None:
        abort(404)
    if proven is None:
        return _stale(asked)
    app, base_url = asked.app, proven.base_url
    shop, person = read(lambda s: apps.shop_of(s, app, base_url)), _known(app, proven)
    if shop is None or not shop.connected or person is None:
        return _stale(asked)
    return _let_in(Visit(app, Framing(app.app, base_url), shop, person))


def _prove_document(asked: _Asked) -> BaseResponse | None:
    """By the token in the address, which also installs: what Shopify calls managed installation has no other sign."""
    token = request.args.get(asked.framing.words.token, "")
    proven = _proven(asked, token)
    if asked.app is None:
        abort(404)
    if proven is None:
        # Twice in a row means that our secret is not the one that the platform signs with.
        return _problem(403, _wrong_secret()) if token and AGAIN in request.args else _to_bounce(asked)
    app = asked.app
    g.framing = Framing(app.app, proven.base_url)
    person = _known(app, proven)
    if person is not None and not person.active:
        return _deactivated()
    try:
        shop = _tie(asked.platform, app, proven, token, person)
        person = person or _met(app, proven)  # of a shop that may not be tied nobody is known
    except SignatureInvalid as error:  # the token's minute was over before the platform saw it
        return _problem(403, error.message) if AGAIN in request.args else _to_bounce(asked)
    except RegularsError as error:
        log.warning("app.not_connected", error=health.error_word(error), merchant_id=app.merchant_id)
        return _problem(502 if isinstance(error, PlatformError) else 409, error.message)
    run_tx(runtime().db, lambda s: staff.note_sign_in(s, person.merchant_id, person.staff_id, now=now()))
    return _let_in(Visit(app, g.framing, shop, person))


def _asked() -> _Asked:
    app = read(lambda s: apps.app_by_key(s, runtime().vault, request.environ[_APP_KEY]))
    platform = runtime().app_platform(app.app.platform if app else _NOBODY.platform)
    if platform is None or (app is not None and app.app.platform not in FRAMES):
        raise NotFound("This platform knows no apps")
    return _Asked(app, Framing(app.app if app else _NOBODY), platform)


def _proven(asked: _Asked, token: str) -> StaffVisit | None:
    try:
        return asked.platform.staff(asked.framing.app, token, now())
    except SignatureInvalid:
        return None


def _known(app: AppView, proven: StaffVisit) -> StaffView | None:
    staff_id = staff.platform_staff_id(app.merchant_id, proven.base_url, proven.user_id)
    try:
        return read(lambda s: staff.staff(s, app.merchant_id, staff_id))
    except NotFound:
        return None


def _met(app: AppView, proven: StaffVisit) -> StaffView:
    """Somebody whom the platform vouches for, seen for the first time.

    A manager: who may open an app is for the shop's owner to say there, and an app has no finer grades. An owner of the
    program can change the role or deactivate the person, as anybody's.
    """
    name = gettext("%(platform)s staff %(number)s", platform=PLATFORM_NAMES[app.app.platform], number=proven.user_id)

    def add(session: Session) -> StaffView:
        person, is_new = staff.add_by_platform(
            session,
            app.merchant_id,
            base_url=proven.base_url,
            user_id=proven.user_id,
            name=name,
            role=Role.MANAGER,
            now=now(),
        )
        if is_new:
            audit.record(
                session,
                app.merchant_id,
                actor_kind="system",
                actor_id=None,
                action="staff.met",
                subject=person.staff_id,
                details={"platform": app.app.platform.value, "shop": proven.base_url},
                now=now(),
            )
        return person

    return run_tx(runtime().db, add)


def _let_in(found: Visit) -> BaseResponse | None:
    g.framing = found.framing
    if not found.person.active:
        return _deactivated()
    g.visit = request.environ[PROVEN] = found
    return None


def _tie(platform: AppPlatform, app: AppView, proven: StaffVisit, token: str, person: StaffView | None) -> ShopView:
    """The shop; connected on its first visit, after a reinstall, and when its grant is dead. Raises RegularsError."""
    tied, words = read(lambda s: _tied(s, app, proven.base_url))
    if tied is not None and not _DEAD_GRANT & set(words):
        return tied
    read(lambda s: apps.may_install(s, app, proven.base_url))
    credentials = platform.grant_by_token(app.app, proven.base_url, token, now())
    staff_id = person.staff_id if person else None
    shop = connecting.by_app(runtime(), app, proven.base_url, credentials, staff_id=staff_id, now=now())
    hooks.subscribe(runtime(), shop)
    wake()
    flash(gettext("%(shop)s is connected.", shop=shop.name), "success")
    return shop


def _tied(session: Session, app: AppView, base_url: str) -> tuple[ShopView | None, tuple[str, ...]]:
    shop = connecting.is_tied(session, runtime(), app, base_url)
    if shop is None:
        return None, ()
    return shop, health.problem_words(shop, queries.health(session, shop.merchant_id, shop.shop_id), now=now())


def _shop_named(asked: _Asked) -> str | None:
    """The shop that a page without a proof says it is opened from, if it is one of this app's: for the frame only."""
    if asked.app is None:
        return None
    app, named = asked.app, f"https://{request.args.get(asked.framing.words.shop, '')}"
    shop = read(lambda s: apps.shop_of(s, app, named)) if named.isascii() and named.isprintable() else None
    return shop.base_url if shop else None


def _to_bounce(asked: _Asked) -> BaseResponse:
    """To fetch a token. Neither the old one nor what was signed with it goes along."""
    words = asked.framing.words
    kept = [(name, value) for name, value in request.args.items(multi=True) if name not in {*words.noise, AGAIN}]
    root = request.script_root
    target = f"{root}{request.path}?{urlencode([*kept, (AGAIN, '1')])}"
    named = [(name, value) for name, value in kept if name != words.reload]
    return redirect(f"{root}/bounce?{urlencode([*named, (words.reload, target)])}")


def _stale(asked: _Asked) -> BaseResponse:
    answer = make_response(gettext("Open the app anew."), 401)
    name, value = asked.framing.words.stale
    answer.headers[name] = value
    return answer


def _wrong_secret() -> str:
    return gettext(
        "The client ID or the client secret that Regulars has of this app is not right. Put the right ones in at the"
        " server's own address, under Shops, Platforms."
    )


def _deactivated() -> BaseResponse:
    return _problem(403, gettext("An owner of this program has deactivated you. Ask them to let you in again."))


def _problem(status: int, text: str) -> BaseResponse:
    page = render_template("admin/embedded_problem.html", text=text)
    return make_response(page, status)


def _headers(response: Response) -> Response:
    if request.endpoint == "admin.static":
        return response
    framing: Framing | None = g.get("framing")
    if framing is not None and framing.app is not _NOBODY:
        response.headers["Content-Security-Policy"] = framing.policy
    # The address of a document holds a token, which is nobody else's business, not even our own log's.
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    return response


def _shared_with_templates() -> dict[str, object]:
    """Also where no screen is reached."""
    return {"language": formats.language(), "visit": visit(), "framing": g.get("framing")}


def _who(_request: Request) -> SignedIn | None:
    found = visit()
    return SignedIn(found.person) if found else None
