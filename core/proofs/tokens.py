"""The token by which a browser is known again: ours, for one customer of one shop, good for 120 days. Pure.

    base64url(customer) . version . expiry . HMAC of these with the merchant and the shop

The key never leaves this server, and is no shop's. Raising a customer's version ends all tokens made before.
"""

import base64
import binascii
import hmac
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.errors import SignatureInvalid
from core.ids import MerchantId, ShopId
from core.sealing import Vault

LIFE = timedelta(days=120)
CUSTOMER = r"[A-Za-z0-9-]{1,64}"
LONGEST = 256
_PURPOSE = "remembered-shopper"
_FORM = re.compile(r"([A-Za-z0-9_-]{2,88})\.([0-9]{1,9})\.([0-9]{1,12})\.([0-9a-f]{64})")
_NO_FORM = ("", "0", "0", "0" * 64)


@dataclass(frozen=True)
class Remembered:
    customer_id: str
    version: int


def issue(
    vault: Vault, merchant_id: MerchantId, shop_id: ShopId, *, customer_id: str, version: int, now: datetime
) -> str:
    named = base64.urlsafe_b64encode(customer_id.encode()).decode().rstrip("=")
    said = (named, str(version), str(int((now + LIFE).timestamp())))
    return ".".join((*said, _signature(vault, merchant_id, shop_id, said)))


def read(vault: Vault, merchant_id: MerchantId, shop_id: ShopId, token: str, *, now: datetime) -> Remembered:
    """What a token of this shop says. Raises SignatureInvalid, without a word on what was wrong.

    Whether its version still counts is not known here.
    """
    found = _FORM.fullmatch(token[:LONGEST])
    named, version, expires, signature = found.groups() if found else _NO_FORM
    expected = _signature(vault, merchant_id, shop_id, (named, version, expires))
    if not hmac.compare_digest(signature, expected) or int(expires) <= now.timestamp():
        raise SignatureInvalid("This is no token of this shop")
    try:
        customer_id = base64.urlsafe_b64decode(named + "=" * (-len(named) % 4)).decode("ascii")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise SignatureInvalid("This is no token of this shop") from error
    return Remembered(customer_id, int(version))


def _signature(vault: Vault, merchant_id: MerchantId, shop_id: ShopId, said: tuple[str, str, str]) -> str:
    text = json.dumps([merchant_id, shop_id, *said])
    return hmac.new(vault.derived(_PURPOSE), text.encode(), "sha256").hexdigest()
