"""Shops that have installed us as an addon: asked for their facts and tied, one after another, by the worker."""

from functools import partial

import structlog
from sqlmodel import Session

from core.db.engine import reading, run_tx
from core.errors import ConfigurationError, PlatformError, RegularsError
from core.ids import MerchantId
from core.merchants import apps, commands, installs
from core.merchants.installs import Pending
from core.merchants.queries import ShopView
from core.runtime import Runtime
from core.work import connecting, hooks
from core.work.reading import said_of

log = structlog.get_logger(__name__)


def connect_next(runtime: Runtime, merchant_id: MerchantId) -> bool:
    """Tie the shop that has waited longest. False where none is due.

    What its platform does not let us do now is tried again; a shop that may not be tied is given up.
    """
    taken = run_tx(runtime.db, lambda session: installs.take(session, runtime.vault, merchant_id, now=runtime.clock()))
    if taken is None:
        return False
    try:
        shop = _connect(runtime, taken)
    except PlatformError as error:
        run_tx(runtime.db, partial(_try_later, runtime, taken, error))
        log.info("addon.delayed", merchant_id=merchant_id, why=said_of(error))
    except RegularsError as error:
        run_tx(runtime.db, partial(_give_up, taken))
        log.warning("addon.refused", merchant_id=merchant_id, why=said_of(error))
    else:
        if shop is not None:
            _subscribe(runtime, shop)
    return True


def _connect(runtime: Runtime, taken: Pending) -> ShopView | None:
    """None where the shop has installed us again meanwhile: that grant is the good one."""
    with reading(runtime.db) as session:
        app = apps.app_by_id(session, runtime.vault, taken.merchant_id, taken.app_id)
        known = apps.shop_by_platform_id(session, app, taken.platform_shop_id)
        base_url = known.base_url if known else taken.base_url  # its address may have changed, its books have not
        apps.may_install(session, app, base_url, platform_shop_id=taken.platform_shop_id)
    dealing = runtime.addon_platform(app.app.platform)
    if dealing is None:
        raise ConfigurationError("This platform knows no addons")
    granted = dealing.renewed(app.app, base_url, taken.credentials, runtime.clock())
    facts = connecting.facts_of(runtime, app, base_url, granted)

    def write(session: Session) -> ShopView | None:
        apps.may_install(session, app, base_url, platform_shop_id=taken.platform_shop_id)
        if not installs.done(session, taken):
            return None
        named, now = taken.platform_shop_id, runtime.clock()
        shop = connecting.tie(session, runtime, app, base_url, facts, granted, platform_shop_id=named, now=now)
        commands.forget_webhook_secrets(session, runtime.vault, app.merchant_id, shop.shop_id)
        return shop

    return run_tx(runtime.db, write)


def _subscribe(runtime: Runtime, shop: ShopView) -> None:
    """What fails here is seen by the next look at the shop's health, which does it again."""
    try:
        hooks.subscribe(runtime, shop)
    except PlatformError as error:
        log.info("addon.not_subscribed", shop_id=shop.shop_id, why=said_of(error))


def _try_later(runtime: Runtime, taken: Pending, error: PlatformError, session: Session) -> None:
    wait = error.retry_after_s
    installs.try_later(session, taken, error=said_of(error), retry_after_s=wait, now=runtime.clock())


def _give_up(taken: Pending, session: Session) -> None:
    installs.done(session, taken)
