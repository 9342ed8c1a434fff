"""Session tokens: what App Bridge and extensions prove to the app who is there with."""

import base64
import hashlib
import hmac
import json
import secrets
from typing import Any

from demo.shopify.ids import gid, number
from demo.shopify.site import Site

ADMIN_S = 60
CHECKOUT_S = 300
LEEWAY_S = 10


class BadToken(Exception):
    """Not a token of this app and shop, or one whose minute has passed."""


def mint(site: Site, *, staff: int = 1, **changes: Any) -> str:
    """A token for the app inside the admin, good for a minute. `changes` replace claims (None drops one)."""
    now = int(site.now())
    claims: dict[str, Any] = {
        "iss": f"https://{site.domain}/admin",
        "dest": f"https://{site.domain}",
        "aud": site.app.client_id,
        "sub": str(number("StaffMember", staff)),
        "exp": now + ADMIN_S,
        "nbf": now,
        "iat": now,
        "jti": secrets.token_hex(16),
        "sid": secrets.token_hex(16),
        "sig": secrets.token_hex(32),
    }
    return _signed(site, claims, changes)


def mint_for_extension(site: Site, *, customer_id: int = 0, **changes: Any) -> str:
    """A token for an extension at the checkout or in the account, good for five minutes; `sub` only when signed in."""
    now = int(site.now())
    claims: dict[str, Any] = {
        "dest": site.domain,
        "aud": site.app.client_id,
        "exp": now + CHECKOUT_S,
        "nbf": now,
        "iat": now,
        "jti": secrets.token_hex(16),
    }
    if customer_id:
        claims["sub"] = gid("Customer", customer_id)
    return _signed(site, claims, changes)


def check(site: Site, token: str) -> dict[str, Any]:
    """The claims of a token of this shop and app. Raises BadToken."""
    signed, _, seal = token.rpartition(".")
    if not any(hmac.compare_digest(seal.encode(), _seal(signed, secret).encode()) for secret in site.app.secrets):
        raise BadToken("It was not signed for this app.")
    head, claims = (_read(part) for part in signed.split("."))
    if head.get("alg") != "HS256" or claims.get("aud") != site.app.client_id:
        raise BadToken("It is not for this app.")
    now = site.now()
    if claims.get("exp", 0) + LEEWAY_S <= now or claims.get("nbf", now) - LEEWAY_S > now:
        raise BadToken("It is not valid now.")
    if str(claims.get("dest", "")).removeprefix("https://") != site.domain:
        raise BadToken("It is of another shop.")
    return claims


def _signed(site: Site, claims: dict[str, Any], changes: dict[str, Any]) -> str:
    kept = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    text = f"{_written({'alg': 'HS256', 'typ': 'JWT'})}.{_written(kept)}"
    return f"{text}.{_seal(text, site.app.secret)}"


def _seal(text: str, secret: str) -> str:
    return _b64(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())


def _written(value: object) -> str:
    return _b64(json.dumps(value, separators=(",", ":")).encode())


def _read(part: str) -> dict[str, Any]:
    found = json.loads(base64.urlsafe_b64decode(part + "=="))
    return dict(found)


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
