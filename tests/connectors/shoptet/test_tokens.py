"""The addon's tokens: what is asked, what is understood, what each refusal means, what leaks; and all of it at the fake."""

import contextlib
import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest

from connectors.shoptet.app import ShoptetApp
from connectors.shoptet.tokens import Grant, StaffClient, StaffSaid, TokenClient
from connectors.transport import AddressPolicy, Limits, Transport
from core.errors import (
    ConfigurationError,
    CredentialsRefused,
    InvalidInput,
    NotJson,
    PlatformError,
    PlatformRefused,
    RateLimited,
    ShopUnavailable,
    SignatureInvalid,
    Unreachable,
)
from core.ports import AddonShop, InstalledShop, Platform, PlatformApp
from demo.shoptet.server import AddonConfig, RunningShoptet, start_in_thread
from tests.connectors.scripted import ScriptedServer, answer, hang_up

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CLIENT, SECRET = "ae5d72b8964a08ed", "shoasecret_" + "5" * 32
CODE, OAUTH, ACCESS = "code-" + "c" * 250, "oauth-" + "o" * 249, "123456-a-fltqc2nn5zg8y5h69jx8976ltwi2p1qg"
INSTALLED = {
    "access_token": OAUTH, "expires_in": None, "token_type": "Bearer", "scope": "api", "eshopId": 222651,
    "eshopUrl": "https://12345.myshoptet.com/", "contactEmail": "customer@example.com", "trial": False,
}  # fmt: skip
PROJECT = {"success": True, "data": {"user": {"email": "Owner@Example.com "}, "project": {"id": 222651, "url": "x"}}}
INSTALL_URL = "https://regulars.example/install/shoptet/key"


def sent(body: object, status: str = "200 OK") -> bytes:
    return answer(status, json.dumps(body).encode())


def transport() -> Transport:
    secrets = (SECRET, CODE, OAUTH, ACCESS)
    return Transport(AddressPolicy(allow_loopback=True), secrets=secrets, limits=Limits(tries=1))


@contextlib.contextmanager
def partner(*answers: Any) -> Iterator[tuple[TokenClient, ScriptedServer]]:
    with ScriptedServer(answers) as server:
        yield TokenClient(f"{server.url}/", CLIENT, SECRET, transport()), server


@contextlib.contextmanager
def oauth_server(*answers: Any) -> Iterator[tuple[StaffClient, ScriptedServer]]:
    with ScriptedServer(answers) as server:
        yield StaffClient(f"{server.url}/action/OAuthServer/", CLIENT, SECRET, transport()), server


# The install code ---------------------------------------------------------------------------------------------------


def test_an_install_code_is_exchanged_at_the_partners_shop() -> None:
    with partner(sent(INSTALLED)) as (client, server):
        grant = client.exchange(CODE, INSTALL_URL)

    [asked] = server.asked
    assert grant == Grant(OAUTH, "222651", "https://12345.myshoptet.com", "customer@example.com")
    assert (asked.method, asked.target) == ("POST", "/action/ApiOAuthServer/token")
    assert json.loads(asked.body) == {
        "client_id": CLIENT,
        "client_secret": SECRET,
        "code": CODE,
        "grant_type": "authorization_code",
        "redirect_uri": INSTALL_URL,
        "scope": "api",
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"access_token": None}, {"access_token": "a b"}, {"eshopId": None}, {"eshopId": True}, {"eshopId": "x"},
        {"eshopId": 0}, {"eshopUrl": None}, {"eshopUrl": "javascript:1"},
    ],
)  # fmt: skip
def test_a_grant_that_lacks_something_is_none(wrong: dict[str, Any]) -> None:
    with partner(sent(INSTALLED | wrong)) as (client, _), pytest.raises(NotJson):
        client.exchange(CODE, INSTALL_URL)


# Access tokens ------------------------------------------------------------------------------------------------------


def test_an_access_token_lives_from_before_the_call() -> None:
    with partner(sent({"access_token": ACCESS, "expires_in": 1800})) as (client, server):
        made = client.access_token(OAUTH, NOW)

    [asked] = server.asked
    assert (made.token, made.expires_at) == (ACCESS, NOW + timedelta(minutes=30))
    assert (asked.method, asked.target) == ("GET", "/action/ApiOAuthServer/getAccessToken")
    assert asked.headers["authorization"] == f"Bearer {OAUTH}"


@pytest.mark.parametrize("status", ["200 OK", "400 Bad", "403 No", "429 Many"])
def test_five_tokens_in_use_mean_to_come_back_whatever_the_status(status: str) -> None:
    with partner(sent({"error": "maximum_tokens_reached"}, status)) as (client, _), pytest.raises(RateLimited) as full:
        client.access_token(OAUTH, NOW)

    assert full.value.retryable
    if status != "429 Many":  # of which the transport makes the same, by its own words
        assert (full.value.code, full.value.retry_after_s) == ("maximum_tokens_reached", 300)


@pytest.mark.parametrize("life", [None, "1800", True, 0, -1, 10**9, 1800.5])
def test_a_token_without_an_end_is_none(life: object) -> None:
    with partner(sent({"access_token": ACCESS, "expires_in": life})) as (client, _), pytest.raises(NotJson):
        client.access_token(OAUTH, NOW)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (sent({"error": "invalid_grant"}, "401 No"), CredentialsRefused),
        (answer("401 No", b"<html>"), CredentialsRefused),
        (sent({"error": "invalid_client"}, "400 No"), CredentialsRefused),
        (sent({"error": "teapot"}, "418 No"), PlatformRefused),
        (sent({"error": "strange"}), PlatformRefused),
        (sent({}, "500 Oops"), Unreachable),
        (answer(body=b"<html>"), NotJson),
        (answer(body=b"[]"), NotJson),
        (hang_up, Unreachable),
    ],
)
def test_each_refusal_says_what_to_do_and_tells_no_secret(said: Any, kind: type[PlatformError]) -> None:
    for ask in (lambda client: client.access_token(OAUTH, NOW), lambda client: client.exchange(CODE, INSTALL_URL)):
        with partner(said) as (client, server), pytest.raises(PlatformError) as raised:
            ask(client)

        assert type(raised.value) is kind
        assert len(server.asked) == 1
        assert not any(secret in repr(raised.value.args) for secret in (SECRET, CODE, OAUTH, ACCESS))


# Who is at work -----------------------------------------------------------------------------------------------------


def test_the_shops_own_server_says_who_is_at_work_and_where() -> None:
    with oauth_server(sent({"access_token": ACCESS}), sent(PROJECT)) as (client, server):
        said = client.staff_by_code(CODE, "https://regulars.example/admin")

    token, resource = server.asked
    assert said == StaffSaid("owner@example.com", "222651")
    assert (token.target, resource.target) == (
        "/action/OAuthServer/token",
        "/action/OAuthServer/resource?method=getBasicEshop",
    )
    assert parse_qs(token.body.decode())["scope"] == ["basic_eshop"]
    assert resource.headers["authorization"] == f"Bearer {ACCESS}"


@pytest.mark.parametrize(
    "answers",
    [
        [sent({"error": "invalid_grant"}, "400 No")],
        [sent({"error": "invalid_grant"})],
        [sent({"access_token": ACCESS}), sent({}, "401 No")],
        [sent({"access_token": ACCESS}), sent(PROJECT | {"success": False})],
        [sent({"access_token": ACCESS}), sent({"success": True, "data": {"user": {"email": "a@b.c"}}})],
        [sent({"access_token": ACCESS}), sent({"success": True, "data": {"project": {"id": 1}, "user": {}}})],
        [sent({"access_token": ACCESS}), sent({"success": True, "data": [1]})],
    ],
)
def test_whom_the_shop_does_not_name_is_nobody(answers: list[bytes]) -> None:
    with oauth_server(*answers) as (client, _), pytest.raises(SignatureInvalid):
        client.staff_by_code(CODE, "https://regulars.example/admin")


def test_a_server_that_is_down_says_nothing_of_anybody() -> None:
    with oauth_server(sent({"access_token": ACCESS}), sent({}, "500 Oops")) as (client, _), pytest.raises(Unreachable):
        client.staff_by_code(CODE, "https://regulars.example/admin")


# The app ------------------------------------------------------------------------------------------------------------

APP = ShoptetApp(AddressPolicy(allow_loopback=True))


@pytest.mark.parametrize(
    ("credentials", "is_due"),
    [
        ({"access_token": ACCESS, "expires_at": (NOW + timedelta(minutes=5, seconds=1)).isoformat()}, False),
        ({"access_token": ACCESS, "expires_at": (NOW + timedelta(minutes=5)).isoformat()}, True),
        ({"access_token": "", "expires_at": (NOW + timedelta(days=1)).isoformat()}, True),
        ({"oauth_token": OAUTH}, True),
        ({"private_token": ACCESS}, False),
    ],
)
def test_access_is_renewed_five_minutes_before_its_end(credentials: dict[str, str], is_due: bool) -> None:
    assert APP.is_due(credentials, NOW) is is_due


@pytest.mark.parametrize("end", ["", "soon", "2026-11-22T12:00:00"])
def test_an_end_that_is_none_is_no_stored_grant(end: str) -> None:
    with pytest.raises(InvalidInput):
        APP.is_due({"access_token": ACCESS, "expires_at": end}, NOW)


def test_an_addon_without_a_home_asks_nobody() -> None:
    app = PlatformApp("key", Platform.SHOPTET, CLIENT, (SECRET,))

    with pytest.raises(ConfigurationError):
        APP.install(app, CODE, INSTALL_URL, NOW)
    with pytest.raises(InvalidInput):
        APP.renewed(app, "https://shop.example", {}, NOW)


def test_a_call_that_may_have_made_a_token_is_not_made_again() -> None:
    with ScriptedServer([answer("503 Busy", b""), sent({"access_token": ACCESS, "expires_in": 1800})]) as server:
        app = PlatformApp("key", Platform.SHOPTET, CLIENT, (SECRET,), home_url=server.url)
        with pytest.raises(ShopUnavailable):
            APP.renewed(app, "https://shop.example", {"oauth_token": OAUTH}, NOW)
        assert len(server.asked) == 1


@pytest.fixture
def fake() -> Iterator[RunningShoptet]:
    running = start_in_thread(
        addon=AddonConfig(client_id=CLIENT, client_secret=SECRET), order_count=1, customer_count=1
    )
    yield running
    running.stop()


def app_of(fake: RunningShoptet) -> PlatformApp:
    return PlatformApp("key", Platform.SHOPTET, CLIENT, (SECRET,), origin=fake.url)


def test_a_shop_that_installs_us_gives_a_grant_that_is_renewed_before_its_first_use(fake: RunningShoptet) -> None:
    installs: list[InstalledShop] = []

    def called(connection: socket.socket) -> None:
        code = parse_qs(ours.asked[-1].target.partition("?")[2])["code"][0]
        codes.append(code)
        installs.append(APP.install(app_of(fake), code, address, NOW))
        connection.sendall(answer())

    codes: list[str] = []
    with ScriptedServer([called]) as ours:
        address = f"{ours.url}/install/shoptet/key"
        fake.shop.configure(install_url=address)
        assert fake.shop.install()
    [installed] = installs
    credentials = APP.renewed(app_of(fake), installed.base_url, installed.credentials, NOW)

    assert (installed.platform_shop_id, installed.base_url) == ("222651", fake.url)
    assert APP.is_due(installed.credentials, NOW)
    assert not APP.is_due(credentials, NOW)
    assert credentials["oauth_token"] == installed.credentials["oauth_token"]
    with pytest.raises(CredentialsRefused):  # a code is good once
        APP.install(app_of(fake), codes[0], address, NOW)


def test_the_sixth_token_is_refused_until_one_ends_and_an_uninstalled_addon_gets_none(fake: RunningShoptet) -> None:
    credentials = {"oauth_token": fake.shop.oauth_token()}
    for _ in range(5):
        APP.renewed(app_of(fake), fake.url, credentials, NOW)
    with pytest.raises(RateLimited):
        APP.renewed(app_of(fake), fake.url, credentials, NOW)

    fake.shop.uninstall()
    with pytest.raises(CredentialsRefused):
        APP.renewed(app_of(fake), fake.url, credentials, NOW)


def test_staff_are_those_of_the_shop_that_was_asked_for_and_of_no_other(fake: RunningShoptet) -> None:
    fake.shop.oauth_token()
    fake.shop.configure(login_url="https://regulars.example/admin/app/key")
    shop = AddonShop("222651", fake.url, {"oauth_url": f"{fake.url}/action/OAuthServer/"})
    other = AddonShop("222652", fake.url, shop.details)
    uri = "https://regulars.example/admin/app/key"

    visit = APP.staff_by_code(app_of(fake), shop, fake.shop.login_code(), redirect_uri=uri, now=NOW)

    assert (visit.base_url, visit.expires_at) == (fake.url, NOW + timedelta(hours=1))
    assert "@" in visit.user_id
    with pytest.raises(SignatureInvalid):
        APP.staff_by_code(app_of(fake), other, fake.shop.login_code(), redirect_uri=uri, now=NOW)
    with pytest.raises(SignatureInvalid):
        APP.staff_by_code(app_of(fake), shop, "no code", redirect_uri=uri, now=NOW)
