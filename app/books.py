"""Commands on the books: verify, explain a balance, read past orders, compare with the shop."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session

from core.db.engine import reading, run_tx
from core.errors import InvalidInput, NotFound
from core.ids import MemberId, MerchantId
from core.ledger import queries as ledger_queries
from core.ledger.queries import BalanceView, TimelineEntry
from core.members import queries as member_queries
from core.members.queries import MemberView
from core.merchants import queries as merchant_queries
from core.merchants.queries import ShopView
from core.queue import inbox
from core.runtime import Runtime
from core.verify import verify
from core.work import backfill, sync
from core.work.backfill import BackfillView

Say = Callable[[str], None]
MOMENT = "%Y-%m-%d %H:%M UTC"
VIOLATIONS_SHOWN = 50


def verify_all(runtime: Runtime, *, say: Say) -> int:
    """Recompute every merchant's book in one read snapshot. Returns the exit code."""
    violations: list[str] = []
    awaiting = 0
    with reading(runtime.db) as session:
        for merchant in merchant_queries.all_merchants(session):
            report = verify(session, runtime.vault, merchant.merchant_id)
            violations += report.violations
            awaiting += len(report.awaiting)
            say(
                f"{merchant.name}: {report.members} members, {report.orders} orders, {report.redemptions} redemptions, "
                f"{report.postings} postings, {report.points_outstanding} points outstanding"
            )
    if awaiting:
        say(f"{awaiting} orders wait to be read from their shop, and are booked then: staff have decided on them.")
    for text in violations[:VIOLATIONS_SHOWN]:
        say(f"  {text}")
    say(f"{len(violations)} violations" if violations else "Every point is accounted for.")
    return 1 if violations else 0


def explain(runtime: Runtime, who: str, *, at: datetime | None, say: Say) -> int:
    """Print why a member has the points that they have, now or at a past moment."""
    now = runtime.clock()
    moment = at.replace(tzinfo=UTC) if at is not None else now
    with reading(runtime.db) as session:
        merchant_id, member = _find_member(session, who)
        say(f"{member.name or 'A member'} ({member.member_id}), member since {member.joined_at.strftime(MOMENT)}")
        if at is not None:
            balance = ledger_queries.as_of(session, merchant_id, member.member_id, at=moment)
        else:
            balance = ledger_queries.balance_now(session, merchant_id, member.member_id, now=now)
        entries = _whole_timeline(session, merchant_id, member.member_id)
    say(f"As of {moment.strftime(MOMENT)}: {_balance_text(balance)}")
    for entry in reversed(entries):
        if entry.effective_at <= moment:
            say(_entry_text(entry))
    return 0


def backfill_shop(runtime: Runtime, shop_key: str, *, since: datetime | None, say: Say) -> None:
    """Read a shop's past orders here and now; with `since`, book points for those placed from that day on.

    Stopping it is safe: a running server goes on with it.
    """
    shop = _shop(runtime, shop_key)
    merchant_id, shop_id = shop.merchant_id, shop.shop_id
    begun = run_tx(runtime.db, lambda session: backfill.begin(session, merchant_id, shop_id, now=runtime.clock()))
    say(f"Reading past orders of {shop.name} ...")
    found = _run_backfill(runtime, merchant_id, begun.backfill_id)
    if found.state == "previewed" and since is not None:
        points_from = since.replace(tzinfo=ZoneInfo(shop.timezone))
        run_tx(
            runtime.db,
            lambda session: backfill.answer(
                session,
                merchant_id,
                begun.backfill_id,
                mode="from_date",
                points_from=points_from,
                now=runtime.clock(),
            ),
        )
        found = _run_backfill(runtime, merchant_id, begun.backfill_id)
    elif found.state == "previewed":
        say("No points were given: choose in the back office, or name a day with --since.")
    say(
        f"{found.state}: {found.read} orders read, {found.booked} booked"
        + (f" ({found.last_error})" if found.last_error else "")
    )


def _run_backfill(runtime: Runtime, merchant_id: MerchantId, backfill_id: str) -> BackfillView:
    """Step by step until it waits for somebody: an answer, or the shop."""
    while True:
        busy = backfill.run_step(runtime, merchant_id, backfill_id)
        with reading(runtime.db) as session:
            found = backfill.view(session, merchant_id, backfill_id)
        if found.state not in ("reading", "booking"):
            return found
        if not busy:
            time.sleep(0.5)  # the server is at it: its lease is on the row


def reconcile_shops(runtime: Runtime, shop_key: str | None, *, say: Say) -> None:
    """Compare the orders of the last weeks; what differs is read again by the worker."""
    if shop_key is not None:
        shops = [_shop(runtime, shop_key)]
    else:
        with reading(runtime.db) as session:
            shops = [
                shop
                for merchant in merchant_queries.all_merchants(session)
                for shop in merchant_queries.shops(session, merchant.merchant_id)
                if shop.connected
            ]
    for shop in shops:
        drift = sync.reconcile(runtime, shop.merchant_id, shop.shop_id)
        say(
            f"{shop.name}: {drift.compared} orders compared, {len(drift.differing)} differ, "
            f"{len(drift.missing)} are not listed any more"
        )
        for external_id in (*drift.differing, *drift.missing):
            say(f"  order {external_id}: will be read again")


def _shop(runtime: Runtime, shop_key: str) -> ShopView:
    with reading(runtime.db) as session:
        shop = merchant_queries.shop_by_key(session, shop_key)
    if shop is None:
        raise NotFound("There is no shop with this key")
    return shop


def _find_member(session: Session, who: str) -> tuple[MerchantId, MemberView]:
    """The one member of any merchant that this id or e-mail address means. Raises NotFound, InvalidInput."""
    found = [
        (merchant.merchant_id, member)
        for merchant in merchant_queries.all_merchants(session)
        for member in member_queries.search(session, merchant.merchant_id, who)
    ]
    exact = [pair for pair in found if who.lower() in (pair[1].member_id, pair[1].email)]
    found = exact or found
    if not found:
        raise NotFound("There is no such member")
    if len(found) > 1:
        raise InvalidInput(f"{len(found)} members are meant by this; name one by id")
    return found[0]


def _whole_timeline(session: Session, merchant_id: MerchantId, member_id: MemberId) -> list[TimelineEntry]:
    entries: list[TimelineEntry] = []
    while True:
        before = entries[-1].seq if entries else None
        page = ledger_queries.timeline(session, merchant_id, member_id, before_seq=before, limit=100)
        if not page:
            return entries
        entries += page


def _balance_text(balance: BalanceView) -> str:
    debt = f", {-balance.debt} owed" if balance.debt else ""
    return f"{balance.available} available, {balance.pending} pending, {balance.held} held{debt}"


def _entry_text(entry: TimelineEntry) -> str:
    details = ", ".join(f"{name} {value}" for name, value in entry.explanation.items() if value is not None)
    moves = "; ".join(f"{move.kind} {move.points} {move.debit} -> {move.credit}" for move in entry.transfers)
    when = entry.effective_at.strftime(MOMENT)
    lines = [f"{entry.seq:>5}  {when}  {entry.cause}: {moves}", details, f"then {_balance_text(entry.after)}"]
    return "\n         ".join(lines)


def balance_of_customer(runtime: Runtime, shop: ShopView, email: str) -> tuple[int, int]:
    """(available, held) of the member with this e-mail address; zeros while nobody is."""
    with reading(runtime.db) as session:
        found = member_queries.search(session, shop.merchant_id, email)
        if not found:
            return 0, 0
        now = runtime.clock()
        balance = ledger_queries.balance_now(session, shop.merchant_id, found[0].member_id, now=now)
    return balance.available, balance.held


def nothing_waits(runtime: Runtime) -> bool:
    """Whether no message waits to be worked."""
    with reading(runtime.db) as session:
        merchants = merchant_queries.all_merchants(session)
        return not any(inbox.counts(session, merchant.merchant_id)[inbox.NEW] for merchant in merchants)
