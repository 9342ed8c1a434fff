"""Webhooks that no recording shows: pings that are none, topics changed on the way, bodies made to confuse."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.woocommerce.webhooks import TOPICS, WooWebhookReader, signature
from core.commerce import ShopEvent, Topic
from core.errors import InvalidInput, SignatureInvalid
from core.ports import WebhookRequest

READER = WooWebhookReader()
FORM = {"content-type": "application/x-www-form-urlencoded"}


def said(body: object, topic: str | None = "order.updated") -> list[ShopEvent]:
    headers = {"x-wc-webhook-topic": topic} if topic else {}
    return list(READER.parse(WebhookRequest(json.dumps(body).encode(), headers)))


@pytest.mark.parametrize("body", [b"webhook_id=12", b"webhook_id=1"])
def test_a_ping_is_a_form_with_one_number_and_no_header_of_woocommerce(body: bytes) -> None:
    assert READER.is_unsigned_ping(WebhookRequest(body, FORM))


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"webhook_id=12", {**FORM, "x-wc-webhook-topic": "order.updated"}),
        (b"webhook_id=12", {"content-type": "application/json"}),
        (b"webhook_id=12&id=5", FORM),
        (b"webhook_id=", FORM),
        (b"webhook_id=abc", FORM),
        (b"webhook_id=12\n", FORM),
        (b"", FORM),
        (b'{"id":5}', FORM),
        (b"webhook_id=" + b"1" * 21, FORM),
    ],
)
def test_what_is_not_exactly_a_ping_is_none(body: bytes, headers: dict[str, str]) -> None:
    assert not READER.is_unsigned_ping(WebhookRequest(body, headers))


# By `openssl dgst -sha256 -hmac whsec-1 -binary | base64`, so that nobody's mistake of ours is on both sides.
BODY, SIGNATURE = b'{"id":5}', "KfQMPzdx9CJd3e1CcKisKrbVkAiKV37ZGWzcw2BUQrI="


@pytest.mark.parametrize("secrets", [("whsec-1",), ("whsec-1", "newer"), ("older", "whsec-1")])
def test_a_signature_by_either_secret_of_the_shop_is_taken(secrets: tuple[str, ...]) -> None:
    READER.verify(WebhookRequest(BODY, {"x-wc-webhook-signature": SIGNATURE}, secrets))


@pytest.mark.parametrize(
    ("body", "headers", "secrets"),
    [
        (BODY + b" ", {"x-wc-webhook-signature": SIGNATURE}, ("whsec-1",)),
        (b"", {"x-wc-webhook-signature": SIGNATURE}, ("whsec-1",)),
        (BODY, {"x-wc-webhook-signature": SIGNATURE}, ("whsec-2",)),
        (BODY, {"x-wc-webhook-signature": SIGNATURE.lower()}, ("whsec-1",)),
        (BODY, {"x-wc-webhook-signature": SIGNATURE[:-1]}, ("whsec-1",)),
        (BODY, {"x-another-signature": SIGNATURE}, ("whsec-1",)),
        (BODY, {}, ("whsec-1",)),
    ],
)
def test_a_signature_of_something_else_is_refused(
    body: bytes, headers: dict[str, str], secrets: tuple[str, ...]
) -> None:
    with pytest.raises(SignatureInvalid):
        READER.verify(WebhookRequest(body, headers, secrets))


@pytest.mark.parametrize("given_signature", ["", "x", "ěšč", "\ud800", "5WqdZilV8dBubmK", "=" * 5_000])
def test_a_signature_that_is_none_is_refused(given_signature: str) -> None:
    with pytest.raises(SignatureInvalid):
        READER.verify(WebhookRequest(b"{}", {"x-wc-webhook-signature": given_signature}, ("s",)))


def test_no_secret_at_all_is_not_an_empty_secret() -> None:
    for secret in ("", "no secret: the same work, and never a match"):
        with pytest.raises(SignatureInvalid):
            READER.verify(WebhookRequest(b"{}", {"x-wc-webhook-signature": signature(b"{}", secret).decode()}, ()))


def test_an_old_deletion_sent_again_as_an_order_changed_does_not_fit_its_topic() -> None:
    for topic in ("order.updated", "order.created", "order.restored", "customer.updated"):
        with pytest.raises(InvalidInput, match="fit"):
            said({"id": 18}, topic)


def test_an_action_is_taken_from_the_signed_body_and_not_from_the_header() -> None:
    body = {"action": "woocommerce_order_status_completed", "arg": 15}

    assert said(body, "action.woocommerce_delete_order") == [ShopEvent(topic=Topic.ORDER_CHANGED, external_id="15")]


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("woocommerce_rest_cannot_view", "connect the shop again"),
        ("woocommerce_rest_shop_order_invalid_id", "gone before"),
        ("something_else", "a refusal"),
    ],
)
def test_a_signed_refusal_says_why_there_is_no_news(code: str, sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        said({"code": code, "message": "Sorry", "data": {"status": 403}})


@pytest.mark.parametrize("external_id", ["1", "9" * 20])
def test_an_id_has_one_to_twenty_digits(external_id: str) -> None:
    deleted = {"id": external_id}

    assert said(deleted, "order.deleted") == [ShopEvent(topic=Topic.ORDER_DELETED, external_id=external_id)]
    with pytest.raises(InvalidInput):
        said({"id": "9" * 21}, "order.deleted")


def test_a_coupon_has_a_code_and_is_no_refusal_for_that() -> None:
    body = {"id": 5, "code": "SUMMER"}

    assert said(body, "coupon.deleted") == [ShopEvent(topic=Topic.DISCOUNT_DELETED, external_id="5")]


@pytest.mark.parametrize(
    "body",
    [
        {"code": "woocommerce_rest_cannot_view", "message": "Sorry"},
        {"id": 0, "status": "x", "currency": "EUR"},
        {"id": -5, "status": "x", "currency": "EUR"},
        {"id": "15; DROP", "status": "x", "currency": "EUR"},
        {"id": True, "status": "x", "currency": "EUR"},
        {"id": None, "status": "x", "currency": "EUR"},
        {"id": {"a": 1}, "status": "x", "currency": "EUR"},
        {"status": "processing", "currency": "EUR"},
        {"id": 15},
        {"id": 15, "status": None, "currency": "EUR"},
        {"id": "１５", "status": "x", "currency": "EUR"},
        {"action": "woocommerce_delete_order"},
        {"action": "woocommerce_delete_order", "arg": {"refunds": []}},
        {"action": "woocommerce_delete_order", "arg": "../15"},
        [],
        [{"id": 15}],
        "text",
        15,
        None,
    ],
)
def test_a_signed_body_that_is_no_news_is_refused(body: object) -> None:
    with pytest.raises(InvalidInput):
        said(body)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"id":NaN}', b"9" * 5_000])
def test_a_body_that_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        READER.parse(WebhookRequest(body, {"x-wc-webhook-topic": "order.updated"}))


def test_a_message_without_topic_is_refused_and_one_of_another_topic_is_nothing() -> None:
    with pytest.raises(InvalidInput):
        said({"id": 5, "status": "x", "currency": "EUR"}, None)
    assert said({"id": 5}, "product.updated") == []
    assert said({"id": 5}, "coupon.created") == []
    assert said({"action": "some_plugin_thing", "arg": 5}) == []


def test_every_topic_that_we_register_says_something() -> None:
    for topic in TOPICS:
        if topic.startswith("action."):
            assert said({"action": topic.removeprefix("action."), "arg": 5}, topic)
        else:
            assert said({"id": 5, "status": "x", "currency": "EUR", "email": "a@ex.cz"}, topic)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    request = WebhookRequest(body, {"x-wc-webhook-topic": "order.updated"}, ("s",))
    assert not READER.is_unsigned_ping(request)
    with pytest.raises(SignatureInvalid):
        READER.verify(request)
    with contextlib.suppress(InvalidInput):
        READER.parse(request)
