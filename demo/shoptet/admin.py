"""The shop's admin: the addon in its frame, orders and what staff do to them, customers, coupons, webhooks, faults.

The addon's partner has a page here, too: what Shoptet's partner admin and its add-ons shop do to an installation.
"""

from collections.abc import Callable
from dataclasses import asdict, fields
from functools import partial, wraps
from urllib.parse import quote, urlencode

from flask import Blueprint, abort, redirect, render_template, request
from werkzeug.wrappers import Response

from demo.shop import customers
from demo.shop.entities import Order
from demo.shop.faults import REST_MODES
from demo.shop.money import minor
from demo.shop.orders import RefundRefused
from demo.shoptet import order_deeds, other_views
from demo.shoptet.deliveries import Deliveries
from demo.shoptet.entities import CANCELLED
from demo.shoptet.faults import API_MODES
from demo.shoptet.guids import guid
from demo.shoptet.installation import Installation
from demo.shoptet.site import MODULES, Site

Page = str | Response
PAGE_SIZE = 50
CHOICES = {"rest_mode": REST_MODES, "api_mode": API_MODES}


class Office:
    """The admin's pages need the shop, the addon's installation and the queue of webhooks."""

    def __init__(self, site: Site, installation: Installation, deliveries: Deliveries) -> None:
        self.site = site
        self.installation = installation
        self.deliveries = deliveries

    def blueprint(self) -> Blueprint:
        door = Blueprint("shoptet_admin", __name__, template_folder="templates")
        door.context_processor(lambda: {"site": self.site, "addon": self.site.addon, "guid": guid})
        for rule, view in PAGES.items():
            door.add_url_rule(rule, view.__name__, wraps(view)(partial(view, self)))
        for rule, view in DEEDS.items():
            door.add_url_rule(rule, f"{view.__name__}_deed", wraps(view)(partial(view, self)), methods=["POST"])
        return door

    def order(self, order_id: int) -> Order:
        found = self.site.store.orders.get(order_id)
        if found is None:
            abort(404)
        return found


def orders_list(office: Office) -> Page:
    site, page = office.site, max(1, request.args.get("page", 1, type=int))
    found = sorted(site.store.orders.values(), key=lambda order: (order.created_at, order.id), reverse=True)
    shown = found[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    rows = [(site.code(each), each, site.statuses[site.extra_of(each).status_id].name) for each in shown]
    pages = max(1, -(-len(found) // PAGE_SIZE))
    return render_template("shoptet/orders.html", rows=rows, page=page, pages=pages, total=len(found))


def order_page(office: Office, order_id: int) -> Page:
    order, site = office.order(order_id), office.site
    back = {line.id: 0 for line in order.lines}
    for made in order.refunds:
        for part in made.lines:
            back[part.item_id] = back.get(part.item_id, 0) + part.quantity
    left = {line.id: line.quantity - back[line.id] for line in order.lines}
    notes = [each for each in site.credit_notes.values() if each.order_id == order_id]
    return render_template(
        "shoptet/order.html", order=order, code=site.code(order), extra=site.extra_of(order), left=left, notes=notes,
        buyer=site.store.customers.get(order.customer_id), error=request.args.get("error", ""),
        products=site.store.products.values(),
    )  # fmt: skip


def people_list(office: Office) -> Page:
    rows = [(each, other_views.customer_name(each)) for each in office.site.store.customers.values()]
    return render_template("shoptet/people.html", rows=rows)


def coupons_list(office: Office) -> Page:
    known = [each for each in office.site.store.coupons.values() if each.id in office.site.coupons]
    rows = [other_views.coupon(office.site, each) for each in reversed(known)]
    return render_template("shoptet/coupons.html", rows=rows)


def webhooks_page(office: Office) -> Page:
    sent, waiting = list(office.deliveries.sent)[-25:][::-1], office.deliveries.waiting()
    return render_template("shoptet/webhooks.html", sent=sent, waiting=waiting, pace=office.deliveries.pace)


def faults_page(office: Office) -> Page:
    values = asdict(office.site.faults)
    kinds = {name: "bool" if isinstance(value, bool) else "text" for name, value in values.items()}
    kinds |= dict.fromkeys(CHOICES, "choice")
    rows = [(name, kinds[name], value, CHOICES.get(name, ())) for name, value in values.items()]
    return render_template("shoptet/faults.html", rows=rows, error=request.args.get("error", ""))


def addon_page(office: Office) -> Page:
    """The addon's own settings page in a frame; where it is not installed, the button that installs it."""
    site = office.site
    if not site.installed or site.suspended or not site.addon.settings_url:
        return redirect("/admin/partner")
    return render_template("shoptet/addon.html", address=settings_address(site))


def settings_address(site: Site) -> str:
    """The settings URL with its placeholders filled in. Without a URL for user authorization there is no code."""
    code = site.tokens.new_login_code(site.addon.login_url) if site.addon.login_url else ""
    values = {"#OAUTH_CODE#": code, "#SHOP_ID#": str(site.eshop_id), "#LANGUAGE#": site.language}
    address = site.addon.settings_url
    for name, value in values.items():
        address = address.replace(name, quote(value, safe=""))
    return address


def partner_page(office: Office) -> Page:
    """Installation and life of the addon in this shop, and the shop's modules."""
    return render_template("shoptet/partner.html", modules=MODULES, error=request.args.get("error", ""))


def life_deed(office: Office, deed: str) -> Page:
    installation = office.installation
    match deed:
        case "install":
            if not installation.install():
                return redirect("/admin/partner?error=The+addon+did+not+answer+the+install+call+as+it+must.")
            return redirect("/admin/addon")
        case "uninstall":
            installation.uninstall()
        case "suspend" | "terminate":
            installation.suspend(event=f"addon:{deed}")
        case "approve":
            installation.approve()
        case _:
            abort(404)
    return redirect("/admin/partner")


def set_modules(office: Office) -> Page:
    office.site.modules = set(request.form.getlist("module")) & set(MODULES)
    return redirect("/admin/partner")


def deliver(office: Office) -> Page:
    office.deliveries.run(early=True)
    return redirect("/admin/webhooks")


def order_deed(office: Office, order_id: int, deed: str) -> Page:
    order, site = office.order(order_id), office.site
    with site.store.lock:
        match deed:
            case "paid":
                order_deeds.mark_paid(site, order)
            case "unpaid":
                order_deeds.mark_paid(site, order, paid=False)
            case "cancel":
                order_deeds.set_status(site, order, CANCELLED)
            case "status":
                wanted = request.form.get("status", 0, type=int)
                if wanted in site.statuses:
                    order_deeds.set_status(site, order, wanted)
            case "delete":
                order_deeds.delete(site, order)
                return redirect("/admin")
            case _:
                abort(404)
    return redirect(f"/admin/orders/{order_id}")


def credit_order(office: Office, order_id: int) -> Page:
    """A credit note for pieces, or for an amount alone."""
    order, typed = office.order(order_id), request.form.get("amount", "").strip().replace(",", ".")
    pieces = {line.id: request.form.get(f"line-{line.id}", 0, type=int) for line in order.lines}
    try:
        with office.site.store.lock:
            order_deeds.credit(office.site, order, quantities=pieces, amount=minor(typed) if typed else None)
    except (RefundRefused, ArithmeticError):
        return redirect(f"/admin/orders/{order_id}?error=That+is+more+than+is+left,+or+no+amount.")
    return redirect(f"/admin/orders/{order_id}")


def edit_order(office: Office, order_id: int) -> Page:
    order, site = office.order(order_id), office.site
    wanted = {line.id: request.form.get(f"pieces-{line.id}", line.quantity, type=int) for line in order.lines}
    changed = {line.id: wanted[line.id] for line in order.lines if wanted[line.id] != line.quantity}
    product_id = request.form.get("product", 0, type=int)
    added = {product_id: request.form.get("units", 1, type=int)} if product_id in site.store.products else {}
    with site.store.lock:
        drop = "drop_coupon" in request.form
        order_deeds.edit(site, order, add=added, set_pieces=changed, drop_coupon=drop)
    return redirect(f"/admin/orders/{order_id}")


def delete_customer(office: Office, customer_id: int) -> Page:
    with office.site.store.lock:
        found = office.site.store.customers.get(customer_id)
        if found is not None:
            customers.delete(office.site.store, found)
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
    "/admin/coupons": coupons_list,
    "/admin/webhooks": webhooks_page,
    "/admin/faults": faults_page,
    "/admin/addon": addon_page,
    "/admin/partner": partner_page,
}
DEEDS: dict[str, Callable[..., Page]] = {
    "/admin/orders/<int:order_id>/<deed>": order_deed,
    "/admin/orders/<int:order_id>/credit": credit_order,
    "/admin/orders/<int:order_id>/edit": edit_order,
    "/admin/customers/<int:customer_id>/delete": delete_customer,
    "/admin/faults": set_faults,
    "/admin/partner/<deed>": life_deed,
    "/admin/partner/modules": set_modules,
    "/admin/webhooks/deliver": deliver,
}
