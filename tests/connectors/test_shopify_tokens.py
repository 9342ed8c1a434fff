"""Grants over real sockets: what is asked, what is understood, what is asked twice, what each refusal means, what leaks."""

import contextlib
import json
import traceback
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog

from connectors.shopify.tokens import Grant, TokenClient, due, missing_scopes
from connectors.transport import AddressPolicy, Limits, Transport
from core.errors import (
    AddressChanged,
    CredentialsRefused,
    InvalidInput,
    NotJson,
    PlatformError,
    PlatformRefused,
    RateLimited,
    RegularsError,
    ShopUnavailable,
    SignatureInvalid,
    Unreachable,
    Unreadable,
)
from tests.connectors.scripted import ScriptedServer, answer, hang_up, silence

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CLIENT, SECRET = "0123456789abcdef0123456789abcdef", "shpss_" + "5" * 32
SESSION_TOKEN, CODE = "head.claims.signature", "0907a61c0c8d55e9"
OLD, ACCESS, REFRESH = "shprt_old" + "0" * 20, "shpat_new" + "1" * 20, "shprt_new" + "2" * 20
SECRETS = (SECRET, SESSION_TOKEN, CODE, OLD, ACCESS, REFRESH)
GOOD = {
    "access_token": ACCESS,
    "scope": "read_customers,write_discounts",
    "expires_in": 3600,
    "refresh_token": REFRESH,
    "refresh_token_expires_in": 7_776_000,
}
GRANT = Grant(
    ACCESS,
    REFRESH,
    frozenset({"read_customers", "write_discounts"}),
    NOW + timedelta(hours=1),
    NOW + timedelta(days=90),
)

Ask = Callable[[TokenClient], Grant]
EXCHANGE: Ask = lambda client: client.exchange(SESSION_TOKEN, NOW)  # noqa: E731
RENEW: Ask = lambda client: client.refresh(OLD, NOW)  # noqa: E731
BY_CODE: Ask = lambda client: client.exchange_code(CODE, NOW)  # noqa: E731
EVERY: Any = pytest.mark.parametrize("ask", [EXCHANGE, RENEW, BY_CODE], ids=["exchange", "refresh", "code"])
LOST = [hang_up, answer("500 Oops", b""), answer("502 Bad"), answer(body=b"<html>"), answer(body=b'{"access_token":')]


@contextlib.contextmanager
def shop(*answers: Any, limits: Limits | None = None) -> Iterator[tuple[TokenClient, ScriptedServer]]:
    transport = Transport(
        AddressPolicy(allow_loopback=True), secrets=(SECRET,), limits=limits, sleep=lambda seconds: None
    )
    with ScriptedServer(answers) as server:
        yield TokenClient(server.url, CLIENT, SECRET, transport), server
        transport.close()


def good(**changes: Any) -> bytes:
    body = {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}
    return answer(body=json.dumps(body).encode())


def refusal(word: object, status: str = "400 Bad Request") -> bytes:
    return answer(status, json.dumps({"error": word, "error_description": f"{SECRET} {OLD}"}).encode())


# What is asked ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ask", "own"),
    [
        (
            EXCHANGE,
            {
                "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
                "subject_token": SESSION_TOKEN,
                "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
                "requested_token_type": "urn:shopify:params:oauth:token-type:offline-access-token",
                "expiring": 1,
            },
        ),
        (RENEW, {"grant_type": "refresh_token", "refresh_token": OLD}),
        (BY_CODE, {"code": CODE, "expiring": 1}),
    ],
)
def test_a_grant_is_asked_for_in_shopifys_words(ask: Ask, own: dict[str, object]) -> None:
    with shop(good()) as (client, server):
        assert ask(client) == GRANT

    (asked,) = server.asked
    assert (asked.method, asked.target) == ("POST", "/admin/oauth/access_token")
    assert asked.headers["content-type"] == asked.headers["accept"] == "application/json"
    assert json.loads(asked.body) == {"client_id": CLIENT, "client_secret": SECRET, **own}


# What is understood -------------------------------------------------------------------------------------------------


@EVERY
@pytest.mark.parametrize(
    "changes",
    [
        {"access_token": ...},
        {"access_token": ""},
        {"access_token": None},
        {"access_token": 5},
        {"access_token": "two words"},
        {"access_token": "a\r\nX-Evil: 1"},
        {"access_token": "\u00fc"},
        {"access_token": "a" * 2_049},
        {"refresh_token": ...},
        {"refresh_token": ""},
        {"refresh_token": ["a"]},
        {"expires_in": ...},
        {"expires_in": None},
        {"expires_in": 0},
        {"expires_in": -1},
        {"expires_in": True},
        {"expires_in": "3600"},
        {"expires_in": 3600.5},
        {"expires_in": 10**12},
        {"refresh_token_expires_in": ...},
        {"refresh_token_expires_in": 10**400},
        {"scope": ...},
        {"scope": None},
        {"scope": ["read_customers"]},
        {"scope": "read customers"},
        {"scope": "read_customers,<b>"},
    ],
)
def test_an_answer_that_is_no_whole_grant_is_unreadable(ask: Ask, changes: dict[str, Any]) -> None:
    with shop(good(**changes)) as (client, _), pytest.raises(Unreadable) as problem:
        ask(client)
    assert problem.value.retryable


@EVERY
@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"token"', b"<html>", b"\xff\xfe", b"[" * 100_000, b'{"a":1'])
def test_an_answer_that_is_no_object_is_unreadable(ask: Ask, body: bytes) -> None:
    with shop(answer(body=body)) as (client, _), pytest.raises(NotJson):
        ask(client)


def test_a_grant_without_any_permission_is_a_grant() -> None:
    with shop(good(scope="")) as (client, _):
        assert EXCHANGE(client).scope == frozenset()


def test_what_else_an_answer_holds_is_left_alone() -> None:
    with shop(good(associated_user={"id": 1}, more=[1, 2])) as (client, _):
        assert EXCHANGE(client) == GRANT


# What is asked twice ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", LOST)
def test_a_refresh_whose_answer_is_lost_is_asked_once_more_with_the_same_token(lost: Any) -> None:
    with shop(lost, good()) as (client, server):
        assert RENEW(client) == GRANT

    assert [json.loads(asked.body)["refresh_token"] for asked in server.asked] == [OLD, OLD]


def test_a_refresh_is_given_up_after_the_second_time() -> None:
    with shop(hang_up) as (client, server), pytest.raises(Unreachable):
        RENEW(client)
    assert len(server.asked) == 2


def test_a_refresh_that_takes_too_long_is_unreachable() -> None:
    with shop(silence(2), limits=Limits(read_s=0.1)) as (client, server), pytest.raises(Unreachable) as problem:
        RENEW(client)
    assert (problem.value.code, len(server.asked)) == ("timeout", 2)


@pytest.mark.parametrize("ask", [EXCHANGE, BY_CODE])
@pytest.mark.parametrize("lost", LOST)
def test_nothing_else_is_asked_twice(ask: Ask, lost: Any) -> None:
    with shop(lost, good()) as (client, server), pytest.raises(Unreadable):
        ask(client)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "certain", [refusal("invalid_grant"), refusal("invalid_client"), answer("429 Slow"), answer("503 Busy")]
)
def test_a_refresh_with_an_answer_is_not_asked_again(certain: bytes) -> None:
    with shop(certain, good()) as (client, server), pytest.raises(PlatformError):
        RENEW(client)
    assert len(server.asked) == 1


def test_a_refused_second_try_says_that_the_merchant_must_act() -> None:
    with shop(hang_up, refusal("invalid_grant")) as (client, _), pytest.raises(CredentialsRefused):
        RENEW(client)


# What each refusal means --------------------------------------------------------------------------------------------


def test_a_session_token_that_shopify_does_not_take_is_invalid() -> None:
    with shop(refusal("invalid_subject_token")) as (client, _), pytest.raises(SignatureInvalid) as problem:
        EXCHANGE(client)
    assert problem.value.message == "Shopify does not accept the session token any more. Reload the page."


@pytest.mark.parametrize("status", ["400 Bad Request", "401 Unauthorized", "403 Forbidden"])
def test_a_dead_refresh_token_sends_the_merchant_to_the_app(status: str) -> None:
    with shop(refusal("invalid_grant", status)) as (client, _), pytest.raises(CredentialsRefused) as problem:
        RENEW(client)
    assert problem.value.code == "invalid_grant"
    assert "Open the app in the Shopify admin" in problem.value.message


@EVERY
@pytest.mark.parametrize(
    ("given", "kind", "code"),
    [
        (refusal("invalid_client", "401 Unauthorized"), CredentialsRefused, "invalid_client"),
        (refusal("application_cannot_be_found"), CredentialsRefused, "application_cannot_be_found"),
        (refusal("unsupported_grant_type"), PlatformRefused, "unsupported_grant_type"),
        (refusal("<b>Evil</b>\n"), PlatformRefused, "unknown"),
        (refusal({"a": 1}), PlatformRefused, "unknown"),
        (answer("400 Bad", b"{}"), PlatformRefused, "unknown"),
        (answer("400 Bad", b"<html>Oauth error"), NotJson, "not_json"),
        (answer("402 Pay", b"<html>"), ShopUnavailable, None),
        (answer("404 Not Found", b"<html>"), ShopUnavailable, None),
        (answer("404 Not Found", b'{"errors":"Not Found"}'), ShopUnavailable, None),
        (refusal("invalid_client", "404 Not Found"), CredentialsRefused, "invalid_client"),
        (answer("423 Locked", b""), ShopUnavailable, None),
        (answer("429 Slow"), RateLimited, None),
        (answer("500 Oops", b'{"error":"invalid_grant"}'), Unreachable, "crashed"),
        (answer("503 Busy"), ShopUnavailable, None),
        (answer("504 Late"), Unreachable, None),
        (answer("302 Found", headers="Location: https://evil.example/\r\n"), AddressChanged, "redirect"),
        (answer("201 Created", json.dumps(GOOD).encode()), PlatformRefused, "unknown"),
    ],
)  # fmt: skip
def test_each_refusal_says_what_can_be_done(
    ask: Ask, given: bytes, kind: type[PlatformError], code: str | None
) -> None:
    with shop(given) as (client, _), pytest.raises(PlatformError) as problem:
        ask(client)
    assert (type(problem.value), problem.value.code) == (kind, code)


def test_a_code_used_before_sends_the_merchant_to_the_app() -> None:
    with shop(refusal("invalid_request")) as (client, _), pytest.raises(CredentialsRefused) as problem:
        BY_CODE(client)
    assert (problem.value.code, problem.value.http_status) == ("invalid_request", 400)

    with shop(refusal("invalid_request")) as (client, _), pytest.raises(PlatformRefused):
        EXCHANGE(client)


# What leaks ---------------------------------------------------------------------------------------------------------


@EVERY
@pytest.mark.parametrize(
    "answers",
    [
        [good()],
        [refusal("invalid_grant")],
        [refusal(OLD)],
        [refusal(SECRET)],
        [good(expires_in=None)],
        [answer("500 Oops", OLD.encode())],
        [answer("400 Bad", f"<html>{SECRET}{CODE}{SESSION_TOKEN}".encode())],
        [hang_up],
        [answer("302 Found", headers=f"Location: https://evil.example/?token={OLD}\r\n")],
    ],
)
def test_no_secret_is_told(ask: Ask, answers: Sequence[Any], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    told = ""
    with structlog.testing.capture_logs() as logs, shop(*answers) as (client, _):
        told += repr(client) + repr(vars(client)["_transport"])
        try:
            grant = ask(client)
            told += f"{grant!r} {grant} {[grant]}"
        except RegularsError as problem:
            told += "".join(traceback.format_exception(problem)) + repr(problem) + repr(vars(problem))

    told += caplog.text + repr(logs)
    assert not [secret for secret in SECRETS if secret in told]


# Keeping it alive ---------------------------------------------------------------------------------------------------


def test_a_grant_is_the_same_after_storage() -> None:
    stored = json.loads(json.dumps(GRANT.as_credentials()))

    assert Grant.from_credentials({**stored, "client_id": "x"}) == GRANT
    assert all(isinstance(value, str) for value in stored.values())


@pytest.mark.parametrize(
    "changes",
    [
        {"access_token": ...},
        {"access_token": ""},
        {"refresh_token": "a b"},
        {"scope": ...},
        {"scope": "<b>"},
        {"expires_at": ...},
        {"expires_at": "soon"},
        {"refresh_expires_at": ""},
        {"refresh_expires_at": "2026-11-22T12:00:00"},
    ],
)
def test_what_is_no_stored_grant_is_refused(changes: dict[str, Any]) -> None:
    stored = {name: value for name, value in {**GRANT.as_credentials(), **changes}.items() if value is not ...}

    with pytest.raises(InvalidInput):
        Grant.from_credentials(stored)


def test_a_grant_is_due_five_minutes_before_its_end() -> None:
    end = GRANT.expires_at

    assert not due(GRANT, end - timedelta(minutes=5, seconds=1))
    assert due(GRANT, end - timedelta(minutes=5))
    assert due(GRANT, end + timedelta(days=1))


@pytest.mark.parametrize(
    ("granted", "wanted", "missing"),
    [
        ("", "", ""),
        ("read_orders", "read_orders", ""),
        ("", "read_orders", "read_orders"),
        ("write_orders", "read_orders write_orders", ""),
        ("read_orders", "write_orders", "write_orders"),
        ("write_discounts", "read_orders read_discounts", "read_orders"),
        ("unauthenticated_write_checkouts", "unauthenticated_read_checkouts read_checkouts", "read_checkouts"),
        ("write_orders", "read_all_orders", "read_all_orders"),
        ("rewrite_orders overwrite_orders", "read_orders", "read_orders"),
    ],
)
def test_who_may_write_may_read(granted: str, wanted: str, missing: str) -> None:
    assert missing_scopes(granted.split(), wanted.split()) == frozenset(missing.split())
