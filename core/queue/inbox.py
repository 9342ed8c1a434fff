"""Messages from shops, kept before they are answered: store, claim with a lease, finish, forget.

Correctness never rests on this queue: a message only says that something may have changed. It saves work, loses none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from core.db import statements
from core.db.engine import rows_changed
from core.db.types import one_of, table
from core.ids import MerchantId, ShopId, new_id
from core.queue.tables import InboxRow

NEW, DONE, PARKED = "new", "done", "parked"
LEASE = timedelta(seconds=90)
LONGEST_BACK_OFF = timedelta(hours=1)
DONE_BODY_KEPT = timedelta(days=14)
PARKED_BODY_KEPT = timedelta(days=30)
ROW_KEPT = timedelta(days=90)

INBOX = table(InboxRow)
# With every message, so built once.
_INSERT = sa.insert(INBOX)
_ONE = (INBOX.c.merchant_id == sa.bindparam("of_merchant"), INBOX.c.inbox_id == sa.bindparam("of_message"))
_DUE = (INBOX.c.merchant_id == sa.bindparam("of_merchant"), INBOX.c.due_at <= sa.bindparam("at"))
_DUE_OF_SHOP = (
    sa.select(INBOX)
    .where(*_DUE, INBOX.c.shop_id == sa.bindparam("of_shop"))
    .order_by(INBOX.c.due_at, INBOX.c.inbox_id)
    .limit(sa.bindparam("at_most", type_=sa.Integer))
    .with_for_update(skip_locked=True)
)
_CLAIM = (
    sa.update(INBOX)
    .where(INBOX.c.merchant_id == sa.bindparam("of_merchant"), one_of(INBOX.c.inbox_id, "of_messages"))
    .values(due_at=sa.bindparam("new_due_at"), attempts=INBOX.c.attempts + 1)
)
_SHOPS_DUE = sa.select(INBOX.c.shop_id).where(*_DUE).distinct()
_FINISH = (
    sa.update(INBOX)
    .where(*_ONE, INBOX.c.state == NEW)
    .values(
        state=sa.bindparam("new_state"),
        due_at=None,
        done_at=sa.bindparam("new_done_at"),
        last_error=sa.bindparam("new_error"),
    )
)


@dataclass(frozen=True)
class Arrival:
    """A message as it came in. `headers` have lower-case names and are only those that reading it takes."""

    merchant_id: MerchantId
    shop_id: ShopId
    source: str  # webhook, nudge, hint
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    received_at: datetime


@dataclass(frozen=True)
class Claimed:
    """A message that is ours until the lease ends. `attempts` counts this one too."""

    merchant_id: MerchantId
    inbox_id: str
    shop_id: ShopId
    source: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    received_at: datetime
    attempts: int


def store(session: Session, arrivals: Sequence[Arrival]) -> list[str]:
    """Keep messages. The caller commits before it answers the shop. Returns their ids, in order."""
    ids = [new_id() for _ in arrivals]
    rows = [_row(inbox_id, arrival) for inbox_id, arrival in zip(ids, arrivals, strict=True)]
    statements.together(session, [(_INSERT, row) for row in rows])
    return ids


def take(
    session: Session,
    merchant_id: MerchantId,
    shop_id: ShopId,
    *,
    now: datetime,
    limit: int = 20,
    lease: timedelta = LEASE,
) -> list[Claimed]:
    """Claim due messages of one shop, longest due first; who else claims meanwhile gets others."""
    due = {"of_merchant": merchant_id, "of_shop": shop_id, "at": now, "at_most": limit}
    claimed = [_claimed(row) for row in statements.rows(session, _DUE_OF_SHOP, due)]
    if claimed:
        which = {"of_merchant": merchant_id, "of_messages": [one.inbox_id for one in claimed]}
        statements.change(session, _CLAIM, {**which, "new_due_at": now + lease})
    return claimed


def waiting_shops(session: Session, merchant_id: MerchantId, *, now: datetime) -> list[ShopId]:
    """The shops of a merchant that have messages due now, so that each gets its turn."""
    rows = statements.rows(session, _SHOPS_DUE, {"of_merchant": merchant_id, "at": now})
    return [ShopId(row.shop_id) for row in rows]


def mark_done(session: Session, merchant_id: MerchantId, inbox_id: str, *, now: datetime) -> bool:
    """In the transaction that writes down what the message asks for. False: someone else has finished it."""
    return _finish(session, merchant_id, inbox_id, state=DONE, error=None, now=now)


def park(session: Session, merchant_id: MerchantId, inbox_id: str, *, reason: str, now: datetime) -> bool:
    """Genuine but not understood: kept for a person to look at, and worked no more."""
    return _finish(session, merchant_id, inbox_id, state=PARKED, error=reason, now=now)


def try_later(session: Session, claimed: Claimed, *, reason: str, now: datetime) -> None:
    """Give a message back; the pause doubles with each attempt."""
    pause = min(LONGEST_BACK_OFF, timedelta(seconds=2) * 2 ** min(claimed.attempts, 12))
    session.connection().execute(
        sa.update(table(InboxRow))
        .where(col(InboxRow.merchant_id) == claimed.merchant_id)
        .where(col(InboxRow.inbox_id) == claimed.inbox_id)
        .where(col(InboxRow.state) == NEW)
        .values(due_at=now + pause, last_error=reason)
    )


def counts(session: Session, merchant_id: MerchantId) -> dict[str, int]:
    """How many messages are new and parked, for the doctor."""
    statement = (
        sa.select(col(InboxRow.state), sa.func.count())
        .where(col(InboxRow.merchant_id) == merchant_id)
        .where(col(InboxRow.state).in_([NEW, PARKED]))
        .group_by(col(InboxRow.state))
    )
    found = {state: number for state, number in session.connection().execute(statement)}
    return {NEW: found.get(NEW, 0), PARKED: found.get(PARKED, 0)}


def prune(session: Session, merchant_id: MerchantId, *, now: datetime) -> int:
    """Delete bodies 14 days after they were done, parked ones after 30, rows after 90. Returns rows touched."""
    mine = col(InboxRow.merchant_id) == merchant_id
    touched = 0
    for state, kept in ((DONE, DONE_BODY_KEPT), (PARKED, PARKED_BODY_KEPT)):
        touched += rows_changed(
            session,
            sa.update(table(InboxRow))
            .where(mine, col(InboxRow.state) == state)
            .where(col(InboxRow.done_at) < now - kept, col(InboxRow.body).is_not(None))
            .values(body=None, headers={}),
        )
    return touched + rows_changed(
        session,
        sa.delete(table(InboxRow))
        .where(mine, col(InboxRow.state).in_([DONE, PARKED]))
        .where(col(InboxRow.received_at) < now - ROW_KEPT, col(InboxRow.body).is_(None)),
    )


def _finish(
    session: Session, merchant_id: MerchantId, inbox_id: str, *, state: str, error: str | None, now: datetime
) -> bool:
    which = {"of_merchant": merchant_id, "of_message": inbox_id}
    return (
        statements.change(session, _FINISH, {**which, "new_state": state, "new_done_at": now, "new_error": error}) == 1
    )


def _row(inbox_id: str, arrival: Arrival) -> dict[str, object]:
    return {
        "merchant_id": arrival.merchant_id,
        "inbox_id": inbox_id,
        "shop_id": arrival.shop_id,
        "source": arrival.source,
        "headers": dict(arrival.headers),
        "body": arrival.body,
        "received_at": arrival.received_at,
        "state": NEW,
        "due_at": arrival.received_at,
        "attempts": 0,
    }


def _claimed(row: Any) -> Claimed:
    return Claimed(
        merchant_id=MerchantId(row.merchant_id),
        inbox_id=row.inbox_id,
        shop_id=ShopId(row.shop_id),
        source=row.source,
        headers=row.headers,
        body=row.body or b"",
        received_at=row.received_at,
        attempts=row.attempts + 1,
    )
