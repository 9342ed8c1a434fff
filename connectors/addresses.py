"""Which addresses we may call: the guard against calls forged through an address that somebody typed (SSRF).

A host name is resolved once, every address it has is judged, and the connection goes to an address judged here: a name
that changes its mind between the look and the call (rebinding) gains nothing. See transport.py for the pinning.
"""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from core.errors import AddressRefused

Resolver = Callable[[str, int], Sequence[str]]

PORTS = frozenset({80, 443, 8080, 8443})

# Spelled out and not left to ipaddress.is_global, which calls NAT64 and other doors to private networks global.
_CLOSED_V4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
        "168.63.129.16/32",  # the host agent of Azure machines: a public number with a private meaning
    )
)  # fmt: skip
# Of IPv6 only global unicast is open, less what carries an IPv4 address (6to4, Teredo) or is set aside.
_OPEN_V6 = ipaddress.IPv6Network("2000::/3")
_CLOSED_V6 = tuple(
    ipaddress.IPv6Network(network)
    for network in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)

_HTTPS_ONLY = "The shop's address must begin with https://: over plain http the keys could be read on the way."
_NOT_PUBLIC = "This address is not on the public internet, so it is not called. Enter the shop's public address."
_PORT = "The shop's address names a port that is not called. Shops answer at 443, 8443, 80 or 8080."
_MALFORMED = "This is not a shop address. It looks like https://shop.example."


def resolve(host: str, port: int) -> Sequence[str]:
    """All addresses of a host name, in the system's order. Raises OSError."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


@dataclass(frozen=True)
class AddressPolicy:
    """Default: https to public addresses at four ports.

    `allow_loopback`: also this very machine, by http and at any port (the demo, development; never in production).
    `allow_http`: also plain http to public addresses, for platforms that sign each request.
    """

    allow_loopback: bool = False
    allow_http: bool = False
    resolve: Resolver = field(default=resolve, repr=False, compare=False)


def is_public(address: str) -> bool:
    """True only for an address that is certainly on the public internet; what cannot be read is not."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return not any(parsed in network for network in _CLOSED_V4)
    return parsed in _OPEN_V6 and not any(parsed in network for network in _CLOSED_V6)


def is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def check_url(url: str, policy: AddressPolicy) -> None:
    """Refuse what is no plain web address, before any name is looked up. Raises AddressRefused."""
    if any(ord(letter) <= 32 or ord(letter) == 127 or letter == "\\" for letter in url):
        raise AddressRefused(_MALFORMED)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressRefused(_MALFORMED) from None
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username is not None or port == 0:
        raise AddressRefused(_MALFORMED)
    if not policy.allow_loopback:
        _check_scheme_and_port(parts.scheme, port or (443 if parts.scheme == "https" else 80), policy)


def vet(host: str, port: int, *, scheme: str, policy: AddressPolicy) -> Sequence[str]:
    """The addresses of a host that may be called, all of them judged. Raises AddressRefused; OSError when it has none.

    One address that is not public condemns the name: an honest shop has none.
    """
    try:
        addresses = list(dict.fromkeys(policy.resolve(host, port)))
    except UnicodeError:  # a name that cannot even be asked for
        raise OSError("this is no host name") from None
    if not addresses:
        raise OSError("the host name has no address")
    if policy.allow_loopback and all(is_loopback(address) for address in addresses):
        return addresses
    _check_scheme_and_port(scheme, port, policy)
    if not all(is_public(address) for address in addresses):
        raise AddressRefused(_NOT_PUBLIC)
    return addresses


def _check_scheme_and_port(scheme: str, port: int, policy: AddressPolicy) -> None:
    if scheme != "https" and not policy.allow_http:
        raise AddressRefused(_HTTPS_ONLY)
    if port not in PORTS:
        raise AddressRefused(_PORT)
