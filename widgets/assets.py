"""The built files that shops load, packed beforehand, each under an address that holds the hash of its content."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache

from widgets.browser_texts import STATIC, file_name
from widgets.catalogues import LANGUAGES

TYPES = {"js": "text/javascript; charset=utf-8", "json": "application/json"}
LOADER, PANEL, MAILED = "loader.js", "panel.js", "mailed.js"
NAMES = frozenset({LOADER, PANEL, MAILED, *(file_name(language) for language in LANGUAGES)})


@dataclass(frozen=True)
class Asset:
    name: str
    content: bytes
    packed: bytes
    digest: str

    @property
    def content_type(self) -> str:
        return TYPES[self.name.rsplit(".", 1)[-1]]

    @property
    def address(self) -> str:
        """Relative to /widget/v1/. Good for ever: another content has another address."""
        return f"static/{self.digest}/{self.name}"


@cache
def asset(name: str) -> Asset:
    """One of NAMES, read once a process."""
    content = (STATIC / name).read_bytes()
    packed = gzip.compress(content, compresslevel=9, mtime=0)
    return Asset(name, content, packed, hashlib.sha256(content).hexdigest()[:16])
