"""What the shop screens do with a shop itself: look at it, set up its notifications, say goodbye. Never inside a transaction."""

from dataclasses import dataclass
from enum import StrEnum

from sqlmodel import Session

from admin.screens import change, merchant_id, now, read, runtime
from core.commerce import Health
from core.db.engine import run_tx
from core.errors import Conflict, PlatformError
from core.merchants import apps, commands, health, queries
from core.merchants.queries import ShopView
from core.ports import Installer
from core.rewards.redemption import commands as redemption_commands
from core.rewards.redemption import queries as redemption_queries
from core.work import effects, hooks

CODES_AT_ONCE = 25  # the rest is left to the worker, so that the page comes back


class Tie(StrEnum):
    """What ties a shop to us: keys of its own, an app or an addon that it installed, a token that its merchant made."""

    KEYS = "keys"
    APP = "app"
    ADDON = "addon"
    TOKEN = "token"  # noqa: S105

    @property
    def by_app(self) -> bool:
        """Whether the shop itself decides about it, in its own admin."""
        return self in (Tie.APP, Tie.ADDON)


@dataclass(frozen=True)
class Farewell:
    """How a disconnect went: were our webhooks removed, and how many codes are still to be made dead."""

    hooks_removed: bool
    codes_left: int


def tie_of(s: Session, shop: ShopView) -> Tie:
    if runtime().app_platform(shop.platform) is not None:
        return Tie.APP
    if runtime().addon_platform(shop.platform) is None:
        return Tie.KEYS
    addon = apps.app_of(s, runtime().vault, shop.merchant_id, shop.shop_id)
    return Tie.ADDON if addon is not None else Tie.TOKEN


def look(shop: ShopView) -> Health:
    """See how the shop is, and record it. What cannot be reached is a problem that is found, not an error."""
    found = _installer(shop).health(address=hooks.address_of(runtime(), shop), now=now())
    change(
        "shop.checked",
        lambda s: health.record_look(s, shop.merchant_id, shop.shop_id, found),
        subject=shop.shop_id,
        details={"problems": " ".join(found.problems) or None},
    )
    return found


def subscribe(shop: ShopView) -> None:
    """Make the shop's notifications anew where they are wrong, and look again. Raises PlatformError."""
    hooks.subscribe(runtime(), shop)
    change("shop.subscribed", lambda s: None, subject=shop.shop_id)


def disconnect(shop: ShopView) -> Farewell:
    """Take the shop off: its open codes die and their points come back, our webhooks go, then the key is forgotten.

    What the shop does not let us do now is tried again by the worker; the key is kept until then.
    """

    def begin(s: Session) -> None:
        for redemption in redemption_queries.open_in_shop(s, merchant_id(), shop.shop_id):
            redemption_commands.give_back(s, merchant_id(), redemption.redemption_id, now=now())
        commands.disconnect_shop(s, merchant_id(), shop.shop_id, now=now())

    removed = _remove_hooks(shop)
    change("shop.disconnected", begin, subject=shop.shop_id, details={"hooks_removed": removed})
    dying = read(lambda s: redemption_queries.open_in_shop(s, merchant_id(), shop.shop_id))
    for redemption in dying[:CODES_AT_ONCE]:
        effects.run_effect(runtime(), merchant_id(), redemption.redemption_id)
    left = len(read(lambda s: redemption_queries.open_in_shop(s, merchant_id(), shop.shop_id)))
    if not left and not read(lambda s: redemption_queries.needs_shop(s, merchant_id(), shop.shop_id)):
        run_tx(runtime().db, lambda s: commands.forget_credentials(s, merchant_id(), shop.shop_id))
    return Farewell(removed, left)


def _remove_hooks(shop: ShopView) -> bool:
    try:
        _installer(shop).uninstall(address=hooks.address_of(runtime(), shop))
    except (PlatformError, Conflict):
        return False
    return True


def _installer(shop: ShopView) -> Installer:
    installation = read(lambda s: queries.installation(s, runtime().vault, shop.merchant_id, shop.shop_id))
    return runtime().connect(installation).installer
