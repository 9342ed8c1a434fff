"""What Shopify signs besides tokens: true, forged, cut differently, sent again, written strangely."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.shopify.signatures import (
    Launch,
    ProxyVisit,
    verify_app_proxy,
    verify_launch,
    verify_webhook,
    webhook_domain,
)
from core.errors import SignatureInvalid

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
SECRET, OLDER = "shpss-1", "shpss-0"
SECRETS = (SECRET, OLDER)
HOST = "YWRtaW4uc2hvcGlmeS5jb20vc3RvcmUvbXlzaG9w"


def hex_of(text: str, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


# Webhooks -----------------------------------------------------------------------------------------------------------

# By `openssl dgst -sha256 -hmac shpss-1 -binary | base64`, so that no mistake of ours is on both sides.
BODY, SIGNATURE = b'{"id":5}', "HaP8dF9KatIREMQgiUvAkGGgmshBDg+eRnI2vAC5nUY="


@pytest.mark.parametrize("secrets", [(SECRET,), (SECRET, "newer"), ("older", SECRET)])
def test_a_webhook_signed_by_either_secret_is_taken(secrets: tuple[str, ...]) -> None:
    verify_webhook(BODY, SIGNATURE, secrets)


@pytest.mark.parametrize(
    ("body", "header", "secrets"),
    [
        (BODY + b" ", SIGNATURE, (SECRET,)),
        (BODY, SIGNATURE, ("other",)),
        (BODY, SIGNATURE, ()),
        (BODY, "", (SECRET,)),
        (BODY, SIGNATURE + " ", (SECRET,)),
        (BODY, SIGNATURE.rstrip("="), (SECRET,)),
        (BODY, SIGNATURE.swapcase(), (SECRET,)),
        (BODY, SIGNATURE + ", " + SIGNATURE, (SECRET,)),
        (BODY, base64.b64decode(SIGNATURE).hex(), (SECRET,)),
        (BODY, "\u00fc" * 44, (SECRET,)),
        (BODY, "\ud800", (SECRET,)),
        (BODY, "=" * 1_000_000, (SECRET,)),
    ],
)
def test_any_other_webhook_is_refused(body: bytes, header: str, secrets: Sequence[str]) -> None:
    with pytest.raises(SignatureInvalid):
        verify_webhook(body, header, secrets)


@pytest.mark.parametrize("secrets", [("",), ("", ""), ()])
def test_an_empty_secret_signs_nothing(secrets: tuple[str, ...]) -> None:
    forged = base64.b64encode(hmac.new(b"", BODY, hashlib.sha256).digest()).decode()

    with pytest.raises(SignatureInvalid):
        verify_webhook(BODY, forged, secrets)


def test_without_a_secret_not_even_the_word_for_none_signs() -> None:
    word = "no secret: the same work, and never a match"
    text = f"path_prefix=/apps/regularsshop=a.myshopify.comtimestamp={SECONDS}"

    with pytest.raises(SignatureInvalid):
        verify_webhook(BODY, base64.b64encode(hmac.new(word.encode(), BODY, hashlib.sha256).digest()).decode(), ())
    with pytest.raises(SignatureInvalid):
        verify_app_proxy(visit(signature=hex_of(text, word), logged_in_customer_id=None), (), NOW)


def test_the_shop_that_a_webhook_names_has_a_shops_form() -> None:
    assert webhook_domain("My-Shop.myshopify.com") == "my-shop.myshopify.com"


@pytest.mark.parametrize(
    "header", ["", "evil.example", "a.myshopify.com.evil.example", "a.myshopify.com ", "\u212a.myshopify.com"]
)
def test_a_webhook_that_names_no_shop_is_refused(header: str) -> None:
    with pytest.raises(SignatureInvalid):
        webhook_domain(header)


# App proxy ----------------------------------------------------------------------------------------------------------

VISIT = {"logged_in_customer_id": "17", "path_prefix": "/apps/regulars", "shop": "a.myshopify.com"}


def visit(*, secret: str = SECRET, signature: str | None = None, **changes: str | None) -> str:
    """A signed query; None takes a parameter away."""
    values = {**VISIT, "timestamp": str(SECONDS), **changes}
    kept = {key: value for key, value in values.items() if value is not None}
    text = "".join(f"{key}={value}" for key, value in sorted(kept.items()))
    return urlencode({**kept, "signature": hex_of(text, secret) if signature is None else signature})


def test_shopifys_own_example_of_an_app_proxy_is_taken() -> None:
    # The example in Shopify's documentation of app proxies, with the secret "hush".
    query = (
        "extra=1&extra=2&shop=shop-name.myshopify.com&logged_in_customer_id=1"
        "&path_prefix=%2Fapps%2Fawesome_reviews&timestamp=1317327555"
        "&signature=4c68c8624d737112c91818c11017d24d334b524cb5c2b8ba08daa056f7395ddb"
    )

    found = verify_app_proxy(query, ("hush",), datetime.fromtimestamp(1317327555, UTC))

    assert found == ProxyVisit("shop-name.myshopify.com", "1", "/apps/awesome_reviews")


@pytest.mark.parametrize("secret", SECRETS)
def test_a_visit_names_shop_and_customer(secret: str) -> None:
    expected = ProxyVisit("a.myshopify.com", "17", "/apps/regulars")

    assert verify_app_proxy(visit(secret=secret), SECRETS, NOW) == expected
    assert verify_app_proxy(visit(secret=secret).encode(), SECRETS, NOW) == expected


@pytest.mark.parametrize("customer_id", ["", None])
def test_a_visit_of_somebody_not_signed_in_names_no_customer(customer_id: str | None) -> None:
    assert verify_app_proxy(visit(logged_in_customer_id=customer_id), SECRETS, NOW).customer_id is None


@pytest.mark.parametrize("seconds", [-90, -1, 0, 1, 90])
def test_a_visit_within_its_window_is_taken(seconds: int) -> None:
    verify_app_proxy(visit(timestamp=str(SECONDS + seconds)), SECRETS, NOW)


@pytest.mark.parametrize(
    "timestamp",
    [str(SECONDS - 91), str(SECONDS + 91), "", None, f" {SECONDS}", f"+{SECONDS}", f"{SECONDS}.0", "1_795_348_800",
     "".join(chr(0x660 + int(digit)) for digit in str(SECONDS)), "-1", "9" * 13, "9" * 5_000, f"{SECONDS}\n"],
)  # fmt: skip
def test_a_visit_outside_its_window_or_without_a_time_is_refused(timestamp: str | None) -> None:
    with pytest.raises(SignatureInvalid):
        verify_app_proxy(visit(timestamp=timestamp), SECRETS, NOW)


def test_the_word_of_a_moment_is_the_callers_not_the_clocks() -> None:
    verify_app_proxy(visit(), SECRETS, NOW + timedelta(seconds=90))

    with pytest.raises(SignatureInvalid):
        verify_app_proxy(visit(), SECRETS, NOW + timedelta(seconds=91))


@pytest.mark.parametrize(
    "changes",
    [
        {"shop": "evil.example"},
        {"shop": "a.myshopify.com.evil.example"},
        {"shop": "A.myshopify.com"},
        {"shop": None},
        {"logged_in_customer_id": "0"},
        {"logged_in_customer_id": "-17"},
        {"logged_in_customer_id": "17 "},
        {"logged_in_customer_id": "\u0661\u0667"},
        {"logged_in_customer_id": "1" * 21},
        {"logged_in_customer_id": "gid://shopify/Customer/17"},
        {"path_prefix": None},
        {"path_prefix": "//evil.example"},
        {"path_prefix": "/apps/../x"},
        {"path_prefix": "apps/regulars"},
        {"extra": "a=b"},
        {"e=x": "1"},
        {"\u00e9": "1"},
        {"": "1"},
    ],
)
def test_a_visit_of_no_shop_or_no_customer_is_refused_though_signed(changes: dict[str, str | None]) -> None:
    with pytest.raises(SignatureInvalid):
        verify_app_proxy(visit(**changes), SECRETS, NOW)


@pytest.mark.parametrize("secrets", [("other",), ("",), ()])
@pytest.mark.parametrize("signed_by", [SECRET, ""])
def test_a_visit_signed_by_another_secret_or_none_is_refused(secrets: tuple[str, ...], signed_by: str) -> None:
    with pytest.raises(SignatureInvalid):
        verify_app_proxy(visit(secret=signed_by), secrets, NOW)


@pytest.mark.parametrize("signature", ["", "0" * 64, "\u0660" * 64, "\u00fc", "0" * 100_000])
def test_a_visit_without_its_signature_is_refused(signature: str) -> None:
    with pytest.raises(SignatureInvalid):
        verify_app_proxy(visit(signature=signature), SECRETS, NOW)


@pytest.mark.parametrize("key", ["signature", "shop", "timestamp", "logged_in_customer_id", "path_prefix"])
def test_what_stands_once_may_not_stand_twice(key: str) -> None:
    pairs = parse_qsl(visit())
    value = dict(pairs)[key]
    text = "".join(
        f"{name}={value},{value}" if name == key else f"{name}={found}"
        for name, found in sorted(pairs)
        if name != "signature"
    )
    signature = hex_of(text)
    both = [pair for pair in pairs if pair[0] != "signature"] + [("signature", signature)]

    with pytest.raises(SignatureInvalid):
        verify_app_proxy(urlencode([*both, (key, dict(both)[key])]), SECRETS, NOW)


@pytest.mark.parametrize(
    "signed_for_nobody",
    [
        [("a", "1logged_in_customer_id=777"), ("logged_in_customer_id", "")],
        [("a", "1"), ("logged_in_customer_id", ""), ("m", "logged_in_customer_id=777")],
    ],
)
@pytest.mark.parametrize(
    "read_as_somebody",
    [
        [("a", "1"), ("logged_in_customer_id", "777"), ("logged_in_customer_id=path_prefix", "/apps/regulars")],
        [("a", "1logged_in_customer_id=m="), ("logged_in_customer_id", "777"), ("path_prefix", "/apps/regulars")],
    ],
)
def test_a_signed_text_cannot_be_cut_into_another_customers_visit(
    signed_for_nobody: list[tuple[str, str]], read_as_somebody: list[tuple[str, str]]
) -> None:
    tail = [("shop", "a.myshopify.com"), ("timestamp", str(SECONDS))]
    text = "".join(f"{key}={value}" for key, value in [*signed_for_nobody, ("path_prefix", "/apps/regulars"), *tail])

    with pytest.raises(SignatureInvalid):
        verify_app_proxy(urlencode([*read_as_somebody, *tail, ("signature", hex_of(text))]), SECRETS, NOW)


@pytest.mark.parametrize(
    "query", ["", "?", "&&&", b"\xff=1", "shop=%FF", "\u00fc=1", "a" * 9_000, "a=1&" * 65, "%", b"a\x00b"]
)
def test_what_is_no_query_is_no_visit_and_no_launch(query: bytes | str) -> None:
    with pytest.raises(SignatureInvalid):
        verify_app_proxy(query, SECRETS, NOW)
    with pytest.raises(SignatureInvalid):
        verify_launch(query, SECRETS, NOW)


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)))
def test_no_query_brings_the_checks_down(query: bytes | str) -> None:
    for check in (verify_app_proxy, verify_launch):
        with pytest.raises(SignatureInvalid):
            check(query, SECRETS, NOW)


@given(st.binary(max_size=50), st.text(max_size=50), st.lists(st.text(max_size=9), max_size=3))
def test_no_webhook_brings_the_check_down(body: bytes, header: str, secrets: list[str]) -> None:
    with pytest.raises(SignatureInvalid):
        verify_webhook(body, header, secrets)


# Launches -----------------------------------------------------------------------------------------------------------

# By openssl, over the parameters in the order of their names.
LAUNCH = (
    f"embedded=1&hmac=2247ff1f12ef942b0398835a97292730ad5f5b51219e00714e775454af445553&host={HOST}"
    "&id_token=aa.bb.cc&locale=en&shop=myshop.myshopify.com&timestamp=1795348800"
)


def launch(*, secret: str = SECRET, signature: str | None = None, **changes: str | None) -> str:
    """A signed query; None takes a parameter away."""
    values: Mapping[str, str | None] = {"shop": "a.myshopify.com", "timestamp": str(SECONDS), "host": HOST, **changes}
    kept = {key: value for key, value in values.items() if value is not None}
    text = "&".join(f"{key}={value}" for key, value in sorted(kept.items()))
    return urlencode({**kept, "hmac": hex_of(text, secret) if signature is None else signature})


@pytest.mark.parametrize("query", [LAUNCH, LAUNCH.encode(), "&".join(reversed(LAUNCH.split("&")))])
def test_a_launch_names_the_shop(query: str | bytes) -> None:
    found = verify_launch(query, SECRETS, NOW)

    assert found == Launch("myshop.myshopify.com", HOST, id_token="aa.bb.cc")
    assert "aa.bb.cc" not in repr(found)


def test_shopifys_own_example_of_the_code_grant_is_taken() -> None:
    # The example in Shopify's documentation of the code grant, with the secret "hush".
    query = (
        "code=0907a61c0c8d55e99db179b68161bc00"
        "&hmac=700e2dadb827fcc8609e9d5ce208b2e9cdaab9df07390d2cbca10d7c328fc4bf"
        "&shop=some-shop.myshopify.com&state=0.6784241404160823&timestamp=1337178173"
    )

    found = verify_launch(query, ("hush",), datetime.fromtimestamp(1337178173, UTC))

    assert (found.domain, found.host, found.id_token) == ("some-shop.myshopify.com", None, None)
    assert (found.code, found.state) == ("0907a61c0c8d55e99db179b68161bc00", "0.6784241404160823")


@pytest.mark.parametrize(
    "written",
    ["a=50%25 %26 more&shop=a.myshopify.com&timestamp=@", "a=50%25+%26+more&shop=a.myshopify.com&timestamp=@"],
    ids=["as ShopifyAPI writes it", "as the Ruby and JavaScript libraries write it"],
)
def test_rare_characters_may_be_signed_in_either_form(written: str) -> None:
    signature = hex_of(written.replace("@", str(SECONDS)))

    assert (
        verify_launch(launch(a="50% & more", host=None, signature=signature), SECRETS, NOW).domain == "a.myshopify.com"
    )


@pytest.mark.parametrize("secret", SECRETS)
def test_a_launch_signed_by_either_secret_is_taken(secret: str) -> None:
    verify_launch(launch(secret=secret), SECRETS, NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"shop": "evil.example"},
        {"shop": "a.myshopify.com.evil.example"},
        {"shop": None},
        {"host": "javascript:alert(1)"},
        {"host": "A" * 513},
        {"id_token": "aa.bb"},
        {"id_token": "aa.bb.c c"},
        {"code": "a b"},
        {"state": "<script>"},
        {"timestamp": str(SECONDS - 91)},
        {"timestamp": str(SECONDS + 91)},
        {"timestamp": f" {SECONDS}"},
        {"timestamp": None},
    ],
)
def test_a_launch_of_no_shop_or_no_time_is_refused_though_signed(changes: dict[str, str | None]) -> None:
    with pytest.raises(SignatureInvalid):
        verify_launch(launch(**changes), SECRETS, NOW)


@pytest.mark.parametrize("seconds", [-90, 90])
def test_a_launch_at_the_edge_of_its_window_is_taken(seconds: int) -> None:
    verify_launch(launch(timestamp=str(SECONDS + seconds)), SECRETS, NOW)


@pytest.mark.parametrize("key", ["shop", "timestamp", "host", "hmac", "other"])
def test_a_launch_that_says_a_thing_twice_is_refused(key: str) -> None:
    query = launch(other="1")
    value = dict(parse_qsl(query))[key]

    with pytest.raises(SignatureInvalid):
        verify_launch(f"{query}&{urlencode({key: value})}", SECRETS, NOW)


@pytest.mark.parametrize(
    ("query", "secrets"),
    [
        (launch(), ("other",)),
        (launch(), ()),
        (launch(secret=""), ("",)),
        (launch(signature=""), SECRETS),
        (launch(signature="\u00fc" * 64), SECRETS),
        (launch() + "&more=1", SECRETS),
        (launch().replace("a.myshopify", "b.myshopify"), SECRETS),
        (launch().replace("hmac=", "HMAC="), SECRETS),
    ],
)
def test_a_launch_that_is_not_signed_so_is_refused(query: str, secrets: Sequence[str]) -> None:
    with pytest.raises(SignatureInvalid):
        verify_launch(query, secrets, NOW)


def test_signatures_are_written_in_lower_case() -> None:
    with pytest.raises(SignatureInvalid):
        verify_launch(launch(signature=dict(parse_qsl(launch()))["hmac"].upper()), SECRETS, NOW)
    with pytest.raises(SignatureInvalid):
        verify_app_proxy(visit(signature=dict(parse_qsl(visit()))["signature"].upper()), SECRETS, NOW)


@pytest.mark.parametrize(
    ("more", "written"),
    [
        ({"extra": "a" * 8_192}, None),
        ({f"e{number}": "" for number in range(64)}, None),
        ({"extra": "\u00fc"}, "\u00fc"),  # an address holds no such letter before it is encoded
        ({"extra": "\ufffd"}, "%FF"),  # what a careless reader makes of a broken letter
    ],
)
@pytest.mark.parametrize(("check", "signed"), [(verify_app_proxy, visit), (verify_launch, launch)])
def test_what_is_too_long_or_no_text_is_refused_though_signed(
    check: Callable[..., object], signed: Callable[..., str], more: dict[str, str | None], written: str | None
) -> None:
    query = signed(**more)
    check(signed(extra="a" * 100), SECRETS, NOW)

    with pytest.raises(SignatureInvalid):
        check(query if written is None else query.replace(urlencode(more), f"extra={written}"), SECRETS, NOW)
