"""Session tokens of staff and of shoppers: true, forged in every way we could think of, and one shown for the other."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.shopify.session_tokens import bearer, verify_extension_token, verify_session_token
from core.errors import SignatureInvalid

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
CLIENT = "0123456789abcdef0123456789abcdef"
SECRET, OLDER = "shpss_" + "1" * 32, "shpss_" + "0" * 32
APP = {"client_id": CLIENT, "secrets": (SECRET, OLDER), "now": NOW}

STAFF: Mapping[str, Any] = {
    "iss": "https://a.myshopify.com/admin",
    "dest": "https://a.myshopify.com",
    "aud": CLIENT,
    "sub": "42",
    "exp": SECONDS + 55,
    "nbf": SECONDS - 5,
    "iat": SECONDS - 5,
    "jti": "f8912129-1af6-4cad-9ca3-76b0f7621087",
    "sid": "aaea182f2732d44c23057c0fea584021a4485b2bd25d3eb7fd349313ad24c685",
}
SHOPPER: Mapping[str, Any] = {
    "dest": "a.myshopify.com",
    "aud": CLIENT,
    "sub": "gid://shopify/Customer/17",
    "exp": SECONDS + 295,
    "nbf": SECONDS - 5,
    "iat": SECONDS - 5,
    "jti": "6c992878-dbaf-48d1-bb9d-6d9b59814fd1",
}
BOTH: Any = pytest.mark.parametrize(
    ("verify", "true"), [(verify_session_token, STAFF), (verify_extension_token, SHOPPER)]
)
Verify = Callable[..., Any]


def changed(true: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """The claims with these others; ... takes one away."""
    return {name: value for name, value in {**true, **changes}.items() if value is not ...}


def token(claims: Mapping[str, Any], *, secret: str = SECRET, **head: Any) -> str:
    """By hand, so that no library puts anything right."""
    signed = ".".join(encoded(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT", **head}, claims))
    return f"{signed}.{encoded(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())}"


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_a_token_of_staff_names_shop_and_person() -> None:
    found = verify_session_token(token(STAFF), **APP)

    assert (found.domain, found.user_id, found.session_id) == ("a.myshopify.com", "42", STAFF["sid"])
    assert (found.jti, found.expires_at) == (STAFF["jti"], NOW + timedelta(seconds=55))


def test_a_token_made_by_the_library_is_taken_too() -> None:
    assert verify_session_token(jwt.encode(dict(STAFF), SECRET, "HS256"), **APP).user_id == "42"


@pytest.mark.parametrize("dest", ["a.myshopify.com", "https://a.myshopify.com"])
@pytest.mark.parametrize("iss", [..., "a.myshopify.com", "https://a.myshopify.com", "https://a.myshopify.com/admin"])
def test_a_token_of_an_extension_names_shop_and_customer(dest: str, iss: object) -> None:
    found = verify_extension_token(token(changed(SHOPPER, dest=dest, iss=iss)), **APP)

    assert (found.domain, found.customer_id, found.jti) == ("a.myshopify.com", "17", SHOPPER["jti"])
    assert found.expires_at == NOW + timedelta(seconds=295)


def test_a_shopper_who_is_not_signed_in_has_a_token_without_a_customer() -> None:
    assert verify_extension_token(token(changed(SHOPPER, sub=...)), **APP).customer_id is None


@BOTH
def test_the_secret_before_is_taken_while_it_is_kept(verify: Verify, true: Mapping[str, Any]) -> None:
    assert verify(token(true, secret=OLDER), **APP).domain == "a.myshopify.com"

    with pytest.raises(SignatureInvalid):
        verify(token(true, secret=OLDER), **{**APP, "secrets": (SECRET,)})


# One kind shown for the other ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "claims",
    [
        SHOPPER,
        changed(SHOPPER, sub=...),
        changed(SHOPPER, sid="1", iss=STAFF["iss"], dest=STAFF["dest"]),
        changed(SHOPPER, sid="1", iss=STAFF["iss"], dest=STAFF["dest"], sub=...),
        changed(SHOPPER, sid="1", iss=STAFF["iss"], dest=STAFF["dest"], sub=None),
        changed(SHOPPER, iss=STAFF["iss"], dest=STAFF["dest"], sub="17"),
    ],
)
def test_a_shoppers_token_is_never_staffs(claims: dict[str, Any]) -> None:
    with pytest.raises(SignatureInvalid):
        verify_session_token(token(claims), **APP)


@pytest.mark.parametrize("claims", [STAFF, changed(STAFF, iss=...), changed(STAFF, dest="a.myshopify.com", iss=...)])
def test_a_token_of_staff_is_never_a_shoppers(claims: dict[str, Any]) -> None:
    with pytest.raises(SignatureInvalid):
        verify_extension_token(token(claims), **APP)


# Whose it is, and for whom ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"dest": "https://b.myshopify.com"},
        {"iss": "https://b.myshopify.com/admin"},
        {"iss": "https://a.myshopify.com"},
        {"iss": "https://a.myshopify.com/admin/"},
        {"iss": "http://a.myshopify.com/admin"},
        {"iss": None},
        {"iss": ...},
        {"iss": ["https://a.myshopify.com/admin"]},
        {"dest": "https://evil.example", "iss": "https://evil.example/admin"},
        {"dest": "a.myshopify.com"},
        {"dest": "https://a.myshopify.com/"},
        {"dest": "https://A.myshopify.com", "iss": "https://A.myshopify.com/admin"},
        {"dest": "https://a.myshopify.com.evil.example", "iss": "https://a.myshopify.com.evil.example/admin"},
        {"dest": "https://a.myshopify.com\n", "iss": "https://a.myshopify.com\n/admin"},
        {"dest": ...},
        {"dest": {"a": 1}},
        {"sub": 42},
        {"sub": ""},
        {"sub": "\u0664\u0662"},
        {"sub": ...},
        {"sid": ...},
        {"sid": ""},
        {"sid": 7},
        {"sid": "a\nb"},
    ],
)
def test_a_token_of_staff_of_no_one_shop_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(SignatureInvalid):
        verify_session_token(token(changed(STAFF, **changes)), **APP)


@pytest.mark.parametrize(
    "changes",
    [
        {"dest": "evil.example"},
        {"dest": "http://a.myshopify.com"},
        {"dest": "https://https://a.myshopify.com"},
        {"dest": "a.myshopify.com/"},
        {"dest": "A.myshopify.com"},
        {"dest": ...},
        {"dest": 5},
        {"iss": "https://b.myshopify.com"},
        {"iss": None},
        {"iss": ""},
        {"sub": "17"},
        {"sub": ""},
        {"sub": 17},
        {"sub": "gid://shopify/Customer/"},
        {"sub": "gid://shopify/Customer/17\n"},
        {"sub": "gid://shopify/Customer/17/18"},
        {"sub": "gid://shopify/Order/17"},
        {"sub": "gid://evil/Customer/17"},
        {"sub": "gid://shopify/Customer/\u0661"},
        {"sub": ["gid://shopify/Customer/17"]},
        {"sub": None},
    ],
)
def test_a_token_of_a_shopper_of_no_one_shop_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(SignatureInvalid):
        verify_extension_token(token(changed(SHOPPER, **changes)), **APP)


@BOTH
@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "another-app"},
        {"aud": [CLIENT]},
        {"aud": CLIENT.upper()},
        {"aud": ...},
        {"aud": None},
        {"jti": ...},
        {"jti": ""},
        {"jti": 5},
        {"jti": "a b"},
        {"jti": "a" * 257},
    ],
)
def test_a_token_for_another_app_or_without_an_id_is_refused(
    verify: Verify, true: Mapping[str, Any], changes: dict[str, Any]
) -> None:
    with pytest.raises(SignatureInvalid):
        verify(token(changed(true, **changes)), **APP)


@BOTH
def test_no_token_is_for_an_app_without_an_id(verify: Verify, true: Mapping[str, Any]) -> None:
    with pytest.raises(SignatureInvalid):
        verify(token(changed(true, aud="")), **{**APP, "client_id": ""})


# When ---------------------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    "times",
    [
        {"exp": ...},
        {"nbf": ...},
        {"iat": ...},
        {"exp": SECONDS - 10, "iat": SECONDS - 70},
        {"nbf": SECONDS + 11},
        {"iat": SECONDS + 11, "exp": SECONDS + 60},
        {"exp": SECONDS + 3_596},
        {"iat": SECONDS + 5, "nbf": SECONDS, "exp": SECONDS + 5},
        {"exp": float(SECONDS + 55)},
        {"exp": str(SECONDS + 55)},
        {"exp": True},
        {"exp": 10**30, "iat": 10**30 - 5},
        {"iat": -(10**30)},
        {"nbf": None},
        {"nbf": str(SECONDS)},
    ],
)
def test_a_token_out_of_its_time_is_refused(verify: Verify, true: Mapping[str, Any], times: dict[str, Any]) -> None:
    with pytest.raises(SignatureInvalid):
        verify(token(changed(true, **times)), **APP)


@BOTH
@pytest.mark.parametrize(
    "times",
    [{"exp": SECONDS - 9, "iat": SECONDS - 69}, {"nbf": SECONDS + 10}, {"iat": SECONDS + 10, "nbf": SECONDS + 10}],
)
def test_the_clocks_may_differ_by_ten_seconds(verify: Verify, true: Mapping[str, Any], times: dict[str, Any]) -> None:
    verify(token(changed(true, **times)), **APP)


@BOTH
def test_the_time_is_the_callers(verify: Verify, true: Mapping[str, Any]) -> None:
    with pytest.raises(SignatureInvalid):
        verify(token(true), **{**APP, "now": NOW + timedelta(hours=1)})
    with pytest.raises(SignatureInvalid):
        verify(token(true), **{**APP, "now": NOW - timedelta(minutes=1)})
    with pytest.raises(SignatureInvalid):
        verify(token(changed(true, exp=SECONDS - 9, iat=SECONDS - 69)), **APP, leeway_s=0)


def test_a_token_of_staff_lives_ten_minutes_at_most() -> None:
    verify_session_token(token(changed(STAFF, exp=SECONDS + 595)), **APP)

    with pytest.raises(SignatureInvalid):
        verify_session_token(token(changed(STAFF, exp=SECONDS + 596)), **APP)
    with pytest.raises(SignatureInvalid):
        verify_session_token(token(STAFF), **APP, longest_s=59)


# Signed by whom -----------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("algorithm", ["none", "None", "", "HS384", "HS512", "RS256", "hs256", 256, None])
def test_no_other_algorithm_is_taken(verify: Verify, true: Mapping[str, Any], algorithm: object) -> None:
    with pytest.raises(SignatureInvalid):
        verify(token(true, alg=algorithm), **APP)


@BOTH
@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_a_token_truly_signed_by_another_algorithm_is_refused(
    verify: Verify, true: Mapping[str, Any], algorithm: str
) -> None:
    with pytest.raises(SignatureInvalid):
        verify(jwt.encode(dict(true), "1" * 64, algorithm=algorithm), **{**APP, "secrets": ("1" * 64,)})


@BOTH
def test_an_unsigned_token_is_refused(verify: Verify, true: Mapping[str, Any]) -> None:
    for unsigned in (jwt.encode(dict(true), None, algorithm="none"), token(true).rpartition(".")[0] + "."):
        with pytest.raises(SignatureInvalid):
            verify(unsigned, **APP)


@BOTH
@pytest.mark.parametrize("secrets", [(), ("",), ("", ""), ("shpss_" + "2" * 32,)])
@pytest.mark.parametrize("signed_by", [SECRET, "", "no secret: the same work, and never a match"])
def test_a_token_signed_by_no_secret_of_ours_is_refused(
    verify: Verify, true: Mapping[str, Any], secrets: tuple[str, ...], signed_by: str
) -> None:
    with pytest.raises(SignatureInvalid):
        verify(token(true, secret=signed_by), **{**APP, "secrets": secrets})


@BOTH
@pytest.mark.parametrize("position", range(0, 3))
def test_a_token_changed_in_any_part_is_refused(verify: Verify, true: Mapping[str, Any], position: int) -> None:
    parts = token(true).split(".")
    parts[position] = parts[position][:-4] + ("AAAA" if parts[position][-4:] != "AAAA" else "BBBB")

    with pytest.raises(SignatureInvalid):
        verify(".".join(parts), **APP)


@BOTH
@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "...", "a.b.c", "\u00fc.\u00fc.\u00fc", "\ud800", "." * 5_000, "A" * 1_000_000,
     f"{encoded(b'[]')}.{encoded(b'[]')}.", f"{encoded(b'[' * 1_500)}.{encoded(b'{}')}.x"],
)  # fmt: skip
def test_what_is_no_token_is_refused(verify: Verify, true: Mapping[str, Any], text: str) -> None:
    with pytest.raises(SignatureInvalid):
        verify(text, **APP)


@BOTH
def test_a_token_with_a_megabyte_of_claims_is_not_read(verify: Verify, true: Mapping[str, Any]) -> None:
    with pytest.raises(SignatureInvalid):
        verify(token(changed(true, more="a" * 5_000)), **APP)


@BOTH
def test_signed_claims_that_are_no_object_are_refused(verify: Verify, true: Mapping[str, Any]) -> None:
    for body in ([], "text", 5, None, [true]):
        with pytest.raises(SignatureInvalid):
            verify(token(body), **APP)  # type: ignore[arg-type]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20), lambda inner: st.lists(inner, max_size=3)
)


@given(st.dictionaries(st.sampled_from(sorted(STAFF)), JSON))
def test_no_signed_claims_bring_the_checks_down(changes: dict[str, Any]) -> None:
    for verify, true in ((verify_session_token, STAFF), (verify_extension_token, SHOPPER)):
        try:
            found: Any = verify(token({**true, **changes}), **APP)  # type: ignore[operator]
        except SignatureInvalid:
            continue
        assert found.domain == "a.myshopify.com"


# The header ---------------------------------------------------------------------------------------------------------


def test_the_bearer_of_a_header() -> None:
    assert bearer("Bearer a.b.c") == "a.b.c"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "bearer a.b.c", "Basic a.b.c", "a.b.c", " Bearer a.b.c"])
def test_a_header_without_a_bearer_is_refused(header: str) -> None:
    with pytest.raises(SignatureInvalid):
        bearer(header)
