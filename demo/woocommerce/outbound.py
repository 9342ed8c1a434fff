"""The shop calling out: short time-outs, no proxies, only where a real shop may call (and loopback)."""

from collections.abc import Mapping
from urllib.parse import urljoin, urlsplit

import requests

from demo.woocommerce.loopback import is_loopback, target_allowed
from demo.woocommerce.site import Site

PING_S = 5.0
DELIVERY_S = 60.0
HOPS = 5


class CallFailed(Exception):
    """Nobody answered, or the target is not one a shop may call."""


def post(url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float, follow: bool = False) -> int:
    """POST and answer the status. `follow` does what WordPress does: a redirect is followed as a GET.

    Raises CallFailed.
    """
    method, content = "POST", body
    with requests.Session() as session:
        session.trust_env = False
        for _ in range(HOPS):
            if not target_allowed(url):
                raise CallFailed("A valid URL was not provided.")
            try:
                answer = session.request(
                    method, url, data=content, headers=dict(headers), timeout=timeout_s, allow_redirects=False,
                    verify=not is_loopback(urlsplit(url).hostname or ""), stream=True,
                )  # fmt: skip
            except requests.RequestException as error:
                raise CallFailed(str(error)) from error
            with answer:
                if not follow or answer.status_code not in {301, 302, 303} or "Location" not in answer.headers:
                    return answer.status_code
                url = urljoin(url, answer.headers["Location"])
                method, content = "GET", b""
    raise CallFailed("Too many redirects.")


def hookshot(site: Site) -> str:
    return f"WooCommerce/{site.version.woocommerce} Hookshot (WordPress/{site.version.wordpress})"


def wordpress(site: Site) -> str:
    return f"WordPress/{site.version.wordpress}; {site.home_url}"
