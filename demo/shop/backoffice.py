"""The neutral half of the back office: orders and what staff do to them, products, coupons, fault switches."""

from collections.abc import Callable
from dataclasses import asdict, fields
from functools import partial, wraps

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from demo.shop import coupons, customers, orders
from demo.shop.desk import Desk
from demo.shop.entities import Order
from demo.shop.faults import HELP, REST_MODES, Faults
from demo.shop.money import minor
from demo.shop.storefront import STATUS_WORDS

Page = str | Response
PAGE_SIZE = 50


def blueprint(desk: Desk) -> Blueprint:
    door = Blueprint("office", __name__, url_prefix="/wp-admin")
    door.before_request(partial(only_staff, desk))
    for rule, view in PAGES.items():
        door.add_url_rule(rule, view.__name__, wraps(view)(partial(view, desk)))
    for rule, view in DEEDS.items():
        door.add_url_rule(rule, view.__name__, wraps(view)(partial(view, desk)), methods=["POST"])
    return door


def only_staff(desk: Desk) -> Response | None:
    """Customers and guests are sent to a page that signs the owner in."""
    user = desk.store.customers.get(desk.customer_id())
    if user is not None and user.manages_shop:
        return None
    return redirect("/demo/sign-in/owner?next=/wp-admin/")


def orders_list(desk: Desk) -> Page:
    status, search = request.args.get("status", ""), request.args.get("search", "").strip().lower()
    number = max(1, request.args.get("page", 1, type=int))
    with desk.store.lock:
        rows = [order for order in desk.store.orders.values() if _shown(order, status, search)]
    rows.sort(key=lambda order: (order.created_at, order.id), reverse=True)
    shown = rows[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
    return render_template(
        "office/orders.html",
        orders=shown,
        total=len(rows),
        number=number,
        pages=max(1, -(-len(rows) // PAGE_SIZE)),
        status=status,
        search=search,
        status_words=STATUS_WORDS,
    )


def order_page(desk: Desk, order_id: int, error: str = "") -> Page:
    order = _order(desk, order_id)
    left = {line.id: line.quantity - _already_back(order, line.id) for line in order.lines}
    return render_template(
        "office/order.html",
        order=order,
        left=left,
        customer=desk.store.customers.get(order.customer_id),
        status_words=STATUS_WORDS,
        error=error or request.args.get("error", ""),
    )


def products_list(desk: Desk) -> Page:
    return render_template("office/products.html", products=desk.store.products.values())


def coupons_list(desk: Desk) -> Page:
    rows = sorted(desk.store.coupons.values(), key=lambda coupon: coupon.id, reverse=True)
    return render_template("office/coupons.html", coupons=rows)


def people_list(desk: Desk) -> Page:
    rows = [customer for customer in desk.store.customers.values() if customer.role == "customer"]
    return render_template("office/people.html", people=rows)


def faults_page(desk: Desk) -> Page:
    kinds = {f.name: "bool" if isinstance(getattr(desk.faults, f.name), bool) else "text" for f in fields(Faults)}
    kinds["rest_mode"] = "mode"
    rows = [(name, kinds[name], value, *HELP[name]) for name, value in asdict(desk.faults).items()]
    return render_template("office/faults.html", rows=rows, modes=REST_MODES, error=request.args.get("error", ""))


def order_deed(desk: Desk, order_id: int, deed: str) -> Page:
    order = _order(desk, order_id)
    act = STATUS_DEEDS.get(deed)
    if act is None:
        abort(404)
    with desk.store.lock:
        act(desk, order)
    if deed == "delete":
        return redirect(url_for("office.orders_list"))
    return _back_to(order_id)


def refund_order(desk: Desk, order_id: int) -> Page:
    """By pieces of lines, or by an amount alone."""
    order = _order(desk, order_id)
    reason, typed = request.form.get("reason", ""), request.form.get("amount", "").strip()
    quantities = {line.id: request.form.get(f"line-{line.id}", 0, type=int) for line in order.lines}
    try:
        with desk.store.lock:
            lines = orders.lines_to_refund(desk.store, order, quantities)
            amount = minor(typed.replace(",", ".")) if typed else sum(line.net + line.tax for line in lines)
            if amount == 0:
                return _back_to(order_id, error="Choose pieces to refund, or write an amount.")
            orders.refund(desk.store, order, amount, reason=reason, lines=lines)
    except (orders.RefundRefused, ArithmeticError):
        return _back_to(order_id, error="That is more than is left to refund, or not an amount.")
    return _back_to(order_id)


def delete_refund(desk: Desk, order_id: int, refund_id: int) -> Page:
    order = _order(desk, order_id)
    with desk.store.lock:
        orders.delete_refund(desk.store, order, refund_id)
    return _back_to(order_id)


def make_coupon(desk: Desk) -> Page:
    try:
        with desk.store.lock:
            amount = minor(request.form.get("amount", "0").replace(",", "."))
            coupon = coupons.create(desk.store, request.form.get("code", ""), amount=amount)
            coupon.usage_limit = request.form.get("usage_limit", type=int)
            coupons.saved(desk.store, coupon, created=True)
    except (coupons.CodeTaken, ArithmeticError):
        return redirect(url_for("office.coupons_list"))
    return redirect(url_for("office.coupons_list"))


def drop_coupon(desk: Desk, coupon_id: int) -> Page:
    coupon = desk.store.coupons.get(coupon_id)
    if coupon is not None:
        with desk.store.lock:
            coupons.trash(desk.store, coupon)
    return redirect(url_for("office.coupons_list"))


def person_deed(desk: Desk, customer_id: int, deed: str) -> Page:
    customer = desk.store.customers.get(customer_id)
    if customer is None or deed not in {"erase", "link", "delete"}:
        abort(404)
    with desk.store.lock:
        if deed == "erase":
            customers.erase(desk.store, customer.email)
        elif deed == "link":
            customers.link_past_orders(desk.store, customer)
        else:
            customers.delete(desk.store, customer)
    return redirect(url_for("office.people_list"))


def set_faults(desk: Desk) -> Page:
    if request.form.get("clear"):
        desk.faults.clear()
        return redirect(url_for("office.faults_page"))
    # A box that is not ticked is not sent.
    values: dict[str, object] = {f.name: request.form.get(f.name, "") for f in fields(Faults)}
    try:
        desk.faults.update(values)
    except ValueError as error:
        return redirect(url_for("office.faults_page", error=str(error)))
    return redirect(url_for("office.faults_page"))


STATUS_DEEDS: dict[str, Callable[[Desk, Order], None]] = {
    "paid": lambda desk, order: orders.mark_paid(desk.store, order),
    "complete": lambda desk, order: orders.set_status(desk.store, order, "completed"),
    "process": lambda desk, order: orders.set_status(desk.store, order, "processing"),
    "cancel": lambda desk, order: orders.set_status(desk.store, order, "cancelled"),
    "trash": lambda desk, order: orders.trash(desk.store, order),
    "restore": lambda desk, order: orders.restore(desk.store, order),
    "delete": lambda desk, order: orders.delete(desk.store, order),
}
PAGES: dict[str, Callable[..., Page]] = {
    "/": orders_list,
    "/orders/<int:order_id>/": order_page,
    "/products/": products_list,
    "/coupons/": coupons_list,
    "/customers/": people_list,
    "/faults/": faults_page,
}
DEEDS: dict[str, Callable[..., Page]] = {
    "/orders/<int:order_id>/<deed>": order_deed,
    "/orders/<int:order_id>/refund": refund_order,
    "/orders/<int:order_id>/refunds/<int:refund_id>/delete": delete_refund,
    "/coupons/new": make_coupon,
    "/coupons/<int:coupon_id>/trash": drop_coupon,
    "/customers/<int:customer_id>/<deed>": person_deed,
    "/faults/set": set_faults,
}


def _order(desk: Desk, order_id: int) -> Order:
    order = desk.store.orders.get(order_id)
    if order is None:
        abort(404)
    return order


def _back_to(order_id: int, *, error: str = "") -> Response:
    return redirect(url_for("office.order_page", order_id=order_id, error=error or None))


def _already_back(order: Order, line_id: int) -> int:
    return sum(line.quantity for made in order.refunds for line in made.lines if line.item_id == line_id)


def _shown(order: Order, status: str, search: str) -> bool:
    if (status and order.status != status) or (not status and order.status == "trash"):
        return False
    who = order.billing
    return not search or search in f"{order.id} {who.email} {who.first_name} {who.last_name}".lower()
