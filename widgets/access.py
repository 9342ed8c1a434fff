"""Who may ask what: the shop from the address, its pages by their origin, its shopper by a token that it signed."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Response, current_app, g, request
from limits import RateLimitItem, parse
from sqlmodel import Session

from connectors import registry
from core.db.engine import reading
from core.errors import NotFound, SignatureInvalid
from core.ids import MemberId
from core.members import queries as member_queries
from core.merchants import queries as merchant_queries
from core.merchants.queries import ShopView
from core.ports import ShopperRequest
from core.runtime import Runtime
from widgets.refusals import TooOften, WrongOrigin

REDEEM = parse("10/minute")
IDENTIFIED = parse("120/minute")
HINT = parse("10/minute")
CONFIG = parse("120/minute")

PREFLIGHT_S = 7200
_SHOP_KEY = re.compile(r"[0-9a-f]{32}")
# Compared with, so that an unknown shop and a wrong token take the same way.
_NOBODY = "https://nobody.invalid"


@dataclass(frozen=True)
class Shopper:
    """A customer of a shop, proven by the shop; a member once joined."""

    shop: ShopView
    customer_id: str
    member_id: MemberId | None


def runtime() -> Runtime:
    found: Runtime = current_app.extensions["regulars"]
    return found


def shop_of(shop_key: str) -> ShopView | None:
    if not _SHOP_KEY.fullmatch(shop_key):
        return None
    with reading(runtime().db) as session:
        return merchant_queries.shop_by_key(session, shop_key)


def known_shop(shop: ShopView | None) -> ShopView:
    """Raises NotFound."""
    if shop is None:
        raise NotFound("There is no such shop")
    return shop


def check_origin(shop: ShopView | None) -> None:
    """A browser names the page's origin on calls to another host; only the shop's own may go on. Raises WrongOrigin."""
    origin = request.headers.get("Origin")
    if origin is None:
        return
    if shop is None or origin != origin_of(shop.base_url):
        raise WrongOrigin
    g.widget_origin = origin


def allow_origin(response: Response) -> Response:
    """CORS for the shop's own pages; without credentials: the proof of identity is a header, never a cookie."""
    response.vary.add("Origin")
    if origin := g.get("widget_origin"):
        response.headers["Access-Control-Allow-Origin"] = origin
    return response


def preflight() -> Response:
    response = Response(status=204)
    response.headers["Access-Control-Allow-Methods"] = "GET, POST, DELETE"
    response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
    response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_S)
    return response


def shopper(shop: ShopView | None) -> Shopper:
    """The shopper that the request's token proves. Raises SignatureInvalid: without a word on what was wrong."""
    known = _identify(shop)
    count(IDENTIFIED, "identified", known.shop.shop_id, known.customer_id)
    return known


def shopper_if_known(shop: ShopView | None) -> Shopper | None:
    try:
        return _identify(shop)
    except SignatureInvalid:
        return None


def member_of(known: Shopper) -> MemberId:
    """Raises NotFound for a customer who has not joined."""
    if known.member_id is None:
        raise NotFound("This customer is not a member")
    return known.member_id


def count(limit: RateLimitItem, *who: str) -> None:
    """Count one call. Raises TooOften."""
    for limiter in current_app.extensions.get("limiter", ()):
        if not limiter.limiter.hit(limit, "widget", *who):
            raise TooOften(retry_after_s=limit.get_expiry())


def address() -> str:
    return request.remote_addr or "unknown"


def origin_of(url: str) -> str:
    """Scheme, host and port as browsers write an origin: lower case, no default port."""
    parts = urlsplit(url.lower())
    default = {"https": 443, "http": 80}.get(parts.scheme)
    port = "" if parts.port in (None, default) else f":{parts.port}"
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{port}"


def _identify(shop: ShopView | None) -> Shopper:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    platform = registry.PLATFORMS[0] if shop is None else shop.platform
    with reading(runtime().db) as session:
        proof = ShopperRequest(
            token=token if scheme == "Bearer" else "",
            keys=_keys(session, shop),
            audience=shop.shop_key if shop else "",
            issuer=shop.base_url if shop else _NOBODY,
            now=runtime().clock(),
        )
        identity = registry.shopper_identifier(platform).identify(proof)
        if shop is None or not shop.connected:
            raise SignatureInvalid("The token is not from this shop")
        member = member_queries.by_customer(session, shop.merchant_id, shop.shop_id, identity.external_customer_id)
    return Shopper(shop, identity.external_customer_id, member.member_id if member else None)


def _keys(session: Session, shop: ShopView | None) -> dict[str, str]:
    if shop is None:
        return {}
    try:
        return merchant_queries.plugin_keys(session, runtime().vault, shop.merchant_id, shop.shop_id)
    except NotFound:
        return {}
