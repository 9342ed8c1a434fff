"""Shoppers where a platform itself proves them: pages of the shop through its app proxy, and our pieces at its checkout.

    GET  proxy/<app_key>/token          through the shop: {"shop_key", "token", "expires_in", "earn"}; token null for guests
    GET  extension/<app_key>/balance    {"points": {available, pending} | null, "value", "rewards": [{id, points, value}], "codes"}
    GET  extension/<app_key>/order/<id> {"points"}; null while nothing has come
    POST extension/<app_key>/redeem     {reward, idempotency_key} -> Redemption, as in presenters.py

Extensions run on the platform's own origin and want `Authorization: Bearer <its session token>`. A proof from here is never
more than a token of ours: with it the widget asks at the usual addresses.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from flask import Blueprint, Response, request
from pydantic import BaseModel, ConfigDict, Field
from werkzeug.exceptions import HTTPException

from connectors import registry
from core.clock import utc_now
from core.db.engine import reading
from core.errors import InvalidInput, NotFound, RegularsError, SignatureInvalid
from core.members import queries as member_queries
from core.merchants import apps
from core.merchants import queries as merchant_queries
from core.merchants.apps import AppView
from core.merchants.queries import ShopView
from core.money import Money, exponent
from core.ports import AppPlatform, PlatformApp, ShopperVisit
from core.program.terms import Terms
from core.rewards.redemption.quote import offer, points_for
from widgets import access, presenters, routes, wire
from widgets.access import Shopper, Visit, runtime
from widgets.shapes import Me

blueprint = Blueprint("app_widgets", __name__, url_prefix="/widget/v1")

_ORDER = re.compile(r"[0-9]{1,20}")
_NOBODY = PlatformApp("0" * 32, registry.PLATFORMS[0], "nobody", ("nobody's: the same work is done, and nothing fits",))
# What a shopper may choose at a checkout: so many, from the smallest to all that the points are worth.
REWARDS = 5


class RedeemReward(BaseModel):
    """`reward`: the id of one that `balance` offered, which is its points."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    reward: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,8}$")]
    idempotency_key: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{16,64}$")]


@blueprint.get("/proxy/<app_key>/token")
def token(app_key: str) -> Response:
    """Reads only: what the platform signed can be sent again for a while, by any script of the shop's page."""
    with _proven(app_key, by_proxy=True) as (visit, known, shop, customer_id):
        if customer_id is not None:  # guests come by the platform's own address, all of them
            access.count(access.IDENTIFIED, "proxy", shop.shop_id, customer_id)
        body: dict[str, object] = {"shop_key": shop.shop_key, "token": None, "expires_in": 0, "earn": None}
        terms = routes.terms_of(visit.session, shop)
        if terms is not None and presenters.state_of(known.merchant, shop, staff=False) == "live":
            body["earn"] = _earn(terms, shop)
        keys = known.plugin_keys(runtime().vault)
    if customer_id is not None and keys:
        kid, key = list(keys.items())[-1]
        now = runtime().clock()
        body["token"] = registry.issue_shopper_token(
            kid=kid, key=key, customer_id=customer_id, audience=shop.shop_key, issuer=shop.base_url, now=now
        )
        body["expires_in"] = registry.SHOPPER_TOKEN_LIFE_S
    return wire.answer(body)


@blueprint.get("/extension/<app_key>/balance")
def balance(app_key: str) -> Response:
    with _shopper(app_key) as (visit, known):
        me = routes.me_of(visit.session, known)
        terms = routes.terms_of(visit.session, known.shop)
    rewards = _rewards(me, terms, known.shop) if terms else []
    return wire.answer({"points": me["points"], "value": me["value"], "codes": me["codes"], "rewards": rewards})


@blueprint.get("/extension/<app_key>/order/<external_id>")
def order(app_key: str, external_id: str) -> Response:
    if not _ORDER.fullmatch(external_id):
        raise InvalidInput("This is no order", field="order")
    with _shopper(app_key) as (visit, known):
        me = routes.me_of(visit.session, known, order=external_id)
    if me["order"] is None and me["points"] is not None:
        access.count(access.HINT, "hint", known.shop.shop_id, known.customer_id)
        routes.want(known, external_id)
    return wire.answer({"points": me["order"]["points"] if me["order"] else None})


@blueprint.post("/extension/<app_key>/redeem")
def redeem(app_key: str) -> Response:
    with _shopper(app_key) as (_, known):
        pass
    asked = wire.body(RedeemReward)
    return routes.redeem_for(known, points=int(asked.reward), idempotency_key=asked.idempotency_key)


@blueprint.before_request
def _preflight() -> Response | None:
    return access.preflight() if request.method == "OPTIONS" else None


@blueprint.after_request
def _finish(response: Response) -> Response:
    # Extensions run in a worker whose origin says nothing of the shop. The proof is a header, never a cookie.
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers.extend(routes.OF_EVERY_ANSWER)
    response.headers.setdefault("Cache-Control", wire.NOT_KEPT)
    return response


@blueprint.errorhandler(RegularsError)
def _refused(error: RegularsError) -> Response:
    return routes.refused(error)


@blueprint.errorhandler(HTTPException)
def _http_error(error: HTTPException) -> Response:
    return routes.http_error(error)


@contextmanager
def _proven(app_key: str, *, by_proxy: bool) -> Iterator[tuple[Visit, merchant_queries.DoorView, ShopView, str | None]]:
    """The shop and the customer that a request proves. Raises SignatureInvalid: an unknown app is like a wrong proof."""
    with reading(runtime().db) as session:
        found = apps.app_by_key(session, runtime().vault, app_key) if access.is_id(app_key) else None
        app = found.app if found else _NOBODY
        visit = _ask(_platform(found), app, by_proxy=by_proxy)
        shop = apps.shop_of(session, found, visit.base_url) if found else None
        if shop is None or not shop.connected:
            raise SignatureInvalid("The request is not from this shop")
        door = merchant_queries.door_by_key(session, shop.shop_key)
        if door is None:
            raise NotFound("There is no such shop")
        yield Visit(session, door), door, shop, visit.customer_id


def _platform(found: AppView | None) -> AppPlatform:
    wanted = [found.app.platform] if found else registry.PLATFORMS
    platform = next((known for each in wanted if (known := runtime().app_platform(each))), None)
    if platform is None:
        raise SignatureInvalid("There is no such app")
    return platform


def _ask(platform: AppPlatform, app: PlatformApp, *, by_proxy: bool) -> ShopperVisit:
    # The wall clock: these proofs last for seconds, and the platform's clock is right.
    if by_proxy:
        return platform.proxied(app, request.query_string, utc_now())
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    return platform.extension(app, given if scheme == "Bearer" else "", utc_now())


@contextmanager
def _shopper(app_key: str) -> Iterator[tuple[Visit, Shopper]]:
    with _proven(app_key, by_proxy=False) as (visit, door, shop, customer_id):
        if customer_id is None:
            raise SignatureInvalid("Nobody is signed in")
        access.count(access.IDENTIFIED, "identified", shop.shop_id, customer_id)
        member_id = member_queries.id_by_customer(visit.session, shop.merchant_id, shop.shop_id, customer_id)
        yield visit, Shopper(door, customer_id, member_id)


def _earn(terms: Terms, shop: ShopView) -> object:
    rate = terms.currencies.get(shop.currency)
    if rate is None:
        return None
    digits = exponent(shop.currency)
    return {"currency": shop.currency, "digits": digits, "points": rate.earn_points, "per_minor": rate.earn_per_minor}


def _rewards(me: Me, terms: Terms, shop: ShopView) -> list[object]:
    """A few sums to choose from, evenly between the least and the most; a slider would be too much at a checkout."""
    if me["points"] is None or not me["redeem"]["allowed"]:
        return []
    possible = offer(terms, shop.currency, me["points"]["available"], smallest_unit=shop.smallest_unit)
    steps = (possible.maximum_minor - possible.minimum_minor) // possible.step_minor
    sums = {possible.minimum_minor + steps * part // (REWARDS - 1) * possible.step_minor for part in range(REWARDS)}
    priced = [(points_for(terms.currencies[shop.currency], minor), minor) for minor in sorted(sums)]
    return [
        {"id": str(points), "points": points, "value": presenters.money(Money(minor, shop.currency))}
        for points, minor in priced
    ]
