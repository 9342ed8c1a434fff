"""Platforms: what this server is registered as where shops install an app instead of giving us keys. Shop addresses are never asked for.

An app's secret goes in here and is not seen again: not on a page, not in the audit.
"""

import io
from dataclasses import dataclass

from flask import Response as FlaskResponse
from flask import flash, redirect, render_template, request, send_file, url_for
from sqlmodel import Session
from werkzeug import Response
from wtforms import PasswordField
from wtforms.validators import InputRequired, Length

from admin.embedded import PREFIX
from admin.forms import REQUIRED, Form, text
from admin.frames import PLATFORM_NAMES
from admin.screens import MANAGERS, change, merchant_id, now, read, runtime, screen
from admin.texts import gettext
from admin.texts import lazy_gettext as _l
from connectors import registry
from core.errors import InvalidInput, NotFound
from core.merchants import apps, queries
from core.merchants.apps import AppView
from core.merchants.queries import ShopView
from core.ports import Platform

PLATFORM = Platform.SHOPIFY  # the one that knows apps; a choice comes with the second


class AppForm(Form):
    client_id = text(_l("Client ID"), autocomplete="off", spellcheck="false")
    secret = PasswordField(
        _l("Client secret"),
        [InputRequired(REQUIRED), Length(max=200)],
        description=_l("It is kept encrypted and is not shown again."),
        render_kw={"autocomplete": "off", "maxlength": 200},
    )


@dataclass(frozen=True)
class Address:
    """Where the platform calls us, as it is to be written there."""

    name: str
    label: str
    value: str


@dataclass(frozen=True)
class AppPage:
    """An app as pages show it: without its secrets. `rotating`: the secret before the newest is still good."""

    app_id: str
    platform_name: str
    client_id: str
    rotating: bool
    shops: list[ShopView]
    addresses: list[Address]
    reached_by_https: bool


@screen("/shops/platforms", roles=MANAGERS, methods=("GET", "POST"), embedded=False)
def platforms() -> Response | str | tuple[str, int]:
    form = AppForm(client_id=request.args.get("client_id"))
    if form.validate_on_submit():
        try:
            app, is_new = change("app.registered", lambda s: _add(s, form), details=_details)
        except InvalidInput as error:
            form.take_error(error, "client_id")
        else:
            flash(_what_happened(is_new), "success")
            return redirect(url_for("admin.platform_app", app_id=app.app_id), code=303)
    found = read(lambda s: [_page(s, app) for app in apps.apps(s, runtime().vault, merchant_id())])
    return render_template("admin/platforms.html", form=form, pages=found), 400 if form.errors else 200


@screen("/shops/platforms/<id:app_id>", roles=MANAGERS, embedded=False)
def platform_app(app_id: str) -> str:
    return render_template("admin/platform_app.html", page=read(lambda s: _page(s, _find(s, app_id))))


@screen("/shops/platforms/<id:app_id>/package", roles=MANAGERS, embedded=False)
def platform_package(app_id: str) -> FlaskResponse:
    """What the platform's own tools deploy: the app's addresses, permissions and pieces of storefront. It holds no secret."""
    app = read(lambda s: _find(s, app_id)).app
    package = registry.app_package(app.platform)
    content = package.zip_for(server_url=runtime().public_url(), app_key=app.app_key, client_id=app.client_id)
    return send_file(
        io.BytesIO(content), mimetype="application/zip", as_attachment=True, download_name=package.file_name
    )


def _add(s: Session, form: AppForm) -> tuple[AppView, bool]:
    """The app, and whether it is new. What stands in for the platform, in a demo, stays."""
    client_id = (form.client_id.data or "").strip()
    mine = apps.apps(s, runtime().vault, merchant_id())
    before = next((each for each in mine if (each.app.platform, each.app.client_id) == (PLATFORM, client_id)), None)
    app = apps.add_app(
        s,
        runtime().vault,
        merchant_id(),
        platform=PLATFORM,
        client_id=client_id,
        secret=form.secret.data or "",
        origin=before.app.origin if before else None,
        now=now(),
    )
    return app, before is None


def _details(done: tuple[AppView, bool]) -> dict[str, str]:
    app, is_new = done
    return {"platform": app.app.platform.value, "client_id": app.app.client_id, "new": "yes" if is_new else "no"}


def _what_happened(is_new: bool) -> str:
    if is_new:
        return gettext("The app is registered here. Now tell %(platform)s where we are.", platform="Shopify")
    return gettext("The new secret is in use. The one before it stays good until the next one comes.")


def _find(s: Session, app_id: str) -> AppView:
    for app in apps.apps(s, runtime().vault, merchant_id()):
        if app.app_id == app_id:
            return app
    raise NotFound("There is no such app")


def _page(s: Session, app: AppView) -> AppPage:
    mine = [
        shop
        for shop in queries.shops(s, app.merchant_id)
        if shop.connected
        and (of := apps.app_of(s, runtime().vault, app.merchant_id, shop.shop_id)) is not None
        and of.app_id == app.app_id
    ]
    return AppPage(
        app_id=app.app_id,
        platform_name=PLATFORM_NAMES[app.app.platform],
        client_id=app.app.client_id,
        rotating=len(app.app.secrets) > 1,
        shops=mine,
        addresses=_addresses(app),
        reached_by_https=runtime().public_url().startswith("https://"),
    )


def _addresses(app: AppView) -> list[Address]:
    server, key, platform = runtime().public_url(), app.app.app_key, app.app.platform.value
    return [
        Address("app-url", gettext("App URL"), f"{server}{PREFIX}{key}"),
        Address("redirect", gettext("Redirect URL"), f"{server}/install/{platform}/{key}/callback"),
        Address("webhooks", gettext("Address for webhooks"), f"{server}/webhooks/{platform}/{key}"),
        Address(
            "proxy", gettext("App proxy URL (prefix “apps”, subpath “regulars”)"), f"{server}/widget/v1/proxy/{key}"
        ),
    ]
