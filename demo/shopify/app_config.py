"""What the fake platform knows of the app: the part of an app's registration that a shop ever feels."""

from collections.abc import Mapping
from dataclasses import dataclass, field

TOPICS = (
    "app/scopes_update",
    "app/uninstalled",
    "bulk_operations/finish",
    "customers/create",
    "customers/data_request",
    "customers/delete",
    "customers/merge",
    "customers/redact",
    "customers/update",
    "discounts/delete",
    "orders/cancelled",
    "orders/create",
    "orders/delete",
    "orders/edited",
    "orders/paid",
    "orders/updated",
    "refunds/create",
    "shop/redact",
)
SCOPES = (
    "read_customer_merge",
    "read_customers",
    "read_orders",
    "read_products",
    "write_app_proxy",
    "write_discounts",
    "write_gift_cards",
    "write_store_credit_account_transactions",
)


@dataclass(frozen=True)
class AppConfig:
    """`secrets`: newest first; what is signed is signed with the first. An empty address: the app has none of that kind.

    `webhook_url` takes all `topics`, of some only the fields in `include_fields`; `proxy_url` is where calls of
    /apps/regulars/... go; `redirect_urls` are those that the code grant may return to.
    """

    client_id: str = "0123456789abcdef0123456789abcdef"
    secrets: tuple[str, ...] = ("shpss_0123456789abcdef0123456789abcdef",)
    app_url: str = ""
    webhook_url: str = ""
    proxy_url: str = ""
    redirect_urls: tuple[str, ...] = ()
    scopes: tuple[str, ...] = SCOPES
    optional_scopes: tuple[str, ...] = ()
    topics: tuple[str, ...] = TOPICS
    include_fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    handle: str = "regulars"
    name: str = "Regulars"

    @property
    def secret(self) -> str:
        return self.secrets[0]
