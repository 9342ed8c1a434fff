"""Codes and tokens: install code, OAuth access token that never ends, API access tokens of half an hour, admin sign-in."""

import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

LONG = 255
API_S = 1800
MOST_API_TOKENS = 5
# Codes are "short-lived"; nobody says how short.
CODE_S = 60
LOGIN_S = 3600
_LETTERS = string.ascii_lowercase + string.digits

State = Literal["unknown", "expired", "live"]


class TooManyTokens(Exception):
    """Five API access tokens are still valid."""


@dataclass(frozen=True, slots=True)
class Code:
    """`redirect_uri`: where it was sent, which whoever redeems it must name."""

    redirect_uri: str
    until: float


class Tokens:
    """All tokens of one addon in one shop, and the private tokens of a Premium shop."""

    def __init__(self, clock: Callable[[], float], eshop_id: int) -> None:
        self._clock = clock
        self._eshop_id = eshop_id
        self._install_codes: dict[str, Code] = {}
        self._login_codes: dict[str, Code] = {}
        self._logins: dict[str, float] = {}
        self._api: dict[str, float] = {}
        self._private: set[str] = set()
        self.oauth_token = ""
        self.issued = 0

    def new_install_code(self, redirect_uri: str) -> str:
        return self._new_code(self._install_codes, redirect_uri)

    def redeem_install_code(self, code: str, redirect_uri: str) -> str | None:
        """The OAuth access token for a code, once; None for a wrong one."""
        if not self._redeemed(self._install_codes, code, redirect_uri):
            return None
        return self.new_oauth_token()

    def new_oauth_token(self) -> str:
        """One per shop and addon: a new one voids what came before."""
        self.oauth_token = _random(LONG)
        self._api.clear()
        return self.oauth_token

    def new_api_token(self) -> str:
        """Raises TooManyTokens."""
        now = self._clock()
        if sum(1 for until in self._api.values() if until > now) >= MOST_API_TOKENS:
            raise TooManyTokens
        token = f"{self._eshop_id}-a-{_random(32)}"
        self._api[token] = now + API_S
        self.issued += 1
        return token

    def state_of(self, token: str) -> State:
        until = self._api.get(token)
        if until is None:
            return "unknown"
        return "live" if until > self._clock() else "expired"

    def expire_api(self) -> None:
        """Every API access token's half hour is over."""
        self._api = dict.fromkeys(self._api, self._clock())

    def revoke_all(self) -> None:
        """As after an uninstallation; private tokens belong to the shop and stay."""
        self.oauth_token = ""
        for held in (self._api, self._install_codes, self._login_codes, self._logins):
            held.clear()

    def new_private(self) -> str:
        token = f"{self._eshop_id}-p-{_random(32)}"
        self._private.add(token)
        return token

    def is_private(self, token: str) -> bool:
        return token in self._private

    def new_login_code(self, redirect_uri: str) -> str:
        return self._new_code(self._login_codes, redirect_uri)

    def redeem_login_code(self, code: str, redirect_uri: str) -> str | None:
        """A token that tells who is in the admin; None for a wrong code."""
        if not self._redeemed(self._login_codes, code, redirect_uri):
            return None
        token = _random(LONG)
        self._logins[token] = self._clock() + LOGIN_S
        return token

    def is_login(self, token: str) -> bool:
        return self._logins.get(token, 0.0) > self._clock()

    def _new_code(self, codes: dict[str, Code], redirect_uri: str) -> str:
        code = _random(LONG)
        codes[code] = Code(redirect_uri, self._clock() + CODE_S)
        return code

    def _redeemed(self, codes: dict[str, Code], code: str, redirect_uri: str) -> bool:
        known = codes.pop(code, None)
        return known is not None and known.until > self._clock() and known.redirect_uri == redirect_uri


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))
