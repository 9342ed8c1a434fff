"""The recorded traffic of the real shops, and how an answer of ours is held against it."""

import json
import re
from pathlib import Path
from typing import Any

FOLDERS = {"11.0.1": "captured", "8.2.2": "captured_wc8.2_legacy"}
ROOT = Path(__file__).parent.parent / "payloads" / "woocommerce"

# What differs from shop to shop and run to run: only the type must be the same.
VOLATILE = {
    "arg",
    "log_directory",
    "id", "key_id", "parent_id", "order_id", "order_number", "order_key", "number", "date_created",
    "date_created_gmt", "date_modified", "date_modified_gmt", "date_completed", "date_completed_gmt", "date_paid",
    "date_paid_gmt", "date_expires", "date", "name", "slug", "method_title", "payment_url", "permalink", "href",
    "redirect_url", "cart_hash", "avatar_url", "code", "removed_coupons", "message", "customer_user_agent",
    "customer_id", "delivery_url", "secret", "value", "display_value", "price", "home_url", "site_url", "store_id",
    "server_info", "server_architecture", "curl_version", "mysql_version_string", "email", "username", "Items",
    "payment_method_title", "consumer_key", "consumer_secret", "description", "secure_connection",
}  # fmt: skip
# Lists whose length is the shop's own business; every element must have one of the recorded shapes.
OPEN_LISTS = frozenset({"meta_data", "payment_methods", "enabled_features", "email_restrictions"})
# Where the recorded value is null or a date, depending on the moment.
NULLABLE = frozenset({"date_expires", "date_expires_gmt", "date_modified", "date_modified_gmt"})


def names(version: str, *, prefix: str) -> list[str]:
    return sorted(path.stem for path in (ROOT / FOLDERS[version]).glob(f"{prefix}*.json"))


def load(version: str, name: str) -> Any:
    return json.loads((ROOT / FOLDERS[version] / f"{name}.json").read_text())


def differences(recorded: Any, ours: Any, *, values: bool = True, at: str = "") -> list[str]:
    """Where our answer is not like the recorded one: missing or extra keys, other types, other values."""
    key = at.rsplit(".", 1)[-1].split("[")[0]
    if isinstance(recorded, dict) and isinstance(ours, dict):
        if key in VOLATILE and key != "value" and key != "display_value":
            return []
        found = [f"{at}: keys {list(ours)} instead of {list(recorded)}"] if list(recorded) != list(ours) else []
        shared = [name for name in recorded if name in ours]
        return found + [
            line
            for name in shared
            for line in differences(recorded[name], ours[name], values=values, at=f"{at}.{name}")
        ]
    if isinstance(recorded, list) and isinstance(ours, list):
        return _list_differences(recorded, ours, values=values, at=at, key=key)
    if _kind(recorded) != _kind(ours):
        return [] if key in NULLABLE and None in (recorded, ours) else [f"{at}: {ours!r} instead of {recorded!r}"]
    if key in {"code", "message"} and _worded(recorded):
        return [] if _plain(recorded) == _plain(ours) else [f"{at}: {ours!r} instead of {recorded!r}"]
    if values and key not in VOLATILE and recorded != ours:
        return [f"{at}: {ours!r} instead of {recorded!r}"]
    return []


def _list_differences(recorded: list[Any], ours: list[Any], *, values: bool, at: str, key: str) -> list[str]:
    if key in OPEN_LISTS:
        if not recorded:
            return []
        return [
            f"{at}[{position}]: {element!r} has none of the recorded shapes"
            for position, element in enumerate(ours)
            if all(differences(like, element, values=False, at=at) for like in recorded)
        ]
    if len(recorded) != len(ours):
        return [f"{at}: {len(ours)} elements instead of {len(recorded)}"]
    pairs = enumerate(zip(recorded, ours, strict=True))
    return [line for n, (old, new) in pairs for line in differences(old, new, values=values, at=f"{at}[{n}]")]


def _worded(recorded: str) -> bool:
    """Error codes and messages, but not the codes of coupons."""
    return recorded.startswith(("woocommerce", "rest_")) or " " in recorded


def _plain(text: str) -> str:
    return re.sub(r"lo[yz](al)?-[\d-]+", "CODE", text.replace("nope-123", "CODE"))


def _kind(value: Any) -> str:
    """JSON has one kind of number."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number"
    return type(value).__name__
