"""The pages shoppers see: catalogue, cart, checkout in two steps, thank you, account; with the scripts' globals on each."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial, wraps
from pathlib import Path

from flask import Blueprint, Response, abort, redirect, render_template, request, send_file
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from demo.shop import carts, catalogue, customers
from demo.shop.carts import CouponJustUsed, CouponsDropped, Placing
from demo.shop.coupons import CouponRefused
from demo.shop.entities import Address, Cart, Customer, Order, Product
from demo.shop.money import text
from demo.shoptet import cart_actions, data_layer, order_deeds, visitors
from demo.shoptet.cart_actions import REFUSALS, UNKNOWN
from demo.shoptet.order_deeds import Wishes
from demo.shoptet.site import Site
from demo.shoptet.visitors import Visitor

Page = str | AnyResponse | tuple[str, int]
DEMO_SHOPPER = "anna@example.com"
SCRIPT = Path(__file__).with_name("static") / "shoptet.js"
ADDRESS = ("first_name", "last_name", "address_1", "city", "postcode", "phone", "email")
PAYMENTS = (
    ("demo_card", "Online card", "Paid at once. No card number."),
    ("cod", "Cash on delivery", "Paid to the courier."),
    ("bacs", "Bank transfer", "The order waits until the transfer arrives."),
)


def blueprint(site: Site) -> Blueprint:
    door = Blueprint("shoptet_front", __name__, template_folder="templates")
    door.app_template_filter("money")(lambda minor: _money(site, minor))
    door.after_request(visitors.remember)
    for rule, view in ROUTES.items():
        door.add_url_rule(rule, view.__name__, wraps(view)(partial(view, site)), methods=["GET", "POST"])
    door.add_url_rule("/assets/shoptet.js", "script", _script)
    return door


def home(site: Site) -> Page:
    return _page(site, "home", "homepage", products=site.store.products.values())


def product(site: Site, slug: str) -> Page:
    found = next((each for each in site.store.products.values() if each.slug == slug), None)
    if found is None:
        abort(404)
    return _page(site, "product", "productDetail", product=found)


def cart(site: Site) -> Page:
    return _page(site, "cart", "cart", message=request.args.get("message", ""))


def payment(site: Site) -> Page:
    """Step one: shipping and payment."""
    who = visitors.visitor(site, request)
    if request.method == "POST":
        chosen = request.form.get("payment", "")
        site.payments[who.session] = chosen if chosen in carts.PAYMENTS else PAYMENTS[0][0]
        return redirect("/objednavka/krok-2/")
    if not visitors.cart_of(site, who).quantities:
        return redirect(cart_actions.CART)
    return _page(site, "payment", "billingAndShipping", payments=PAYMENTS)


def details(site: Site) -> Page:
    """Step two: who and where to; sends the order."""
    who = visitors.visitor(site, request)
    mine = visitors.cart_of(site, who)
    if not mine.quantities:
        return redirect(cart_actions.CART)
    if request.method == "GET":
        if who.customer is not None and not mine.billing.email:
            mine.billing = customers.with_email(who.customer.billing, who.customer.email)
        return _page(site, "details", "customerDetails", error="")
    typed = {name: request.form[name].strip() for name in ADDRESS if name in request.form}
    mine.billing = replace(mine.billing, country="CZ", **typed)
    if "@" not in mine.billing.email:
        return _page(site, "details", "customerDetails", error="Please write your e-mail address.")
    try:
        order = _send(site, who, mine)
    except (CouponRefused, CouponsDropped, CouponJustUsed) as refused:
        mine.coupons = []
        return _page(site, "details", "customerDetails", error=f"{_why(refused)} It was taken off.")
    return redirect(f"/objednavka/dekujeme/?order={order.key}")


def thanks(site: Site) -> Page:
    key = request.args.get("order", "")
    order = next((each for each in site.store.orders.values() if key and each.key == key), None)
    if order is None:
        abort(404)
    status = site.statuses[site.extra_of(order).status_id].name
    return _page(site, "thanks", "thankYou", order=order, code=site.code(order), status=status)


def account(site: Site) -> Page:
    who = visitors.visitor(site, request)
    if who.customer is None:
        return redirect("/prihlaseni/")
    mine = [order for order in site.store.orders.values() if order.customer_id == who.customer_id]
    mine.sort(key=lambda order: (order.created_at, order.id), reverse=True)
    rows = [(site.code(order), order, site.statuses[site.extra_of(order).status_id].name) for order in mine[:20]]
    return _page(site, "account", "unknown", rows=rows)


def login(site: Site) -> Page:
    if request.method == "GET":
        return _page(site, "login", "unknown", error="", login="")
    email = request.form.get("email", "")
    found = visitors.find(site, email)
    if found is None or request.form.get("password") != _password(site, *found):
        return _page(site, "login", "unknown", error="That e-mail and password do not match.", login=email)
    return _signed_in(site, found[0].id, found[1], "/klient/")


def register(site: Site) -> Page:
    """An account from an e-mail address and a password. Past guest orders stay guest orders."""
    email, password = request.form.get("email", "").strip(), request.form.get("password", "")
    if "@" not in email or not password:
        return _page(site, "login", "unknown", error="Please give an e-mail and a password.", login="")
    with site.store.lock:
        if visitors.find(site, email) is not None:
            return _page(site, "login", "unknown", error="This e-mail address has an account already.", login=email)
        made = customers.register(site.store, email, password=password)
    return _signed_in(site, made.id, 0, "/klient/")


def logout(site: Site) -> Page:
    response = redirect("/")
    visitors.sign_out(site, request, response)
    return response


def demo_sign_in(site: Site, who: str) -> Page:
    """Sign a browser in by the shop's own id, e-mail or name: a demo has no secrets."""
    by_id = site.store.customers.get(int(who)) if who.isdigit() else site.store.customer_by_login(who)
    found = (by_id, 0) if by_id is not None else visitors.find(site, who)
    if found is None:
        abort(404)
    target = request.args.get("next", "/")
    safe = target.startswith("/") and not target.startswith(("//", "/\\"))
    return _signed_in(site, found[0].id, found[1], target if safe else "/")


ROUTES: dict[str, Callable[..., Page]] = {
    "/": home,
    "/kosik/": cart,
    "/objednavka/krok-1/": payment,
    "/objednavka/krok-2/": details,
    "/objednavka/dekujeme/": thanks,
    "/klient/": account,
    "/prihlaseni/": login,
    "/registrace/": register,
    "/action/Customer/logout/": logout,
    "/demo/sign-in/<who>": demo_sign_in,
    "/<slug>/": product,
}


def _page(
    site: Site, name: str, page: str, *, product: Product | None = None, order: Order | None = None, **more: object
) -> str:
    """A page with everything that stands on each of them."""
    who = visitors.visitor(site, request)
    mine = visitors.cart_of(site, who)
    told = data_layer.layer(site, who, mine, page, product=product, order=order)
    offer = carts.quote(site.store, mine)
    snippets = site.snippets if site.installed and not site.suspended else {}
    config = {
        "addDiscountCouponUrl": "/action/Cart/addDiscountCoupon/",
        "removeDiscountCouponUrl": "/action/Cart/removeDiscountCoupon/",
        "cartUrl": cart_actions.CART,
        "currencyCode": site.currency,
    }
    return render_template(
        f"shoptet/{name}.html", site=site, customer=who.customer, cart=mine, offer=offer, product=product, order=order,
        coupons=[(site.coupons[each.id].code, offer.priced.discounts[each.code]) for each in offer.coupons],
        cart_count=sum(mine.quantities.values()), demo_shopper=DEMO_SHOPPER, shipping=catalogue.SHIPPING,
        shop_name=site.name, csrf=visitors.csrf_token(site, who), layer=_script_json(told), page_id=told["pageId"],
        config=_script_json(config), generation=site.generation,
        snippet=lambda place: Markup(snippets.get(place, "")),  # noqa: S704 -- the addon's own HTML
        **more,
    )  # fmt: skip


def _send(site: Site, who: Visitor, mine: Cart) -> Order:
    chosen = site.payments.get(who.session, PAYMENTS[0][0])
    placing = Placing(who.customer_id, chosen, mine.billing, mine.billing, ip=request.remote_addr or "")
    order = order_deeds.check_out(site, mine, placing, Wishes(account_id=who.account_id))
    mine.billing = Address(country="CZ")
    return order


def _why(refused: CouponRefused | CouponsDropped | CouponJustUsed) -> str:
    if isinstance(refused, CouponsDropped):
        return _why(refused.refusals[0])
    return REFUSALS.get(refused.reason if isinstance(refused, CouponRefused) else "used_up", UNKNOWN)


def _password(site: Site, customer: Customer, account_id: int) -> str:
    account = next((each for each in site.customers[customer.id].accounts if each.id == account_id), None)
    return account.password if account is not None else customer.password


def _signed_in(site: Site, customer_id: int, account_id: int, target: str) -> AnyResponse:
    response = redirect(target)
    visitors.sign_in(site, response, customer_id, account_id)
    return response


def _script_json(value: object) -> Markup:
    """JSON that may stand inside of a script element."""
    return Markup(json.dumps(value, ensure_ascii=False).replace("<", "\\u003c"))  # noqa: S704 -- escaped here


def _money(site: Site, minor: int) -> str:
    return f"{text(minor)} Kč" if site.currency == "CZK" else f"€{text(minor)}"


def _script() -> Response:
    return send_file(SCRIPT, mimetype="text/javascript")
