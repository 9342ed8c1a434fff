"""Connections that go only to addresses judged by addresses.py: one look-up per connection, none after it."""

import socket

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection

from connectors.addresses import AddressPolicy, vet

_ADDRESSES_TRIED = 4


class _Guarded(HTTPConnection):
    """Judges the host's addresses and connects to the judged ones; Host header, SNI and certificate keep the name."""

    policy: AddressPolicy
    scheme = "http"

    def _new_conn(self) -> socket.socket:
        try:
            addresses = vet(self._dns_host, self.port, scheme=self.scheme, policy=self.policy)
        except OSError as error:
            reason = error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))
            raise NameResolutionError(self.host, self, reason) from error
        failure: OSError | None = None
        for address in addresses[:_ADDRESSES_TRIED]:
            try:
                return create_connection((address, self.port), self.timeout, socket_options=self.socket_options)
            except OSError as error:
                failure = error
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(self, "timed out")
        raise NewConnectionError(self, "not connected")


class _GuardedTls(_Guarded, HTTPSConnection):
    scheme = "https"


class GuardedAdapter(HTTPAdapter):
    def __init__(self, policy: AddressPolicy) -> None:
        self._policy = policy
        super().__init__(max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: object) -> None:
        super().init_poolmanager(connections, maxsize, block=block, **pool_kwargs)
        held = {"policy": self._policy}
        plain = type("GuardedConnection", (_Guarded,), held)
        tls = type("GuardedTlsConnection", (_GuardedTls,), held)
        self.poolmanager.pool_classes_by_scheme = {
            "http": type("GuardedPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
            "https": type("GuardedTlsPool", (HTTPSConnectionPool,), {"ConnectionCls": tls}),
        }
