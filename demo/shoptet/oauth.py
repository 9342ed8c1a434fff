"""Two OAuth servers: the partner's e-shop gives the addon its API tokens, the shop's own says who is in the admin."""

import json
from functools import partial
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from demo.shoptet.site import Site
from demo.shoptet.tokens import API_S, LOGIN_S, TooManyTokens

OWNER = {"email": "owner@fernway.example", "name": "Shop Owner"}
# Which status goes with maximum_tokens_reached is not known.
TOO_MANY_STATUS = 403


def blueprint(site: Site) -> Blueprint:
    door = Blueprint("shoptet_oauth", __name__, template_folder="templates")
    addon, shop = "/action/ApiOAuthServer", "/action/OAuthServer"
    door.add_url_rule(f"{addon}/token", "token", partial(install_token, site), methods=["POST"])
    door.add_url_rule(f"{addon}/getAccessToken", "api", partial(access_token, site), methods=["GET", "POST"])
    door.add_url_rule(f"{shop}/authorize", "authorize", partial(authorize, site), methods=["GET", "POST"])
    door.add_url_rule(f"{shop}/token", "login", partial(login_token, site), methods=["POST"])
    door.add_url_rule(f"{shop}/resource", "resource", partial(resource, site), methods=["GET", "POST"])
    return door


def install_token(site: Site) -> Response:
    """The OAuth access token for an install code."""
    given = _given()
    wrong = _wrong_client(site, given, scope="api")
    if wrong is not None:
        return wrong
    if given.get("redirect_uri") != site.addon.install_url:
        return _error("redirect_uri_mismatch", "The redirect URI is not the one of the addon.")
    token = site.tokens.redeem_install_code(given.get("code", ""), given.get("redirect_uri", ""))
    if token is None:
        return _error("invalid_grant", "The code is unknown, used or too old.")
    return _json(
        {
            "access_token": token,
            "expires_in": None,
            "token_type": "Bearer",
            "scope": "api",
            "eshopId": site.eshop_id,
            "eshopUrl": f"{site.url}/",
            "contactEmail": OWNER["email"],
            "trial": False,
        }
    )


def access_token(site: Site) -> Response:
    """An API access token for the OAuth access token."""
    if site.faults.refuse_tokens or site.faults.rest_mode in {"html", "fatal", "maintenance", "error500"}:
        return Response("<!DOCTYPE html><title>Error</title>", 500, content_type="text/html")
    if not site.installed or site.suspended or _bearer() != site.tokens.oauth_token or not _bearer():
        return _error("invalid_token", "The access token provided is invalid.", 401)
    try:
        return _json({"access_token": site.tokens.new_api_token(), "expires_in": API_S})
    except TooManyTokens:
        return _json({"error": "maximum_tokens_reached"}, TOO_MANY_STATUS)


def authorize(site: Site) -> AnyResponse | str:
    """A page on which staff agree that the addon learns who they are; its button returns to the addon with a code."""
    given = request.values
    back = given.get("redirect_uri", "")
    if given.get("client_id") != site.addon.client_id or not site.installed:
        return _error("invalid_client", "The client is not known here.", 401)
    if not site.addon.login_url or back != site.addon.login_url:
        return _error("redirect_uri_mismatch", "The redirect URI is not the one of the addon.")
    if given.get("scope") != "basic_eshop" or given.get("response_type") != "code":
        return _error("invalid_request", "Scope basic_eshop and response type code are served here.")
    if request.method == "GET":
        return render_template("shoptet/consent.html", given=given, addon=site.addon)
    query = {"code": site.tokens.new_login_code(back), "state": given.get("state", "")}
    return redirect(f"{back}{'&' if '?' in back else '?'}{urlencode(query)}")


def login_token(site: Site) -> Response:
    given = _given()
    wrong = _wrong_client(site, given, scope="basic_eshop")
    if wrong is not None:
        return wrong
    token = site.tokens.redeem_login_code(given.get("code", ""), given.get("redirect_uri", ""))
    if token is None:
        return _error("invalid_grant", "The code is unknown, used or too old.")
    return _json({"access_token": token, "expires_in": LOGIN_S, "token_type": "Bearer", "scope": "basic_eshop"})


def resource(site: Site) -> Response:
    if not site.tokens.is_login(_bearer()):
        return _json({"success": False, "error": "invalid_token"}, 401)
    if request.args.get("method") != "getBasicEshop":
        return _json({"success": False, "error": "unknown_method"}, 400)
    project = {"id": site.eshop_id, "name": site.name, "url": f"{site.url}/"}
    return _json({"success": True, "data": {"user": OWNER, "project": project}})


def _wrong_client(site: Site, given: dict[str, str], *, scope: str) -> Response | None:
    if given.get("client_id") != site.addon.client_id or given.get("client_secret") != site.addon.client_secret:
        return _error("invalid_client", "The client credentials are invalid.", 401)
    if given.get("grant_type") != "authorization_code":
        return _error("unsupported_grant_type", "Only authorization_code is served.")
    return _error("invalid_scope", f"The scope must be {scope}.") if given.get("scope") != scope else None


def _bearer() -> str:
    return request.headers.get("Authorization", "").removeprefix("Bearer ").strip()


def _given() -> dict[str, str]:
    """JSON or a form, as the caller likes."""
    body = request.get_json(silent=True) if request.mimetype == "application/json" else request.form.to_dict()
    return {str(name): str(value) for name, value in body.items()} if isinstance(body, dict) else {}


def _error(error: str, description: str, status: int = 400) -> Response:
    return _json({"error": error, "error_description": description}, status)


def _json(body: object, status: int = 200) -> Response:
    return Response(json.dumps(body, ensure_ascii=False), status, content_type="application/json; charset=utf-8")
