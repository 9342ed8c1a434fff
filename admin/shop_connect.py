"""Connecting a shop: on which platform, then its address, then either the shop's own page of approval or keys made by hand.

Where shops install us as an app, the way begins in the shop's own admin, and its address is never asked for.
"""

from collections.abc import Mapping

from flask import flash, redirect, render_template, request, url_for
from werkzeug import Response

from admin import shop_work
from admin.forms import Form, text
from admin.screens import MANAGERS, change, merchant_id, now, runtime, screen, staff_id, wake
from admin.texts import gettext, said
from admin.texts import lazy_gettext as _l
from connectors import registry
from core.commerce import ShopFacts
from core.errors import InvalidInput, PlatformError
from core.ids import new_shop_key
from core.merchants import commands
from core.merchants.queries import ShopView
from core.ports import Installation, Platform

PLATFORM = Platform.WOOCOMMERCE  # of the ways below: the one platform that knows keys
APP_NAME = "Regulars"


class AddressForm(Form):
    shop_url = text(
        _l("Address of your shop"),
        hint=_l("As customers type it, for example https://shop.example"),
        longest=500,
        inputmode="url",
        autocomplete="url",
        autofocus=True,
        spellcheck="false",
    )


class KeysForm(AddressForm):
    consumer_key = text(_l("Consumer key"), hint=_l("Begins with ck_"), autocomplete="off", spellcheck="false")
    consumer_secret = text(_l("Consumer secret"), hint=_l("Begins with cs_"), autocomplete="off", spellcheck="false")


@screen("/shops/connect", roles=MANAGERS, embedded=False)
def connect() -> str:
    """Which platform? An address that was typed before is kept."""
    return render_template("admin/connect.html", shop_url=request.args.get("shop_url"))


@screen("/shops/connect/woocommerce", roles=MANAGERS, methods=("GET", "POST"), embedded=False)
def connect_address() -> str | tuple[str, int]:
    """The address; then a page that leads to the shop, where its owner approves us. (A form may not redirect to elsewhere.)"""
    form = AddressForm(shop_url=request.args.get("shop_url"))
    if form.validate_on_submit():
        try:
            base_url, approve_url = _begin(form.shop_url.data or "")
        except InvalidInput as error:
            form.take_error(error, "shop_url")
        else:
            return render_template("admin/connect_approve.html", base_url=base_url, approve_url=approve_url)
    return render_template("admin/connect_address.html", form=form), 400 if form.errors else 200


@screen("/shops/connect/keys", roles=MANAGERS, methods=("GET", "POST"), embedded=False)
def connect_keys() -> Response | str | tuple[str, int]:
    """Keys that the merchant made in the shop: for shops that cannot reach us, or whose approval page is blocked."""
    form = KeysForm(shop_url=request.args.get("shop_url"))
    problem = None
    if form.validate_on_submit():
        try:
            shop = _connect_by_keys(form)
        except InvalidInput as error:
            form.take_error(error, "shop_url")
        except PlatformError as error:
            problem = said(error)
        else:
            subscribe(shop)
            flash(gettext("%(shop)s is connected.", shop=shop.name), "success")
            return redirect(url_for("admin.shop", shop_id=shop.shop_id), code=303)
    failed = form.errors or problem
    return render_template("admin/connect_keys.html", form=form, problem=problem), 400 if failed else 200


def facts(platform: Platform, base_url: str, credentials: Mapping[str, str]) -> ShopFacts:
    """Ask the shop for its facts with the new keys: that proves them. The shop key is one to ask with only."""
    proof = Installation(new_shop_key(), platform, base_url, credentials)
    return runtime().connect(proof).installer.facts()


def subscribe(shop: ShopView) -> None:
    """Set up the notifications at once; what fails now is seen and mended by the schedule."""
    try:
        shop_work.subscribe(shop)
    except PlatformError as error:
        flash(gettext("The shop's notifications are not set up yet: %(why)s", why=said(error)), "warning")
    wake()


def _begin(typed: str) -> tuple[str, str]:
    flow = registry.connect_flow(PLATFORM)
    base_url = flow.normal_shop_url(typed)
    address = runtime().public_url()

    def approve_url(state: str) -> str:
        return flow.authorize_url(
            base_url,
            state=state,
            callback_url=f"{address}/install/{PLATFORM.value}/callback",
            return_url=f"{address}/install/{PLATFORM.value}/return",
            app_name=APP_NAME,
        )

    approve_url("try")  # refused before anything is written
    state = change(
        "shop.connect_begun",
        lambda s: commands.begin_connect(
            s, merchant_id(), platform=PLATFORM, base_url=base_url, staff_id=staff_id(), now=now()
        ),
        details={"base_url": base_url},
    )
    return base_url, approve_url(state)


def _connect_by_keys(form: KeysForm) -> ShopView:
    flow = registry.connect_flow(PLATFORM)
    base_url = flow.normal_shop_url(form.shop_url.data or "")
    credentials = flow.manual_credentials(form.consumer_key.data or "", form.consumer_secret.data or "")
    found = facts(PLATFORM, base_url, credentials)
    return change(
        "shop.connected",
        lambda s: commands.connect_shop(
            s,
            runtime().vault,
            merchant_id(),
            platform=PLATFORM,
            base_url=base_url,
            facts=found,
            credentials=credentials,
            now=now(),
        ),
        details=lambda shop: {"shop": shop.name, "platform": PLATFORM.value},
    )
