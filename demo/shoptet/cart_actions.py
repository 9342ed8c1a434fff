"""/action/Cart/... and /action/ExpressCheckout/...: what forms and scripts of the storefront do to the cart.

With the header X-Shoptet-XHR the answer is JSON {code, message, payload} under status 200; without it a redirect.
"""

import hmac
import json
from collections.abc import Callable
from functools import partial
from urllib.parse import urlencode

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from demo.shop.coupons import CouponRefused
from demo.shop.entities import Cart
from demo.shoptet import coupons, visitors
from demo.shoptet.site import Site

XHR, XHR_VALUE = "X-Shoptet-XHR", "Shoptet_Coo7ai"
CSRF = "__csrf__"
CART = "/kosik/"
REFUSALS = {
    "expired": "This discount coupon is no longer valid.",
    "not_yet": "This discount coupon is not valid yet.",
    "used_up": "This discount coupon has already been used.",
    "minimum": "The value of your cart is too low for this discount coupon.",
    "currency": "This discount coupon is for another currency.",
    "one_only": "Only one discount coupon can be used in a cart.",
    "empty_cart": "Your cart is empty.",
    "not_yours": "This discount coupon is for another group of customers.",
    "nothing_fits": "This discount coupon cannot be used for the goods in your cart.",
}
UNKNOWN = "This discount coupon does not exist."
Deed = Callable[[Site, Cart], str]


class NotDone(Exception):
    """Why not, in words for the shopper."""


def blueprint(site: Site) -> Blueprint:
    door = Blueprint("shoptet_cart", __name__)
    door.after_request(visitors.remember)
    for group, names in (("Cart", tuple(DEEDS)), ("ExpressCheckout", ("addDiscountCoupon", "removeDiscountCoupon"))):
        for name in names:
            rule = f"/action/{group}/{name}/"
            door.add_url_rule(rule, f"{group}_{name}", partial(act, site, DEEDS[name]), methods=["POST"])
    return door


def act(site: Site, deed: Deed) -> Response:
    who = visitors.visitor(site, request)
    given = request.form.get(CSRF, "")
    if not hmac.compare_digest(given.encode(), visitors.csrf_token(site, who).encode()):
        return _answer(403, "The form is too old. Please load the page again.")
    try:
        with site.store.lock:
            message = deed(site, site.store.cart(who.session))
    except NotDone as refused:
        return _answer(400, str(refused))
    return _answer(200, message)


def add_item(site: Site, cart: Cart) -> str:
    product_id, count = request.form.get("priceId", 0, type=int), request.form.get("amount", 1, type=int)
    if product_id not in site.store.products or count < 1:
        raise NotDone("There is no such product.")
    cart.quantities[product_id] = cart.quantities.get(product_id, 0) + count
    return "Added to cart."


def set_amount(site: Site, cart: Cart) -> str:
    """0 takes the product away. A coupon that no longer fits falls out."""
    product_id, count = request.form.get("priceId", 0, type=int), request.form.get("amount", 0, type=int)
    if count > 0 and product_id in cart.quantities:
        cart.quantities[product_id] = count
    else:
        cart.quantities.pop(product_id, None)
    for code in list(cart.coupons):
        try:
            coupons.check(site, cart, code, visitors.visitor(site, request).customer_id)
        except CouponRefused:
            cart.coupons.remove(code)
    return "Cart updated."


def add_coupon(site: Site, cart: Cart) -> str:
    code = request.form.get("discountCouponCode", "").strip()
    try:
        coupons.apply(site, cart, code, visitors.visitor(site, request).customer_id)
    except CouponRefused as refused:
        raise NotDone(REFUSALS.get(refused.reason, UNKNOWN)) from refused
    return "The discount coupon was applied."


def remove_coupon(site: Site, cart: Cart) -> str:
    cart.coupons = []
    return "The discount coupon was removed."


DEEDS: dict[str, Deed] = {
    "addCartItem": add_item,
    "setCartItemAmount": set_amount,
    "addDiscountCoupon": add_coupon,
    "removeDiscountCoupon": remove_coupon,
}


def _answer(code: int, message: str) -> Response:
    if request.headers.get(XHR) == XHR_VALUE:
        body = {"code": code, "message": message, "payload": {}}
        return Response(json.dumps(body), content_type="application/json; charset=utf-8")
    return redirect(f"{CART}?{urlencode({'message': message})}" if code != 200 else CART)
