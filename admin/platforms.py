"""Platforms: what this server is registered as where shops install an app instead of giving us keys.

An app's secret goes in here and is not seen again: not on a page, not in the audit. What each platform asks for, and is
told, stands in platform_guides.py.
"""

import io
from dataclasses import dataclass
from datetime import datetime

from flask import Response as FlaskResponse
from flask import flash, redirect, render_template, request, send_file, url_for
from sqlmodel import Session
from werkzeug import Response

from admin.frames import PLATFORM_NAMES
from admin.platform_guides import GUIDES, Address, AppForm, Right, warnings
from admin.screens import MANAGERS, change, merchant_id, now, read, runtime, screen
from admin.texts import gettext
from connectors import registry
from core.errors import InvalidInput, NotFound
from core.merchants import apps, installs, queries
from core.merchants.apps import AppView
from core.merchants.queries import ShopView
from core.ports import Platform


@dataclass(frozen=True)
class Waiting:
    """A shop that has installed the app and is not connected yet. `why`: what went wrong last, as a sentence."""

    platform_shop_id: str
    base_url: str
    since: datetime
    attempts: int
    why: str


@dataclass(frozen=True)
class AppPage:
    """An app as pages show it: without its secrets. `rotating`: the secret before the newest is still good."""

    app_id: str
    platform: Platform
    platform_name: str
    client_id: str
    home_url: str | None
    rotating: bool
    shops: list[ShopView]
    waiting: list[Waiting]
    addresses: list[Address]
    rights: list[Right]
    warnings: list[str]


@screen("/shops/platforms", roles=MANAGERS, embedded=False)
def platforms() -> str:
    found = read(lambda s: [_page(s, app) for app in apps.apps(s, runtime().vault, merchant_id())])
    choices = [(platform, PLATFORM_NAMES[platform], guide.about) for platform, guide in GUIDES.items()]
    return render_template("admin/platforms.html", pages=found, choices=choices)


@screen("/shops/platforms/register/<platform>", roles=MANAGERS, methods=("GET", "POST"), embedded=False)
def platform_register(platform: str) -> Response | str | tuple[str, int]:
    """A new app, or a new secret for one that is known by its client id."""
    which = _known(platform)
    form: AppForm = GUIDES[which].form(client_id=request.args.get("client_id"), home_url=request.args.get("home_url"))
    if form.validate_on_submit():
        try:
            app, is_new = change("app.registered", lambda s: _add(s, which, form), details=_details)
        except InvalidInput as error:
            form.take_error(error, "client_id")
        else:
            flash(_what_happened(app, is_new), "success")
            return redirect(url_for("admin.platform_app", app_id=app.app_id), code=303)
    about = {"platform": which, "platform_name": PLATFORM_NAMES[which]}
    return render_template("admin/platform_register.html", form=form, **about), 400 if form.errors else 200


@screen("/shops/platforms/<id:app_id>", roles=MANAGERS, embedded=False)
def platform_app(app_id: str) -> str:
    return render_template("admin/platform_app.html", page=read(lambda s: _page(s, find_app(s, app_id))))


@screen("/shops/platforms/<id:app_id>/package", roles=MANAGERS, embedded=False)
def platform_package(app_id: str) -> FlaskResponse:
    """What the platform's own tools deploy: the app's addresses, permissions and pieces of storefront. It holds no secret.

    Raises NotFound where a platform has no such tools.
    """
    app = read(lambda s: find_app(s, app_id)).app
    package = registry.app_package(app.platform)
    content = package.zip_for(server_url=runtime().public_url(), app_key=app.app_key, client_id=app.client_id)
    return send_file(
        io.BytesIO(content), mimetype="application/zip", as_attachment=True, download_name=package.file_name
    )


def find_app(s: Session, app_id: str) -> AppView:
    """One of the merchant's own. Raises NotFound."""
    for app in apps.apps(s, runtime().vault, merchant_id()):
        if app.app_id == app_id:
            return app
    raise NotFound("There is no such app")


def shops_of(s: Session, app: AppView) -> list[ShopView]:
    """Those where it was installed last, disconnected ones too."""
    return [
        shop
        for shop in queries.shops(s, app.merchant_id)
        if (of := apps.app_of(s, runtime().vault, app.merchant_id, shop.shop_id)) is not None
        and of.app_id == app.app_id
    ]


def _known(platform: str) -> Platform:
    """Raises NotFound for one that knows no apps."""
    for which in GUIDES:
        if which.value == platform:
            return which
    raise NotFound("This platform knows no apps")


def _add(s: Session, platform: Platform, form: AppForm) -> tuple[AppView, bool]:
    """The app, and whether it is new. What stands in for the platform, in a demo, stays. Raises InvalidInput."""
    client_id = (form.client_id.data or "").strip()
    mine = apps.apps(s, runtime().vault, merchant_id())
    before = next((each for each in mine if (each.app.platform, each.app.client_id) == (platform, client_id)), None)
    home = form.home(allow_loopback=runtime().settings.allow_loopback)
    app = apps.add_app(
        s,
        runtime().vault,
        merchant_id(),
        platform=platform,
        client_id=client_id,
        secret=form.secret.data or "",
        origin=home.stand_in or (before.app.origin if before else None),
        home_url=home.url,
        now=now(),
    )
    return app, before is None


def _details(done: tuple[AppView, bool]) -> dict[str, str]:
    app, is_new = done
    home = {"home_url": app.app.home_url} if app.app.home_url else {}
    return {
        "platform": app.app.platform.value,
        "client_id": app.app.client_id,
        "new": "yes" if is_new else "no",
        **home,
    }


def _what_happened(app: AppView, is_new: bool) -> str:
    if is_new:
        name = PLATFORM_NAMES[app.app.platform]
        return gettext("The app is registered here. Now tell %(platform)s where we are.", platform=name)
    return gettext("The new secret is in use. The one before it stays good until the next one comes.")


def _page(s: Session, app: AppView) -> AppPage:
    server, guide = runtime().public_url(), GUIDES[app.app.platform]
    return AppPage(
        app_id=app.app_id,
        platform=app.app.platform,
        platform_name=PLATFORM_NAMES[app.app.platform],
        client_id=app.app.client_id,
        home_url=app.app.home_url,
        rotating=len(app.app.secrets) > 1,
        shops=[shop for shop in shops_of(s, app) if shop.connected],
        waiting=_waiting(s, app),
        addresses=guide.addresses(server, app.app.app_key),
        rights=list(guide.rights),
        warnings=[] if app.app.origin and guide.ports else warnings(guide, server),
    )


def _waiting(s: Session, app: AppView) -> list[Waiting]:
    return [
        Waiting(each.platform_shop_id, each.base_url, each.installed_at, each.attempts, _sentence(each.last_error))
        for each in installs.pending(s, runtime().vault, app.merchant_id)
        if each.app_id == app.app_id
    ]


def _sentence(last_error: str | None) -> str:
    """Without the kind of error, which is for logs and stands in front; empty where nothing went wrong."""
    kind, colon, sentence = (last_error or "").partition(": ")
    if not last_error or (colon and kind.isidentifier()):
        return gettext(sentence) if sentence else ""
    return gettext("Something went wrong here, at our end. The server's log says what.")
