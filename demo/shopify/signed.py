"""Queries that Shopify signs: those that open the app in the admin, and those of the app proxy."""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

from demo.shopify import session_tokens
from demo.shopify.ids import number
from demo.shopify.site import Site

PREFIX = "/apps/regulars"


def host(site: Site) -> str:
    """The `host` parameter: where the shop's admin is, in base64 without padding."""
    return base64.urlsafe_b64encode(f"admin.shopify.com/store/{site.name}".encode()).rstrip(b"=").decode()


def signature(secret: str, query: Mapping[str, str]) -> str:
    """The `hmac` of a query that Shopify sends a browser along with."""
    message = "&".join(f"{name}={query[name]}" for name in sorted(query))
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()


def launch_query(site: Site, **changes: Any) -> dict[str, str]:
    """The parameters with which the admin opens the app, signed. `changes` are signed, too."""
    query = {
        "embedded": "1",
        "host": host(site),
        "id_token": session_tokens.mint(site),
        "locale": "en",
        "session": hashlib.sha256(site.domain.encode()).hexdigest(),
        "shop": site.domain,
        "timestamp": str(int(site.now())),
        **changes,
    }
    return {**query, "hmac": signature(site.app.secret, query)}


def proxy_query(site: Site, *, customer_id: int, more: Sequence[tuple[str, str]] = ()) -> dict[str, str]:
    """What the app proxy adds to a storefront's own parameters; repeated ones are joined with a comma."""
    query: dict[str, list[str]] = {}
    for name, value in more:
        query.setdefault(name, []).append(value)
    joined = {name: ",".join(values) for name, values in query.items()}
    joined["shop"] = site.domain
    joined["logged_in_customer_id"] = str(number("Customer", customer_id)) if customer_id else ""
    joined["path_prefix"] = PREFIX
    joined["timestamp"] = str(int(site.now()))
    message = "".join(f"{name}={joined[name]}" for name in sorted(joined))
    signed = hmac.new(site.app.secret.encode(), message.encode(), hashlib.sha256).hexdigest()
    return {**joined, "signature": signed}
