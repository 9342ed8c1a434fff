"""The door of tokens: exchange, refresh, code grant, and the page on which a merchant consents."""

import json
import time
from collections.abc import Mapping
from functools import partial
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from demo.shopify import session_tokens
from demo.shopify.installation import Installation
from demo.shopify.signed import host, signature
from demo.shopify.site import Site
from demo.shopify.tokens import InvalidGrant

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
OFFLINE = "urn:shopify:params:oauth:token-type:offline-access-token"
ONLINE = "urn:shopify:params:oauth:token-type:online-access-token"


class Refused(Exception):
    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description


def blueprint(site: Site, installation: Installation) -> Blueprint:
    door = Blueprint("oauth", __name__, template_folder="templates")
    door.add_url_rule("/admin/oauth/access_token", "token", partial(access_token, site), methods=["POST"])
    door.add_url_rule(
        "/admin/oauth/authorize", "authorize", partial(authorize, site, installation), methods=["GET", "POST"]
    )
    return door


def access_token(site: Site) -> Response:
    if site.faults.rest_mode == "timeout":
        _hang(site)
    if site.faults.rest_mode in {"html", "fatal", "maintenance", "error500"}:
        return Response("<!DOCTYPE html><title>Something went wrong</title>", 503, content_type="text/html")
    try:
        return _json(_granted(site, _given()), 200)
    except Refused as refused:
        return _json({"error": refused.error, "error_description": refused.description}, 400)


def authorize(site: Site, installation: Installation) -> AnyResponse | str:
    """The consent page; its buttons return to the app with a code, signed, or with a no, which nobody signs."""
    given = request.values
    back, state = given.get("redirect_uri", ""), given.get("state", "")
    if given.get("client_id") != site.app.client_id:
        return Response("Oauth error application_cannot_be_found", 400, content_type="text/plain")
    if back not in site.app.redirect_urls:
        return Response(
            "Oauth error invalid_request: the redirect_uri is not whitelisted", 400, content_type="text/plain"
        )
    asked = tuple(each for each in given.get("scope", "").split(",") if each)
    scopes = asked or (*site.app.scopes, *(each for each in site.granted if each in site.app.optional_scopes))
    if request.method == "GET":
        return render_template("shopify/consent.html", app=site.app, scopes=scopes, given=given, shop=site.domain)
    if given.get("decision") == "cancel":
        no = {"error": "access_denied", "error_description": "The merchant cancelled.", "state": state}
        return redirect(f"{back}?{urlencode(no)}")
    installation.install(scopes)
    query = {
        "code": site.tokens.new_code(scopes),
        "host": host(site),
        "shop": site.domain,
        "state": state,
        "timestamp": str(int(site.now())),
    }
    return redirect(f"{back}?{urlencode({**query, 'hmac': signature(site.app.secret, query)})}")


def _granted(site: Site, given: Mapping[str, str]) -> dict[str, object]:
    if given.get("client_id") != site.app.client_id:
        raise Refused("application_cannot_be_found", "There is no app with this client_id.")
    if given.get("client_secret") not in site.app.secrets:
        raise Refused("invalid_client", "The client_secret is not that of the app.")
    if site.faults.refuse_tokens:
        raise Refused("invalid_request", "Refused by a fault switch.")
    grant = given.get("grant_type", "")
    try:
        if grant == "refresh_token":
            return site.tokens.refresh(given.get("refresh_token", ""), site.granted)
        if grant == EXCHANGE:
            return _exchanged(site, given)
        return site.tokens.redeem_code(given.get("code", ""), expiring=given.get("expiring") == "1")
    except InvalidGrant:
        error = "invalid_grant" if grant == "refresh_token" else "invalid_request"
        raise Refused(error, "The token or code was not found, was already used, or is too old.") from None


def _exchanged(site: Site, given: Mapping[str, str]) -> dict[str, object]:
    if given.get("subject_token_type") != ID_TOKEN:
        raise Refused("invalid_request", "subject_token_type must be that of an id token.")
    wanted = given.get("requested_token_type", OFFLINE)
    if wanted not in {OFFLINE, ONLINE}:
        raise Refused("invalid_request", "There is no such requested_token_type.")
    try:
        session_tokens.check(site, given.get("subject_token", ""))
    except session_tokens.BadToken as bad:
        raise Refused("invalid_subject_token", str(bad)) from bad
    if not site.installed:
        raise Refused("app_not_installed", "The shop has not installed the app.")
    online = wanted == ONLINE
    return site.tokens.issue(site.granted, expiring=given.get("expiring") == "1" and not online, online=online)


def _given() -> dict[str, str]:
    """JSON or a form, as the caller likes."""
    body = request.get_json(silent=True) if request.mimetype == "application/json" else request.form.to_dict()
    return {str(name): str(value) for name, value in body.items()} if isinstance(body, dict) else {}


def _hang(site: Site) -> None:
    end = time.monotonic() + site.faults.rest_timeout_s
    while time.monotonic() < end and site.faults.rest_mode == "timeout":
        time.sleep(0.02)


def _json(body: object, status: int) -> Response:
    response = Response(json.dumps(body), status, content_type="application/json; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response
