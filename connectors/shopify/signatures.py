"""What Shopify signs with the app's secret, other than tokens: webhooks, app proxy visits, launches of the app. Pure.

Secrets come newest first: for an hour after a rotation Shopify still signs with the older one. All are tried whichever
fits, and without one the same work is done and refused.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qsl, quote_plus

from connectors.shopify.domains import is_shop_domain
from core.errors import SignatureInvalid

WINDOW_S = 90  # both of Shopify's own libraries allow this much, to either side

_LONGEST_QUERY = 8_192
_MOST_PAIRS = 64
_HEX = re.compile(r"[0-9a-f]{64}")
_SECONDS = re.compile(r"[0-9]{1,12}")
_CUSTOMER = re.compile(r"[1-9][0-9]{0,19}")
_PROXY_KEY = re.compile(r"[A-Za-z0-9_.\[\]-]{1,64}")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9_-]{1,64}){1,4}")
_HOST = re.compile(r"[A-Za-z0-9_-]{1,512}={0,2}")
_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,256}")
_NO_SECRET = "no secret: the same work, and never a match"  # noqa: S105

_NOT_SIGNED = "The message is not signed by Shopify"
_NOT_A_VISIT = "The visit does not come through the shop"
_NOT_A_LAUNCH = "The page was not opened from Shopify"
_TOO_OLD = "The signature is too old, or one of the clocks is wrong"

Signer = Callable[[str], str]


@dataclass(frozen=True)
class ProxyVisit:
    """A request that a shop passed on. `customer_id`: the number of the customer who is signed in there, as text.

    Whoever reads a page of the shop can ask for this, and what Shopify sent can be sent again for 90 seconds.
    """

    domain: str
    customer_id: str | None
    path_prefix: str


@dataclass(frozen=True)
class Launch:
    """A page of ours that Shopify opened in a browser. `host` is for App Bridge: not proven, nowhere to redirect to.

    `code` and `state` come at the end of the code grant only; whether the state is ours is for the caller to know.
    """

    domain: str
    host: str | None
    id_token: str | None = field(default=None, repr=False)
    code: str | None = field(default=None, repr=False)
    state: str | None = field(default=None, repr=False)


def verify_webhook(body: bytes, header: str, secrets: Sequence[str]) -> None:
    """`header`: X-Shopify-Hmac-Sha256, "" where it is missing. Raises SignatureInvalid.

    Topic and shop stand in headers that are not signed: see `webhook_domain`.
    """
    given = header.encode("utf-8", "replace")
    matches = [hmac.compare_digest(webhook_signature(body, secret).encode(), given) for secret in _tried(secrets)]
    if not any(matches) or not _usable(secrets):
        raise SignatureInvalid(_NOT_SIGNED)


def webhook_signature(body: bytes, secret: str) -> str:
    """base64(HMAC-SHA256), as in the header X-Shopify-Hmac-Sha256."""
    return base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()


def webhook_domain(header: str) -> str:
    """The shop that X-Shopify-Shop-Domain names, in form only: not signed. Raises SignatureInvalid."""
    domain = header.lower() if header.isascii() else ""
    if not is_shop_domain(domain):
        raise SignatureInvalid("The message names no shop")
    return domain


def verify_app_proxy(query: bytes | str, secrets: Sequence[str], now: datetime) -> ProxyVisit:
    """`query`: what stands after the question mark, as it came. Raises SignatureInvalid."""
    values: dict[str, list[str]] = {}
    for key, value in _pairs(query, _NOT_A_VISIT):
        # The signed text has no separators, so "=" inside a key or a value would let one text be split in two ways:
        # a shopper could have a text signed that reads as somebody else's visit.
        if not _PROXY_KEY.fullmatch(key) or "=" in value:
            raise SignatureInvalid(_NOT_A_VISIT)
        values.setdefault(key, []).append(value)
    # What stands twice is signed joined with a comma, and then has none of the forms below; only here it must be said.
    given = ",".join(values.pop("signature", []))
    joined = {key: ",".join(found) for key, found in values.items()}
    _compare(given, secrets, [lambda secret: proxy_signature(joined, secret)], _NOT_A_VISIT)
    _check_time(joined.get("timestamp", ""), now)
    domain, customer_id = joined.get("shop", ""), joined.get("logged_in_customer_id", "")
    prefix = joined.get("path_prefix", "")
    if not is_shop_domain(domain) or not _PREFIX.fullmatch(prefix):
        raise SignatureInvalid(_NOT_A_VISIT)
    if customer_id and not _CUSTOMER.fullmatch(customer_id):
        raise SignatureInvalid(_NOT_A_VISIT)
    return ProxyVisit(domain, customer_id or None, prefix)


def proxy_signature(values: Mapping[str, str], secret: str) -> str:
    """Of decoded values, repeated ones joined with a comma, without `signature` itself."""
    text = "".join(f"{key}={values[key]}" for key in sorted(values))
    return _hex_digest(text, secret)


def verify_launch(query: bytes | str, secrets: Sequence[str], now: datetime) -> Launch:
    """`query`: what stands after the question mark, as it came: of the App URL, and of the code grant's return.

    Raises SignatureInvalid.
    """
    pairs = _pairs(query, _NOT_A_LAUNCH)
    values = dict(pairs)
    if len(values) != len(pairs):
        raise SignatureInvalid(_NOT_A_LAUNCH)
    given = values.pop("hmac", "")
    # Shopify's libraries disagree on how rare characters are written before signing (ShopifyAPI; Ruby and JavaScript).
    # Both texts part keys and values at the same places, and what is read below is written alike in both.
    signers: list[Signer] = [
        lambda secret: launch_signature(values, secret),
        lambda secret: _hex_digest(
            "&".join(f"{quote_plus(k)}={quote_plus(v)}" for k, v in sorted(values.items())), secret
        ),
    ]
    _compare(given, secrets, signers, _NOT_A_LAUNCH)
    _check_time(values.get("timestamp", ""), now)
    domain = values.get("shop", "")
    if not is_shop_domain(domain):
        raise SignatureInvalid(_NOT_A_LAUNCH)
    return Launch(
        domain,
        host=_optional(values, "host", _HOST),
        id_token=_optional(values, "id_token", _JWT),
        code=_optional(values, "code", _CODE),
        state=_optional(values, "state", _CODE),
    )


def launch_signature(values: Mapping[str, str], secret: str) -> str:
    """Of decoded values without `hmac` itself, written as ShopifyAPI writes them."""
    pairs = []
    for key in sorted(values):
        name = key.replace("%", "%25").replace("=", "%3D")
        pairs.append(f"{name}={values[key].replace('%', '%25')}".replace("&", "%26"))
    return _hex_digest("&".join(pairs), secret)


def _pairs(query: bytes | str, refusal: str) -> list[tuple[str, str]]:
    """Decoded keys and values. What two readers could read differently is refused."""
    try:
        text = query.decode("ascii") if isinstance(query, bytes) else query
        if len(text) > _LONGEST_QUERY or not text.isascii():
            raise SignatureInvalid(refusal)
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_PAIRS)
    except ValueError:
        raise SignatureInvalid(refusal) from None


def _compare(given: str, secrets: Sequence[str], signers: Sequence[Signer], refusal: str) -> None:
    claimed = given if _HEX.fullmatch(given) else ""
    matches = [hmac.compare_digest(sign(secret), claimed) for secret in _tried(secrets) for sign in signers]
    if not any(matches) or not _usable(secrets):
        raise SignatureInvalid(refusal)


def _check_time(timestamp: str, now: datetime) -> None:
    if not _SECONDS.fullmatch(timestamp) or abs(int(now.timestamp()) - int(timestamp)) > WINDOW_S:
        raise SignatureInvalid(_TOO_OLD)


def _optional(values: Mapping[str, str], key: str, form: re.Pattern[str]) -> str | None:
    value = values.get(key) or None
    if value is not None and not form.fullmatch(value):
        raise SignatureInvalid(_NOT_A_LAUNCH)
    return value


def _hex_digest(text: str, secret: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def _usable(secrets: Sequence[str]) -> Sequence[str]:
    """An empty secret is none: everybody could sign with it."""
    return [secret for secret in secrets if secret]


def _tried(secrets: Sequence[str]) -> Sequence[str]:
    return _usable(secrets) or (_NO_SECRET,)
