"""From what merchants type and shops post to an address and keys."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors import registry
from core.errors import InvalidInput
from core.ports import Platform

FLOW = registry.connect_flow(Platform.WOOCOMMERCE)
KEY, SECRET = "ck_" + "0a" * 20, "cs_" + "1b" * 20


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("shop.example", "https://shop.example"),
        ("  shop.example/  ", "https://shop.example"),
        ("https://Shop.Example", "https://shop.example"),
        ("HTTPS://shop.example/", "https://shop.example"),
        ("http://shop.example", "http://shop.example"),
        ("https://shop.example:443/", "https://shop.example"),
        ("https://shop.example:8443/", "https://shop.example:8443"),
        ("https://shop.example/wp-admin/", "https://shop.example"),
        ("https://shop.example/wp-admin/admin.php?page=wc-settings&tab=advanced", "https://shop.example"),
        ("https://shop.example/wp-login.php?redirect_to=x", "https://shop.example"),
        ("https://shop.example/wp-json/wc/v3/orders", "https://shop.example"),
        ("https://shop.example/index.php/shop", "https://shop.example"),
        ("https://example.com/obchod/wp-admin/plugins.php", "https://example.com/obchod"),
        ("example.com/obchod/", "https://example.com/obchod"),
        ("https://shop.example/?utm_source=x#top", "https://shop.example"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("shop.example.", "https://shop.example"),
        ("http://127.0.0.1:8090", "http://127.0.0.1:8090"),
        ("http://[::1]:8090/x", "http://[::1]:8090/x"),
    ],
)
def test_a_typed_address_becomes_the_shops(typed: str, kept: str) -> None:
    assert FLOW.normal_shop_url(typed) == kept
    assert FLOW.normal_shop_url(kept) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "", " ", "https://", "https:///wp-admin", "ftp://shop.example", "javascript:alert(1)", "file:///etc/passwd",
        "https://user:pw@shop.example", "https://shop.example@evil.example", "shop.example\\@evil.example",
        "https://shop .example", "https://shop.example\r\nx", "https://..", "https://-", "https://a..b", "my shop",
        "https://shop.example/../x", "https://shop.example:99999", "https://[::1", "https://" + "a" * 600,
        "https://" + "a" * 70 + ".example", "https://shop_example'><script>", "data:text/html,x",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_a_sentence(typed: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        FLOW.normal_shop_url(typed)

    assert refused.value.field == "shop_url"
    assert refused.value.message.endswith(".")


def test_the_owner_is_sent_to_the_shops_own_page() -> None:
    url = FLOW.authorize_url(
        "https://example.com/obchod",
        state="st4te",
        callback_url="https://regulars.example/install/woocommerce/callback?a=1&b=2",
        return_url="https://regulars.example/install/woocommerce/return",
        app_name='Loyal & Co <points> "1"',
    )

    parts = urlsplit(url)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == "https://example.com/obchod/wc-auth/v1/authorize"
    assert {name: values[0] for name, values in parse_qs(parts.query).items()} == {
        "app_name": "Loyal  Co points 1",
        "scope": "read_write",
        "user_id": "st4te",
        "return_url": "https://regulars.example/install/woocommerce/return",
        "callback_url": "https://regulars.example/install/woocommerce/callback?a=1&b=2",
    }


def test_a_callback_without_tls_is_refused_before_the_shop_does() -> None:
    def authorize(callback: str) -> str:
        return FLOW.authorize_url(
            "https://shop.example",
            state="s",
            callback_url=callback,
            return_url="https://r.example",
            app_name="Regulars",
        )

    with pytest.raises(InvalidInput, match="https"):
        authorize("http://regulars.example/callback")
    assert authorize("http://127.0.0.1:8000/callback")


def posted(**changes: Any) -> bytes:
    body = {
        "key_id": 4,
        "user_id": "st4te",
        "consumer_key": KEY,
        "consumer_secret": SECRET,
        "key_permissions": "read_write",
    }
    return json.dumps({name: value for name, value in {**body, **changes}.items() if value is not ...}).encode()


def test_posted_keys_are_read_and_do_not_show() -> None:
    granted = FLOW.read_callback(posted())

    assert (granted.state, dict(granted.credentials)) == ("st4te", {"consumer_key": KEY, "consumer_secret": SECRET})
    assert SECRET not in repr(granted)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"consumer_key=x",
        posted(key_permissions="read"),
        posted(key_permissions="write"),
        posted(key_permissions=...),
        posted(user_id=...),
        posted(user_id=""),
        posted(user_id=5),
        posted(user_id="x" * 201),
        posted(user_id="\ud800"),
        posted(user_id="st4te\0"),
        b"1e99999999999999999999",
        posted(consumer_key=...),
        posted(consumer_key="ck_short"),
        posted(consumer_key=SECRET),
        posted(consumer_key=KEY + "\n"),
        posted(consumer_secret=KEY),
        posted(consumer_secret=None),
        posted(consumer_secret={"a": 1}),
    ],
)
def test_a_post_that_is_no_grant_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        FLOW.read_callback(body)


def test_keys_made_by_hand_are_taken_with_the_blanks_of_copying() -> None:
    assert FLOW.manual_credentials(f" {KEY}\n", f"\t{SECRET} ") == {"consumer_key": KEY, "consumer_secret": SECRET}


@pytest.mark.parametrize(("key", "secret", "field"), [(SECRET, KEY, "consumer_key"), (KEY, "cs_1", "consumer_secret")])
def test_keys_mixed_up_are_refused_by_name(key: str, secret: str, field: str) -> None:
    with pytest.raises(InvalidInput, match="ck_") as refused:
        FLOW.manual_credentials(key, secret)

    assert refused.value.field == field
