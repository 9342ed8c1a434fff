"""The plugin as a zip for one shop: what lies in storefront/, plus a file by which it pairs itself when it is activated."""

import io
from importlib.resources import files
from importlib.resources.abc import Traversable
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

SLUG = "regulars"
FILE_NAME = "regulars.zip"
PAIRING_FILE = f"{SLUG}/regulars-pairing.php"
_STAMP = (2020, 1, 1, 0, 0, 0)  # the same content makes the same zip
_LEFT_OUT = frozenset({"__pycache__", "node_modules", "vendor", "tests"})

_PAIRING = """<?php
defined( 'ABSPATH' ) || exit;
return array(
\t'server_url'   => '{server_url}',
\t'shop_key'     => '{shop_key}',
\t'pairing_code' => '{pairing_code}',
);
"""


def plugin_zip(*, server_url: str, shop_key: str, pairing_code: str) -> bytes:
    """Ready to be uploaded in WordPress. The code in it works once."""
    pairing = _PAIRING.format(server_url=_php(server_url), shop_key=_php(shop_key), pairing_code=_php(pairing_code))
    content = io.BytesIO()
    with ZipFile(content, "w", ZIP_DEFLATED) as archive:
        _add_folder(archive, files("connectors.woocommerce") / "storefront" / SLUG, SLUG)
        _add(archive, PAIRING_FILE, pairing.encode())
    return content.getvalue()


def connection_line(*, server_url: str, shop_key: str, pairing_code: str) -> str:
    """The same as one line to paste into the plugin's settings."""
    return f"{server_url}|{shop_key}|{pairing_code}"


def _add_folder(archive: ZipFile, folder: Traversable, path: str) -> None:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.startswith(".") or entry.name in _LEFT_OUT:
            continue
        if entry.is_dir():
            _add_folder(archive, entry, f"{path}/{entry.name}")
        else:
            _add(archive, f"{path}/{entry.name}", entry.read_bytes())


def _add(archive: ZipFile, path: str, content: bytes) -> None:
    info = ZipInfo(path, _STAMP)
    info.compress_type = ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    archive.writestr(info, content)


def _php(text: str) -> str:
    """Inside a single-quoted PHP string."""
    return text.replace("\\", "\\\\").replace("'", "\\'")
