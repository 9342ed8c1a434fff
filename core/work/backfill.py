"""Past orders, once: read them all, say what each choice would give, ask, then book. Survives restarts; nothing is given silently.

States: reading -> previewed -> booking -> done; paused and failed can go on. Booking works from what was read, so the choice
costs the shop nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from core.commerce import Order
from core.db.engine import rows_changed, run_tx
from core.db.types import table
from core.earning import orders, settlement
from core.earning.assess import assess, qualifies
from core.earning.awards import dates_of
from core.earning.context import Settling
from core.earning.settlement import Outcome
from core.earning.snapshot import Snapshot
from core.earning.tables import BackfillRow, OrderRow
from core.errors import Conflict, InvalidInput, NotFound, PlatformError
from core.ids import MerchantId, OrderId, ShopId, new_id
from core.ledger import commands as ledger
from core.members import commands as members
from core.members import queries as member_queries
from core.merchants import commands as merchant_commands
from core.merchants import queries as merchants
from core.ports import Connector
from core.program import queries as programs
from core.runtime import Runtime
from core.work.reading import connector_of, said_of

BACKFILLS, ORDERS = table(BackfillRow), table(OrderRow)
Mode = Literal["none", "from_date", "welcome_bonus"]
LEASE = timedelta(minutes=5)
BATCH = 100
OPEN_STATES = ("reading", "previewed", "booking", "paused", "failed")


@dataclass(frozen=True)
class BackfillView:
    """`read` of `total` orders; `booked` of those read. `skipped`: word -> how many earn nothing, and why."""

    backfill_id: str
    shop_id: ShopId
    state: str
    mode: str | None
    points_from: datetime | None
    bonus_points: int | None
    total: int | None
    read: int
    booked: int
    skipped: dict[str, int]
    started_at: datetime
    finished_at: datetime | None
    last_error: str | None


@dataclass(frozen=True)
class Preview:
    """What a choice would give: customers that get points, orders that earn, points, and what those are worth at most."""

    customers: int
    orders: int
    points: int
    worth_minor: int
    currency: str
    skipped: dict[str, int]


def begin(session: Session, merchant_id: MerchantId, shop_id: ShopId, *, now: datetime) -> BackfillView:
    """Start reading a shop's past orders, or go on with one that was begun."""
    merchants.shop(session, merchant_id, shop_id)
    earlier = latest(session, merchant_id, shop_id)
    if earlier is not None and earlier.state in OPEN_STATES:
        if earlier.state in ("paused", "failed"):
            resume(session, merchant_id, earlier.backfill_id)
        return view(session, merchant_id, earlier.backfill_id)
    backfill_id = new_id()
    session.connection().execute(
        sa.insert(BACKFILLS).values(
            merchant_id=merchant_id,
            backfill_id=backfill_id,
            shop_id=shop_id,
            state="reading",
            read=0,
            booked=0,
            skipped={},
            started_at=now,
        )
    )
    return view(session, merchant_id, backfill_id)


def latest(session: Session, merchant_id: MerchantId, shop_id: ShopId) -> BackfillView | None:
    mine = (BACKFILLS.c.merchant_id == merchant_id, BACKFILLS.c.shop_id == shop_id)
    row = (
        session.connection().execute(sa.select(BACKFILLS).where(*mine).order_by(BACKFILLS.c.started_at.desc())).first()
    )
    return _view(row) if row else None


def view(session: Session, merchant_id: MerchantId, backfill_id: str) -> BackfillView:
    """Raises NotFound."""
    return _view(_row(session, merchant_id, backfill_id))


def unfinished(session: Session, merchant_id: MerchantId) -> list[str]:
    """Backfills that have something to do now, for the worker."""
    mine = (BACKFILLS.c.merchant_id == merchant_id, BACKFILLS.c.state.in_(("reading", "booking")))
    return list(session.connection().execute(sa.select(BACKFILLS.c.backfill_id).where(*mine)).scalars())


def preview(
    session: Session,
    merchant_id: MerchantId,
    shop_id: ShopId,
    *,
    mode: Mode,
    points_from: datetime | None = None,
    bonus_points: int = 0,
    now: datetime,
) -> Preview:
    """What this choice would give, from the orders read so far and the program in force. Writes nothing."""
    shop = merchants.shop(session, merchant_id, shop_id)
    program = programs.current(session, merchant_id, now=now)
    customers: set[str] = set()
    earning = points = 0
    skipped: dict[str, int] = {}
    for row in _unowned(session, merchant_id, shop_id):
        snapshot = Snapshot.model_validate(row.snapshot)
        word = _preview_word(snapshot, program.terms, mode, points_from)
        if word is not None:
            skipped[word] = skipped.get(word, 0) + 1
            continue
        customers.add(str(snapshot.customer_external_id))
        earning += 1
        points += assess(snapshot, program.terms).target if mode == "from_date" else 0
    if mode == "welcome_bonus":
        earning, points = 0, bonus_points * len(customers)
    rules = program.terms.currencies.get(shop.currency)
    worth = points * rules.value_minor // rules.value_points if rules else 0
    return Preview(len(customers) if mode != "none" else 0, earning, points, worth, shop.currency, skipped)


def answer(
    session: Session,
    merchant_id: MerchantId,
    backfill_id: str,
    *,
    mode: Mode,
    points_from: datetime | None = None,
    bonus_points: int | None = None,
    now: datetime,
) -> BackfillView:
    """The merchant's choice; booking begins. Raises Conflict while reading or when answered before, InvalidInput."""
    row = _row(session, merchant_id, backfill_id, lock=True)
    if row.state != "previewed":
        raise Conflict("Wait until all orders have been read" if row.state == "reading" else "This was answered before")
    if mode == "from_date" and (points_from is None or points_from > now):
        raise InvalidInput("Choose a date in the past", field="points_from")
    if mode == "from_date" and merchants.merchant(session, merchant_id).launch == "draft":
        raise InvalidInput("Launch the program first: until then no order earns points", field="mode")
    if mode == "welcome_bonus" and not bonus_points:
        raise InvalidInput("Choose how many points each customer gets", field="bonus_points")
    if mode == "from_date":
        assert points_from is not None
        since = merchants.shop(session, merchant_id, ShopId(row.shop_id)).earn_from
        if since is None or points_from < since:  # never later: orders since then were promised their points
            merchant_commands.set_earn_from(session, merchant_id, ShopId(row.shop_id), to=points_from)
    state = "done" if mode == "none" else "booking"
    values: dict[str, Any] = {"mode": mode, "points_from": points_from, "bonus_points": bonus_points, "cursor": None}
    _update(session, merchant_id, backfill_id, state=state, finished_at=now if mode == "none" else None, **values)
    return view(session, merchant_id, backfill_id)


def pause(session: Session, merchant_id: MerchantId, backfill_id: str) -> None:
    _update(session, merchant_id, backfill_id, only_from=("reading", "booking"), state="paused")


def resume(session: Session, merchant_id: MerchantId, backfill_id: str) -> None:
    row = _row(session, merchant_id, backfill_id, lock=True)
    state = "booking" if row.mode is not None else "reading"
    _update(session, merchant_id, backfill_id, only_from=("paused", "failed"), state=state, last_error=None)


def run_step(runtime: Runtime, merchant_id: MerchantId, backfill_id: str) -> bool:
    """Read one page, or book one batch. False when there is nothing (more) to do just now."""
    row = run_tx(runtime.db, lambda session: _lease(session, merchant_id, backfill_id, now=runtime.clock()))
    if row is None:
        return False
    try:
        connector = connector_of(runtime, merchant_id, ShopId(row.shop_id))
        if row.state == "booking":
            return run_tx(runtime.db, lambda session: _book_batch(session, runtime, merchant_id, row, connector))
        return _read_page(runtime, merchant_id, row, connector)
    except OperationalError:
        raise  # the database is away: the lease ends, and the step is taken again
    except Exception as error:
        failed = {"state": "failed", "last_error": said_of(error), "lease_until": None}
        run_tx(runtime.db, lambda session: _update(session, merchant_id, backfill_id, only_from=(row.state,), **failed))
        if not isinstance(error, (PlatformError, Conflict)):
            raise
        return False


def _read_page(runtime: Runtime, merchant_id: MerchantId, row: Any, connector: Connector) -> bool:
    page = connector.orders.list_placed_orders(placed_since=None, cursor=row.cursor)

    def store(session: Session) -> None:
        _store_page(session, runtime, merchant_id, row, connector, list(page.items))
        for external_id in page.unreadable:
            orders.want(session, merchant_id, ShopId(row.shop_id), external_id, now=runtime.clock())
        state = "reading" if page.cursor else "previewed"
        values: dict[str, Any] = {
            "cursor": page.cursor,
            "lease_until": runtime.clock() + timedelta(seconds=page.wait_s) if page.wait_s else None,
            "read": BACKFILLS.c.read + len(page.items),
        }
        if page.total:
            values["total"] = page.total
        if not _update(session, merchant_id, row.backfill_id, only_from=("reading",), state=state, **values):
            _update(session, merchant_id, row.backfill_id, only_from=("paused",), **values)

    run_tx(runtime.db, store)
    return page.cursor is not None and page.wait_s is None


def _store_page(
    session: Session, runtime: Runtime, merchant_id: MerchantId, row: Any, connector: Connector, page: list[Order]
) -> None:
    """Take a page into order rows that nobody has read yet. What is known already is left to the reader of single orders."""
    context = _context(session, runtime, merchant_id, ShopId(row.shop_id), connector)
    for order in page:
        fresh = orders.add_unread(session, merchant_id, ShopId(row.shop_id), order.external_id)
        if fresh is None:
            continue
        settlement.accept(session, context, fresh, order, Outcome(OrderId(fresh.order_id)))
        orders.store(session, fresh)
        if order.unnamed_codes and order.placed_at >= context.shop.created_at:
            # Which code that is, and whether it is ours, is found where orders are read one by one.
            orders.want(session, merchant_id, ShopId(row.shop_id), order.external_id, now=context.now)


def _book_batch(session: Session, runtime: Runtime, merchant_id: MerchantId, row: Any, connector: Connector) -> bool:
    shop_id = ShopId(row.shop_id)
    batch = list(_unowned(session, merchant_id, shop_id, after=row.cursor, limit=BATCH))
    if row.mode == "from_date":
        context = _context(session, runtime, merchant_id, shop_id, connector)
        for order in batch:
            settlement.rebook(session, context, OrderId(order.order_id))
    else:
        _give_bonuses(session, runtime, merchant_id, row, batch)
    if not batch:
        _update(session, merchant_id, row.backfill_id, state="done", finished_at=runtime.clock(), lease_until=None)
        return False
    skipped = dict(row.skipped)
    for order in _again(session, merchant_id, [order.order_id for order in batch]):
        word = order.not_earning if order.program_version_id is None else None
        if word and row.mode == "from_date":
            skipped[word] = skipped.get(word, 0) + 1
    progress = {"cursor": batch[-1].order_id, "skipped": skipped, "booked": row.booked + len(batch)}
    _update(session, merchant_id, row.backfill_id, lease_until=None, **progress)
    return True


def _give_bonuses(session: Session, runtime: Runtime, merchant_id: MerchantId, row: Any, batch: list[Any]) -> None:
    now, shop_id = runtime.clock(), ShopId(row.shop_id)
    terms = programs.current(session, merchant_id, now=now).terms
    for order in batch:
        snapshot = Snapshot.model_validate(order.snapshot)
        if _preview_word(snapshot, terms, "welcome_bonus", None) is not None:
            continue
        external_id = str(snapshot.customer_external_id)
        member = member_queries.by_customer(session, merchant_id, shop_id, external_id)
        if member is None and terms.enrolment != "automatic":
            continue
        member_id = members.enrol(
            session,
            runtime.vault,
            merchant_id,
            shop_id,
            external_id=external_id,
            email=order.email,
            joined_by="automatic",
            joined_at=now,
            now=now,
        )
        expires_at = dates_of(terms, now)[1]
        ledger.give_welcome_bonus(session, merchant_id, member_id, row.bonus_points, expires_at=expires_at, now=now)


def _preview_word(snapshot: Snapshot, terms: Any, mode: Mode, points_from: datetime | None) -> str | None:
    """Why an order would not count for this choice."""
    if snapshot.customer_erased or snapshot.customer_external_id is None:
        return "guest"
    if not qualifies(snapshot, terms):
        return "not_paid"
    if mode == "from_date" and points_from is not None and snapshot.placed_at < points_from:
        return "before_program"
    if mode == "from_date" and snapshot.currency not in terms.currencies:
        return "currency"
    return None


def _context(
    session: Session, runtime: Runtime, merchant_id: MerchantId, shop_id: ShopId, connector: Connector
) -> Settling:
    return Settling(
        vault=runtime.vault,
        merchant_id=merchant_id,
        shop=merchants.shop(session, merchant_id, shop_id),
        capabilities=connector.capabilities,
        now=runtime.clock(),
        merchant=merchants.merchant(session, merchant_id),
    )


def _unowned(
    session: Session, merchant_id: MerchantId, shop_id: ShopId, *, after: str | None = None, limit: int | None = None
) -> Iterator[Any]:
    """Orders that were read and that nobody has been awarded for, in a steady order, streamed: there may be many."""
    statement = (
        sa.select(ORDERS.c.order_id, ORDERS.c.snapshot, ORDERS.c.email)
        .where(
            ORDERS.c.merchant_id == merchant_id,
            ORDERS.c.shop_id == shop_id,
            ORDERS.c.snapshot_hash.is_not(None),
            ORDERS.c.program_version_id.is_(None),
        )
        .order_by(ORDERS.c.order_id)
    )
    if after is not None:
        statement = statement.where(ORDERS.c.order_id > after)
    if limit is not None:
        statement = statement.limit(limit)
    return iter(session.connection().execute(statement, execution_options={"yield_per": 500}))


def _again(session: Session, merchant_id: MerchantId, order_ids: list[str]) -> list[Any]:
    mine = (ORDERS.c.merchant_id == merchant_id, ORDERS.c.order_id.in_(order_ids))
    return list(session.connection().execute(sa.select(ORDERS.c.program_version_id, ORDERS.c.not_earning).where(*mine)))


def _lease(session: Session, merchant_id: MerchantId, backfill_id: str, *, now: datetime) -> Any:
    row = _row(session, merchant_id, backfill_id, lock=True)
    if row.state not in ("reading", "booking") or (row.lease_until is not None and row.lease_until > now):
        return None
    _update(session, merchant_id, backfill_id, lease_until=now + LEASE)
    return row


def _row(session: Session, merchant_id: MerchantId, backfill_id: str, *, lock: bool = False) -> Any:
    statement = sa.select(BACKFILLS).where(
        BACKFILLS.c.merchant_id == merchant_id, BACKFILLS.c.backfill_id == backfill_id
    )
    row = session.connection().execute(statement.with_for_update() if lock else statement).first()
    if row is None:
        raise NotFound("There is no such backfill")
    return row


def _update(
    session: Session, merchant_id: MerchantId, backfill_id: str, *, only_from: tuple[str, ...] = (), **values: Any
) -> bool:
    statement = sa.update(BACKFILLS).where(
        BACKFILLS.c.merchant_id == merchant_id, BACKFILLS.c.backfill_id == backfill_id
    )
    if only_from:
        statement = statement.where(BACKFILLS.c.state.in_(only_from))
    return rows_changed(session, statement.values(**values)) == 1


def _view(row: Any) -> BackfillView:
    return BackfillView(
        backfill_id=row.backfill_id,
        shop_id=ShopId(row.shop_id),
        state=row.state,
        mode=row.mode,
        points_from=row.points_from,
        bonus_points=row.bonus_points,
        total=row.total,
        read=row.read,
        booked=row.booked,
        skipped=dict(row.skipped),
        started_at=row.started_at,
        finished_at=row.finished_at,
        last_error=row.last_error,
    )
