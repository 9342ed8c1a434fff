"""Shop domains: what is one, what people type for one, and what only looks like one."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.shopify.domains import base_url, domain_of, is_shop_domain, normal_domain
from core.errors import InvalidInput


@pytest.mark.parametrize("domain", ["a.myshopify.com", "my-shop-2.myshopify.com", "0" * 63 + ".myshopify.com"])
def test_a_shop_domain_is_a_name_of_shopifys(domain: str) -> None:
    assert is_shop_domain(domain)
    assert domain_of(base_url(domain)) == domain == normal_domain(domain)


NO_DOMAINS = [
    "",
    "myshopify.com",
    ".myshopify.com",
    "-a.myshopify.com",
    "a_b.myshopify.com",
    "a.b.myshopify.com",
    "a.myshopify.com.evil.example",
    "a.myshopify.com\n",
    " a.myshopify.com",
    "a.myshopify.com/",
    "a.myshopify.com:443",
    "a.myshopify.com#",
    "evil.example/a.myshopify.com",
    "evil.example#a.myshopify.com",
    "u@a.myshopify.com",
    "a.myshopifyxcom",
    "axmyshopify.com",
    "A.myshopify.com",
    "a.MYSHOPIFY.com",
    "\u0661.myshopify.com",  # a digit, but not one of ours
    "\u212aat.myshopify.com",  # the Kelvin sign
    "\u0430.myshopify.com",  # a Cyrillic a
    "a" * 64 + ".myshopify.com",
]


@pytest.mark.parametrize("text", [*NO_DOMAINS, None, 5, b"a.myshopify.com"])
def test_what_is_not_exactly_a_shop_domain_is_none(text: object) -> None:
    assert not is_shop_domain(text)


@pytest.mark.parametrize("domain", NO_DOMAINS)
def test_no_base_url_is_made_of_what_is_no_domain(domain: str) -> None:
    with pytest.raises(InvalidInput):
        base_url(domain)
    with pytest.raises(InvalidInput):
        domain_of(f"https://{domain}")


@pytest.mark.parametrize(
    "url", ["http://a.myshopify.com", "a.myshopify.com", "https://a.myshopify.com/", "HTTPS://a.myshopify.com"]
)
def test_only_a_base_url_as_we_make_it_has_a_domain(url: str) -> None:
    with pytest.raises(InvalidInput):
        domain_of(url)


@pytest.mark.parametrize(
    "typed",
    [
        "my-shop",
        " My-Shop ",
        "MY-SHOP.myshopify.com",
        "https://my-shop.myshopify.com",
        "http://my-shop.myshopify.com/admin?x=1",
        "https://admin.shopify.com/store/my-shop",
        "admin.shopify.com/store/my-shop/apps?x=1#y",
    ],
)
def test_people_may_write_their_shop_in_many_ways(typed: str) -> None:
    assert normal_domain(typed) == "my-shop.myshopify.com"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "evil.example",
        "https://evil.example/my-shop.myshopify.com",
        "my-shop.myshopify.com.evil.example",
        "my-shop.myshopify.com@evil.example",
        "https://user@my-shop.myshopify.com",
        "https://my-shop.myshopify.com:8080",
        "https://admin.shopify.com/store/",
        "https://admin.shopify.com.evil.example/store/my-shop",
        "https://evil.example/admin.shopify.com/store/my-shop",
        "\u212aat",
        "\u212aat.myshopify.com",
        "my shop",
        "a" * 64,
        "my-shop" + "/" * 1_000_000,
        "my-shop.myshopify.com/" + "a" * 1_000,
        "http://[",
    ],
)
def test_what_people_type_is_a_shop_or_refused(typed: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        normal_domain(typed)
    assert refusal.value.field == "shop"


@given(st.text(max_size=80))
def test_whatever_is_typed_becomes_a_domain_or_is_refused(text: str) -> None:
    with contextlib.suppress(InvalidInput):
        assert is_shop_domain(normal_domain(text))
