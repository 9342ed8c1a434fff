"""Where a shop's messages go, and having the shop send them there: by one of us at a time."""

from datetime import timedelta
from functools import partial

import sqlalchemy as sa
from sqlmodel import Session

from core.commerce import Health
from core.db.engine import insert_or_ignore, reading, rows_changed, run_tx
from core.db.types import table
from core.earning.tables import SyncCursor
from core.merchants import commands, health
from core.merchants import queries as merchants
from core.merchants.queries import ShopView
from core.runtime import Runtime
from core.work.reading import connector_of

CURSORS = table(SyncCursor)
SUBSCRIBING = "subscribe"
# Longer than a slow shop takes for all of them (0.6 s each was seen); a crash blocks nobody for longer.
LEASE = timedelta(minutes=2)


def address_of(runtime: Runtime, shop: ShopView) -> str:
    """Where this shop's messages are to go."""
    return f"{runtime.public_url()}/webhooks/{shop.platform.value}/{shop.shop_key}"


def subscribe(runtime: Runtime, shop: ShopView) -> Health | None:
    """Make the shop's webhooks anew where they are wrong, look again, and record what was found. Raises PlatformError.

    None while somebody else is at it: two at once would each see none and make all of them, twice.
    """
    if not run_tx(runtime.db, partial(_lease, runtime, shop)):
        return None
    try:
        with reading(runtime.db) as session:
            secrets = merchants.webhook_secrets(session, runtime.vault, shop.merchant_id, shop.shop_id)
        installer = connector_of(runtime, shop.merchant_id, shop.shop_id).installer
        made = installer.subscribe(address=address_of(runtime, shop), secret=next(iter(secrets), ""))
        if made is not None:
            run_tx(runtime.db, partial(_keep_secret, runtime, shop, made))
        found = installer.health(address=address_of(runtime, shop), now=runtime.clock())
        run_tx(runtime.db, lambda session: health.record_look(session, shop.merchant_id, shop.shop_id, found))
        return found
    finally:
        run_tx(runtime.db, partial(_release, shop))


def _keep_secret(runtime: Runtime, shop: ShopView, secret: str, session: Session) -> None:
    commands.take_webhook_secret(session, runtime.vault, shop.merchant_id, shop.shop_id, secret)


def _lease(runtime: Runtime, shop: ShopView, session: Session) -> bool:
    now = runtime.clock()
    mine = {"merchant_id": shop.merchant_id, "shop_id": shop.shop_id, "name": SUBSCRIBING}
    insert_or_ignore(session, CURSORS, {**mine, "value": {}, "due_at": now, "lease_until": None})
    free = sa.or_(CURSORS.c.lease_until.is_(None), CURSORS.c.lease_until <= now)
    taken = sa.update(CURSORS).where(*_row(shop), free).values(lease_until=now + LEASE)
    return rows_changed(session, taken) == 1


def _release(shop: ShopView, session: Session) -> None:
    session.connection().execute(sa.update(CURSORS).where(*_row(shop)).values(lease_until=None))


def _row(shop: ShopView) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        CURSORS.c.merchant_id == shop.merchant_id,
        CURSORS.c.shop_id == shop.shop_id,
        CURSORS.c.name == SUBSCRIBING,
    )
