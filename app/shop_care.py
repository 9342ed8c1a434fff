"""Looking after one connected shop: is it well, do its webhooks reach us, does its past agree with ours."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlmodel import Session

from app import facts
from core.commerce import Health
from core.db.engine import reading, run_tx
from core.ids import MerchantId
from core.merchants import commands, health
from core.merchants import queries as merchant_queries
from core.merchants.queries import ShopView
from core.rewards.redemption import queries as redemption_queries
from core.runtime import Runtime
from core.work import hooks, sync

log = structlog.get_logger(__name__)

HOOK_PROBLEM = "webhook_"
NIGHT_HOURS = range(2, 6)  # of the shop's own clock
ONCE_A_NIGHT = timedelta(hours=20)


def look(runtime: Runtime, shop: ShopView) -> None:
    """See how the shop is; where its webhooks are missing, off or point elsewhere, make them anew and look again.

    Raises PlatformError when the shop does not let us make them; what the look found is recorded all the same.
    """
    with reading(runtime.db) as session:
        installation = merchant_queries.installation(session, runtime.vault, shop.merchant_id, shop.shop_id)
    installer = runtime.connect(installation).installer
    found = installer.health(address=hooks.address_of(runtime, shop), now=runtime.clock())
    _record(runtime, shop, found)
    if runtime.app_platform(shop.platform) or runtime.addon_platform(shop.platform):
        # An app's permissions and a shop's address change without a new installation.
        facts_now = installer.facts()
        run_tx(runtime.db, lambda s: commands.note_facts(s, shop.merchant_id, shop.shop_id, facts_now))
    if any(problem.startswith(HOOK_PROBLEM) for problem in found.problems):
        hooks.subscribe(runtime, shop)
        log.info("shop.subscribed", shop_id=shop.shop_id, problems=list(found.problems))


def hooks_are_ill(runtime: Runtime, shop: ShopView) -> bool:
    """Whether messages of this shop may not reach us, so that asking has to make up for it."""
    with reading(runtime.db) as session:
        known = merchant_queries.health(session, shop.merchant_id, shop.shop_id)
    return known.checked_at is None or any(problem.startswith(HOOK_PROBLEM) for problem in known.problems)


def reconcile_at_night(runtime: Runtime, shop: ShopView) -> None:
    """Compare the shop's orders with ours, once in each of the shop's nights."""
    now = runtime.clock()
    if now.astimezone(ZoneInfo(shop.timezone)).hour not in NIGHT_HOURS:
        return
    if facts.take_turn(runtime.db, f"reconcile:{shop.shop_id}", every=ONCE_A_NIGHT, now=now):
        sync.reconcile(runtime, shop.merchant_id, shop.shop_id)


def forget_keys(runtime: Runtime, merchant_id: MerchantId) -> None:
    """Drop the keys of shops that staff disconnected, once the last of their codes has ended and nobody needs them."""

    def write(session: Session) -> None:
        for shop in merchant_queries.shops(session, merchant_id):
            if not shop.connected and not redemption_queries.needs_shop(session, merchant_id, shop.shop_id):
                commands.forget_credentials(session, merchant_id, shop.shop_id)

    run_tx(runtime.db, write)


def _record(runtime: Runtime, shop: ShopView, found: Health) -> None:
    def write(session: Session) -> None:
        health.record_look(session, shop.merchant_id, shop.shop_id, found)

    run_tx(runtime.db, write)
