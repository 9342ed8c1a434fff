"""Our plugin in the shop: how it gets its key, and how it says that an order changed."""

from typing import Any

import pytest

from core.db.engine import reading, run_tx
from core.earning import queries as order_queries
from core.merchants import commands
from core.merchants import queries as merchant_queries

PAIR = {"code": "ABC", "plugin_version": "0.1.0", "site_url": "https://shop.example"}


def test_a_pairing_code_is_exchanged_for_a_key_once(door: Any) -> None:
    code = new_code(door)

    kid, key = door.plugin_key(code)
    again = door.client.post(f"{door.address}/pair", json={**PAIR, "code": code})

    assert kid
    assert len(key) == 32
    assert again.status_code == 403


def test_pairing_tells_where_the_widget_is_and_is_not_kept_by_anyone(door: Any) -> None:
    answer = door.client.post(f"{door.address}/pair", json={**PAIR, "code": new_code(door)})

    assert answer.json["loader_url"] == "https://regulars.example/widget/v1/loader.js"
    assert answer.headers["Cache-Control"] == "no-store"


def test_wrong_code_used_code_and_unknown_shop_look_alike(door: Any) -> None:
    used = new_code(door)
    door.plugin_key(used)

    answers = [
        door.client.post(f"{door.address}/pair", json=PAIR),
        door.client.post(f"{door.address}/pair", json={**PAIR, "code": used}),
        door.client.post(f"/webhooks/woocommerce/{'0' * 32}/pair", json=PAIR),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert len({answer.data for answer in answers}) == 1


def test_a_code_is_dead_after_a_day(door: Any) -> None:
    code = new_code(door)
    door.clock.now = door.clock.now.replace(day=23, hour=13)

    answer = door.client.post(f"{door.address}/pair", json={**PAIR, "code": code})

    assert answer.status_code == 403


def test_guessing_codes_is_slowed_down(door: Any) -> None:
    statuses = [door.client.post(f"{door.address}/pair", json=PAIR).status_code for _ in range(12)]

    assert statuses[:10] == [403] * 10
    assert statuses[10:] == [429] * 2


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"code": 1, "plugin_version": "1", "site_url": ""}', b'{"code": "A", "more": true}'],
)
def test_what_is_no_pairing_request_is_refused(door: Any, body: bytes) -> None:
    answer = door.client.post(f"{door.address}/pair", data=body, content_type="application/json")

    assert answer.status_code == 400


def test_a_nudge_wants_its_order_and_wakes_the_worker(door: Any, nudge_of: Any) -> None:
    kid, key = door.plugin_key()
    body, headers = nudge_of("23", kid=kid, key=key)
    door.woken.clear()

    answer = door.client.post(f"{door.address}/nudge", data=body, headers=headers)

    assert answer.status_code == 200
    assert door.woken
    assert wanted(door, "23")
    with reading(door.runtime.db) as session:
        assert merchant_queries.health(session, door.merchant_id, door.shop_id).last_nudge_at == door.clock()


def test_nudges_not_signed_by_the_plugin_want_nothing(door: Any, nudge_of: Any) -> None:
    kid, key = door.plugin_key()
    body, headers = nudge_of("23", kid=kid, key=key)

    forged = [
        door.client.post(f"{door.address}/nudge", data=body + b" ", headers=headers),
        door.client.post(f"{door.address}/nudge", data=body, headers={**headers, "X-Regulars-Kid": "other"}),
        door.client.post(f"{door.address}/nudge", data=body),
        door.client.post(f"/webhooks/woocommerce/{'0' * 32}/nudge", data=body, headers=headers),
    ]

    assert [answer.status_code for answer in forged] == [401] * 4
    assert len({answer.data for answer in forged}) == 1
    assert not wanted(door, "23")


def test_a_nudge_before_pairing_is_refused(door: Any, nudge_of: Any) -> None:
    body, headers = nudge_of("23", kid="nobody", key=b"nobody's: the same work is done, and nothing fits")

    answer = door.client.post(f"{door.address}/nudge", data=body, headers=headers)

    assert answer.status_code == 401


def new_code(door: Any) -> str:
    return run_tx(
        door.runtime.db,
        lambda session: commands.new_pairing_code(session, door.merchant_id, door.shop_id, now=door.clock()),
    )


def wanted(door: Any, external_id: str) -> bool:
    with reading(door.runtime.db) as session:
        return order_queries.find(session, door.merchant_id, door.shop_id, external_id) is not None
