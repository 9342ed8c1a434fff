"""The one place that names all platforms. A new platform is its folder and one entry here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from connectors.shopify.app import ShopifyApp
from connectors.shopify.connector import CAPABILITIES as SHOPIFY_CAPABILITIES
from connectors.shopify.connector import connect as connect_shopify
from connectors.shopify.package import FILE_NAME as SHOPIFY_PACKAGE
from connectors.shopify.package import package_zip as shopify_package
from connectors.shopify.webhooks import ShopifyWebhookReader
from connectors.shopper_tokens import GUIDS, TokenIdentifier
from connectors.shopper_tokens import TOKEN_LIFE_S as SHOPPER_TOKEN_LIFE_S
from connectors.shopper_tokens import issue as issue_shopper_token
from connectors.shoptet.app import ShoptetApp
from connectors.shoptet.connector import CAPABILITIES as SHOPTET_CAPABILITIES
from connectors.shoptet.connector import connect as connect_shoptet
from connectors.shoptet.private import ShoptetTokenFlow
from connectors.shoptet.webhooks import ShoptetWebhookReader
from connectors.transport import AddressPolicy
from connectors.woocommerce.connect import WooConnectFlow
from connectors.woocommerce.connector import CAPABILITIES as WOOCOMMERCE_CAPABILITIES
from connectors.woocommerce.connector import connect as connect_woocommerce
from connectors.woocommerce.identity import WooNudgeReader
from connectors.woocommerce.package import FILE_NAME as WOOCOMMERCE_PLUGIN
from connectors.woocommerce.package import connection_line as woocommerce_line
from connectors.woocommerce.package import plugin_zip as woocommerce_plugin
from connectors.woocommerce.webhooks import WooWebhookReader
from core.errors import NotFound
from core.ports import (
    AddonPlatform,
    AppPlatform,
    Capability,
    ConnectFlow,
    Connector,
    GrantRenewer,
    Installation,
    NudgeReader,
    Platform,
    ShopperIdentifier,
    TokenFlow,
    WebhookReader,
)

__all__ = [
    "PLATFORMS",
    "SHOPPER_TOKEN_LIFE_S",
    "AddressPolicy",
    "AppPackage",
    "Plugin",
    "addon_platform",
    "app_package",
    "app_platform",
    "capabilities",
    "connect",
    "connect_flow",
    "grant_renewer",
    "issue_shopper_token",
    "nudge_reader",
    "plugin",
    "shopper_identifier",
    "token_flow",
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
    """`by_keys`, `by_app`, `by_addon` or `by_token`: how a shop is tied to us. `renewer`: where that ends by itself.
    `capabilities`: of every shop; the connector of one may know more.
    """

    connect: Callable[[Installation, AddressPolicy], Connector]
    capabilities: frozenset[Capability]
    webhooks: WebhookReader
    shoppers: ShopperIdentifier
    by_keys: _ByKeys | None = None
    by_app: Callable[[AddressPolicy], AppPlatform] | None = None
    by_addon: Callable[[AddressPolicy], AddonPlatform] | None = None
    by_token: TokenFlow | None = None
    renewer: Callable[[AddressPolicy], GrantRenewer] | None = None
    package: AppPackage | None = None


_ADAPTERS: Mapping[Platform, _Adapter] = {
    Platform.WOOCOMMERCE: _Adapter(
        connect=connect_woocommerce,
        capabilities=WOOCOMMERCE_CAPABILITIES,
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
        capabilities=SHOPIFY_CAPABILITIES,
        webhooks=ShopifyWebhookReader(),
        shoppers=TokenIdentifier(),
        by_app=ShopifyApp,
        renewer=ShopifyApp,
        package=AppPackage(SHOPIFY_PACKAGE, shopify_package),
    ),
    Platform.SHOPTET: _Adapter(
        connect=connect_shoptet,
        capabilities=SHOPTET_CAPABILITIES,
        webhooks=ShoptetWebhookReader(),
        shoppers=TokenIdentifier(GUIDS),
        by_addon=ShoptetApp,
        by_token=ShoptetTokenFlow(),
        renewer=ShoptetApp,
    ),
}

PLATFORMS: tuple[Platform, ...] = tuple(_ADAPTERS)


def connect(installation: Installation, *, policy: AddressPolicy) -> Connector:
    """The connector of one shop, with an HTTP session of its own: keep it while there is work for that shop."""
    return _ADAPTERS[installation.platform].connect(installation, policy)


def capabilities(platform: Platform) -> frozenset[Capability]:
    """What every shop of a platform can, known without a connector."""
    return _ADAPTERS[platform].capabilities


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


def token_flow(platform: Platform) -> TokenFlow:
    """Raises NotFound where a merchant makes no tokens for others."""
    found = _ADAPTERS[platform].by_token
    if found is None:
        raise NotFound("This platform knows no such tokens")
    return found


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
    """The platform as it deals with apps; None where it knows none."""
    by_app = _ADAPTERS[platform].by_app
    return None if by_app is None else by_app(policy)


def addon_platform(platform: Platform, *, policy: AddressPolicy) -> AddonPlatform | None:
    """The platform as it deals with addons; None where it knows none."""
    by_addon = _ADAPTERS[platform].by_addon
    return None if by_addon is None else by_addon(policy)


def grant_renewer(platform: Platform, *, policy: AddressPolicy) -> GrantRenewer | None:
    """None where credentials do not end."""
    renewer = _ADAPTERS[platform].renewer
    return None if renewer is None else renewer(policy)


def _by_keys(platform: Platform) -> _ByKeys:
    found = _ADAPTERS[platform].by_keys
    if found is None:
        raise NotFound("This platform installs an app")
    return found
