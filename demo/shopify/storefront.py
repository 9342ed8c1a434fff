"""The pages shoppers see: catalogue, cart, discount links, checkout, thank you, account. All of them are drawn here."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial, wraps

from flask import Blueprint, abort, redirect, render_template, request
from markupsafe import Markup
from werkzeug.wrappers import Response

from demo.shop import carts, catalogue, customers
from demo.shop.carts import CouponJustUsed, CouponsDropped, Placing
from demo.shop.coupons import CouponRefused
from demo.shop.entities import Address, Cart, Customer, Order, Product
from demo.shop.money import tax, text
from demo.shopify import discounts, order_deeds, visitors
from demo.shopify.ids import local, number
from demo.shopify.site import Site
from demo.shopify.sums import financial_status

Page = str | Response | tuple[str, int]
DEMO_SHOPPER = "anna@example.com"
ADDRESS = ("first_name", "last_name", "address_1", "city", "postcode", "phone")
PAYMENTS = (("demo_card", "Demo card", "Paid at once. No card number."), ("cod", "Cash on delivery", "Paid later."))
REFUSALS = {
    "expired": "This discount has expired.",
    "used_up": "This discount has reached its usage limit.",
    "not_yours": "This discount isn't available to you. Sign in, if it is yours.",
    "minimum": "Add more items for this discount.",
    "stands_alone": "This discount cannot be combined with the others.",
}


def blueprint(site: Site) -> Blueprint:
    door = Blueprint("shopify_front", __name__, template_folder="templates")
    door.app_template_filter("money")(lambda minor: f"€{text(minor)}")
    door.context_processor(partial(_frame, site))
    for rule, view in ROUTES.items():
        name = rule.strip("/").replace("/", "_").replace(".", "_") or "home"
        door.add_url_rule(rule, name, wraps(view)(partial(view, site)), methods=["GET", "POST"])
    return door


def home(site: Site) -> Page:
    return render_template("shopify/home.html", products=site.store.products.values())


def product(site: Site, slug: str) -> Page:
    found = next((each for each in site.store.products.values() if each.slug == slug), None)
    if found is None:
        abort(404)
    return render_template("shopify/product.html", product=found, block=_block(site, "product-points", found))


def cart_add(site: Site) -> Page:
    """A form, or JSON as themes send it to /cart/add.js. `id` is the variant's number."""
    given = request.get_json(silent=True) or request.form
    product_id = local("ProductVariant", str(given.get("id", "")))
    if product_id not in site.store.products:
        return {"status": 404, "message": "Cart Error"}, 404  # type: ignore[return-value]
    with site.store.lock:
        name, cart = visitors.open_cart(site, request)
        cart.quantities[product_id] = cart.quantities.get(product_id, 0) + max(1, int(given.get("quantity") or 1))
        _try_codes(site, name, cart)
    response: Response = _cart_json(site, cart) if request.is_json else redirect("/cart")
    visitors.remember(response, name)
    return response


def cart(site: Site) -> Page:
    mine = visitors.cart_of(site, request)
    return render_template("shopify/cart.html", offer=carts.quote(site.store, mine), cart=mine)


def cart_js(site: Site) -> Page:
    return _cart_json(site, visitors.cart_of(site, request))


def cart_change(site: Site) -> Page:
    with site.store.lock:
        mine = visitors.cart_of(site, request)
        product_id = local("ProductVariant", request.form.get("id", "")) or 0
        quantity = request.form.get("quantity", 0, type=int)
        if quantity > 0 and product_id in mine.quantities:
            mine.quantities[product_id] = quantity
        else:
            mine.quantities.pop(product_id, None)
        _drop_refused(site, mine)
    return redirect("/cart")


def discount_link(site: Site, code: str) -> Page:
    """The code waits with the cart and is used as soon as the cart fits it. `redirect`: a path of this shop."""
    target = request.args.get("redirect", "/")
    safe = target.startswith("/") and not target.startswith(("//", "/\\"))
    response = redirect(target if safe else "/")
    with site.store.lock:
        name, mine = visitors.open_cart(site, request)
        site.carts_codes[name] = [code]
        mine.coupons = []
        _try_codes(site, name, mine)
    visitors.remember(response, name)
    return response


def checkout(site: Site) -> Page:
    mine = visitors.cart_of(site, request)
    if request.method == "POST":
        return _checkout_deed(site, mine)
    with site.store.lock:
        _try_codes(site, visitors.visitor_of(request), mine)
    return _checkout_page(site, mine)


def thank_you(site: Site, key: str) -> Page:
    order = next((each for each in site.store.orders.values() if each.key and each.key == key), None)
    if order is None:
        abort(404)
    return render_template("shopify/thanks.html", order=order, status=_status(site, order.id))


def account(site: Site) -> Page:
    customer = site.store.customers.get(visitors.customer_of(site, request))
    if customer is None:
        return redirect("/account/login")
    mine = [order for order in site.store.orders.values() if order.customer_id == customer.id]
    mine.sort(key=lambda order: (order.created_at, order.id), reverse=True)
    words = {order.id: _status(site, order.id) for order in mine}
    block = _block(site, "account", None)
    return render_template("shopify/account.html", orders=mine, words=words, block=block)


def login(site: Site) -> Page:
    if request.method == "GET":
        return render_template("shopify/login.html", error="", login="")
    name = request.form.get("login", "")
    customer = site.store.customer_by_login(name)
    if customer is None or not customer.password or customer.password != request.form.get("password"):
        return render_template("shopify/login.html", error="That login and password do not match.", login=name), 400
    return _signed_in(site, customer, "/account")


def register(site: Site) -> Page:
    """An account from an e-mail address and a password; who bought as a guest keeps the same customer."""
    email, password = request.form.get("email", "").strip(), request.form.get("password", "")
    if "@" not in email or not password:
        return render_template("shopify/login.html", error="Please give an e-mail and a password.", login=""), 400
    with site.store.lock:
        known = site.store.customer_by_email(email)
        if known is not None and known.password:
            taken = "This e-mail address has an account already."
            return render_template("shopify/login.html", error=taken, login=email), 400
        customer = known or customers.register(site.store, email)
        customer.password = password
        customers.saved(site.store, customer)
    return _signed_in(site, customer, "/account")


def logout(site: Site) -> Page:
    response = redirect("/")
    visitors.sign_out(site, request, response)
    return response


def demo_sign_in(site: Site, who: str) -> Page:
    """Sign a browser in by the shop's own id, the number at the platform, login or e-mail: a demo has no secrets."""
    found = site.store.customers.get(int(who)) if who.isdigit() else site.store.customer_by_login(who)
    found = found or site.store.customers.get(local("Customer", who) or 0)
    if found is None:
        abort(404)
    target = request.args.get("next", "/")
    return _signed_in(site, found, target if target.startswith("/") and not target.startswith("//") else "/")


def asset(site: Site, name: str) -> Page:
    if site.theme is None or name not in site.theme.assets:
        abort(404)
    kind = "text/javascript" if name.endswith(".js") else "text/css"
    return Response(site.theme.assets[name], content_type=f"{kind}; charset=utf-8")


ROUTES: dict[str, Callable[..., Page]] = {
    "/": home,
    "/products/<slug>": product,
    "/cart": cart,
    "/cart.js": cart_js,
    "/cart/add": cart_add,
    "/cart/add.js": cart_add,
    "/cart/change": cart_change,
    "/discount/<code>": discount_link,
    "/checkout": checkout,
    "/checkouts/<key>/thank-you": thank_you,
    "/account": account,
    "/account/login": login,
    "/account/register": register,
    "/account/logout": logout,
    "/demo/sign-in/<who>": demo_sign_in,
    "/cdn/extensions/<name>": asset,
}


def _checkout_deed(site: Site, mine: Cart) -> Page:
    """The buttons of the checkout: use a code, take it off, place the order."""
    given = request.form
    mine.billing = _address(mine.billing)
    deed = given.get("deed", "place")
    if deed == "remove":
        mine.coupons = []
        site.carts_codes.pop(visitors.visitor_of(request), None)
        return _checkout_page(site, mine)
    if deed == "apply":
        return _checkout_page(site, mine, code_error=_apply(site, mine, given.get("code", "").strip()))
    if not mine.quantities:
        return redirect("/cart")
    if "@" not in mine.billing.email:
        return _checkout_page(site, mine, error="Enter a valid email")
    try:
        order = _place(site, mine)
    except (CouponRefused, CouponsDropped, CouponJustUsed) as refused:
        mine.coupons = []
        return _checkout_page(site, mine, error=f"A discount was removed: {_why(refused)}")
    site.carts_codes.pop(visitors.visitor_of(request), None)
    return redirect(f"/checkouts/{order.key}/thank-you")


def _place(site: Site, mine: Cart) -> Order:
    """Whoever is not signed in becomes, or is, the customer of their e-mail address."""
    customer_id, billing = visitors.customer_of(site, request), mine.billing
    if not customer_id:
        with site.store.lock:
            known = site.store.customer_by_email(billing.email)
            made = known or customers.register(
                site.store, billing.email, first_name=billing.first_name, last_name=billing.last_name, billing=billing
            )
        customer_id = made.id
    payment = request.form.get("payment", "demo_card")
    placing = Placing(customer_id, payment if payment in carts.PAYMENTS else "demo_card", billing, billing)
    return order_deeds.check_out(site, mine, placing)


def _checkout_page(site: Site, mine: Cart, *, error: str = "", code_error: str = "") -> Page:
    customer = site.store.customers.get(visitors.customer_of(site, request))
    if customer is not None and not mine.billing.email:
        mine.billing = customers.with_email(customer.billing, customer.email)
    offer = carts.quote(site.store, mine)
    codes = [
        (discounts.describe(site, coupon)["code"], offer.priced.discounts[coupon.code]) for coupon in offer.coupons
    ]
    return render_template(
        "shopify/checkout.html", offer=offer, cart=mine, codes=codes, payments=PAYMENTS, error=error,
        code_error=code_error, tax=tax(offer.total),
    )  # fmt: skip


def _apply(site: Site, mine: Cart, code: str) -> str:
    """Use a typed code; the text says why not."""
    try:
        with site.store.lock:
            discounts.apply(site, mine, code, visitors.customer_of(site, request))
    except CouponRefused as refused:
        return _why(refused)
    return ""


def _try_codes(site: Site, name: str, mine: Cart) -> None:
    """Use the codes that wait with the cart, as far as it fits them by now."""
    for code in site.carts_codes.get(name, ()):
        if mine.quantities:
            _apply(site, mine, code)


def _drop_refused(site: Site, mine: Cart) -> None:
    for code in list(mine.coupons):
        try:
            discounts.check(site, mine, code, visitors.customer_of(site, request))
        except CouponRefused:
            mine.coupons.remove(code)


def _why(refused: CouponRefused | CouponsDropped | CouponJustUsed) -> str:
    if isinstance(refused, CouponsDropped):
        return _why(refused.refusals[0])
    reason = refused.reason if isinstance(refused, CouponRefused) else "used_up"
    return REFUSALS.get(reason, "Enter a valid discount code")


def _address(known: Address) -> Address:
    typed = {name: request.form[name].strip() for name in (*ADDRESS, "email") if name in request.form}
    return replace(known, country="CZ", **typed)


def _cart_json(site: Site, mine: Cart) -> Response:
    """As themes read it at /cart.js; amounts are cents."""
    offer = carts.quote(site.store, mine)
    items = [
        {
            "variant_id": number("ProductVariant", each.id),
            "product_id": number("Product", each.id),
            "title": each.name,
            "quantity": quantity,
            "price": each.price,
        }
        for each, quantity in offer.lines
    ]
    body = {
        "item_count": sum(mine.quantities.values()),
        "items": items,
        "total_price": offer.priced.goods,
        "total_discount": offer.subtotal - offer.priced.goods,
        "currency": "EUR",
    }
    return Response(json.dumps(body), content_type="application/json; charset=utf-8")


def _signed_in(site: Site, customer: Customer, target: str) -> Response:
    response = redirect(target)
    visitors.sign_in(site, response, customer.id)
    return response


def _status(site: Site, order_id: int) -> str:
    order = site.store.orders[order_id]
    return financial_status(order, site.extra_of(order)).replace("_", " ").capitalize()


def _frame(site: Site) -> dict[str, object]:
    """What every page shows around its content."""
    customer = site.store.customers.get(visitors.customer_of(site, request))
    scripts = site.theme.scripts() if site.theme is not None and site.installed else []
    return {
        "shop_name": catalogue.SHOP_NAME,
        "customer": customer,
        "cart_count": sum(visitors.cart_of(site, request).quantities.values()),
        "demo_shopper": DEMO_SHOPPER,
        "shipping": catalogue.SHIPPING,
        "embed": _block(site, "launcher", None),
        "extension_scripts": scripts,
        "variant": lambda product_id: number("ProductVariant", product_id),
    }


def _block(site: Site, name: str, about: Product | None) -> Markup:
    """A block of the app's theme extension, if the app is installed."""
    if site.theme is None or not site.installed:
        return Markup("")
    values = {
        "routes.account_url": "/account",
        "routes.account_login_url": "/account/login",
        "localization.language.iso_code": "en",
        "cart.currency.iso_code": "EUR",
        "chosen.id": str(number("ProductVariant", about.id)) if about is not None else "",
        "chosen.price": str(about.price) if about is not None else "",
    }
    signed_in = visitors.customer_of(site, request) > 0
    return Markup(site.theme.drawn(name, values, signed_in=signed_in))  # noqa: S704 -- the extension's own HTML
