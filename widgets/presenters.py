"""From core's views to the JSON of the widget's API. Pure; the shapes below are the contract with source/*.js.

Points are whole numbers. Money is {minor, currency, digits}: `digits` are the currency's decimals. Days ("2026-12-05") are
days of the program's calendar; instants are ISO 8601 in UTC. Sentences are whole and in the language asked for (?lang=).

    GET    config            Config; {"state": "hidden"} when shoppers see nothing. Public, cached for a minute
    GET    me?order=         Me; `order`: what the order of the thank-you page has brought, null while nothing has come
    POST   join {}           Me, 201
    GET    history?cursor=   History
    POST   redemptions       {points, idempotency_key} -> Redemption; 201 when its code is ready, 202 while it is made
    GET    redemptions/<id>  Redemption
    DELETE redemptions/<id>  Redemption; 200 when it is over, 202 while its code is being cancelled ("ending")
    POST   hint {order}      {}, 202 whatever is asked
    errors                   {"error": {"code", "message"}}: 400, 401 (always the same), 403, 404, 409, 429, 503

    POST   proofs, proofs/confirm, session   where Config.identity is "mail": see proofs.py

me, join, history and redemptions want `Authorization: Bearer <token of the shop's identity endpoint>`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from core.ledger.queries import BalanceView, TimelineEntry
from core.merchants.queries import MerchantView, ShopView
from core.money import Money, exponent
from core.ports import Platform
from core.program.terms import Terms
from core.rewards.redemption.queries import RedemptionView
from core.rewards.redemption.quote import Offer, offer, points_for
from widgets import offers
from widgets.assets import MAILED, PANEL, asset
from widgets.browser_texts import LOADER_TEXTS, compiled, file_name
from widgets.colours import theme_colours
from widgets.history import history_item
from widgets.refusals import cannot_redeem
from widgets.shapes import (
    Config,
    ExpiringJson,
    GoalJson,
    HiddenConfig,
    History,
    Me,
    MoneyJson,
    PendingJson,
    RedeemJson,
    Redemption,
    State,
    WayJson,
)
from widgets.speech import Speech

# Where shoppers sign in and register, below the shop's address; a page that says so itself (data-account) goes before.
ACCOUNT_PATHS = {Platform.WOOCOMMERCE: "/my-account/"}


def state_of(merchant: MerchantView, shop: ShopView, *, staff: bool) -> State:
    """Who sees the widget: nobody before the launch, staff by their preview link, then everyone, in a pause too."""
    if not shop.connected:
        return "hidden"
    if merchant.launch in ("live", "paused"):
        return "live" if merchant.launch == "live" else "paused"
    return "staff" if staff else "hidden"


def config(
    shop: ShopView, terms: Terms, state: State, speech: Speech, *, mailed: bool = False
) -> Config | HiddenConfig:
    """`mailed`: shoppers are proven by a code in a mail, since pages of the shop sign nothing."""
    if state == "hidden":
        return {"state": "hidden"}
    catalogue = speech.catalogue
    return {
        "state": state,
        "lang": catalogue.language,
        "dir": catalogue.locale.text_direction,
        "program": terms.name,
        "launcher": True,
        "theme": {"scheme": "auto", "side": "end", "colours": theme_colours(terms.brand_colour)},
        "identity": "mail" if mailed else "shop",
        "mailed": asset(MAILED).address if mailed else None,
        "panel": asset(PANEL).address,
        "texts": asset(file_name(catalogue.language)).address,
        "words": compiled(LOADER_TEXTS, catalogue),
        "links": {"account": _account(shop)},
        "earn": [_way(way) for way in offers.ways_to_earn(terms, shop.currency, speech)],
        "redeem": [_way(way) for way in offers.ways_to_redeem(terms, shop.currency, speech)],
        "terms": offers.good_to_know(terms, speech),
    }


def not_a_member() -> Me:
    return {
        "points": None,
        "value": None,
        "pending": None,
        "expiring": None,
        "goal": None,
        "redeem": {"allowed": False},
        "codes": [],
        "order": None,
    }


def me(
    merchant: MerchantView,
    shop: ShopView,
    terms: Terms,
    balance: BalanceView,
    codes: Sequence[RedemptionView],
    speech: Speech,
    *,
    open_at_most: int,
    earned_by_order: int | None = None,
) -> Me:
    possible = offer(terms, shop.currency, balance.available, smallest_unit=shop.smallest_unit)
    rate = terms.currencies.get(shop.currency)
    return {
        "points": {
            "available": balance.available,
            "pending": balance.pending,
            "held": balance.held,
            "debt": balance.debt,
        },
        "value": money(Money(possible.balance_worth_minor, shop.currency)) if rate else None,
        "pending": _pending(balance, speech),
        "expiring": _expiring(balance, speech),
        "goal": _goal(balance, terms, shop.currency),
        "redeem": _redeem(merchant, shop, terms, balance, possible, room=open_at_most - len(codes), speech=speech),
        "codes": [redemption(view) for view in codes],
        "order": {"points": earned_by_order} if earned_by_order else None,
    }


def redemption(view: RedemptionView) -> Redemption:
    state = _redemption_state(view)
    return {
        "id": view.redemption_id,
        "state": state,
        "code": view.code if state == "ready" else None,
        "points": view.points,
        "value": money(Money(view.face_minor, view.currency)),
        "expires_at": instant(view.code_expires_at),
    }


def history(entries: Sequence[TimelineEntry], speech: Speech, *, next_cursor: str | None) -> History:
    items = [history_item(entry, speech) for entry in entries]
    return {
        "items": [
            {"on": item.on.isoformat(), "text": item.text, "points": item.points, "note": item.note} for item in items
        ],
        "next": next_cursor,
    }


def money(amount: Money) -> MoneyJson:
    return {"minor": amount.minor, "currency": amount.currency, "digits": exponent(amount.currency)}


def instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _account(shop: ShopView) -> str | None:
    path = ACCOUNT_PATHS.get(shop.platform)
    return None if path is None else shop.base_url.rstrip("/") + path


def _way(way: offers.Way) -> WayJson:
    return {"icon": way.icon, "title": way.title, "text": way.text}


def _pending(balance: BalanceView, speech: Speech) -> PendingJson | None:
    if balance.next_matures is None:
        return None
    at, points = balance.next_matures
    return {"points": points, "on": speech.first_day(at).isoformat()}


def _goal(balance: BalanceView, terms: Terms, currency: str) -> GoalJson | None:
    rate = terms.currencies.get(currency)
    goal = offers.next_goal(balance.available, rate, currency) if rate and not balance.debt else None
    if goal is None:
        return None
    return {"points": goal.points, "missing": goal.points - balance.available, "value": money(goal.value)}


def _expiring(balance: BalanceView, speech: Speech) -> ExpiringJson | None:
    if balance.next_expires is None:
        return None
    at, points = balance.next_expires
    return {"points": points, "through": speech.last_day(at).isoformat()}


def _redeem(
    merchant: MerchantView,
    shop: ShopView,
    terms: Terms,
    balance: BalanceView,
    possible: Offer,
    *,
    room: int,
    speech: Speech,
) -> RedeemJson:
    """`room`: for so many more codes."""
    reason = _why_not(merchant, shop, balance, possible, room)
    if reason is not None:
        message = cannot_redeem(reason, speech, minimum_points=possible.minimum_points)
        return {"allowed": False, "reason": reason, "message": message}
    return {
        "allowed": True,
        "minimum": possible.minimum_points,
        "maximum": possible.maximum_points,
        "step": points_for(terms.currencies[shop.currency], possible.step_minor),
        "unit": money(Money(possible.step_minor, shop.currency)),
    }


def _why_not(merchant: MerchantView, shop: ShopView, balance: BalanceView, possible: Offer, room: int) -> str | None:
    """As core.rewards.redemption.commands.place decides; said beforehand, so that nobody tries in vain."""
    if merchant.launch not in ("staff", "live"):
        return "paused"
    if merchant.redeeming_stopped:
        return "redeeming_stopped"
    if not shop.connected:
        return "shop_disconnected"
    if possible.reason == "currency":
        return "currency"
    if balance.debt:
        return "debt"
    return "too_many_open" if room <= 0 else possible.reason


def _redemption_state(view: RedemptionView) -> str:
    if view.state == "captured":
        return "used"
    if view.state == "voided":
        return "ended"
    if view.effect.wanted == "dead":
        return "ending"
    return "ready" if view.effect.actual == "issued" else "preparing"
