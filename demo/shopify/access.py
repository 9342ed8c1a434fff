"""Who may read what: access scopes, and fields of protected customer data that the app was not approved for."""

from collections.abc import Iterable

from graphql import GraphQLError

from demo.shopify.site import Site

# By coordinate: the scope that a token needs.
NEEDS = {
    "Customer.storeCreditAccounts": "read_store_credit_accounts",
    "Mutation.discountCodeBasicCreate": "write_discounts",
    "Mutation.discountCodeDelete": "write_discounts",
    "Mutation.discountCodeFreeShippingCreate": "write_discounts",
    "Mutation.giftCardCreate": "write_gift_cards",
    "Mutation.giftCardDeactivate": "write_gift_cards",
    "Mutation.storeCreditAccountCredit": "write_store_credit_account_transactions",
    "Order.customer": "read_customers",
    "QueryRoot.codeDiscountNodeByCode": "read_discounts",
    "QueryRoot.customer": "read_customers",
    "QueryRoot.customers": "read_customers",
    "QueryRoot.giftCards": "read_gift_cards",
    "QueryRoot.order": "read_orders",
    "QueryRoot.orders": "read_orders",
    "QueryRoot.refund": "read_orders",
    "QueryRoot.storeCreditAccount": "read_store_credit_accounts",
    "LineItem.product": "read_products",
}
# Scopes that bring others along.
BRINGS = {
    "read_store_credit_accounts": ("write_store_credit_account_transactions", "read_store_credit_account_transactions")
}
DOCUMENTATION = "https://shopify.dev/api/usage/access-scopes"
PROTECTED_DOCUMENTATION = "https://shopify.dev/docs/apps/launch/protected-customer-data"


def denial(site: Site, scopes: tuple[str, ...], coordinate: str) -> GraphQLError | None:
    """The error that stands for this field, if it is kept from the app."""
    parent, _, field = coordinate.partition(".")
    if coordinate in site.unapproved():
        what = f"use the {field} field" if parent == "Customer" else "access the Customer object"
        return GraphQLError(
            f"This app is not approved to {what}. See {PROTECTED_DOCUMENTATION} for more details.",
            extensions={"code": "ACCESS_DENIED", "documentation": PROTECTED_DOCUMENTATION},
        )
    scope = NEEDS.get(coordinate)
    if scope is None or site.has_scope(scope, scopes) or any(each in scopes for each in BRINGS.get(scope, ())):
        return None
    need = f"`{scope}` access scope."
    return GraphQLError(
        f"Access denied for {field} field. Required access: {need}",
        extensions={"code": "ACCESS_DENIED", "documentation": DOCUMENTATION, "requiredAccess": need},
    )


def first_denied(site: Site, scopes: tuple[str, ...], coordinates: Iterable[str]) -> str:
    """The first of these fields that is kept from the app; empty for none."""
    return next((each for each in coordinates if denial(site, scopes, each) is not None), "")
