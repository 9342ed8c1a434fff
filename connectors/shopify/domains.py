"""A Shopify shop's identity: its domain "name.myshopify.com", in lower case, and the base URL made of it. Pure."""

import re

from core.errors import InvalidInput

_SUFFIX = ".myshopify.com"
# One label of DNS. The ranges are spelled out, for \w and \d take letters and digits of every script.
_DOMAIN = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\.myshopify\.com")
_ADMIN_PAGE = re.compile(r"(?:https://)?admin\.shopify\.com/store/([a-z0-9][a-z0-9-]{0,62})(?:[/?#].*)?")
_LONGEST_TYPED = 500
_NOT_A_SHOP = "This is not the address of a Shopify shop. It looks like name.myshopify.com."


def is_shop_domain(text: object) -> bool:
    """True for exactly "name.myshopify.com" as we keep it; nothing is trimmed, lowered or guessed."""
    return isinstance(text, str) and _DOMAIN.fullmatch(text) is not None


def normal_domain(text: str) -> str:
    """The domain that somebody means who typed it, its bare name, an address in the shop or one of its admin pages.

    Never for what a machine sends: there the domain is exact, or refused. Raises InvalidInput.
    """
    typed = text.strip().lower()
    if not text.isascii() or len(text) > _LONGEST_TYPED:  # lower() makes a plain k of the Kelvin sign
        raise InvalidInput(_NOT_A_SHOP, field="shop")
    if is_shop_domain(typed):
        return typed
    if page := _ADMIN_PAGE.fullmatch(typed):
        return page.group(1) + _SUFFIX
    # Imported here because any module of ShopifyAPI loads all of it: 90 ms and 15 MB that no other road needs.
    from shopify.utils import shop_url

    try:
        found = shop_url.sanitize_shop_domain(typed)
    except ValueError:  # of "["
        found = None
    if not is_shop_domain(found):
        raise InvalidInput(_NOT_A_SHOP, field="shop")
    return str(found)


def base_url(domain: str) -> str:
    """The shop's base URL: "https://name.myshopify.com". Raises InvalidInput."""
    if not is_shop_domain(domain):
        raise InvalidInput(_NOT_A_SHOP, field="shop")
    return f"https://{domain}"


def domain_of(base_url: str) -> str:
    """The domain of a base URL as `base_url` makes it. Raises InvalidInput."""
    domain = base_url.removeprefix("https://")
    if domain == base_url or not is_shop_domain(domain):
        raise InvalidInput(_NOT_A_SHOP, field="shop")
    return domain
