"""What the admin needs to live in a frame inside a platform's own admin: whose frame, whose script, which words. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.ports import Platform, PlatformApp

PLATFORM_NAMES: Mapping[Platform, str] = {Platform.WOOCOMMERCE: "WooCommerce", Platform.SHOPIFY: "Shopify"}


@dataclass(frozen=True)
class Frame:
    """The vendor's words, one entry for each platform that embeds us.

    `bridge`: (origin, path) of the script by which a page gets its tokens; it adds one to every fetch of ours as bearer.
    `token`: what a document's address carries the token as; `reload`: what tells the bridge where to go with a fresh one.
    `stale`: the header that has the bridge try again with a fresh token. `noise`: what else the platform puts into addresses.
    """

    admin_origin: str
    bridge: tuple[str, str]
    token: str
    shop: str
    reload: str
    stale: tuple[str, str]
    noise: frozenset[str]


FRAMES: Mapping[Platform, Frame] = {
    Platform.SHOPIFY: Frame(
        admin_origin="https://admin.shopify.com",
        bridge=("https://cdn.shopify.com", "/shopifycloud/app-bridge.js"),
        token="id_token",  # noqa: S106
        shop="shop",
        reload="shopify-reload",
        stale=("X-Shopify-Retry-Invalid-Session-Request", "1"),
        noise=frozenset({"hmac", "id_token", "session", "timestamp"}),
    )
}


@dataclass(frozen=True)
class Framing:
    """How one response may be framed. `base_url`: the shop that it is for, where that is known."""

    app: PlatformApp
    base_url: str | None = None

    @property
    def words(self) -> Frame:
        return FRAMES[self.app.platform]

    @property
    def script_origin(self) -> str:
        """The platform's own, or that of what stands in for it."""
        return self.app.origin or self.words.bridge[0]

    @property
    def script_url(self) -> str:
        return self.script_origin + self.words.bridge[1]

    @property
    def policy(self) -> str:
        """The Content-Security-Policy: framed by this shop's admin alone, scripts from files only, nothing inline."""
        ancestors = [each for each in (self.base_url, self.words.admin_origin, self.app.origin) if each]
        return "; ".join(
            [
                "default-src 'none'",
                f"script-src 'self' {self.script_origin}",
                "style-src 'self'",
                "img-src 'self' data:",
                "connect-src 'self'",
                "form-action 'self'",
                "base-uri 'none'",
                "object-src 'none'",
                f"frame-ancestors {' '.join(ancestors)}",
            ]
        )
