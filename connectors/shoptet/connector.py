"""The Shoptet connector: core.ports on Shoptet's REST API. What belongs to the addon and not to one shop is in app.py.

Read mapping.py for what Shoptet's words mean, client.py for how its refusals read.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from connectors.shopper_tokens import GUIDS, TokenIdentifier
from connectors.shoptet.client import Client
from connectors.shoptet.coupons import ShoptetDiscounts
from connectors.shoptet.customers import ShoptetCustomers
from connectors.shoptet.details import COUPON_TEMPLATE
from connectors.shoptet.gate import Gate, gate_of
from connectors.shoptet.install import ShoptetInstaller
from connectors.shoptet.notes import CreditNotes
from connectors.shoptet.orders import ShoptetOrders
from connectors.shoptet.snapshots import Snapshot
from connectors.shoptet.webhooks import ShoptetWebhookReader
from connectors.transport import AddressPolicy, Limits, Transport
from core.ports import Capability, Installation, Platform

# Not CODE_ON_ORDER, USAGE_NAMES_ORDER, BIND_TO_CUSTOMER, LONG_CODES: Shoptet knows none of it. Its documents say neither
# whether two checkouts at once can use one code nor whether cancelling gives it back: so not SINGLE_USE_IS_SAFE, but
# CANCEL_REVIVES_CODE, and a code is made dead before its points come back. Not FREE_PRODUCT: 100 % off a product makes
# every piece of it free.
CAPABILITIES = frozenset(
    {
        Capability.LIST_ORDERS_BY_CHANGE,
        Capability.CANCEL_REVIVES_CODE,
        Capability.FREE_SHIPPING,
        Capability.PERCENTAGE,
        Capability.MAILED_IDENTITY,
    }
)
_SECRETS = ("oauth_token", "access_token", "private_token", "client_secret")
# A host that knows no ranges hands over the whole file at once.
FILE_LIMITS = Limits(whole_s=120, body_bytes=64 * 1024 * 1024)


class ShoptetConnector:
    """One shop. Holds one HTTP session for its API and one for its files; safe to share by threads."""

    platform = Platform.SHOPTET
    capabilities = CAPABILITIES

    def __init__(
        self,
        installation: Installation,
        transport: Transport,
        files: Transport,
        gate: Gate,
        now: Callable[[], datetime],
    ) -> None:
        credentials = installation.credentials
        client = Client(credentials, transport, gate, origin=credentials.get("origin"))
        notes = CreditNotes(client)
        self.orders = ShoptetOrders(client, notes, Snapshot(client, files, "/api/orders/snapshot"), now=now)
        self.customers = ShoptetCustomers(client, Snapshot(client, files, "/api/customers/snapshot"))
        template = installation.details.get(COUPON_TEMPLATE)
        self.discounts = ShoptetDiscounts(client, template=template, timezone=installation.timezone)
        self.webhooks = ShoptetWebhookReader()
        self.installer = ShoptetInstaller(client, installation)
        self.shoppers = TokenIdentifier(GUIDS)


def connect(installation: Installation, policy: AddressPolicy) -> ShoptetConnector:
    """A connector for a shop. No call is made; credentials without a token raise InvalidInput."""
    credentials = installation.credentials
    secrets = tuple(credentials.get(name, "") for name in _SECRETS)
    # The rate is counted for the installation, whose access tokens come and go.
    grant = credentials.get("oauth_token") or credentials.get("private_token") or credentials.get("access_token", "")
    transport = Transport(policy, secrets=secrets)
    return ShoptetConnector(
        installation, transport, Transport(policy, limits=FILE_LIMITS), gate_of(grant), lambda: datetime.now(UTC)
    )
