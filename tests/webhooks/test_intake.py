"""Messages at the door: what is let in, what is refused, and that an answer means that the message is on disk."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from werkzeug.serving import make_server

from core.db.engine import reading, run_tx
from core.earning import queries as order_queries
from core.merchants import commands
from core.merchants import queries as merchant_queries

PAYLOADS = Path(__file__).parent.parent / "payloads" / "woocommerce"
OTHER_SECRETS = {
    "wh_storefront_checkout": "S",
    "wh_order_gone_before_delivery": "S",
    "wh_owner_lost_rights": "S",
    "wh_order_anonymised": "S",
}


@pytest.fixture
def address(door: Any) -> Iterator[str]:
    """A real socket in front of the application."""
    server = make_server("127.0.0.1", 0, door.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_signed_message_is_kept_before_it_is_answered(door: Any, sign: Any, order_body: bytes) -> None:
    answer = door.client.post(door.address, data=order_body, headers=sign(order_body))

    assert answer.status_code == 200
    (row,) = door.rows()
    assert (row["body"], row["state"], row["source"]) == (order_body, "new", "webhook")
    assert row["headers"]["x-wc-webhook-topic"] == "order.updated"
    assert door.woken


def test_an_unknown_shop_and_a_wrong_signature_get_the_same_answer(door: Any, sign: Any, order_body: bytes) -> None:
    wrong = door.client.post(door.address, data=order_body, headers=sign(order_body, secret="another"))
    unknown = door.client.post(f"/webhooks/woocommerce/{'0' * 32}", data=order_body, headers=sign(order_body))

    assert wrong.status_code == unknown.status_code == 401
    assert wrong.data == unknown.data
    assert list(wrong.headers) == list(unknown.headers)
    assert door.rows() == []


def test_a_disconnected_shop_is_like_an_unknown_one(door: Any, sign: Any, order_body: bytes) -> None:
    run_tx(
        door.runtime.db,
        lambda session: commands.disconnect_shop(session, door.merchant_id, door.shop_id, now=door.clock()),
    )

    answer = door.client.post(door.address, data=order_body, headers=sign(order_body))

    assert answer.status_code == 401
    assert door.rows() == []


def test_wrong_signatures_leave_a_count_and_a_flood_is_not_a_flood_of_writes(
    door: Any, sign: Any, order_body: bytes
) -> None:
    for _ in range(50):
        door.client.post(door.address, data=order_body, headers=sign(order_body, secret="another"))
    first = bad_signatures(door)
    door.clock.now = door.clock.now.replace(minute=1)
    door.client.post(door.address, data=order_body, headers=sign(order_body, secret="another"))

    assert first == 1  # the rest waits in memory
    assert bad_signatures(door) == 51


def test_the_body_is_what_is_signed_byte_for_byte(door: Any, sign: Any, order_body: bytes) -> None:
    headers = sign(order_body)

    answer = door.client.post(door.address, data=order_body + b" ", headers=headers)

    assert answer.status_code == 401


def test_both_secrets_count_while_a_secret_is_replaced(door: Any, sign: Any, order_body: bytes) -> None:
    newer = run_tx(
        door.runtime.db,
        lambda session: commands.rotate_webhook_secret(session, door.runtime.vault, door.merchant_id, door.shop_id),
    )

    old = door.client.post(door.address, data=order_body, headers=sign(order_body))
    new = door.client.post(door.address, data=order_body, headers=sign(order_body, secret=newer))

    assert (old.status_code, new.status_code) == (200, 200)


def test_two_orders_announced_under_one_delivery_id_are_both_kept(door: Any, sign: Any, order_body: bytes) -> None:
    # WooCommerce makes the id of the hook and the second: two orders of one second share it.
    shared = {"X-WC-Webhook-Delivery-ID": "6f3c2f1d0a9b8e7d6c5b4a3928171605"}
    other_body = order_body.replace(b"17", b"18")

    for body in (order_body, other_body):
        answer = door.client.post(door.address, data=body, headers={**sign(body), **shared})
        assert answer.status_code == 200

    assert {row["body"] for row in door.rows()} == {order_body, other_body}


def test_another_shops_secret_does_not_open_this_one(door: Any, sign: Any, order_body: bytes) -> None:
    answer = door.client.post(door.address, data=order_body, headers=sign(order_body, secret="of-another-shop"))

    assert answer.status_code == 401


@pytest.mark.parametrize("shop_key", ["", "0" * 32])
def test_the_unsigned_ping_is_answered_with_200_whoever_it_is_for(door: Any, shop_key: str) -> None:
    ping = json.loads((PAYLOADS / "captured" / "webhook_ping.json").read_text())
    address = f"/webhooks/woocommerce/{shop_key or door.shop_key}"

    answer = door.client.post(address, data=ping["body"], headers=[tuple(pair) for pair in ping["headers"]])

    assert answer.status_code == 200
    assert door.rows() == []


def test_a_message_without_a_signature_is_refused(door: Any, order_body: bytes) -> None:
    known = door.client.post(door.address, data=order_body, content_type="application/json")
    unknown = door.client.post(f"/webhooks/woocommerce/{'0' * 32}", data=order_body, content_type="application/json")

    assert (known.status_code, known.data) == (400, unknown.data)
    assert door.rows() == []


def test_a_body_over_two_megabytes_is_not_read(door: Any, sign: Any) -> None:
    body = b"x" * (2 * 1024 * 1024 + 1)

    answer = door.client.post(door.address, data=body, headers=sign(body))

    assert answer.status_code == 413
    assert door.rows() == []


@pytest.mark.parametrize("path", ["/webhooks/woocommerce/abc", "/webhooks/nosuch/abc"])
def test_a_door_that_is_none_says_so(door: Any, path: str) -> None:
    wrong_method = door.client.get(path)
    unknown = door.client.post("/webhooks/nosuch/abc", data=b"{}", headers={"X-WC-Webhook-Signature": "x"})

    assert wrong_method.status_code == 405
    assert unknown.status_code == 404


@pytest.mark.parametrize("generation", ["captured", "captured_wc8.2_legacy"])
def test_recorded_traffic_passes_with_the_signatures_of_real_shops(door: Any, generation: str) -> None:
    sent = 0
    for file in sorted((PAYLOADS / generation).glob("wh_*.json")):
        if file.stem in OTHER_SECRETS:
            continue
        for delivery in json.loads(file.read_text()):
            headers = [tuple(pair) for pair in delivery["headers"]]
            answer = door.client.post(door.address, data=delivery["body"].encode(), headers=headers)
            assert answer.status_code == 200, file.name
            sent += 1

    assert sent > 20
    assert len(door.rows()) == sent


@pytest.mark.serial
def test_a_hundred_identical_messages_at_once_want_one_order(
    door: Any, address: str, sign: Callable[..., dict[str, str]], order_body: bytes
) -> None:
    from webhooks import work

    def send(_: int) -> int:
        url = f"{address}{door.address}"
        return requests.post(url, data=order_body, headers=sign(order_body), timeout=30).status_code

    with ThreadPoolExecutor(max_workers=25) as pool:
        statuses = list(pool.map(send, range(100)))
    kept = len(door.rows())
    while work.work_due(door.runtime, door.merchant_id):
        pass

    assert statuses == [200] * 100
    assert kept == 100
    with reading(door.runtime.db) as session:
        order = order_queries.find(session, door.merchant_id, door.shop_id, "17")
    assert order is not None
    assert {row["state"] for row in door.rows()} == {"done"}


def bad_signatures(door: Any) -> int:
    with reading(door.runtime.db) as session:
        return merchant_queries.health(session, door.merchant_id, door.shop_id).bad_signatures


@pytest.mark.parametrize("rest", ["", "/nudge", "/pair"])
def test_a_shop_key_that_no_database_takes_is_an_unknown_shop(
    door: Any, sign: Any, order_body: bytes, rest: str
) -> None:
    body = (
        order_body if rest != "/pair" else b'{"code": "c", "plugin_version": "1", "site_url": "https://shop.example"}'
    )

    for key in ("%00", "%ff", "a%00b"):
        address = f"/webhooks/woocommerce/{key}{rest}"
        assert door.client.post(address, data=body, headers=sign(body)).status_code in (401, 403)
