"""Calls that a platform prices and throttles: what waits, how long, and what is given up."""

from typing import Any

import pytest

from connectors.budget import Budget, Cost
from connectors.graphql import Operation
from core.errors import (
    RateLimited,
)
from tests.connectors.graphql_shop import FOUND, MADE, MAKE, ORDER, Watch, ask, client_of, priced, says, throttled
from tests.connectors.scripted import ScriptedServer, answer


def test_a_throttled_query_waits_until_the_bucket_holds_its_price() -> None:
    told = [throttled(requested=502, available=2), says(FOUND)]
    with ScriptedServer(told) as shop, client_of(shop) as (client, watch):
        assert client.execute(ORDER, {"id": "7"}).order is not None

        assert (watch.slept, len(shop.asked)) == ([5.0], 2)


def test_a_wish_to_wait_in_a_header_is_honoured_where_it_is_longer() -> None:
    body = {"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]}
    told = [says(body, headers="Retry-After: 7\r\n"), says(FOUND)]
    with ScriptedServer(told) as shop, client_of(shop) as (client, watch):
        client.execute(ORDER, {"id": "7"})

        assert watch.slept == [7.0]


@pytest.mark.parametrize(("header", "waited"), [("7", 7.0), ("1", 5.0)])
def test_of_two_wishes_to_wait_the_longer_one_counts(header: str, waited: float) -> None:
    limited = throttled(requested=502, available=2).replace(b"\r\n", f"\r\nRetry-After: {header}\r\n".encode(), 1)
    with ScriptedServer([limited, says(FOUND)]) as shop, client_of(shop) as (client, watch):
        client.execute(ORDER, {"id": "7"})

        assert watch.slept == [waited]


@pytest.mark.parametrize("requested", [b"1e999", b"-1", b'"nan"', b"true"])
def test_throttling_with_a_price_that_is_none_is_throttling_all_the_same(requested: bytes) -> None:
    body = throttled(requested=77777, available=2).partition(b"\r\n\r\n")[2].replace(b"77777", requested)
    with ScriptedServer([answer(body=body)]) as shop, client_of(shop) as (client, watch):
        with pytest.raises(RateLimited):
            client.execute(ORDER, {"id": "7"})

        assert watch.slept == [1.0, 2.0]


def test_throttling_that_names_no_time_is_waited_for_longer_each_time_and_then_given_up() -> None:
    body = says({"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]})
    with ScriptedServer([body]) as shop, client_of(shop) as (client, watch):
        with pytest.raises(RateLimited) as problem:
            client.execute(ORDER, {"id": "7"})

        assert (watch.slept, len(shop.asked), problem.value.retry_after_s) == ([1.0, 2.0], 3, None)


def test_too_long_a_wait_is_left_to_the_caller() -> None:
    with ScriptedServer([throttled(requested=1502, available=1)]) as shop, client_of(shop) as (client, watch):
        with pytest.raises(RateLimited) as problem:
            client.execute(ORDER, {"id": "7"})

        assert (problem.value.retry_after_s, watch.slept, len(shop.asked)) == (16, [], 1)


@pytest.mark.parametrize(("operation", "variables", "body"), [(ORDER, {"id": "7"}, FOUND), (MAKE, {"code": "A"}, MADE)])
def test_a_call_that_would_be_refused_waits_before_it_is_sent(
    operation: Operation[Any], variables: dict[str, str], body: dict[str, Any]
) -> None:
    told = [priced(body, requested=300, available=50), priced(body, requested=300, available=2000)]
    with ScriptedServer(told) as shop, client_of(shop) as (client, watch):
        client.execute(operation, variables)
        client.execute(operation, variables)
        client.execute(operation, variables)

        assert (watch.slept, len(shop.asked)) == ([2.5], 3)


def test_a_call_that_would_have_to_wait_too_long_is_not_sent() -> None:
    told = priced(MADE, requested=300, available=0, rate=10.0)
    with ScriptedServer([told]) as shop, client_of(shop) as (client, watch):
        client.execute(MAKE, {"code": "A"})
        with pytest.raises(RateLimited) as problem:
            client.execute(MAKE, {"code": "B"})

        assert (problem.value.retry_after_s, watch.slept, len(shop.asked)) == (30, [], 1)


def test_saleors_cost_without_a_bucket_makes_nobody_wait() -> None:
    told = says({**FOUND, "extensions": {"cost": {"requestedQueryCost": 40_000, "maximumAvailable": 50_000}}})
    with ScriptedServer([told]) as shop, client_of(shop) as (client, watch):
        client.execute(ORDER, {"id": "7"})
        client.execute(ORDER, {"id": "7"})

        assert (watch.slept, len(shop.asked)) == ([], 2)


@pytest.mark.parametrize("cost", [7, {"throttleStatus": 1}, {"requestedQueryCost": "x", "throttleStatus": {}},
                                  {"requestedQueryCost": 1, "throttleStatus": {"maximumAvailable": "1e999",
                                   "currentlyAvailable": True, "restoreRate": None}}])  # fmt: skip
def test_a_cost_that_cannot_be_read_is_no_cost(cost: object) -> None:
    assert ask(says({**FOUND, "extensions": {"cost": cost}})).order.id == "gid://shop/Order/7"


def budget(watch: Watch) -> Budget:
    """A hundred points are left, ten come back per second, and a call of "Order" takes 60."""
    made = Budget(10, clock=watch, sleep=watch.sleep)
    made.settle("Order", made.take("Order"), Cost(requested=60, available=100, restored_per_s=10, most=1000))
    return made


def test_what_a_call_under_way_may_take_is_not_given_to_a_second() -> None:
    watch = Watch()
    shared = budget(watch)

    shared.take("Order")
    shared.take("Order")

    assert watch.slept == [2.0]


def test_what_an_answer_tells_does_not_count_calls_under_way() -> None:
    watch = Watch()
    shared = budget(watch)
    shared.take("Order")
    shared.settle("Other", shared.take("Other"), Cost(requested=1, available=100, restored_per_s=10, most=1000))

    shared.take("Order")

    assert watch.slept == [2.0]


def test_a_call_that_told_nothing_counts_as_spent() -> None:
    watch = Watch()
    shared = budget(watch)

    shared.settle("Order", shared.take("Order"), None)
    shared.take("Order")

    assert watch.slept == [2.0]


def test_the_bucket_fills_with_time_but_not_above_its_brim() -> None:
    watch = Watch()
    shared = Budget(10, clock=watch, sleep=watch.sleep)
    shared.settle("Order", 0, Cost(requested=60, available=0, restored_per_s=10, most=100))
    watch.now += 1000

    shared.take("Order")
    shared.take("Order")

    assert watch.slept == [2.0]


def test_a_bucket_that_does_not_fill_and_a_price_above_its_brim_make_nobody_wait_for_ever() -> None:
    watch = Watch()
    shared = Budget(10, clock=watch, sleep=watch.sleep)
    shared.settle("Order", 0, Cost(requested=60, available=0, restored_per_s=0, most=100))
    shared.settle("Dear", 0, Cost(requested=600, available=0, restored_per_s=0, most=100))

    with pytest.raises(RateLimited) as problem:
        shared.take("Order")

    assert (shared.take("Dear"), problem.value.retry_after_s) == (600, 86_400)
