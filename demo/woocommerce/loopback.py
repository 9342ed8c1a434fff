"""The only two places where the demo shop is more lenient than WooCommerce, so that it works on one machine.

1. A wc-auth callback may be plain http when it goes to loopback (a real shop wants https).
2. Webhooks, callbacks and the plugin may call any port on loopback (a real shop calls public addresses only, on
   ports 80, 443 and 8080).
Everything else is refused exactly as a real shop refuses it.
"""

import ipaddress
import socket
from urllib.parse import urlsplit

SAFE_PORTS = frozenset({80, 443, 8080})


def callback_scheme_allowed(url: str) -> bool:
    """Exception 1: https, or http to loopback."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))


def target_allowed(url: str) -> bool:
    """Exception 2: a public address on a safe port, or any port on loopback."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not host:
        return False
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return False
    if is_loopback(host):
        return True
    return port in SAFE_PORTS and _is_public(host, port)


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_public(host: str, port: int) -> bool:
    try:
        found = socket.getaddrinfo(host, port, proto=socket.IPPROTO_TCP)
    except OSError:
        return False
    return all(ipaddress.ip_address(address[4][0]).is_global for address in found)
