"""Bearers that we make ourselves, for pages in the frame of a platform that gives them none. Pure.

One is good for about an hour, for one app, one shop and one person, and until the person is deactivated.
"""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.errors import SignatureInvalid
from core.ids import ShopId, StaffId

PURPOSE = "embedded-bearer"  # of the key, see core.sealing
LONGEST_LIFE = timedelta(hours=1)
_LONGEST = 500


@dataclass(frozen=True)
class Bearer:
    """`session_epoch`: of the person's row, which goes on when their sessions are ended."""

    app_key: str
    shop_id: ShopId
    staff_id: StaffId
    session_epoch: int
    expires_at: datetime


def written(bearer: Bearer, key: bytes) -> str:
    """As it goes to the page. `key`: of this purpose."""
    ends = int(bearer.expires_at.timestamp())
    said = f"{bearer.app_key}.{bearer.shop_id}.{bearer.staff_id}.{bearer.session_epoch}.{ends}"
    return f"{said}.{_seal(said, key)}"


def read(text: str, key: bytes, *, app_key: str, now: datetime) -> Bearer:
    """What we wrote for this app, while it is good. Raises SignatureInvalid."""
    said, _, seal = text.rpartition(".")
    if not hmac.compare_digest(_seal(said, key).encode(), seal.encode("utf-8", "replace")) or len(text) > _LONGEST:
        raise SignatureInvalid("This was not written here")
    named, shop_id, staff_id, epoch, ends = said.split(".")
    expires_at = datetime.fromtimestamp(int(ends), UTC)
    if named != app_key:
        raise SignatureInvalid("This was written for another app")
    if not now < expires_at <= now + LONGEST_LIFE:
        raise SignatureInvalid("This is not good any more")
    return Bearer(named, ShopId(shop_id), StaffId(staff_id), int(epoch), expires_at)


def _seal(said: str, key: bytes) -> str:
    return hmac.new(key, said.encode("utf-8", "replace"), "sha256").hexdigest()
