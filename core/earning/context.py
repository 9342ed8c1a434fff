"""What settlement needs to know besides the order."""

from dataclasses import dataclass
from datetime import datetime

from core.ids import MerchantId
from core.merchants.queries import ShopView
from core.ports import Capability
from core.sealing import Vault


@dataclass(frozen=True)
class Settling:
    """Whose order it is, what the platform can do, and what time it is. Vault: a new member gets a sealed erasure key."""

    vault: Vault
    merchant_id: MerchantId
    shop: ShopView
    capabilities: frozenset[Capability]
    now: datetime
    shop_is_healthy: bool = True
