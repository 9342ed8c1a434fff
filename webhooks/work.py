"""From a kept message to the core: what its hints name is written down as wanted, and the message is done with it.

A message is done when what it asks for is durable, in one transaction. Reading from the shop happens outside of any.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlmodel import Session

from connectors import registry
from core.commerce import Customer, ShopEvent, Topic
from core.db.engine import reading, run_tx
from core.earning import orders
from core.errors import ExternalNotFound, InvalidInput, PlatformError, Refused, RegularsError
from core.ids import MerchantId, ShopId
from core.members import commands as member_commands
from core.members import queries as member_queries
from core.merchants import audit, health
from core.merchants import commands as merchant_commands
from core.merchants import queries as merchant_queries
from core.merchants.queries import ShopView
from core.ports import WebhookRequest
from core.queue import inbox
from core.queue.inbox import Claimed
from core.runtime import Runtime
from core.work import connecting, erasing, merging

log = structlog.get_logger(__name__)

BATCH = 20
ABOUT_ORDERS = (Topic.ORDER_CHANGED, Topic.ORDER_DELETED)
ENDING = (Topic.APP_REMOVED, Topic.SHOP_ERASED)
# What a shop that is not connected may still say.
AFTERWARDS = (*ENDING, Topic.CUSTOMER_DATA_ASKED, Topic.CUSTOMER_ERASED)


@dataclass(frozen=True)
class _Understood:
    """A message with its hints, and the customers that were read for them."""

    claimed: Claimed
    events: Sequence[ShopEvent]
    customers: Sequence[Customer] = ()
    removed: datetime | None = None  # the installation of then was ended by the shop: its word for it was confirmed


def work_due(runtime: Runtime, merchant_id: MerchantId) -> int:
    """Work a batch of each shop that has messages due, shop by shop. Returns how many were finished."""
    now = runtime.clock()
    with reading(runtime.db) as session:
        shops = inbox.waiting_shops(session, merchant_id, now=now)
    return sum(work_shop(runtime, merchant_id, shop_id) for shop_id in shops)


def work_shop(runtime: Runtime, merchant_id: MerchantId, shop_id: ShopId) -> int:
    """Claim a batch and finish what can be finished; what needs the shop and cannot have it goes back."""
    now = runtime.clock()

    def take(session: Session) -> tuple[ShopView, list[Claimed]]:
        claimed = inbox.take(session, merchant_id, shop_id, now=now, limit=BATCH)
        return merchant_queries.shop(session, merchant_id, shop_id), claimed

    shop, claimed = run_tx(runtime.db, take)
    reader = registry.webhook_reader(shop.platform)
    understood: list[_Understood] = []
    for message in claimed:
        try:
            events = reader.parse(WebhookRequest(message.body, message.headers))
            if not shop.connected:
                events = [event for event in events if event.topic in AFTERWARDS]
            customers = _read_customers(runtime, message, events)
            understood.append(_Understood(message, events, customers, _removed(runtime, message, events)))
        except InvalidInput as error:
            _park(runtime, message, error.message)
        except (PlatformError, Refused) as error:
            _give_back(runtime, message, error)
    _write_down_all(runtime, understood)
    return len(claimed)


def _write_down_all(runtime: Runtime, batch: Sequence[_Understood]) -> None:
    """In one transaction; if one message spoils it, each in its own, so that its neighbours do not wait for it."""
    if not batch:
        return
    try:
        run_tx(runtime.db, lambda session: _write_down(runtime, session, batch))
    except Exception as error:
        if len(batch) == 1:
            _give_back(runtime, batch[0].claimed, error)
            log.exception("webhook.failed", inbox_id=batch[0].claimed.inbox_id)
            return
        for one in batch:
            _write_down_all(runtime, [one])


def _write_down(runtime: Runtime, session: Session, batch: Sequence[_Understood]) -> None:
    now = runtime.clock()
    # A burst names the same order many times: wanted once here, it is read once, after all that this batch brought.
    wanted: set[ShopEvent] = set()
    for one in batch:
        message = one.claimed
        for event in one.events:
            if event not in wanted:
                _apply(session, one, event, runtime)
            if event.topic in ABOUT_ORDERS:
                wanted.add(event)
        for customer in one.customers:
            member_commands.note_customer(
                session,
                message.merchant_id,
                message.shop_id,
                external_id=customer.external_id,
                email=customer.email,
                first_name=customer.first_name,
                last_name=customer.last_name,
                now=now,
            )
        inbox.mark_done(session, message.merchant_id, message.inbox_id, now=now)
    last = batch[-1].claimed
    health.note_delivery(session, last.merchant_id, last.shop_id, now=last.received_at)


def _apply(session: Session, one: _Understood, event: ShopEvent, runtime: Runtime) -> None:
    """DISCOUNT_DELETED needs nothing: a deleted code cannot be used, and ending its hold asks the shop anyway."""
    now = runtime.clock()
    merchant_id, shop_id = one.claimed.merchant_id, one.claimed.shop_id
    if event.topic in ABOUT_ORDERS:
        orders.want(session, merchant_id, shop_id, event.external_id, now=now)
    elif event.topic is Topic.CUSTOMER_DELETED:
        member_commands.customer_removed(session, merchant_id, shop_id, external_id=event.external_id, now=now)
    elif event.topic in ENDING and one.removed is not None:
        _end(session, one, event, one.removed, runtime)
    elif event.topic is Topic.CUSTOMER_MERGED and event.into is not None:
        moved = merging.merge_customers(session, merchant_id, shop_id, gone=event.external_id, into=event.into, now=now)
        # Two members stay two: whose points are whose after a merge is for staff to say.
        _note(session, one.claimed, "customer.merged" if moved else "customer.merged_members_stay", now=now)
    elif event.topic is Topic.CUSTOMER_DATA_ASKED:
        member = member_queries.id_by_customer(session, merchant_id, shop_id, event.external_id)
        _note(session, one.claimed, "customer.data_asked", now=now, customer=event.external_id, member=member or "")
    elif event.topic is Topic.CUSTOMER_ERASED:
        erasing.erase_customer(session, runtime.vault, merchant_id, shop_id, external_id=event.external_id, now=now)
        _note(session, one.claimed, "customer.erased", now=now)


def _end(session: Session, one: _Understood, event: ShopEvent, installed_at: datetime, runtime: Runtime) -> None:
    """The shop has taken us off, or two days later wants its people erased; unless it has come back since it was asked."""
    merchant_id, shop_id, now = one.claimed.merchant_id, one.claimed.shop_id, runtime.clock()
    was_connected = merchant_queries.shop(session, merchant_id, shop_id).connected
    if not merchant_commands.shop_took_us_off(session, merchant_id, shop_id, installed_at=installed_at, now=now):
        return
    if was_connected:
        _note(session, one.claimed, "shop.disconnected", now=now)
    if event.topic is Topic.SHOP_ERASED:
        erasing.erase_shop(session, runtime.vault, merchant_id, shop_id, now=now)
        _note(session, one.claimed, "shop.erased", now=now)


def _note(session: Session, message: Claimed, action: str, *, now: datetime, **details: str) -> None:
    audit.record(
        session,
        message.merchant_id,
        actor_kind="system",
        actor_id=None,
        action=action,
        subject=message.shop_id,
        details=details,
        now=now,
    )


def _removed(runtime: Runtime, message: Claimed, events: Sequence[ShopEvent]) -> datetime | None:
    if not any(event.topic in ENDING for event in events):
        return None
    with reading(runtime.db) as session:
        shop = merchant_queries.shop(session, message.merchant_id, message.shop_id)
    return connecting.removed_since(runtime, shop)


def _read_customers(runtime: Runtime, message: Claimed, events: Sequence[ShopEvent]) -> list[Customer]:
    """The customers that changed, as the shop has them now: a message's own fields are not believed."""
    wanted = [event.external_id for event in events if event.topic is Topic.CUSTOMER_CHANGED]
    if not wanted:
        return []
    with reading(runtime.db) as session:
        installation = merchant_queries.installation(session, runtime.vault, message.merchant_id, message.shop_id)
    source = runtime.connect(installation).customers
    found: list[Customer] = []
    for external_id in wanted:
        try:
            found.append(source.get_customer(external_id))
        except ExternalNotFound:
            log.info("customer.gone", shop_id=message.shop_id, inbox_id=message.inbox_id)
    return found


def _park(runtime: Runtime, message: Claimed, reason: str) -> None:
    now = runtime.clock()

    def write(session: Session) -> None:
        if inbox.park(session, message.merchant_id, message.inbox_id, reason=reason, now=now):
            health.note_not_understood(session, message.merchant_id, message.shop_id, now=now)

    run_tx(runtime.db, write)
    log.warning("webhook.parked", shop_id=message.shop_id, inbox_id=message.inbox_id)


def _give_back(runtime: Runtime, message: Claimed, error: Exception) -> None:
    reason = health.error_word(error) if isinstance(error, RegularsError) else type(error).__name__
    run_tx(runtime.db, lambda session: inbox.try_later(session, message, reason=reason, now=runtime.clock()))
    log.info("webhook.delayed", shop_id=message.shop_id, inbox_id=message.inbox_id, reason=reason)
