"""The pages shoppers see. The cart and checkout pages are filled in the browser, through the platform's store API."""

import hmac
from collections.abc import Callable
from functools import partial, wraps

from flask import Blueprint, abort, g, redirect, render_template, request
from markupsafe import Markup
from werkzeug.wrappers import Response

from demo.shop import catalogue, customers
from demo.shop.carts import PAYMENTS
from demo.shop.desk import Desk
from demo.shop.money import text

Page = str | Response | tuple[str, int]
STATUS_WORDS = {
    "pending": "Waiting for payment",
    "processing": "Being prepared",
    "on-hold": "On hold until the transfer arrives",
    "completed": "Completed",
    "cancelled": "Cancelled",
    "refunded": "Refunded",
    "failed": "Payment failed",
    "checkout-draft": "Not finished",
    "trash": "In the trash",
}
PAYMENT_HINTS = {
    "demo_card": "Paid at once. The demo takes no card number.",
    "cod": "Paid to the courier; counts as paid once the order is completed.",
    "bacs": "The order waits until the transfer arrives.",
}
# Whom the demo offers to sign in as.
DEMO_SHOPPER = "anna@example.com"


def blueprint(desk: Desk) -> Blueprint:
    door = Blueprint("storefront", __name__)
    door.app_template_filter("money")(lambda minor: f"€{text(minor)}")
    door.context_processor(partial(_frame, desk))
    for rule, view in ROUTES.items():
        door.add_url_rule(rule, view.__name__, wraps(view)(partial(view, desk)), methods=["GET", "POST"])
    return door


def home(desk: Desk) -> Page:
    return render_template("shop/home.html", products=desk.store.products.values())


def product(desk: Desk, slug: str) -> Page:
    found = next((product for product in desk.store.products.values() if product.slug == slug), None)
    if found is None:
        abort(404)
    others = [other for other in desk.store.products.values() if other.category == found.category and other != found]
    return render_template("shop/product.html", product=found, others=others[:3])


def cart(desk: Desk) -> Page:
    return render_template("shop/cart.html", pictures=_pictures(desk))


def checkout(desk: Desk) -> Page:
    options = [(key, title, PAYMENT_HINTS[key]) for key, title in sorted(PAYMENTS.items(), reverse=True)]
    return render_template("shop/checkout.html", payments=options, cart=desk.cart(), signed_in=desk.customer_id() > 0)


def order_received(desk: Desk, order_id: int) -> Page:
    """The thank-you page, for whoever has the order's key. Only here the plugin learns the order's id."""
    order = desk.store.orders.get(order_id)
    if order is None or not hmac.compare_digest(order.key.encode(), request.args.get("key", "").encode()):
        abort(404)
    g.order_id = order.id
    return render_template("shop/thanks.html", order=order, status=STATUS_WORDS.get(order.status, order.status))


def account(desk: Desk) -> Page:
    customer = desk.store.customers.get(desk.customer_id())
    if customer is None:
        return redirect("/my-account/login/")
    mine = [
        order for order in desk.store.orders.values() if order.customer_id == customer.id and order.status != "trash"
    ]
    mine.sort(key=lambda order: (order.created_at, order.id), reverse=True)
    return render_template("shop/account.html", customer=customer, orders=mine, status_words=STATUS_WORDS)


def login(desk: Desk) -> Page:
    if request.method == "GET":
        return render_template("shop/login.html", error="", login="")
    name = request.form.get("login", "")
    customer = desk.store.customer_by_login(name)
    if customer is None or not customer.password or customer.password != request.form.get("password"):
        return render_template("shop/login.html", error="That login and password do not match.", login=name), 400
    response = redirect("/my-account/")
    desk.sign_in(response, customer.id)
    return response


def register(desk: Desk) -> Page:
    """An account from an e-mail address and a password. Past guest orders stay guest orders."""
    email, password = request.form.get("email", "").strip(), request.form.get("password", "")
    if "@" not in email or not password:
        return render_template("shop/login.html", error="Please give an e-mail address and a password.", login=""), 400
    try:
        with desk.store.lock:
            customer = customers.register(desk.store, email, password=password)
    except customers.EmailTaken:
        return render_template("shop/login.html", error="This e-mail address has an account already.", login=email), 400
    response = redirect("/my-account/")
    desk.sign_in(response, customer.id)
    return response


def logout(desk: Desk) -> Page:
    response = redirect("/")
    desk.sign_out(response)
    return response


ROUTES: dict[str, Callable[..., Page]] = {
    "/": home,
    "/product/<slug>/": product,
    "/cart/": cart,
    "/checkout/": checkout,
    "/checkout/order-received/<int:order_id>/": order_received,
    "/my-account/": account,
    "/my-account/login/": login,
    "/my-account/register/": register,
    "/my-account/logout/": logout,
}


def _frame(desk: Desk) -> dict[str, object]:
    """What every page shows around its content."""
    quantities = desk.cart().quantities
    return {
        "shop_name": catalogue.SHOP_NAME,
        "customer": desk.store.customers.get(desk.customer_id()),
        "cart_count": sum(quantities.values()),
        "demo_shopper": DEMO_SHOPPER,
        "shipping": catalogue.SHIPPING,
        "plugin_html": Markup(desk.plugin_html(g.get("order_id"))),  # noqa: S704 -- our own escaped tag
    }


def _pictures(desk: Desk) -> dict[str, str]:
    return {str(product.id): product.picture for product in desk.store.products.values()}
