"""wc-auth, the one-click connection: the merchant approves, the shop posts the keys, then the browser returns."""

import json
import re
from collections.abc import Callable
from functools import partial
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from demo.woocommerce import outbound, visitors
from demo.woocommerce.loopback import callback_scheme_allowed
from demo.woocommerce.site import SCOPES, ApiKey, Site

FIELDS = ("app_name", "scope", "user_id", "return_url", "callback_url")
PERMISSIONS = {
    "read": ["View coupons", "View customers", "View orders and sales reports", "View products"],
    "write": ["Create webhooks", "Create coupons", "Create customers", "Create orders", "Create products"],
    "read_write": [
        "Create webhooks",
        "View and manage coupons",
        "View and manage customers",
        "View and manage orders and sales reports",
        "View and manage products",
    ],
}
CALLBACK_S = 60.0


class Refused(Exception):
    """The request to connect cannot be granted; the text goes on the page."""


def blueprint(site: Site) -> Blueprint:
    door = Blueprint("wc_auth", __name__, template_folder="templates")
    for step, view in (
        ("authorize", authorize),
        ("login", login),
        ("grant_access", grant),
        ("access_granted", granted),
    ):
        door.add_url_rule(
            f"/wc-auth/v1/{step}", step, partial(_guarded, site, view), methods=["GET", "POST"], strict_slashes=False
        )
    return door


def authorize(site: Site) -> AnyResponse:
    _fields()
    step = "grant_access" if _staff(site) else "login"
    return redirect(f"/wc-auth/v1/{step}/?{_query()}")


def login(site: Site) -> AnyResponse:
    fields = _fields()
    error = ""
    if request.method == "POST":
        user = site.store.customer_by_login(request.form.get("username", ""))
        if user is not None and user.password and user.password == request.form.get("password"):
            response = redirect(f"/wc-auth/v1/grant_access/?{_query()}")
            visitors.sign_in(site, response, user.id)
            return response
        error = "Wrong user name or password."
    return _page("auth_login.html", 200, app_name=app_name(fields), error=error)


def grant(site: Site) -> AnyResponse:
    fields = _fields()
    staff = _staff(site)
    if not staff:
        return redirect(f"/wc-auth/v1/login/?{_query()}")
    approve = f"/wc-auth/v1/access_granted/?{_query()}&wc_auth_nonce={_nonce(site, staff)}"
    deny = _with(fields["return_url"], success="0", user_id=fields["user_id"])
    name = app_name(fields)
    return _page(
        "auth_grant.html", 200, app_name=name, approve=approve, deny=deny, scope=fields["scope"],
        permissions=PERMISSIONS[fields["scope"]], owner=site.store.customers[staff],
    )  # fmt: skip


def granted(site: Site) -> AnyResponse:
    """The keys go to the app before the browser does; if the app does not answer exactly 200 they are deleted again."""
    fields = _fields()
    staff = _staff(site)
    if not staff or request.args.get("wc_auth_nonce") != _nonce(site, staff):
        raise Refused("Invalid nonce verification.")
    key = site.add_key(user_id=staff, scope=fields["scope"], description=f"{app_name(fields)} - API")
    status = _hand_over(site, fields, key)
    if status != 200:
        site.remove_key(key)
        raise Refused("An error occurred in the request and at the time were unable to send the consumer data.")
    return redirect(_with(fields["return_url"], success="1", user_id=fields["user_id"]))


def app_name(fields: dict[str, str]) -> str:
    """As WordPress shows it: cut at the first ampersand or angle bracket."""
    return re.split(r"[&<]", fields["app_name"])[0].strip()


def _hand_over(site: Site, fields: dict[str, str], key: ApiKey) -> int:
    body = {
        "key_id": key.id,
        "user_id": fields["user_id"],
        "consumer_key": key.consumer_key,
        "consumer_secret": key.consumer_secret,
        "key_permissions": key.scope,
    }
    head = {"User-Agent": outbound.wordpress(site), "Content-Type": "application/json;charset=UTF-8"}
    encoded = json.dumps(body, separators=(",", ":")).encode()
    try:
        # A redirect is followed as a GET, which loses the keys and still counts.
        return outbound.post(fields["callback_url"], encoded, head, timeout_s=CALLBACK_S, follow=True)
    except outbound.CallFailed:
        return 0


def _guarded(site: Site, view: Callable[[Site], AnyResponse]) -> AnyResponse:
    try:
        return view(site)
    except Refused as refused:
        return _page("auth_error.html", 401, error=str(refused))


def _fields() -> dict[str, str]:
    fields = {name: request.args.get(name, "") for name in FIELDS}
    for name, value in fields.items():
        if not value:
            raise Refused(f"Missing parameter {name}")
    if fields["scope"] not in SCOPES:
        raise Refused(f"Invalid scope {fields['scope']}")
    for name in ("return_url", "callback_url"):
        if urlsplit(fields[name]).scheme not in {"http", "https"}:
            raise Refused(f"The {name} is not a valid URL")
    if not callback_scheme_allowed(fields["callback_url"]):
        raise Refused("The callback_url needs to be over SSL")
    return fields


def _staff(site: Site) -> int:
    """The signed-in user's id when they manage the shop, else 0."""
    user = site.user(visitors.customer_of(site, request))
    return user.id if user is not None and user.manages_shop else 0


def _nonce(site: Site, user_id: int) -> str:
    return site.digest("wc-auth", user_id, request.args.get("user_id", ""))[:10]


def _query() -> str:
    return urlencode([(name, request.args.get(name, "")) for name in FIELDS])


def _with(url: str, **params: str) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(params)}"


def _page(template: str, status: int, **context: object) -> Response:
    return Response(
        render_template(f"wordpress/{template}", **context), status, content_type="text/html; charset=UTF-8"
    )
