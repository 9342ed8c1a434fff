"""Tokens of the fake Shopify: exchange, one-time refreshes with a way back, the code grant, and what an uninstallation ends."""

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import pytest
import requests

from demo.shopify.app_config import AppConfig
from tests.demo.shopify_world import World, opened

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
DAY = 86_400


@pytest.fixture
def world() -> Iterator[World]:
    with opened(app=AppConfig(redirect_urls=("https://app.example/callback",))) as world:
        yield world


def call(world: World, *, form: bool = False, **given: Any) -> requests.Response:
    app = world.shop.site.app
    body = {"client_id": app.client_id, "client_secret": app.secret, **given}
    kind = {"data": body} if form else {"json": body}
    return requests.post(f"{world.url}/admin/oauth/access_token", timeout=20, **kind)


def exchange(world: World, token: str | None = None, **given: Any) -> requests.Response:
    subject = world.shop.session_token() if token is None else token
    asked = {"grant_type": EXCHANGE, "subject_token": subject, "subject_token_type": ID_TOKEN, "expiring": 1}
    return call(world, **{**asked, **given})


def refresh(world: World, token: str) -> requests.Response:
    return call(world, grant_type="refresh_token", refresh_token=token)


def works(world: World, token: str) -> bool:
    world.token = token
    return world.post("query Q { shop { name } }").status_code == 200


@pytest.mark.parametrize("form", [False, True])
def test_a_session_token_is_traded_for_an_hours_access(world: World, form: bool) -> None:
    pair = exchange(world, form=form).json()

    assert (pair["expires_in"], pair["refresh_token_expires_in"]) == (3600, 90 * DAY)
    assert pair["refresh_token"].startswith("shprt_")
    assert set(pair["scope"].split(",")) == set(world.shop.site.granted)
    assert works(world, pair["access_token"])
    world.clock.turn(3600)
    assert not works(world, pair["access_token"])


def test_without_expiring_the_token_stays_and_comes_alone(world: World) -> None:
    alone = exchange(world, expiring=0).json()
    world.clock.turn(400 * DAY)

    assert "refresh_token" not in alone
    assert works(world, alone["access_token"])


@pytest.mark.parametrize(
    "changes", [{"aud": "another"}, {"dest": "https://other.myshopify.com"}, {"exp": 5}, {"nbf": 4e9}]
)
def test_a_session_token_of_others_or_of_another_time_is_refused(world: World, changes: dict[str, Any]) -> None:
    answer = exchange(world, world.shop.session_token(**changes))

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_subject_token")


def test_a_forged_session_token_is_refused(world: World) -> None:
    claims = jwt.decode(world.shop.session_token(), options={"verify_signature": False})

    answer = exchange(world, jwt.encode(claims, "x" * 32, algorithm="HS256"))

    assert answer.json()["error"] == "invalid_subject_token"


@pytest.mark.parametrize(
    ("given", "error"),
    [({"client_id": "nobody"}, "application_cannot_be_found"), ({"client_secret": "wrong"}, "invalid_client")],
)
def test_another_app_is_refused(world: World, given: dict[str, str], error: str) -> None:
    assert exchange(world, **given).json()["error"] == error


def test_a_refresh_gives_a_new_pair_and_the_old_token_works_until_the_new_one_is_used(world: World) -> None:
    first = exchange(world).json()
    second = refresh(world, first["refresh_token"]).json()
    world.clock.turn(DAY)

    # The answer was lost: the old token is tried again, and what it had bought first is void.
    third = refresh(world, first["refresh_token"]).json()
    assert refresh(world, second["refresh_token"]).json()["error"] == "invalid_grant"

    assert refresh(world, third["refresh_token"]).status_code == 200
    assert refresh(world, first["refresh_token"]).json()["error"] == "invalid_grant"


def test_the_way_back_is_open_for_thirty_days(world: World) -> None:
    first = exchange(world).json()
    refresh(world, first["refresh_token"])
    world.clock.turn(31 * DAY)

    assert refresh(world, first["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_refresh_token_dies_after_ninety_days(world: World) -> None:
    pair = exchange(world).json()
    world.clock.turn(90 * DAY)

    assert refresh(world, pair["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_new_exchange_ends_the_refresh_token_before_it_but_not_its_access(world: World) -> None:
    first = exchange(world).json()
    exchange(world)

    assert refresh(world, first["refresh_token"]).json()["error"] == "invalid_grant"
    assert works(world, first["access_token"])


def test_an_uninstallation_ends_everything_and_a_reinstallation_works_at_once(world: World) -> None:
    pair = exchange(world).json()
    world.shop.uninstall()

    assert not works(world, pair["access_token"])
    assert refresh(world, pair["refresh_token"]).json()["error"] == "invalid_grant"
    assert exchange(world).json()["error"] == "app_not_installed"
    world.shop.install()
    assert works(world, exchange(world).json()["access_token"])


def test_the_code_grant_returns_signed_and_its_code_is_good_once(world: World) -> None:
    app = world.shop.site.app
    query = {"client_id": app.client_id, "scope": "read_orders", "state": "abc", "redirect_uri": app.redirect_urls[0]}
    page = requests.get(f"{world.url}/admin/oauth/authorize", params=query, timeout=20)
    back = requests.post(f"{world.url}/admin/oauth/authorize", data=query, timeout=20, allow_redirects=False)
    given = dict(parse_qsl(urlsplit(back.headers["Location"]).query))

    assert "read_orders" in page.text
    seal = given.pop("hmac")
    text = "&".join(f"{name}={given[name]}" for name in sorted(given))
    assert hmac.compare_digest(seal, hmac.new(app.secret.encode(), text.encode(), hashlib.sha256).hexdigest())
    assert (given["state"], given["shop"]) == ("abc", world.shop.domain)
    pair = call(world, code=given["code"], expiring=1).json()
    assert pair["scope"] == "read_orders"
    assert call(world, code=given["code"], expiring=1).json()["error"] == "invalid_request"


def test_a_no_on_the_page_of_consent_returns_without_a_code_and_installs_nothing(world: World) -> None:
    world.shop.uninstall()
    app = world.shop.site.app
    query = {"client_id": app.client_id, "state": "abc", "redirect_uri": app.redirect_urls[0], "decision": "cancel"}

    back = requests.post(f"{world.url}/admin/oauth/authorize", data=query, timeout=20, allow_redirects=False)
    given = dict(parse_qsl(urlsplit(back.headers["Location"]).query))

    assert back.headers["Location"].startswith(f"{app.redirect_urls[0]}?")
    assert (given["error"], given["state"]) == ("access_denied", "abc")
    assert not {"code", "hmac"} & set(given)
    assert not world.shop.site.installed


def test_the_code_grant_goes_nowhere_but_to_the_apps_own_addresses(world: World) -> None:
    query = {"client_id": world.shop.site.app.client_id, "redirect_uri": "https://evil.example/", "state": "x"}

    assert requests.post(f"{world.url}/admin/oauth/authorize", data=query, timeout=20).status_code == 400


def test_session_tokens_say_what_the_platforms_say(world: World) -> None:
    app = world.shop.site.app
    inside = jwt.decode(world.shop.session_token(), app.secret, ["HS256"], audience=app.client_id,
                        options={"verify_exp": False, "verify_nbf": False, "verify_iat": False})  # fmt: skip
    anna = world.shop.add_customer("anna@ex.cz")
    at_checkout = jwt.decode(world.shop.extension_token(customer_id=anna.id), options={"verify_signature": False})
    stranger = jwt.decode(world.shop.extension_token(), options={"verify_signature": False})

    assert (inside["iss"], inside["dest"]) == ("https://fernway.myshopify.com/admin", "https://fernway.myshopify.com")
    assert inside["exp"] - inside["iat"] == 60
    assert at_checkout["sub"] == world.shop.gid("Customer", anna.id)
    assert at_checkout["exp"] - at_checkout["iat"] == 300
    assert "sub" not in stranger
