"""The Flask application of the fake Shopify: the platform's doors and the shop's pages under one roof."""

import json
import socket
from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path

from flask import Flask, Response, request, send_file
from graphql import GraphQLSchema

from demo.shopify import deploy, oauth, proxy, storefront
from demo.shopify.admin import Office
from demo.shopify.bulk import Bulk
from demo.shopify.deliveries import Deliveries
from demo.shopify.graphql_door import Door
from demo.shopify.ids import number
from demo.shopify.installation import Installation
from demo.shopify.site import Site
from demo.shopify.times import ZONE

STATIC = Path(__file__).with_name("static")
# Where the real scripts lie, and where ours do.
SCRIPTS = {
    "/app-bridge.js": "app-bridge.js",
    "/shopifycloud/app-bridge.js": "app-bridge.js",
    "/polaris.js": "polaris.js",
    "/shopifycloud/polaris.js": "polaris.js",
    "/admin/admin.js": "admin.js",
}


def create_app(
    site: Site, schema: GraphQLSchema, bulk: Bulk, installation: Installation, deliveries: Deliveries
) -> Flask:
    # The neutral shop's templates and pictures are found beside its package.
    app = Flask("demo.shop")
    app.url_map.strict_slashes = False
    app.before_request(partial(_hang_up, site))
    app.register_blueprint(Door(site, schema, bulk).blueprint())
    app.register_blueprint(oauth.blueprint(site, installation))
    app.register_blueprint(Office(site, installation, deliveries).blueprint())
    app.register_blueprint(storefront.blueprint(site))
    app.register_blueprint(proxy.blueprint(site))
    app.add_template_filter(local_day, "day")
    app.add_template_filter(local_moment, "moment")
    for rule, name in SCRIPTS.items():
        app.add_url_rule(rule, rule, partial(_script, name))
    app.add_url_rule("/demo/deploy", "deploy", partial(_deploy, site), methods=["POST"])
    app.add_url_rule("/bulk/<int:operation_id>.jsonl", "bulk", partial(_bulk_file, bulk))
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


def _bulk_file(bulk: Bulk, operation_id: int) -> Response:
    path = bulk.path(operation_id)
    if path is None:
        return Response("<Error><Code>NoSuchKey</Code></Error>", 404, content_type="application/xml")
    return send_file(path, mimetype="application/jsonl")


def _script(name: str) -> Response:
    response = send_file(STATIC / name, mimetype="text/javascript")
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def _deploy(site: Site) -> Response:
    """The body is the app's archive; its secrets stay what they are."""
    app = deploy.deploy(site, request.get_data())
    return _json({"client_id": app.client_id, "app_url": app.app_url, "topics": list(app.topics)})


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
        return _json(
            {
                "installed": site.installed,
                "granted": list(site.granted),
                "orders": len(site.store.orders),
                "last_order": max(site.store.orders, default=0),
                "last_order_number": str(number("Order", max(site.store.orders, default=0))),
                "customers": len(site.store.customers),
                "discounts": [asdict(each) for each in site.discounts.values()],
                "deliveries_waiting": deliveries.waiting(),
                "token_exchanges": site.tokens.exchanges,
                "token_refreshes": site.tokens.refreshes,
            }
        )


def _json(body: object, status: int = 200) -> Response:
    return Response(json.dumps(body), status, content_type="application/json; charset=utf-8")
