"""What our plugin in the shop signs: who its shopper is (a token), and that an order may have changed (a nudge).

Keys come from pairing, and are kept as they were handed over then: base64url of 32 random bytes.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import jwt

from connectors.woocommerce.client import read_json
from core.errors import InvalidInput, SignatureInvalid
from core.ports import ShopperIdentity, ShopperRequest

ALGORITHM = "HS256"
TOKEN_LIFE_S = 300
LEEWAY_S = 60
NUDGE_WINDOW = timedelta(minutes=15)
_LONGEST_TOKEN = 4_096
_KEY_BYTES = 32
_JTI = re.compile(r"[A-Za-z0-9_-]{16,128}")
_SIGNED = re.compile(r"v1=([0-9a-f]{64})")
_NO_KEY = bytes(_KEY_BYTES)  # the work is the same for a kid that does not exist

_NOT_OURS = "The token is not from this shop"


class WooShopperIdentifier:
    def identify(self, request: ShopperRequest) -> ShopperIdentity:
        """Raises SignatureInvalid. Whether a jti was seen before is for the caller to know."""
        claims = _claims(request)
        subject, jti = claims["sub"], claims["jti"]
        if claims["aud"] != request.audience or not _same_site(claims["iss"], request.issuer):
            raise SignatureInvalid(_NOT_OURS)
        if not isinstance(subject, str) or not re.fullmatch(r"[1-9][0-9]{0,19}", subject):
            raise SignatureInvalid("The token names no customer")
        if not isinstance(jti, str) or not _JTI.fullmatch(jti):
            raise SignatureInvalid("The token has no id of its own")
        return ShopperIdentity(
            external_customer_id=subject, expires_at=_expiry(claims["iat"], claims["exp"], request.now), jti=jti
        )


class WooNudgeReader:
    def verify_nudge(self, body: bytes, headers: Mapping[str, str], *, keys: Mapping[str, str], now: datetime) -> str:
        """The id of the order. Raises SignatureInvalid for a wrong signature or time, InvalidInput for its form.

        A nudge that is sent again within its quarter of an hour costs one read of the order and changes nothing.
        """
        key = _key(keys, headers.get("x-regulars-kid", ""))
        given = _SIGNED.fullmatch(headers.get("x-regulars-signature", ""))
        expected = hmac.new(key or _NO_KEY, body, hashlib.sha256).hexdigest()
        matches = hmac.compare_digest(expected, given.group(1) if given else "")
        if key is None or not matches:
            raise SignatureInvalid("The nudge is not signed by this shop")
        nudge = read_json(body)
        if not isinstance(nudge, dict):
            raise InvalidInput("The nudge is not an object")
        order, at, nonce = nudge.get("order"), nudge.get("at"), nudge.get("nonce")
        if not isinstance(order, str) or not re.fullmatch(r"[1-9][0-9]{0,19}", order):
            raise InvalidInput("The nudge names no order")
        if not isinstance(nonce, str) or not isinstance(at, int) or isinstance(at, bool):
            raise InvalidInput("The nudge has no time or no nonce")
        if abs(int(now.timestamp()) - at) > NUDGE_WINDOW.total_seconds():
            raise SignatureInvalid("The nudge is too old, or one of the clocks is wrong")
        return order


def _claims(request: ShopperRequest) -> Mapping[str, Any]:
    """The claims of a token signed with this shop's key, each present; what they say is not judged yet."""
    if len(request.token) > _LONGEST_TOKEN:
        raise SignatureInvalid(_NOT_OURS)
    try:
        kid = jwt.get_unverified_header(request.token).get("kid")
        key = _key(request.keys, kid if isinstance(kid, str) else "")
        claims = jwt.decode(
            request.token,
            key or _NO_KEY,
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


def _key(keys: Mapping[str, str], kid: str) -> bytes | None:
    text = keys.get(kid)
    if text is None:
        return None
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == _KEY_BYTES else None


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
