"""The door of the REST API: find the route, know the caller, answer in WordPress's shape, or fail as told."""

import re
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Blueprint, Response, request

from demo.woocommerce import (
    auth,
    rest_batch,
    rest_coupons,
    rest_customers,
    rest_orders,
    rest_products,
    rest_refunds,
    rest_shop,
    rest_webhooks,
)
from demo.woocommerce.calls import Call, Reply, only_fields
from demo.woocommerce.errors import WpError, no_route
from demo.woocommerce.php import encode
from demo.woocommerce.site import Site

Handler = Callable[[Site, Call], Reply]

# method, route under /wc/v3, what the caller must be allowed to do, handler
ROUTES: tuple[tuple[str, str, str, Handler], ...] = (
    ("GET", r"orders", "list", rest_orders.index),
    ("POST", r"orders", "create", rest_orders.create),
    ("POST", r"orders/batch", "edit", partial(rest_batch.batch, rest_orders.BATCH)),
    ("GET", r"orders/(?P<order>\d+)", "view", rest_orders.show),
    ("PUT", r"orders/(?P<order>\d+)", "edit", rest_orders.update),
    ("DELETE", r"orders/(?P<order>\d+)", "delete", rest_orders.delete),
    ("GET", r"orders/(?P<order>\d+)/refunds", "list", rest_refunds.index),
    ("POST", r"orders/(?P<order>\d+)/refunds", "create", rest_refunds.create),
    ("GET", r"orders/(?P<order>\d+)/refunds/(?P<refund>\d+)", "view", rest_refunds.show),
    ("DELETE", r"orders/(?P<order>\d+)/refunds/(?P<refund>\d+)", "delete", rest_refunds.delete),
    ("GET", r"refunds", "list", rest_refunds.index_of_all),
    ("GET", r"customers", "list", rest_customers.index),
    ("POST", r"customers", "create", rest_customers.create),
    ("GET", r"customers/(?P<customer>\d+)", "view", rest_customers.show),
    ("PUT", r"customers/(?P<customer>\d+)", "edit", rest_customers.update),
    ("DELETE", r"customers/(?P<customer>\d+)", "delete", rest_customers.delete),
    ("GET", r"coupons", "list", rest_coupons.index),
    ("POST", r"coupons", "create", rest_coupons.create),
    ("POST", r"coupons/batch", "edit", partial(rest_batch.batch, rest_coupons.BATCH)),
    ("GET", r"coupons/(?P<coupon>\d+)", "view", rest_coupons.show),
    ("PUT", r"coupons/(?P<coupon>\d+)", "edit", rest_coupons.update),
    ("DELETE", r"coupons/(?P<coupon>\d+)", "delete", rest_coupons.delete),
    ("GET", r"webhooks", "list", rest_webhooks.index),
    ("POST", r"webhooks", "create", rest_webhooks.create),
    ("GET", r"webhooks/(?P<webhook>\d+)", "view", rest_webhooks.show),
    ("PUT", r"webhooks/(?P<webhook>\d+)", "edit", rest_webhooks.update),
    ("DELETE", r"webhooks/(?P<webhook>\d+)", "delete", rest_webhooks.delete),
    ("GET", r"products", "list", rest_products.index),
    ("GET", r"products/categories", "list", rest_products.categories),
    ("GET", r"products/(?P<product>\d+)", "view", rest_products.show),
    ("GET", r"system_status", "view", rest_shop.system_status),
    ("GET", r"data/currencies/current", "view", rest_shop.currency),
    ("GET", r"settings/(?P<group>[\w-]+)", "view", rest_shop.settings),
    ("GET", r"settings/(?P<group>[\w-]+)/(?P<setting>[\w-]+)", "view", rest_shop.setting),
)
COMPILED = tuple((method, re.compile(f"{route}/?"), deed, handler) for method, route, deed, handler in ROUTES)
SAME = {"PATCH": "PUT", "HEAD": "GET"}
EXPOSED = "X-WP-Total, X-WP-TotalPages, Link"

NOTICE = "<br />\n<b>Notice</b>:  Undefined index: x in <b>old-plugin.php</b> on line <b>7</b><br />\n"
FATAL = "<!DOCTYPE html>\n<html><body><p>There has been a critical error on this website.</p></body></html>"
FRONT = "<!DOCTYPE html>\n<html><head><title>Fernway</title></head><body><h1>Fernway</h1></body></html>"


def blueprint(site: Site) -> Blueprint:
    door = Blueprint("rest", __name__)
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    door.add_url_rule("/wp-json/wc/v3/<path:route>", view_func=partial(answer, site), methods=methods, endpoint="v3")
    door.add_url_rule("/wp-json/", view_func=partial(_public, site, rest_shop.index), endpoint="index")
    door.add_url_rule("/wp-json/wc/v3", view_func=partial(_public, site, rest_shop.namespace), endpoint="namespace")
    door.add_url_rule("/wp-json/<path:route>", view_func=partial(_nothing, site), methods=methods, endpoint="none")
    return door


def answer(site: Site, route: str) -> Response:
    """One call to wc/v3, from the fault switches to the bytes."""
    if (broken := _broken(site)) is not None:
        return broken
    try:
        reply = _dispatch(site, route)
    except WpError as error:
        reply = Reply(error.body(), error.status)
    return respond(site, reply)


def respond(site: Site, reply: Reply) -> Response:
    text = encode(reply.body)
    if site.faults.rest_mode == "notice":
        text = NOTICE + text
    response = Response(text, status=reply.status, content_type="application/json; charset=UTF-8")
    response.headers.add("X-Robots-Tag", "noindex")
    response.headers.add("Link", f'<{site.home_url}/wp-json/>; rel="https://api.w.org/"')
    response.headers.add("X-Content-Type-Options", "nosniff")
    response.headers.add("Access-Control-Expose-Headers", EXPOSED)
    for name, value in reply.headers.items():
        # Also replaces the Link above when a list has a next page, as in WordPress.
        response.headers.set(name, value)
    return response


def _dispatch(site: Site, route: str) -> Reply:
    method = SAME.get(request.method, request.method)
    # PHP keeps the last of repeated parameters.
    query = {name: values[-1] for name, values in request.args.lists()}
    authorization = None if site.faults.strip_authorization else request.authorization
    caller = auth.authenticate(site, request.method, request.path, query, authorization)
    for verb, pattern, deed, handler in COMPILED:
        found = pattern.fullmatch(route)
        if found is None or verb != method:
            continue
        auth.demand(caller, deed)
        ids = {name: int(value) for name, value in found.groupdict().items() if value.isdigit()}
        words = {name: value for name, value in found.groupdict().items() if not value.isdigit()}
        call = Call(method, f"/wc/v3/{route}", {**_php_lists(query), **_body(), **words}, caller,
                    request.query_string.decode(), ids)  # fmt: skip
        with site.store.lock:
            reply = handler(site, call)
        if reply.before_sending is not None:
            reply.before_sending()
        return Reply(only_fields(reply.body, call.words("_fields")), reply.status, reply.headers)
    raise no_route()


def _php_lists(query: dict[str, str]) -> dict[str, object]:
    """`status[]=a` is a list of one in PHP."""
    return {name.removesuffix("[]"): [value] if name.endswith("[]") else value for name, value in query.items()}


def _body() -> dict[str, Any]:
    if request.method not in {"POST", "PUT", "PATCH", "DELETE"} or not request.get_data():
        return {}
    if request.mimetype != "application/json":
        return dict(request.form)
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise WpError("rest_invalid_json", "Invalid JSON body passed.", 400, json_error_code=4)
    return body


def _broken(site: Site) -> Response | None:
    """The answer of a shop whose REST API is broken in the way the switch says."""
    match site.faults.rest_mode:
        case "html":
            return Response(FRONT, content_type="text/html; charset=UTF-8")
        case "maintenance":
            page = "<!DOCTYPE html>\n<html><body>Briefly unavailable for scheduled maintenance.</body></html>"
            return Response(page, 503, {"Retry-After": "600"}, content_type="text/html; charset=utf-8")
        case "fatal":
            return Response(FATAL, 500, content_type="text/html; charset=UTF-8")
        case "timeout":
            _wait(site, site.faults.rest_timeout_s)
            return Response("", 504, content_type="text/html")
        case "error500":
            error = WpError("internal_server_error", "There has been a critical error on this website.", 500)
            return respond(site, Reply(error.body(), 500))
        case "no_route":
            return respond(site, Reply(no_route().body(), 404))
    return None


def _wait(site: Site, seconds: float) -> None:
    """Sleep until the time is over or the switch is turned off again."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and site.faults.rest_mode == "timeout":
        time.sleep(0.05)


def _public(site: Site, handler: Callable[[Site], Reply]) -> Response:
    broken = _broken(site)
    return broken if broken is not None else respond(site, handler(site))


def _nothing(site: Site, route: str) -> Response:
    error = no_route()
    return respond(site, Reply(error.body(), error.status))
