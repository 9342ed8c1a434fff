"""Connecting a shop by a token that its merchant made for us in the shop's own admin: no app, and nothing to install.

Which shop a token is of, the platform says; an address that says otherwise is a mistake, and nothing is connected.
"""

from urllib.parse import urlsplit

from flask import flash, redirect, render_template, request, url_for
from sqlmodel import Session
from werkzeug import Response
from wtforms import PasswordField
from wtforms.validators import InputRequired, Length

from admin import shop_connect
from admin.forms import REQUIRED
from admin.screens import MANAGERS, change, merchant_id, now, runtime, screen
from admin.shop_connect import AddressForm
from admin.texts import gettext, said
from admin.texts import lazy_gettext as _l
from connectors import registry
from core.errors import InvalidInput, PlatformError
from core.merchants import commands
from core.merchants.queries import ShopView
from core.ports import Platform

PLATFORM = Platform.SHOPTET  # the one that knows such tokens


class TokenForm(AddressForm):
    private_token = PasswordField(
        _l("Private API token"),
        [InputRequired(REQUIRED), Length(max=500)],
        description=_l("It is kept encrypted and is not shown again."),
        render_kw={"autocomplete": "off", "maxlength": 500, "spellcheck": "false"},
    )


@screen("/shops/connect/token", roles=MANAGERS, methods=("GET", "POST"), embedded=False)
def connect_token() -> Response | str | tuple[str, int]:
    form = TokenForm(shop_url=request.args.get("shop_url"))
    problem = None
    if form.validate_on_submit():
        try:
            shop = _connect(form)
        except InvalidInput as error:
            form.take_error(error, "shop_url")
        except PlatformError as error:
            problem = said(error)
        else:
            shop_connect.subscribe(shop)
            flash(gettext("%(shop)s is connected.", shop=shop.name), "success")
            return redirect(url_for("admin.shop", shop_id=shop.shop_id), code=303)
    failed = form.errors or problem
    return render_template("admin/connect_token.html", form=form, problem=problem), 400 if failed else 200


def _connect(form: TokenForm) -> ShopView:
    """Raises InvalidInput, PlatformError."""
    flow = registry.token_flow(PLATFORM)
    typed = flow.normal_shop_url(form.shop_url.data or "")
    credentials = flow.credentials(typed, form.private_token.data or "")
    facts = shop_connect.facts(PLATFORM, typed, credentials)
    base_url = facts.storefront_url or typed
    if _name(base_url) != _name(typed):
        text = gettext("This token is of another shop: %(address)s", address=base_url)
        raise InvalidInput(text, field="shop_url")

    def connect(s: Session) -> ShopView:
        shop = commands.connect_shop(
            s,
            runtime().vault,
            merchant_id(),
            platform=PLATFORM,
            base_url=base_url,
            facts=facts,
            credentials=credentials,
            now=now(),
        )
        # The platform makes the key that it signs with, and says it once, to who subscribes without one.
        commands.forget_webhook_secrets(s, runtime().vault, shop.merchant_id, shop.shop_id)
        commands.own_key(s, runtime().vault, shop.merchant_id, shop.shop_id)
        return shop

    return change("shop.connected", connect, details=lambda shop: {"shop": shop.name, "platform": PLATFORM.value})


def _name(url: str) -> str:
    """With and without www it is one shop."""
    return urlsplit(url).netloc.lower().removeprefix("www.")
