"""The door of the API: who may call, how often, with what; then the call itself, and what its answer costs."""

import json
import socket
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

from flask import Blueprint, Response, request

from demo.shoptet import bodies, coupon_calls, credit_note_calls, customer_calls, order_calls, shop_calls, webhook_calls
from demo.shoptet.amounts import Json
from demo.shoptet.calls import Call, Done, View
from demo.shoptet.envelope import Refused, answer, not_found, refusal
from demo.shoptet.site import Site

TABLES = (shop_calls, order_calls, customer_calls, coupon_calls, credit_note_calls, webhook_calls)
WRITES = frozenset({"POST", "PATCH", "DELETE"})
# A list costs one drop more for so many rows.
ROWS_A_DROP = 25
HTML = "<!DOCTYPE html><html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"
NGINX = {"html": (200, "Shop"), "maintenance": (503, "503 Service Temporarily Unavailable"),
         "fatal": (500, "500 Internal Server Error"), "throttled": (429, "429 Too Many Requests")}  # fmt: skip


class Door:
    def __init__(self, site: Site, announce: Callable[[str, str], None]) -> None:
        self.site = site
        self.announce = announce

    def blueprint(self) -> Blueprint:
        door = Blueprint("shoptet_api", __name__)
        for table in TABLES:
            for rule, methods in table.CALLS.items():
                for method, view in methods.items():
                    name = f"{method} {rule}".replace(".", "_")
                    door.add_url_rule(rule, name, self._serving(view), methods=[method])
        door.add_url_rule("/api/<path:rest>", "unknown", self._unknown, methods=["GET", *sorted(WRITES)])
        return door

    def _serving(self, view: View) -> Callable[..., Response]:
        return lambda **values: self._serve(view, values)

    def _unknown(self, rest: str) -> Response:
        def nothing(call: Call) -> Done:
            raise not_found("resource", f'Resource "/api/{rest}" not found.', "unknown")

        return self._serve(nothing, {})

    def _serve(self, view: View, values: dict[str, Any]) -> Response:
        broken = self._broken()
        if broken is not None:
            return broken
        token = _token()
        with self.site.connections.one_of(token) as fits:
            if not fits:
                return Response(HTML.format(NGINX["throttled"][1]), 429, content_type="text/html")
            if self.site.faults.latency_s:
                time.sleep(self.site.faults.latency_s)
            if token and self.site.bucket.is_full():
                return self._full()
            response = self._answered(view, values)
            self.site.bucket.add(self._cost(response))
            response.headers["X-RateLimit-Bucket-Filling"] = self.site.bucket.level()
            return response

    def _answered(self, view: View, values: dict[str, Any]) -> Response:
        try:
            self._admit()
            sent = request.get_data() if request.method in WRITES else b""
            address = request.full_path
            if request.method in WRITES and self.site.writes.is_locked(request.method, address, sent):
                message = "An identical request is being processed. Please try again later."
                raise Refused(423, ("request-locked", message, request.path))
            with self.site.store.lock:
                done = view(Call(self.site, self.announce, request.method, _json(sent), request.args, values))
        except Refused as refused:
            return refusal(refused)
        if request.method in WRITES:
            self.site.writes.note(request.method, address, sent)
            if self.site.faults.lose_answers:
                _cut()
        return answer(done.data, done.status, done.errors, figures=self.site.figures, metadata=done.metadata)

    def _admit(self) -> None:
        """Raises Refused: no or dead token, no right, no Content-Type."""
        private = request.headers.get("Shoptet-Private-API-Token", "")
        token = request.headers.get("Shoptet-Access-Token", "")
        site = self.site
        if not private and not token:
            message = "Missing access token. Please add `Shoptet-Access-Token` header to your request."
            raise Refused(401, ("missing-access-token", message, "unknown"))
        if private and not site.tokens.is_private(private):
            raise Refused(401, ("invalid-token", "Token is not valid.", "unknown"))
        if not private:
            self._admit_addon(token)
        if not request.headers.get("Content-Type"):
            raise Refused(422, (bodies.INVALID, "The header Content-Type is required", "Content-Type"))

    def _admit_addon(self, token: str) -> None:
        site = self.site
        state = site.tokens.state_of(token)
        if state == "expired" or site.faults.api_mode == "expired":
            raise Refused(401, ("expired-token", "Token is expired. Please ask for new one.", "unknown"))
        if state == "unknown" or not site.installed or site.suspended or site.faults.rest_mode == "revoked":
            raise Refused(401, ("invalid-token", "Token is not valid.", "unknown"))
        endpoint = request.path.removeprefix("/api/").split("/")[0]
        if endpoint not in site.addon.rights or site.faults.api_mode == "no_rights":
            shown = f"{token[:3]}..{token[-3:]}"
            message = f'Your access token "{shown}" has no defined rights for this resource.'
            raise Refused(403, ("invalid-token-no-rights", message, "access-token"))

    def _broken(self) -> Response | None:
        """What the fault switches answer instead."""
        faults = self.site.faults
        mode = "throttled" if faults.api_mode == "throttled" else faults.rest_mode
        if mode == "timeout":
            _hang(self.site)
        if mode == "error500":
            return answer(None, 500, [("unknown-error", "Unknown error.", "unknown")])
        if mode == "no_route":
            return answer(None, 404, [("resource-not-found", "Resource not found.", "unknown")])
        if mode in NGINX:
            status, title = NGINX[mode]
            return Response(HTML.format(title), status, content_type="text/html")
        return None

    def _full(self) -> Response:
        message = "Rate limit exceeded. Please slow down."
        response = answer(None, 429, [("rate-limit-exceeded", message, "unknown")])
        response.headers["Retry-After"] = formatdate(self.site.bucket.free_at(), usegmt=True)
        response.headers["X-RateLimit-Bucket-Filling"] = self.site.bucket.level()
        return response

    def _cost(self, response: Response) -> float:
        body: Json = json.loads(response.get_data())
        data = body.get("data")
        rows = (
            max((len(each) for each in data.values() if isinstance(each, list)), default=0)
            if isinstance(data, dict)
            else 0
        )
        return 1 + rows // ROWS_A_DROP


def _token() -> str:
    return request.headers.get("Shoptet-Access-Token") or request.headers.get("Shoptet-Private-API-Token", "")


def _json(sent: bytes) -> Any:
    if not sent:
        return None
    try:
        return json.loads(sent)
    except ValueError:
        raise Refused(422, (bodies.INVALID, "Invalid JSON in the body.", "payload")) from None


def _cut() -> None:
    """The write is done; its answer never arrives."""
    connection = request.environ.get("werkzeug.socket")
    if isinstance(connection, socket.socket):
        connection.shutdown(socket.SHUT_RDWR)


def _hang(site: Site) -> None:
    end = time.monotonic() + site.faults.rest_timeout_s
    while time.monotonic() < end and site.faults.rest_mode == "timeout":
        time.sleep(0.02)
