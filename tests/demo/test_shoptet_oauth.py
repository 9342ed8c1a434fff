"""The two OAuth servers of the fake Shoptet: installing, API tokens, the life of an addon, and who is in the admin."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from demo.shoptet.addon import AddonConfig
from tests.demo.shoptet_world import Json, World, contract_in, opened
from tests.demo.world import Received, Receiver

LIFE = {"addon:suspend": 222651, "addon:approve": 222651, "addon:terminate": 222651, "addon:uninstall": "222651"}


class Addon:
    """A partner's server: trades the install code for a token, as install.php does."""

    def __init__(self) -> None:
        self.shop_url = ""
        self.changes: Json = {}
        self.status = 200
        self.answers: list[requests.Response] = []
        self.receiver = Receiver(answer=self._answer)
        self.config = AddonConfig()

    def _answer(self, got: Received) -> tuple[int, dict[str, str], bytes]:
        code = parse_qs(urlsplit(got.path).query).get("code", [""])[0]
        if code:
            self.answers.append(self.redeem(code))
        return self.status, {}, b""

    def redeem(self, code: str) -> requests.Response:
        body = {
            "client_id": self.config.client_id, "client_secret": self.config.client_secret, "code": code,
            "grant_type": "authorization_code", "redirect_uri": f"{self.receiver.url}/install", "scope": "api",
            **self.changes,
        }  # fmt: skip
        return requests.post(f"{self.shop_url}/action/ApiOAuthServer/token", json=body, timeout=20)

    def api_token(self, oauth_token: str) -> requests.Response:
        address = f"{self.shop_url}/action/ApiOAuthServer/getAccessToken"
        return requests.get(address, headers={"Authorization": f"Bearer {oauth_token}"}, timeout=20)


@pytest.fixture
def addon() -> Iterator[Addon]:
    made = Addon()
    with made.receiver:
        url = made.receiver.url
        made.config = AddonConfig(
            install_url=f"{url}/install", lifecycle_url=f"{url}/life", login_url=f"{url}/login",
            settings_url=f"{url}/settings?c=#OAUTH_CODE#&s=#SHOP_ID#&l=#LANGUAGE#",
        )  # fmt: skip
        yield made


@pytest.fixture
def world(addon: Addon) -> Iterator[World]:
    with opened(addon=addon.config) as world:
        addon.shop_url = world.url
        world.shop.uninstall()
        world.shop.deliveries.drop_pending()
        yield world


def test_installing_calls_the_addon_which_trades_the_code_for_a_token(
    world: World, addon: Addon, contracts_dir: Path
) -> None:
    assert world.shop.install()
    given = addon.answers[0].json()
    token = addon.api_token(given["access_token"]).json()
    contract = contract_in(contracts_dir)

    assert given.keys() == contract.sample("install_token.response").keys()
    assert token.keys() == contract.sample("api_access_token.response").keys()
    assert (len(given["access_token"]), given["expires_in"], given["eshopId"]) == (255, None, 222651)
    assert token["expires_in"] == 1800
    assert 38 <= len(token["access_token"]) <= 60
    world.token = token["access_token"]
    assert world.call("GET", "/api/eshop").status_code == 200


@pytest.mark.parametrize("field", ["client_id", "client_secret", "code", "grant_type", "redirect_uri", "scope"])
def test_every_field_of_the_trade_must_be_right(world: World, addon: Addon, field: str) -> None:
    addon.changes = {field: "wrong"}

    assert not world.shop.install()
    assert addon.answers[0].status_code in {400, 401}
    assert not world.shop.site.installed


def test_a_code_is_good_once_and_for_a_minute(world: World, addon: Addon) -> None:
    tokens = world.shop.site.tokens
    once, late = (tokens.new_install_code(addon.config.install_url) for _ in range(2))
    first, second = addon.redeem(once), addon.redeem(once)
    world.clock.turn(61)

    assert [first.status_code, second.status_code, addon.redeem(late).status_code] == [200, 400, 400]


@pytest.mark.parametrize("status", [302, 201, 500])
def test_anything_but_200_fails_the_installation(world: World, addon: Addon, status: int) -> None:
    addon.status = status

    assert not world.shop.install()
    assert addon.api_token(addon.answers[0].json()["access_token"]).status_code == 401


def test_there_are_five_valid_tokens_at_most(world: World, addon: Addon, contracts_dir: Path) -> None:
    oauth = world.shop.oauth_token()
    first = [addon.api_token(oauth).json()["access_token"] for _ in range(5)]
    sixth = addon.api_token(oauth)
    world.clock.turn(1800)
    later = addon.api_token(oauth)

    assert len(set(first)) == 5
    assert sixth.json() == contract_in(contracts_dir).sample("api_access_token.error_maximum")
    assert later.status_code == 200


def test_a_paused_addon_gets_no_token_and_no_answer_until_it_goes_on(world: World, addon: Addon) -> None:
    oauth = world.shop.oauth_token()
    world.token = addon.api_token(oauth).json()["access_token"]
    world.shop.suspend()
    paused = addon.api_token(oauth).status_code, world.call("GET", "/api/eshop").status_code
    world.shop.approve()

    assert paused == (401, 401)
    assert (addon.api_token(oauth).status_code, world.call("GET", "/api/eshop").status_code) == (200, 200)


def test_an_uninstalled_addon_is_gone_with_all_it_had(world: World, addon: Addon) -> None:
    world.token = world.shop.access_token()
    oauth = world.shop.site.tokens.oauth_token
    world.write("POST", "/api/webhooks", [{"event": "order:create", "url": "http://127.0.0.1:9/"}])
    world.write("POST", "/api/template-include", {"snippets": [{"location": "common-footer", "html": "<b>ours</b>"}]})
    shown = "<b>ours</b>" in requests.get(f"{world.url}/", timeout=20).text
    world.shop.uninstall()

    assert shown
    assert addon.api_token(oauth).status_code == 401
    assert world.refused("GET", "/api/webhooks") == (401, ["invalid-token"])
    assert "<b>ours</b>" not in requests.get(f"{world.url}/", timeout=20).text
    world.token = world.shop.access_token()
    assert world.get("/api/webhooks")["webhooks"] == []
    assert world.shop.site.tokens.oauth_token != oauth


def test_the_life_of_the_addon_is_told_to_the_partners_address(world: World, addon: Addon, contracts_dir: Path) -> None:
    world.token = world.shop.access_token()
    key = world.write("POST", "/api/webhooks/renew-signature-key")["signatureKey"]
    for deed in (world.shop.suspend, world.shop.approve, world.shop.terminate, world.shop.uninstall):
        deed()
        world.shop.deliver_pending()
    told = [got for got in addon.receiver.deliveries() if got.path == "/life"]
    bodies = [json.loads(got.body) for got in told]

    assert {body["event"]: body["eventInstance"] for body in bodies} == LIFE
    assert all(got.headers["Shoptet-Webhook-Signature"] for got in told)
    assert key
    for body in bodies:
        sample = contract_in(contracts_dir).sample(f"webhook_{body['event'].replace(':', '_')}")
        assert {name: type(value) for name, value in body.items()} == {
            name: type(value) for name, value in sample.items()
        }


def login(world: World, addon: Addon, code: str, **changes: str) -> requests.Response:
    body = {
        "client_id": addon.config.client_id, "client_secret": addon.config.client_secret, "code": code,
        "grant_type": "authorization_code", "redirect_uri": addon.config.login_url, "scope": "basic_eshop", **changes,
    }  # fmt: skip
    server = next(each["url"] for each in world.get("/api/eshop")["urls"] if each["ident"] == "oauth")
    return requests.post(f"{server}token", data=body, timeout=20)


def who(world: World, token: str, method: str = "getBasicEshop") -> requests.Response:
    address = f"{world.url}/action/OAuthServer/resource?method={method}"
    return requests.post(address, headers={"Authorization": f"Bearer {token}"}, timeout=20)


def test_the_code_in_the_settings_address_says_which_shop_it_is(
    world: World, addon: Addon, contracts_dir: Path
) -> None:
    world.token = world.shop.access_token()
    page = requests.get(f"{world.url}/admin/addon", timeout=20).text
    address = page.split('data-addon title="Regulars" src="')[1].split('"')[0].replace("&amp;", "&")
    query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    token = login(world, addon, query["c"]).json()["access_token"]
    answer = who(world, token).json()
    sample = contract_in(contracts_dir).sample("oauth_settings_basic_eshop.response")

    assert (query["s"], query["l"]) == ("222651", "en")
    assert answer["data"]["project"]["id"] == 222651
    assert answer.keys() == sample.keys()
    assert {name: part.keys() for name, part in answer["data"].items()} == {
        name: part.keys() for name, part in sample["data"].items()
    }


def test_without_an_address_for_sign_in_there_is_no_code(world: World) -> None:
    world.shop.oauth_token()
    world.shop.configure(login_url="")

    assert "c=&amp;s=222651" in requests.get(f"{world.url}/admin/addon", timeout=20).text


def test_a_sign_in_code_is_good_once_for_the_right_client(world: World, addon: Addon) -> None:
    world.token = world.shop.access_token()
    code = world.shop.login_code()
    wrong = [login(world, addon, world.shop.login_code(), **{name: "wrong"}).status_code
             for name in ("client_secret", "scope", "redirect_uri", "grant_type")]  # fmt: skip

    assert wrong == [401, 400, 400, 400]
    assert [login(world, addon, code).status_code for _ in range(2)] == [200, 400]
    assert who(world, "nonsense").status_code == 401
    token = login(world, addon, world.shop.login_code()).json()["access_token"]
    assert who(world, token, "getSecrets").status_code == 400


def test_staff_agree_on_a_page_and_come_back_with_code_and_state(world: World, addon: Addon) -> None:
    world.token = world.shop.access_token()
    query = {"client_id": addon.config.client_id, "state": "s-1", "scope": "basic_eshop", "response_type": "code",
             "redirect_uri": addon.config.login_url}  # fmt: skip
    address = f"{world.url}/action/OAuthServer/authorize"
    page = requests.get(address, params=query, timeout=20)
    back = requests.post(address, data=query, allow_redirects=False, timeout=20).headers["Location"]
    astray = requests.get(address, params={**query, "redirect_uri": "https://evil.example/"}, timeout=20)

    assert page.status_code == 200
    assert back.startswith(addon.config.login_url)
    given = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
    assert given["state"] == "s-1"
    assert login(world, addon, given["code"]).status_code == 200
    assert astray.status_code == 400
