"""Shoptet's messages: whose they are, what they name, and what none of them may do."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.shoptet.webhooks import SIGNATURE, ShoptetWebhookReader, eshop_of_message, signature
from core.commerce import ShopEvent, Topic
from core.errors import InvalidInput, SignatureInvalid
from core.ports import WebhookRequest

READER = ShoptetWebhookReader()
KEY = "61d1175f54c47dd67df14c17002a17b2"


def message(event: str, instance: Any, *, eshop: Any = 222651) -> bytes:
    created = "2026-11-21T10:20:01+0100"
    return json.dumps({"eshopId": eshop, "event": event, "eventCreated": created, "eventInstance": instance}).encode()


def parsed(event: str, instance: Any) -> list[tuple[Topic, str]]:
    return [(each.topic, each.external_id) for each in READER.parse(WebhookRequest(message(event, instance), {}))]


def signed(body: bytes, *secrets: str, key: str = KEY) -> WebhookRequest:
    return WebhookRequest(body, {SIGNATURE: signature(body, key).decode()}, secrets)


def test_a_message_is_taken_with_any_of_the_shops_keys_and_with_no_other() -> None:
    body = message("order:create", "2026000123")

    READER.verify(signed(body, KEY))
    READER.verify(signed(body, "the newer one", KEY))
    by_none = signed(body, key="no secret: the same work, and never a match")
    for refused in (signed(body, "another"), signed(body), by_none, WebhookRequest(body, {}, (KEY,))):
        with pytest.raises(SignatureInvalid):
            READER.verify(refused)


def test_a_changed_byte_or_a_foreign_letter_in_the_signature_is_refused() -> None:
    body = message("order:create", "2026000123")

    for headers in ({SIGNATURE: signature(body + b" ", KEY).decode()}, {SIGNATURE: "ž" * 40}):
        with pytest.raises(SignatureInvalid):
            READER.verify(WebhookRequest(body, headers, (KEY,)))


@pytest.mark.parametrize(
    ("event", "topic"),
    [
        ("order:create", Topic.ORDER_CHANGED),
        ("order:update", Topic.ORDER_CHANGED),
        ("order:delete", Topic.ORDER_DELETED),
        ("customer:create", Topic.CUSTOMER_CHANGED),
        ("customer:update", Topic.CUSTOMER_CHANGED),
        ("customer:delete", Topic.CUSTOMER_DELETED),
        ("discountCoupon:delete", Topic.DISCOUNT_DELETED),
        ("addon:uninstall", Topic.APP_REMOVED),
    ],
)
def test_an_event_names_one_thing_in_digits_or_as_a_number(event: str, topic: Topic) -> None:
    assert parsed(event, "2026000123") == parsed(event, 2026000123) == [(topic, "2026000123")]


@pytest.mark.parametrize("instance", ['["A-1","2026000124",2026000125,"A-1"]', ["A-1", "2026000124", 2026000125]])
def test_a_mass_event_names_many_each_once(instance: Any) -> None:
    assert parsed("order:massUpdate", instance) == [
        (Topic.ORDER_CHANGED, "A-1"),
        (Topic.ORDER_CHANGED, "2026000124"),
        (Topic.ORDER_CHANGED, "2026000125"),
    ]


@pytest.mark.parametrize(
    "event",
    [
        "creditNote:create", "creditNote:update", "creditNote:delete", "discountCoupon:update", "customer:import",
        "eshop:currencies", "eshop:projectDomain", "orderStatusesList:change", "job:finished", "addon:approve",
        "addon:suspend", "addon:terminate", "stock:movement",
    ],
)  # fmt: skip
def test_what_does_not_concern_an_order_or_a_customer_is_no_news(event: str) -> None:
    assert parsed(event, "customers") == []


@pytest.mark.parametrize("instance", [None, True, "", " ", 1.5, {}, ["1"], "x" * 101, "a\0b", "\ud800"])
def test_a_message_that_names_nothing_is_not_understood(instance: Any) -> None:
    with pytest.raises(InvalidInput):
        parsed("order:update", instance)


@pytest.mark.parametrize("instance", [None, "2026000123", "[", '{"a": 1}', "[null]", json.dumps(["1"] * 5_001)])
def test_a_mass_message_that_names_no_list_is_not_understood(instance: Any) -> None:
    with pytest.raises(InvalidInput):
        parsed("order:massUpdate", instance)


@given(
    st.binary(max_size=80)
    | st.dictionaries(st.sampled_from(["event", "eventInstance"]), st.text() | st.none()).map(
        lambda body: json.dumps(body).encode()
    )
)
def test_no_message_raises_anything_but_that_it_is_not_understood(body: bytes) -> None:
    try:
        found = READER.parse(WebhookRequest(body, {}))
    except InvalidInput:
        return
    assert all(isinstance(each, ShopEvent) for each in found)


def test_a_message_says_of_which_shop_it_is() -> None:
    assert eshop_of_message(message("addon:uninstall", "1", eshop="222651")) == "222651"
    with pytest.raises(InvalidInput):
        eshop_of_message(b"{}")
