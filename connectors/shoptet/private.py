"""A shop on Shoptet Premium that made a private token for us: no addon, nothing to install. Pure.

The address is the merchant's word only: Shoptet knows the shop by the token, and its facts say which one it is.
"""

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from core.errors import InvalidInput

_TOKEN = re.compile(r"[\x21-\x7e]{20,500}")  # becomes a header
_HOST = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")
_NOT_AN_ADDRESS = "This is not a shop address. It looks like https://shop.example."
_NOT_A_TOKEN = "This is not a private API token. Copy it from the Shoptet admin as it stands there, without spaces."  # noqa: S105


class ShoptetTokenFlow:
    """core.ports.TokenFlow."""

    def normal_shop_url(self, text: str) -> str:
        """https and the host; of a shop on this machine, a demo's, scheme and port stay. Raises InvalidInput."""
        given = text.strip()
        try:
            parts = urlsplit(given if "://" in given else f"https://{given}")
            host, port = (parts.hostname or "").rstrip("."), parts.port
        except ValueError:
            raise InvalidInput(_NOT_AN_ADDRESS, field="shop_url") from None
        if parts.username is not None or parts.scheme not in ("https", "http"):
            raise InvalidInput(_NOT_AN_ADDRESS, field="shop_url")
        if _is_here(host):
            return f"{parts.scheme}://{host}" + (f":{port}" if port else "")
        if not _HOST.fullmatch(host) or port not in (None, 80, 443):
            raise InvalidInput(_NOT_AN_ADDRESS, field="shop_url")
        return f"https://{host}"

    def credentials(self, base_url: str, token: str) -> Mapping[str, str]:
        """For a demo's shop the API is where the shop is."""
        if not _TOKEN.fullmatch(token.strip()):
            raise InvalidInput(_NOT_A_TOKEN, field="private_token")
        here = {"origin": base_url} if _is_here(urlsplit(base_url).hostname or "") else {}
        return {"private_token": token.strip(), **here}


def _is_here(host: str) -> bool:
    """This very machine, which is called only where the server's settings allow it."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
