"""Who is at the storefront: login cookie, cart session, Cart-Token and the Nonce that guards writes."""

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass

from flask import Request
from werkzeug.wrappers import Response

from demo.shop.entities import Cart
from demo.woocommerce.customer_defaults import first_cart
from demo.woocommerce.errors import WpError
from demo.woocommerce.site import Site

TOKEN_S = 48 * 3600
# A nonce holds for one to two of these.
TICK_S = 12 * 3600


@dataclass(frozen=True, slots=True)
class Visitor:
    """`name` keys the cart. `by_token`: the call proved itself by a valid Cart-Token, not by cookies."""

    name: str
    customer_id: int
    by_token: bool = False


def recognise(site: Site, request: Request) -> Visitor:
    """The visitor behind a request; an unknown one gets a fresh name."""
    name = _token_name(site, request.headers.get("Cart-Token", ""))
    if name:
        customer_id = int(name) if name.isdigit() else 0
        return Visitor(name, customer_id, by_token=True)
    if customer_id := customer_of(site, request):
        return Visitor(str(customer_id), customer_id)
    known = request.cookies.get(session_cookie(site), "")
    return Visitor(known if known.startswith("t_") else f"t_{secrets.token_hex(15)}", 0)


def customer_of(site: Site, request: Request) -> int:
    """The signed-in customer's id by the login cookie, 0 when signed out."""
    customer_id = site.logins.get(request.cookies.get(site.login_cookie, ""), 0)
    return customer_id if customer_id in site.store.customers else 0


def cart_of(site: Site, visitor: Visitor) -> Cart:
    carts = site.store.carts
    if visitor.name not in carts:
        carts[visitor.name] = first_cart(site.store, visitor.customer_id)
    return carts[visitor.name]


def sign_in(site: Site, response: Response, customer_id: int, *, guest: str = "") -> None:
    """Set the login cookie; what a guest had in the cart comes along into an empty one."""
    name, value = site.log_in(customer_id)
    response.set_cookie(name, value, httponly=True, samesite="Lax")
    guest_cart = site.store.carts.pop(guest, None)
    mine = cart_of(site, Visitor(str(customer_id), customer_id))
    if guest_cart is not None and not mine.quantities:
        mine.quantities, mine.coupons = guest_cart.quantities, guest_cart.coupons


def sign_out(site: Site, request: Request, response: Response) -> None:
    site.logins.pop(request.cookies.get(site.login_cookie, ""), None)
    response.delete_cookie(site.login_cookie)


def session_cookie(site: Site) -> str:
    return "wp_woocommerce_session_" + hashlib.md5(site.home_url.encode(), usedforsecurity=False).hexdigest()


def nonce(site: Site, visitor: Visitor, *, ticks_ago: int = 0) -> str:
    """Ten hex digits, the same for all guests, as in WordPress."""
    tick = int(site.now() / TICK_S) - ticks_ago
    return site.digest("store-nonce", tick, visitor.customer_id)[-12:-2]


def check_write(site: Site, visitor: Visitor, given: str) -> None:
    """Writes need the nonce, or on current shops a valid Cart-Token alone. Raises 401 or 403."""
    if visitor.by_token and site.version.cart_token_alone:
        return
    if not given:
        message = "Missing the Nonce header. This endpoint requires a valid nonce."
        raise WpError("woocommerce_rest_missing_nonce", message, 401)
    if given not in (nonce(site, visitor), nonce(site, visitor, ticks_ago=1)):
        raise WpError("woocommerce_rest_invalid_nonce", "Nonce is invalid.", 403)


def cart_token(site: Site, visitor: Visitor) -> str:
    now = int(site.now())
    claims = {"user_id": visitor.name, "exp": now + TOKEN_S, "iss": site.version.cart_token_issuer, "iat": now}
    signed = f"{_b64({'alg': 'HS256', 'typ': 'JWT'})}.{_b64(claims)}"
    return f"{signed}.{_seal(site, signed)}"


def _token_name(site: Site, token: str) -> str:
    """The visitor a Cart-Token stands for; empty when it is missing, forged or too old."""
    signed, _, seal = token.rpartition(".")
    if not signed or not hmac.compare_digest(seal.encode(), _seal(site, signed).encode()):
        return ""
    claims = json.loads(base64.urlsafe_b64decode(signed.split(".")[1] + "=="))
    return str(claims["user_id"]) if claims["exp"] > site.now() else ""


def _b64(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).rstrip(b"=").decode()


def _seal(site: Site, signed: str) -> str:
    digest = hmac.new(f"cart{site.salt}".encode(), signed.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
