"""The link by which staff see the widget in the shop before shoppers do. Signed, for one shop, for a while; it only shows."""

import hmac
from datetime import datetime

from core.sealing import Vault

PURPOSE = "widget-preview"
PARAMETER = "regulars_preview"


def preview_token(vault: Vault, shop_key: str, *, expires_at: datetime) -> str:
    """Goes into a page's address of the shop as ?regulars_preview=…"""
    seconds = str(int(expires_at.timestamp()))
    return f"{seconds}.{_signature(vault, shop_key, seconds)}"


def is_valid(token: str | None, vault: Vault, shop_key: str, *, now: datetime) -> bool:
    seconds, _, signature = (token or "").partition(".")
    expected = _signature(vault, shop_key, seconds)
    if not hmac.compare_digest(signature.encode(), expected.encode()):
        return False
    return int(seconds) > now.timestamp()


def _signature(vault: Vault, shop_key: str, seconds: str) -> str:
    return hmac.new(vault.derived(PURPOSE), f"{shop_key}.{seconds}".encode(), "sha256").hexdigest()
