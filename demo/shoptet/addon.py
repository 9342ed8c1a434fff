"""What the platform knows of the addon: the registration that its partner keeps at Shoptet."""

from dataclasses import dataclass

# endpoint -> (group id, group, what it is). The first word of a path under /api/ is the endpoint.
ENDPOINTS = {
    "eshop": (1, "E-shop", "E-shop info"),
    "orders": (2, "Orders", "List of orders"),
    "customers": (3, "Customers", "List of customers"),
    "discount-coupons": (4, "Discount coupons", "Discount coupons"),
    "webhooks": (5, "Webhooks", "Webhooks"),
    "template-include": (6, "Template include", "HTML codes of the addon"),
    "credit-notes": (7, "Credit notes", "Credit notes"),
    "pricelists": (8, "Price lists", "Price lists"),
    "products": (9, "Products", "List of products"),
    "system": (10, "System", "Endpoints, jobs"),
    "invoices": (11, "Invoices", "List of invoices"),
    "proof-payments": (12, "Proofs of payment", "List of proofs of payment"),
}


@dataclass(frozen=True)
class AddonConfig:
    """An empty address: the addon has none of that kind.

    `install_url` gets the code; `settings_url` may hold #OAUTH_CODE#, #SHOP_ID# and #LANGUAGE#; `login_url` is the
    "URL for user authorization", without which there is no #OAUTH_CODE#; `lifecycle_url` gets the addon:* events.
    `rights` are endpoints of ENDPOINTS that merchants have approved, `pending` those that wait for them.
    """

    client_id: str = "ae5d72b8964a08ed"
    client_secret: str = "shoasecret_" + "0123456789abcdef" * 4
    install_url: str = ""
    settings_url: str = ""
    login_url: str = ""
    lifecycle_url: str = ""
    rights: tuple[str, ...] = tuple(ENDPOINTS)
    pending: tuple[str, ...] = ()
    name: str = "Regulars"
