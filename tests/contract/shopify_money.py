"""Shops that may give money, for the tests of gift cards and store credit: the fake one, and one that answers as it is told."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from connectors import registry
from core.commerce import STORE_CREDIT_CODE, DiscountKind, DiscountRequest
from core.ports import Connector, Installation, Platform
from demo.shopify.entities import Credit, GiftCard
from tests.connectors.scripted import ScriptedServer, answer
from tests.contract.test_shopify import SHOP_KEY, Shopify

CARD, CREDIT = DiscountKind.GIFT_CARD, DiscountKind.STORE_CREDIT
UNTIL = datetime(2026, 12, 5, 23, 0, tzinfo=UTC)


@contextmanager
def money_shop() -> Iterator[Shopify]:
    """The fake shop, after we were told what it lets us do."""
    shop = Shopify()
    shop.details = dict(shop.connector().installer.facts().details)
    try:
        yield shop
    finally:
        shop.close()


def cards(shop: Shopify) -> list[GiftCard]:
    return list(shop.fake.site.gift_cards.values())


def credits_of(shop: Shopify) -> list[Credit]:
    return [credit for account in shop.fake.site.credit.values() for credit in account.credits]


def issue_with_a_lost_answer(shop: Shopify, request: DiscountRequest) -> str:
    shop.fake.faults.update({"lose_answers": True})
    made = shop.connector().discounts.issue(request)
    shop.fake.faults.clear()
    return made.external_id


def credit_request(code: str, **changes: Any) -> DiscountRequest:
    fields = {"currency": "EUR", "amount": 500, "valid_until": UNTIL, "customer_id": "7"}
    return DiscountRequest(**{"code": STORE_CREDIT_CODE + code, "kind": CREDIT, **fields, **changes})


def scripted(server: ScriptedServer) -> Connector:
    details = {
        "scopes": "write_gift_cards write_store_credit_account_transactions",
        "customer_accounts": "NEW_CUSTOMER_ACCOUNTS",
    }
    installation = Installation(
        shop_key=SHOP_KEY,
        platform=Platform.SHOPIFY,
        base_url="https://fernway.myshopify.com",
        credentials={"access_token": "shpat_0123456789abcdef", "origin": server.url},
        details=details,
    )
    return registry.connect(installation, policy=registry.AddressPolicy(allow_loopback=True))


def says(data: object) -> bytes:
    return answer(body=json.dumps({"data": data}).encode())


NO_CREDIT = says({"customer": {"storeCreditAccounts": {"nodes": []}}})
NO_CARD = says({"searched": {"nodes": []}, "newest": {"nodes": []}})
LOST = answer("502 Bad Gateway", b"", kind="text/html")
