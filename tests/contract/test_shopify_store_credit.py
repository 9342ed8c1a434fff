"""Store credit on the fake Shopify: final, and known again by the moment it ends."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from connectors.shopify.store_credit import SPREAD_S, credit_input, expiry
from core.commerce import STORE_CREDIT_CODE
from core.errors import InvalidInput, OutcomeUnknown, PlatformRefused
from core.ids import new_code, normal_code
from demo.shopify.entities import Credit
from tests.connectors.scripted import ScriptedServer
from tests.contract.battery import discount
from tests.contract.shopify_money import (
    CREDIT,
    NO_CREDIT,
    UNTIL,
    credit_request,
    credits_of,
    money_shop,
    says,
    scripted,
)
from tests.contract.test_shopify import Shopify


@pytest.fixture
def shop() -> Iterator[Shopify]:
    with money_shop() as shop:
        yield shop


def test_credit_is_the_customers_and_outlives_its_time_by_less_than_an_hour(shop: Shopify) -> None:
    request = discount(shop, kind=CREDIT)

    made = shop.connector().discounts.issue(request)

    [account], [credit] = shop.fake.site.credit.values(), credits_of(shop)
    assert shop.fake.number("Customer", account.customer_id) == request.customer_id
    assert made.code == request.code
    assert made.external_id == shop.fake.number("StoreCreditAccountCreditTransaction", credit.id)
    assert credit.cents == 500
    assert credit.expires_at is not None
    assert 0 < credit.expires_at - request.valid_until.timestamp() < 3600


def test_the_end_of_a_credit_is_the_same_for_ever_and_spread_by_the_code() -> None:
    """The number is pinned: another release must know the credits of this one again."""
    ends = [expiry(credit_request(str(number))) for number in range(2000)]

    assert credit_input(credit_request("A")) == {
        "creditAmount": {"amount": "5.00", "currencyCode": "EUR"},
        "expiresAt": "2026-12-05T23:33:21Z",
    }
    assert expiry(credit_request("a")) == expiry(credit_request("A"))
    assert min(ends) > UNTIL and max(ends) <= UNTIL + timedelta(seconds=SPREAD_S)
    assert len(set(ends)) > 1400  # of 3,599 seconds by chance: 1,535


def test_the_end_of_a_credit_is_not_before_the_fraction_of_a_second() -> None:
    for number in range(200):
        request = credit_request(str(number), valid_until=UNTIL + timedelta(microseconds=999_999))
        assert expiry(request) >= request.valid_until
        assert expiry(request).microsecond == 0


def test_two_redemptions_of_a_customer_are_two_credits(shop: Shopify) -> None:
    connector, request = shop.connector(), discount(shop, kind=CREDIT)
    others: list[dict[str, Any]] = [
        {"code": f"{STORE_CREDIT_CODE}OTHER"},
        {"amount": 600},
        {"valid_until": request.valid_until + timedelta(days=1)},
    ]
    wanted = [request, *(request.model_copy(update=each) for each in others)]

    made = [connector.discounts.issue(each).external_id for each in wanted for _ in range(2)]

    assert len(set(made)) == len(credits_of(shop)) == 4


def test_a_credit_is_found_behind_many_later_ones(shop: Shopify) -> None:
    connector, request = shop.connector(), discount(shop, kind=CREDIT)
    made = connector.discounts.issue(request)
    [account] = shop.fake.site.credit.values()
    for number in range(1000, 1250):
        account.credits.append(Credit(number, account.id, 500))

    assert connector.discounts.issue(request) == made
    assert len(credits_of(shop)) == 251


@pytest.mark.parametrize(
    ("change", "field"),
    [({"customer_id": None}, "customer_id"), ({"customer_id": "x"}, "external_id"), ({"code": "T23456789"}, "code")],
)
def test_credit_needs_a_customer_and_a_code_that_says_so(shop: Shopify, change: dict[str, Any], field: str) -> None:
    request = discount(shop, kind=CREDIT).model_copy(update=change)
    shop.break_down("error500")

    with pytest.raises(InvalidInput) as refused:
        shop.connector().discounts.issue(request)

    assert refused.value.field == field


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"currency": "USD"}, "UNSUPPORTED_CURRENCY"),
        ({"customer_id": "57010000000999987"}, "OWNER_NOT_FOUND"),
        ({"amount": 100_000_000}, "CREDIT_LIMIT_EXCEEDED"),
        ({"valid_until": UNTIL - timedelta(days=700)}, "EXPIRES_AT_IN_PAST"),
    ],
)
def test_the_shops_refusal_of_a_credit_is_told(shop: Shopify, change: dict[str, Any], code: str) -> None:
    request = discount(shop, kind=CREDIT).model_copy(update=change)

    with pytest.raises(PlatformRefused) as refused:
        shop.connector().discounts.issue(request)

    assert refused.value.code == code
    assert credits_of(shop) == []


def test_credit_is_final_and_what_became_of_it_is_not_known(shop: Shopify) -> None:
    connector, request = shop.connector(), discount(shop, kind=CREDIT)
    connector.discounts.issue(request)

    for code in (request.code, request.code.lower()):
        with pytest.raises(PlatformRefused) as refused:
            connector.discounts.revoke(code)
        usage = connector.discounts.usage(code)

        assert refused.value.code == "final"
        assert (usage.exists, usage.state) == (True, "unknown")
    assert len(credits_of(shop)) == 1


def test_credit_stays_final_in_a_shop_that_took_the_leave_away(shop: Shopify) -> None:
    connector, request = shop.connector(), discount(shop, kind=CREDIT)
    connector.discounts.issue(request)
    shop.details = {}

    with pytest.raises(PlatformRefused):
        shop.connector().discounts.revoke(request.code)


def test_a_credit_that_the_shop_says_nothing_of_is_unknown() -> None:
    nothing = says({"storeCreditAccountCredit": {"storeCreditAccountTransaction": None, "userErrors": []}})

    with ScriptedServer([NO_CREDIT, nothing, NO_CREDIT]) as server, pytest.raises(OutcomeUnknown):
        scripted(server).discounts.issue(credit_request("A"))


def test_codes_of_credit_are_known_in_any_case() -> None:
    assert normal_code(new_code(STORE_CREDIT_CODE)).startswith(STORE_CREDIT_CODE)
