"""GraphQL over real sockets: typed answers, each way of saying no, who waits for how long, and what is never sent twice.

Saleor's bodies are recorded; Shopify's are written by hand in the shape that its documentation gives.
"""

import json
import logging
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
import structlog

from connectors.graphql import GraphQLClient, Operation, Refusal, Shape, UserError, read_operation
from connectors.transport import AddressPolicy, Limits, Transport
from core.errors import (
    AddressChanged,
    AddressRefused,
    CredentialsRefused,
    NotJson,
    OutcomeUnknown,
    PlatformError,
    PlatformRefused,
    RateLimited,
    ShopUnavailable,
    Unreachable,
    Unreadable,
)
from tests.connectors.graphql_shop import (
    FOUND,
    HERE,
    MADE,
    MAKE,
    ORDER,
    ORDERS,
    RECORDED,
    TOKEN,
    Customer,
    Order,
    ask,
    client_of,
    failed,
    says,
    throttled,
)
from tests.connectors.scripted import ScriptedServer, answer, hang_up, silence

# What is sent, and what is understood -----------------------------------------------------------------------------


def test_an_operation_is_sent_as_json_and_its_answer_comes_back_typed() -> None:
    with ScriptedServer([says(FOUND)]) as shop, client_of(shop) as (client, _):
        found = client.execute(ORDER, {"id": "gid://shop/Order/7", "least": Decimal("5.00")})

        sent = json.loads(shop.asked[0].body)
    assert found.order == Order.model_validate({"id": "gid://shop/Order/7", "totalPrice": "10.10"})
    assert (shop.asked[0].method, shop.asked[0].target) == ("POST", "/graphql/")
    assert shop.asked[0].headers["x-shopify-access-token"] == TOKEN
    assert shop.asked[0].headers["content-type"].startswith("application/json")
    assert (sent["operationName"], sent["variables"]) == ("Order", {"id": "gid://shop/Order/7", "least": "5.00"})
    assert "fragment Few on Order" in sent["query"] and "comment" not in sent["query"]


def test_a_decimal_is_read_as_it_was_written() -> None:
    body = b'{"data": {"order": {"id": "7", "totalPrice": 0.30000000000000000001, "note": 1.50}}}'

    order = ask(answer(body=body)).order

    assert (order.total_price, order.note) == (Decimal("0.30000000000000000001"), "1.50")


def test_what_nobody_asked_for_is_ignored() -> None:
    body = {"data": {"order": {"id": "7", "totalPrice": "1", "new": {"deep": 1}}, "other": 2}, "extensions": {"x": 1}}

    assert ask(says(body)).order.id == "7"


@pytest.mark.parametrize(
    ("order", "place"),
    [
        ({"id": "7"}, "order.totalPrice: missing"),
        ({"id": 7, "totalPrice": "1"}, "order.id: string_type"),
        ({"id": "7", "totalPrice": "secret@shop.example"}, "order.totalPrice: decimal_parsing"),
    ],
)
def test_an_answer_that_lacks_what_was_due_says_where_and_not_what(order: object, place: str) -> None:
    with pytest.raises(Unreadable, match=place) as problem:
        ask(says({"data": {"order": order}}))

    assert problem.value.code == "unexpected_shape"
    assert "secret@" not in "".join(traceback.format_exception(problem.value))


@pytest.mark.parametrize("value", [1.5, [{"deep": 0.1}], object()])
def test_a_float_is_never_sent(value: object) -> None:
    with ScriptedServer([says(FOUND)]) as shop, client_of(shop) as (client, _):
        with pytest.raises(TypeError):
            client.execute(ORDER, {"id": "7", "least": value})

        assert shop.asked == []


def test_a_variable_that_the_document_does_not_know_is_a_mistake_of_ours() -> None:
    with ScriptedServer([says(FOUND)]) as shop, client_of(shop) as (client, _):
        with pytest.raises(ValueError, match="identity"):
            client.execute(ORDER, {"identity": "7"})

        assert shop.asked == []


def test_threads_share_a_client_and_each_sends_its_own_variables() -> None:
    with ScriptedServer([says(FOUND)]) as shop, client_of(shop) as (client, _):
        threads = [threading.Thread(target=client.execute, args=(ORDER, {"id": str(each)})) for each in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        sent = sorted(json.loads(asked.body)["variables"]["id"] for asked in shop.asked)
    assert sent == [str(each) for each in range(8)]


# Each way of saying no --------------------------------------------------------------------------------------------

WEB_PAGE = answer(body=b"<html>", kind="text/html")
REFUSALS: dict[str, tuple[bytes, type[PlatformError], str | None]] = {
    "dead token": (says({"errors": "[API] Invalid access token"}, "401 Unauthorized"), CredentialsRefused, "unauthorized"),
    "no storefront traffic": (says(failed("STOREFRONT_TRAFFIC_NOT_ALLOWED"), "401 Unauthorized"), CredentialsRefused,
                              "STOREFRONT_TRAFFIC_NOT_ALLOWED"),
    "forbidden": (answer("403 Forbidden", b"<html>", kind="text/html"), CredentialsRefused, "forbidden"),
    "frozen": (says({"errors": "Unavailable Shop"}, "402 Payment Required"), ShopUnavailable, "frozen"),
    "locked": (says({"errors": "Unavailable Shop"}, "423 Locked"), ShopUnavailable, "locked"),
    "gone": (says({"errors": "Not Found"}, "404 Not Found"), ShopUnavailable, "not_found"),
    "inactive": (says(failed("SHOP_INACTIVE")), ShopUnavailable, "SHOP_INACTIVE"),
    "no right": (says(failed("ACCESS_DENIED", "order")), CredentialsRefused, "ACCESS_DENIED"),
    "too dear": (says(failed("MAX_COST_EXCEEDED")), PlatformRefused, "MAX_COST_EXCEEDED"),
    "their own trouble": (says(failed("INTERNAL_SERVER_ERROR")), Unreachable, "INTERNAL_SERVER_ERROR"),
    "their own trouble, hidden": (says(failed("KeyError", "order", message="Internal Server Error")), Unreachable, "KeyError"),
    "a word of tomorrow": (says(failed("BRAND_NEW", "order")), PlatformRefused, "BRAND_NEW"),
    "one text for the list": (says({"errors": "Parameter missing"}, "400 Bad Request"), PlatformRefused, None),
    "no reason": (says({}, "400 Bad Request"), Unreadable, "not_graphql"),
    "data in a refusal": (says(FOUND, "422 Unprocessable"), NotJson, "not_json"),
    "too large": (answer("413 Too Large", b""), PlatformRefused, "too_large"),
    "crashed": (answer("500 Internal", b"<html>", kind="text/html"), Unreachable, "crashed"),
    "busy": (answer("429 Slow"), RateLimited, None),
    "a web page": (WEB_PAGE, NotJson, "not_json"),
    "data in a web page": (answer(body=json.dumps(FOUND).encode(), kind="text/html"), NotJson, "not_json"),
    "half an answer": (answer(body=b'{"data": {'), NotJson, "not_json"),
    "no number": (answer(body=b'{"data": {"order": NaN}}'), NotJson, "not_json"),
    "bottomless": (answer(body=b"[" * 200_000), NotJson, "not_json"),
    "a list": (says([1]), Unreadable, "not_graphql"),
    "no data": (says({"data": None}), Unreadable, "not_graphql"),
    "a redirect": (answer("302 Found", headers="Location: https://other.example/?token=1\r\n"), AddressChanged, "redirect"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refusal_is_an_error_of_the_one_tree(case: tuple[bytes, type[PlatformError], str | None]) -> None:
    body, kind, code = case

    with pytest.raises(PlatformError) as problem:
        ask(body)

    assert (type(problem.value), problem.value.code) == (kind, code)


SALEOR: dict[str, tuple[type[PlatformError], str]] = {
    "bad app token": (CredentialsRefused, "PermissionDenied"),
    "expired/forged jwt": (CredentialsRefused, "InvalidSignatureError"),
    "validation error": (PlatformRefused, "GraphQLError"),
    "permission denied, partial data": (CredentialsRefused, "PermissionDenied"),
    "too many mutations": (PlatformRefused, "GraphQLError"),
    "page over 100": (PlatformRefused, "GraphQLError"),
}


def recorded(name: str) -> bytes:
    response = RECORDED[name]["response"]
    return says(response["body"], f"{response['status']} Recorded")


@pytest.mark.parametrize("name", SALEOR)
def test_what_saleor_really_answers_is_an_error_of_the_one_tree(name: str) -> None:
    with pytest.raises(PlatformError) as problem:
        ask(recorded(name))

    assert (type(problem.value), problem.value.code) == SALEOR[name]


def test_a_thing_that_is_not_there_is_null_and_no_error() -> None:
    class CheckoutAnswer(Shape):
        checkout: Customer | None

    operation = read_operation("query Checkout { checkout { id } }", CheckoutAnswer)

    assert ask(recorded("completed checkout no longer exists"), operation=operation).checkout is None


@pytest.mark.parametrize(
    ("name", "code", "place"),
    [
        ("unknown promo code", "INVALID", "promoCode"),
        ("duplicate voucher code", "ALREADY_EXISTS", "codes"),
        ("order discount on confirmed order", "CANNOT_DISCOUNT", "orderId"),
    ],
)
def test_a_mutations_own_errors_name_code_and_field(name: str, code: str, place: str) -> None:
    (payload,) = RECORDED[name]["response"]["body"]["data"].values()
    errors = [UserError.model_validate(each) for each in payload["errors"]]

    with ScriptedServer([]) as shop, client_of(shop) as (client, _), pytest.raises(PlatformRefused) as problem:
        client.raise_for(errors)

    assert (problem.value.code, problem.value.field) == (code, place)
    assert problem.value.message == payload["errors"][0]["message"]


def test_shopifys_path_of_a_field_is_read_too_and_no_error_is_none() -> None:
    error = UserError.model_validate({"field": ["input", "codes", "0"], "message": f"Taken {TOKEN}", "code": "TAKEN"})
    bare = UserError.model_validate({"field": None, "message": ""})

    with ScriptedServer([]) as shop, client_of(shop) as (client, _):
        client.raise_for([])
        with pytest.raises(PlatformRefused, match="Taken …") as problem:
            client.raise_for([error])
        with pytest.raises(PlatformRefused) as second:
            client.raise_for([bare, error])

    assert (problem.value.field, second.value.field) == ("input.codes.0", None)


def test_an_address_within_our_own_network_is_not_called() -> None:
    transport = Transport(AddressPolicy())
    client = GraphQLClient("https://10.0.0.1/graphql/", transport, headers={})

    with pytest.raises(AddressRefused):
        client.execute(ORDER, {"id": "7"})
    client.close()


def test_an_answer_beyond_the_limit_is_not_read_to_its_end() -> None:
    with pytest.raises(Unreadable) as problem:
        ask(answer(body=b" " * 300_000), limits=Limits(body_bytes=100_000))

    assert problem.value.code == "too_large"


@pytest.mark.parametrize(
    "told", [says(failed("X", message=f"Bearer {TOKEN} is bad")), answer("500 Bad", TOKEN.encode()), hang_up]
)
@pytest.mark.parametrize("operation", [ORDER, MAKE], ids=["query", "mutation"])
def test_the_token_is_in_no_error_and_in_no_log(
    told: bytes, operation: Operation[Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    with structlog.testing.capture_logs() as lines, pytest.raises(PlatformError) as problem:
        ask(told, operation=operation)

    assert TOKEN not in "".join(traceback.format_exception(problem.value)) + repr(problem.value.__dict__)
    assert TOKEN not in repr(lines) + caplog.text
    assert lines or caplog.records


# What is sent twice, and what never -------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", [answer("503 Busy"), answer("502 Bad"), answer("429 Slow"), hang_up])
def test_a_query_is_sent_again_though_it_is_a_post(trouble: bytes) -> None:
    with ScriptedServer([trouble, says(FOUND)]) as shop, client_of(shop) as (client, watch):
        assert client.execute(ORDER, {"id": "7"}).order is not None

        assert (len(shop.asked), len(watch.slept)) == (2, 1)


IN_DOUBT: dict[str, bytes | Callable[[socket.socket], None]] = {
    "a gateway": answer("502 Bad"),
    "overloaded": answer("503 Busy"),
    "crashed": answer("500 Bad"),
    "cut off": hang_up,
    "silent": silence(2),
    "too large": answer(body=b" " * 300_000),
    "a web page": WEB_PAGE,
    "half an answer": answer(body=b'{"data": {'),
    "no data": says({"data": None}),
    "another shape": says({"data": {"discountCreate": {}}}),
    "their own trouble": says(failed("INTERNAL_SERVER_ERROR")),
    "a reason that we do not know": says(failed("ValidationError", "discountCreate")),
    "refused within": says(failed("ACCESS_DENIED", "discountCreate", "discount", "id")),
    "another part done": says(failed("ACCESS_DENIED", "b", data={"discountCreate": {"userErrors": []}, "b": None})),
    "throttled halfway": says(failed("THROTTLED", "b", data={"discountCreate": {"userErrors": []}, "b": None})),
}


@pytest.mark.parametrize("trouble", IN_DOUBT.values(), ids=IN_DOUBT.keys())
def test_a_mutation_that_may_have_been_done_says_so_and_is_sent_once(trouble: bytes) -> None:
    limits = Limits(read_s=0.2, body_bytes=100_000)
    with ScriptedServer([trouble, says(MADE)]) as shop, client_of(shop, limits) as (client, watch):
        with pytest.raises(OutcomeUnknown):
            client.execute(MAKE, {"code": "A"})

        assert (len(shop.asked), watch.slept) == (1, [])


NOT_DONE: dict[str, tuple[bytes, type[PlatformError]]] = {
    "dead token": (says({"errors": "Invalid"}, "401 Unauthorized"), CredentialsRefused),
    "revoked at Saleor": (says(failed("PermissionDenied", "discountCreate", data={"discountCreate": None})), CredentialsRefused),
    "frozen": (says({}, "402 Payment Required"), ShopUnavailable),
    "inactive": (says(failed("SHOP_INACTIVE")), ShopUnavailable),
    "too many calls": (answer("429 Slow"), RateLimited),
    "throttled": (throttled(requested=100, available=0), RateLimited),
    "does not validate": (says({"errors": [{"message": "Unknown field"}]}), PlatformRefused),
    "a firewall": (answer("406 No", b"<html>", kind="text/html"), NotJson),
    "redirect": (answer("301 Moved"), AddressChanged),
}  # fmt: skip


@pytest.mark.parametrize("case", NOT_DONE.values(), ids=NOT_DONE.keys())
def test_a_mutation_that_was_certainly_not_done_says_why_and_is_sent_once(
    case: tuple[bytes, type[PlatformError]],
) -> None:
    body, kind = case
    with ScriptedServer([body, says(MADE)]) as shop, client_of(shop) as (client, watch):
        with pytest.raises(PlatformError) as problem:
            client.execute(MAKE, {"code": "A"})

        assert (type(problem.value), len(shop.asked), watch.slept) == (kind, 1, [])


def test_a_mutation_without_a_connection_was_certainly_not_done() -> None:
    with ScriptedServer([says(MADE)]) as shop:
        pass  # nobody listens there any more

    with client_of_closed(shop) as client, pytest.raises(Unreachable) as problem:
        client.execute(MAKE, {"code": "A"})

    assert problem.value.code == "not_connected"


@contextmanager
def client_of_closed(shop: ScriptedServer) -> Iterator[GraphQLClient]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    client = GraphQLClient(f"http://127.0.0.1:{port}/", Transport(HERE, sleep=lambda _: None), headers={})
    try:
        yield client
    finally:
        client.close()


# Data with refusals -----------------------------------------------------------------------------------------------

REFUSED_CUSTOMER = failed(
    "ACCESS_DENIED", "order", "customer", data={"order": {"id": "7", "totalPrice": "1", "customer": None}}
)


def partly(body: object, operation: Operation[Any]) -> Any:
    variables = {"id": "7"} if operation is ORDER else {}
    with ScriptedServer([says(body)]) as shop, client_of(shop) as (client, _):
        return client.execute_partly(operation, variables)


def test_a_tolerated_refusal_is_null_and_told_beside_the_data() -> None:
    found = partly(REFUSED_CUSTOMER, ORDER)

    assert (found.data.order.id, found.data.order.customer) == ("7", None)
    assert found.refusals == (Refusal(("order", "customer"), "ACCESS_DENIED"),)


def test_without_a_refusal_there_is_none() -> None:
    assert partly(FOUND, ORDER).refusals == ()


def test_a_tolerated_refusal_is_found_in_each_row_of_a_list() -> None:
    rows = [{"id": "1", "totalPrice": "1", "customer": {"email": None}}] * 2
    error = {"message": "No.", "extensions": {"exception": {"code": "PermissionDenied"}}}
    errors = [{**error, "path": ["orders", row, "customer", "email"]} for row in (0, 1)]

    found = partly({"data": {"orders": rows}, "errors": errors}, ORDERS)

    assert [refusal.path for refusal in found.refusals] == [("orders", row, "customer", "email") for row in (0, 1)]


def test_execute_never_hides_a_refusal() -> None:
    with pytest.raises(CredentialsRefused, match=r"order\.customer"):
        ask(says(REFUSED_CUSTOMER))


@pytest.mark.parametrize(
    "error",
    [
        {"path": ["order"], "extensions": {"code": "ACCESS_DENIED"}},  # above what is tolerated
        {"path": ["order", "customers"], "extensions": {"code": "ACCESS_DENIED"}},
        {"path": ["order", "customer"], "extensions": {"code": "INTERNAL_SERVER_ERROR"}},  # not a refusal
        {"extensions": {"code": "ACCESS_DENIED"}},
    ],
)
def test_one_error_that_is_not_tolerated_is_enough(error: dict[str, Any]) -> None:
    body = {**REFUSED_CUSTOMER, "errors": [*REFUSED_CUSTOMER["errors"], {"message": "No.", **error}]}

    with pytest.raises(PlatformError):
        partly(body, ORDER)
