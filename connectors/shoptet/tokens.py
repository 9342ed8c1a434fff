"""The tokens of an addon: install code -> OAuth token, which does not end -> API access tokens of half an hour.

Shoptet lets five access tokens of one installation live at once, so that one of us asks for each and all share it. What
the shop's own OAuth server says of who is at work in its admin is read here too.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from connectors.shoptet.client import read_json
from connectors.transport import Answer, Call, Transport
from core.errors import (
    CredentialsRefused,
    InvalidInput,
    NotJson,
    PlatformRefused,
    RateLimited,
    SignatureInvalid,
    Unreachable,
)

RENEW_EARLY = timedelta(minutes=5)
TOO_MANY = "maximum_tokens_reached"
# One of the five ends within half an hour; it is not said which.
TOO_MANY_WAIT_S = 300

_TOKEN = re.compile(r"[\x21-\x7e]{1,2048}")  # becomes a header
_WORD = re.compile(r"[a-z_-]{1,64}")  # without digits, or it could be one of our tokens
_LONGEST_LIFE_S = 366 * 86_400

_UNINSTALLED = "Shoptet has ended our access to this shop: the addon was uninstalled or paused. Install it again."
_CODE_REFUSED = "Shoptet does not accept the installation's code any more. Start the installation again."
_FULL = "Shoptet gives no further access token now: five are in use. One of them ends within half an hour."
_CRASHED = "Shoptet's server stopped in the middle of our call."
_NOT_JSON = "Shoptet answers with something else where a token was due. A firewall or a proxy may be in the way."
_NOT_A_GRANT = "Shoptet's answer does not have the form of a grant."
_REFUSED = "Shoptet refuses to give access to this shop."
_NOT_STAFF = "The shop does not confirm who is at work in its admin. Open the page in the Shoptet admin again."


@dataclass(frozen=True)
class Grant:
    """What an installation gave us. `oauth_token` does not end and goes nowhere but to the partner's own shop."""

    oauth_token: str = field(repr=False)
    eshop_id: str
    eshop_url: str
    contact_email: str | None


@dataclass(frozen=True)
class AccessToken:
    token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True)
class StaffSaid:
    """Whom the shop's OAuth server says to be at work, and in which shop."""

    email: str
    eshop_id: str


class TokenClient:
    """Talks to the token endpoints at the partner's shop. Every method raises PlatformError. `now`: before the call."""

    def __init__(self, partner_url: str, client_id: str, secret: str, transport: Transport) -> None:
        self._base = f"{partner_url.rstrip('/')}/action/ApiOAuthServer"
        self._app = {"client_id": client_id, "client_secret": secret}
        self._transport = transport

    def exchange(self, code: str, redirect_uri: str) -> Grant:
        """The grant for an install code, which is good for one call. `redirect_uri`: our install address."""
        wanted = {**self._app, "code": code, "grant_type": "authorization_code", "redirect_uri": redirect_uri}
        data = json.dumps({**wanted, "scope": "api"}).encode()
        headers = {"Content-Type": "application/json"}
        answer = self._transport.send(lambda: Call("POST", f"{self._base}/token", headers, body=data))
        if answer.status in (400, 401, 403):
            raise CredentialsRefused(_CODE_REFUSED, code=_word(answer), http_status=answer.status)
        found = _good(answer)
        token, eshop_id, url = found.get("access_token"), found.get("eshopId"), found.get("eshopUrl")
        if not (isinstance(token, str) and _TOKEN.fullmatch(token)):
            raise NotJson(_NOT_A_GRANT, code="no_token")
        if not (_is_id(eshop_id) and isinstance(url, str) and url.startswith(("https://", "http://"))):
            raise NotJson(_NOT_A_GRANT, code="no_shop")
        email = found.get("contactEmail")
        return Grant(token, str(eshop_id), url.rstrip("/"), email if isinstance(email, str) and email else None)

    def access_token(self, oauth_token: str, now: datetime) -> AccessToken:
        """A new access token. Raises CredentialsRefused once uninstalled or paused, RateLimited while five are in use."""
        headers = {"Authorization": f"Bearer {oauth_token}", "Content-Type": "application/json"}
        answer = self._transport.send(lambda: Call("GET", f"{self._base}/getAccessToken", headers))
        if _word(answer) == TOO_MANY:
            raise RateLimited(_FULL, code=TOO_MANY, http_status=answer.status, retry_after_s=TOO_MANY_WAIT_S)
        if answer.status in (400, 401, 403):
            raise CredentialsRefused(_UNINSTALLED, code=_word(answer), http_status=answer.status)
        found = _good(answer)
        token, life = found.get("access_token"), found.get("expires_in")
        if not (isinstance(token, str) and _TOKEN.fullmatch(token)):
            raise NotJson(_NOT_A_GRANT, code="no_token")
        if not (type(life) is int and 0 < life <= _LONGEST_LIFE_S):
            raise NotJson(_NOT_A_GRANT, code="no_end")
        return AccessToken(token, (now + timedelta(seconds=life)).astimezone(UTC))


class StaffClient:
    """Talks to the OAuth server of one shop, `oauth_url`, which knows who is signed in to its admin."""

    def __init__(self, oauth_url: str, client_id: str, secret: str, transport: Transport) -> None:
        self._base = oauth_url.rstrip("/")
        self._app = {"client_id": client_id, "client_secret": secret}
        self._transport = transport

    def authorize_url(self, *, state: str, redirect_uri: str) -> str:
        wanted = {
            "client_id": self._app["client_id"],
            "state": state,
            "scope": "basic_eshop",
            "response_type": "code",
            "redirect_uri": redirect_uri,
        }
        return f"{self._base}/authorize?{urlencode(wanted)}"

    def staff_by_code(self, code: str, redirect_uri: str) -> StaffSaid:
        """Raises SignatureInvalid for a code that the shop does not take, else PlatformError."""
        wanted = {**self._app, "code": code, "grant_type": "authorization_code", "redirect_uri": redirect_uri}
        answer = _post(self._transport, f"{self._base}/token", {**wanted, "scope": "basic_eshop"})
        token = _proven(answer).get("access_token")
        if not (isinstance(token, str) and _TOKEN.fullmatch(token)):
            raise NotJson(_NOT_A_GRANT, code="no_token")
        said = _post(self._transport, f"{self._base}/resource?method=getBasicEshop", {}, bearer=token)
        data = _proven(said).get("data")
        user = data.get("user") if isinstance(data, dict) else None
        project = data.get("project") if isinstance(data, dict) else None
        email = user.get("email") if isinstance(user, dict) else None
        eshop_id = project.get("id") if isinstance(project, dict) else None
        if not (isinstance(email, str) and email.strip() and _is_id(eshop_id)):
            raise SignatureInvalid(_NOT_STAFF)
        return StaffSaid(email.strip().lower(), str(eshop_id))


def _post(transport: Transport, url: str, body: Mapping[str, str], *, bearer: str | None = None) -> Answer:
    """A form, as OAuth has it; only the partner's server is documented to take JSON."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if bearer:
        headers["Authorization"] = f"Bearer {bearer}"
    return transport.send(lambda: Call("POST", url, headers, body=urlencode(body).encode()))


def _good(answer: Answer) -> Mapping[str, Any]:
    if answer.status >= 500:
        raise Unreachable(_CRASHED, code="crashed", http_status=answer.status)
    if answer.status >= 400:
        raise PlatformRefused(_REFUSED, code=_word(answer), http_status=answer.status)
    found = _object(answer)
    if found is None:
        raise NotJson(_NOT_JSON, code="not_json", http_status=answer.status)
    if "error" in found:
        raise PlatformRefused(_REFUSED, code=_word(answer), http_status=answer.status)
    return found


def _proven(answer: Answer) -> Mapping[str, Any]:
    """The same where a refusal says that nobody was proven."""
    found = _object(answer) or {}
    if answer.status in (400, 401, 403) or (
        answer.status < 400 and ("error" in found or found.get("success") is False)
    ):
        raise SignatureInvalid(_NOT_STAFF)
    return _good(answer)


def _object(answer: Answer) -> Mapping[str, Any] | None:
    try:
        found = read_json(answer.body)
    except InvalidInput:
        return None
    return found if isinstance(found, dict) else None


def _word(answer: Answer) -> str:
    """The refusal's own word. Its description is not repeated: it may quote our tokens."""
    word = (_object(answer) or {}).get("error")
    return word if isinstance(word, str) and _WORD.fullmatch(word) else "unknown"


def _is_id(value: object) -> bool:
    """A number, or the digits of one."""
    return (type(value) is int and value > 0) or (
        isinstance(value, str) and re.fullmatch(r"[1-9][0-9]{0,19}", value) is not None
    )
