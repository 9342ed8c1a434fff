"""Shoppers' tokens: who a shop says that its shopper is. JWTs of five minutes, by a key that only this shop's side holds.

Our plugin signs them where the platform lets one run; else we do, for a shopper whom the platform has proven to us.
Keys are kept as they were handed over: base64url of 32 random bytes.
"""

import base64
import binascii
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import jwt

from core.errors import SignatureInvalid
from core.ports import ShopperIdentity, ShopperRequest

ALGORITHM = "HS256"
TOKEN_LIFE_S = 300
LEEWAY_S = 60
KEY_BYTES = 32
NO_KEY = bytes(KEY_BYTES)  # the work is the same for a kid that does not exist
NUMBERS = r"[1-9][0-9]{0,19}"
GUIDS = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_LONGEST_TOKEN = 4_096
_JTI = re.compile(r"[A-Za-z0-9_-]{16,128}")

_NOT_OURS = "The token is not from this shop"


@dataclass(frozen=True)
class TokenIdentifier:
    """`customers`: the form of the platform's ids of customers."""

    customers: str = NUMBERS

    def identify(self, request: ShopperRequest) -> ShopperIdentity:
        """Raises SignatureInvalid. Whether a jti was seen before is for the caller to know."""
        claims = _claims(request)
        subject, jti = claims["sub"], claims["jti"]
        if claims["aud"] != request.audience or not _same_site(claims["iss"], request.issuer):
            raise SignatureInvalid(_NOT_OURS)
        if not isinstance(subject, str) or not re.fullmatch(self.customers, subject):
            raise SignatureInvalid("The token names no customer")
        if not isinstance(jti, str) or not _JTI.fullmatch(jti):
            raise SignatureInvalid("The token has no id of its own")
        return ShopperIdentity(
            external_customer_id=subject, expires_at=_expiry(claims["iat"], claims["exp"], request.now), jti=jti
        )


def issue(*, kid: str, key: str, customer_id: str, audience: str, issuer: str, now: datetime) -> str:
    """A token for a shopper whom the platform has proven. `audience`: the shop key. `issuer`: the shop's base URL."""
    seconds = int(now.timestamp())
    claims = {
        "iss": issuer,
        "aud": audience,
        "sub": customer_id,
        "iat": seconds,
        "exp": seconds + TOKEN_LIFE_S,
        "jti": secrets.token_urlsafe(24),
    }
    return jwt.encode(claims, key_of({kid: key}, kid) or NO_KEY, algorithm=ALGORITHM, headers={"kid": kid})


def _claims(request: ShopperRequest) -> Mapping[str, Any]:
    """The claims of a token signed with this shop's key, each present; what they say is not judged yet."""
    if len(request.token) > _LONGEST_TOKEN:
        raise SignatureInvalid(_NOT_OURS)
    try:
        kid = jwt.get_unverified_header(request.token).get("kid")
        key = key_of(request.keys, kid if isinstance(kid, str) else "")
        claims = jwt.decode(
            request.token,
            key or NO_KEY,
            algorithms=[ALGORITHM],
            # Claims are judged below: by the caller's clock, by equality, and no list of audiences is taken.
            options={
                "require": ["iss", "aud", "sub", "iat", "exp", "jti"],
                "verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False,
                "verify_iss": False, "verify_sub": False, "verify_jti": False,
            },
        )  # fmt: skip
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise SignatureInvalid(_NOT_OURS) from error
    if key is None:
        raise SignatureInvalid(_NOT_OURS)
    return claims


def _expiry(issued: object, expires: object, now: datetime) -> datetime:
    if type(issued) is not int or type(expires) is not int:
        raise SignatureInvalid("The token has no times")
    seconds = now.timestamp()
    if not issued < expires <= issued + TOKEN_LIFE_S:
        raise SignatureInvalid("The token lives too long")
    if issued > seconds + LEEWAY_S or expires < seconds - LEEWAY_S:
        raise SignatureInvalid("The token's time has passed, or has not come")
    return datetime.fromtimestamp(expires, UTC)


def key_of(keys: Mapping[str, str], kid: str) -> bytes | None:
    """The key under an id, decoded; None where there is none."""
    text = keys.get(kid)
    if text is None:
        return None
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == KEY_BYTES else None


def _same_site(claimed: object, issuer: str) -> bool:
    """Whether two home addresses are one: scheme, host, port and path; a slash at the end does not matter."""
    return isinstance(claimed, str) and _site(claimed) is not None and _site(claimed) == _site(issuer)


def _site(url: str) -> tuple[str, str, int, str] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None
    if parts.scheme not in ("https", "http") or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, port, parts.path.rstrip("/")
