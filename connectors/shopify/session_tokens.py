"""The tokens that Shopify puts into the browser: of staff in the admin, of shoppers in checkout and account extensions. Pure.

Both kinds carry the app's client id and are signed with its secret: a shopper's token must never pass for staff's. What
tells them apart is the subject, a bare number for staff, a customer's gid or nothing for shoppers.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt

from connectors.shopify.domains import is_shop_domain
from core.errors import SignatureInvalid

ALGORITHM = "HS256"
LEEWAY_S = 10
STAFF_LIFE_S = 600  # Shopify gives them a minute
SHOPPER_LIFE_S = 3_600  # Shopify says five minutes, and shows a token of an hour

_LONGEST_TOKEN = 4_096
_STAFF = re.compile(r"[1-9][0-9]{0,19}")
_CUSTOMER = re.compile(r"gid://shopify/Customer/([1-9][0-9]{0,19})")
_WORD = re.compile(r"[\x21-\x7e]{1,256}")
_NO_SECRET = "no secret: the same work, and never a match"  # noqa: S105

_NOT_OURS = "The session token is not from this shop's Shopify"
_WRONG_TIME = "The session token's time has passed, or has not come"


@dataclass(frozen=True)
class SessionToken:
    """Who works in the shop's admin. `user_id`: the staff member's number at Shopify, as text."""

    domain: str
    user_id: str
    session_id: str
    jti: str
    expires_at: datetime


@dataclass(frozen=True)
class ExtensionToken:
    """Who shops. `customer_id`: the number in the customer's gid, as text; None where nobody is signed in.

    Also None where the app may not read customers. Until it ends the token can be shown again by whoever holds it.
    """

    domain: str
    customer_id: str | None
    jti: str
    expires_at: datetime


def bearer(header: str) -> str:
    """The token of an Authorization header. Raises SignatureInvalid."""
    scheme, _, token = header.partition(" ")
    if scheme != "Bearer" or not token:
        raise SignatureInvalid("The request carries no session token")
    return token


def verify_session_token(
    token: str,
    *,
    client_id: str,
    secrets: Sequence[str],
    now: datetime,
    leeway_s: int = LEEWAY_S,
    longest_s: int = STAFF_LIFE_S,
) -> SessionToken:
    """The token of App Bridge and of a document load (`id_token`). Raises SignatureInvalid."""
    claims = _claims(token, client_id, secrets, ("iss", "dest", "sub", "sid"))
    domain = _shop(claims["dest"], scheme="https://")
    if claims["iss"] != f"https://{domain}/admin":
        raise SignatureInvalid(_NOT_OURS)
    user_id = claims["sub"]
    if not isinstance(user_id, str) or not _STAFF.fullmatch(user_id):
        raise SignatureInvalid("The session token names no member of staff")
    return SessionToken(
        domain=domain,
        user_id=user_id,
        session_id=_word(claims["sid"]),
        jti=_word(claims["jti"]),
        expires_at=_expiry(claims, now, leeway_s, longest_s),
    )


def verify_extension_token(
    token: str,
    *,
    client_id: str,
    secrets: Sequence[str],
    now: datetime,
    leeway_s: int = LEEWAY_S,
    longest_s: int = SHOPPER_LIFE_S,
) -> ExtensionToken:
    """The token of a checkout or customer account extension. Raises SignatureInvalid.

    Its `dest` is the bare domain or carries the scheme; `iss` is left out there, and must name the same shop where it is not.
    """
    claims = _claims(token, client_id, secrets, ("dest",))
    dest = claims["dest"]
    domain = _shop(dest, scheme="https://" if isinstance(dest, str) and dest.startswith("https://") else "")
    if "iss" in claims and claims["iss"] not in (domain, f"https://{domain}", f"https://{domain}/admin"):
        raise SignatureInvalid(_NOT_OURS)
    subject = claims.get("sub")
    customer = _CUSTOMER.fullmatch(subject) if isinstance(subject, str) else None
    if "sub" in claims and customer is None:
        raise SignatureInvalid("The session token names no customer")
    return ExtensionToken(
        domain=domain,
        customer_id=customer.group(1) if customer else None,
        jti=_word(claims["jti"]),
        expires_at=_expiry(claims, now, leeway_s, longest_s),
    )


def _claims(token: str, client_id: str, secrets: Sequence[str], needed: Sequence[str]) -> Mapping[str, Any]:
    """The claims of a token signed for this app, each present; but for `aud`, what they say is not judged yet."""
    usable = [secret for secret in secrets if secret]  # everybody could sign with an empty one
    if len(token) > _LONGEST_TOKEN:
        raise SignatureInvalid(_NOT_OURS)
    found = [_decoded(token, secret, needed) for secret in usable or (_NO_SECRET,)]
    claims = next((each for each in found if each is not None), None)
    if claims is None or not usable or not client_id or claims["aud"] != client_id:
        raise SignatureInvalid(_NOT_OURS)
    return claims


def _decoded(token: str, secret: str, needed: Sequence[str]) -> Mapping[str, Any] | None:
    try:
        return jwt.decode(
            token,
            secret,
            algorithms=[ALGORITHM],
            # Claims are judged here: by the caller's clock, by equality, and no list of audiences is taken.
            options={
                "require": ["aud", "exp", "nbf", "iat", "jti", *needed],
                "verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False,
                "verify_iss": False, "verify_sub": False, "verify_jti": False,
            },
        )  # fmt: skip
    except (jwt.PyJWTError, ValueError, RecursionError):
        return None


def _shop(dest: object, *, scheme: str) -> str:
    domain = dest.removeprefix(scheme) if isinstance(dest, str) and dest.startswith(scheme) else None
    if domain is None or not is_shop_domain(domain):
        raise SignatureInvalid(_NOT_OURS)
    return domain


def _expiry(claims: Mapping[str, Any], now: datetime, leeway_s: int, longest_s: int) -> datetime:
    issued, starts, expires = claims["iat"], claims["nbf"], claims["exp"]
    if type(issued) is not int or type(starts) is not int or type(expires) is not int:
        raise SignatureInvalid("The session token has no times")
    if not issued < expires <= issued + longest_s:
        raise SignatureInvalid("The session token lives too long")
    seconds = now.timestamp()
    if max(issued, starts) > seconds + leeway_s or expires <= seconds - leeway_s:
        raise SignatureInvalid(_WRONG_TIME)
    return datetime.fromtimestamp(expires, UTC)


def _word(value: object) -> str:
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise SignatureInvalid("The session token has no id of its own")
    return value
