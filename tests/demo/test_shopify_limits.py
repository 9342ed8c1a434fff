"""Limits and faults of the fake Shopify: the bucket by the shop's clock, too dear queries, dead tokens, broken answers."""

from collections.abc import Iterator

import pytest
import requests
from graphql import OperationDefinitionNode, parse

from demo.shopify import cost
from demo.shopify.schema import admin_schema
from tests.demo.shopify_world import World, opened

SHOP = "query Q { shop { name } }"


@pytest.fixture
def world() -> Iterator[World]:
    with opened() as world:
        yield world


def test_every_answer_says_what_it_cost_and_what_is_left(world: World) -> None:
    body = world.ask("query Q { customers(first: 50) { nodes { id } } }")

    told = body["extensions"]["cost"]
    assert told["requestedQueryCost"] > told["actualQueryCost"] > 0
    assert told["throttleStatus"] == {
        "maximumAvailable": 2000.0,
        "currentlyAvailable": 2000.0 - told["actualQueryCost"],
        "restoreRate": 100.0,
    }


def test_an_empty_bucket_throttles_with_status_200_and_fills_by_the_clock(world: World) -> None:
    world.shop.site.bucket.drain(0)
    refused = world.ask(SHOP)
    world.clock.turn(1)
    served = world.ask(SHOP)

    assert "data" not in refused
    assert refused["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert refused["extensions"]["cost"]["actualQueryCost"] is None
    assert served["data"]["shop"]["name"] == "Fernway"
    assert served["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"] == 99.0


def test_a_throttled_mutation_did_nothing(world: World) -> None:
    world.shop.site.bucket.drain(0)
    body = world.post(
        "mutation M($input: GiftCardCreateInput!) { giftCardCreate(input: $input) { giftCard { id } } }",
        {"input": {"initialAmount": {"amount": "5", "currencyCode": "EUR"}}},
    ).json()

    assert body["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert world.shop.site.gift_cards == {}


def test_a_query_that_is_too_dear_is_refused_whatever_is_left(world: World) -> None:
    movements = (
        "transactions(first: 250) { nodes { ... on StoreCreditAccountCreditTransaction { amount { amount } } } }"
    )
    accounts = f"storeCreditAccounts(first: 250) {{ nodes {{ {movements} }} }}"
    body = world.ask(f"query Q {{ customers(first: 250) {{ nodes {{ {accounts} }} }} }}")

    assert body["errors"][0]["extensions"]["code"] == "MAX_COST_EXCEEDED"


def test_the_price_of_a_connection_is_the_one_that_was_published() -> None:
    schema = admin_schema()
    # As published for product(id) { variants(first: 250) { nodes { inventoryItem { id } } } }: 25.
    text = 'query Q { customer(id: "1") { storeCreditAccounts(first: 250) { nodes { balance { amount } } } } }'
    document = parse(text)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)

    assert cost.requested(schema, document, operation, {}) == 25


@pytest.mark.parametrize("version", ["2025-01", "2020-10"])
def test_an_expired_version_is_served_by_the_oldest_living_one(world: World, version: str) -> None:
    assert world.post(SHOP, version=version).headers["X-Shopify-API-Version"] == "2026-01"
    assert world.post(SHOP).headers["X-Shopify-API-Version"] == "2026-10"


@pytest.mark.parametrize(
    ("switch", "status", "kind"),
    [
        ({"rest_mode": "html"}, 200, "text/html"),
        ({"rest_mode": "maintenance"}, 503, "text/html"),
        ({"rest_mode": "fatal"}, 500, "text/html"),
        ({"rest_mode": "error500"}, 500, "application/json"),
        ({"rest_mode": "no_route"}, 404, "application/json"),
        ({"rest_mode": "revoked"}, 401, "application/json"),
        ({"api_mode": "frozen"}, 402, "application/json"),
        ({"api_mode": "locked"}, 423, "application/json"),
        ({"api_mode": "forbidden"}, 403, "application/json"),
    ],
)
def test_the_api_fails_as_told_and_not_for_ever(
    world: World, switch: dict[str, object], status: int, kind: str
) -> None:
    told = requests.post(f"{world.url}/demo/faults", json=switch, timeout=20)
    broken = world.post(SHOP)
    requests.post(f"{world.url}/demo/faults", json={"clear": True}, timeout=20)

    assert told.status_code == 200
    assert (broken.status_code, broken.headers["Content-Type"].split(";")[0]) == (status, kind)
    assert world.post(SHOP).status_code == 200


@pytest.mark.parametrize(
    ("mode", "code"),
    [("throttled", "THROTTLED"), ("max_cost", "MAX_COST_EXCEEDED"), ("internal_error", "INTERNAL_SERVER_ERROR")],
)
def test_the_api_refuses_inside_of_an_answer(world: World, mode: str, code: str) -> None:
    world.shop.faults.api_mode = mode

    assert world.ask(SHOP)["errors"][0]["extensions"]["code"] == code


def test_a_timeout_keeps_the_caller_waiting(world: World) -> None:
    world.shop.faults.update({"rest_mode": "timeout", "rest_timeout_s": 20})

    with pytest.raises(requests.Timeout):
        requests.post(f"{world.url}/admin/api/2026-10/graphql.json", json={"query": SHOP}, timeout=0.2)
    world.shop.faults.clear()


def test_a_shop_that_is_down_hangs_up(world: World) -> None:
    world.shop.faults.shop_down = True

    with pytest.raises(requests.ConnectionError):
        world.post(SHOP)


def test_a_dead_token_is_401_and_nonsense_is_an_error_inside(world: World) -> None:
    assert world.ask("query Q { shop { nme } }")["errors"][0]["extensions"]["code"] == "undefinedField"
    assert world.ask("query {")["errors"][0]["message"].startswith("Syntax Error")
    world.token = "shpat_of_somebody_else"
    assert world.post(SHOP).status_code == 401
