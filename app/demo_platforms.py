"""Which made-up shops there are, and what each does its own way."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app import demo_shopify, demo_shoptet, demo_woocommerce
from app.demo_hands import Hands, ShopifyHands, WooHands
from app.demo_hands_shoptet import ShoptetHands
from app.demo_world import Door, World
from core.merchants.queries import ShopView


@dataclass(frozen=True)
class Ways:
    """`connect`: tie the shop to the merchant. `finish`: after a program was published. `doors`: what to open there."""

    connect: Callable[[World], ShopView]
    finish: Callable[[World, ShopView], None]
    wait_for_webhooks: Callable[[World], None]
    doors: Callable[[World], list[Door]]
    hands: Callable[[World, ShopView], Hands]


PLATFORMS: Mapping[str, Ways] = {
    module.PLATFORM.value: Ways(module.connect, module.finish, module.wait_for_webhooks, module.doors, hands)
    for module, hands in (
        (demo_woocommerce, WooHands),
        (demo_shopify, ShopifyHands),
        (demo_shoptet, ShoptetHands),
    )
}
