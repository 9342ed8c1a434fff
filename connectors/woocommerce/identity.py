"""What our plugin in the shop signs: who its shopper is (a token), and that an order may have changed (a nudge).

Keys come from pairing, and are kept as they were handed over then: base64url of 32 random bytes.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from connectors.shopper_tokens import NO_KEY, key_of
from connectors.woocommerce.client import read_json
from core.errors import InvalidInput, SignatureInvalid

NUDGE_WINDOW = timedelta(minutes=15)
_SIGNED = re.compile(r"v1=([0-9a-f]{64})")


class WooNudgeReader:
    def verify_nudge(self, body: bytes, headers: Mapping[str, str], *, keys: Mapping[str, str], now: datetime) -> str:
        """The id of the order. Raises SignatureInvalid for a wrong signature or time, InvalidInput for its form.

        A nudge that is sent again within its quarter of an hour costs one read of the order and changes nothing.
        """
        key = key_of(keys, headers.get("x-regulars-kid", ""))
        given = _SIGNED.fullmatch(headers.get("x-regulars-signature", ""))
        expected = hmac.new(key or NO_KEY, body, hashlib.sha256).hexdigest()
        matches = hmac.compare_digest(expected, given.group(1) if given else "")
        if key is None or not matches:
            raise SignatureInvalid("The nudge is not signed by this shop")
        nudge = read_json(body)
        if not isinstance(nudge, dict):
            raise InvalidInput("The nudge is not an object")
        order, at, nonce = nudge.get("order"), nudge.get("at"), nudge.get("nonce")
        if not isinstance(order, str) or not re.fullmatch(r"[1-9][0-9]{0,19}", order):
            raise InvalidInput("The nudge names no order")
        if not isinstance(nonce, str) or not isinstance(at, int) or isinstance(at, bool):
            raise InvalidInput("The nudge has no time or no nonce")
        if abs(int(now.timestamp()) - at) > NUDGE_WINDOW.total_seconds():
            raise SignatureInvalid("The nudge is too old, or one of the clocks is wrong")
        return order
