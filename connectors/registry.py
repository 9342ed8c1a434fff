"""The one place that names all platforms. A new platform is its folder and one entry here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from connectors.transport import AddressPolicy
from connectors.woocommerce.connect import WooConnectFlow
from connectors.woocommerce.connector import connect as connect_woocommerce
from connectors.woocommerce.identity import WooNudgeReader, WooShopperIdentifier
from connectors.woocommerce.package import FILE_NAME as WOOCOMMERCE_PLUGIN
from connectors.woocommerce.package import connection_line as woocommerce_line
from connectors.woocommerce.package import plugin_zip as woocommerce_plugin
from connectors.woocommerce.webhooks import WooWebhookReader
from core.ports import (
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
    "AddressPolicy",
    "Plugin",
    "connect",
    "connect_flow",
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
class _Adapter:
    connect: Callable[[Installation, AddressPolicy], Connector]
    webhooks: WebhookReader
    shoppers: ShopperIdentifier
    nudges: NudgeReader
    connecting: ConnectFlow
    plugin: Plugin


_ADAPTERS: Mapping[Platform, _Adapter] = {
    Platform.WOOCOMMERCE: _Adapter(
        connect=connect_woocommerce,
        webhooks=WooWebhookReader(),
        shoppers=WooShopperIdentifier(),
        nudges=WooNudgeReader(),
        connecting=WooConnectFlow(),
        plugin=Plugin(WOOCOMMERCE_PLUGIN, woocommerce_plugin, woocommerce_line),
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
    return _ADAPTERS[platform].nudges


def connect_flow(platform: Platform) -> ConnectFlow:
    return _ADAPTERS[platform].connecting


def plugin(platform: Platform) -> Plugin:
    return _ADAPTERS[platform].plugin
