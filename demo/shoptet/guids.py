"""The GUIDs of the platform: UUIDs of version 1 by their looks, and the shop's own small ids can be read back from them."""

import re

KINDS = (
    "customer", "account", "product", "order", "template", "payment", "shipping", "category", "channel", "address",
)  # fmt: skip
_SHAPE = re.compile(r"^([0-9a-f]{8})-2e7b-11f0-9a([0-9a-f]{2})-0242([0-9a-f]{8})$")
_SPREAD = 0x9E3779B1


def guid(kind: str, own_id: int) -> str:
    first = (own_id * _SPREAD + KINDS.index(kind)) & 0xFFFFFFFF
    return f"{first:08x}-2e7b-11f0-9a{KINDS.index(kind):02x}-0242{own_id:08x}"


def own_id(kind: str, text: str) -> int:
    """The shop's own id behind a GUID of that kind; 0 for anything else."""
    found = _SHAPE.match(text)
    if found is None:
        return 0
    number = int(found.group(3), 16)
    return number if guid(kind, number) == text else 0
