"""The shops of a merchant: list, and a page for each with health, plugin, parked work and the way out."""

import io
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Response as FlaskResponse
from flask import flash, redirect, render_template, send_file, url_for
from sqlmodel import Session
from werkzeug import Response

from admin import problems, shop_work
from admin.formats import number
from admin.forms import ButtonForm
from admin.frames import PLATFORM_NAMES
from admin.problems import Problem
from admin.screens import EVERYONE, MANAGERS, actor, change, merchant_id, now, read, runtime, screen, wake
from admin.shop_work import Tie
from admin.texts import gettext, ngettext
from admin.texts import lazy_gettext as _l
from connectors import registry
from core.earning import orders
from core.earning import queries as order_queries
from core.ids import ShopId
from core.merchants import commands, health, queries
from core.merchants.queries import HealthView, ShopView
from core.ports import Capability
from core.queue import queries as inbox
from core.queue.queries import ParkedView
from core.work import backfill
from core.work.backfill import BackfillView

_REMOVE_THERE = {
    Tie.APP: _l("Remove the app in the shop's own admin as well: opening it there connects the shop again."),
    Tie.ADDON: _l("Uninstall the addon in the shop's own admin as well."),
}
_CONNECT = {Tie.KEYS: "admin.connect_address", Tie.TOKEN: "admin.connect_token"}
CLAWBACKS_GO_ON_FOR = timedelta(hours=1)


@dataclass(frozen=True)
class ShopPage:
    """All that one shop's page shows. `tells_of_mail`: members prove who they are by a code in a mail, and none can be sent."""

    shop: ShopView
    platform_name: str
    tie: Tie
    tells_of_mail: bool
    health: HealthView
    problems: list[Problem]
    paired: bool
    parked_orders: int
    messages: list[ParkedView]
    history: BackfillView | None
    may_change: bool

    @property
    def well(self) -> bool:
        return not self.problems

    @property
    def connect_url(self) -> str | None:
        """Where somebody here connects it again; None where the shop itself does it, in its own admin."""
        endpoint = _CONNECT.get(self.tie)
        return url_for(endpoint, shop_url=self.shop.base_url) if endpoint else None

    @property
    def last_heard(self) -> datetime | None:
        known = self.health
        moments = [known.last_delivery_at, known.last_poll_at, known.last_read_at, known.last_nudge_at]
        return max((moment for moment in moments if moment is not None), default=None)


@screen("/shops", roles=EVERYONE)
def shops() -> str:
    return render_template("admin/shops.html", pages=read(_all_pages), may_change=actor().role in MANAGERS)


@screen("/shops/<id:shop_id>", roles=EVERYONE)
def shop(shop_id: ShopId) -> str:
    return render_template("admin/shop.html", page=read(lambda s: _page(s, _find(s, shop_id))), form=ButtonForm())


@screen("/shops/<id:shop_id>/check", roles=EVERYONE, methods=("POST",))
def shop_check(shop_id: ShopId) -> Response:
    found = shop_work.look(_connected(shop_id))
    if found.problems:
        text = ngettext(
            "Checked: %(number)s problem.",
            "Checked: %(number)s problems.",
            len(found.problems),
            number=len(found.problems),
        )
        flash(text, "warning")
    else:
        flash(gettext("Checked: all is well."), "success")
    return _back(shop_id)


@screen("/shops/<id:shop_id>/subscribe", roles=MANAGERS, methods=("POST",))
def shop_subscribe(shop_id: ShopId) -> Response:
    shop_work.subscribe(_connected(shop_id))
    flash(gettext("The shop's notifications are set up."), "success")
    return _back(shop_id)


@screen("/shops/<id:shop_id>/pairing-code", roles=MANAGERS, methods=("POST",))
def shop_pairing_code(shop_id: ShopId) -> str:
    """The line to paste into the plugin. It holds a code that works once, so it is shown once."""
    found = _connected(shop_id)
    offer = _offer(found, "shop.pairing_code_made")
    line = registry.plugin(found.platform).line_for(**offer)
    return render_template("admin/shop_line.html", shop=found, line=line, offer=offer)


@screen("/shops/<id:shop_id>/plugin", roles=MANAGERS, methods=("POST",))
def shop_plugin(shop_id: ShopId) -> FlaskResponse:
    """The plugin, made for this shop: it pairs itself when it is activated."""
    found = _connected(shop_id)
    plugin = registry.plugin(found.platform)
    content = plugin.zip_for(**_offer(found, "shop.plugin_downloaded"))
    return send_file(
        io.BytesIO(content), mimetype="application/zip", as_attachment=True, download_name=plugin.file_name
    )


@screen("/shops/<id:shop_id>/clawbacks", roles=MANAGERS, methods=("POST",))
def shop_clawbacks(shop_id: ShopId) -> Response:
    """A large run of clawbacks parked itself and asked; this is the yes, for an hour."""
    _connected(shop_id)

    def go_on(s: Session) -> int:
        commands.allow_clawback(s, merchant_id(), shop_id, until=now() + CLAWBACKS_GO_ON_FOR)
        return orders.want_all_flagged(s, merchant_id(), shop_id, "parked", now=now())

    count = change("shop.clawback_allowed", go_on, subject=shop_id, details=lambda n: {"orders": n})
    wake()
    flash(
        ngettext(
            "%(number)s parked order goes on now.", "%(number)s parked orders go on now.", count, number=number(count)
        ),
        "success",
    )
    return _back(shop_id)


@screen("/shops/<id:shop_id>/return", roles=MANAGERS, methods=("POST",), embedded=False)
def shop_return(shop_id: ShopId) -> Response:
    """A shop that was disconnected here may install us again: whoever can open the app there must not decide that."""
    found = read(lambda s: queries.shop(s, merchant_id(), shop_id))
    change("shop.may_return", lambda s: commands.let_shop_return(s, merchant_id(), shop_id), subject=shop_id)
    flash(gettext("%(shop)s may connect again, from the shop's own admin.", shop=found.name), "success")
    return redirect(url_for("admin.shop", shop_id=shop_id), code=303)


@screen("/shops/<id:shop_id>/disconnect", roles=MANAGERS, methods=("GET", "POST"), embedded=False)
def shop_disconnect(shop_id: ShopId) -> Response | str:
    found = _connected(shop_id)
    form = ButtonForm()
    if not form.validate_on_submit():
        return render_template("admin/shop_disconnect.html", shop=found, form=form)
    tie = read(lambda s: shop_work.tie_of(s, found))
    went = shop_work.disconnect(found)
    wake()
    flash(gettext("%(shop)s is disconnected. Members keep their points.", shop=found.name), "success")
    if tie.by_app:
        flash(str(_REMOVE_THERE[tie]), "warning")
    if not went.hooks_removed:
        flash(gettext("The shop did not let us remove our notifications. You can delete them in the shop."), "warning")
    if went.codes_left:
        text = ngettext(
            "%(number)s open code could not be made invalid yet; we keep trying, then its points come back.",
            "%(number)s open codes could not be made invalid yet; we keep trying, then their points come back.",
            went.codes_left,
            number=number(went.codes_left),
        )
        flash(text, "warning")
    return redirect(url_for("admin.shops"), code=303)


def _offer(found: ShopView, action: str) -> dict[str, str]:
    code = change(
        action,
        lambda s: commands.new_pairing_code(s, merchant_id(), found.shop_id, now=now()),
        subject=found.shop_id,
    )
    return {"server_url": runtime().public_url(), "shop_key": found.shop_key, "pairing_code": code}


def _find(s: Session, shop_id: ShopId) -> ShopView:
    return queries.shop(s, merchant_id(), shop_id)


def _connected(shop_id: ShopId) -> ShopView:
    return read(lambda s: _find(s, shop_id))


def _all_pages(s: Session) -> list[ShopPage]:
    return [_page(s, found) for found in queries.shops(s, merchant_id())]


def _page(s: Session, found: ShopView) -> ShopPage:
    known = queries.health(s, found.merchant_id, found.shop_id)
    words = health.problem_words(found, known, now=now())
    flagged = order_queries.flagged(s, found.merchant_id)
    return ShopPage(
        shop=found,
        platform_name=PLATFORM_NAMES[found.platform],
        tie=shop_work.tie_of(s, found),
        tells_of_mail=runtime().settings.mail is None
        and Capability.MAILED_IDENTITY in runtime().capabilities(found.platform),
        health=known,
        problems=problems.problems(words, found.platform),
        paired=bool(queries.plugin_keys(s, runtime().vault, found.merchant_id, found.shop_id)),
        parked_orders=sum(1 for o in flagged if o.shop_id == found.shop_id and "parked" in o.flags),
        messages=inbox.parked(s, found.merchant_id, found.shop_id),
        history=backfill.latest(s, found.merchant_id, found.shop_id),
        may_change=actor().role in MANAGERS,
    )


def _back(shop_id: ShopId) -> Response:
    return redirect(url_for("admin.shop", shop_id=shop_id), code=303)
