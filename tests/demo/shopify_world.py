"""The surroundings of a fake Shopify in tests: a clock to turn, an app that calls it, operations in our own words."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests

from demo.shopify.app_config import SCOPES, AppConfig
from demo.shopify.fake_shop import FakeShopify
from demo.shopify.server import RunningShopify, start_in_thread
from tests.demo.world import Clock

ALL_SCOPES = (*SCOPES, "read_all_orders")
MONEY = "{ shopMoney { amount currencyCode } }"
ORDER = f"""
query One($id: ID!) {{
  order(id: $id) {{
    id legacyResourceId test edited cancelledAt displayFinancialStatus taxesIncluded discountCodes updatedAt
    customer {{ id }}
    subtotalPriceSet {MONEY} totalPriceSet {MONEY} totalTaxSet {MONEY} totalDiscountsSet {MONEY}
    currentSubtotalPriceSet {MONEY} currentTotalPriceSet {MONEY}
    totalShippingPriceSet {MONEY} netPaymentSet {MONEY} totalTipReceivedSet {MONEY}
    lineItems(first: 50) {{ nodes {{
      id quantity currentQuantity isGiftCard originalTotalSet {MONEY} priceAfterAllDiscountsBeforeTaxesSet {MONEY}
      taxLines {{ priceSet {MONEY} }}
      discountAllocations {{ allocatedAmountSet {MONEY} discountApplication {{ index }} }}
    }} }}
    discountApplications(first: 10) {{ nodes {{ index targetType ... on DiscountCodeApplication {{ code }} }} }}
    transactions(first: 10) {{ kind status }}
    refunds(first: 10) {{
      id totalRefundedSet {MONEY}
      refundLineItems(first: 10) {{ nodes {{
        quantity subtotalSet {MONEY} totalTaxSet {MONEY} lineItem {{ id }} }} }}
      refundShippingLines(first: 5) {{ nodes {{ subtotalAmountSet {MONEY} }} }}
      orderAdjustments(first: 5) {{ nodes {{ reason amountSet {MONEY} }} }}
    }}
  }}
}}
"""
BASIC_CREATE = """
mutation Make($discount: DiscountCodeBasicInput!) {
  discountCodeBasicCreate(basicCodeDiscount: $discount) {
    codeDiscountNode { id codeDiscount { __typename ... on DiscountCodeBasic {
      status usageLimit asyncUsageCount endsAt
      codes(first: 1) { nodes { code } }
      context { __typename ... on DiscountCustomers { customers { id } } }
    } } }
    userErrors { code field message }
  }
}
"""


class World:
    """One shop with the app installed, and its token in hand."""

    def __init__(self, running: RunningShopify, clock: Clock, scopes: tuple[str, ...]) -> None:
        self.running = running
        self.clock = clock
        self.shop: FakeShopify = running.shop
        self.url = running.url
        self.token = self.shop.access_token(scopes=scopes)

    def post(
        self, query: str, variables: dict[str, Any] | None = None, *, version: str = "2026-10"
    ) -> requests.Response:
        return requests.post(
            f"{self.url}/admin/api/{version}/graphql.json",
            json={"query": query, "variables": variables or {}},
            headers={"X-Shopify-Access-Token": self.token},
            timeout=20,
        )

    def ask(self, text: str, /, **variables: Any) -> dict[str, Any]:
        """The whole body of an answer with status 200."""
        answer = self.post(text, variables)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def data(self, text: str, /, **variables: Any) -> dict[str, Any]:
        """The data of an answer without errors."""
        body = self.ask(text, **variables)
        assert "errors" not in body, json.dumps(body["errors"])
        found: dict[str, Any] = body["data"]
        return found

    def order(self, order_id: int) -> dict[str, Any]:
        found: dict[str, Any] = self.data(ORDER, id=self.shop.gid("Order", order_id))["order"]
        return found

    def make(self, code: str, /, **changes: Any) -> dict[str, Any]:
        """A code of 5.00 for everybody, as changed."""
        wanted = {**discount(code), **changes}
        found: dict[str, Any] = self.data(BASIC_CREATE, discount=wanted)["discountCodeBasicCreate"]
        return found


def discount(code: str) -> dict[str, Any]:
    return {
        "title": f"Reward {code}",
        "code": code,
        "startsAt": "2026-01-01T00:00:00Z",
        "context": {"all": "ALL"},
        "customerGets": {
            "value": {"discountAmount": {"amount": "5.00", "appliesOnEachItem": False}},
            "items": {"all": True},
        },
    }


def amount(bag: dict[str, Any]) -> str:
    found: str = bag["shopMoney"]["amount"]
    return found


@contextmanager
def opened(scopes: tuple[str, ...] = ALL_SCOPES, **options: Any) -> Iterator[World]:
    """An empty shop unless told otherwise, its clock standing still."""
    clock = Clock()
    settings = {"order_count": 0, "customer_count": 0, "clock": clock, **options}
    running = start_in_thread(**settings)
    try:
        yield World(running, clock, scopes)
    finally:
        running.stop()


__all__ = ["ALL_SCOPES", "AppConfig", "World", "amount", "discount", "opened"]
