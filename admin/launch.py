"""The launch switch: draft, visible to staff, live, paused; and the switch that stops redeeming on a bad day."""

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from flask import flash, redirect, render_template, request, url_for
from sqlmodel import Session
from werkzeug import Response

from admin.screens import MANAGERS, change, merchant, merchant_id, now, read, runtime, screen, wake
from admin.texts import gettext
from admin.texts import lazy_gettext as _l
from core.errors import NotFound, Refused
from core.merchants import commands, queries
from core.merchants.preview import PARAMETER, preview_token
from core.merchants.queries import ShopView
from core.program import queries as programs

STATE_NAMES = {
    "draft": _l("Draft"),
    "staff": _l("Visible to staff"),
    "live": _l("Live"),
    "paused": _l("Paused"),
}
STATE_TEXTS = {
    "draft": _l("Nobody sees the program, and orders earn nothing."),
    "staff": _l("Orders earn. The program is seen only by a link that you get here, so you can try it yourself."),
    "live": _l("Orders earn, and every shopper sees the program."),
    "paused": _l("New orders earn nothing and nobody can redeem. Balances stay, and codes already made stay good."),
}
PREVIEW_LIFETIME = timedelta(hours=12)
BUTTONS = {"staff": _l("Show it to staff"), "live": _l("Go live"), "paused": _l("Pause")}


@dataclass(frozen=True)
class Choice:
    state: str
    name: str
    text: str
    button: str | None  # None: not possible from here
    current: bool


@dataclass(frozen=True)
class Preview:
    shop: str
    url: str


@screen("/launch", roles=MANAGERS)
def launch() -> str:
    here = merchant().launch
    choices = [
        Choice(state, name, STATE_TEXTS[state], _button(here, state), state == here)
        for state, name in STATE_NAMES.items()
    ]
    shops = read(lambda s: queries.shops(s, merchant_id()))
    previews = [_preview(shop) for shop in shops if shop.connected]
    return render_template("admin/launch.html", choices=choices, missing=read(_missing), previews=previews)


@screen("/launch", roles=MANAGERS, methods=("POST",))
def launch_set() -> Response:
    state = request.form.get("state", "")
    if state != "paused" and (missing := read(_missing)):
        raise Refused(missing[0])
    change(
        "program.launched",
        lambda s: commands.set_launch(s, merchant_id(), state, now=now()),
        details={"state": state, "before": merchant().launch},
    )
    wake()
    flash(gettext("The program is now: %(state)s.", state=STATE_NAMES[state]), "success")
    return redirect(url_for("admin.launch"), code=303)


@screen("/launch/redeeming", roles=MANAGERS, methods=("POST",))
def launch_redeeming() -> Response:
    stopped = request.form.get("redeeming") == "stop"
    change(
        "program.redeeming_stopped" if stopped else "program.redeeming_resumed",
        lambda s: commands.stop_redeeming(s, merchant_id(), stopped),
    )
    if stopped:
        flash(gettext("No new codes are made. Codes already made stay good."), "success")
    else:
        flash(gettext("Members can redeem again."), "success")
    return redirect(url_for("admin.launch"), code=303)


def _preview(shop: ShopView) -> Preview:
    """The shop's front page as staff see it before shoppers do."""
    token = preview_token(runtime().vault, shop.shop_key, expires_at=now() + PREVIEW_LIFETIME)
    return Preview(shop.name, f"{shop.storefront_url or shop.base_url}/?{urlencode({PARAMETER: token})}")


def _button(here: str, state: str) -> str | None:
    if state == here or state == "draft" or (state == "paused" and here == "draft"):
        return None
    return BUTTONS[state]


def _missing(s: Session) -> list[str]:
    """What must be there before a launch makes sense."""
    missing = []
    if not any(shop.connected for shop in queries.shops(s, merchant_id())):
        missing.append(gettext("Connect a shop first."))
    try:
        programs.current(s, merchant_id(), now=now())
    except NotFound:
        missing.append(gettext("Publish the rules of the program first."))
    return missing
