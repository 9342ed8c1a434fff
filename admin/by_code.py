"""Staff whom a code proves once: the platform opens our page with it, and gives it no other token.

The shop's own server says whose code it is. The page then carries a bearer of ours in its memory, and shows it with every
fetch; when that ends, or the page is loaded again, somebody opens the settings in the platform's admin anew.
"""

from datetime import datetime

import structlog
from flask import g, make_response, render_template, request
from sqlmodel import Session
from werkzeug import Response as BaseResponse

from admin import bearers, frames, visits
from admin.bearers import Bearer
from admin.frames import Framing
from admin.screens import now, read, runtime
from admin.texts import gettext, said
from admin.visits import Visit
from core.errors import Conflict, NotFound, PlatformError, SignatureInvalid
from core.merchants import apps, health, installs, queries, staff
from core.merchants.apps import AppView
from core.merchants.installs import Pending
from core.merchants.queries import ShopView
from core.merchants.staff import StaffView
from core.ports import AddonPlatform, AddonShop, StaffVisit

log = structlog.get_logger(__name__)

LOOK_AGAIN_S = 4
TAKES_LONG = 3  # attempts
_LONGEST_CODE = 1000


def prove_fetch(app: AppView, token: str) -> BaseResponse | None:
    """By the bearer alone: nothing in an address ever changes anything."""
    try:
        found = bearers.read(token, _key(), app_key=app.app.app_key, now=now())
        shop, person = read(lambda s: _named(s, app, found))
    except (SignatureInvalid, NotFound):
        return visits.stale(g.framing)
    g.framing = Framing(app.app, frames.homes(app.app.platform, shop, {}))
    if not person.active:
        return visits.deactivated()
    if not shop.connected or person.session_epoch != found.session_epoch:
        return visits.stale(g.framing)
    return visits.let_in(Visit(app, g.framing, shop, person))


def prove_document(platform: AddonPlatform, app: AppView, redirect_uri: str) -> BaseResponse | None:
    """By the code in the address. `redirect_uri`: where the platform sent it, to the letter."""
    words = g.framing.words
    named, code = request.args.get(words.shop, ""), request.args.get(words.token, "")
    shop, details, waiting = read(lambda s: _shop_named(s, app, named))
    if shop is not None:
        g.framing = Framing(app.app, frames.homes(app.app.platform, shop, details))
    elif waiting is not None:
        g.framing = Framing(app.app, (waiting.base_url,))
    if waiting is not None and not (shop is not None and shop.connected):
        return _being_connected(waiting)
    if shop is None or not shop.connected:
        return visits.problem(409, _not_connected(app, shop))
    if not 0 < len(code) <= _LONGEST_CODE or not code.isascii() or not code.isprintable():
        return visits.problem(403, _only_once(), title=str(words.anew))
    try:
        asked = AddonShop(named, shop.base_url, details)
        proven = platform.staff_by_code(app.app, asked, code, redirect_uri=redirect_uri, now=now())
    except SignatureInvalid as error:
        log.info("addon.staff_not_proven", shop_id=shop.shop_id, why=error.message)
        return visits.problem(403, gettext("The shop did not confirm who you are."), title=str(words.anew))
    except PlatformError as error:
        log.warning("addon.staff_not_proven", shop_id=shop.shop_id, error=health.error_word(error))
        return visits.problem(502, said(error))
    return _enter(app, shop, proven)


def _enter(app: AppView, shop: ShopView, proven: StaffVisit) -> BaseResponse | None:
    person = visits.known(app, proven) or visits.met(app, proven, proven.user_id)
    if not person.active:
        return visits.deactivated()
    visits.note_sign_in(person)
    ends = min(proven.expires_at, now() + bearers.LONGEST_LIFE)
    bearer = Bearer(app.app.app_key, shop.shop_id, person.staff_id, person.session_epoch, ends)
    return visits.let_in(Visit(app, g.framing, shop, person, bearers.written(bearer, _key()), visits.said_language()))


def _named(s: Session, app: AppView, bearer: Bearer) -> tuple[ShopView, StaffView]:
    """Raises NotFound; also for a shop that this app is not installed in any more."""
    shop = queries.shop(s, app.merchant_id, bearer.shop_id)
    of = apps.app_of(s, runtime().vault, app.merchant_id, bearer.shop_id)
    if of is None or of.app_id != app.app_id:
        raise NotFound("There is no such shop")
    return shop, staff.staff(s, app.merchant_id, bearer.staff_id)


def _shop_named(s: Session, app: AppView, named: str) -> tuple[ShopView | None, dict[str, str], Pending | None]:
    """The shop that the address names, if it is one of this app's, its details, and an installation that is still to be tied.

    Nothing of it is proven: what is told to whoever knows the name is that we know it, too.
    """
    if not (named.isascii() and named.isdigit()):
        return None, {}, None
    shop = apps.shop_by_platform_id(s, app, named)
    waiting = next(
        (
            each
            for each in installs.pending(s, runtime().vault, app.merchant_id)
            if (each.app_id, each.platform_shop_id) == (app.app_id, named)
        ),
        None,
    )
    if shop is None:
        return None, {}, waiting
    try:
        details = queries.installation(s, runtime().vault, shop.merchant_id, shop.shop_id).details
    except Conflict:  # it is disconnected
        details = {}
    return shop, dict(details), waiting


def _being_connected(waiting: Pending) -> BaseResponse:
    """A page that is loaded again with the same code, which nobody has used yet."""
    page = render_template(
        "admin/embedded_waiting.html",
        look_again_s=LOOK_AGAIN_S,
        takes_long=waiting.attempts >= TAKES_LONG,
        since=_whole_minutes(waiting.installed_at),
    )
    return make_response(page, 200)


def _whole_minutes(since: datetime) -> int:
    return int((now() - since).total_seconds() // 60)


def _only_once() -> str:
    return gettext("Each opening proves who you are, once. So the browser cannot load this page again by itself.")


def _not_connected(app: AppView, shop: ShopView | None) -> str:
    if shop is not None and shop.state == "disconnected":
        return gettext(
            "This shop was disconnected in Regulars. An owner lets it return on the shop's page there; then install the"
            " addon in %(platform)s once more.",
            platform=visits.platform_name(app),
        )
    return gettext(
        "This shop is not connected with Regulars. Install the addon in %(platform)s once more. An addon is for one"
        " shop: each further one needs an addon of its own.",
        platform=visits.platform_name(app),
    )


def _key() -> bytes:
    return runtime().vault.derived(bearers.PURPOSE)
