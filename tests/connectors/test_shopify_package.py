"""The archive for Shopify's CLI: the same every time, filled in for one app, and nothing in a value can break out."""

import io
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from connectors.shopify.package import SLUG, package_zip
from connectors.shopify.webhooks import ShopifyWebhookReader
from core.ports import WebhookRequest

SERVER = "https://loyalty.example"
APP_KEY = "0123456789abcdef0123456789abcdef"
CLIENT_ID = "fedcba9876543210fedcba9876543210"
SOURCE = Path("connectors/shopify/storefront")

HOSTILE = [
    '"\nclient_id = "stolen',
    'a"] \n[auth]\nredirect_urls = ["https://evil.example"] #',
    "\\",
    '\\"',
    '"""',
    "'''",
    "\x00\x01\x1f\x7f\t\r\n",
    "@app_key@",
    "@client_id@@server_url@",
    "{{ shop.name }}{% raw %}",
    "</script><script>alert(1)</script>",
    "\u2028\u2029ščř🎁",
    '";alert(1);/*',
    "${alert(1)}",
    r"\u0022\x22",
]


def unpacked(**changes: str) -> Mapping[str, str]:
    values = {"server_url": SERVER, "app_key": APP_KEY, "client_id": CLIENT_ID, **changes}
    with ZipFile(io.BytesIO(package_zip(**values))) as archive:
        return {name.removeprefix(f"{SLUG}/"): archive.read(name).decode() for name in archive.namelist()}


def settings(**changes: str) -> dict[str, Any]:
    return tomllib.loads(unpacked(**changes)["shopify.app.toml"])


def subscribed(contracts: Path) -> Iterator[tuple[str, list[str] | None, dict[str, Any]]]:
    """Each topic with the fields that it is to bring (None: all) and Shopify's sample of its body."""
    for subscription in settings()["webhooks"]["subscriptions"]:
        for topic in subscription["topics"]:
            sample = json.loads((contracts / f"shopify/webhooks/{topic.replace('/', '__')}.json").read_text())
            yield topic, subscription.get("include_fields"), sample


def reduced(body: dict[str, Any], fields: list[str]) -> dict[str, Any]:
    """What Shopify sends of a body: a dot leads into the items of a list."""
    left: dict[str, Any] = {}
    for field in fields:
        name, _, inner = field.partition(".")
        left[name] = [{inner: item[inner]} for item in body[name]] if inner else body[name]
    return left


def test_the_same_app_gets_the_same_bytes() -> None:
    one = package_zip(server_url=SERVER, app_key=APP_KEY, client_id=CLIENT_ID)

    assert one == package_zip(server_url=f"{SERVER}/", app_key=APP_KEY, client_id=CLIENT_ID)
    assert one != package_zip(server_url=SERVER, app_key=APP_KEY, client_id=CLIENT_ID[::-1])


def test_the_archive_holds_the_whole_tree_in_one_folder_and_nothing_that_npm_made() -> None:
    made = {"node_modules", "dist", "tests", "__pycache__"}
    tree = {path.relative_to(SOURCE) for path in SOURCE.rglob("*") if path.is_file()}

    held = {Path(name) for name in unpacked()}

    assert held == {path for path in tree if not made & set(path.parts) and not path.name.startswith(".")}
    assert {Path("package-lock.json"), Path("extensions/regulars-theme/shopify.extension.toml")} <= held


def test_every_place_is_filled_in() -> None:
    left = {name for name, text in unpacked().items() if re.search(r"@(server_url|app_key|client_id)@", text)}

    assert left == set()


def test_the_addresses_are_those_that_the_doors_answer() -> None:
    app = settings()

    assert app["client_id"] == CLIENT_ID
    assert app["embedded"] is True
    assert app["application_url"] == f"{SERVER}/admin/app/{APP_KEY}"
    assert app["auth"]["redirect_urls"] == [f"{SERVER}/install/shopify/{APP_KEY}/callback"]
    assert app["app_proxy"] == {
        "url": f"{SERVER}/widget/v1/proxy/{APP_KEY}",
        "prefix": "apps",
        "subpath": "regulars",
    }
    uris = {subscription["uri"] for subscription in app["webhooks"]["subscriptions"]}
    assert uris == {f"{SERVER}/webhooks/shopify/{APP_KEY}"}
    address = json.loads(unpacked()["shared/address.json"])
    assert address == {"extension": f"{SERVER}/widget/v1/extension/{APP_KEY}"}


def test_no_more_is_asked_of_a_merchant_than_the_documentation_explains() -> None:
    scopes = settings()["access_scopes"]
    asked = set(scopes["scopes"].split(","))
    documented = Path("docs/platforms/shopify-extensions.md").read_text()

    assert asked == {
        "read_customer_merge",
        "read_customers",
        "read_orders",
        "read_products",
        "write_app_proxy",
        "write_discounts",
    }
    assert set(scopes["optional_scopes"]) == {
        "read_all_orders",
        "write_gift_cards",
        "write_store_credit_account_transactions",
    }
    for scope in asked | set(scopes["optional_scopes"]):
        assert f"| `{scope}` |" in documented, scope


def test_the_webhooks_are_pinned_and_each_topic_comes_once() -> None:
    webhooks = settings()["webhooks"]
    topics = [topic for subscription in webhooks["subscriptions"] for topic in subscription["topics"]]
    compliance = [topic for each in webhooks["subscriptions"] for topic in each.get("compliance_topics", [])]

    assert webhooks["api_version"] == "2026-10"
    assert len(topics) == len(set(topics))
    assert sorted(compliance) == ["customers/data_request", "customers/redact", "shop/redact"]


def test_shopify_knows_the_topics_and_the_scopes_cover_them(contracts_dir: Path) -> None:
    known = json.loads((contracts_dir / "shopify/webhooks/topics-metadata.json").read_text())
    app = settings()
    granted = {re.sub("^(read|write)_", "", scope) for scope in app["access_scopes"]["scopes"].split(",")}

    for subscription in app["webhooks"]["subscriptions"]:
        for topic in subscription["topics"]:
            assert "toml" in known[topic]["available_on"], topic
            needed = known[topic].get("access_scopes")
            assert not needed or granted & set(needed), topic


def test_a_message_brings_no_persons_data(contracts_dir: Path) -> None:
    """Either Shopify says that the body holds none, or the fields that it brings are ids, states and times."""
    harmless = re.compile(r"(?:\w+[_.])?id|currency|status|myshopify_domain|(?:created|updated)_at")
    known = json.loads((contracts_dir / "shopify/webhooks/topics-metadata.json").read_text())

    for topic, fields, sample in subscribed(contracts_dir):
        if fields is None:
            assert not known[topic].get("pii"), topic
            assert not {"email", "name", "phone", "customer"} & sample.keys(), topic
        else:
            assert all(harmless.fullmatch(field) for field in fields), topic
            assert {field.partition(".")[0] for field in fields} <= sample.keys(), topic


def test_what_is_left_of_a_message_is_still_understood(contracts_dir: Path) -> None:
    topics = []

    for topic, fields, sample in subscribed(contracts_dir):
        body = sample if fields is None else {**reduced(sample, fields)}
        if topic == "customers/merge":
            body["status"] = "completed"  # Shopify's sample is of a merge that failed
        request = WebhookRequest(headers={"x-shopify-topic": topic}, body=json.dumps(body).encode(), secrets=())
        assert len(ShopifyWebhookReader().parse(request)) == 1, topic
        topics.append(topic)

    assert len(topics) == 11


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("name", ["server_url", "app_key", "client_id"])
def test_a_value_stays_a_value_in_the_settings(name: str, value: str) -> None:
    plain = settings()
    values = {"server_url": SERVER, "app_key": APP_KEY, "client_id": CLIENT_ID, name: value}

    app = settings(**{name: value})

    assert app.keys() == plain.keys()
    assert app["client_id"] == values["client_id"]
    assert app["application_url"] == f"{values['server_url']}/admin/app/{values['app_key']}"
    callback = f"{values['server_url']}/install/shopify/{values['app_key']}/callback"
    assert app["auth"] == {"redirect_urls": [callback]}
    assert app["access_scopes"] == plain["access_scopes"]
    subscriptions = [dict(each, uri="") for each in app["webhooks"]["subscriptions"]]
    assert subscriptions == [dict(each, uri="") for each in plain["webhooks"]["subscriptions"]]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_stays_a_value_in_what_runs_in_the_shop(value: str) -> None:
    files = unpacked(server_url=value)
    script, plain = files["extensions/regulars-theme/assets/regulars.js"], unpacked()

    address = json.loads(files["shared/address.json"])
    (line,) = re.findall(r"^  const SERVER = (.*);$", script, re.MULTILINE)

    assert address == {"extension": f"{value}/widget/v1/extension/{APP_KEY}"}
    # A string of JSON is a string of JavaScript.
    assert json.loads(line) == value
    before = plain["extensions/regulars-theme/assets/regulars.js"]
    assert script.replace(line, json.dumps(SERVER)) == before


def test_the_archive_names_no_secret_and_no_registry() -> None:
    for name, text in unpacked().items():
        if name == "package-lock.json":
            assert '"resolved"' not in text
        assert not re.search(r"client_secret|shpss_|shpat_|_authToken", text), name
