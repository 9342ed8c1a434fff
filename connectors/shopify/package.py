"""What we ship into a Shopify shop, as a zip for one app: what lies in storefront/, with the app's addresses filled in.

The self-hoster unpacks it and runs Shopify's CLI on it; docs/platforms/shopify-extensions.md says how.
"""

import io
import json
import re
from collections.abc import Callable, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

SLUG = "regulars-shopify"
FILE_NAME = f"{SLUG}.zip"
_STAMP = (2020, 1, 1, 0, 0, 0)  # the same content makes the same zip
_LEFT_OUT = frozenset({"__pycache__", "dist", "node_modules", "tests"})
_PLACE = re.compile(r"@(server_url|app_key|client_id)@")


def package_zip(*, server_url: str, app_key: str, client_id: str) -> bytes:
    """Ready for `shopify app deploy`. Holds no secret: the app's secret stays with us."""
    values = {"server_url": server_url.rstrip("/"), "app_key": app_key, "client_id": client_id}
    content = io.BytesIO()
    with ZipFile(content, "w", ZIP_DEFLATED) as archive:
        _add_folder(archive, files("connectors.shopify") / "storefront", "", values)
    return content.getvalue()


def _add_folder(archive: ZipFile, folder: Traversable, path: str, values: Mapping[str, str]) -> None:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.startswith(".") or entry.name in _LEFT_OUT:
            continue
        name = f"{path}{entry.name}"
        if entry.is_dir():
            _add_folder(archive, entry, f"{name}/", values)
        elif quote := _QUOTED.get(name):
            _add(archive, name, _filled(entry.read_text(encoding="utf-8"), values, quote).encode())
        else:
            _add(archive, name, entry.read_bytes())


def _add(archive: ZipFile, path: str, content: bytes) -> None:
    info = ZipInfo(f"{SLUG}/{path}", _STAMP)
    info.compress_type = ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    archive.writestr(info, content)


def _filled(template: str, values: Mapping[str, str], quote: Callable[[str], str]) -> str:
    """In one pass: a value that looks like a place stays what it is."""
    return _PLACE.sub(lambda place: quote(values[place.group(1)]), template)


def _toml(text: str) -> str:
    """Inside a basic string of TOML: JSON's escapes, which all mean the same there, and DEL, which JSON lets through."""
    return json.dumps(text, ensure_ascii=False)[1:-1].replace("\x7f", "\\u007F")


def _json(text: str) -> str:
    """Inside a double-quoted string of JSON or JavaScript."""
    return json.dumps(text)[1:-1]


# The files with places in them; each place stands inside a double-quoted string.
_QUOTED: Mapping[str, Callable[[str], str]] = {
    "shopify.app.toml": _toml,
    "shared/address.json": _json,
    "extensions/regulars-theme/assets/regulars.js": _json,
}
