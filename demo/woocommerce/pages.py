"""The Flask application of the WooCommerce demo shop: the protocol's doors and the shop's pages under one roof."""

import socket
from datetime import datetime
from functools import partial

from flask import Flask, Response, request

from demo.shop import backoffice, storefront
from demo.woocommerce import backoffice as wordpress_office
from demo.woocommerce import demo_doors, identity, rest, store_api, wc_auth
from demo.woocommerce.deliveries import Deliveries
from demo.woocommerce.desk import WordPressDesk
from demo.woocommerce.plugin import Plugin
from demo.woocommerce.site import Site
from demo.woocommerce.times import ZONE


def create_app(site: Site, deliveries: Deliveries, plugin: Plugin | None) -> Flask:
    app = Flask("demo.shop")
    app.url_map.strict_slashes = False
    app.before_request(partial(_hang_up, site))
    app.before_request(partial(_visit, deliveries))
    if plugin is not None:
        app.register_blueprint(identity.blueprint(site, plugin))
    app.register_blueprint(store_api.blueprint(site))
    app.register_blueprint(rest.blueprint(site))
    app.register_blueprint(wc_auth.blueprint(site))
    app.register_blueprint(demo_doors.blueprint(site, deliveries, plugin))
    desk = WordPressDesk(site, plugin)
    app.register_blueprint(storefront.blueprint(desk))
    app.register_blueprint(backoffice.blueprint(desk))
    app.register_blueprint(wordpress_office.blueprint(site, desk, deliveries, plugin))
    app.add_template_filter(local_day, "day")
    app.add_template_filter(local_moment, "moment")
    return app


def local_day(at: int) -> str:
    return datetime.fromtimestamp(at, ZONE).strftime("%-d %B %Y")


def local_moment(at: int) -> str:
    return datetime.fromtimestamp(at, ZONE).strftime("%-d %b %Y, %H:%M")


def _hang_up(site: Site) -> Response | None:
    """A shop that is down closes the connection; only the demo's own pages keep working."""
    if not site.faults.shop_down or request.path.startswith("/demo/"):
        return None
    connection = request.environ.get("werkzeug.socket")
    if isinstance(connection, socket.socket):
        connection.shutdown(socket.SHUT_RDWR)
    return Response("", 503)


def _visit(deliveries: Deliveries) -> None:
    deliveries.visit()
