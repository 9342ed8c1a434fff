"""Proofs from our plugin: tokens of shoppers and nudges about orders, true and forged in every way we could think of."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest

from connectors import registry
from connectors.shopper_tokens import TokenIdentifier
from connectors.woocommerce.identity import WooNudgeReader
from core.errors import InvalidInput, SignatureInvalid
from core.ports import Platform, ShopperRequest
from demo.woocommerce.demo_shop import DemoShop

KEY = bytes(range(32))
OTHER = bytes(range(1, 33))
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())


def kept(key: bytes) -> str:
    """A key as pairing hands it out."""
    return base64.urlsafe_b64encode(key).rstrip(b"=").decode()


def asked(token: str, **changes: Any) -> ShopperRequest:
    request = ShopperRequest(
        token=token,
        keys={"k1": kept(KEY), "k0": kept(OTHER)},
        audience="shop-key",
        issuer="https://shop.example",
        now=NOW,
    )
    return replace(request, **changes)


def claims(**changes: Any) -> dict[str, Any]:
    true = {
        "iss": "https://shop.example",
        "aud": "shop-key",
        "sub": "17",
        "iat": SECONDS,
        "exp": SECONDS + 300,
        "jti": "0123456789abcdef0123456789abcdef",
    }
    return {name: value for name, value in {**true, **changes}.items() if value is not ...}


def token(body: Mapping[str, Any], *, key: bytes = KEY, kid: object = "k1", algorithm: str = "HS256") -> str:
    return jwt.encode(dict(body), key, algorithm=algorithm, headers={"kid": kid} if kid is not None else {})


def by_hand(head: Mapping[str, Any], body: object, *, key: bytes = KEY) -> str:
    """A token as no library would make it."""
    signed = ".".join(kept(json.dumps(part).encode()) for part in (head, body))
    return f"{signed}.{kept(hmac.new(key, signed.encode(), hashlib.sha256).digest())}"


def test_a_true_token_names_the_customer() -> None:
    found = TokenIdentifier().identify(asked(token(claims())))

    assert found.external_customer_id == "17"
    assert found.jti == "0123456789abcdef0123456789abcdef"
    assert found.expires_at.timestamp() == SECONDS + 300


def test_a_token_of_the_key_before_is_taken_while_that_key_is_kept() -> None:
    assert TokenIdentifier().identify(asked(token(claims(), key=OTHER, kid="k0"))).external_customer_id == "17"


@pytest.mark.parametrize(
    "home", ["https://shop.example/", "https://SHOP.example", "https://shop.example:443", "https://shop.example:443/"]
)
def test_the_same_home_in_another_spelling_is_the_same(home: str) -> None:
    TokenIdentifier().identify(asked(token(claims(iss=home))))


@pytest.mark.parametrize("moved", [-59, 0, 300, 359])
def test_clocks_may_differ_by_a_minute(moved: int) -> None:
    later = datetime.fromtimestamp(SECONDS + moved, UTC)

    TokenIdentifier().identify(asked(token(claims()), now=later))


FORGED: dict[str, Callable[[], str]] = {
    "another key": lambda: token(claims(), key=OTHER),
    "another kid": lambda: token(claims(), kid="k0"),
    "an unknown kid": lambda: token(claims(), kid="k9"),
    "no kid": lambda: token(claims(), kid=None),
    "a kid that is a list": lambda: by_hand({"alg": "HS256", "kid": ["k1"]}, claims()),
    "an unknown kid signed with zeros": lambda: token(claims(), key=bytes(32), kid="k9"),
    "an empty kid": lambda: token(claims(), kid=""),
    "alg none": lambda: by_hand({"alg": "none", "kid": "k1"}, claims()),
    "alg None without signature": lambda: by_hand({"alg": "none", "kid": "k1"}, claims()).rpartition(".")[0] + ".",
    "alg HS512": lambda: token(claims(), key=KEY + KEY, algorithm="HS512"),
    "alg hs256": lambda: by_hand({"alg": "hs256", "kid": "k1"}, claims()),
    "no alg": lambda: by_hand({"kid": "k1"}, claims()),
    "b64 false": lambda: by_hand({"alg": "HS256", "kid": "k1", "b64": False, "crit": ["b64"]}, claims()),
    "unknown crit": lambda: by_hand({"alg": "HS256", "kid": "k1", "crit": ["x"]}, claims()),
    "a changed body": lambda: ".".join(
        part if index != 1 else kept(json.dumps(claims(sub="18")).encode())
        for index, part in enumerate(token(claims()).split("."))
    ),
    "another shop's audience": lambda: token(claims(aud="other-key")),
    "a list of audiences": lambda: token(claims(aud=["shop-key", "other"])),
    "no audience": lambda: token(claims(aud=...)),
    "another site": lambda: token(claims(iss="https://shop.example.evil.example")),
    "plain http": lambda: token(claims(iss="http://shop.example")),
    "a folder of the site": lambda: token(claims(iss="https://shop.example/other")),
    "another port": lambda: token(claims(iss="https://shop.example:8443")),
    "an issuer that is no address": lambda: token(claims(iss="shop.example")),
    "no issuer": lambda: token(claims(iss=...)),
    "customer 0": lambda: token(claims(sub="0")),
    "a negative customer": lambda: token(claims(sub="-1")),
    "a customer by name": lambda: token(claims(sub="admin")),
    "leading zeros": lambda: token(claims(sub="017")),
    "other digits": lambda: token(claims(sub="１７")),
    "a line end": lambda: token(claims(sub="17\n")),
    "a customer that is a number": lambda: by_hand({"alg": "HS256", "kid": "k1"}, claims(sub=17)),
    "no customer": lambda: token(claims(sub=...)),
    "no jti": lambda: token(claims(jti=...)),
    "a short jti": lambda: token(claims(jti="1")),
    "a long jti": lambda: token(claims(jti="a" * 129)),
    "lives too long": lambda: token(claims(exp=SECONDS + 301)),
    "lives for ever": lambda: token(claims(exp=SECONDS + 10**9)),
    "no end": lambda: token(claims(exp=...)),
    "ends before it begins": lambda: token(claims(exp=SECONDS - 1)),
    "no beginning": lambda: token(claims(iat=...)),
    "from the future": lambda: token(claims(iat=SECONDS + 61, exp=SECONDS + 300)),
    "expired": lambda: token(claims(iat=SECONDS - 362, exp=SECONDS - 62)),
    "times as text": lambda: by_hand({"alg": "HS256", "kid": "k1"}, claims(iat=str(SECONDS))),
    "times with a fraction": lambda: by_hand({"alg": "HS256", "kid": "k1"}, claims(exp=SECONDS + 299.5)),
    "true for a time": lambda: by_hand({"alg": "HS256", "kid": "k1"}, claims(iat=True)),
    "a body that is a list": lambda: by_hand({"alg": "HS256", "kid": "k1"}, [claims()]),
    "nothing": lambda: "",
    "no token": lambda: "abc",
    "two dots": lambda: "..",
    "too long": lambda: token(claims(more="x" * 5_000)),
    "other letters": lambda: "ě.š.č",
}  # fmt: skip


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED.keys())
def test_a_forged_token_names_nobody(forged: Callable[[], str]) -> None:
    with pytest.raises(SignatureInvalid):
        TokenIdentifier().identify(asked(forged()))


@pytest.mark.parametrize("text", ["", "short", kept(b"16 bytes is less"), "not base64!", kept(KEY) + "AA"])
def test_a_key_of_ours_that_is_none_opens_nothing(text: str) -> None:
    for key in (b"", bytes(32), text.encode(), KEY):
        with pytest.raises(SignatureInvalid):
            TokenIdentifier().identify(
                asked(by_hand({"alg": "HS256", "kid": "k1"}, claims(), key=key), keys={"k1": text})
            )


def nudged(body: object, *, key: bytes = KEY, kid: str = "k1", now: datetime = NOW, **headers: str) -> str:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {
        "x-regulars-signature": "v1=" + hmac.new(key, raw, hashlib.sha256).hexdigest(),
        "x-regulars-kid": kid,
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return WooNudgeReader().verify_nudge(raw, sent, keys={"k1": kept(KEY)}, now=now)


TRUE = {"order": "17", "at": SECONDS, "nonce": "0123456789abcdef"}


def test_a_true_nudge_names_the_order() -> None:
    assert nudged(TRUE) == "17"


@pytest.mark.parametrize("apart", [-900, 900])
def test_a_nudge_is_good_for_a_quarter_of_an_hour(apart: int) -> None:
    assert nudged({**TRUE, "at": SECONDS + apart}) == "17"
    with pytest.raises(SignatureInvalid):
        nudged({**TRUE, "at": SECONDS + apart + (1 if apart > 0 else -1)})


@pytest.mark.parametrize(
    "changes",
    [
        {"key": OTHER},
        {"kid": "k9"},
        {"kid": "k9", "key": bytes(32)},
        {"kid": ""},
        {"x_regulars_signature": ""},
        {"x_regulars_signature": "v1="},
        {"x_regulars_signature": "v2=" + "0" * 64},
        {"x_regulars_signature": hmac.new(KEY, json.dumps(TRUE).encode(), hashlib.sha256).hexdigest()},
        {"x_regulars_signature": "v1=" + "ě" * 64},
    ],
)
def test_a_forged_nudge_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(SignatureInvalid):
        nudged(TRUE, **changes)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        {**TRUE, "order": 17},
        {**TRUE, "order": "0"},
        {**TRUE, "order": "17\n"},
        {**TRUE, "order": "../settings"},
        {**TRUE, "at": "now"},
        {**TRUE, "at": True},
        {**TRUE, "at": None},
        b"1e99999999999999999999",
        {"order": "17", "at": SECONDS},
    ],
)
def test_a_signed_nudge_that_says_nothing_is_refused(body: object) -> None:
    with pytest.raises(InvalidInput):
        nudged(body)


def test_a_signed_nudge_from_the_end_of_time_is_refused() -> None:
    with pytest.raises(SignatureInvalid):
        nudged({**TRUE, "at": 10**400})


def test_what_the_demo_shops_plugin_signs_is_taken() -> None:
    shop = DemoShop(order_count=0, customer_count=1, clock=lambda: SECONDS, home_url="https://shop.example")
    plugin = shop.plugin
    assert plugin is not None
    plugin.configure(server_url="https://regulars.example", shop_key="shop-key", pairing_code="x")
    plugin.kid, plugin.key = "k1", KEY

    found = registry.shopper_identifier(Platform.WOOCOMMERCE).identify(asked(plugin.token(5)))

    assert found.external_customer_id == "5"
