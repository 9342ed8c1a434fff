"""Settle an order: book the difference between what its newest snapshot is worth and what was booked. See docs/ledger.md.

Decisions are made by snapshot.py and assess.py (pure); this module locks, compares and writes, in one transaction.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from core.commerce import CustomerRef, Gone, Order, OrderState
from core.db.types import table
from core.earning import awards, orders, redeemed
from core.earning.assess import Assessment, assess, fixed_targets
from core.earning.context import Settling
from core.earning.orders import Decision, Lease
from core.earning.snapshot import Snapshot, snapshot_of
from core.earning.tables import OrderRow
from core.ids import LotId, MemberId, OrderId, ShopId
from core.ledger import commands as ledger
from core.ledger import queries as ledger_queries
from core.ledger.book import Book
from core.ledger.lots import Transfer
from core.ledger.words import Cause, Kind
from core.members import commands as members
from core.program.queries import ProgramView

ORDERS = table(OrderRow)
CONFIRM_GONE_AFTER = timedelta(hours=1)
GONE_COUNTS_FOR = timedelta(days=14)  # after payment, and at least the return window
LAGGING_READS = 5
PARK_FROM_ORDERS = 20
PARK_WINDOW = timedelta(hours=1)
DISPROVED_BY_A_READ = {"never_seen", "deleted", "deleted_late", "lagging_replica"}


@dataclass
class Outcome:
    """`change`: net points of this settlement, over all members. `flags`: words that support sees."""

    order_id: OrderId
    change: int = 0
    accepted: bool = True
    flags: set[str] = field(default_factory=set)


def settle(session: Session, context: Settling, lease: Lease, statement: Order | Gone) -> Outcome:
    """Settle what a read found, if the lease still holds. A read that was overtaken by a newer one changes nothing."""
    row = orders.locked(session, context.merchant_id, lease.order_id)
    outcome = Outcome(lease.order_id)
    if row.read_no != lease.read_no:
        outcome.accepted = False
        return outcome
    row.lease_until, row.read_attempts, row.last_error = None, 0, None
    accept(session, context, row, statement, outcome)
    if outcome.accepted:
        row.settled = max(row.settled, lease.wanted)
        row.next_read_at = None if row.wanted <= row.settled else context.now
        row.next_read_at = _later_look(row, context) if row.next_read_at is None else row.next_read_at
    orders.store(session, row)
    return outcome


def accept(session: Session, context: Settling, row: OrderRow, statement: Order | Gone, outcome: Outcome) -> None:
    """Take a statement into the (locked) row and book the difference. The caller stores the row."""
    if isinstance(statement, Gone):
        _accept_gone(session, context, row, statement, outcome)
        return
    row.gone_first_at = None
    if _is_lagging(row, statement):
        outcome.accepted = False
        row.lagging_reads += 1
        if row.lagging_reads >= LAGGING_READS:
            row.flags = sorted({*row.flags, "lagging_replica"})
        row.next_read_at = context.now + timedelta(seconds=min(600, 2**row.lagging_reads))
        return
    row.lagging_reads = 0
    row.flags = sorted(set(row.flags) - DISPROVED_BY_A_READ)
    row.platform_updated_at = statement.updated_at
    row.number, row.placed_at = statement.number, statement.placed_at
    _note_customer(session, context, row, statement.customer)
    if statement.state is OrderState.DRAFT:
        return
    snapshot = snapshot_of(statement)
    row.snapshot, row.snapshot_hash = snapshot.as_stored()
    book_difference(session, context, row, snapshot, outcome)


def rebook(session: Session, context: Settling, order_id: OrderId) -> Outcome:
    """Settle an order from its stored snapshot: something else that its target depends on has changed (a code is dead)."""
    row = orders.locked(session, context.merchant_id, order_id)
    outcome = Outcome(order_id)
    if row.snapshot is not None:
        book_difference(session, context, row, Snapshot.model_validate(row.snapshot), outcome)
        orders.store(session, row)
    return outcome


def book_difference(session: Session, context: Settling, row: OrderRow, snapshot: Snapshot, outcome: Outcome) -> None:
    """Book target minus booked for the order's points and for the redemptions whose codes it carries, in one transaction."""
    merchant_id, order_id = context.merchant_id, OrderId(row.order_id)
    program = awards.pin(session, context, row, snapshot)
    ours = redeemed.NONE
    if snapshot.codes or row.settlements:
        ours = redeemed.on_order(session, context, ShopId(row.shop_id), order_id, snapshot)
    if program is not None and snapshot.currency != row.pinned_currency:
        row.flags = sorted({*row.flags, "currency_changed"})
        return
    targets, assessment = _targets(row, snapshot, program, ours.codes)
    moved = ledger_queries.transfers_of_order(session, merchant_id, order_id) if row.settlements else []
    booked = booked_by_member(moved)
    concerned = {*booked, *targets, *ours.members}
    if not concerned:
        return
    if _must_park(session, context, row, targets, booked):
        outcome.flags.add("parked")
        row.flags = sorted({*row.flags, "parked"})
        return
    row.flags = sorted(set(row.flags) - {"parked", "currency_changed"})
    books = ledger.open_books(
        session,
        merchant_id,
        concerned,
        now=context.now,
        orders=[order_id],
        lots=[LotId(lot) for lot in ours.lot_ids],
        only_earning=not ours.found and not any(booked.values()),
    )
    redeemed_by_member = redeemed.book(session, context, order_id, snapshot, ours, books)
    row.flags = sorted({*row.flags, *redeemed.flags_of(redeemed_by_member)})
    for member_id, book in books.items():
        change = _book_lines(book, row, targets.get(member_id, {}), booked.get(member_id, {}))
        explanation = _explanation(row, program, assessment, change, redeemed_by_member.get(member_id, []))
        posting = book.post(
            f"settle:{row.shop_id}:{order_id}:{row.settlements + 1}",
            Cause.ORDER_SETTLED,
            explanation,
            effective_at=_effective_at(row, book, change, context.now),
        )
        if posting is not None:
            row.settlements += 1
            outcome.change += change
            if change < 0:
                row.clawed_at = context.now
    ledger.store_books(session, merchant_id, books)
    row.target_points = sum(sum(lines.values()) for lines in targets.values())


def booked_by_member(transfers: list[tuple[MemberId, Transfer]]) -> dict[MemberId, dict[str, int]]:
    """Points per member and line that an order's EARN and CLAWBACK transfers add up to."""
    booked: dict[MemberId, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for member_id, transfer in transfers:
        if transfer.kind is Kind.EARN:
            booked[member_id][str(transfer.line_id)] += transfer.points
        elif transfer.kind is Kind.CLAWBACK:
            booked[member_id][str(transfer.line_id)] -= transfer.points
    return booked


def targets_of(
    row: OrderRow, snapshot: Snapshot, program: ProgramView, our_codes: frozenset[str]
) -> tuple[dict[str, int], Assessment]:
    """The target per line of a pinned order: a function of snapshot, pins and decision. The assessment explains it."""
    decision = Decision.model_validate(row.decision) if row.decision else None
    assessment = assess(snapshot, program.terms, our_codes=our_codes)
    if snapshot.state is OrderState.CANCELLED or (decision and decision.kind == "exclude"):
        return {}, assessment
    if decision and decision.kind == "fix":
        return fixed_targets(snapshot, decision.points), assessment
    return assessment.targets(), assessment


def _targets(
    row: OrderRow, snapshot: Snapshot, program: ProgramView | None, our_codes: frozenset[str]
) -> tuple[dict[MemberId, dict[str, int]], Assessment | None]:
    if program is None or row.owner_id is None:
        return {}, None
    targets, assessment = targets_of(row, snapshot, program, our_codes)
    return {MemberId(row.owner_id): targets}, assessment


def _book_lines(book: Book, row: OrderRow, targets: dict[str, int], booked: dict[str, int]) -> int:
    """Earn what is missing, take back what is too much, line by line. Returns the net change."""
    order_id = str(row.order_id)
    changes = {line: targets.get(line, 0) - booked.get(line, 0) for line in sorted({*targets, *booked})}
    for line_id, change in changes.items():
        if change > 0:
            assert row.earned_at is not None
            dates: dict[str, Any] = {"matures_at": row.matures_at, "expires_at": row.expires_at}
            book.earn(change, earned_at=row.earned_at, order_id=order_id, line_id=line_id, **dates)
    for line_id, change in changes.items():
        if change < 0:
            book.clawback(-change, order_id=order_id, line_id=line_id)
    return sum(changes.values())


def _explanation(
    row: OrderRow,
    program: ProgramView | None,
    assessment: Assessment | None,
    change: int,
    redeemed_parts: list[dict[str, Any]],
) -> dict[str, Any]:
    """Ids and numbers from which the sentence is made: how the target came about, and what changed."""
    explanation: dict[str, Any] = {"order": row.order_id, "number": row.number, "change": change}
    if redeemed_parts:
        explanation["redemptions"] = redeemed_parts
    if row.decision:
        explanation["decision"] = {name: row.decision.get(name) for name in ("kind", "points", "reason", "author_id")}
    if program is not None and assessment is not None:
        rate = program.terms.currencies[assessment.currency]
        explanation |= {
            "program": program.number,
            "currency": assessment.currency,
            "eligible": assessment.eligible,
            "rate": [rate.earn_points, rate.earn_per_minor],
            "points": assessment.points,
            "target": assessment.target,
            "state": (row.snapshot or {}).get("state"),
            "lines": [
                [line.line_id, line.eligible, line.ordered, line.kept, line.points, line.target]
                for line in assessment.lines
            ],
        }
    return explanation


def _effective_at(row: OrderRow, book: Book, change: int, now: datetime) -> datetime:
    """A first award takes effect when it was earned, all else (and what is booked along with it) when it is booked."""
    earns_only = book.balance.debt == 0 and all(transfer.kind is Kind.EARN for transfer in book.drafted)
    if row.settlements == 0 and change > 0 and row.earned_at is not None and earns_only:
        return min(row.earned_at, now)
    return now


def _accept_gone(session: Session, context: Settling, row: OrderRow, gone: Gone, outcome: Outcome) -> None:
    """Gone moves points only when two reads an hour apart say so, the shop is well, and it lies near enough to the payment.

    A decision by staff, and whom its customer is tied to by now, count for an order that is gone as for any other.
    """
    if row.snapshot is None:
        row.flags = sorted({*row.flags, "never_seen"})
        return
    snapshot = Snapshot.model_validate(row.snapshot)
    if gone.shown_for is None or snapshot.placed_at >= context.now - gone.shown_for:
        row.gone_first_at = row.gone_first_at or context.now
        if context.shop_is_healthy and context.now - row.gone_first_at >= CONFIRM_GONE_AFTER:
            _confirm_gone(row, context.now)
            snapshot = Snapshot.model_validate(row.snapshot)
    if row.program_version_id is not None or snapshot.state is OrderState.CANCELLED:
        book_difference(session, context, row, snapshot, outcome)


def _confirm_gone(row: OrderRow, now: datetime) -> None:
    snapshot = Snapshot.model_validate(row.snapshot)
    paid_at = snapshot.paid_at or snapshot.placed_at
    if "deleted" in row.flags:
        return
    if now > max(paid_at + GONE_COUNTS_FOR, row.matures_at or paid_at):
        row.flags = sorted({*row.flags, "deleted_late"})
        return
    gone = snapshot.as_gone()
    row.flags = sorted({*row.flags, "deleted"})
    row.snapshot, row.snapshot_hash = gone.as_stored()


def _later_look(row: OrderRow, context: Settling) -> datetime | None:
    """An order that seems gone is looked at once more an hour later."""
    if row.gone_first_at is None or {"deleted", "deleted_late", "never_seen"} & set(row.flags):
        return None
    return max(context.now + timedelta(minutes=1), row.gone_first_at + CONFIRM_GONE_AFTER)


def _is_lagging(row: OrderRow, order: Order) -> bool:
    """A stamp older than the last accepted one: a replica that lags behind, not news."""
    stamp = order.updated_at
    return row.platform_updated_at is not None and stamp is not None and stamp < row.platform_updated_at


def _must_park(
    session: Session,
    context: Settling,
    row: OrderRow,
    targets: dict[MemberId, dict[str, int]],
    booked: dict[MemberId, dict[str, int]],
) -> bool:
    """Whether this would be one clawback too many in an hour: a shop gone wrong looks like that, so ask first."""
    before = sum(sum(lines.values()) for lines in booked.values())
    after = sum(sum(lines.values()) for lines in targets.values())
    shop = context.shop
    if after >= before or (shop.clawback_allowed_until is not None and shop.clawback_allowed_until > context.now):
        return False
    mine = (ORDERS.c.merchant_id == context.merchant_id, ORDERS.c.shop_id == shop.shop_id)
    recent = sa.select(sa.func.count()).where(*mine, ORDERS.c.clawed_at > context.now - PARK_WINDOW)
    clawed = int(session.connection().execute(recent).scalar_one())
    if clawed < PARK_FROM_ORDERS:
        return False
    known = int(session.connection().execute(sa.select(sa.func.count()).where(*mine)).scalar_one())
    return clawed * 100 >= known


def _note_customer(session: Session, context: Settling, row: OrderRow, customer: CustomerRef) -> None:
    if customer.erased:
        row.email = None
        return
    if customer.external_id is not None and customer.external_id != row.customer_external_id:
        members.first_sight(
            session,
            context.merchant_id,
            context.shop.shop_id,
            external_id=customer.external_id,
            email=customer.email,
            name=customer.name,
            now=context.now,
        )
    row.customer_external_id = customer.external_id
    row.email = customer.email.strip().lower() if customer.email else None
