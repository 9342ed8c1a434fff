"""One shop's Admin API, and every operation that we send there."""

from collections.abc import Mapping

from connectors.graphql import GraphQLClient, load_operation
from connectors.shopify import money_shapes, shapes
from connectors.transport import Transport
from core.errors import InvalidInput
from core.ports import Installation

VERSION = "2026-10"
TOKEN_HEADER = "X-Shopify-Access-Token"  # noqa: S105

_HERE = "connectors.shopify"
_PERSONAL = ("firstName", "lastName", "defaultEmailAddress")

ORDER = load_operation(_HERE, "order", shapes.OrderAnswer, tolerates=[f"order.customer.{name}" for name in _PERSONAL])
ORDER_LINES = load_operation(_HERE, "order_lines", shapes.OrderLinesAnswer)
ORDERS_BY_CHANGE = load_operation(_HERE, "orders_by_change", shapes.OrdersAnswer)
REFUND_LINES = load_operation(_HERE, "refund_lines", shapes.RefundLinesAnswer)
CUSTOMER = load_operation(
    _HERE, "customer", shapes.CustomerAnswer, tolerates=[f"customer.{name}" for name in _PERSONAL]
)
CUSTOMERS = load_operation(
    _HERE, "customers", shapes.CustomersAnswer, tolerates=[f"customers.nodes.{name}" for name in _PERSONAL]
)
SHOP = load_operation(_HERE, "shop", shapes.ShopAnswer, tolerates=[f"customers.nodes.{name}" for name in _PERSONAL])
BASIC_CREATE = load_operation(_HERE, "discount_basic_create", shapes.BasicCreateAnswer)
FREE_SHIPPING_CREATE = load_operation(_HERE, "discount_free_shipping_create", shapes.FreeShippingCreateAnswer)
BY_CODE = load_operation(_HERE, "discount_by_code", shapes.CodeAnswer)
DELETE = load_operation(_HERE, "discount_delete", shapes.DeleteAnswer)
GIFT_CARD_CREATE = load_operation(_HERE, "gift_card_create", money_shapes.GiftCardCreateAnswer)
GIFT_CARDS_BY_CODE = load_operation(_HERE, "gift_cards_by_code", money_shapes.GiftCardsAnswer)
GIFT_CARD_DEACTIVATE = load_operation(_HERE, "gift_card_deactivate", money_shapes.GiftCardDeactivateAnswer)
CREDIT_ACCOUNTS = load_operation(_HERE, "store_credit_accounts", money_shapes.CreditAccountsAnswer)
CREDIT_MOVEMENTS = load_operation(_HERE, "store_credit_movements", money_shapes.CreditMovementsAnswer)
CREDIT_GIVE = load_operation(_HERE, "store_credit_give", money_shapes.CreditGiveAnswer)
BULK_RUN = load_operation(_HERE, "bulk_run", shapes.BulkRunAnswer)
BULK_STATUS = load_operation(_HERE, "bulk_status", shapes.BulkStatusAnswer)


def client_of(installation: Installation, transport: Transport) -> GraphQLClient:
    """The client of a shop. Raises InvalidInput for credentials without a token."""
    token = installation.credentials.get("access_token")
    if not token:
        raise InvalidInput("The installation has no access_token", field="credentials")
    url = f"{origin_of(installation.base_url, installation.credentials)}/admin/api/{VERSION}/graphql.json"
    return GraphQLClient(url, transport, headers={TOKEN_HEADER: token})


def origin_of(base_url: str, credentials: Mapping[str, str]) -> str:
    """Where calls to the shop go: to itself, or to the stand-in that its app names."""
    return credentials.get("origin") or base_url
