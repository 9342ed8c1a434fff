"""What serves requests: three Flask applications behind one entrance. What they share comes in as Runtime.

Programs ask at the doors: they have no cookie, no language and no form, and there are many of them. People see the pages;
those who work inside a platform's own admin see the same pages, proven by its token and without a cookie.
"""

from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask, redirect, request
from limits import RateLimitItem, parse_many
from limits.strategies import FixedWindowRateLimiter, RateLimiter
from sqlmodel import Session
from werkzeug import Response
from werkzeug.exceptions import TooManyRequests
from werkzeug.middleware.proxy_fix import ProxyFix

from admin import door as admin_door
from admin import embedded, languages
from app import counting, demo_door, guide, http_errors, monitors, security
from core.db.engine import run_tx
from core.queue import inbox
from core.queue.group import GroupWriter
from core.queue.inbox import Arrival
from core.runtime import Runtime
from webhooks import addon_install as addon_install_door
from webhooks import app_install as app_install_door
from webhooks import install as install_door
from webhooks import intake as webhook_door
from webhooks.senders import Intake
from widgets import app_door as app_widget_door
from widgets import routes as widget_door

AT_THE_DOORS = ("/webhooks/", "/install/", "/widget/", "/healthz/")
# Endpoint of a door -> how often one address may ask. Doors keep to what is theirs; the counting is here.
LIMITS = {
    "webhooks.pair": "10 per minute; 60 per hour",
    "install.callback": "30 per minute",
    "addon_install.install": "10 per minute",
}


def create_app(runtime: Runtime, *, wake: Callable[[], None] = lambda: None) -> Flask:
    """An application on a migrated database. `wake` is called when a request has left work for the worker."""
    limiter = FixedWindowRateLimiter(counting.storage_of(runtime.settings.limiter_storage))
    shared = {
        "regulars": runtime,
        "regulars.wake": wake,
        "regulars.intake": Intake(write=_writer(runtime), wake=wake),
        "regulars.limiter": limiter,
    }
    app, doors, inside = _pages(runtime, shared), _doors(limiter, shared), _inside(shared)
    app.wsgi_app = _entrance(doors=doors.wsgi_app, pages=app.wsgi_app, inside=inside.wsgi_app)  # type: ignore[method-assign, assignment]
    if runtime.settings.trusted_proxies:
        hops = runtime.settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    return app


def _entrance(*, doors: WSGIApplication, pages: WSGIApplication, inside: WSGIApplication) -> WSGIApplication:
    def enter(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if (mounted := embedded.mounted(environ)) is not None:
            return inside(mounted, start_response)
        path = "/" + environ.get("PATH_INFO", "").lstrip("/")  # as Flask reads it: a proxy may double the first slash
        asked = doors if path.startswith(AT_THE_DOORS) else pages
        return asked(environ, start_response)

    return enter


def _doors(limiter: RateLimiter, shared: dict[str, Any]) -> Flask:
    """Without a secret key, so without sessions; limits are counted where they are asked for, not around every request."""
    doors = _bare("regulars-doors", shared)
    for door in (
        webhook_door,
        install_door,
        app_install_door,
        addon_install_door,
        widget_door,
        app_widget_door,
        monitors,
    ):
        doors.register_blueprint(door.blueprint)
    for endpoint, limits in LIMITS.items():
        doors.view_functions[endpoint] = _limited(doors.view_functions[endpoint], endpoint, limiter, parse_many(limits))
    return doors


def _pages(runtime: Runtime, shared: dict[str, Any]) -> Flask:
    pages = _bare("regulars", shared)
    pages.secret_key = runtime.vault.derived("session")
    security.add_sessions(pages, public_url=runtime.public_url)
    languages.register(pages)
    pages.register_blueprint(guide.blueprint)
    admin_door.register(pages)
    if runtime.settings.demo:
        demo_door.register(pages)
    pages.add_url_rule("/", "front", _front)
    return pages


def _inside(shared: dict[str, Any]) -> Flask:
    """Without a secret key, so without sessions that could be kept."""
    inside = _bare("regulars-inside", dict(shared))  # a copy: extensions of the pages are registered in theirs
    languages.register(inside)
    admin_door.register_embedded(inside)
    return inside


def _bare(name: str, shared: dict[str, Any]) -> Flask:
    app = Flask(name, root_path=str(Path(__file__).parent), static_folder=None)
    app.extensions = shared
    security.register(app)
    http_errors.register(app)
    return app


def _limited(view: Callable[..., Any], endpoint: str, limiter: RateLimiter, limits: list[RateLimitItem]) -> Any:
    @wraps(view)
    def counted(**arguments: str) -> Any:
        for limit in limits:
            if not limiter.hit(limit, endpoint, request.remote_addr or ""):
                raise TooManyRequests(str(limit))
        return view(**arguments)

    return counted


def _writer(runtime: Runtime) -> Callable[[Arrival], str]:
    """One writer thread with group commit on SQLite; PostgreSQL takes many writers at once."""
    if runtime.db.is_sqlite:
        return GroupWriter(runtime.db).write

    def write(arrival: Arrival) -> str:
        def work(session: Session) -> str:
            return inbox.store(session, [arrival])[0]

        return run_tx(runtime.db, work)

    return write


def _front() -> Response:
    return redirect("/admin/")
