"""The merchant's admin: the app in its frame, installing and removing it, orders and what staff do to them, deliveries."""

import json
from collections.abc import Callable
from dataclasses import asdict, fields
from functools import partial, wraps
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from demo.shop import customers, orders
from demo.shop.entities import Order
from demo.shop.faults import REST_MODES
from demo.shop.money import minor
from demo.shopify import discounts, order_deeds, rest_bodies, session_tokens
from demo.shopify.deliveries import Deliveries
from demo.shopify.faults import API_MODES
from demo.shopify.ids import number
from demo.shopify.installation import Installation
from demo.shopify.signed import launch_query
from demo.shopify.site import Site
from demo.shopify.sums import financial_status, refunded_units

Page = str | AnyResponse
PAGE_SIZE = 50
CHOICES = {"rest_mode": REST_MODES, "api_mode": API_MODES}


class Office:
    """The admin's pages need the shop, the app's installation and the queue of webhooks."""

    def __init__(self, site: Site, installation: Installation, deliveries: Deliveries) -> None:
        self.site = site
        self.installation = installation
        self.deliveries = deliveries

    def blueprint(self) -> Blueprint:
        door = Blueprint("shopify_admin", __name__, template_folder="templates")
        door.context_processor(self._frame)
        for rule, view in PAGES.items():
            door.add_url_rule(rule, _name(rule), wraps(view)(partial(view, self)))
        for rule, view in DEEDS.items():
            door.add_url_rule(rule, f"{_name(rule)}_deed", wraps(view)(partial(view, self)), methods=["POST"])
        return door

    def order(self, order_id: int) -> Order:
        found = self.site.store.orders.get(order_id)
        if found is None:
            abort(404)
        return found

    def status(self, order: Order) -> str:
        return financial_status(order, self.site.extra_of(order)).replace("_", " ").capitalize()

    def _frame(self) -> dict[str, object]:
        return {"app": self.site.app, "installed": self.site.installed, "domain": self.site.domain, "number": number}


def orders_list(office: Office) -> Page:
    page = max(1, request.args.get("page", 1, type=int))
    rows = sorted(office.site.store.orders.values(), key=lambda order: (order.created_at, order.id), reverse=True)
    shown = rows[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    words = {order.id: office.status(order) for order in shown}
    pages = max(1, -(-len(rows) // PAGE_SIZE))
    people = office.site.store.customers
    return render_template(
        "shopify/orders.html", orders=shown, words=words, page=page, pages=pages, people=people, total=len(rows)
    )


def order_page(office: Office, order_id: int) -> Page:
    order = office.order(order_id)
    extra = office.site.extra_of(order)
    left = {
        line.id: line.quantity - refunded_units(order, line.id) - extra.removed.get(line.id, 0) for line in order.lines
    }
    return render_template(
        "shopify/order.html", order=order, extra=extra, left=left, word=office.status(order),
        buyer=office.site.store.customers.get(order.customer_id), error=request.args.get("error", ""),
        products=office.site.store.products.values(),
    )  # fmt: skip


def people_list(office: Office) -> Page:
    return render_template("shopify/people.html", people=office.site.store.customers.values())


def discounts_list(office: Office) -> Page:
    rows = [
        (each, discounts.status(office.site, each), discounts.uses(office.site, each))
        for each in sorted(office.site.discounts.values(), key=lambda each: each.id, reverse=True)
    ]
    return render_template("shopify/discounts.html", rows=rows)


def webhooks_page(office: Office) -> Page:
    sent = list(office.deliveries.sent)[-25:][::-1]
    return render_template(
        "shopify/webhooks.html", sent=sent, waiting=office.deliveries.waiting(), pace=office.deliveries.pace
    )


def faults_page(office: Office) -> Page:
    values = asdict(office.site.faults)
    kinds = {name: "bool" if isinstance(value, bool) else "text" for name, value in values.items()}
    kinds |= {name: "choice" for name in CHOICES}
    rows = [(name, kinds[name], value, CHOICES.get(name, ())) for name, value in values.items()]
    return render_template("shopify/faults.html", rows=rows, error=request.args.get("error", ""))


def app_page(office: Office, handle: str, path: str = "") -> Page:
    """The app's own page in a frame; where it is not installed, the page on which a merchant consents."""
    app = office.site.app
    if handle not in {app.handle, app.client_id}:
        abort(404)
    if not office.site.installed:
        return render_template("shopify/install.html", scopes=app.scopes, optional=app.optional_scopes)
    base = app.app_url.rstrip("/") + (f"/{path}" if path else "")
    return render_template("shopify/app.html", address=f"{base}?{urlencode(launch_query(office.site))}")


def session_token(office: Office) -> Page:
    """A fresh token for the frame; only the admin's own page may ask."""
    if not office.site.installed:
        abort(404)
    token = session_tokens.mint(office.site)
    response = Response(json.dumps({"token": token}), content_type="application/json; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response


def app_scopes(office: Office) -> Page:
    """What App Bridge's scopes API tells; a POST adds optional ones, as after the merchant's consent."""
    site = office.site
    if request.method == "POST":
        wanted = set((request.get_json(silent=True) or {}).get("add", ())) & set(site.app.optional_scopes)
        office.installation.install((*site.granted, *sorted(wanted - set(site.granted))))
    told = {"granted": site.granted, "required": site.app.scopes, "optional": site.app.optional_scopes}
    return Response(json.dumps(told), content_type="application/json; charset=utf-8")


def install(office: Office) -> Page:
    """The app's scopes, and those optional ones that are ticked."""
    app = office.site.app
    ticked = [scope for scope in request.form.getlist("scope") if scope in app.optional_scopes]
    office.installation.install((*app.scopes, *ticked))
    return redirect(f"/admin/apps/{office.site.app.handle}")


def uninstall(office: Office) -> Page:
    office.installation.uninstall()
    return redirect("/admin")


def redact_shop(office: Office) -> Page:
    office.deliveries.announce("shop/redact", rest_bodies.redacted_shop(office.site))
    return redirect("/admin/webhooks")


def deliver(office: Office) -> Page:
    office.deliveries.run(early=True)
    return redirect("/admin/webhooks")


def order_deed(office: Office, order_id: int, deed: str) -> Page:
    order, site = office.order(order_id), office.site
    with site.store.lock:
        match deed:
            case "paid":
                order_deeds.mark_paid(site, order)
            case "fulfil":
                order_deeds.fulfil(site, order)
            case "cancel":
                order_deeds.cancel(site, order)
            case "delete":
                orders.delete(site.store, order)
                return redirect("/admin")
            case _:
                abort(404)
    return redirect(f"/admin/orders/{order_id}")


def refund_order(office: Office, order_id: int) -> Page:
    """Pieces of lines, the shipping, or an amount alone."""
    order, typed = office.order(order_id), request.form.get("amount", "").strip().replace(",", ".")
    pieces = {line.id: request.form.get(f"line-{line.id}", 0, type=int) for line in order.lines}
    try:
        with office.site.store.lock:
            cents = minor(typed) if typed else None
            shipping = "shipping" in request.form
            order_deeds.refund(office.site, order, quantities=pieces, shipping=shipping, amount=cents)
    except (orders.RefundRefused, ArithmeticError):
        return redirect(f"/admin/orders/{order_id}?error=That+is+more+than+is+left,+or+no+amount.")
    return redirect(f"/admin/orders/{order_id}")


def edit_order(office: Office, order_id: int) -> Page:
    order, site = office.order(order_id), office.site
    removed = {line.id: request.form.get(f"remove-{line.id}", 0, type=int) for line in order.lines}
    product_id = request.form.get("product", 0, type=int)
    added = {product_id: request.form.get("units", 1, type=int)} if product_id in site.store.products else {}
    with site.store.lock:
        taken = {line_id: units for line_id, units in removed.items() if units > 0}
        done = order_deeds.edit(site, order, add=added, remove=taken)
        body = rest_bodies.edited(order.id, site.next("edit"), site.store.now(), done.added, done.removed)
        office.deliveries.announce("orders/edited", body)
    return redirect(f"/admin/orders/{order_id}")


def person_deed(office: Office, customer_id: int, deed: str) -> Page:
    site = office.site
    customer = site.store.customers.get(customer_id)
    if customer is None:
        abort(404)
    mine = [order.id for order in site.store.orders.values() if order.customer_id == customer_id]
    with site.store.lock:
        match deed:
            case "request":
                body = rest_bodies.privacy(site, customer, mine, "orders_requested")
                office.deliveries.announce("customers/data_request", body)
            case "erase":
                body = rest_bodies.privacy(site, customer, mine, "orders_to_redact")
                office.deliveries.announce("customers/redact", body)
                customers.erase(site.store, customer.email)
            case "delete":
                customers.delete(site.store, customer)
            case _:
                abort(404)
    return redirect("/admin/customers")


def set_faults(office: Office) -> Page:
    faults = office.site.faults
    if request.form.get("clear"):
        faults.clear()
        return redirect("/admin/faults")
    # A box that is not ticked is not sent.
    try:
        faults.update({each.name: request.form.get(each.name, "") for each in fields(faults)})
    except ValueError as error:
        return redirect(f"/admin/faults?{urlencode({'error': str(error)})}")
    return redirect("/admin/faults")


PAGES: dict[str, Callable[..., Page]] = {
    "/admin": orders_list,
    "/admin/orders/<int:order_id>": order_page,
    "/admin/customers": people_list,
    "/admin/discounts": discounts_list,
    "/admin/webhooks": webhooks_page,
    "/admin/faults": faults_page,
    "/admin/app-bridge/session-token": session_token,
    "/admin/app-bridge/scopes": app_scopes,
    "/admin/apps/<handle>": app_page,
    "/admin/apps/<handle>/<path:path>": app_page,
}
DEEDS: dict[str, Callable[..., Page]] = {
    "/admin/orders/<int:order_id>/<deed>": order_deed,
    "/admin/orders/<int:order_id>/refund": refund_order,
    "/admin/orders/<int:order_id>/edit": edit_order,
    "/admin/customers/<int:customer_id>/<deed>": person_deed,
    "/admin/faults": set_faults,
    "/admin/app-bridge/scopes": app_scopes,
    "/admin/install": install,
    "/admin/uninstall": uninstall,
    "/admin/redact-shop": redact_shop,
    "/admin/webhooks/deliver": deliver,
}


def _name(rule: str) -> str:
    return rule.strip("/").replace("/", "_")
