"""The loyalty plugin inside the shop: the same contract as our WordPress plugin, in Python.

It pairs with the server once, prints one script tag per page, tells the browser who is signed in by a short-lived
signed token, and nudges the server when an order changed. It never prints an identity into a page.
"""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from html import escape

import requests

from demo.shop.store import Event
from demo.woocommerce.loopback import target_allowed
from demo.woocommerce.site import Site

VERSION = "0.1.0"
TOKEN_S = 300
PAIR_S = 15.0
NUDGE_S = 5.0
# About how long a request works on an order.
GATHER_S = 0.05
NUDGED_BY = frozenset(
    {"order.created", "order.updated", "order.status_changed", "order.refunded", "refund.deleted", "order.trashed",
     "order.restored", "order.deleted"}
)  # fmt: skip

# The widget says when it has put a code into the cart; the shop's own pages then read their cart anew.
CART_FOLLOWS = (
    "window.addEventListener('regulars:applied',()=>document.dispatchEvent(new Event('wc-blocks_added_to_cart')),true)"
)


class PairingFailed(Exception):
    """The server did not accept the code, or could not be reached; the text is for the person at the settings page."""


class Plugin:
    """Settings are what the merchant pastes; kid, key and loader_url are what pairing brought."""

    def __init__(self, site: Site, *, server_url: str = "", shop_key: str = "", pairing_code: str = "") -> None:
        self.site = site
        self.server_url = server_url.rstrip("/")
        self.shop_key = shop_key
        self.pairing_code = pairing_code
        self.kid = ""
        self.key = b""
        self.loader_url = ""
        self.locale = "en"
        self.nudges_sent = 0
        self.gather_s = GATHER_S
        self._changed: set[int] = set()
        self._lock = threading.Lock()

    @property
    def active(self) -> bool:
        return bool(self.kid)

    def configure(self, *, server_url: str, shop_key: str, pairing_code: str) -> None:
        self.server_url = server_url.strip().rstrip("/")
        self.shop_key, self.pairing_code = shop_key.strip(), pairing_code.strip()

    def activate(self) -> None:
        """Trade the pairing code for a key. Raises PairingFailed."""
        body = {"code": self.pairing_code, "plugin_version": VERSION, "site_url": self.site.home_url}
        try:
            answer = self._post("pair", json.dumps(body).encode(), {}, timeout_s=PAIR_S)
            if answer.status_code != 200:
                raise PairingFailed(f"The server answered {answer.status_code}. Is the pairing code still valid?")
            given = answer.json()
            kid, loader_url = str(given["kid"]), str(given["loader_url"])
            key = base64.urlsafe_b64decode(str(given["key"]) + "==")
        except requests.RequestException as error:
            raise PairingFailed("The server could not be reached.") from error
        except (KeyError, TypeError, ValueError) as error:
            raise PairingFailed("The server's answer could not be read.") from error
        if len(key) != 32:
            raise PairingFailed("The server's key has the wrong length.")
        self.kid, self.key, self.loader_url = kid, key, loader_url

    def deactivate(self) -> None:
        self.kid, self.key, self.loader_url = "", b"", ""

    def script(self, *, order_id: int | None = None) -> str:
        """The one tag a page carries; on the thank-you page it names the order. Empty until paired."""
        if not self.active:
            return ""
        home = self.site.home_url
        parts = {
            "src": self.loader_url,
            "data-shop": self.shop_key,
            "data-identity": f"{home}/wp-json/regulars/v1/identity",
            "data-store": f"{home}/wp-json/wc/store/v1",
            "data-lang": self.locale,
        }
        if order_id is not None:
            parts["data-order"] = str(order_id)
        attributes = " ".join(f'{name}="{escape(value)}"' for name, value in parts.items())
        return f"<script async {attributes}></script>\n<script>{CART_FOLLOWS}</script>"

    def token(self, customer_id: int) -> str:
        """A JWT that says to the server, for five minutes, who is signed in here."""
        now = int(self.site.now())
        head = {"alg": "HS256", "typ": "JWT", "kid": self.kid}
        claims = {
            "iss": self.site.home_url,
            "aud": self.shop_key,
            "sub": str(customer_id),
            "iat": now,
            "exp": now + TOKEN_S,
            "jti": secrets.token_hex(16),
        }
        signed = f"{_b64(json.dumps(head).encode())}.{_b64(json.dumps(claims).encode())}"
        return f"{signed}.{_b64(hmac.new(self.key, signed.encode(), hashlib.sha256).digest())}"

    def note(self, event: Event) -> None:
        """An order changed: nudge the server once the browser has its answer. A lost nudge does not matter."""
        if not self.active or event.name not in NUDGED_BY:
            return
        with self._lock:
            first = not self._changed
            self._changed.add(event.order_id or event.id)
        if first:
            threading.Thread(target=self._nudge_changed, name="nudge", daemon=True).start()

    def _nudge_changed(self) -> None:
        """One nudge for all that one request did to an order."""
        time.sleep(self.gather_s)
        with self._lock:
            changed, self._changed = sorted(self._changed), set()
        for order_id in changed:
            self.nudge(order_id)

    def nudge(self, order_id: int) -> None:
        body = json.dumps({"order": str(order_id), "at": int(self.site.now()), "nonce": secrets.token_hex(16)}).encode()
        digest = hmac.new(self.key, body, hashlib.sha256).hexdigest()
        head = {"X-Regulars-Signature": f"v1={digest}", "X-Regulars-Kid": self.kid}
        try:
            self._post("nudge", body, head, timeout_s=NUDGE_S)
        except (requests.RequestException, PairingFailed):
            return
        self.nudges_sent += 1

    def _post(self, door: str, body: bytes, head: dict[str, str], *, timeout_s: float) -> requests.Response:
        url = f"{self.server_url}/webhooks/woocommerce/{self.shop_key}/{door}"
        if not target_allowed(url):
            raise PairingFailed("This server address cannot be called from the shop.")
        with requests.Session() as session:
            session.trust_env = False
            return session.post(
                url, data=body, headers={"Content-Type": "application/json", **head}, timeout=timeout_s,
                allow_redirects=False,
            )  # fmt: skip


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
