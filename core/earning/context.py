"""What settlement needs to know besides the order."""

from dataclasses import dataclass
from datetime import datetime

from core.ids import MerchantId
from core.merchants.queries import MerchantView, ShopView
from core.ports import Capability
from core.sealing import Vault


@dataclass(frozen=True)
class Settling:
    """Whose order it is, what the platform can do, and what time it is. Vault: a new member gets a sealed erasure key.

    `merchant`: given by who settles many orders in one transaction, else it is read with the order.
    """

    vault: Vault
    merchant_id: MerchantId
    shop: ShopView
    capabilities: frozenset[Capability]
    now: datetime
    shop_is_healthy: bool = True
    merchant: MerchantView | None = None
