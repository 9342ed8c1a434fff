"""The REST client of one shop (wc/v3): how to sign, how to read an answer, every refusal as an error with a sentence.

The answers' shapes were measured on WooCommerce 11.0.1 and 8.2.2. A caller gets parsed JSON or one of core.errors.
"""

import html
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import urlencode

from woocommerce.oauth import OAuth

from connectors.transport import Answer, Call, Transport
from core.errors import (
    AddressChanged,
    ClockSkew,
    CredentialsRefused,
    ExternalNotFound,
    InvalidInput,
    NotJson,
    PermalinksPlain,
    PlatformError,
    PlatformRefused,
    ShopUnavailable,
    Unreachable,
)

PER_PAGE = 100  # the most that WordPress gives

Method = Literal["GET", "POST", "PUT", "DELETE"]
Auth = Literal["basic", "query", "oauth1"]
Params = Mapping[str, str]

_OAUTH_WINDOW_S = 15 * 60  # measured: 890 s pass, 1,000 s do not
_CLOCKS = "The clocks of the shop and of Regulars differ by over 15 minutes. Set both by a time server."
_READ_ONLY = (
    "The shop does not let our key write. Make a key with Read/Write permission in WooCommerce and connect again."
)
_KEY_REFUSED = "The shop refuses our key. Make a key with Read/Write permission in WooCommerce and connect again."
_KEY_UNKNOWN = (
    "The shop does not accept our key any more: it was revoked, or its owner was deleted. Connect the shop again."
)
_KEY_POWERLESS = (
    "The user who owns our key may no longer manage the shop. Give the rights back, or connect the shop again."
)
_NOT_AUTHENTICATED = re.compile(r"woocommerce_rest_cannot_(view|create|edit|delete)")
_FIREWALL = "The shop's host or a security plugin blocks our calls. Allow /wp-json/wc/v3/ for Regulars there."
_NO_WORDPRESS = "There is no WordPress at this address. Enter the address that the shop's front page has."
_WEB_PAGE = (
    "The shop answers with a web page where data was due. A cache, firewall or security plugin may be in the way."
)
_PLAIN = "The shop uses plain permalinks. Choose any other kind in WordPress under Settings, Permalinks."
_NOTICE = "The shop writes other text around its data, often a PHP notice. Switch WP_DEBUG_DISPLAY off in the shop."
_SHAPE = "The shop's answer does not have the form that WooCommerce gives it. A plugin may be changing it."
_SWITCHED_OFF = "WooCommerce is switched off in this shop, or too old. Activate it under Plugins."
_CRASHED = "The shop's software stopped with an error. Its log in WooCommerce under Status says why."
_TOO_LARGE = "The shop refuses a message of this size."
# WordPress gives these codes when PHP dies under a request that asks for JSON: a crash, not a reason.
_CRASH_CODES = frozenset({"internal_server_error", "wp_die"})


class _Signer(OAuth):  # type: ignore[misc]  # published without types
    """The package's nonce has eight digits, and shops remember nonces for 15 minutes: busy clients would collide."""

    @staticmethod
    def generate_nonce() -> str:
        return secrets.token_hex(16)


@dataclass(frozen=True)
class Rows:
    """One page of a list. `total` counts all pages."""

    items: list[dict[str, Any]]
    total: int | None


class Client:
    """Calls one shop. Starts with the auth remembered for it, and falls from Basic to the query string where needed.

    Some hosts strip the Authorization header, and WooCommerce then answers as if no key had been sent.
    """

    def __init__(
        self, base_url: str, credentials: Mapping[str, str], transport: Transport, *, auth: str | None = None
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._key = credentials["consumer_key"]
        self._secret = credentials["consumer_secret"]
        self._transport = transport
        self.auth: Auth = "query" if auth == "query" else "basic"
        if not self.base_url.startswith("https:"):
            self.auth = "oauth1"
        self.last_date: str | None = None  # the shop's Date header, for measuring its clock

    def one(self, method: Method, path: str, *, params: Params | None = None, body: object = None) -> dict[str, Any]:
        """One thing. Raises PlatformError; ExternalNotFound only where WooCommerce itself says so."""
        found = self._json(self._call(method, path, params or {}, body))
        if not isinstance(found, dict):
            raise NotJson(_SHAPE, code="not_an_object")
        return found

    def rows(self, path: str, params: Params) -> Rows:
        """One page of a list."""
        answer = self._call("GET", path, params, None)
        found = self._json(answer)
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            raise NotJson(_SHAPE, code="not_a_list")
        total = answer.headers.get("x-wp-total", "")
        return Rows(found, int(total[:18]) if total.isascii() and total.isdigit() else None)

    def all_rows(self, path: str, params: Params, *, most: int = 1_000) -> list[dict[str, Any]]:
        """All pages of a short list (refunds of an order, webhooks)."""
        found: list[dict[str, Any]] = []
        for page in range(1, most // PER_PAGE + 1):
            rows = self.rows(path, {**params, "per_page": str(PER_PAGE), "page": str(page)}).items
            found += rows
            if len(rows) < PER_PAGE:
                return found
        raise NotJson(_SHAPE, code="endless_list")

    def index(self) -> dict[str, Any]:
        """WordPress' own description of the site. Without keys: other plugins would take them for a user's password."""
        url = f"{self.base_url}/wp-json/?{urlencode({'_fields': 'name,home,timezone_string,gmt_offset'})}"
        answer = self._transport.send(lambda: Call("GET", url))
        self._raise_for(answer, "GET")
        found = self._json(answer)
        return found if isinstance(found, dict) else {}

    def _call(self, method: Method, path: str, params: Params, body: object) -> Answer:
        answer, sent_at = self._send(method, path, params, body, self.auth)
        if self.auth == "basic" and answer.status == 401 and _NOT_AUTHENTICATED.fullmatch(_code_of(answer)):
            # The 401 says that nothing was done, so that writes may be sent again too.
            second, _ = self._send(method, path, params, body, "query")
            if second.status != 401:
                self.auth = "query"
                answer = second
        self._raise_for(answer, method, sent_at)
        return answer

    def _send(self, method: Method, path: str, params: Params, body: object, auth: Auth) -> tuple[Answer, int | None]:
        """The answer, and the Unix time that was signed where the auth signs one."""
        url = f"{self.base_url}/wp-json/wc/v3/{path}"
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json; charset=utf-8"} if data is not None else {}
        signed_at: list[int] = []

        def call() -> Call:
            keys = {"consumer_key": self._key, "consumer_secret": self._secret} if auth == "query" else {}
            query = urlencode({**params, **keys})
            address = f"{url}?{query}" if query else url
            if auth == "oauth1":
                signer = _Signer(address, self._key, self._secret, version="wc/v3", method=method)
                signed_at.append(signer.timestamp)
                address = signer.get_oauth_url()
            basic = (self._key, self._secret) if auth == "basic" else None
            return Call(method, address, headers, basic_auth=basic, body=data)

        try:
            answer = self._transport.send(call)
        except AddressChanged as moved:
            # With plain permalinks WordPress first redirects to the same path with a slash at the end.
            self._raise_if_rest_lives_elsewhere(moved.http_status)
            raise
        self.last_date = answer.headers.get("date", self.last_date)
        return answer, signed_at[-1] if signed_at else None

    def _json(self, answer: Answer) -> object:
        if answer.media_type != "application/json":
            self._raise_if_permalinks_are_plain(answer)
            raise NotJson(_WEB_PAGE, code="not_json", http_status=answer.status)
        try:
            return read_json(answer.body)
        except InvalidInput:
            raise NotJson(_NOTICE, code="broken_json", http_status=answer.status) from None

    def _raise_for(self, answer: Answer, method: Method, sent_at: int | None = None) -> None:
        if answer.status < 400:
            return
        if sent_at is not None and answer.status == 401:
            apart = seconds_apart(answer.headers.get("date"), sent_at)
            # The date may be that of a proxy before the shop; the words say it too, in an English shop.
            if (apart is not None and abs(apart) > _OAUTH_WINDOW_S) or "timestamp" in _message_of(answer):
                raise ClockSkew(_CLOCKS, code=_code_of(answer), http_status=401)
        if answer.status == 404:
            self._raise_if_permalinks_are_plain(answer)
        raise _problem(answer, method, self._transport.redacted)

    def _raise_if_permalinks_are_plain(self, answer: Answer) -> None:
        # With plain permalinks /wp-json/ is a page that does not exist; the REST API then lives behind ?rest_route=.
        if answer.media_type == "text/html":
            self._raise_if_rest_lives_elsewhere(answer.status)

    def _raise_if_rest_lives_elsewhere(self, status: int | None) -> None:
        url = f"{self.base_url}/?{urlencode({'rest_route': '/', '_fields': 'name'})}"
        try:
            probe = self._transport.send(lambda: Call("GET", url))
        except PlatformError:
            return
        if probe.media_type == "application/json":
            raise PermalinksPlain(_PLAIN, code="plain_permalinks", http_status=status)


def seconds_apart(date: str | None, unix_seconds: float) -> float | None:
    """How far a Date header runs ahead of a moment; None without a readable header."""
    try:
        return parsedate_to_datetime(date or "").timestamp() - unix_seconds
    except (TypeError, ValueError, OverflowError):
        return None


def read_json(body: bytes) -> object:
    """Parsed JSON without a float in it. Raises InvalidInput for anything that is not whole, finite JSON."""
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError, ArithmeticError):  # the last of an exponent beyond all bounds
        raise InvalidInput("This is not JSON") from None


def numeric_id(external_id: str) -> str:
    """The id, proven to be one: it becomes part of an address. Raises InvalidInput."""
    if not (external_id.isascii() and external_id.isdigit() and 0 < len(external_id) <= 20):
        raise InvalidInput("This is not an id of WooCommerce", field="external_id")
    return external_id


def _problem(answer: Answer, method: Method, redacted: Callable[[str], str]) -> PlatformError:
    """The error of a refusal. Business errors can be 500 and their `data` a bare number: only `code` is asked.

    Never the message: it comes in the shop's language.
    """
    status, code = answer.status, _code_of(answer)
    if not code:
        return _problem_without_code(answer)
    kind: type[PlatformError] = PlatformRefused
    message = redacted(_message_of(answer))
    if status in (401, 403):
        kind, message = _problem_of_key(status, code, method)
    elif code == "rest_no_route":
        kind, message = ShopUnavailable, _SWITCHED_OFF
    elif code.endswith("invalid_id"):
        kind = ExternalNotFound
    elif code in _CRASH_CODES:
        kind, message = Unreachable, _CRASHED
    elif status == 404:
        kind, message = ShopUnavailable, _FIREWALL
    return kind(message or code, code=code, http_status=status)


def _problem_of_key(status: int, code: str, method: Method) -> tuple[type[PlatformError], str]:
    if code == "woocommerce_rest_authentication_error":
        return CredentialsRefused, _KEY_REFUSED if method == "GET" else _READ_ONLY
    if _NOT_AUTHENTICATED.fullmatch(code):
        return CredentialsRefused, _KEY_UNKNOWN if status == 401 else _KEY_POWERLESS
    if code.startswith("woocommerce_rest_"):
        return CredentialsRefused, _KEY_REFUSED
    return ShopUnavailable, _FIREWALL  # the code of some plugin that closes the REST API


def _problem_without_code(answer: Answer) -> PlatformError:
    status = answer.status
    if status == 413:
        return PlatformRefused(_TOO_LARGE, code="too_large", http_status=status)
    if status >= 500:
        return Unreachable(_CRASHED, code="crashed", http_status=status)
    if answer.media_type == "application/json":
        return NotJson(_NOTICE, code="broken_json", http_status=status)
    if status == 404:
        return NotJson(_NO_WORDPRESS, code="no_wordpress", http_status=status)
    if status in (401, 403, 406):
        return NotJson(_FIREWALL, code="blocked", http_status=status)
    return NotJson(_WEB_PAGE, code="not_json", http_status=status)


def _error_body(answer: Answer) -> Mapping[str, Any]:
    if answer.media_type != "application/json":
        return {}
    try:
        found = read_json(answer.body)
    except InvalidInput:
        return {}
    return found if isinstance(found, dict) else {}


def _code_of(answer: Answer) -> str:
    code = _error_body(answer).get("code")
    return code if isinstance(code, str) else ""


def _message_of(answer: Answer) -> str:
    """The shop's own sentence, for people: entities and tags removed."""
    message = _error_body(answer).get("message")
    text = re.sub(r"<[^>]*>", " ", html.unescape(message)) if isinstance(message, str) else ""
    return " ".join(text.split())[:500]


def _no_constant(name: str) -> object:
    raise ValueError(name)
