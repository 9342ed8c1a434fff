"""The Shopify connector: core.ports on the Admin GraphQL API. What is proven by the app's secret is in app.py.

Read mapping.py for what Shopify's words mean, api.py for every operation that we send.
"""

from collections.abc import Mapping

from connectors.shopify.api import client_of
from connectors.shopify.bulk import PlacedOrders
from connectors.shopify.details import ALL, GRANTED, NAMES, ORDERS_REACH
from connectors.shopify.discounts import ShopifyDiscounts
from connectors.shopify.install import ShopifyInstaller
from connectors.shopify.orders import ShopifyCustomers, ShopifyOrders
from connectors.shopify.webhooks import ShopifyWebhookReader
from connectors.shopper_tokens import TokenIdentifier
from connectors.transport import AddressPolicy, Transport
from core.ports import Capability, Installation, Platform

# What every shop lets us do; see capabilities_of. Not FREE_PRODUCT: a discount of 100 % on a product makes every piece of it free.
CAPABILITIES = frozenset(
    {
        Capability.LIST_ORDERS_BY_CHANGE,
        Capability.CODE_ON_ORDER,
        Capability.LONG_CODES,
        Capability.SINGLE_USE_IS_SAFE,
        Capability.BIND_TO_CUSTOMER,
        Capability.FREE_SHIPPING,
        Capability.PERCENTAGE,
    }
)
NEW_ACCOUNTS = "NEW_CUSTOMER_ACCOUNTS"


class ShopifyConnector:
    """One shop. Holds one HTTP session for its API and one for its files; safe to share by threads."""

    platform = Platform.SHOPIFY

    def __init__(self, installation: Installation, transport: Transport, files: Transport) -> None:
        client = client_of(installation, transport)
        self.capabilities = capabilities_of(installation.details)
        details = installation.details
        placed = PlacedOrders(client, files, names=details.get(NAMES) == GRANTED)
        self.orders = ShopifyOrders(client, placed, whole_past=details.get(ORDERS_REACH) == ALL)
        self.customers = ShopifyCustomers(client)
        names_customers = "write_customers" in _scopes(installation.details)
        self.discounts = ShopifyDiscounts(client, self.capabilities, names_customers=names_customers)
        self.webhooks = ShopifyWebhookReader()
        self.installer = ShopifyInstaller(client, installation)
        self.shoppers = TokenIdentifier()


def connect(installation: Installation, policy: AddressPolicy) -> ShopifyConnector:
    """A connector for a shop. No call is made; credentials without a token raise InvalidInput."""
    secrets = tuple(
        installation.credentials.get(name, "") for name in ("access_token", "refresh_token", "client_secret")
    )
    return ShopifyConnector(installation, Transport(policy, secrets=secrets), Transport(policy))


def capabilities_of(details: Mapping[str, str]) -> frozenset[Capability]:
    """By what the shop granted and has switched on, as its facts said it (install.py)."""
    scopes, found = _scopes(details), set(CAPABILITIES)
    if "write_gift_cards" in scopes:
        found.add(Capability.GIFT_CARD)
    # Who signs in to the classic accounts cannot spend it.
    if "write_store_credit_account_transactions" in scopes and details.get("customer_accounts") == NEW_ACCOUNTS:
        found.add(Capability.STORE_CREDIT)
    return frozenset(found)


def _scopes(details: Mapping[str, str]) -> frozenset[str]:
    return frozenset(details.get("scopes", "").split())
