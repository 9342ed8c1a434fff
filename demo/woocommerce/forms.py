"""Reading the nested parts of what clients write: addresses, meta data, amounts."""

from collections.abc import Mapping
from dataclasses import fields, replace
from decimal import InvalidOperation
from typing import Any

from demo.shop.entities import Address, Meta
from demo.shop.money import minor
from demo.shop.store import Store
from demo.woocommerce.errors import invalid_param

NAMES = frozenset(field.name for field in fields(Address))


def merged_address(address: Address, given: object) -> Address:
    """The address with the given fields changed; unknown fields are ignored."""
    if not isinstance(given, Mapping):
        return address
    changes = {str(name): str(value or "") for name, value in given.items() if name in NAMES}
    return replace(address, **changes)


def merged_meta(store: Store, rows: list[Meta], given: object) -> list[Meta]:
    """Meta rows are changed by id or key; a null value removes one."""
    result = list(rows)
    for item in given if isinstance(given, list) else []:
        key, value = str(item.get("key", "")), item.get("value")
        old = next((row for row in result if row.id == item.get("id") or (not item.get("id") and row.key == key)), None)
        if old is None:
            if value is not None:
                result.append(store.meta(key, value))
        elif value is None:
            result.remove(old)
        else:
            old.value = value
    return result


def amount(given: Mapping[str, Any], name: str, default: int) -> int:
    """Cents of a field that may be text or a number; missing or empty is the default."""
    value = given.get(name)
    if value is None or value == "":
        return default
    try:
        return minor(value)
    except (ArithmeticError, InvalidOperation) as error:
        raise invalid_param(name, f"{name} is not of type number.", code="rest_invalid_type") from error
