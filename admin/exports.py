"""Downloads: all members with their balances, and the whole ledger. Streamed page by page, each page a read of its own."""

from collections.abc import Iterator
from datetime import datetime

from flask import Response
from sqlmodel import Session

from admin import csv_out
from admin.csv_out import Cell
from admin.screens import MANAGERS, change, merchant_id, now, runtime, screen
from core.db.engine import reading
from core.errors import NotFound
from core.ids import MemberId, MerchantId
from core.ledger import queries as ledger
from core.ledger.queries import BalanceView, TimelineEntry
from core.members import queries as members
from core.members.queries import MemberView
from core.runtime import Runtime

PAGE = 100

MEMBER_COLUMNS = (
    "member_id",
    "email",
    "first_name",
    "last_name",
    "joined_at",
    "joined_by",
    "available",
    "pending",
    "held",
    "owed",
)
LEDGER_COLUMNS = (
    "member_id",
    "email",
    "seq",
    "posting_id",
    "recorded_at",
    "effective_at",
    "cause",
    "available",
    "pending",
    "held",
    "owed",
    "outstanding_after",
    "order_ids",
    "reason",
    "reverses_posting_id",
)


@screen("/members/export", roles=MANAGERS, methods=("POST",))
def export_members() -> Response:
    """A POST, as it is noted in the audit."""
    change("members.exported", lambda _: None)
    rows = _member_rows(runtime(), merchant_id(), now())
    return csv_out.response("members.csv", MEMBER_COLUMNS, rows)


@screen("/members/ledger-export", roles=MANAGERS, methods=("POST",))
def export_ledger() -> Response:
    change("ledger.exported", lambda _: None)
    return csv_out.response("ledger.csv", LEDGER_COLUMNS, _ledger_rows(runtime(), merchant_id()))


def _member_rows(runtime: Runtime, merchant_id: MerchantId, moment: datetime) -> Iterator[tuple[Cell, ...]]:
    for people in _pages(runtime, merchant_id):
        with reading(runtime.db) as s:
            balances = [_balance(s, merchant_id, person, moment) for person in people]
        for person, balance in zip(people, balances, strict=True):
            yield (
                person.member_id,
                person.email,
                person.first_name,
                person.last_name,
                person.joined_at,
                person.joined_by,
                balance.available,
                balance.pending,
                balance.held,
                balance.debt,
            )


def _ledger_rows(runtime: Runtime, merchant_id: MerchantId) -> Iterator[tuple[Cell, ...]]:
    """Member by member in the order in which they joined, each one's postings newest first."""
    for people in _pages(runtime, merchant_id):
        for person in people:
            before: int | None = None
            while True:
                with reading(runtime.db) as s:
                    entries = ledger.timeline(s, merchant_id, person.member_id, before_seq=before, limit=PAGE)
                yield from (_ledger_row(person, entry) for entry in entries)
                if len(entries) < PAGE:
                    break
                before = entries[-1].seq


def _ledger_row(person: MemberView, entry: TimelineEntry) -> tuple[Cell, ...]:
    return (
        person.member_id,
        person.email,
        entry.seq,
        entry.posting_id,
        entry.recorded_at,
        entry.effective_at,
        entry.cause.value,
        entry.change.available,
        entry.change.pending,
        entry.change.held,
        entry.change.debt,
        entry.after.outstanding,
        " ".join(entry.order_ids),
        str(entry.explanation.get("reason", "")),
        entry.reverses_posting_id,
    )


def _pages(runtime: Runtime, merchant_id: MerchantId) -> Iterator[list[MemberView]]:
    after: tuple[datetime, MemberId] | None = None
    while True:
        with reading(runtime.db) as s:
            people = members.page(s, merchant_id, after=after, limit=PAGE)
        if people:
            yield people
        if len(people) < PAGE:
            return
        after = (people[-1].joined_at, people[-1].member_id)


def _balance(s: Session, merchant_id: MerchantId, person: MemberView, moment: datetime) -> BalanceView:
    try:
        return ledger.balance_now(s, merchant_id, person.member_id, now=moment)
    except NotFound:
        return BalanceView(0, 0, 0, 0, 0)
