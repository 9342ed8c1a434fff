"""What the plugin signs in PHP, the server verifies in Python: the same keys, the same bytes, and no other."""

import base64
import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.shopper_tokens import TokenIdentifier
from connectors.woocommerce.identity import WooNudgeReader
from core.errors import InvalidInput, SignatureInvalid
from core.ports import ShopperRequest
from tests.plugin.conftest import Php

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY = secrets.token_bytes(32)
KEYS = {"k1": base64.urlsafe_b64encode(KEY).rstrip(b"=").decode()}
SHOP_URL, SHOP_KEY = "https://shop.example/café", "0123456789abcdef0123456789abcdef"
GIVEN = {"key": KEYS["k1"], "shop_url": SHOP_URL, "shop_key": SHOP_KEY, "now": int(NOW.timestamp())}
KEY_IN_PHP = "regulars_base64url_decode($in['key'])"


@pytest.fixture(scope="module")
def token(signing: Php) -> str:
    claims = "regulars_identity_claims(17, $in['shop_url'], $in['shop_key'], $in['now'])"
    return str(signing(f"regulars_jwt({claims}, 'k1', {KEY_IN_PHP})", GIVEN))


@pytest.fixture(scope="module")
def nudge(signing: Php) -> tuple[bytes, str]:
    expression = f"[$body = regulars_nudge_body(1042, $in['now']), regulars_signature($body, {KEY_IN_PHP})]"
    body, signature = signing(expression, GIVEN)
    return body.encode(), signature


def test_a_token_of_the_plugin_names_the_customer(token: str) -> None:
    identity = identify(token)

    assert identity.external_customer_id == "17"
    assert identity.expires_at == NOW + timedelta(minutes=5)
    assert len(identity.jti) == 32


def test_a_token_with_any_byte_changed_is_refused(token: str) -> None:
    parts = [base64.urlsafe_b64decode(part + "==") for part in token.split(".")]

    for number, part in enumerate(parts):
        for changed in with_one_bit_flipped(part):
            forged = ".".join(encode(changed if number == n else other) for n, other in enumerate(parts))
            with pytest.raises(SignatureInvalid):
                identify(forged)


@pytest.mark.parametrize(
    "change",
    [
        {"keys": {"k2": KEYS["k1"]}},
        {"keys": {"k1": base64.urlsafe_b64encode(bytes(32)).decode()}},
        {"audience": SHOP_KEY[::-1]},
        {"issuer": "https://staging.shop.example/café"},
        {"now": NOW + timedelta(minutes=7)},
        {"now": NOW - timedelta(minutes=7)},
    ],
    ids=["unknown kid", "another key", "another shop key", "another address", "too late", "too early"],
)
def test_a_token_is_good_for_its_key_shop_and_time_only(token: str, change: dict[str, Any]) -> None:
    with pytest.raises(SignatureInvalid):
        identify(token, **change)


def test_no_two_tokens_and_no_two_nudges_are_alike(signing: Php) -> None:
    jtis, nonces = signing(
        "[array_map(fn() => regulars_identity_claims(1, 'u', 'k', 0)['jti'], range(1, 50)),"
        " array_map(fn() => json_decode(regulars_nudge_body(1, 0))->nonce, range(1, 50))]"
    )

    assert len({*jtis, *nonces}) == 100


def test_a_nudge_of_the_plugin_names_the_order(nudge: tuple[bytes, str]) -> None:
    body, signature = nudge

    assert verify(body, signature) == "1042"


def test_a_nudge_with_any_byte_changed_is_refused(nudge: tuple[bytes, str]) -> None:
    body, signature = nudge

    for changed in with_one_bit_flipped(body):
        with pytest.raises(SignatureInvalid):
            verify(changed, signature)
    for changed in with_one_bit_flipped(signature.encode()):
        with pytest.raises(SignatureInvalid):
            verify(body, changed.decode("latin-1"))


def test_a_nudge_is_good_for_its_key_and_time_only(nudge: tuple[bytes, str]) -> None:
    with pytest.raises(SignatureInvalid):
        verify(*nudge, kid="k2")
    with pytest.raises(SignatureInvalid):
        verify(*nudge, now=NOW + timedelta(hours=1))


def test_a_nudge_for_no_order_is_refused(signing: Php) -> None:
    body, signature = signing(
        f"[$b = regulars_nudge_body('', $in['now']), regulars_signature($b, {KEY_IN_PHP})]", GIVEN
    )

    with pytest.raises(InvalidInput):
        verify(body.encode(), signature)


def test_php_reads_every_key_that_python_hands_out(signing: Php) -> None:
    keys = [secrets.token_bytes(length) for length in (*range(40), *[32] * 60)]
    plain = [base64.urlsafe_b64encode(key).rstrip(b"=").decode() for key in keys]
    padded = [base64.urlsafe_b64encode(key).decode() for key in keys]

    read = signing("array_map(fn($k) => bin2hex(regulars_base64url_decode($k)), $in)", plain + padded)
    written = signing("array_map(fn($k) => regulars_base64url_encode(hex2bin($k)), $in)", [key.hex() for key in keys])

    assert [bytes.fromhex(key) for key in read] == keys + keys
    assert written == plain


def test_php_and_python_sign_the_same_bytes_alike(signing: Php) -> None:
    bodies = ["", "{}", '{"order":"1"}', "příliš žluťoučký kůň", "a" * 10_000, "\x00\n"]

    signed = signing(
        f"array_map(fn($b) => regulars_signature($b, {KEY_IN_PHP}), $in['bodies'])", {**GIVEN, "bodies": bodies}
    )

    assert signed == ["v1=" + hmac.new(KEY, body.encode(), hashlib.sha256).hexdigest() for body in bodies]


@pytest.mark.parametrize("key", ["a+b/", "a b", "====", "abc\n", "č", None, 7, ["x"]])
def test_php_takes_nothing_else_for_a_key(signing: Php, key: Any) -> None:
    assert signing("regulars_base64url_decode($in)", key) is None


def identify(token: str, **change: Any) -> Any:
    request = {"keys": KEYS, "audience": SHOP_KEY, "issuer": SHOP_URL, "now": NOW} | change
    return TokenIdentifier().identify(ShopperRequest(token=token, **request))


def verify(body: bytes, signature: str, *, kid: str = "k1", now: datetime = NOW) -> str:
    headers = {"x-regulars-kid": kid, "x-regulars-signature": signature}
    return WooNudgeReader().verify_nudge(body, headers, keys=KEYS, now=now)


def with_one_bit_flipped(data: bytes) -> list[bytes]:
    return [data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :] for at in range(len(data))]


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
