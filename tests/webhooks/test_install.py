"""The shop hands over its keys: proven at the address that the merchant typed, once, and never answered with a redirect."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.factory import create_app
from app.wiring import Connectors
from connectors.registry import AddressPolicy
from core.db.engine import reading, run_tx
from core.ids import StaffId, new_id
from core.merchants import commands
from core.merchants import queries as merchant_queries
from core.ports import Platform
from demo.server import RunningShop, start_in_thread

CALLBACK = "/install/woocommerce/callback"


@pytest.fixture
def shop() -> Any:
    running = start_in_thread(order_count=0, customer_count=1)
    yield running
    running.stop()


@pytest.fixture
def connecting(door: Any) -> Any:
    """The door with real connectors, which may call this machine."""
    runtime = replace(door.runtime, connect=Connectors(AddressPolicy(allow_loopback=True)))
    return replace(door, runtime=runtime, app=create_app(runtime, wake=lambda: door.woken.append(1)))


def test_a_shop_that_hands_over_good_keys_is_connected(connecting: Any, shop: RunningShop) -> None:
    state = begin(connecting, shop.url)

    answer = connecting.client.post(CALLBACK, data=keys_of(shop, state), content_type="application/json;charset=UTF-8")

    assert answer.status_code == 200
    assert connecting.woken
    with reading(connecting.runtime.db) as session:
        shops = merchant_queries.shops(session, connecting.merchant_id)
    assert shops[-1].base_url == shop.url
    assert shops[-1].currency == "EUR"


def test_a_state_works_once(connecting: Any, shop: RunningShop) -> None:
    state = begin(connecting, shop.url)
    body = keys_of(shop, state)

    statuses = [connecting.client.post(CALLBACK, data=body).status_code for _ in range(2)]

    assert statuses == [200, 403]


def test_keys_that_do_not_work_at_the_stored_address_connect_nothing(connecting: Any, shop: RunningShop) -> None:
    state = begin(connecting, shop.url)
    body = json.loads(keys_of(shop, state))
    body["consumer_secret"] = "cs_" + "f" * 40

    answer = connecting.client.post(CALLBACK, json=body)

    assert answer.status_code == 502
    with reading(connecting.runtime.db) as session:
        assert len(merchant_queries.shops(session, connecting.merchant_id)) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"user_id": "guessed"},
        {"user_id": ""},
        {"key_permissions": "read"},
        {"consumer_key": "x"},
        {"consumer_secret": None},
    ],
)
def test_what_is_not_as_begun_is_refused_and_never_with_a_redirect(
    connecting: Any, shop: RunningShop, change: dict[str, Any]
) -> None:
    body = json.loads(keys_of(shop, begin(connecting, shop.url)))

    answer = connecting.client.post(CALLBACK, json={**body, **change})

    assert answer.status_code in (400, 403)
    with reading(connecting.runtime.db) as session:
        assert len(merchant_queries.shops(session, connecting.merchant_id)) == 1


@pytest.mark.parametrize(
    "query",
    [
        "success=1&user_id=x",
        "success=0",
        "",
        "success=1&return_url=https://evil.example",
        "success=1&next=//evil.example",
        "success=https://evil.example",
        "user_id=%0d%0aLocation:%20https://evil.example",
    ],
)
def test_the_way_back_leads_only_into_the_admin(door: Any, query: str) -> None:
    answer = door.client.get(f"/install/woocommerce/return?{query}")

    assert answer.status_code == 303
    target = urlsplit(answer.headers["Location"])
    assert (target.scheme, target.netloc) == ("", "")
    assert target.path == "/admin/"


def begin(door: Any, base_url: str) -> str:
    return run_tx(
        door.runtime.db,
        lambda session: commands.begin_connect(
            session,
            door.merchant_id,
            platform=Platform.WOOCOMMERCE,
            base_url=base_url,
            staff_id=StaffId(new_id()),
            now=door.clock(),
        ),
    )


def keys_of(shop: RunningShop, state: str) -> str:
    key = shop.shop.create_key()
    return json.dumps(
        {
            "key_id": key.id,
            "user_id": state,
            "consumer_key": key.consumer_key,
            "consumer_secret": key.consumer_secret,
            "key_permissions": "read_write",
        }
    )
