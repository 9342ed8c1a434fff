"""Shopify's own samples of webhook bodies, one for each topic, and what each of them says. The bodies stay where they are."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from graphql import OperationDefinitionNode, parse

from connectors import registry
from connectors.graphql import Operation
from connectors.shopify import api
from connectors.shopify.bulk import query
from connectors.shopify.signatures import webhook_signature
from connectors.shopify.webhooks import ShopifyWebhookReader, shop_of_message
from core.commerce import ShopEvent, Topic
from core.errors import InvalidInput, SignatureInvalid
from core.ports import Platform, WebhookRequest
from tests.contract.operations import operations_of, problems, schema_from

READER = ShopifyWebhookReader()
ORDER, CUSTOMER = "820982911946154508", "706405506930370084"
CHANGED = (ShopEvent(topic=Topic.ORDER_CHANGED, external_id=ORDER),)
PERSON = (ShopEvent(topic=Topic.CUSTOMER_CHANGED, external_id=CUSTOMER),)

# By hand, from the samples. (): a topic that does not concern us.
SAID: dict[str, Sequence[ShopEvent]] = {
    "orders/create": CHANGED,
    "orders/paid": CHANGED,
    "orders/updated": CHANGED,
    "orders/cancelled": CHANGED,
    "orders/fulfilled": CHANGED,
    "orders/edited": CHANGED,
    "orders/delete": (ShopEvent(topic=Topic.ORDER_DELETED, external_id=ORDER),),
    "refunds/create": CHANGED,
    "order_transactions/create": CHANGED,
    "customers/create": PERSON,
    "customers/update": PERSON,
    "customers/enable": PERSON,
    "customers/disable": PERSON,
    "customers/delete": (ShopEvent(topic=Topic.CUSTOMER_DELETED, external_id=CUSTOMER),),
    "customers/merge": (),  # the sample is of a merge that failed
    "customers/data_request": (ShopEvent(topic=Topic.CUSTOMER_DATA_ASKED, external_id="191167"),),
    "customers/redact": (ShopEvent(topic=Topic.CUSTOMER_ERASED, external_id="191167"),),
    "shop/redact": (ShopEvent(topic=Topic.SHOP_ERASED, external_id="954889"),),
    "discounts/delete": (ShopEvent(topic=Topic.DISCOUNT_DELETED, external_id="1"),),
    "app/uninstalled": (ShopEvent(topic=Topic.APP_REMOVED, external_id="548380009"),),
}


@pytest.fixture(scope="module")
def samples(contracts_dir: Path) -> Path:
    return contracts_dir / "shopify" / "webhooks"


def topics(samples: Path) -> list[str]:
    return sorted(path.stem.replace("__", "/") for path in samples.glob("*.json") if path.stem != "topics-metadata")


def sample(samples: Path, topic: str) -> bytes:
    return (samples / f"{topic.replace('/', '__')}.json").read_bytes()


def test_every_sample_is_read_and_says_what_it_says(samples: Path) -> None:
    found = {}
    for topic in topics(samples):
        request = WebhookRequest(sample(samples, topic), {"x-shopify-topic": topic})
        found[topic] = tuple(READER.parse(request))

    assert set(SAID) <= set(found)
    assert found == {topic: tuple(SAID.get(topic, ())) for topic in found}


def test_no_sample_fits_a_topic_of_another_kind(samples: Path) -> None:
    """The topic is not signed: an old body under another topic must not delete, erase or end anything."""
    ending = ("orders/delete", "customers/delete", "customers/redact", "shop/redact", "app/uninstalled")
    taken = set()
    for topic in topics(samples):
        for claimed in ending:
            try:
                events = READER.parse(WebhookRequest(sample(samples, topic), {"x-shopify-topic": claimed}))
            except InvalidInput:
                continue
            taken |= {(topic, claimed) for _ in events if topic != claimed}

    # These look alike, holding nothing but an id, or the shop. What they would end, the shop is asked about first: an
    # order is read back, and whether we were taken off shows by the token.
    assert taken == {("products/delete", "orders/delete"), ("shop/update", "app/uninstalled")}


def test_a_sample_signed_with_either_of_two_secrets_is_taken_and_with_another_is_not(samples: Path) -> None:
    for topic in topics(samples):
        body = sample(samples, topic)
        headers = {"x-shopify-hmac-sha256": webhook_signature(body, "older")}

        READER.verify(WebhookRequest(body, headers, ("newer", "older")))
        with pytest.raises(SignatureInvalid):
            READER.verify(WebhookRequest(body, headers, ("newer",)))


def test_what_a_shop_is_told_to_erase_must_be_its_own(samples: Path) -> None:
    for topic in ("customers/data_request", "customers/redact", "shop/redact"):
        body = sample(samples, topic).replace(b"{shop}", b"fernway")
        headers = {"x-shopify-topic": topic, "x-shopify-shop-domain": "fernway.myshopify.com"}

        assert shop_of_message(headers, body) == "https://fernway.myshopify.com"
        with pytest.raises(SignatureInvalid):
            shop_of_message({**headers, "x-shopify-shop-domain": "other.myshopify.com"}, body)


@pytest.mark.parametrize("version", ["2026-07", "2026-10"])
def test_every_operation_is_valid_and_uses_nothing_deprecated(contracts_dir: Path, version: str) -> None:
    schema = schema_from((contracts_dir / "shopify" / f"admin-{version}.graphql").read_text())

    assert problems(operations_of("shopify"), schema) == []
    since = datetime(2026, 1, 1, tzinfo=UTC)
    for names in (True, False):
        text = query(since, names=names)
        assert problems(parse(text), schema) == []
        assert "created_at:>=" in text
        assert ("firstName" in text) is names


def test_every_operation_is_one_that_the_connector_sends() -> None:
    written = {
        each.name.value
        for each in operations_of("shopify").definitions
        if isinstance(each, OperationDefinitionNode) and each.name
    }

    assert written == {each.name for each in vars(api).values() if isinstance(each, Operation)} | {"PlacedOrders"}


def test_every_operation_is_valid_on_the_schema_that_the_fake_shop_executes() -> None:
    pruned = Path(__file__).parents[2] / "demo" / "shopify" / "admin.graphql"

    assert problems(operations_of("shopify"), schema_from(pruned.read_text())) == []


def test_shopify_is_known_by_the_registry() -> None:
    assert isinstance(registry.webhook_reader(Platform.SHOPIFY), ShopifyWebhookReader)
