"""The Flask application: doors, the error table, headers, languages, limits. What it shares comes in as Runtime."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask, redirect, request
from flask_babel import Babel
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from sqlmodel import Session
from werkzeug import Response
from werkzeug.middleware.proxy_fix import ProxyFix

from admin import door as admin_door
from app import demo_door, guide, http_errors, monitors, security
from core.db.engine import run_tx
from core.queue import inbox
from core.queue.group import GroupWriter
from core.queue.inbox import Arrival
from core.runtime import Runtime
from webhooks import install as install_door
from webhooks import intake as webhook_door
from webhooks.senders import Intake
from widgets import routes as widget_door

# Of the back office and our own pages; the widget speaks by catalogues of its own.
LANGUAGES = ("en",)
# Endpoint -> how often one address may ask. Doors keep to what is theirs; the counting is here.
LIMITS = {
    "webhooks.pair": "10 per minute; 60 per hour",
    "install.callback": "30 per minute",
}


def create_app(runtime: Runtime, *, wake: Callable[[], None] = lambda: None) -> Flask:
    """An application on a migrated database. `wake` is called when a request has left work for the worker."""
    app = Flask("regulars", root_path=str(Path(__file__).parent), static_folder=None)
    app.extensions["regulars"] = runtime
    app.extensions["regulars.intake"] = Intake(write=_writer(runtime), wake=wake)
    app.extensions["regulars.wake"] = wake
    app.secret_key = runtime.vault.derived("session")
    security.register(app, public_url=runtime.public_url)
    http_errors.register(app)
    _add_languages(app)
    _add_doors(app, runtime)
    _add_limits(app, runtime)
    if runtime.settings.trusted_proxies:
        hops = runtime.settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    return app


def _writer(runtime: Runtime) -> Callable[[Arrival], str]:
    """One writer thread with group commit on SQLite; PostgreSQL takes many writers at once."""
    if runtime.db.is_sqlite:
        return GroupWriter(runtime.db).write

    def write(arrival: Arrival) -> str:
        def work(session: Session) -> str:
            return inbox.store(session, [arrival])[0]

        return run_tx(runtime.db, work)

    return write


def _add_doors(app: Flask, runtime: Runtime) -> None:
    for blueprint in (
        webhook_door.blueprint,
        install_door.blueprint,
        widget_door.blueprint,
        monitors.blueprint,
        guide.blueprint,
    ):
        app.register_blueprint(blueprint)
    admin_door.register(app)
    if runtime.settings.demo:
        demo_door.register(app)
    app.add_url_rule("/", "front", _front)


def _front() -> Response:
    return redirect("/admin/")


def _add_languages(app: Flask) -> None:
    def chosen() -> str | None:
        return request.accept_languages.best_match(LANGUAGES, default="en")

    Babel(app, locale_selector=chosen)


def _add_limits(app: Flask, runtime: Runtime) -> None:
    limiter = Limiter(get_remote_address, app=app, storage_uri=runtime.settings.limiter_storage, default_limits=[])
    for endpoint, limits in LIMITS.items():
        limited: Any = limiter.limit(limits)(app.view_functions[endpoint])
        app.view_functions[endpoint] = limited
