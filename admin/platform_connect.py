"""Connecting a shop from our end where it installs us as an app: consent at the platform, and back with a code for its access.

The usual way is the app's own page in the shop's admin (admin/embedded.py), which asks for no address. The merchant comes
back by webhooks/app_install.py.
"""

from contextlib import suppress

from flask import flash, redirect, render_template, request, url_for
from sqlmodel import Session
from werkzeug import Response

from admin.forms import Form, text
from admin.frames import PLATFORM_NAMES
from admin.platform_guides import callback_url
from admin.platforms import find_app, shops_of
from admin.screens import MANAGERS, change, now, read, runtime, screen, staff_id, wake
from admin.texts import gettext, said
from admin.texts import lazy_gettext as _l
from core.db.engine import run_tx
from core.errors import InvalidInput, NotAllowed, NotFound, PlatformError, Refused, SignatureInvalid
from core.merchants import apps, commands
from core.merchants.apps import AppView
from core.merchants.queries import ShopView
from core.ports import AppPlatform
from core.work import connecting, hooks


class ShopForm(Form):
    shop = text(
        _l("Address of the shop at Shopify"),
        hint=_l("For example my-shop.myshopify.com. It stands in the Shopify admin under Settings, Domains."),
        longest=500,
        inputmode="url",
        autocapitalize="none",
        autocomplete="off",
        spellcheck="false",
    )


@screen("/shops/platforms/<id:app_id>/connect", roles=MANAGERS, methods=("GET", "POST"), embedded=False)
def platform_connect(app_id: str) -> str | tuple[str, int]:
    """The address; then a page that leads to the platform's page of consent. (A form may not redirect to elsewhere.)"""
    app, known = read(lambda s: _look(s, app_id))
    _dealing(app)
    about = {"app_id": app_id, "platform_name": PLATFORM_NAMES[app.app.platform]}
    form = ShopForm(shop=request.args.get("shop") or known)
    if form.validate_on_submit():
        try:
            base_url, consent_url = _begin(app, form.shop.data or "")
        except InvalidInput as error:
            form.take_error(error, "shop")
        except NotAllowed as error:
            form.take_error(InvalidInput(error.message), "shop")
        else:
            return render_template("admin/platform_approve.html", **about, base_url=base_url, consent_url=consent_url)
    return render_template("admin/platform_connect.html", **about, form=form), 400 if form.errors else 200


@screen("/shops/platforms/<id:app_id>/connected", roles=MANAGERS, embedded=False)
def platform_connected(app_id: str) -> Response | tuple[str, int]:
    """Back from the platform's page of consent: its signature proves the shop, `state` that this person began it for that shop.

    A GET that changes something, as the platform sends the browser here; the state is what a form's own token would be.
    """
    app = read(lambda s: find_app(s, app_id))
    _dealing(app)
    try:
        shop = _finish(app)
    except SignatureInvalid as error:
        page = {"title": gettext("The shop was not connected"), "text": _not_proven(error)}
        return render_template("admin/problem.html", status=403, **page), 403
    except (Refused, PlatformError) as error:
        flash(gettext("The shop was not connected: %(why)s", why=_sentence(said(error))), "warning")
        return redirect(url_for("admin.platform_connect", app_id=app_id, shop=request.args.get("shop")), code=303)
    flash(gettext("%(shop)s is connected.", shop=shop.name), "success")
    return redirect(url_for("admin.shop", shop_id=shop.shop_id), code=303)


def _look(s: Session, app_id: str) -> tuple[AppView, str | None]:
    """The app, and the address of the shop that has it: an app is for one shop."""
    app = find_app(s, app_id)
    return app, next((shop.base_url.removeprefix("https://") for shop in shops_of(s, app)), None)


def _begin(app: AppView, typed: str) -> tuple[str, str]:
    """The shop's base URL and the address of its page of consent. Raises InvalidInput, NotAllowed."""
    platform = _dealing(app)
    base_url = platform.normal_shop_url(typed)

    def begin(s: Session) -> str:
        apps.may_install(s, app, base_url)
        return commands.begin_connect(
            s, app.merchant_id, platform=app.app.platform, base_url=base_url, staff_id=staff_id(), now=now()
        )

    state = change("shop.connect_begun", begin, details={"base_url": base_url})
    return base_url, platform.authorize_url(app.app, base_url, state=state, callback_url=_callback_url(app))


def _finish(app: AppView) -> ShopView:
    """Raises SignatureInvalid; Refused, where the merchant said no or did not begin this here; PlatformError."""
    platform = _dealing(app)
    granted = platform.read_code(app.app, request.query_string, now())
    _take_state(app, granted.state, granted.base_url)
    read(lambda s: apps.may_install(s, app, granted.base_url))
    credentials = platform.grant_by_code(app.app, granted.base_url, granted.code, now())
    shop = connecting.by_app(runtime(), app, granted.base_url, credentials, staff_id=staff_id(), now=now())
    with suppress(PlatformError):  # what fails now is seen and mended by the schedule
        hooks.subscribe(runtime(), shop)
    wake()
    return shop


def _take_state(app: AppView, state: str, base_url: str) -> None:
    """Use it up: whoever brings another's, has it from them. Raises NotAllowed.

    By the person: somebody who is sent a link to a consent that they did not begin must not end it for who sent it.
    """
    try:
        pending = run_tx(runtime().db, lambda s: commands.take_connect_state(s, state, now()))
    except NotAllowed:
        raise NotAllowed(gettext("It took too long, or it was finished already.")) from None
    if pending.staff_id != staff_id():
        raise NotAllowed(gettext("Somebody else has begun this."))
    if (pending.platform, pending.base_url) != (app.app.platform, base_url):
        raise NotAllowed(gettext("It was begun for another shop."))


def _dealing(app: AppView) -> AppPlatform:
    """Raises NotFound where shops are connected by their own call alone."""
    found = runtime().app_platform(app.app.platform)
    if found is None:
        raise NotFound("Shops of this platform are not connected from here")
    return found


def _callback_url(app: AppView) -> str:
    return callback_url(runtime().public_url(), app.app.platform, app.app.app_key)


def _not_proven(error: SignatureInvalid) -> str:
    return gettext(
        "%(why)s Nothing has been changed. Begin again on the app's page under Shops, Platforms. If you come back to this"
        " page, put the app's client secret in there once more.",
        why=_sentence(said(error)),
    )


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
