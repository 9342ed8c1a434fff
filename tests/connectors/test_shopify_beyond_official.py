"""Beside Shopify's package `shopifyapp`: what it takes and ours refuses, hole by hole; and both before one token endpoint."""

import base64
import hashlib
import hmac
import json
import random
import socket
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import httpx
import jwt
import pytest
import time_machine
from shopify_app import ShopifyApp

from connectors.shopify.session_tokens import verify_extension_token, verify_session_token
from connectors.shopify.signatures import verify_app_proxy, verify_webhook, webhook_domain
from connectors.shopify.tokens import Grant, TokenClient
from connectors.transport import AddressPolicy, Transport
from core.errors import CredentialsRefused, RegularsError, SignatureInvalid, Unreachable, Unreadable
from tests.connectors.scripted import ScriptedServer, answer, hang_up

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
CLIENT, SECRET = "0123456789abcdef0123456789abcdef", "shpss_" + "1" * 32
SHOP, REFRESH = "a.myshopify.com", "shprt_0"
OFFICIAL = ShopifyApp(CLIENT, SECRET)
STAFF: Mapping[str, Any] = {
    "iss": f"https://{SHOP}/admin", "dest": f"https://{SHOP}", "aud": CLIENT, "sub": "42",
    "exp": SECONDS + 55, "nbf": SECONDS - 5, "iat": SECONDS - 5, "jti": "f8912129-1af6", "sid": "aaea182f2732",
}  # fmt: skip
SHOPPER: Mapping[str, Any] = {
    "dest": SHOP, "aud": CLIENT, "sub": "gid://shopify/Customer/17",
    "exp": SECONDS + 295, "nbf": SECONDS - 5, "iat": SECONDS - 5, "jti": "6c992878-dbaf",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _frozen() -> Iterator[None]:
    """The official package asks the clock of the machine."""
    with time_machine.travel(NOW, tick=False):
        yield


# Tokens -------------------------------------------------------------------------------------------------------------


def token_of(true: Mapping[str, Any], **changes: Any) -> str:
    return jwt.encode({name: value for name, value in {**true, **changes}.items() if value is not ...}, SECRET, "HS256")


def bearing(token: str) -> Any:
    return {"method": "GET", "url": "https://app.example/", "body": "", "headers": {"Authorization": f"Bearer {token}"}}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"exp": ...}, id="it has no end"),
        pytest.param({"nbf": ...}, id="it has no beginning"),
        pytest.param({"iat": ...}, id="it was never made"),
        pytest.param({"exp": SECONDS + 365 * 86_400}, id="it lives for a year"),
        pytest.param({"iss": "https://b.myshopify.com/admin"}, id="it comes from another shop"),
        pytest.param({"iss": ...}, id="it comes from nowhere"),
        pytest.param({"dest": "https://evil.example"}, id="it is for no shop"),
        pytest.param({"dest": f"https://{SHOP}.evil.example"}, id="it is for what looks like the shop"),
        pytest.param({"dest": f"http://{SHOP}"}, id="it is for the shop without encryption"),
        pytest.param({"sub": ...}, id="it names nobody"),
        pytest.param({"sub": "gid://shopify/Customer/17"}, id="it names a customer"),
        pytest.param({"jti": ...}, id="it has no id"),
        pytest.param({"sid": ...}, id="it has no session"),
    ],
)
def test_a_token_of_staff_is_refused_because(changes: dict[str, Any]) -> None:
    token = token_of(STAFF, **changes)

    assert OFFICIAL.verify_app_home_req(bearing(token), "/patch").ok
    with pytest.raises(SignatureInvalid):
        verify_session_token(token, client_id=CLIENT, secrets=(SECRET,), now=NOW)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"exp": ...}, id="it has no end"),
        pytest.param({"exp": SECONDS + 86_400}, id="it lives for a day"),
        pytest.param({"dest": "evil.example"}, id="it is for no shop"),
        pytest.param({"dest": ...}, id="it is for nowhere"),
        pytest.param({"iss": "https://b.myshopify.com/admin"}, id="it comes from another shop"),
        pytest.param({"sub": "42"}, id="it names a member of staff"),
        pytest.param({"jti": ...}, id="it has no id"),
    ],
)
def test_a_token_of_a_shopper_is_refused_because(changes: dict[str, Any]) -> None:
    token = token_of(SHOPPER, **changes)

    assert OFFICIAL.verify_checkout_ui_ext_req(bearing(token)).ok
    with pytest.raises(SignatureInvalid):
        verify_extension_token(token, client_id=CLIENT, secrets=(SECRET,), now=NOW)


def test_a_shoppers_token_does_not_open_the_admin() -> None:
    token = token_of(SHOPPER)

    assert OFFICIAL.verify_app_home_req(bearing(token), "/patch").user_id == "gid://shopify/Customer/17"
    with pytest.raises(SignatureInvalid):
        verify_session_token(token, client_id=CLIENT, secrets=(SECRET,), now=NOW)


# Webhooks -----------------------------------------------------------------------------------------------------------


def hook(**headers: str) -> Any:
    return {
        "method": "POST",
        "url": "",
        "body": "{}",
        "headers": {name.replace("_", "-"): headers[name] for name in headers},
    }


def test_a_webhook_signature_in_no_ascii_is_refused_and_not_a_crash() -> None:
    with pytest.raises(TypeError):
        OFFICIAL.verify_webhook_req(hook(X_Shopify_Hmac_Sha256="\u00fc"))
    with pytest.raises(SignatureInvalid):
        verify_webhook(b"{}", "\u00fc", (SECRET,))


def test_a_webhook_without_a_signature_is_as_bad_as_one_with_a_wrong_one() -> None:
    assert OFFICIAL.verify_webhook_req(hook()).response.status == 400  # where Shopify's review asks for 401
    with pytest.raises(SignatureInvalid):
        verify_webhook(b"{}", "", (SECRET,))


def test_a_webhook_that_names_no_shop_is_refused() -> None:
    signature = base64.b64encode(hmac.digest(SECRET.encode(), b"{}", "sha256")).decode()
    named = hook(X_Shopify_Hmac_Sha256=signature, X_Shopify_Shop_Domain="evil.example")

    assert OFFICIAL.verify_webhook_req(named).shop == "evil.example"
    with pytest.raises(SignatureInvalid):
        webhook_domain("evil.example")


# App proxy ----------------------------------------------------------------------------------------------------------

TAIL = [("path_prefix", "/apps/regulars"), ("shop", SHOP), ("timestamp", str(SECONDS))]


def visit(pairs: list[tuple[str, str]], text: str | None = None) -> str:
    """`text`: what Shopify signed, when it is not what the pairs say."""
    values: dict[str, list[str]] = {}
    for key, value in pairs:
        values.setdefault(key, []).append(value)
    signed = text or "".join(f"{key}={','.join(values[key])}" for key in sorted(values))
    return urlencode([*pairs, ("signature", hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).hexdigest())])


@pytest.mark.parametrize(
    ("query", "read_as"),
    [
        pytest.param(visit([*TAIL[:1], ("shop", "evil.example"), TAIL[2]]), ("evil.example", None), id="it names no shop"),
        pytest.param(visit([("shop", f"{SHOP}.evil.example"), *TAIL[::2]]), ("a.evil.example", None), id="it names a false shop"),
        pytest.param(visit([*TAIL, TAIL[2]]), ("a", None), id="it has two times"),
        pytest.param(visit([*TAIL[:2], ("timestamp", f" {SECONDS}")]), ("a", None), id="its time is no number"),
        pytest.param(
            visit([("logged_in_customer_id", "17"), ("logged_in_customer_id", "18"), *TAIL]), ("a", "17"), id="it names two"
        ),
        pytest.param(visit([("logged_in_customer_id", "x'--"), *TAIL]), ("a", "x'--"), id="it names no number"),
        pytest.param(visit(TAIL[1:]), ("a", None), id="it does not say where the app is"),
        pytest.param(
            visit(
                [("a", "1logged_in_customer_id=m="), ("logged_in_customer_id", "777"), *TAIL],
                "a=1logged_in_customer_id=m=logged_in_customer_id=777" + "".join(map("=".join, TAIL)),
            ),
            ("a", "777"),
            id="nobody's signed text is cut into a customer's",
        ),
    ],
)  # fmt: skip
def test_a_visit_is_refused_because(query: str, read_as: tuple[str, str | None]) -> None:
    found = OFFICIAL.verify_app_proxy_req(
        {"method": "GET", "url": f"https://x.example/?{query}", "body": "", "headers": {}}
    )

    assert (found.ok, found.shop, found.logged_in_customer_id) == (True, *read_as)
    with pytest.raises(SignatureInvalid):
        verify_app_proxy(query, (SECRET,), NOW)


def test_a_visits_signature_in_no_ascii_is_refused_and_not_a_crash() -> None:
    query = urlencode([*TAIL, ("signature", "\u00fc")])

    with pytest.raises(TypeError):
        OFFICIAL.verify_app_proxy_req(
            {"method": "GET", "url": f"https://x.example/?{query}", "body": "", "headers": {}}
        )
    with pytest.raises(SignatureInvalid):
        verify_app_proxy(query, (SECRET,), NOW)


# The token endpoint -------------------------------------------------------------------------------------------------

GOOD: Mapping[str, Any] = {
    "access_token": "shpat_1", "scope": "read_customers,write_discounts", "expires_in": 3600,
    "refresh_token": "shprt_1", "refresh_token_expires_in": 7_776_000,
}  # fmt: skip
WRONG = [None, "", 0, -1, 3600.5, "3600", "a b", "\u00fc", [], {}, True, 10**13, "<b>"]


class Endpoint:
    """One server that answers both in the same way. The official package calls the shop's own address: it is led here."""

    def __init__(self) -> None:
        self.next: bytes | Callable[[socket.socket], None] = b""
        self.server = ScriptedServer([self._answer])
        self._transport = Transport(AddressPolicy(allow_loopback=True), sleep=lambda seconds: None)

    def __enter__(self) -> "Endpoint":
        self.server.__enter__()
        here = self.server.url
        inner = httpx.HTTPTransport()

        class Here(httpx.BaseTransport):
            def handle_request(self, request: httpx.Request) -> httpx.Response:
                request.url = httpx.URL(here + request.url.path)
                return inner.handle_request(request)

            def close(self) -> None:
                inner.close()

        self._http = httpx.Client(transport=Here())
        self._ours = TokenClient(here, CLIENT, SECRET, self._transport)
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()
        self._transport.close()
        self.server.__exit__()

    def official(self, road: str) -> Any:
        if road == "exchange":
            verified = OFFICIAL.verify_app_home_req(bearing(token_of(STAFF)), "/patch")
            return OFFICIAL.exchange_using_token_exchange("offline", verified.id_token, http_client=self._http)
        old = {"shop": "a", "refresh_token": REFRESH, "expires": "2026-11-22T11:00:00Z", "refresh_token_expires": ""}
        return OFFICIAL.refresh_token_exchanged_access_token(old, http_client=self._http)

    def ours(self, road: str) -> Grant:
        return self._ours.exchange(token_of(STAFF), NOW) if road == "exchange" else self._ours.refresh(REFRESH, NOW)

    def _answer(self, connection: socket.socket) -> None:
        self.next(connection) if callable(self.next) else connection.sendall(self.next)


def mutated_answer(chance: random.Random) -> tuple[bytes, bool]:
    """What the endpoint says, and whether its body is still the good one."""
    body: Any = dict(GOOD)
    for _ in range(chance.choice([0, 0, 1, 2])):
        name = chance.choice(sorted(GOOD))
        if chance.random() < 0.3:
            body.pop(name, None)
        else:
            body[name] = chance.choice(WRONG)
    text = json.dumps(body).encode()
    if chance.random() < 0.2:
        text = chance.choice([text[:-1], text + b"}", b"", b"[]", b"null", b"<html>", b"\xff" + text])
    status = chance.choice(["200 OK"] * 8 + ["400 Bad", "401 No", "404 None", "500 Oops", "502 Bad"])
    return answer(status, text), text == json.dumps(GOOD).encode()


@pytest.mark.parametrize("road", ["exchange", "refresh"])
def test_a_grant_is_taken_only_where_the_official_package_takes_it_and_is_the_same(road: str) -> None:
    chance, said = random.Random(road), Counter[str]()

    with Endpoint() as endpoint:
        for _ in range(1_000):
            endpoint.next, is_good = mutated_answer(chance)
            official, ours = theirs(lambda: endpoint.official(road)), grant_or_none(lambda: endpoint.ours(road))
            if ours is not None:
                assert official == ours
            else:
                assert official is None or not is_good, endpoint.next
            said[f"{official is not None} {ours is not None}"] += 1

    assert said.keys() == {"True True", "True False", "False False"}
    assert min(said.values()) > 50


@pytest.mark.parametrize("road", ["exchange", "refresh"])
def test_both_ask_the_endpoint_the_same(road: str) -> None:
    with Endpoint() as endpoint:
        endpoint.next = answer(body=json.dumps(GOOD).encode())
        endpoint.official(road)
        endpoint.ours(road)
        first, second = endpoint.server.asked

    assert (first.method, first.target) == (second.method, second.target) == ("POST", "/admin/oauth/access_token")
    assert json.loads(first.body) == json.loads(second.body)


@pytest.mark.parametrize(
    ("road", "said", "theirs_is", "ours_is"),
    [
        (
            "exchange",
            answer("400 Bad", b'{"error":"invalid_subject_token"}'),
            "invalid_subject_token",
            SignatureInvalid,
        ),
        ("exchange", answer("400 Bad", b'{"error":"invalid_client"}'), "invalid_client", CredentialsRefused),
        ("exchange", hang_up, "network_error", Unreachable),
        ("refresh", answer("400 Bad", b'{"error":"invalid_grant"}'), "invalid_grant", CredentialsRefused),
        ("refresh", answer("400 Bad", b'{"error":"invalid_client"}'), "invalid_client", CredentialsRefused),
        ("refresh", answer("500 Oops"), "server_error", Unreachable),
        ("refresh", hang_up, "network_error", Unreachable),
    ],
)
def test_a_refusal_means_the_same_to_both(road: str, said: Any, theirs_is: str, ours_is: type[RegularsError]) -> None:
    with Endpoint() as endpoint:
        endpoint.next = said

        assert endpoint.official(road).log.code == theirs_is
        with pytest.raises(ours_is):
            endpoint.ours(road)


@pytest.mark.parametrize("road", ["exchange", "refresh"])
def test_an_answer_without_a_token_is_no_grant(road: str) -> None:
    with Endpoint() as endpoint:
        endpoint.next = answer(body=b"{}")

        assert endpoint.official(road).access_token.token == ""
        with pytest.raises(Unreadable):
            endpoint.ours(road)


def theirs(ask: Callable[[], Any]) -> dict[str, object] | None:
    """The grant that the official package reads; when it falls over, that is none."""
    try:
        found = ask().access_token
        return (
            None
            if found is None
            else told(
                found.token, found.refresh_token, found.scope.split(","), found.expires, found.refresh_token_expires
            )
        )
    except (TypeError, ValueError, AttributeError, OverflowError):
        return None


def grant_or_none(ask: Callable[[], Grant]) -> dict[str, object] | None:
    try:
        found = ask()
    except RegularsError:
        return None
    ends = [f"{end:%Y-%m-%dT%H:%M:%SZ}" for end in (found.expires_at, found.refresh_expires_at)]
    return told(found.access_token, found.refresh_token, found.scope, *ends)


def told(access: object, refresh: object, scope: Any, expires: object, refresh_expires: object) -> dict[str, object]:
    names = {name for name in scope if name}
    return {"access": access, "refresh": refresh, "scope": names, "ends": (expires, refresh_expires)}
