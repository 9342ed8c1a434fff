"""The access to one shop: how a grant is asked for, kept alive and given up. All of it expires; see Grant.

Shopify keeps one refresh token for an app and a shop. Each refresh gives a new pair and ends the old one once the new
one is used, so that one caller at a time may refresh, and must store the grant before using it.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.transport import Answer, Call, Transport
from core.errors import (
    CredentialsRefused,
    InvalidInput,
    NotJson,
    PlatformError,
    PlatformRefused,
    ShopUnavailable,
    SignatureInvalid,
    Unreachable,
    Unreadable,
)

REFRESH_EARLY = timedelta(minutes=5)

_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105
_OFFLINE_TOKEN = "urn:shopify:params:oauth:token-type:offline-access-token"  # noqa: S105
_TOKEN = re.compile(r"[\x21-\x7e]{1,2048}")  # becomes a header
_SCOPE = re.compile(r"[a-z][a-z0-9_]{0,99}")
_WRITE = re.compile(r"(unauthenticated_)?write_(.+)")
_WORD = re.compile(r"[a-z_]{1,64}")  # without digits, or it could be one of our tokens
_LONGEST_LIFE_S = 10 * 366 * 86_400

_OPEN_THE_APP = "Shopify has ended our access to this shop. Open the app in the Shopify admin once, and it is renewed."
_SESSION_OVER = "Shopify does not accept the session token any more. Reload the page."
_APP_REFUSED = (
    "Shopify does not accept the app's client ID and secret for this shop. Check both, and that the app is installed."
)
_CODE_REFUSED = "Shopify does not accept the installation's code any more. Open the app in the Shopify admin again."
_CRASHED = "Shopify's server stopped in the middle of our call."
_NOT_JSON = "Shopify answers with something else where a token was due. A firewall or a proxy may be in the way."
_NOT_A_GRANT = "Shopify's answer does not have the form of a grant."
_REFUSED = "Shopify refuses to give access to this shop."
_NOT_STORED = "This is not a stored grant"

# What a refusal's own word says. Whoever wrote the word, its description is not repeated: it may quote our tokens.
_BY_WORD: Mapping[str, tuple[type[PlatformError | SignatureInvalid], str]] = {
    "invalid_subject_token": (SignatureInvalid, _SESSION_OVER),
    "invalid_grant": (CredentialsRefused, _OPEN_THE_APP),
    "invalid_client": (CredentialsRefused, _APP_REFUSED),
    "application_cannot_be_found": (CredentialsRefused, _APP_REFUSED),
}
# What a status says where there is no word.
_BY_STATUS: Mapping[int, tuple[type[PlatformError], str]] = {
    402: (ShopUnavailable, "The shop is frozen at Shopify until its bill is paid."),
    404: (ShopUnavailable, "There is no such shop at Shopify (any more)."),
    423: (ShopUnavailable, "The shop is locked at Shopify."),
}


@dataclass(frozen=True)
class Grant:
    """The access that a merchant gave us, in two tokens with their ends; `scope` is what Shopify says that we may do."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    scope: frozenset[str]
    expires_at: datetime
    refresh_expires_at: datetime

    def as_credentials(self) -> dict[str, str]:
        """For sealed storage."""
        return {
            "access_token": self.access_token,
            "refresh_token": self.refresh_token,
            "scope": ",".join(sorted(self.scope)),
            "expires_at": self.expires_at.isoformat(),
            "refresh_expires_at": self.refresh_expires_at.isoformat(),
        }

    @classmethod
    def from_credentials(cls, credentials: Mapping[str, str]) -> "Grant":
        """What `as_credentials` made; other keys are left alone. Raises InvalidInput."""
        try:
            ends = [datetime.fromisoformat(credentials[name]) for name in ("expires_at", "refresh_expires_at")]
            tokens = credentials["access_token"], credentials["refresh_token"]
            scope = _scopes(credentials["scope"])
        except (KeyError, ValueError, TypeError):
            raise InvalidInput(_NOT_STORED) from None
        if not all(_TOKEN.fullmatch(token) for token in tokens) or any(end.tzinfo is None for end in ends):
            raise InvalidInput(_NOT_STORED)
        return cls(*tokens, scope, *(end.astimezone(UTC) for end in ends))


class TokenClient:
    """Talks to the token endpoint of one shop. `base_url`: the shop's, or that of what stands in for it.

    Every method raises PlatformError: CredentialsRefused where the merchant must act, Unreadable (Unreachable,
    RateLimited, NotJson …) where trying later helps. `now` is the moment before the call: lives count from there.
    """

    def __init__(self, base_url: str, client_id: str, secret: str, transport: Transport) -> None:
        self._url = f"{base_url.rstrip('/')}/admin/oauth/access_token"
        self._app = {"client_id": client_id, "client_secret": secret}
        self._transport = transport

    def exchange(self, session_token: str, now: datetime) -> Grant:
        """A grant for a session token of the admin, verified by the caller. Ends the refresh token that was before.

        Raises SignatureInvalid when Shopify does not take the session token: they live for one minute.
        """
        return self._ask(
            {
                "grant_type": _EXCHANGE,
                "subject_token": session_token,
                "subject_token_type": _ID_TOKEN,
                "requested_token_type": _OFFLINE_TOKEN,
                "expiring": 1,
            },
            now,
        )

    def refresh(self, refresh_token: str, now: datetime) -> Grant:
        """The next grant. When the answer is lost the same token is sent once more, which Shopify allows for a while."""
        body = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        try:
            return self._ask(body, now)
        except (Unreachable, NotJson):
            return self._ask(body, now)

    def exchange_code(self, code: str, now: datetime) -> Grant:
        """A grant for the code at the end of the code grant. A code is good for one call."""
        try:
            return self._ask({"code": code, "expiring": 1}, now)
        except PlatformRefused as refusal:
            if refusal.code != "invalid_request":
                raise
            raise CredentialsRefused(_CODE_REFUSED, code=refusal.code, http_status=refusal.http_status) from None

    def _ask(self, body: Mapping[str, object], now: datetime) -> Grant:
        data = json.dumps({**self._app, **body}).encode()
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        answer = self._transport.send(lambda: Call("POST", self._url, headers, body=data))
        if answer.status != 200:
            raise _problem(answer)
        return _grant(_object(answer), now)


def due(grant: Grant, now: datetime) -> bool:
    """Whether the access token has to be renewed before it is used."""
    return now >= grant.expires_at - REFRESH_EARLY


def missing_scopes(granted: Iterable[str], wanted: Iterable[str]) -> frozenset[str]:
    """What we want and may not do. Who may write may read, and Shopify then names the writing only."""
    given = frozenset(granted)
    implied = {f"{found.group(1) or ''}read_{found.group(2)}" for scope in given if (found := _WRITE.fullmatch(scope))}
    return frozenset(wanted) - given - implied


def _grant(found: Mapping[str, Any], now: datetime) -> Grant:
    tokens = found.get("access_token"), found.get("refresh_token")
    lives = found.get("expires_in"), found.get("refresh_token_expires_in")
    if not all(isinstance(token, str) and _TOKEN.fullmatch(token) for token in tokens):
        raise NotJson(_NOT_A_GRANT, code="no_token")
    if not all(type(life) is int and 0 < life <= _LONGEST_LIFE_S for life in lives):
        raise NotJson(_NOT_A_GRANT, code="no_end")
    try:
        scope = _scopes(found["scope"])
    except (KeyError, ValueError, AttributeError):
        raise NotJson(_NOT_A_GRANT, code="no_scope") from None
    ends = [now + timedelta(seconds=int(life or 0)) for life in lives]
    return Grant(str(tokens[0]), str(tokens[1]), scope, ends[0], ends[1])


def _scopes(text: str) -> frozenset[str]:
    """Raises ValueError."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not all(_SCOPE.fullmatch(name) for name in names):
        raise ValueError("not a list of scopes")
    return frozenset(names)


def _object(answer: Answer) -> Mapping[str, Any]:
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise NotJson(_NOT_JSON, code="not_json", http_status=answer.status) from None
    if not isinstance(found, dict):
        raise NotJson(_NOT_A_GRANT, code="not_an_object", http_status=answer.status)
    return found


def _problem(answer: Answer) -> PlatformError | SignatureInvalid:
    status = answer.status
    if status >= 500:
        return Unreachable(_CRASHED, code="crashed", http_status=status)
    unreadable: PlatformError | None = None
    try:
        word = _object(answer).get("error")
    except Unreadable as problem:
        word, unreadable = None, problem
    if not isinstance(word, str) and status in _BY_STATUS:
        kind_of_status, text = _BY_STATUS[status]
        return kind_of_status(text, http_status=status)
    if unreadable is not None:
        return unreadable
    word = word if isinstance(word, str) and _WORD.fullmatch(word) else "unknown"
    kind, sentence = _BY_WORD.get(word, (PlatformRefused, _REFUSED))
    if issubclass(kind, PlatformError):
        return kind(sentence, code=word, http_status=status)
    return SignatureInvalid(sentence)
