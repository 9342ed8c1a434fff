"""Access tokens of the app: an hour's ones that are refreshed by one-time tokens, and those that never end."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

ACCESS_S = 3600
REFRESH_S = 90 * 86_400
# How long a used refresh token may be tried again while its replacement has not been used.
RECOVERY_S = 30 * 86_400
CODE_S = 3600


class InvalidGrant(Exception):
    """The refresh token or code is unknown, used, or too old."""


@dataclass(slots=True)
class Access:
    scopes: tuple[str, ...]
    expires_at: float | None
    online: bool = False


@dataclass(slots=True)
class Refresh:
    """`replaces`: the token that bought this one and lives on until this one is used. `first_used_at`: 0 when never."""

    token: str
    expires_at: float
    replaces: "Refresh | None" = None
    first_used_at: float = 0.0


class Tokens:
    """All tokens of one app in one shop. There is one refreshable token at a time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._access: dict[str, Access] = {}
        self._refresh: Refresh | None = None
        self._codes: dict[str, tuple[tuple[str, ...], float]] = {}
        self.exchanges = 0
        self.refreshes = 0

    def scopes_of(self, token: str) -> tuple[str, ...] | None:
        """What a live token may do; None for a dead one."""
        access = self._access.get(token)
        if access is None or (access.expires_at is not None and access.expires_at <= self._clock()):
            return None
        return access.scopes

    def issue(self, scopes: tuple[str, ...], *, expiring: bool, online: bool = False) -> dict[str, object]:
        """The answer to an exchange or a code: a new token; an expiring one ends the earlier refresh token at once."""
        self.exchanges += 1
        if not expiring:
            token = self._new_access(scopes, None, online=online)
            return {"access_token": token, "scope": ",".join(scopes)}
        self._refresh = Refresh(_secret("shprt_"), self._clock() + REFRESH_S)
        return self._pair(scopes, self._refresh)

    def refresh(self, token: str, scopes: tuple[str, ...]) -> dict[str, object]:
        """A new pair for a refresh token. Raises InvalidGrant."""
        used, now = self._find(token), self._clock()
        if used is None or used.expires_at <= now:
            raise InvalidGrant
        if used.first_used_at and now > used.first_used_at + RECOVERY_S:
            raise InvalidGrant
        # Only one step back is remembered: the first use of a replacement retires the token that bought it.
        used.replaces = None
        used.first_used_at = used.first_used_at or now
        self._refresh = Refresh(_secret("shprt_"), now + REFRESH_S, replaces=used)
        self.refreshes += 1
        return self._pair(scopes, self._refresh)

    def new_code(self, scopes: tuple[str, ...]) -> str:
        code = secrets.token_hex(16)
        self._codes[code] = (scopes, self._clock() + CODE_S)
        return code

    def redeem_code(self, code: str, *, expiring: bool) -> dict[str, object]:
        """Once only. Raises InvalidGrant."""
        scopes, until = self._codes.pop(code, ((), 0.0))
        if until <= self._clock():
            raise InvalidGrant
        return self.issue(scopes, expiring=expiring)

    def revoke_all(self) -> None:
        self._access.clear()
        self._codes.clear()
        self._refresh = None

    def rescope(self, scopes: tuple[str, ...]) -> None:
        for access in self._access.values():
            access.scopes = scopes

    def _find(self, token: str) -> Refresh | None:
        newest = self._refresh
        if newest is None or newest.token == token:
            return newest
        earlier = newest.replaces
        return earlier if earlier is not None and earlier.token == token else None

    def _pair(self, scopes: tuple[str, ...], refresh: Refresh) -> dict[str, object]:
        return {
            "access_token": self._new_access(scopes, self._clock() + ACCESS_S),
            "scope": ",".join(scopes),
            "expires_in": ACCESS_S,
            "refresh_token": refresh.token,
            "refresh_token_expires_in": int(refresh.expires_at - self._clock()),
        }

    def _new_access(self, scopes: tuple[str, ...], expires_at: float | None, *, online: bool = False) -> str:
        token = _secret("shpat_")
        self._access[token] = Access(scopes, expires_at, online)
        return token


def _secret(prefix: str) -> str:
    return prefix + secrets.token_hex(16)
