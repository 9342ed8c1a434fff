"""The two places where the demo is more lenient than WooCommerce, and that there are no more."""

import pytest

from demo.woocommerce.loopback import callback_scheme_allowed, target_allowed
from tests.demo.conftest import Open
from tests.demo.world import Receiver, rest


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://app.example/callback", True),
        ("http://127.0.0.1:8000/callback", True),
        ("http://localhost/callback", True),
        ("http://[::1]:8000/callback", True),
        ("http://app.example/callback", False),
        ("http://10.0.0.1/callback", False),
        ("http://127.0.0.1.example/callback", False),
    ],
)
def test_a_callback_is_https_or_goes_to_loopback(url: str, allowed: bool) -> None:
    assert callback_scheme_allowed(url) is allowed


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://127.0.0.1:5555/x", True),
        ("https://localhost:5555/x", True),
        ("http://93.184.216.34/x", True),
        ("https://93.184.216.34:8080/x", True),
        ("http://93.184.216.34:5555/x", False),
        ("http://10.0.0.1/x", False),
        ("http://192.168.1.7:8080/x", False),
        ("http://169.254.169.254/x", False),
        ("ftp://127.0.0.1/x", False),
        ("http://127.0.0.1:99999/x", False),
        ("http:///x", False),
    ],
)
def test_a_shop_calls_public_addresses_on_three_ports_or_loopback(url: str, allowed: bool) -> None:
    assert target_allowed(url) is allowed


def test_a_webhook_to_a_forbidden_address_is_made_and_never_arrives(open_shop: Open) -> None:
    running = open_shop()
    body = {"topic": "order.created", "delivery_url": "http://10.0.0.1:5555/x", "secret": "s"}
    assert rest(running).post("webhooks", body).json()["status"] == "active"

    running.shop.place_order()

    assert [sent.status for sent in running.shop.deliver_pending()] == [0]


def test_any_loopback_port_receives_webhooks(open_shop: Open, receiver: Receiver) -> None:
    running = open_shop()
    body = {"topic": "order.created", "delivery_url": f"{receiver.url}/x", "secret": "s"}
    rest(running).post("webhooks", body)

    running.shop.place_order()

    assert [sent.status for sent in running.shop.deliver_pending()] == [200]
