"""The Flask application of the fake Shoptet: the platform's doors and the shop's pages under one roof."""

import json
import socket
from dataclasses import asdict, fields, replace
from datetime import datetime
from functools import partial

from flask import Flask, Response, request

from demo.shoptet import cart_actions, oauth, other_views, storefront
from demo.shoptet.admin import Office
from demo.shoptet.amounts import Json
from demo.shoptet.api import Door
from demo.shoptet.deliveries import Deliveries
from demo.shoptet.installation import Installation
from demo.shoptet.jobs import refresh
from demo.shoptet.site import Site
from demo.shoptet.times import ZONE


def create_app(site: Site, installation: Installation, deliveries: Deliveries) -> Flask:
    # The neutral shop's templates and pictures are found beside its package.
    app = Flask("demo.shop")
    app.url_map.strict_slashes = False
    app.before_request(partial(_hang_up, site))
    app.register_blueprint(Door(site, deliveries.announce).blueprint())
    app.register_blueprint(oauth.blueprint(site))
    app.register_blueprint(Office(site, installation, deliveries).blueprint())
    app.register_blueprint(cart_actions.blueprint(site))
    app.register_blueprint(storefront.blueprint(site))
    app.add_template_filter(local_day, "day")
    app.add_template_filter(local_moment, "moment")
    app.add_url_rule("/api-results/<name>", "result", partial(_result, site))
    app.add_url_rule("/demo/addon", "addon", partial(_addon, site), methods=["GET", "POST"])
    app.add_url_rule("/demo/faults", "faults", partial(_faults, site), methods=["GET", "POST"])
    app.add_url_rule("/demo/state", "state", partial(_state, site, deliveries))
    return app


def local_day(at: int) -> str:
    return datetime.fromtimestamp(at, ZONE).strftime("%-d %B %Y")


def local_moment(at: float) -> str:
    return datetime.fromtimestamp(at, ZONE).strftime("%-d %b %Y, %H:%M")


def _hang_up(site: Site) -> Response | None:
    """A shop that is down closes the connection; only the demo's own pages keep working."""
    if not site.faults.shop_down or request.path.startswith("/demo/"):
        return None
    connection = request.environ.get("werkzeug.socket")
    if isinstance(connection, socket.socket):
        connection.shutdown(socket.SHUT_RDWR)
    return Response("", 503)


def _result(site: Site, name: str) -> Response:
    """The file of a job, to whoever knows its name, for a day."""
    job = next((each for each in site.jobs.values() if each.file == name), None)
    if job is not None:
        refresh(site, job)
    if job is None or not job.content:
        return Response("Not found", 404, content_type="text/plain")
    return Response(job.content, content_type="application/gzip")


def _addon(site: Site) -> Response:
    """GET shows what the partner registered, POST with JSON changes some of it: fields of AddonConfig."""
    if request.method == "POST":
        given = dict(request.get_json(silent=True) or {})
        known = {each.name for each in fields(site.addon)}
        if set(given) - known:
            return _json({"error": f"there is no {', '.join(sorted(set(given) - known))}"}, 400)
        values: Json = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
        site.addon = replace(site.addon, **values)
    return _json(asdict(site.addon))


def _faults(site: Site) -> Response:
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


def _state(site: Site, deliveries: Deliveries) -> Response:
    """What the shop holds, for assertions."""
    with site.store.lock:
        last = max(site.store.orders, default=0)
        return _json(
            {
                "installed": site.installed,
                "suspended": site.suspended,
                "orders": len(site.store.orders),
                "last_order": last,
                "last_order_code": site.code(site.store.orders[last]) if last else "",
                "customers": len(site.store.customers),
                "coupons": [
                    other_views.coupon(site, each) for each in site.store.coupons.values() if each.id in site.coupons
                ],
                "webhooks": [asdict(each) for each in site.webhooks.values()],
                "snippets": site.snippets,
                "deliveries_waiting": deliveries.waiting(),
                "api_tokens_issued": site.tokens.issued,
            }
        )


def _json(body: object, status: int = 200) -> Response:
    return Response(json.dumps(body, ensure_ascii=False), status, content_type="application/json; charset=utf-8")
