"""The calls over real sockets: what is sent, what is sent twice, how fast, and what each refusal means."""

import contextlib
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from connectors.shoptet.client import Client, segment
from connectors.shoptet.gate import Gate, gate_of
from connectors.transport import AddressPolicy, Transport
from core.errors import (
    CredentialsRefused,
    ExternalNotFound,
    InvalidInput,
    NotJson,
    OutcomeUnknown,
    PlatformError,
    PlatformRefused,
    RateLimited,
    ShopUnavailable,
    Unreachable,
    Unreadable,
)
from tests.connectors.scripted import ScriptedServer, answer

TOKEN = "123456-a-fltqc2nn5zg8y5h69jx8976ltwi2p1qg"


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@contextlib.contextmanager
def shop(*answers: Any, clock: Clock | None = None, **credentials: str) -> Iterator[tuple[Client, ScriptedServer]]:
    clock = clock or Clock()
    transport = Transport(AddressPolicy(allow_loopback=True), secrets=(TOKEN,), sleep=clock.sleep)
    with ScriptedServer(answers) as server:
        gate = Gate(clock=clock, sleep=clock.sleep)
        yield Client(credentials or {"access_token": TOKEN}, transport, gate, origin=server.url), server
        transport.close()


def ok(data: Any = None, errors: Any = None, *, status: str = "200 OK", headers: str = "") -> bytes:
    body = {"data": data, "errors": errors, "metadata": {"requestId": "1"}}
    return answer(status, json.dumps(body).encode(), headers=headers)


def refused(status: str, code: str, instance: str = "unknown", message: str = "No.") -> bytes:
    return ok(None, [{"errorCode": code, "message": message, "instance": instance}], status=status)


def filled(drops: int) -> bytes:
    return ok({}, headers=f"X-RateLimit-Bucket-Filling: {drops}/200\r\n")


# What is sent -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("credentials", "header"),
    [({"access_token": TOKEN}, "shoptet-access-token"), ({"private_token": TOKEN}, "shoptet-private-api-token")],
)
def test_the_token_goes_in_its_header_and_a_read_names_its_type_too(credentials: dict[str, str], header: str) -> None:
    with shop(ok({}), **credentials) as (client, server):
        client.call("GET", "/api/orders", params={"changeTimeFrom": "2026-01-01T00:00:00+0000"})

    [asked] = server.asked
    assert (asked.headers[header], asked.headers["content-type"]) == (TOKEN, "application/json")
    assert asked.target == "/api/orders?changeTimeFrom=2026-01-01T00%3A00%3A00%2B0000"


def test_without_a_token_nothing_is_asked() -> None:
    with pytest.raises(InvalidInput):
        Client({"oauth_token": TOKEN, "access_token": ""}, Transport(AddressPolicy()), Gate())


@pytest.mark.parametrize("code", ["", ".", "..", "x" * 101, "\ud800"])
def test_an_id_that_would_be_another_address_is_refused(code: str) -> None:
    with pytest.raises(InvalidInput):
        segment(code)


def test_an_id_is_one_part_of_the_address_whatever_it_holds() -> None:
    assert segment("2026/../7?a=1#") == "2026%2F..%2F7%3Fa%3D1%23"


# What is sent twice -------------------------------------------------------------------------------------------------


def test_a_read_is_sent_again_when_the_shop_was_busy_and_a_write_never_is() -> None:
    busy = answer("503 Busy", b"<html>", kind="text/html")
    with shop(busy, busy, ok({"a": 1})) as (client, server):
        assert client.call("GET", "/api/eshop").data == {"a": 1}
        assert len(server.asked) == 3
    for method in ("POST", "PATCH", "DELETE"):
        with shop(busy, ok({})) as (client, server):
            with pytest.raises(ShopUnavailable):
                client.call(method, "/api/webhooks", body={})  # type: ignore[arg-type]
            assert len(server.asked) == 1


def test_a_full_bucket_says_when_to_come_back_by_a_date() -> None:
    headers = "Date: Mon, 23 Nov 2026 10:00:00 GMT\r\nRetry-After: Mon, 23 Nov 2026 10:00:17 GMT\r\n"
    with shop(answer("429 Full", b"<html>", kind="text/html", headers=headers)) as (client, server):
        with pytest.raises(RateLimited) as full:
            client.call("GET", "/api/eshop")
        assert (full.value.retry_after_s, len(server.asked)) == (17, 1)


# How fast -----------------------------------------------------------------------------------------------------------


def test_a_bucket_that_is_nearly_full_is_waited_for() -> None:
    clock = Clock()
    with shop(filled(195), filled(5), clock=clock) as (client, _):
        client.call("GET", "/api/eshop")
        assert clock.slept == []
        client.call("GET", "/api/eshop")
        assert clock.slept == [pytest.approx(1.5)]
        client.call("GET", "/api/eshop")
        assert len(clock.slept) == 1


def test_a_bucket_that_fills_while_nobody_looks_leaks_too() -> None:
    clock = Clock()
    with shop(filled(195), clock=clock) as (client, _):
        client.call("GET", "/api/eshop")
        clock.now += 2
        client.call("GET", "/api/eshop")
        assert clock.slept == []


@pytest.mark.parametrize("filling", ["", "lots", "1/0", "-1/200", "1/200/3", "9" * 50 + "/200", "²/200"])
def test_a_filling_that_cannot_be_read_stops_nobody(filling: str) -> None:
    clock = Clock()
    said = answer(body=b'{"data": {}}', headers=f"X-RateLimit-Bucket-Filling: {filling}\r\n".replace("²", "x"))
    with shop(said, clock=clock) as (client, _):
        client.call("GET", "/api/eshop")
        client.call("GET", "/api/eshop")
        assert clock.slept == []


def test_no_more_than_three_calls_are_made_at_once() -> None:
    gate = Gate(longest_wait_s=0)

    with gate.turn(), gate.turn(), gate.turn(), pytest.raises(RateLimited), gate.turn():
        pytest.fail("a fourth")
    with contextlib.suppress(NotJson), gate.turn():
        raise NotJson("whatever")
    with gate.turn(), gate.turn(), gate.turn():  # each gave its turn back
        pass


def test_many_threads_wait_for_their_turn() -> None:
    with shop(ok({})) as (client, server):
        threads = [threading.Thread(target=client.call, args=("GET", "/api/eshop")) for _ in range(9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(server.asked) == 9


def test_connectors_of_one_grant_share_a_gate_and_others_do_not() -> None:
    first, second, other = gate_of("one"), gate_of("one"), gate_of("two")

    assert first is second
    assert first is not other


# What comes back ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "kind", "code", "wait"),
    [
        (refused("401 No", "expired-token"), Unreadable, "expired-token", None),
        (refused("401 No", "invalid-token"), CredentialsRefused, "invalid-token", None),
        (refused("403 No", "invalid-token-no-rights"), CredentialsRefused, "invalid-token-no-rights", None),
        (refused("403 No", "missing-module", "discountCoupons"), PlatformRefused, "missing-module", None),
        (refused("403 No", "webhook-not-registered"), PlatformRefused, "webhook-not-registered", None),
        (refused("404 No", "order-not-found", "2026"), ExternalNotFound, "order-not-found", None),
        (refused("404 No", "strange-thing-missing", "2026"), ExternalNotFound, "strange-thing-missing", None),
        (refused("404 No", "resource-not-found"), ShopUnavailable, "resource-not-found", None),
        (refused("400 No", "invalid-parameter", "page"), PlatformRefused, "invalid-parameter", None),
        (refused("409 No", "record-already-changed"), PlatformRefused, "record-already-changed", None),
        (refused("413 No", "too-many-rows"), PlatformRefused, "too-many-rows", None),
        (refused("422 No", "invalid-request-data"), PlatformRefused, "invalid-request-data", None),
        (refused("423 No", "request-locked"), RateLimited, "locked", 6),
        (refused("500 No", "unknown-error"), Unreachable, "crashed", None),
        (answer("413 No", b"<html>"), PlatformRefused, "too-large", None),
        (answer("423 No", b"<html>"), RateLimited, "locked", 6),
        (answer("500 No", b"<html>"), Unreachable, "crashed", None),
        (answer("404 No", b"<html>"), NotJson, "not_json", None),
        (answer("401 No", b"<html>"), NotJson, "not_json", None),
        (answer(body=b"<html>"), NotJson, "not_json", None),
        (answer(body=b"[]"), NotJson, "not_json", None),
        (answer(body=b'{"ok": true}'), NotJson, "not_json", None),
        (ok(None, [{"errorCode": "oops", "message": "m", "instance": "i"}]), PlatformRefused, "oops", None),
        (
            ok(None, [{"errorCode": TOKEN, "message": 7}, "x"], status="400 No"),
            PlatformRefused,
            TOKEN[:0] or "unknown",
            None,
        ),
    ],
)
def test_a_refusal_is_the_error_that_says_what_to_do(
    said: bytes, kind: type[PlatformError], code: str, wait: int | None
) -> None:
    with shop(said) as (client, _), pytest.raises(PlatformError) as raised:
        client.call("POST", "/api/orders/2026", body={})

    assert type(raised.value) is kind
    assert not isinstance(raised.value, OutcomeUnknown)
    assert raised.value.retry_after_s == wait
    if code != "unknown":
        assert raised.value.code == code


def test_a_message_that_quotes_our_token_is_told_without_it() -> None:
    with (
        shop(refused("400 No", "oops", message=f"Bad {TOKEN}")) as (client, _),
        pytest.raises(PlatformRefused) as raised,
    ):
        client.call("GET", "/api/eshop")

    assert TOKEN not in str(raised.value)


def test_a_success_keeps_what_was_done_and_tells_what_was_left_out() -> None:
    said = ok(
        {"coupons": [1]}, [{"errorCode": "left-out", "message": "m", "instance": "data.coupons[1]"}], status="201 OK"
    )
    with structlog.testing.capture_logs() as logs, shop(said) as (client, _):
        found = client.call("POST", "/api/discount-coupons", body={})

    assert found.data == {"coupons": [1]}
    assert [(each.code, each.instance) for each in found.refusals] == [("left-out", "data.coupons[1]")]
    assert [each["codes"] for each in logs if each["event"] == "shoptet.partly"] == [["left-out"]]


def test_what_shoptet_will_take_away_is_noted() -> None:
    headers = "X-Shoptet-Deprecated: use another\r\nSunset: Sat, 31 Dec 2026 23:59:59 GMT\r\n"
    with structlog.testing.capture_logs() as logs, shop(ok({}, headers=headers), ok({})) as (client, _):
        client.call("GET", "/api/eshop")
        client.call("GET", "/api/eshop")

    [noted] = [each for each in logs if each["event"] == "shoptet.deprecated"]
    assert (noted["deprecated"], noted["sunset"]) == ("use another", "Sat, 31 Dec 2026 23:59:59 GMT")
