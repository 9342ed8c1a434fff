"""The one place that names all platforms. A new platform is its folder and one entry here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from connectors.shopify.app import ShopifyApp
from connectors.shopify.connector import connect as connect_shopify
from connectors.shopify.package import FILE_NAME as SHOPIFY_PACKAGE
from connectors.shopify.package import package_zip as shopify_package
from connectors.shopify.webhooks import ShopifyWebhookReader
from connectors.shopper_tokens import TOKEN_LIFE_S as SHOPPER_TOKEN_LIFE_S
from connectors.shopper_tokens import TokenIdentifier
from connectors.shopper_tokens import issue as issue_shopper_token
from connectors.transport import AddressPolicy
from connectors.woocommerce.connect import WooConnectFlow
from connectors.woocommerce.connector import connect as connect_woocommerce
from connectors.woocommerce.identity import WooNudgeReader
from connectors.woocommerce.package import FILE_NAME as WOOCOMMERCE_PLUGIN
from connectors.woocommerce.package import connection_line as woocommerce_line
from connectors.woocommerce.package import plugin_zip as woocommerce_plugin
from connectors.woocommerce.webhooks import WooWebhookReader
from core.errors import NotFound
from core.ports import (
    AppPlatform,
    ConnectFlow,
    Connector,
    Installation,
    NudgeReader,
    Platform,
    ShopperIdentifier,
    WebhookReader,
)

__all__ = [
    "PLATFORMS",
    "SHOPPER_TOKEN_LIFE_S",
    "AddressPolicy",
    "AppPackage",
    "Plugin",
    "app_package",
    "app_platform",
    "connect",
    "connect_flow",
    "issue_shopper_token",
    "nudge_reader",
    "plugin",
    "shopper_identifier",
    "webhook_reader",
]


@dataclass(frozen=True)
class Plugin:
    """What we ship into a shop: a zip to upload there, and a line to paste where no zip was used.

    Both are made from server_url, shop_key and pairing_code.
    """

    file_name: str
    zip_for: Callable[..., bytes]
    line_for: Callable[..., str]


@dataclass(frozen=True)
class AppPackage:
    """What the owner of an app registers at its platform, as a zip for the platform's own tools.

    It is made from server_url, app_key and client_id, and holds no secret.
    """

    file_name: str
    zip_for: Callable[..., bytes]


@dataclass(frozen=True)
class _ByKeys:
    """A platform that knows keys: a merchant gives us one, and our plugin in the shop tells who the shopper is."""

    nudges: NudgeReader
    connecting: ConnectFlow
    plugin: Plugin


@dataclass(frozen=True)
class _Adapter:
    """`by_keys` or `by_app`: how a shop is tied to us."""

    connect: Callable[[Installation, AddressPolicy], Connector]
    webhooks: WebhookReader
    shoppers: ShopperIdentifier
    by_keys: _ByKeys | None = None
    by_app: Callable[[AddressPolicy], AppPlatform] | None = None
    package: AppPackage | None = None


_ADAPTERS: Mapping[Platform, _Adapter] = {
    Platform.WOOCOMMERCE: _Adapter(
        connect=connect_woocommerce,
        webhooks=WooWebhookReader(),
        shoppers=TokenIdentifier(),
        by_keys=_ByKeys(
            nudges=WooNudgeReader(),
            connecting=WooConnectFlow(),
            plugin=Plugin(WOOCOMMERCE_PLUGIN, woocommerce_plugin, woocommerce_line),
        ),
    ),
    Platform.SHOPIFY: _Adapter(
        connect=connect_shopify,
        webhooks=ShopifyWebhookReader(),
        shoppers=TokenIdentifier(),
        by_app=ShopifyApp,
        package=AppPackage(SHOPIFY_PACKAGE, shopify_package),
    ),
}

PLATFORMS: tuple[Platform, ...] = tuple(_ADAPTERS)


def connect(installation: Installation, *, policy: AddressPolicy) -> Connector:
    """The connector of one shop, with an HTTP session of its own: keep it while there is work for that shop."""
    return _ADAPTERS[installation.platform].connect(installation, policy)


def webhook_reader(platform: Platform) -> WebhookReader:
    return _ADAPTERS[platform].webhooks


def shopper_identifier(platform: Platform) -> ShopperIdentifier:
    return _ADAPTERS[platform].shoppers


def nudge_reader(platform: Platform) -> NudgeReader:
    """Raises NotFound where no plugin of ours runs in the shop."""
    return _by_keys(platform).nudges


def connect_flow(platform: Platform) -> ConnectFlow:
    """Raises NotFound where shops install an app instead."""
    return _by_keys(platform).connecting


def plugin(platform: Platform) -> Plugin:
    """Raises NotFound where no plugin of ours runs in the shop."""
    return _by_keys(platform).plugin


def app_package(platform: Platform) -> AppPackage:
    """Raises NotFound where shops know keys instead of apps."""
    found = _ADAPTERS[platform].package
    if found is None:
        raise NotFound("This platform knows no apps")
    return found


def app_platform(platform: Platform, *, policy: AddressPolicy) -> AppPlatform | None:
    """The platform as it deals with apps; None where it knows keys."""
    by_app = _ADAPTERS[platform].by_app
    return None if by_app is None else by_app(policy)


def _by_keys(platform: Platform) -> _ByKeys:
    found = _ADAPTERS[platform].by_keys
    if found is None:
        raise NotFound("This platform installs an app")
    return found
