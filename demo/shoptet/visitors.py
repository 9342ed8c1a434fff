"""Who is at the storefront: a session cookie for cart and CSRF token, another for the signed-in account."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from flask import Request, g
from werkzeug.wrappers import Response

from demo.shop.entities import Cart, Customer
from demo.shoptet.site import Site

SESSION, LOGIN = "PHPSESSID", "customerToken"


@dataclass(frozen=True, slots=True)
class Visitor:
    """`account_id`: one of the customer's further logins, 0 for the main one. No customer: a guest."""

    session: str
    customer: Customer | None = None
    account_id: int = 0

    @property
    def customer_id(self) -> int:
        return self.customer.id if self.customer is not None else 0


def visitor(site: Site, request: Request) -> Visitor:
    """Whoever calls; someone new gets a session, which `remember` hands out with the answer."""
    known: Visitor | None = g.get("visitor")
    if known is None:
        session = request.cookies.get(SESSION, "") or f"s{secrets.token_hex(12)}"
        customer_id, account_id = site.logins.get(request.cookies.get(LOGIN, ""), (0, 0))
        known = g.visitor = Visitor(session, site.store.customers.get(customer_id), account_id)
    return known


def cart_of(site: Site, who: Visitor) -> Cart:
    """The visitor's cart; one who has put nothing in sees an empty one, and nothing is stored."""
    return site.store.carts.get(who.session) or Cart()


def remember(response: Response) -> Response:
    who: Visitor | None = g.get("visitor")
    if who is not None:
        response.set_cookie(SESSION, who.session, httponly=True, samesite="Lax")
    return response


def csrf_token(site: Site, who: Visitor) -> str:
    return hmac.new(site.secret, who.session.encode(), hashlib.sha256).hexdigest()[:32]


def find(site: Site, email: str) -> tuple[Customer, int] | None:
    """The customer, and the further login, with this e-mail address."""
    wanted = email.strip().lower()
    main = site.store.customer_by_email(wanted)
    if main is not None:
        return main, 0
    for customer_id, extra in site.customers.items():
        for account in extra.accounts:
            if account.email.lower() == wanted and customer_id in site.store.customers:
                return site.store.customers[customer_id], account.id
    return None


def sign_in(site: Site, response: Response, customer_id: int, account_id: int = 0) -> None:
    value = secrets.token_urlsafe(24)
    site.logins[value] = (customer_id, account_id)
    response.set_cookie(LOGIN, value, httponly=True, samesite="Lax")


def sign_out(site: Site, request: Request, response: Response) -> None:
    site.logins.pop(request.cookies.get(LOGIN, ""), None)
    response.delete_cookie(LOGIN)
