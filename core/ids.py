"""Identifiers: time-ordered (UUIDv7), made by the app, opaque; 32 hexadecimal digits everywhere but in PostgreSQL's uuid."""

import secrets
from typing import NewType

from uuid_utils import uuid7

MerchantId = NewType("MerchantId", str)
ShopId = NewType("ShopId", str)
StaffId = NewType("StaffId", str)
MemberId = NewType("MemberId", str)
OrderId = NewType("OrderId", str)
RedemptionId = NewType("RedemptionId", str)
LotId = NewType("LotId", str)
PostingId = NewType("PostingId", str)
ProgramVersionId = NewType("ProgramVersionId", str)


def new_id() -> str:
    """A new identifier. Time-ordered only so that index pages stay warm: nothing may sort by it or read a time from it."""
    return uuid7().hex


def new_shop_key() -> str:
    """The public name of a shop in addresses and pages: 128 random bits, so that it cannot be guessed or counted."""
    return secrets.token_hex(16)


def new_secret() -> str:
    """256 random bits as text, for keys and one-time links."""
    return secrets.token_urlsafe(32)


# No 0/O, 1/I/L, U: a code may be read out over the phone.
CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 17  # 30^17 = 2^83: more than 80 bits, so that codes cannot be searched for


def new_code(prefix: str = "", *, length: int = CODE_LENGTH) -> str:
    """A discount code, upper case, of so many random characters. Platforms may lower-case it: compare by `normal_code`."""
    return prefix + "".join(secrets.choice(CODE_ALPHABET) for _ in range(length))


def normal_code(code: str) -> str:
    return code.strip().upper()
