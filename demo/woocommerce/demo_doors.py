"""What only the demo has: fault switches and state as JSON, signing in by a link, and wp-cron.php."""

from dataclasses import asdict
from functools import partial

from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from demo.woocommerce import shapes, visitors
from demo.woocommerce.deliveries import Deliveries
from demo.woocommerce.php import encode
from demo.woocommerce.plugin import Plugin
from demo.woocommerce.site import Site


def blueprint(site: Site, deliveries: Deliveries, plugin: Plugin | None) -> Blueprint:
    door = Blueprint("demo_doors", __name__)
    door.add_url_rule("/demo/faults", view_func=partial(faults, site), methods=["GET", "POST"], endpoint="faults")
    door.add_url_rule("/demo/state", view_func=partial(state, site, deliveries, plugin), endpoint="state")
    door.add_url_rule("/demo/sign-in/<who>", view_func=partial(sign_in, site), endpoint="sign_in")
    door.add_url_rule("/wp-cron.php", view_func=partial(cron, deliveries), endpoint="cron")
    return door


def faults(site: Site) -> Response:
    """GET shows the switches, POST with JSON sets some of them; `{"clear": true}` turns all off first."""
    if request.method == "POST":
        wanted = dict(request.get_json(silent=True) or {})
        if wanted.pop("clear", False):
            site.faults.clear()
        try:
            site.faults.update(wanted)
        except ValueError as error:
            return _json({"error": str(error)}, 400)
    return _json(asdict(site.faults))


def state(site: Site, deliveries: Deliveries, plugin: Plugin | None) -> Response:
    """What the shop holds, for assertions."""
    with site.store.lock:
        orders = list(site.store.orders.values())
        return _json(
            {
                "version": site.version.woocommerce,
                "orders": len(orders),
                "last_order": max((order.id for order in orders), default=0),
                "customers": len(site.store.customers),
                "coupons": [shapes.coupon(site, coupon) for coupon in site.store.coupons.values()],
                "webhooks": [
                    {**shapes.webhook(site, webhook), "failures": webhook.failures, "pending": webhook.pending}
                    for webhook in site.webhooks.values()
                ],
                "keys": [{"id": key.id, "scope": key.scope, "user": key.user_id} for key in site.keys.values()],
                "deliveries_waiting": deliveries.waiting(),
                "plugin": {"active": plugin.active, "nudges": plugin.nudges_sent} if plugin else None,
            }
        )


def sign_in(site: Site, who: str) -> AnyResponse:
    """Sign a browser in as a customer by id, login or e-mail address: a demo has no secrets."""
    customer = site.store.customers.get(int(who)) if who.isdigit() else site.store.customer_by_login(who)
    if customer is None:
        return Response("There is no such customer.", 404, content_type="text/plain; charset=utf-8")
    target = request.args.get("next", "/")
    response = redirect(target if target.startswith("/") and not target.startswith("//") else "/")
    visitors.sign_in(site, response, customer.id, guest=request.cookies.get(visitors.session_cookie(site), ""))
    return response


def cron(deliveries: Deliveries) -> Response:
    deliveries.cron()
    return Response("", 200, content_type="text/html; charset=UTF-8")


def _json(body: object, status: int = 200) -> Response:
    return Response(encode(body), status, content_type="application/json; charset=UTF-8")
