"""Gift cards and store credit on the fake Shopify: neither has a key, so nothing may be given twice, and nobody else's taken."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors import registry
from connectors.shopify.connector import CAPABILITIES, capabilities_of
from connectors.shopify.gift_cards import card_code, card_input
from connectors.shopify.store_credit import SPREAD_S, credit_input, expiry
from core.commerce import STORE_CREDIT_CODE, DiscountKind, DiscountRequest
from core.errors import CredentialsRefused, InvalidInput, OutcomeUnknown, PlatformError, PlatformRefused
from core.ids import new_code, normal_code
from core.ports import Capability, Connector, Installation, Platform
from demo.shopify.entities import Credit, GiftCard
from tests.connectors.scripted import ScriptedServer, answer
from tests.contract.battery import discount
from tests.contract.test_shopify import SHOP_KEY, Shopify

CARD, CREDIT = DiscountKind.GIFT_CARD, DiscountKind.STORE_CREDIT
BOTH = {Capability.GIFT_CARD, Capability.STORE_CREDIT}
UNTIL = datetime(2026, 12, 5, 23, 0, tzinfo=UTC)


@pytest.fixture
def shop() -> Iterator[Shopify]:
    shop = Shopify()
    shop.details = dict(shop.connector().installer.facts().details)
    yield shop
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


# What a shop lets us do --------------------------------------------------------------------------------------------


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


# Gift cards --------------------------------------------------------------------------------------------------------


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


# Store credit ------------------------------------------------------------------------------------------------------


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


def credit_request(code: str, **changes: Any) -> DiscountRequest:
    fields = {"currency": "EUR", "amount": 500, "valid_until": UNTIL, "customer_id": "7"}
    return DiscountRequest(**{"code": STORE_CREDIT_CODE + code, "kind": CREDIT, **fields, **changes})


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
        account.credits.append(Credit(number, account.id, 500, 0, shop.now().timestamp()))

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


# What the fake cannot play: an answer that is lost before anything was done ------------------------------------------


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


def test_a_credit_that_the_shop_says_nothing_of_is_unknown() -> None:
    nothing = says({"storeCreditAccountCredit": {"storeCreditAccountTransaction": None, "userErrors": []}})

    with ScriptedServer([NO_CREDIT, nothing, NO_CREDIT]) as server, pytest.raises(OutcomeUnknown):
        scripted(server).discounts.issue(credit_request("A"))


def test_codes_of_credit_are_known_in_any_case() -> None:
    assert normal_code(new_code(STORE_CREDIT_CODE)).startswith(STORE_CREDIT_CODE)
