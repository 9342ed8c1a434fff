"""Poll for changed orders, and compare nightly what the shop says with what was settled. Both only mark orders as wanted."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlmodel import Session

from core.commerce import ChangedOrder, Order
from core.db.engine import reading, run_tx
from core.earning import orders
from core.earning import queries as order_queries
from core.earning.queries import SettledAs
from core.earning.snapshot import snapshot_of
from core.errors import PlatformError
from core.ids import MerchantId, ShopId
from core.merchants import commands as merchant_commands
from core.merchants import health
from core.merchants import queries as merchants
from core.ports import Page
from core.runtime import Runtime
from core.work.reading import connector_of

# The shop stamps orders by its own clock, which may be off by as much as its signatures allow; what is read twice is skipped.
OVERLAP = timedelta(minutes=16)
FIRST_LOOK_BACK = timedelta(hours=1)
RECONCILE_DAYS = 35
REFUNDS_DAYS = 100


@dataclass(frozen=True)
class Drift:
    """What a reconcile pass found: orders compared, orders that differed, orders that the shop did not list any more."""

    compared: int
    differing: tuple[str, ...]
    missing: tuple[str, ...]


def poll(runtime: Runtime, merchant_id: MerchantId, shop_id: ShopId) -> int:
    """Mark what changed since the cursor. Returns how many orders. Raises PlatformError, noted in the shop's health."""
    started = runtime.clock()
    with reading(runtime.db) as session:
        shop = merchants.shop(session, merchant_id, shop_id)
    since = (shop.order_cursor or started - FIRST_LOOK_BACK) - OVERLAP
    marked = 0
    try:
        for page in _pages(runtime, merchant_id, shop_id, since):
            marked += run_tx(runtime.db, partial(_mark, runtime, merchant_id, shop_id, page))
    except PlatformError as error:
        failure = error
        run_tx(
            runtime.db, lambda session: health.note_failure(session, merchant_id, shop_id, failure, now=runtime.clock())
        )
        raise

    def record(session: Session) -> None:
        merchant_commands.move_order_cursor(session, merchant_id, shop_id, to=started)
        health.note_poll(session, merchant_id, shop_id, now=runtime.clock())

    run_tx(runtime.db, record)
    return marked


def reconcile(runtime: Runtime, merchant_id: MerchantId, shop_id: ShopId, *, days: int = RECONCILE_DAYS) -> Drift:
    """Compare the shop's orders of late with what was settled, and mark what differs: deleted refunds, silent edits, deletions.

    Raises PlatformError.
    """
    now = runtime.clock()
    since = now - timedelta(days=days)
    listed: set[str] = set()
    seen_whole: set[str] = set()  # a stamp does not tell that a refund is gone
    differing: list[str] = []
    for page in _pages(runtime, merchant_id, shop_id, since):
        listed |= {order.external_id for order in page.items} | set(page.unreadable)
        seen_whole |= {order.external_id for order in page.items if isinstance(order, Order)} | set(page.unreadable)
        with reading(runtime.db) as session:
            differing += _differing(session, merchant_id, shop_id, page)
    with reading(runtime.db) as session:
        settled = order_queries.settled_since(session, merchant_id, shop_id, updated_since=since)
        refunded = order_queries.refunded_since(
            session, merchant_id, shop_id, placed_since=now - timedelta(days=REFUNDS_DAYS)
        )
    missing = sorted(settled - listed)
    again = sorted({*differing, *missing, *(refunded - seen_whole)})

    def mark(session: Session) -> None:
        for external_id in again:
            orders.want(session, merchant_id, shop_id, external_id, now=now)

    run_tx(runtime.db, mark)
    return Drift(len(listed), tuple(differing), tuple(missing))


Changes = Page[Order] | Page[ChangedOrder]


def _pages(runtime: Runtime, merchant_id: MerchantId, shop_id: ShopId, since: datetime) -> Iterator[Changes]:
    """Each by a connector asked for anew: a long list outlives a key that is renewed every half hour."""
    cursor: str | None = None
    while True:
        page = connector_of(runtime, merchant_id, shop_id).orders.list_orders(changed_since=since, cursor=cursor)
        yield page
        cursor = page.cursor
        if cursor is None:
            return


def _mark(runtime: Runtime, merchant_id: MerchantId, shop_id: ShopId, page: Changes, session: Session) -> int:
    """Want each order of a page whose content is not the one that was settled."""
    changed = _differing(session, merchant_id, shop_id, page)
    for external_id in changed:
        orders.want(session, merchant_id, shop_id, external_id, now=runtime.clock())
    return len(changed)


def _differing(session: Session, merchant_id: MerchantId, shop_id: ShopId, page: Changes) -> list[str]:
    """What to read: orders whose content is not the one that was settled, and rows that were not understood, unless a
    read of those is due anyway: asking anew each minute would undo its waiting."""
    known = order_queries.settled_as(session, merchant_id, shop_id, [order.external_id for order in page.items])
    changed = [order.external_id for order in page.items if not _is_known(order, known.get(order.external_id))]
    waiting = order_queries.waiting(session, merchant_id, shop_id, page.unreadable)
    return [*changed, *(external_id for external_id in page.unreadable if external_id not in waiting)]


def _is_known(order: Order | ChangedOrder, settled: SettledAs | None) -> bool:
    """Whether it was settled as it is now. Of an order that is only said to have changed the stamp tells."""
    if settled is None:
        return False
    if isinstance(order, Order):
        return settled.fingerprint == snapshot_of(order).fingerprint
    return settled.updated_at is not None and settled.updated_at >= order.changed_at
