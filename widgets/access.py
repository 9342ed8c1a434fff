"""Who may ask what: the shop from the address, its pages by their origin, its shopper by a token that it signed."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from flask import Response, current_app, g, request
from limits import RateLimitItem, parse
from limits.strategies import RateLimiter
from sqlmodel import Session

from connectors import registry
from core.db.engine import reading
from core.errors import NotFound, SignatureInvalid
from core.ids import MemberId
from core.members import queries as member_queries
from core.merchants import queries as merchant_queries
from core.merchants.queries import DoorView, ShopView
from core.ports import ShopperRequest
from core.runtime import Runtime
from widgets.refusals import TooOften, WrongOrigin

REDEEM = parse("10/minute")
IDENTIFIED = parse("120/minute")
HINT = parse("10/minute")
CONFIG = parse("120/minute")

PREFLIGHT_S = 7200
_ID = re.compile(r"[0-9a-f]{32}")  # also of a shop's key
# Compared with, so that an unknown shop and a wrong token take the same way.
_NOBODY = "https://nobody.invalid"


@dataclass(frozen=True)
class Visit:
    """A request whose page has been looked at. `session`: the one read transaction of the request. `door` None: no such shop."""

    session: Session
    door: DoorView | None

    @property
    def shop(self) -> ShopView | None:
        return self.door.shop if self.door else None


@dataclass(frozen=True)
class Shopper:
    """A customer of a shop, proven by the shop; a member once joined."""

    door: DoorView
    customer_id: str
    member_id: MemberId | None

    @property
    def shop(self) -> ShopView:
        return self.door.shop


def runtime() -> Runtime:
    found: Runtime = current_app.extensions["regulars"]
    return found


@contextmanager
def visit(shop_key: str) -> Iterator[Visit]:
    """How every call begins: which shop it is, and whether the page may ask. Raises WrongOrigin.

    What is written, and what waits for the shop, comes after it: by then the read transaction has ended.
    """
    with reading(runtime().db) as session:
        door = merchant_queries.door_by_key(session, shop_key) if is_id(shop_key) else None
        _check_origin(door.shop if door else None)
        yield Visit(session, door)


def is_id(text: str) -> bool:
    """Whether this has the form of our ids and keys."""
    return _ID.fullmatch(text) is not None


def known_shop(visit: Visit) -> DoorView:
    """Raises NotFound."""
    if visit.door is None:
        raise NotFound("There is no such shop")
    return visit.door


def allow_origin(response: Response) -> Response:
    """CORS for the shop's own pages; without credentials: the proof of identity is a header, never a cookie."""
    response.headers.add("Vary", "Origin")
    if origin := g.get("widget_origin"):
        response.headers["Access-Control-Allow-Origin"] = origin
    return response


def preflight() -> Response:
    response = Response(status=204)
    response.headers["Access-Control-Allow-Methods"] = "GET, POST, DELETE"
    response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
    response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_S)
    return response


def shopper(visit: Visit) -> Shopper:
    """The shopper that the request's token proves. Raises SignatureInvalid: without a word on what was wrong."""
    known = _identify(visit)
    count(IDENTIFIED, "identified", known.shop.shop_id, known.customer_id)
    return known


def shopper_if_known(visit: Visit) -> Shopper | None:
    try:
        return _identify(visit)
    except SignatureInvalid:
        return None


def member_of(known: Shopper) -> MemberId:
    """Raises NotFound for a customer who has not joined."""
    if known.member_id is None:
        raise NotFound("This customer is not a member")
    return known.member_id


def count(limit: RateLimitItem, *who: str) -> None:
    """Count one call. Raises TooOften."""
    limiter: RateLimiter = current_app.extensions["regulars.limiter"]
    if not limiter.hit(limit, "widget", *who):
        raise TooOften(retry_after_s=limit.get_expiry())


def address() -> str:
    """Who asks, for counting: of IPv6 the network, for each house has more addresses than could be counted."""
    given = request.remote_addr or "unknown"
    try:
        found = ip_address(given)
    except ValueError:
        return given
    return str(ip_network((found, 64), strict=False)) if found.version == 6 else given


@lru_cache(maxsize=1024)
def origin_of(url: str) -> str:
    """Scheme, host and port as browsers write an origin: lower case, no default port."""
    parts = urlsplit(url.lower())
    default = {"https": 443, "http": 80}.get(parts.scheme)
    port = "" if parts.port in (None, default) else f":{parts.port}"
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{port}"


def _check_origin(shop: ShopView | None) -> None:
    """A browser names the page's origin on calls to another host; only the shop's own may go on. Raises WrongOrigin."""
    origin = request.headers.get("Origin")
    if origin is None:
        return
    if shop is None or origin not in (origin_of(shop.base_url), origin_of(shop.storefront_url or shop.base_url)):
        raise WrongOrigin
    g.widget_origin = origin


def _identify(visit: Visit) -> Shopper:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    door, shop = visit.door, visit.shop
    platform = registry.PLATFORMS[0] if shop is None else shop.platform
    proof = ShopperRequest(
        token=token if scheme == "Bearer" else "",
        keys=door.plugin_keys(runtime().vault) if door else {},
        audience=shop.shop_key if shop else "",
        issuer=shop.base_url if shop else _NOBODY,
        now=runtime().clock(),
    )
    identity = registry.shopper_identifier(platform).identify(proof)
    if door is None or shop is None or not shop.connected:
        raise SignatureInvalid("The token is not from this shop")
    customer_id = identity.external_customer_id
    return Shopper(
        door,
        customer_id,
        member_queries.id_by_customer(visit.session, shop.merchant_id, shop.shop_id, customer_id),
    )
