"""What the admin needs to live in a frame inside a platform's own admin: whose frame, whose script, which words. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from admin.texts import lazy_gettext as _l
from core.merchants.queries import ShopView
from core.ports import Platform, PlatformApp

PLATFORM_NAMES: Mapping[Platform, str] = {
    Platform.WOOCOMMERCE: "WooCommerce",
    Platform.SHOPIFY: "Shopify",
    Platform.SHOPTET: "Shoptet",
}
# In the address of a document that is loaded a second time, for a fresh token: a third time would never end.
AGAIN = "again"
_NO_FRAME = "'none'"
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")


@dataclass(frozen=True)
class Bridge:
    """The platform's own script, by which a page gets its tokens; it adds one to every fetch of ours as bearer.

    `meta`: what it reads our client id from. `name`: what it is in a page, and how its events begin.
    """

    origin: str
    path: str
    meta: str
    name: str


@dataclass(frozen=True)
class Frame:
    """The vendor's words, one entry for each platform that embeds us.

    `admin_origin`: where its admin is, for all shops. `addresses`: in which of a shop's details its admin's address is.
    `bridge` None: the platform has none, and a script of ours carries a token of ours.
    `token`: what a document's address carries the proof as; `shop`, `language`: what else it says.
    `reload`: what tells the bridge where to go with a fresh token; `stale`: the header that has it try again with one.
    `noise`: what has no business in an address bar; `carried`: what a page that is loaded again has to say again.
    `draws_menu`: whether the platform shows our menu. `anew`: how somebody gets a fresh page.
    """

    token: str
    shop: str
    language: str
    noise: frozenset[str]
    carried: tuple[str, ...]
    anew: str
    admin_origin: str = ""
    addresses: tuple[str, ...] = ()
    bridge: Bridge | None = None
    reload: str = ""
    stale: tuple[str, str] | None = None
    draws_menu: bool = False


FRAMES: Mapping[Platform, Frame] = {
    Platform.SHOPIFY: Frame(
        token="id_token",  # noqa: S106
        shop="shop",
        language="locale",
        noise=frozenset({"hmac", "id_token", "session", "timestamp"}),
        carried=("embedded", "host", "locale", "shop"),
        anew=_l("Open the app anew."),
        admin_origin="https://admin.shopify.com",
        bridge=Bridge("https://cdn.shopify.com", "/shopifycloud/app-bridge.js", meta="shopify-api-key", name="shopify"),
        reload="shopify-reload",
        stale=("X-Shopify-Retry-Invalid-Session-Request", "1"),
        draws_menu=True,
    ),
    Platform.SHOPTET: Frame(
        token="code",  # noqa: S106
        shop="shop",
        language="language",
        noise=frozenset({"code"}),
        carried=("language", "shop"),
        anew=_l("Open the settings in Shoptet's admin anew."),
        addresses=("admin_url", "oauth_url"),
    ),
}


@dataclass(frozen=True)
class Framing:
    """How one response may be framed. `homes`: addresses of the shop that it is for, where that is known."""

    app: PlatformApp
    homes: tuple[str, ...] = ()

    @property
    def words(self) -> Frame:
        return FRAMES[self.app.platform]

    @property
    def draws_menu(self) -> bool:
        """What stands in for a platform draws none."""
        return self.words.draws_menu and not self.app.origin

    @property
    def script_origin(self) -> str:
        """The platform's own, or that of what stands in for it; empty where the script is ours."""
        bridge = self.words.bridge
        return (self.app.origin or bridge.origin) if bridge else ""

    @property
    def script_url(self) -> str:
        return self.script_origin + (self.words.bridge.path if self.words.bridge else "")

    @property
    def noise(self) -> tuple[str, ...]:
        """All that is not part of a page's own address."""
        return tuple(sorted({*self.words.noise, *self.words.carried, AGAIN}))

    @property
    def policy(self) -> str:
        """The Content-Security-Policy: framed by this shop's admin alone, scripts from files only, nothing inline."""
        ancestors = origins((*self.homes, self.words.admin_origin, self.app.origin or ""))
        return "; ".join(
            [
                "default-src 'none'",
                f"script-src 'self' {self.script_origin}".rstrip(),
                "style-src 'self'",
                "img-src 'self' data:",
                "connect-src 'self'",
                "form-action 'self'",
                "base-uri 'none'",
                "object-src 'none'",
                f"frame-ancestors {' '.join(ancestors) or _NO_FRAME}",
            ]
        )


def homes(platform: Platform, shop: ShopView, details: Mapping[str, str]) -> tuple[str, ...]:
    """Where a shop and its admin are. `details`: of its facts."""
    told = [details.get(name, "") for name in FRAMES[platform].addresses]
    return (shop.base_url, shop.storefront_url or "", *told) if told else (shop.base_url,)


def origins(urls: Iterable[str]) -> tuple[str, ...]:
    """Scheme and host of each, once; what is no plain web address is left out, for a policy is a list with marks in it."""
    found: dict[str, None] = {}
    for url in urls:
        try:
            parts = urlsplit(url)
        except ValueError:
            continue
        origin = f"{parts.scheme}://{parts.netloc.lower()}"
        if _ORIGIN.fullmatch(origin):
            found[origin] = None
    return tuple(found)
