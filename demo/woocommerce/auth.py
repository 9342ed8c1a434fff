"""Who is calling the REST API: OAuth 1.0a over plain http, Basic or query string over https, and what a key may do."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

from werkzeug.datastructures import Authorization

from demo.shop.entities import Customer
from demo.woocommerce.errors import WpError
from demo.woocommerce.site import ApiKey, Site

WINDOW_S = 15 * 60
DIGESTS = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}
OAUTH = ("oauth_consumer_key", "oauth_timestamp", "oauth_nonce", "oauth_signature", "oauth_signature_method")
# What an anonymous or powerless caller is told, by what was tried.
DENIED = {
    "list": ("cannot_view", "Sorry, you cannot list resources."),
    "view": ("cannot_view", "Sorry, you cannot view this resource."),
    "create": ("cannot_create", "Sorry, you are not allowed to create resources."),
    "edit": ("cannot_edit", "Sorry, you are not allowed to edit this resource."),
    "delete": ("cannot_delete", "Sorry, you are not allowed to delete this resource."),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """The key used and its owner; both None for an anonymous call."""

    key: ApiKey | None
    user: Customer | None


def authenticate(
    site: Site, method: str, path: str, query: Mapping[str, str], authorization: Authorization | None
) -> Caller:
    """Find the caller. Raises WpError when credentials were given and are wrong; none at all is anonymous."""
    key = _by_secret(site, query, authorization) if site.tls else None
    if key is None and "oauth_consumer_key" in query:
        key = _by_signature(site, method, path, query)
    if key is None:
        return Caller(None, None)
    if site.faults.rest_mode == "revoked":
        return Caller(None, None)
    _check_scope(key, method)
    return Caller(key, site.user(key.user_id))


def demand(caller: Caller, deed: str) -> None:
    """Raises 401 for strangers and 403 for a key whose owner no longer manages the shop."""
    code, message = DENIED[deed]
    if caller.user is None:
        raise WpError(f"woocommerce_rest_{code}", message, 401)
    if not caller.user.manages_shop:
        raise WpError(f"woocommerce_rest_{code}", message, 403)


def _by_secret(site: Site, query: Mapping[str, str], authorization: Authorization | None) -> ApiKey | None:
    if "consumer_key" in query and "consumer_secret" in query:
        name, secret = query["consumer_key"], query["consumer_secret"]
    elif authorization is not None and authorization.type == "basic":
        name, secret = authorization.username or "", authorization.password or ""
    else:
        return None
    key = site.keys.get(name)
    if key is None:
        return None
    if not hmac.compare_digest(key.consumer_secret.encode(), secret.encode()):
        raise _refused("Consumer secret is invalid.")
    return key


def _by_signature(site: Site, method: str, path: str, query: Mapping[str, str]) -> ApiKey | None:
    missing = [name for name in OAUTH if not query.get(name)]
    if missing:
        raise WpError(
            "woocommerce_rest_authentication_missing_parameter", f"Missing OAuth parameter {', '.join(missing)}", 401
        )
    key = site.keys.get(query["oauth_consumer_key"])
    if key is None:
        return None
    _check_signature(site, key, method, path, query)
    _check_freshness(site, query["oauth_timestamp"], query["oauth_nonce"])
    return key


def _check_signature(site: Site, key: ApiKey, method: str, path: str, query: Mapping[str, str]) -> None:
    digest = DIGESTS.get(query["oauth_signature_method"])
    if digest is None:
        raise _refused("Invalid signature - signature method is invalid.")
    base = signature_base(method, site.home_url + path, query)
    expected = hmac.new(f"{key.consumer_secret}&".encode(), base.encode(), digest).digest()
    try:
        given = base64.b64decode(query["oauth_signature"].replace(" ", "+"), validate=True)
    except binascii.Error:
        given = b""
    if not hmac.compare_digest(expected, given):
        raise _refused("Invalid signature - provided signature does not match.")


def signature_base(method: str, url: str, query: Mapping[str, str]) -> str:
    """The text WooCommerce signs. PHP renames `status[]`, so list parameters never match what clients signed."""
    pairs = {_encode(name): _encode(value) for name, value in _as_php(query).items() if name != "oauth_signature"}
    joined = "%26".join(f"{name}%3D{pairs[name]}" for name in sorted(pairs))
    return f"{method.upper()}&{quote(url, safe='')}&{joined}"


def _as_php(query: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("[]", "[0]"): value for name, value in query.items()}


def _encode(value: str) -> str:
    return quote(unquote(value), safe="~").replace("%", "%25")


def _check_freshness(site: Site, timestamp: str, nonce: str) -> None:
    now = site.now()
    at = int(timestamp) if timestamp.isdigit() else 0
    if abs(now - at) > WINDOW_S:
        raise _refused("Invalid timestamp.")
    with site.store.lock:
        for old in [known for known, seen_at in site.nonces.items() if seen_at < now - WINDOW_S]:
            del site.nonces[old]
        if nonce in site.nonces:
            raise _refused("Invalid nonce - nonce has already been used.")
        site.nonces[nonce] = at


def _check_scope(key: ApiKey, method: str) -> None:
    reads = method in {"GET", "HEAD"}
    if reads and key.scope == "write":
        raise _refused("The API key provided does not have read permissions.")
    if not reads and method != "OPTIONS" and key.scope == "read":
        raise _refused("The API key provided does not have write permissions.")


def _refused(message: str) -> WpError:
    return WpError("woocommerce_rest_authentication_error", message, 401)
