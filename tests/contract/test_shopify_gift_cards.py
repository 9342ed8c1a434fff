"""Gift cards on the fake Shopify: a code of ours as the card's, found again by our mark, and nobody else's card taken."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from connectors.shopify.gift_cards import card_code, card_input
from core.commerce import DiscountRequest
from core.errors import InvalidInput, OutcomeUnknown, PlatformRefused
from core.ids import new_code
from tests.connectors.scripted import ScriptedServer
from tests.contract.battery import discount
from tests.contract.shopify_money import CARD, cards, money_shop, says, scripted
from tests.contract.test_shopify import Shopify


@pytest.fixture
def shop() -> Iterator[Shopify]:
    with money_shop() as shop:
        yield shop


def test_a_card_holds_the_amount_ends_and_bears_our_code_as_its_mark(shop: Shopify) -> None:
    customer = shop.customer()
    request = discount(shop, kind=CARD).model_copy(update={"customer_id": customer, "description": "300 points"})

    made = shop.connector().discounts.issue(request)

    [card] = cards(shop)
    assert made.external_id == shop.fake.number("GiftCard", card.id)
    assert (card.code, card.initial, card.balance, card.customer_id) == (request.code.lower(), 500, 500, 0)
    assert card.note == f"300 points ({request.code})"
    assert card.expires_on is not None and card.expires_on >= request.valid_until.date().isoformat()


def test_a_card_names_its_customer_where_the_app_may_write_customers(shop: Shopify) -> None:
    customer = shop.customer()
    request = discount(shop, kind=CARD).model_copy(update={"customer_id": customer})
    shop.details["scopes"] += " write_customers"

    shop.connector().discounts.issue(request)

    [card] = cards(shop)
    assert shop.fake.number("Customer", card.customer_id) == customer
    with pytest.raises(PlatformRefused, match="another"):
        shop.connector().discounts.issue(request.model_copy(update={"customer_id": None}))


@pytest.mark.parametrize(
    ("until", "day"),
    [
        ("2026-12-05T09:00:00+00:00", "2026-12-05"),
        ("2026-12-05T23:00:00+00:00", "2026-12-06"),
        ("2026-12-06T08:00:00+14:00", "2026-12-06"),  # in Kiribati a card of the 5th may be dead by now
    ],
)
def test_a_card_ends_nowhere_before_its_time(until: str, day: str) -> None:
    request = DiscountRequest(
        code="T2345678", kind=CARD, currency="EUR", amount=500, valid_until=datetime.fromisoformat(until)
    )

    assert card_input(request, names_customers=False)["expiresOn"] == day


@pytest.mark.parametrize(("code", "number"), [("AB-cd 2345", "abcd2345"), ("T" * 20, "t" * 20)])
def test_a_cards_code_is_the_letters_and_digits_of_ours(code: str, number: str) -> None:
    assert card_code(code) == number


@pytest.mark.parametrize("code", ["", "ABC-2345", "T" * 21, "ÄÖÜÄÖÜÄÖÜ", "²²²²²²²²²"])
def test_a_code_that_no_card_can_have_is_refused_and_is_not_there(shop: Shopify, code: str) -> None:
    connector, request = shop.connector(), discount(shop, kind=CARD)

    with pytest.raises(InvalidInput) as refused:
        connector.discounts.issue(request.model_copy(update={"code": code}))

    assert refused.value.field == "code"
    assert connector.discounts.revoke(code or "-").existed is False


@pytest.mark.parametrize("searchable", [True, False], ids=["searched", "listed"])
def test_a_card_is_found_in_the_list_until_the_search_knows_it(shop: Shopify, searchable: bool) -> None:
    connector, request = shop.connector(), discount(shop, kind=CARD)
    made = connector.discounts.issue(request)
    if searchable:
        shop.pass_time(seconds=60)
        for _ in range(60):  # so that the newest are others
            connector.discounts.issue(discount(shop, kind=CARD))

    assert connector.discounts.issue(request) == made
    assert connector.discounts.usage(request.code).state == "unused"


def test_of_several_that_the_search_finds_the_one_with_our_mark_is_ours(shop: Shopify) -> None:
    connector, request = shop.connector(), discount(shop, kind=CARD)
    namesake = f"T2345678{request.code[-4:]}"  # ends alike, and its note speaks of ours
    connector.discounts.issue(request.model_copy(update={"code": namesake, "description": f"see {request.code}"}))
    made = connector.discounts.issue(request)
    shop.pass_time(seconds=60)
    for _ in range(60):
        connector.discounts.issue(discount(shop, kind=CARD))

    assert connector.discounts.issue(request) == made


@pytest.mark.parametrize(
    "change", [{"amount": 600}, {"currency": "USD"}, {"code": "other"}], ids=lambda each: next(iter(each))
)
def test_a_card_with_our_code_that_is_anothers_is_refused(shop: Shopify, change: dict[str, Any]) -> None:
    connector, request = shop.connector(), discount(shop, kind=CARD)
    connector.discounts.issue(request)
    shop.pass_time(seconds=60)
    other = f"{request.code[:4]}-{request.code[4:]}"  # the same letters and digits
    change = {"code": other} if "code" in change else change

    with pytest.raises(PlatformRefused, match="another") as refused:
        connector.discounts.issue(request.model_copy(update=change))

    assert refused.value.code == "TAKEN"


def test_a_taken_code_that_is_not_to_be_seen_yet_is_no_refusal(shop: Shopify) -> None:
    """A refusal gives the points back, and the card may be ours."""
    connector, request = shop.connector(), discount(shop, kind=CARD)
    connector.discounts.issue(request)
    cards(shop)[0].note = ""  # too new for the search, and without its mark in the list

    with pytest.raises(OutcomeUnknown) as unknown:
        connector.discounts.issue(request)

    assert unknown.value.retryable


def test_a_card_is_used_when_money_was_spent_and_unused_when_it_all_came_back(shop: Shopify) -> None:
    connector, request = shop.connector(), discount(shop, kind=CARD)
    connector.discounts.issue(request)
    seen = []
    for balance in (500, 499, 0, 500):
        cards(shop)[0].balance = balance
        usage = connector.discounts.usage(request.code)
        seen.append((usage.state, usage.exists, usage.times_used))

    assert seen == [("unused", True, 0), ("used", True, 1), ("used", True, 1), ("unused", True, 0)]


@pytest.mark.parametrize(("balance", "used"), [(500, False), (120, True)])
def test_revoking_a_card_deactivates_it_says_whether_it_was_used_and_may_be_repeated(
    shop: Shopify, balance: int, used: bool
) -> None:
    connector, request = shop.connector(), discount(shop, kind=CARD)
    connector.discounts.issue(request)
    cards(shop)[0].balance = balance

    first, second = connector.discounts.revoke(request.code), connector.discounts.revoke(request.code)

    assert (first.existed, first.used) == (second.existed, second.used) == (True, used)
    assert cards(shop)[0].deactivated_at is not None
    assert connector.discounts.usage(request.code).exists is False


def test_a_revocation_whose_answer_was_lost_is_finished_by_the_next(shop: Shopify) -> None:
    connector, request = shop.connector(), discount(shop, kind=CARD)
    connector.discounts.issue(request)
    shop.fake.faults.update({"lose_answers": True})
    with pytest.raises(OutcomeUnknown):
        connector.discounts.revoke(request.code)
    shop.fake.faults.clear()

    assert connector.discounts.revoke(request.code).used is False
    assert cards(shop)[0].deactivated_at is not None


def test_a_dead_card_is_not_given_out_again(shop: Shopify) -> None:
    connector, request = shop.connector(), discount(shop, kind=CARD)
    connector.discounts.issue(request)
    connector.discounts.revoke(request.code)

    with pytest.raises(PlatformRefused) as refused:
        connector.discounts.issue(request)

    assert refused.value.code == "DEACTIVATED"


def test_a_card_without_our_mark_is_somebodys_money_and_left_alone(shop: Shopify) -> None:
    connector, request = shop.connector(), discount(shop, kind=CARD)
    connector.discounts.issue(request)
    cards(shop)[0].note = "for grandmother"
    shop.pass_time(seconds=60)

    with pytest.raises(PlatformRefused, match="another"):
        connector.discounts.revoke(request.code)

    usage = connector.discounts.usage(request.code)
    assert (usage.exists, usage.state) == (True, "unknown")
    assert cards(shop)[0].deactivated_at is None


def test_a_card_that_only_has_our_mark_in_its_note_is_left_alone(shop: Shopify) -> None:
    connector, other, request = shop.connector(), discount(shop, kind=CARD), discount(shop, kind=CARD)
    connector.discounts.issue(other)
    cards(shop)[0].note = f"instead of the lost one ({request.code})"
    shop.pass_time(seconds=60)

    assert connector.discounts.revoke(request.code).existed is False
    assert cards(shop)[0].deactivated_at is None


def test_a_code_and_a_card_are_each_found_by_their_own(shop: Shopify) -> None:
    connector, code, card = shop.connector(), discount(shop), discount(shop, kind=CARD)
    connector.discounts.issue(code)
    connector.discounts.issue(card)

    assert connector.discounts.revoke(code.code).existed
    assert cards(shop)[0].deactivated_at is None
    assert connector.discounts.revoke(card.code).existed
    assert connector.discounts.revoke(new_code("T")).existed is False


def test_the_shops_own_limit_for_cards_is_told(shop: Shopify) -> None:
    with pytest.raises(PlatformRefused) as refused:
        shop.connector().discounts.issue(discount(shop, kind=CARD).model_copy(update={"amount": 10_000_000}))

    assert refused.value.code == "GIFT_CARD_LIMIT_EXCEEDED"


def test_a_card_that_is_used_while_it_is_revoked_had_been_used() -> None:
    value = {"amount": "5.0", "currencyCode": "EUR"}
    before = {
        "id": "gid://shopify/GiftCard/7",
        "enabled": True,
        "note": "Loyalty reward (T23456789)",
        "lastCharacters": "6789",
        "expiresOn": "2026-12-06",
        "balance": value,
        "initialValue": value,
        "customer": None,
    }
    after = {**before, "enabled": False, "balance": {**value, "amount": "1.2"}}
    answers = [
        says({"codeDiscountNodeByCode": None}),
        says({"searched": {"nodes": []}, "newest": {"nodes": [before]}}),
        says({"giftCardDeactivate": {"giftCard": after, "userErrors": []}}),
    ]

    with ScriptedServer(answers) as server:
        assert scripted(server).discounts.revoke("T23456789").used is True
