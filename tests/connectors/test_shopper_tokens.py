"""Shoppers' tokens where a platform's customers are no numbers: the form of the id is part of the proof."""

import base64
from datetime import UTC, datetime

import pytest

from connectors.shopper_tokens import GUIDS, TokenIdentifier, issue
from core.errors import SignatureInvalid
from core.ports import ShopperRequest

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
KEY = base64.urlsafe_b64encode(bytes(range(32))).decode().rstrip("=")
SHOP, HOME = "0123456789abcdef0123456789abcdef", "https://shop.example"
GUID = "2f6c1a52-5b9c-11ef-9c1f-0242ac120002"


def identify(identifier: TokenIdentifier, customer: str) -> str:
    token = issue(kid="k1", key=KEY, customer_id=customer, audience=SHOP, issuer=HOME, now=NOW)
    asked = ShopperRequest(token=token, keys={"k1": KEY}, audience=SHOP, issuer=HOME, now=NOW)
    return identifier.identify(asked).external_customer_id


def test_a_guid_is_a_customer_where_customers_have_guids() -> None:
    assert identify(TokenIdentifier(GUIDS), GUID) == GUID


@pytest.mark.parametrize(
    "customer", ["17", GUID.upper(), GUID + "\n", GUID + "0", GUID.replace("-", ""), "", "../" + GUID]
)
def test_nothing_else_is_one_there(customer: str) -> None:
    with pytest.raises(SignatureInvalid):
        identify(TokenIdentifier(GUIDS), customer)


def test_a_guid_is_none_where_customers_have_numbers() -> None:
    assert identify(TokenIdentifier(), "17") == "17"
    with pytest.raises(SignatureInvalid):
        identify(TokenIdentifier(), GUID)
