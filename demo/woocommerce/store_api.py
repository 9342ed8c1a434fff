"""The Store API (wc/store/v1): what the shop's own cart and checkout pages, and the loyalty widget, talk to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from flask import Blueprint, Response, request

from demo.shop import carts, customers
from demo.shop.coupons import CouponRefused
from demo.shop.entities import Address, Cart, Customer, Product
from demo.woocommerce import cart_shapes, messages, shapes, visitors
from demo.woocommerce.cart_shapes import item_key
from demo.woocommerce.errors import WpError, invalid_param, missing_param, no_route
from demo.woocommerce.forms import merged_address
from demo.woocommerce.php import encode
from demo.woocommerce.shapes import Json
from demo.woocommerce.site import Site
from demo.woocommerce.visitors import Visitor

ALLOWED_HEADERS = "Authorization, X-WP-Nonce, Content-Disposition, Content-MD5, Content-Type, Cart-Token, Nonce"
SIGNED_IN_CACHE = "no-cache, must-revalidate, max-age=0, no-store, private"
EXPOSED = "X-WP-Total, X-WP-TotalPages, Link"
# By whether the shop writes drafts.
CHECKOUT_ALLOWS = {False: "GET, POST, PUT, PATCH", True: "GET, POST"}
METHODS = "OPTIONS, GET, POST, PUT, PATCH, DELETE"


@dataclass(frozen=True, slots=True)
class Visit:
    """One call: the site, who calls, their cart, and what they sent."""

    site: Site
    visitor: Visitor
    cart: Cart
    params: Mapping[str, Any]

    def text(self, name: str) -> str:
        value = self.params.get(name)
        if value is None:
            raise missing_param(name)
        return str(value)

    def number(self, name: str) -> int:
        value = self.text(name)
        if not value.isdigit():
            raise invalid_param(name, f"{name} is not of type integer.", code="rest_invalid_type")
        return int(value)


@dataclass(frozen=True, slots=True)
class Answer:
    """`signed_in` is a customer whom this call has just given an account."""

    body: Json | list[Json]
    status: int = 200
    signed_in: Customer | None = None


Act = Callable[[Visit], Answer]


def blueprint(site: Site) -> Blueprint:
    door = Blueprint("store_api", __name__)
    for (method, route), act in ACTS.items():
        door.add_url_rule(
            f"/wp-json/wc/store/v1/{route}",
            f"{method} {route}",
            partial(_answer, site, act),
            methods=[method],
            provide_automatic_options=False,
        )
    door.add_url_rule("/wp-json/wc/store/v1/products/<int:product_id>", view_func=partial(_product, site), endpoint="p")
    door.add_url_rule(
        "/wp-json/wc/store/v1/<path:route>",
        view_func=partial(_preflight, site),
        methods=["OPTIONS"],
        endpoint="options",
    )
    return door


def show_cart(visit: Visit) -> Answer:
    return Answer(cart_shapes.cart(visit.site, visit.cart))


def add_item(visit: Visit) -> Answer:
    product = visit.site.store.products.get(visit.number("id"))
    if product is None:
        raise WpError("woocommerce_rest_cart_invalid_product", "This product cannot be added to the cart.", 400)
    quantity = int(visit.params.get("quantity") or 1)
    visit.cart.quantities[product.id] = visit.cart.quantities.get(product.id, 0) + max(1, quantity)
    return Answer(cart_shapes.cart(visit.site, visit.cart), 201)


def update_item(visit: Visit) -> Answer:
    visit.cart.quantities[_item(visit)] = max(1, visit.number("quantity"))
    return show_cart(visit)


def remove_item(visit: Visit) -> Answer:
    del visit.cart.quantities[_item(visit)]
    return show_cart(visit)


def remove_items(visit: Visit) -> Answer:
    visit.cart.quantities.clear()
    visit.cart.coupons.clear()
    return Answer([])


def apply_coupon(visit: Visit) -> Answer:
    try:
        carts.apply_coupon(visit.site.store, visit.cart, visit.text("code"), visit.visitor.customer_id)
    except CouponRefused as refused:
        text = messages.refusal(visit.site.version, refused)
        raise WpError("woocommerce_rest_cart_coupon_error", text, 400) from refused
    return show_cart(visit)


def remove_coupon(visit: Visit) -> Answer:
    code = visit.text("code").strip().lower()
    if code not in visit.cart.coupons:
        message = "Coupon cannot be removed because it is not already applied to the cart."
        raise WpError("woocommerce_rest_cart_coupon_invalid_code", message, 409)
    visit.cart.coupons.remove(code)
    return show_cart(visit)


def update_customer(visit: Visit) -> Answer:
    _take_addresses(visit)
    visit.cart.address_known = True
    return show_cart(visit)


def show_checkout(visit: Visit) -> Answer:
    if not visit.cart.quantities:
        raise WpError("woocommerce_rest_cart_empty", "Cannot create order from empty cart.", 400)
    site, order = visit.site, None
    if site.version.drafts_at_checkout:
        order = carts.draft_order(site.store, visit.cart, shapes.coupon_data)
    return Answer(cart_shapes.checkout_draft(site, visit.cart, order))


def place_order(visit: Visit) -> Answer:
    """Check, reserve, book; errors leave the cart, except codes that were refused."""
    site, cart = visit.site, visit.cart
    if not cart.quantities:
        raise WpError("woocommerce_rest_cart_empty", "Cannot create order from empty cart.", 400)
    _take_addresses(visit)
    cart.address_known = True
    if "@" not in cart.billing.email:
        raise WpError("woocommerce_rest_invalid_email_address", "The provided email address is not valid.", 400)
    payment = _payment(visit)
    if site.version.drafts_at_checkout:
        carts.draft_order(site.store, cart, shapes.coupon_data)
    account = _new_account(visit)
    customer_id = account.id if account else visit.visitor.customer_id
    placing = carts.Placing(
        customer_id, payment, cart.billing, cart.shipping, ip=request.remote_addr or "",
        user_agent=request.headers.get("User-Agent", ""), note=str(visit.params.get("customer_note") or ""),
    )  # fmt: skip
    try:
        order = carts.check_out(site.store, cart, placing, shapes.coupon_data)
    except carts.CouponsDropped as dropped:
        raise _dropped(visit, dropped) from dropped
    except carts.CouponJustUsed as used:
        message = (
            f"Coupon {used.code} was used in another transaction during this checkout, "
            "and coupon usage limit is reached. Please remove the coupon and try again."
        )
        raise WpError("woocommerce_rest_coupon_reserve_failed", message, 400) from used
    _remember_address(visit, customer_id)
    return Answer(cart_shapes.checkout_done(site, order), signed_in=account)


def list_products(visit: Visit) -> Answer:
    return Answer([_product_shape(visit.site, product) for product in visit.site.store.products.values()])


ACTS: dict[tuple[str, str], Act] = {
    ("GET", "cart"): show_cart,
    ("POST", "cart/add-item"): add_item,
    ("POST", "cart/update-item"): update_item,
    ("POST", "cart/remove-item"): remove_item,
    ("DELETE", "cart/items"): remove_items,
    ("POST", "cart/apply-coupon"): apply_coupon,
    ("POST", "cart/remove-coupon"): remove_coupon,
    ("POST", "cart/update-customer"): update_customer,
    ("GET", "checkout"): show_checkout,
    ("POST", "checkout"): place_order,
    ("GET", "products"): list_products,
}


def _answer(site: Site, act: Act) -> Response:
    visitor = visitors.recognise(site, request)
    cart = visitors.cart_of(site, visitor)
    answer: Answer | None = None
    try:
        if request.method != "GET":
            visitors.check_write(site, visitor, request.headers.get("Nonce", ""))
        params = {**request.args.to_dict(), **_body()}
        if act is place_order:
            # The checkout locks by itself: between its checks and its booking others may act.
            answer = act(Visit(site, visitor, cart, params))
        else:
            with site.store.lock:
                answer = act(Visit(site, visitor, cart, params))
        response = Response(encode(answer.body), answer.status, content_type="application/json; charset=UTF-8")
    except WpError as error:
        response = Response(encode(error.body()), error.status, content_type="application/json; charset=UTF-8")
    _decorate(site, visitor, cart, response)
    if answer is not None and answer.signed_in is not None:
        visitors.sign_in(site, response, answer.signed_in.id)
    return response


def _body() -> Mapping[str, Any]:
    if not request.get_data():
        return {}
    body = request.get_json(silent=True) if request.mimetype == "application/json" else request.form.to_dict()
    if not isinstance(body, dict):
        raise WpError("rest_invalid_json", "Invalid JSON body passed.", 400)
    return body


def _decorate(site: Site, visitor: Visitor, cart: Cart, response: Response) -> None:
    version, head = site.version, response.headers
    nonce = visitors.nonce(site, visitor)
    head["X-Robots-Tag"] = "noindex"
    head["Link"] = f'<{site.home_url}/wp-json/>; rel="https://api.w.org/"'
    head["X-Content-Type-Options"] = "nosniff"
    head["Access-Control-Expose-Headers"] = f"{EXPOSED}, Cart-Token" if version.cart_token_alone else EXPOSED
    head["Access-Control-Allow-Headers"] = _allowed_headers(site)
    head["Nonce"] = nonce
    head["Nonce-Timestamp"] = str(int(site.now()))
    head["User-ID"] = str(visitor.customer_id)
    head["Cart-Token"] = visitors.cart_token(site, visitor)
    if version.cart_token_alone:
        head["Cart-Hash"] = carts.fingerprint(cart)
        head["Cache-Control"] = SIGNED_IN_CACHE if visitor.customer_id else "no-store"
    else:
        head["X-WC-Store-API-Nonce"] = nonce
    head["Allow"] = (
        CHECKOUT_ALLOWS[version.drafts_at_checkout] if request.path.endswith("/checkout") else request.method
    )
    head["Access-Control-Allow-Methods"] = METHODS
    head["Access-Control-Allow-Credentials"] = "true"
    head["Vary"] = "Origin"
    if visitor.by_token:
        head["Access-Control-Allow-Origin"] = request.headers.get("Origin", "")
    _set_cookies(site, visitor, cart, response)


def _set_cookies(site: Site, visitor: Visitor, cart: Cart, response: Response) -> None:
    """A guest's session begins with the first item; an emptied cart takes its cookies back."""
    if cart.quantities:
        if not visitor.by_token and not visitor.customer_id:
            response.set_cookie(visitors.session_cookie(site), visitor.name, httponly=True, samesite="Lax")
        response.set_cookie("woocommerce_items_in_cart", "1")
        response.set_cookie("woocommerce_cart_hash", carts.fingerprint(cart))
    elif "woocommerce_items_in_cart" in request.cookies:
        response.set_cookie("woocommerce_items_in_cart", "0", max_age=0)
        response.set_cookie("woocommerce_cart_hash", "0", max_age=0)


def _allowed_headers(site: Site) -> str:
    return ALLOWED_HEADERS if site.version.cart_token_alone else f"{ALLOWED_HEADERS}, X-WC-Store-API-Nonce"


def _preflight(site: Site, route: str) -> Response:
    """A preflight from any origin is welcome; what then matters is the Cart-Token of the call itself."""
    response = Response("", 200, content_type="application/json; charset=UTF-8")
    response.headers["Access-Control-Allow-Origin"] = request.headers.get("Origin", "")
    response.headers["Access-Control-Allow-Methods"] = METHODS
    response.headers["Access-Control-Allow-Credentials"] = "true"
    response.headers["Access-Control-Allow-Headers"] = _allowed_headers(site)
    response.headers["Vary"] = "Origin"
    return response


def _item(visit: Visit) -> int:
    key = visit.text("key")
    found = next((id_ for id_ in visit.cart.quantities if item_key(id_) == key), None)
    if found is None:
        raise WpError("woocommerce_rest_cart_invalid_key", "Cart item no longer exists or is invalid.", 409)
    return found


def _take_addresses(visit: Visit) -> None:
    cart, params = visit.cart, visit.params
    cart.billing = _tidy(visit.site, merged_address(cart.billing, params.get("billing_address")))
    same = params.get("billing_address") if not cart.shipping.city else None
    shipping = merged_address(cart.shipping, params.get("shipping_address", same))
    cart.shipping = _tidy(visit.site, replace(shipping, email=""))


def _tidy(site: Site, address: Address) -> Address:
    """Current shops write Czech postcodes with a space."""
    code = address.postcode.replace(" ", "")
    if site.version.spaced_postcodes and address.country == "CZ" and len(code) == 5:
        return replace(address, postcode=f"{code[:3]} {code[3:]}")
    return address


def _payment(visit: Visit) -> str:
    payment = str(visit.params.get("payment_method") or "")
    if carts.quote(visit.site.store, visit.cart).total == 0:
        return payment if payment in carts.PAYMENTS else ""
    if not payment:
        raise WpError("woocommerce_rest_checkout_missing_payment_method", "No payment method provided.", 400)
    if payment not in carts.PAYMENTS:
        message = "The selected payment method is not available."
        raise WpError("woocommerce_rest_checkout_payment_method_disabled", message, 400)
    return payment


def _new_account(visit: Visit) -> Customer | None:
    if visit.visitor.customer_id or not visit.params.get("create_account"):
        return None
    who = visit.cart.billing
    try:
        with visit.site.store.lock:
            customer = customers.register(
                visit.site.store, who.email, first_name=who.first_name, last_name=who.last_name,
                password=str(visit.params.get("customer_password") or ""),
            )  # fmt: skip
            customers.saved(visit.site.store, customer)
            return customer
    except customers.EmailTaken as error:
        message = f"An account is already registered with {who.email}. Please log in or use a different email address."
        raise WpError("registration-error-email-exists", message, 400) from error


def _remember_address(visit: Visit, customer_id: int) -> None:
    customer = visit.site.store.customers.get(customer_id)
    if customer is None or (customer.billing, customer.shipping) == (visit.cart.billing, visit.cart.shipping):
        return
    customer.billing, customer.shipping = visit.cart.billing, visit.cart.shipping
    customers.saved(visit.site.store, customer)


def _dropped(visit: Visit, dropped: carts.CouponsDropped) -> WpError:
    """409 with the cart as it is now. A code that no longer exists has an error of its own."""
    version, refusals = visit.site.version, dropped.refusals
    if any(refused.reason == "unknown" for refused in refusals):
        text = messages.refusal(version, refusals[0])
        return WpError("woocommerce_rest_cart_coupon_error", text, 409, cart=_cart_in_error(visit))
    removed = {refused.code: messages.refusal(version, refused) for refused in refusals}
    error = WpError("woocommerce_rest_cart_coupon_errors", messages.removed(version, refusals), 409)
    error.data = {"removed_coupons": removed, "status": 409, "cart": _cart_in_error(visit)}
    return error


def _cart_in_error(visit: Visit) -> Json:
    shape = cart_shapes.cart(visit.site, visit.cart)
    if not visit.site.version.objects_in_errors:
        for part in (shape, *shape["items"]):
            part["extensions"] = []
    return shape


def _product(site: Site, product_id: int) -> Response:
    product = site.store.products.get(product_id)
    if product is None:
        error = no_route()
        return Response(encode(error.body()), error.status, content_type="application/json; charset=UTF-8")
    return Response(encode(_product_shape(site, product)), content_type="application/json; charset=UTF-8")


def _product_shape(site: Site, product: Product) -> Json:
    return {
        "id": product.id,
        "name": product.name,
        "slug": product.slug,
        "type": "simple",
        "permalink": f"{site.home_url}/product/{product.slug}/",
        "sku": product.sku,
        "short_description": product.summary,
        "prices": cart_shapes.prices(product),
        "images": [],
        "is_purchasable": True,
        "is_in_stock": True,
        "extensions": {},
    }
