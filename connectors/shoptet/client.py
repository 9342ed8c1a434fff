"""The API of one shop: how to ask, how its envelope reads, every refusal as an error with a sentence.

An answer is `{"data": …, "errors": […] | null, "metadata": …}`; a success may carry errors too, of what it left out.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, TypeVar
from urllib.parse import quote, urlencode

import structlog
from pydantic import BaseModel

from connectors.shoptet.gate import Gate
from connectors.shoptet.shapes import read
from connectors.transport import Answer, Call, Transport
from core.errors import (
    CredentialsRefused,
    ExternalNotFound,
    InvalidInput,
    NotJson,
    PlatformError,
    PlatformRefused,
    RateLimited,
    ShopUnavailable,
    Unreachable,
    Unreadable,
)

log = structlog.get_logger(__name__)

API = "https://api.myshoptet.com"
ADDON_TOKEN, PRIVATE_TOKEN = "Shoptet-Access-Token", "Shoptet-Private-API-Token"
EXPIRED, MISSING_MODULE, NO_RIGHTS = "expired-token", "missing-module", "invalid-token-no-rights"
LOCKED, SHAPE = "locked", "shape"
# Which 404 is about a thing and not about an address. Shoptet also names the thing itself.
NOT_FOUND = frozenset(
    f"{thing}-not-found" for thing in ("order", "customer", "credit-note", "discount-coupon", "webhook", "job")
)
# An identical write to the same address is locked for up to five seconds.
_LOCKED_S = 6

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Params = Mapping[str, str]
T = TypeVar("T", bound=BaseModel)

_NOT_JSON = "Shoptet answers with something else where data was due. A firewall or a proxy may be in the way."
_SHAPE = "Shoptet's answer does not have the form that its documentation gives it."
_CRASHED = "Shoptet's server stopped in the middle of our call."
_RENEW = "Shoptet has ended this access token. It is renewed with the next call."
_GONE = "Shoptet does not accept our access any more: the addon was uninstalled or paused. Install it again."
_NO_RIGHTS = "The addon may not use this part of the shop's API. Approve its rights in the Shoptet admin, under Addons."
_LOCKED = "The shop was asked the very same a moment ago. We ask again in some seconds."
_NO_ADDRESS = "Shoptet does not know this part of its API (any more)."
_TOO_LARGE = "Our message is larger than Shoptet accepts."
_WORD = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


@dataclass(frozen=True)
class Refusal:
    """One of an answer's errors. `instance`: which part of what we sent, or which thing, it is about."""

    code: str
    message: str
    instance: str


@dataclass(frozen=True)
class Found:
    """What was answered. `refusals`: what a success left out."""

    data: Any
    refusals: Sequence[Refusal] = ()


class Client:
    """Calls one shop. `origin`: what stands in for Shoptet's own host. Safe to share by threads."""

    def __init__(
        self, credentials: Mapping[str, str], transport: Transport, gate: Gate, *, origin: str | None = None
    ) -> None:
        """Raises InvalidInput for credentials without a token."""
        private, access = credentials.get("private_token"), credentials.get("access_token")
        token = private or access
        if not token:
            raise InvalidInput("These credentials have no access token", field="credentials")
        self._headers = {PRIVATE_TOKEN if private else ADDON_TOKEN: token, "Content-Type": "application/json"}
        self._transport, self._gate = transport, gate
        self._origin = (origin or API).rstrip("/")

    def call(self, method: Method, path: str, *, params: Params | None = None, body: object = None) -> Found:
        """One call. Only reads are ever sent twice. Raises PlatformError; ExternalNotFound only on Shoptet's own word."""
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        url = f"{self._origin}{path}" + (f"?{urlencode(params)}" if params else "")
        with self._gate.turn() as turn:
            answer = self._transport.send(lambda: Call(method, url, self._headers, body=data))
            turn.tell(answer.headers.get("x-ratelimit-bucket-filling", ""))
        _note_deprecation(method, path, answer)
        found = _found(answer, path, self._transport)
        if found.refusals:
            log.warning("shoptet.partly", method=method, codes=sorted({each.code for each in found.refusals}))
        return found

    def get(self, path: str, model: type[T], *, params: Params | None = None) -> T:
        """The data of one thing or one page, checked. Raises Unreadable for what is not understood."""
        found = self.call("GET", path, params=params)
        try:
            return read(model, found.data)
        except InvalidInput as error:
            raise Unreadable(f"{_SHAPE} ({error.message})", code=SHAPE) from None


def segment(external_id: str) -> str:
    """An id as one part of a path: codes may hold letters, dashes and more. Raises InvalidInput."""
    if not 0 < len(external_id) <= 100 or external_id in (".", ".."):
        raise InvalidInput("This is not an id of Shoptet", field="external_id")
    try:
        return quote(external_id, safe="")
    except UnicodeEncodeError:
        raise InvalidInput("This is not an id of Shoptet", field="external_id") from None


def read_json(body: bytes) -> object:
    """Parsed JSON without a float in it. Raises InvalidInput for anything that is not whole, finite JSON."""
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError, ArithmeticError):
        raise InvalidInput("This is not JSON") from None


def _found(answer: Answer, path: str, transport: Transport) -> Found:
    envelope = _envelope(answer)
    if answer.status >= 500:
        raise Unreachable(_CRASHED, code="crashed", http_status=answer.status)
    if envelope is None:
        raise _problem_without_envelope(answer)
    refusals = _refusals(envelope, transport)
    if answer.status >= 400:
        raise _problem(answer.status, refusals, path)
    if envelope.get("data") is None and refusals:
        raise _problem(400, refusals, path)
    return Found(envelope.get("data"), refusals)


def _envelope(answer: Answer) -> Mapping[str, Any] | None:
    try:
        found = read_json(answer.body)
    except InvalidInput:
        return None
    return found if isinstance(found, dict) and ("data" in found or "errors" in found) else None


def _refusals(envelope: Mapping[str, Any], transport: Transport) -> tuple[Refusal, ...]:
    rows = envelope.get("errors")
    found = []
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict):
            code = str(row.get("errorCode", ""))
            found.append(
                Refusal(
                    code if _WORD.fullmatch(code) else "unknown",
                    transport.redacted(str(row.get("message", "")))[:500],
                    str(row.get("instance", ""))[:100],
                )
            )
    return tuple(found)


def _problem(status: int, refusals: Sequence[Refusal], path: str) -> PlatformError:
    """By the status, and where one status means many things by the error's own code."""
    first = refusals[0] if refusals else Refusal("unknown", "", "")
    code = first.code
    if status == 401 and code == EXPIRED:
        return Unreadable(_RENEW, code=code, http_status=status)
    if status == 401:
        return CredentialsRefused(_GONE, code=code, http_status=status)
    if status == 403 and code == NO_RIGHTS:
        return CredentialsRefused(_NO_RIGHTS, code=code, http_status=status)
    if status == 403 and code == MISSING_MODULE:
        text = f"The shop has not activated the module {first.instance}. Activate it in the Shoptet admin."
        return PlatformRefused(text, code=code, http_status=status, field=first.instance)
    if status == 404 and (code in NOT_FOUND or quote(first.instance, safe="") in path.split("/")[2:]):
        return ExternalNotFound(first.message or "The shop has no such thing", code=code, http_status=status)
    if status == 404:  # the address, and not the thing: nothing is said of that
        return ShopUnavailable(_NO_ADDRESS, code=code, http_status=status)
    if status == 413:
        return PlatformRefused(_TOO_LARGE, code=code, http_status=status)
    if status == 423:
        return RateLimited(_LOCKED, code=LOCKED, http_status=status, retry_after_s=_LOCKED_S)
    return PlatformRefused(
        first.message or "Shoptet refuses this.", code=code, http_status=status, field=first.instance or None
    )


def _problem_without_envelope(answer: Answer) -> PlatformError:
    status = answer.status
    if status == 413:
        return PlatformRefused(_TOO_LARGE, code="too-large", http_status=status)
    if status == 423:
        return RateLimited(_LOCKED, code=LOCKED, http_status=status, retry_after_s=_LOCKED_S)
    return NotJson(_NOT_JSON, code="not_json", http_status=status)


def _note_deprecation(method: str, path: str, answer: Answer) -> None:
    deprecated = answer.headers.get("x-shoptet-deprecated") or answer.headers.get("deprecated")
    sunset = answer.headers.get("sunset")
    if deprecated or sunset:
        log.warning("shoptet.deprecated", method=method, path=path, deprecated=deprecated, sunset=sunset)


def _no_constant(name: str) -> object:
    raise ValueError(name)
