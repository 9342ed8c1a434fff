"""Staff whom a token of the platform proves anew for each request: a document has it in its address, a fetch as bearer.

A document without a good one goes to fetch one, by a page that holds nothing but the platform's script.
"""

from urllib.parse import urlencode

import structlog
from flask import abort, flash, g, redirect, render_template, request
from sqlmodel import Session
from werkzeug import Response as BaseResponse

from admin import frames, visits
from admin.frames import AGAIN, Framing
from admin.screens import now, read, runtime, wake
from admin.texts import gettext, said
from admin.visits import Visit
from core.errors import PlatformError, RegularsError, SignatureInvalid
from core.merchants import apps, health, queries
from core.merchants.apps import AppView
from core.merchants.queries import ShopView
from core.merchants.staff import StaffView
from core.ports import AppPlatform, StaffVisit
from core.work import connecting, hooks

log = structlog.get_logger(__name__)

# A shop whose grant is dead though it never told us, as after a reinstall: opening the app is its new grant.
_DEAD_GRANT = frozenset({"key_refused", "credentials_refused"})


def bounce() -> str:
    """A page with nothing but the platform's script, which gets a token and goes with it to where somebody wanted to be."""
    framing: Framing = g.framing
    if framing.words.bridge is None:
        abort(404)
    target, root = request.args.get(framing.words.reload, ""), request.script_root
    rest = target.removeprefix(root)
    if not target.startswith(root) or rest[:1] not in ("", "/", "?") or not target.isprintable() or "\\" in target:
        abort(400)
    return render_template("admin/embedded_bounce.html", framing=framing)


def prove_fetch(platform: AppPlatform, app: AppView | None, token: str) -> BaseResponse | None:
    """By the bearer alone: a token in the address never changes anything. `app` None: there is none, and it is said last."""
    proven = _proven(platform, token)
    if app is None:
        abort(404)
    if proven is None:
        return visits.stale(g.framing)
    base_url = proven.base_url
    shop, person = read(lambda s: apps.shop_of(s, app, base_url)), visits.known(app, proven)
    if shop is None or not shop.connected or person is None:
        return visits.stale(g.framing)
    return visits.let_in(Visit(app, Framing(app.app, (base_url,)), shop, person))


def prove_document(platform: AppPlatform, app: AppView | None) -> BaseResponse | None:
    """By the token in the address, which also installs: what Shopify calls managed installation has no other sign."""
    framing: Framing = g.framing
    token = request.args.get(framing.words.token, "")
    proven = _proven(platform, token)
    if app is None:
        abort(404)
    if proven is None:
        # Twice in a row means that our secret is not the one that the platform signs with.
        return visits.problem(403, _wrong_secret()) if token and AGAIN in request.args else _to_bounce(framing)
    g.framing = Framing(app.app, (proven.base_url,))
    person = visits.known(app, proven)
    if person is not None and not person.active:
        return visits.deactivated()
    try:
        shop = _tie(platform, app, proven, token, person)
        person = person or visits.met(app, proven, _name(app, proven))  # of a shop that may not be tied nobody is known
    except SignatureInvalid as error:  # the token's minute was over before the platform saw it
        return visits.problem(403, said(error)) if AGAIN in request.args else _to_bounce(framing)
    except RegularsError as error:
        log.warning("app.not_connected", error=health.error_word(error), merchant_id=app.merchant_id)
        return visits.problem(502 if isinstance(error, PlatformError) else 409, said(error))
    visits.note_sign_in(person)
    return visits.let_in(Visit(app, g.framing, shop, person, language=visits.said_language()))


def framing_of_shop_named(app: AppView) -> Framing:
    """For a page without a proof: the shop that it says it is opened from, if it is one of this app's."""
    plain = Framing(app.app)
    named = f"https://{request.args.get(plain.words.shop, '')}"
    shop = read(lambda s: apps.shop_of(s, app, named)) if named.isascii() and named.isprintable() else None
    return Framing(app.app, frames.homes(app.app.platform, shop, {})) if shop else plain


def _proven(platform: AppPlatform, token: str) -> StaffVisit | None:
    framing: Framing = g.framing
    try:
        return platform.staff(framing.app, token, now())
    except SignatureInvalid:
        return None


def _name(app: AppView, proven: StaffVisit) -> str:
    return gettext("%(platform)s staff %(number)s", platform=visits.platform_name(app), number=proven.user_id)


def _tie(platform: AppPlatform, app: AppView, proven: StaffVisit, token: str, person: StaffView | None) -> ShopView:
    """The shop; connected on its first visit, after a reinstall, and when its grant is dead. Raises RegularsError."""
    tied, words = read(lambda s: _tied(s, app, proven.base_url))
    if tied is not None and not _DEAD_GRANT & set(words):
        return tied
    read(lambda s: apps.may_install(s, app, proven.base_url))
    credentials = platform.grant_by_token(app.app, proven.base_url, token, now())
    staff_id = person.staff_id if person else None
    shop = connecting.by_app(runtime(), app, proven.base_url, credentials, staff_id=staff_id, now=now())
    hooks.subscribe(runtime(), shop)
    wake()
    flash(gettext("%(shop)s is connected.", shop=shop.name), "success")
    return shop


def _tied(session: Session, app: AppView, base_url: str) -> tuple[ShopView | None, tuple[str, ...]]:
    shop = connecting.is_tied(session, runtime(), app, base_url)
    if shop is None:
        return None, ()
    return shop, health.problem_words(shop, queries.health(session, shop.merchant_id, shop.shop_id), now=now())


def _to_bounce(framing: Framing) -> BaseResponse:
    """To fetch a token. Neither the old one nor what was signed with it goes along."""
    words = framing.words
    kept = [(name, value) for name, value in request.args.items(multi=True) if name not in {*words.noise, AGAIN}]
    root = request.script_root
    target = f"{root}{request.path}?{urlencode([*kept, (AGAIN, '1')])}"
    named = [(name, value) for name, value in kept if name != words.reload]
    return redirect(f"{root}/bounce?{urlencode([*named, (words.reload, target)])}")


def _wrong_secret() -> str:
    return gettext(
        "The client ID or the client secret that Regulars has of this app is not right. Put the right ones in at the"
        " server's own address, under Shops, Platforms."
    )
