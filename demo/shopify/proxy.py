"""The app proxy: the storefront's /apps/regulars/... goes to the app, signed with who is asking. Cookies stay behind."""

from functools import partial
from urllib.parse import urlencode

import requests
from flask import Blueprint, Response, request

from demo.shopify.signed import proxy_query
from demo.shopify.site import Site
from demo.shopify.visitors import customer_of

PREFIX = "/apps/regulars"
ANSWER_S = 20.0
PASSED_ON = ("Accept", "Accept-Language", "Content-Type", "User-Agent", "X-Regulars")
PASSED_BACK = ("Content-Type", "Cache-Control")


def blueprint(site: Site) -> Blueprint:
    door = Blueprint("proxy", __name__)
    methods = ["GET", "POST", "PUT", "DELETE"]
    door.add_url_rule(f"{PREFIX}/<path:path>", "proxy", partial(forward, site), methods=methods)
    door.add_url_rule(PREFIX, "root", partial(forward, site, ""), methods=methods)
    return door


def forward(site: Site, path: str) -> Response:
    """What is signed besides are the storefront's own parameters, whatever they are."""
    if not site.installed or not site.app.proxy_url:
        return Response("<h1>404</h1>", 404, content_type="text/html; charset=utf-8")
    more = [(name, value) for name, values in request.args.lists() for value in values]
    query = proxy_query(site, customer_id=customer_of(site, request), more=more)
    url = f"{site.app.proxy_url.rstrip('/')}/{path}?{urlencode(query)}"
    head = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
    with requests.Session() as session:
        session.trust_env = False
        try:
            answer = session.request(
                request.method, url, data=request.get_data(), headers=head, timeout=ANSWER_S, allow_redirects=False
            )
        except requests.RequestException:
            return Response(
                "<h1>There was an error in the third-party application.</h1>", 502, content_type="text/html"
            )
    response = Response(answer.content, answer.status_code)
    for name in PASSED_BACK:
        if name in answer.headers:
            response.headers[name] = answer.headers[name]
    return response
