"""When the plugin tells the server of an order, when it does not, and that it never troubles the shop."""

import hashlib
import hmac

import pytest

from tests.plugin.conftest import Php

KEY = bytes(range(32))

TOLD = [
    "do_action('woocommerce_new_order', 17, new WC_Order(17, 'pending'))",
    "do_action('woocommerce_new_order', 17)",
    "do_action('woocommerce_order_status_changed', 17, 'pending', 'processing')",
    "do_action('woocommerce_payment_complete', 17)",
    "do_action('woocommerce_order_refunded', 17, 18)",
    "do_action('woocommerce_pre_delete_order_refund', null, new WC_Order_Refund(), true)",
    "do_action('woocommerce_trash_order', 17)",
    "do_action('woocommerce_untrash_order', 17, 'processing')",
    "do_action('woocommerce_before_delete_order', 17, new WC_Order(17))",
    "do_action('trashed_post', 17)",
    "do_action('untrashed_post', 17)",
    "do_action('before_delete_post', 17)",
]
NOT_TOLD = [
    "do_action('woocommerce_new_order', 17, new WC_Order(17, 'checkout-draft'))",
    "do_action('woocommerce_before_delete_order', 17, new WC_Order(17, 'checkout-draft'))",
    "do_action('before_delete_post', 50)",
    "do_action('trashed_post', 100)",
]


@pytest.mark.parametrize("event", TOLD)
def test_what_may_change_points_is_told(plugin: Php, event: str) -> None:
    assert plugin(f"connected(); {event}; answer(told());") == ["17"]


@pytest.mark.parametrize("event", NOT_TOLD)
def test_drafts_and_pages_are_not_told(plugin: Php, event: str) -> None:
    assert plugin(f"connected(); {event}; answer(told());") == []


def test_the_order_is_told_once_and_only_at_the_end_of_the_request(plugin: Php) -> None:
    before, after = plugin(f"connected(); {TOLD[0]}; {TOLD[2]}; {TOLD[3]}; answer([World::$sent, told()]);")

    assert before == []
    assert after == ["17"]


def test_the_message_is_signed_and_waits_two_seconds_at_most(plugin: Php) -> None:
    url, call = plugin(f"connected(); {TOLD[0]}; told(); answer(World::$sent[0]);")

    assert url == "https://points.example/webhooks/woocommerce/0123456789abcdef/nudge"
    assert call["headers"]["Content-Type"] == "application/json"
    assert call["headers"]["X-Regulars-Kid"] == "k1"
    expected = hmac.new(KEY, call["body"].encode(), hashlib.sha256).hexdigest()
    assert call["headers"]["X-Regulars-Signature"] == "v1=" + expected
    assert (call["timeout"], call["blocking"], call["redirection"]) == (2, False, 0)


def test_the_shopper_has_the_answer_before_the_server_is_asked(plugin: Php) -> None:
    finished, blocking = plugin(
        "function fastcgi_finish_request() { World::$printed[] = count(World::$sent); }"
        f"connected(); {TOLD[0]}; told(); answer([World::$printed, World::$sent[0][1]['blocking']]);"
    )

    assert finished == [0]
    assert blocking is True


def test_a_request_without_orders_finishes_as_wordpress_likes(plugin: Php) -> None:
    finished = plugin(
        "function fastcgi_finish_request() { World::$printed[] = 'finished'; }"
        "connected(); told(); answer(World::$printed);"
    )

    assert finished == []


def test_a_server_that_is_away_is_asked_once(plugin: Php) -> None:
    calls, kept = plugin(
        "connected(); World::$answers = [new WP_Error('http', 'timed out')];"
        "foreach (range(1, 5) as $id) { do_action('woocommerce_payment_complete', $id); }"
        "answer([told(), World::$options['regulars_last_nudge']]);"
    )

    assert calls == ["1"]
    assert (kept["order"], kept["error"]) == (1, "timed out")


def test_an_import_does_not_flood_the_server(plugin: Php) -> None:
    calls = plugin(
        "connected(); foreach (range(1, 500) as $id) { do_action('woocommerce_payment_complete', $id); } answer(told());"
    )

    assert calls == [str(number) for number in range(1, 21)]


def test_a_shop_that_is_not_connected_tells_nothing(plugin: Php) -> None:
    assert plugin(f"regulars_start(); {TOLD[0]}; answer(told());") == []


def test_a_copy_of_the_shop_tells_nothing(plugin: Php) -> None:
    copied = "connected(); World::$options['home'] = 'https://staging.shop.example';"

    assert plugin(f"{copied} {TOLD[0]}; answer(told());") == []
