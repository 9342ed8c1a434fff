"""From the address that a merchant types to the keys of the shop (wc-auth). Pure.

The shop posts the keys to us before it sends the browser back. Nothing in that post is signed or names the shop:
`state`, unguessable and single use, says which connect it is, and calling the stored address with the keys proves them.
"""

import re
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from connectors.woocommerce.client import read_json
from connectors.woocommerce.install import LOOPBACK
from core.errors import InvalidInput
from core.ports import GrantedKeys

# Where a merchant's copied address stops being the shop's.
_NOT_THE_SHOP = frozenset({"wp-admin", "wp-login.php", "wp-json", "wp-content", "wp-includes", "wc-auth", "index.php"})
_KEY = re.compile(r"ck_[0-9a-f]{40}")
_SECRET = re.compile(r"cs_[0-9a-f]{40}")
_STATE = re.compile(r"[!-~]{1,200}")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_LONGEST_URL = 500

_BAD_URL = "This is not a shop address. It looks like https://shop.example."
_BAD_KEYS = "These are not WooCommerce keys. The first begins with ck_, the second with cs_; each has 43 characters."


class WooConnectFlow:
    def normal_shop_url(self, text: str) -> str:
        """https:// is added, what follows the shop in the address is cut; a shop in a folder keeps it."""
        typed = text.strip()
        if not typed or len(typed) > _LONGEST_URL or any(ord(letter) <= 32 or letter == "\\" for letter in typed):
            raise InvalidInput(_BAD_URL, field="shop_url")
        if "://" not in typed:
            typed = f"https://{typed}"
        try:
            parts = urlsplit(typed)
            host, port = _ascii_host(parts.hostname or ""), parts.port
        except ValueError:  # UnicodeError, of names that are none, is one too
            raise InvalidInput(_BAD_URL, field="shop_url") from None
        if parts.scheme.lower() not in ("https", "http") or parts.username is not None or not host:
            raise InvalidInput(_BAD_URL, field="shop_url")
        scheme = parts.scheme.lower()
        usual = port in (None, 443 if scheme == "https" else 80)
        return f"{scheme}://{host}{'' if usual else f':{port}'}{_folder(parts.path)}"

    def authorize_url(
        self, base_url: str, *, state: str, callback_url: str, return_url: str, app_name: str = "Regulars"
    ) -> str:
        """The shop's own page where its owner approves us. Raises InvalidInput when the shop would refuse our address.

        WooCommerce cuts a name at `&` or `<`, so only letters, digits and spaces are sent.
        """
        callback = urlsplit(callback_url)
        if callback.scheme != "https" and callback.hostname not in LOOPBACK:
            text = "Regulars needs an address with https:// before shops can be connected by one click."
            raise InvalidInput(text, field="callback_url")
        name = "".join(letter for letter in app_name if letter.isalnum() or letter == " ").strip() or "Regulars"
        query = urlencode(
            {
                "app_name": name,
                "scope": "read_write",
                "user_id": state,
                "return_url": return_url,
                "callback_url": callback_url,
            }
        )
        return f"{base_url.rstrip('/')}/wc-auth/v1/authorize?{query}"

    def read_callback(self, body: bytes) -> GrantedKeys:
        found = read_json(body)
        if not isinstance(found, dict):
            raise InvalidInput("The shop's message is not an object")
        state = found.get("user_id")
        if not isinstance(state, str) or not _STATE.fullmatch(state):
            raise InvalidInput("The shop's message does not say which connect it belongs to", field="state")
        if found.get("key_permissions") != "read_write":
            raise InvalidInput("The keys may not both read and write", field="key_permissions")
        return GrantedKeys(state, _credentials(found.get("consumer_key"), found.get("consumer_secret")))

    def manual_credentials(self, consumer_key: str, consumer_secret: str) -> Mapping[str, str]:
        return _credentials(consumer_key.strip(), consumer_secret.strip())


def _credentials(key: object, secret: object) -> Mapping[str, str]:
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise InvalidInput(_BAD_KEYS, field="consumer_key")
    if not isinstance(secret, str) or not _SECRET.fullmatch(secret):
        raise InvalidInput(_BAD_KEYS, field="consumer_secret")
    return {"consumer_key": key, "consumer_secret": secret}


def _ascii_host(host: str) -> str:
    """The host as it goes over the wire; empty for what is no host name or IPv6 address."""
    if re.fullmatch(r"[0-9a-f:.]+", host) and ":" in host:
        return f"[{host}]"
    ascii_host = host.encode("idna").decode().lower().rstrip(".")
    return ascii_host if _HOST.fullmatch(ascii_host) and ".." not in ascii_host else ""


def _folder(path: str) -> str:
    kept: list[str] = []
    for part in path.split("/"):
        if part.lower() in _NOT_THE_SHOP:
            break
        if part in (".", ".."):
            raise InvalidInput(_BAD_URL, field="shop_url")
        if part:
            kept.append(part)
    return "".join(f"/{part}" for part in kept)
