"""The plugin's door: tells the shop's own pages, and nobody else, who is signed in."""

from functools import partial

from flask import Blueprint, Response, request

from demo.woocommerce import visitors
from demo.woocommerce.php import encode
from demo.woocommerce.plugin import Plugin
from demo.woocommerce.site import Site

PATH = "/wp-json/regulars/v1/identity"


def blueprint(site: Site, plugin: Plugin) -> Blueprint:
    door = Blueprint("identity", __name__)
    door.add_url_rule(
        PATH,
        "identity",
        partial(identity, site, plugin),
        methods=["GET", "POST", "OPTIONS"],
        provide_automatic_options=False,
    )
    return door


def identity(site: Site, plugin: Plugin) -> Response:
    """The header cannot be sent from another origin without a preflight, and none is ever granted."""
    if request.headers.get("X-Regulars") != "1":
        return _answer({"code": "regulars_forbidden", "message": "Not from here.", "data": {"status": 403}}, 403)
    customer_id = visitors.customer_of(site, request)
    return _answer({"token": plugin.token(customer_id) if customer_id and plugin.active else None}, 200)


def _answer(body: object, status: int) -> Response:
    response = Response(encode(body), status, content_type="application/json; charset=UTF-8")
    response.headers["Cache-Control"] = "no-store, private"
    return response
