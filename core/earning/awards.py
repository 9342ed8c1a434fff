"""Whether an order earns, for whom and under which terms: decided once, at the first qualifying snapshot, and pinned."""

from calendar import monthrange
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from core.clock import end_of_day_after, start_of_day
from core.commerce import OrderState
from core.earning.assess import qualifies
from core.earning.context import Settling
from core.earning.snapshot import Snapshot
from core.earning.tables import OrderRow
from core.errors import NotFound
from core.ids import MemberId, ProgramVersionId
from core.members import commands as members
from core.members import queries as member_queries
from core.merchants import queries as merchants
from core.merchants.queries import MerchantView
from core.program import queries as programs
from core.program.queries import ProgramView
from core.program.terms import Terms

CAME_LATE = ("guest", "before_joining")  # the order was a guest's when it was first seen


def pin(session: Session, context: Settling, row: OrderRow, snapshot: Snapshot) -> ProgramView | None:
    """The program version that the order earns under, pinned now if it has just come to qualify; None where it earns nothing.

    `row.not_earning` then says why, in a stable word. A changed customer re-homes the order: owner only, never its terms.
    """
    if row.program_version_id is not None:
        _re_home(session, context, row, snapshot)
        return programs.version(session, context.merchant_id, ProgramVersionId(row.program_version_id))
    try:
        program = programs.in_force_at(session, context.merchant_id, snapshot.placed_at)
    except NotFound:
        row.not_earning = "draft"
        return None
    merchant = context.merchant or merchants.merchant(session, context.merchant_id)
    came_late, why_not = row.not_earning in CAME_LATE, _why_not(context, merchant, snapshot, program.terms)
    if why_not is not None:
        # Once a guest's, always a guest's: else a second read would forget that the look-back applies.
        row.not_earning = row.not_earning if came_late else why_not
        return None
    row.not_earning = None
    owner = _owner(session, context, row, snapshot, program.terms, came_late=came_late)
    if owner is None:
        return None
    _set_pins(row, snapshot, program, owner, context.now)
    return program


def dates_of(terms: Terms, earned_at: datetime) -> tuple[datetime | None, datetime | None]:
    """When points earned at this moment mature and expire: UTC instants, by the program's own calendar.

    "Valid through 5 December" is the first instant of 6 December in the program's zone.
    """
    matures_at = end_of_day_after(earned_at, terms.zone, days=terms.window_days) if terms.window_days else None
    expires_at = months_after(earned_at, terms.zone, terms.expiry_months) if terms.expiry_months else None
    if matures_at and expires_at and expires_at <= matures_at:
        expires_at = matures_at + timedelta(days=1)
    return matures_at, expires_at


def months_after(moment: datetime, zone: ZoneInfo, months: int) -> datetime:
    """The first instant after the same local day, so many months on (the last day of a shorter month)."""
    local = moment.astimezone(zone).date()
    month = local.month - 1 + months
    year, month = local.year + month // 12, month % 12 + 1
    last = local.replace(year=year, month=month, day=min(local.day, monthrange(year, month)[1]))
    return start_of_day(last + timedelta(days=1), zone)


def _why_not(context: Settling, merchant: MerchantView, snapshot: Snapshot, terms: Terms) -> str | None:
    placed = snapshot.placed_at
    if merchant.launch == "draft":
        return "draft"
    if snapshot.is_test:
        return "test"
    if snapshot.state is OrderState.CANCELLED:
        return "cancelled"
    if not qualifies(snapshot, terms):
        return "not_completed" if terms.earn_when == "completed" else "not_paid"
    if context.shop.earn_from is None or placed < context.shop.earn_from:
        return "before_program"
    if any(start <= placed and (end is None or placed < end) for start, end in merchant.pauses):
        return "paused"
    if snapshot.customer_erased or snapshot.customer_external_id is None:
        return "guest"
    if snapshot.currency not in terms.currencies:
        return "currency"
    return None


def _owner(
    session: Session, context: Settling, row: OrderRow, snapshot: Snapshot, terms: Terms, *, came_late: bool
) -> MemberId | None:
    """The member that the order's customer is, enrolled now where enrolment is automatic. None: `row.not_earning` says why.

    An order that was a guest's when it was first seen, or whose customer joined later, earns only within the look-back.
    """
    member_id = _member_of(
        session, context, row, snapshot, terms, joined_at=context.now if came_late else snapshot.placed_at
    )
    if member_id is None:
        row.not_earning = "not_member"
        return None
    if terms.enrolment == "join" or came_late:
        member = member_queries.member(session, context.merchant_id, member_id)
        if snapshot.placed_at < member.joined_at - timedelta(days=terms.lookback_days):
            row.not_earning = "before_joining"
            return None
    return member_id


def _member_of(
    session: Session, context: Settling, row: OrderRow, snapshot: Snapshot, terms: Terms, *, joined_at: datetime
) -> MemberId | None:
    external_id = snapshot.customer_external_id
    assert external_id is not None
    found = member_queries.by_customer(session, context.merchant_id, context.shop.shop_id, external_id)
    if found is not None:
        return found.member_id
    if terms.enrolment != "automatic":
        return None
    return members.enrol(
        session,
        context.vault,
        context.merchant_id,
        context.shop.shop_id,
        external_id=external_id,
        email=row.email,
        joined_by="automatic",
        joined_at=min(joined_at, context.now),
        now=context.now,
    )


def _re_home(session: Session, context: Settling, row: OrderRow, snapshot: Snapshot) -> None:
    """The platform ties the order to another customer now: its points go with it. An erased or missing customer says nothing."""
    if snapshot.customer_external_id is None:
        return
    terms = programs.current(session, context.merchant_id, now=context.now).terms
    owner = _member_of(session, context, row, snapshot, terms, joined_at=context.now)
    if owner == row.owner_id:
        return
    if row.owner_id is not None:
        row.flags = sorted({*row.flags, "rehomed"})
    row.owner_id = owner


def _set_pins(row: OrderRow, snapshot: Snapshot, program: ProgramView, owner: MemberId, now: datetime) -> None:
    completed = program.terms.earn_when == "completed"
    reached = snapshot.completed_at if completed else snapshot.paid_at or snapshot.completed_at
    row.earned_at = min(reached or snapshot.placed_at, now)
    row.matures_at, row.expires_at = dates_of(program.terms, row.earned_at)
    row.program_version_id, row.owner_id, row.pinned_currency = program.version_id, owner, snapshot.currency
