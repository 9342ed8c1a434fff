"""Gift cards and store credit on the fake Shopify: neither has a key, so nothing may be given twice. What both have in common."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.shopify.connector import CAPABILITIES, capabilities_of
from core.commerce import DiscountKind, DiscountRequest
from core.errors import CredentialsRefused, InvalidInput, OutcomeUnknown, PlatformError
from core.ports import Capability
from tests.connectors.scripted import ScriptedServer
from tests.contract.battery import discount
from tests.contract.shopify_money import (
    CARD,
    CREDIT,
    LOST,
    NO_CARD,
    NO_CREDIT,
    UNTIL,
    cards,
    credit_request,
    credits_of,
    issue_with_a_lost_answer,
    money_shop,
    scripted,
)
from tests.contract.test_shopify import Shopify

BOTH = {Capability.GIFT_CARD, Capability.STORE_CREDIT}


@pytest.fixture
def shop() -> Iterator[Shopify]:
    with money_shop() as shop:
        yield shop


def test_a_shop_that_granted_both_can_do_both(shop: Shopify) -> None:
    assert shop.connector().capabilities == CAPABILITIES | BOTH


@pytest.mark.parametrize(
    ("details", "more"),
    [
        ({}, set()),
        ({"scopes": "read_gift_cards write_discounts"}, set()),
        ({"scopes": "write_discounts write_gift_cards"}, {Capability.GIFT_CARD}),
        ({"scopes": "write_store_credit_account_transactions"}, set()),
        ({"scopes": "write_store_credit_account_transactions", "customer_accounts": "CLASSIC"}, set()),
        ({"scopes": "read_orders", "customer_accounts": "NEW_CUSTOMER_ACCOUNTS"}, set()),
        (
            {"scopes": "write_store_credit_account_transactions", "customer_accounts": "NEW_CUSTOMER_ACCOUNTS"},
            {Capability.STORE_CREDIT},
        ),
    ],
)
def test_money_is_a_matter_of_scopes_and_of_the_kind_of_accounts(
    details: dict[str, str], more: set[Capability]
) -> None:
    assert capabilities_of(details) == CAPABILITIES | more


@pytest.mark.parametrize("kind", [CARD, CREDIT, DiscountKind.FREE_PRODUCT])
def test_what_a_shop_does_not_let_us_do_is_refused_before_any_call(shop: Shopify, kind: DiscountKind) -> None:
    request = discount(shop, kind=kind)
    shop.details = {}
    shop.break_down("error500")  # a call would raise something else

    with pytest.raises(InvalidInput) as refused:
        shop.connector().discounts.issue(request)

    assert refused.value.field == "kind"


@pytest.mark.parametrize("kind", [CARD, CREDIT])
def test_leave_that_was_taken_away_since_is_no_outcome(shop: Shopify, kind: DiscountKind) -> None:
    request, connector = discount(shop, kind=kind), shop.connector()
    shop._token = shop.fake.access_token(scopes=["read_orders", "read_customers", "write_discounts"])

    with pytest.raises(CredentialsRefused):
        shop.connector().discounts.issue(request)

    assert (cards(shop), credits_of(shop)) == ([], [])
    assert connector.discounts.issue(request).external_id  # the older token still may


@pytest.mark.parametrize("kind", [CARD, CREDIT])
@pytest.mark.parametrize(
    ("change", "field"),
    [({"amount": 0}, "amount"), ({"minimum_gross": 1}, "minimum_gross"), ({"product_ids": ("1",)}, "product_ids")],
)
def test_money_is_an_amount_without_conditions(
    shop: Shopify, kind: DiscountKind, change: dict[str, Any], field: str
) -> None:
    request = discount(shop, kind=kind).model_copy(update=change)
    shop.break_down("error500")

    with pytest.raises(InvalidInput) as refused:
        shop.connector().discounts.issue(request)

    assert refused.value.field == field


@pytest.mark.parametrize("kind", [CARD, CREDIT])
def test_the_same_again_finds_what_was_given(shop: Shopify, kind: DiscountKind) -> None:
    request = discount(shop, kind=kind)

    made = {shop.connector().discounts.issue(request) for _ in range(3)}

    assert [each.code for each in made] == [request.code]
    assert len(cards(shop)) + len(credits_of(shop)) == 1


@pytest.mark.parametrize("kind", [CARD, CREDIT])
def test_what_was_given_with_a_lost_answer_is_found_and_not_given_twice(shop: Shopify, kind: DiscountKind) -> None:
    request = discount(shop, kind=kind)

    made = issue_with_a_lost_answer(shop, request)
    again = shop.connector().discounts.issue(request)

    assert again.external_id == made
    assert len(cards(shop)) + len(credits_of(shop)) == 1


@pytest.mark.parametrize("kind", [CARD, CREDIT])
def test_a_shop_that_is_down_gives_nothing_and_gives_once_when_it_is_back(shop: Shopify, kind: DiscountKind) -> None:
    connector, request = shop.connector(), discount(shop, kind=kind)
    for mode in shop.broken_modes:
        shop.break_down(mode)
        with pytest.raises(PlatformError) as failed:
            connector.discounts.issue(request)
        assert failed.value.retryable
    shop.break_down("")

    connector.discounts.issue(request)

    assert len(cards(shop)) + len(credits_of(shop)) == 1


@pytest.mark.parametrize(
    ("request_", "answers", "sent"),
    [
        (
            credit_request("A"),
            [NO_CREDIT, LOST, NO_CREDIT],
            ["StoreCreditAccounts", "StoreCreditGive", "StoreCreditAccounts"],
        ),
        (
            DiscountRequest(code="T23456789", kind=CARD, currency="EUR", amount=500, valid_until=UNTIL),
            [LOST, NO_CARD],
            ["GiftCardCreate", "GiftCardsByCode"],
        ),
    ],
    ids=["credit", "card"],
)
def test_what_is_not_there_after_a_lost_answer_is_unknown_and_not_sent_again(
    request_: DiscountRequest, answers: list[bytes], sent: list[str]
) -> None:
    with ScriptedServer(answers) as server, pytest.raises(OutcomeUnknown):
        scripted(server).discounts.issue(request_)

    assert [json.loads(each.body)["operationName"] for each in server.asked] == sent
