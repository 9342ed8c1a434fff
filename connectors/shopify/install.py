"""What a shop is, and whether its tie to us is well. Its webhooks stand in the app's own configuration (shopify.app.toml)."""

from collections.abc import Mapping
from datetime import datetime

from connectors.graphql import GraphQLClient
from connectors.shopify import api
from connectors.shopify.details import ALL, GRANTED, NAMES, ORDERS_REACH
from connectors.shopify.domains import domain_of
from connectors.shopify.shapes import ShopAnswer
from connectors.shopify.tokens import missing_scopes
from core.commerce import Health, ShopFacts
from core.errors import (
    AddressRefused,
    CredentialsRefused,
    NotJson,
    PlatformError,
    RateLimited,
    ShopUnavailable,
    Unreadable,
)
from core.money import exponent
from core.ports import Installation

# What the app cannot do without; what it may ask for besides stands in storefront/shopify.app.toml.
SCOPES = frozenset({"read_orders", "read_customers", "write_discounts"})
ALL_ORDERS = "read_all_orders"

# Words for what `health` finds. The admin has a sentence for each.
PROBLEM: Mapping[type[PlatformError], str] = {
    CredentialsRefused: "key_refused",
    AddressRefused: "address_refused",
    ShopUnavailable: "shop_unavailable",
    RateLimited: "rate_limited",
    NotJson: "not_json",
}
UNREACHABLE = "unreachable"
SCOPES_MISSING = "scopes_missing"


class ShopifyInstaller:
    def __init__(self, client: GraphQLClient, installation: Installation) -> None:
        self._client = client
        self._installation = installation

    def facts(self) -> ShopFacts:
        """Raises Unreadable where the token is another shop's, PlatformError for a token that does not work."""
        found, names = self._read()
        shop = found.shop
        exponent(shop.currency_code)
        return ShopFacts(
            name=shop.name,
            currency=shop.currency_code,
            timezone=shop.iana_timezone,
            storefront_url=shop.primary_domain.url.rstrip("/"),
            version=api.VERSION,
            details=_details(found, names=names),
        )

    def subscribe(self, *, address: str, secret: str) -> None:
        """Nothing: the app's configuration subscribes for every shop that installs it; by API they would come twice."""

    def uninstall(self, *, address: str) -> None:
        """Nothing, for the same reason: the merchant removes the app in the shop's own admin."""

    def health(self, *, address: str, now: datetime) -> Health:
        """What cannot be reached is a problem, not an error. Whether messages come, only time tells."""
        try:
            found, names = self._read()
        except PlatformError as error:
            word = next((word for kind, word in PROBLEM.items() if isinstance(error, kind)), UNREACHABLE)
            return Health(checked_at=now, problems=(word,), details={"why": error.message})
        missing = missing_scopes((each.handle for each in found.current_app_installation.access_scopes), SCOPES)
        details = _details(found, names=names) | ({"missing_scopes": " ".join(sorted(missing))} if missing else {})
        problems = (SCOPES_MISSING,) if missing else ()
        return Health(checked_at=now, problems=problems, version=api.VERSION, details=details)

    def _read(self) -> tuple[ShopAnswer, bool]:
        """The shop, and whether we may read the names of its customers."""
        answer = self._client.execute_partly(api.SHOP)
        found = answer.data
        if found.shop.myshopify_domain != domain_of(self._installation.base_url):
            raise Unreadable("Another shop answered than the one asked.", code="other_shop")
        return found, not answer.refusals


def _details(found: ShopAnswer, *, names: bool) -> dict[str, str]:
    shop, scopes = found.shop, sorted(each.handle for each in found.current_app_installation.access_scopes)
    return {
        "plan": shop.plan.public_display_name,
        "customer_accounts": shop.customer_accounts_v2.customer_accounts_version,
        "scopes": " ".join(scopes),
        NAMES: GRANTED if names else "not granted",
        # Without it Shopify shows the orders of the last 60 days only.
        ORDERS_REACH: ALL if ALL_ORDERS in scopes else "60 days",
    }
