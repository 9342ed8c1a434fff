"""Secrets at rest: sealed by a key outside the database. Old keys open until everything is sealed anew."""

import hashlib
import hmac
import os
from functools import lru_cache
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from core.errors import ConfigurationError

KEPT_OPEN = 1024


class Vault:
    """Seals and opens with the first of its keys; the others only open. Also derives keys for signing."""

    def __init__(self, keys: list[bytes]) -> None:
        if not keys:
            raise ConfigurationError("The key file holds no key")
        self._fernet = MultiFernet([Fernet(key) for key in keys])
        self._root = keys[0]
        self._kept_open = lru_cache(maxsize=KEPT_OPEN)(self.open)

    def seal(self, text: str) -> str:
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """Raises ConfigurationError when the key is not the one that this database was written with."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise ConfigurationError(
                "The key file does not belong to this database: put back the secret.key that it was made with"
            ) from error

    def keep_open(self, sealed: str) -> str:
        """As `open`, and kept in memory: for the few keys of shops that every request needs, never for what may be erased."""
        return self._kept_open(sealed)

    def derived(self, purpose: str) -> bytes:
        """32 bytes for one purpose (session cookies, seals), so that no key serves two."""
        return hmac.digest(self._root, b"regulars/" + purpose.encode(), "sha256")


def load_or_make_key(path: Path) -> Vault:
    """The vault of a key file, one key a line, newest first; made with mode 0600 on the first start."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(Fernet.generate_key() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    try:
        return Vault([line.strip() for line in path.read_bytes().splitlines() if line.strip()])
    except ValueError as error:
        raise ConfigurationError(f"{path.name} does not hold keys of this product") from error


def token_digest(token: str) -> str:
    """How one-time tokens are stored: a database that leaks opens no door. Tokens are random, so no salt is needed."""
    return hashlib.sha256(token.encode()).hexdigest()
