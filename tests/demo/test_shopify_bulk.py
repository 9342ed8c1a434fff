"""Bulk operations of the fake Shopify: from CREATED to a file of rows, their limits, their failures, their message."""

import gc
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from graphql import parse

from demo.shopify import projection
from demo.shopify.app_config import AppConfig
from demo.shopify.fake_shop import FakeShopify
from demo.shopify.schema import admin_schema
from tests.demo.shopify_world import ALL_SCOPES, World, opened
from tests.demo.world import Receiver

RUN = """
mutation Run($query: String!, $grouped: Boolean!) {
  bulkOperationRunQuery(query: $query, groupObjects: $grouped) { bulkOperation { id status } userErrors { code field message } }
}
"""
STATUS = """
query S($id: ID!) { bulkOperation(id: $id) { status errorCode objectCount rootObjectCount fileSize url partialDataUrl } }
"""
ORDERS = """
{ orders { edges { node {
    id displayFinancialStatus totalPriceSet { shopMoney { amount } } customer { id } refunds(first: 1) { id }
    lineItems { edges { node { __typename id quantity } } }
    discountApplications { edges { node { index ... on DiscountCodeApplication { code } } } }
} } } }
"""


@pytest.fixture
def world() -> Iterator[World]:
    with opened(order_count=6, customer_count=3) as world:
        yield world


def start(world: World, query: str = ORDERS, *, grouped: bool = True) -> dict[str, Any]:
    found: dict[str, Any] = world.data(RUN, query=query, grouped=grouped)["bulkOperationRunQuery"]
    return found


def poll(world: World, operation: str) -> dict[str, Any]:
    found: dict[str, Any] = world.data(STATUS, id=operation)["bulkOperation"]
    return found


def finished(world: World, query: str = ORDERS, *, grouped: bool = True) -> dict[str, Any]:
    operation = start(world, query, grouped=grouped)["bulkOperation"]["id"]
    world.shop.bulk.finish()
    return poll(world, operation)


def rows(url: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in requests.get(url, timeout=20).text.splitlines()]


def test_each_poll_takes_an_operation_a_step_on(world: World) -> None:
    made = start(world)["bulkOperation"]

    first, second = poll(world, made["id"]), poll(world, made["id"])

    assert [made["status"], first["status"], second["status"]] == ["CREATED", "RUNNING", "COMPLETED"]
    assert (first["url"], first["fileSize"]) == (None, None)
    assert int(second["fileSize"]) == len(requests.get(second["url"], timeout=20).content)


def test_the_file_holds_what_the_same_query_answers_with_children_behind_their_parents(world: World) -> None:
    world.make("FIVE")
    last = world.shop.place_order({11: 1, 12: 2}, coupons=("FIVE",))

    done = finished(world)

    found = rows(done["url"])
    roots = [row for row in found if "__parentId" not in row]
    mine = [row for row in found if row.get("__parentId") == world.shop.gid("Order", last.id)]
    assert (len(roots), len(found)) == (int(done["rootObjectCount"]), int(done["objectCount"])) == (7, len(found))
    whole = world.order(last.id)
    shown = next(row for row in roots if row["id"] == whole["id"])
    assert shown["totalPriceSet"]["shopMoney"]["amount"] == whole["totalPriceSet"]["shopMoney"]["amount"]
    assert (shown["refunds"], shown["customer"]) == ([], whole["customer"])
    assert [row["id"] for row in mine if "id" in row] == [line["id"] for line in whole["lineItems"]["nodes"]]
    assert mine[-1] == {"index": 0, "code": "FIVE", "__parentId": whole["id"]}
    at = found.index(shown)
    assert found[at + 1 : at + 1 + len(mine)] == mine


def test_ungrouped_children_come_somewhere_behind_their_parents(world: World) -> None:
    found = rows(finished(world, grouped=False)["url"])

    parents = [place for place, row in enumerate(found) if "__parentId" not in row]
    assert len(parents) == 6
    assert max(parents) == 5
    assert len(found) > 6


def test_the_file_is_read_in_pieces(world: World) -> None:
    done = finished(world)

    piece = requests.get(done["url"], headers={"Range": "bytes=5-24"}, timeout=20)

    assert (piece.status_code, piece.content) == (206, requests.get(done["url"], timeout=20).content[5:25])


def test_filters_work_in_bulk_too_and_nothing_found_is_no_file(world: World) -> None:
    done = finished(world, ORDERS.replace("{ orders {", "{ orders(query: \"created_at:>'2030-01-01'\") {", 1))

    assert (done["status"], done["objectCount"], done["url"]) == ("COMPLETED", "0", None)


@pytest.mark.parametrize(
    "query",
    [
        "{ shop { name } }",
        "{ orders { edges { node { nope } } } }",
        "{ orders { edges { node { id refunds { refundLineItems { nodes { quantity } } } } } } }",
        "{ orders { pageInfo { hasNextPage } } }",
        "mutation { giftCardDeactivate(id: 1) { userErrors { message } } }",
        "{ orders {",
    ],
)
def test_what_cannot_run_in_bulk_is_refused_at_once(world: World, query: str) -> None:
    made = start(world, query)

    assert (made["bulkOperation"], made["userErrors"][0]["code"]) == (None, "INVALID")


def test_five_run_at_a_time(world: World) -> None:
    made = [start(world) for _ in range(6)]

    assert [bool(each["userErrors"]) for each in made] == [False] * 5 + [True]
    assert made[5]["userErrors"][0]["code"] == "LIMIT_REACHED"
    world.shop.bulk.finish()
    assert start(world)["userErrors"] == []


def test_a_failure_leaves_a_part_of_the_data(world: World) -> None:
    world.shop.faults.bulk_fails = True

    done = finished(world)

    assert (done["status"], done["errorCode"], done["url"]) == ("FAILED", "INTERNAL_SERVER_ERROR", None)
    assert len(rows(done["partialDataUrl"])) >= 1


def test_an_operation_that_asks_for_what_the_app_may_not_read_fails_as_denied(world: World) -> None:
    world.shop.faults.unapproved = "level_1"

    done = finished(world)

    assert (done["status"], done["errorCode"], done["partialDataUrl"]) == ("FAILED", "ACCESS_DENIED", None)


def test_a_message_says_that_it_is_done_and_nothing_of_the_result() -> None:
    with Receiver() as receiver, opened(app=AppConfig(webhook_url=f"{receiver.url}/hooks"), order_count=2) as world:
        finished(world)
        world.shop.deliver_pending()

        bodies = [json.loads(got.body) for got in receiver.deliveries()]
    assert [(body["status"], body["type"], body["error_code"]) for body in bodies] == [("completed", "query", None)]
    assert "url" not in bodies[0]


def test_rows_are_made_one_by_one_and_not_kept() -> None:
    """Of the many orders of a file no more are in memory than of a few; a hundred thousand would take no more."""
    picks = projection.compiled(admin_schema(), parse(ORDERS))
    peaks = []
    for count in (200, 2_000):
        shop = FakeShopify(order_count=0, customer_count=0, synthetic_orders=count, synthetic_customers=100)
        root = shop.bulk.make_root(ALL_SCOPES)
        gc.collect()
        tracemalloc.start()
        made = sum(is_root for _, is_root in projection.lines(root, picks, grouped=True))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        shop.stop()
        assert made == count

    assert peaks[1] < peaks[0] + 100_000, peaks
