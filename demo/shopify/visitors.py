"""Who is at the storefront: a cookie for the cart, another for the signed-in customer."""

import secrets

from flask import Request
from werkzeug.wrappers import Response

from demo.shop.entities import Cart
from demo.shopify.site import Site

CART, LOGIN = "cart", "_customer_session"


def visitor_of(request: Request) -> str:
    """The name of the visitor's cart; empty for one who has none yet."""
    name = request.cookies.get(CART, "")
    return name if name.startswith("c_") else ""


def cart_of(site: Site, request: Request) -> Cart:
    """The visitor's cart; one who has none sees an empty one, and nothing is stored."""
    name = visitor_of(request)
    return site.store.carts.get(name) or Cart()


def open_cart(site: Site, request: Request) -> tuple[str, Cart]:
    """A cart to put something into, and the name that its cookie must have."""
    name = visitor_of(request) or f"c_{secrets.token_hex(12)}"
    return name, site.store.cart(name)


def remember(response: Response, name: str) -> None:
    response.set_cookie(CART, name, httponly=True, samesite="Lax")


def customer_of(site: Site, request: Request) -> int:
    """The signed-in customer's id, 0 when signed out."""
    found = site.logins.get(request.cookies.get(LOGIN, ""), 0)
    return found if found in site.store.customers else 0


def sign_in(site: Site, response: Response, customer_id: int) -> None:
    value = secrets.token_urlsafe(24)
    site.logins[value] = customer_id
    response.set_cookie(LOGIN, value, httponly=True, samesite="Lax")


def sign_out(site: Site, request: Request, response: Response) -> None:
    site.logins.pop(request.cookies.get(LOGIN, ""), None)
    response.delete_cookie(LOGIN)
