"""Writes to the book: lock the members in id order, load their books, book what is due, let the caller move points, store.

Core statements, not ORM objects: this is the hot path (stack.md). Callers never commit; the edge owns the transaction.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from core.db import statements
from core.db.engine import insert_or_ignore
from core.db.statements import Ask, Done
from core.db.types import one_of, table
from core.errors import Conflict, LedgerCorrupt, NotFound, Refused
from core.ids import LotId, MemberId, MerchantId, OrderId, PostingId
from core.ledger import queries
from core.ledger.book import Book
from core.ledger.rows import balance_from_row, lot_changes, lot_from_row, lot_values, posting_values, transfer_values
from core.ledger.tables import BalanceRow, LotRow, NoteRow, PostingRow, TransferRow
from core.ledger.words import Cause

BALANCES, LOTS, POSTINGS, TRANSFERS = table(BalanceRow), table(LotRow), table(PostingRow), table(TransferRow)


def open_account(session: Session, merchant_id: MerchantId, member_id: MemberId) -> None:
    """The member's balance row at zero. Safe to repeat."""
    zero = {"pending": 0, "available": 0, "held": 0, "debt": 0, "seq": 0, "head": ""}
    insert_or_ignore(session, BALANCES, {"merchant_id": merchant_id, "member_id": member_id, **zero})


def open_books(
    session: Session,
    merchant_id: MerchantId,
    member_ids: Iterable[MemberId],
    *,
    now: datetime,
    orders: Sequence[OrderId] = (),
    lots: Sequence[LotId] = (),
    only_earning: bool = False,
) -> dict[MemberId, Book]:
    """Lock the members' balances in id order, load their open lots (and those of the orders and lots named), book what is due.

    `only_earning`: the caller will do nothing but earn, which needs no lots where nothing is due and nothing is owed.
    Raises NotFound for a member without an account. Store with `store_books` in the same transaction.
    """
    wanted = sorted(set(member_ids))
    if not wanted:
        return {}
    lock = (_LOCK_BALANCES, {"of_merchant": merchant_id, "of_members": wanted})
    if not only_earning:
        locked, loaded = statements.together(session, [lock, _lots_of(merchant_id, wanted, orders, lots)])
        return _books(wanted, now, locked.rows, loaded.rows)
    books = _books(wanted, now, statements.rows(session, *lock), None)
    if with_lots := [member_id for member_id, book in books.items() if not book.lots_left_out]:
        found = statements.rows(session, *_lots_of(merchant_id, with_lots, orders, lots))
        _take_lots([books[member_id] for member_id in with_lots], found)
    return books


def open_book(
    session: Session, merchant_id: MerchantId, member_id: MemberId, *, now: datetime, beside: Sequence[Ask]
) -> tuple[Book, list[Done]]:
    """One member's book, and the answers to what else is asked once it is locked, all in one trip to the database."""
    locked, loaded, *answers = statements.together(
        session,
        [
            (_LOCK_BALANCES, {"of_merchant": merchant_id, "of_members": [member_id]}),
            _lots_of(merchant_id, [member_id], (), ()),
            *beside,
        ],
    )
    return _books([member_id], now, locked.rows, loaded.rows)[member_id], answers


def store_books(
    session: Session, merchant_id: MerchantId, books: Mapping[MemberId, Book], *, beside: Sequence[Ask] = ()
) -> None:
    """Write the postings made since the books were opened, and what the caller writes with them, in one trip to the database.

    Raises LedgerCorrupt if a balance moved meanwhile (the guard of `seq`).
    """
    changed = [book for book in books.values() if book.postings]
    rows: list[Ask] = []
    for book in changed:
        for posting in book.postings:
            rows.append((_INSERT_POSTING, posting_values(merchant_id, book.member_id, posting)))
            rows.extend((_INSERT_TRANSFER, row) for row in transfer_values(merchant_id, book.member_id, posting))
        for lot_id in book.made | book.touched:
            lot = book.lots[lot_id]
            if lot_id in book.made:
                rows.append((_INSERT_LOT, lot_values(merchant_id, book.member_id, lot)))
            else:
                rows.append((_UPDATE_LOT, lot_changes(merchant_id, book.member_id, lot)))
    balances = [(_UPDATE_BALANCE, _balance_values(merchant_id, book)) for book in changed]
    touched = statements.change_at_once(session, [*beside, *rows, *balances])
    for book, count in zip(changed, touched[len(beside) + len(rows) :], strict=True):
        if count != 1:
            raise LedgerCorrupt(f"the balance of member {book.member_id} moved under its lock")
        book.postings.clear()
        book.made.clear()
        book.touched.clear()


def book_due(session: Session, merchant_id: MerchantId, *, now: datetime, limit: int = 200) -> int:
    """The sweep: MATURE and EXPIRE for members that nobody touches. Returns how many members were done; call until 0."""
    ids = session.connection().execute(
        sa.select(BALANCES.c.member_id)
        .where(BALANCES.c.merchant_id == merchant_id, BALANCES.c.next_change_at <= now)
        .order_by(BALANCES.c.next_change_at)
        .limit(limit)
    )
    due_members = [MemberId(member_id) for member_id in ids.scalars()]
    store_books(session, merchant_id, open_books(session, merchant_id, due_members, now=now))
    return len(due_members)


def adjust(
    session: Session,
    merchant_id: MerchantId,
    member_id: MemberId,
    points: int,
    *,
    reason: str,
    notes: Mapping[str, str],
    erasure_key: str,
    author_id: str | None,
    idempotency_key: str,
    expires_at: datetime | None,
    now: datetime,
) -> PostingId:
    """Give (positive) or take (negative) points by hand. `reason`: a stable word; `notes`: audience -> text, erasable.

    The same key with the same request gives the first answer again; with another one it raises Conflict. Raises InsufficientPoints.
    """
    if points == 0:
        raise Refused("An adjustment of no points changes nothing")
    request_hash = hash_of({"member": member_id, "points": points, "reason": reason, "notes": dict(notes)})
    key = f"adjust:{idempotency_key}"
    books = open_books(session, merchant_id, [member_id], now=now)
    if (earlier := _same_request(session, merchant_id, key, request_hash)) is not None:
        return earlier
    book = books[member_id]
    if points > 0:
        book.adjust_up(points, expires_at=expires_at)
    else:
        book.adjust_down(-points)
    texts = {audience: text for audience, text in sorted(notes.items()) if text}
    posting = book.post(
        key,
        Cause.ADJUSTED,
        {"reason": reason, "author": author_id, "points": points},
        request_hash=request_hash,
        note_hmac=note_hmac(erasure_key, texts) if texts else None,
    )
    assert posting is not None
    store_books(session, merchant_id, books)
    for audience, text in texts.items():
        values = {"merchant_id": merchant_id, "member_id": member_id, "posting_id": posting.posting_id}
        session.connection().execute(sa.insert(table(NoteRow)).values(**values, audience=audience, text=text))
    return PostingId(posting.posting_id)


def reverse(
    session: Session,
    merchant_id: MerchantId,
    member_id: MemberId,
    posting_id: PostingId,
    *,
    author_id: str | None,
    grace_until: datetime | None,
    now: datetime,
) -> int:
    """The opposite of an adjustment or bonus, once, from what is left of its lots. Returns the points moved.

    Raises NotFound, Conflict when it was reversed before, Refused when nothing is left of it or the posting cannot be reversed.
    """
    posting = queries.find_posting(session, merchant_id, member_id, posting_id)
    if posting is None:
        raise NotFound("There is no such posting")
    if posting.cause not in (Cause.ADJUSTED, Cause.WELCOME_BONUS):
        raise Refused("Only adjustments and bonuses can be undone; for an order, write an order decision")
    lot_ids = [LotId(transfer.lot_id) for transfer in posting.transfers if transfer.lot_id]
    books = open_books(session, merchant_id, [member_id], now=now, lots=lot_ids)
    key = f"reverse:{posting_id}"
    if _find_key(session, merchant_id, key) is not None:
        raise Conflict("This was undone before")
    book = books[member_id]
    moved = book.reverse(posting.transfers, grace_until=grace_until)
    if not moved:
        raise Refused("These points have been spent since, so they cannot be taken back")
    book.post(key, Cause.REVERSED, {"author": author_id, "points": moved}, reverses_posting_id=posting_id)
    store_books(session, merchant_id, books)
    return moved


def give_welcome_bonus(
    session: Session,
    merchant_id: MerchantId,
    member_id: MemberId,
    points: int,
    *,
    expires_at: datetime | None,
    now: datetime,
) -> bool:
    """A bonus for members who were customers before the program began, once per member. False when it was given before."""
    books = open_books(session, merchant_id, [member_id], now=now)
    key = f"welcome:{member_id}"
    if _find_key(session, merchant_id, key) is not None:
        return False
    books[member_id].earn(points, earned_at=now, matures_at=None, expires_at=expires_at)
    books[member_id].post(key, Cause.WELCOME_BONUS, {"points": points})
    store_books(session, merchant_id, books)
    return True


def hash_of(request: Mapping[str, Any]) -> str:
    """The fingerprint of a request, for "same key, same body"."""
    return hashlib.sha256(json.dumps(request, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def note_hmac(erasure_key: str, texts: Mapping[str, str]) -> str:
    content = json.dumps(dict(texts), sort_keys=True, separators=(",", ":")).encode()
    return hmac.new(erasure_key.encode(), content, hashlib.sha256).hexdigest()


def _find_key(session: Session, merchant_id: MerchantId, key: str) -> Any:
    return statements.first(session, _BY_KEY, {"of_merchant": merchant_id, "of_key": key})


def _same_request(session: Session, merchant_id: MerchantId, key: str, request_hash: str) -> PostingId | None:
    found = _find_key(session, merchant_id, key)
    if found is None:
        return None
    if found.request_hash != request_hash:
        raise Conflict("This key was used for another request")
    return PostingId(found.posting_id)


def _books(
    wanted: list[MemberId], now: datetime, balances: Sequence[Any], lots: Sequence[Any] | None
) -> dict[MemberId, Book]:
    """Books from rows, with what is due booked. Without `lots`: left out where nothing is due and nothing is owed."""
    books = {}
    for row in balances:
        book = books[MemberId(row.member_id)] = Book(row.member_id, balance_from_row(row), {}, now)
        is_due = row.next_change_at is not None and row.next_change_at <= now
        if lots is None and not is_due and not book.balance.debt:
            book.lots_left_out, book.left_out_change_at = True, row.next_change_at
    if len(books) != len(wanted):
        raise NotFound("This member has no account")
    if lots is not None:
        _take_lots(books.values(), lots)
    return books


def _take_lots(books: Iterable[Book], rows: Sequence[Any]) -> None:
    by_member = {book.member_id: book for book in books}
    for row in rows:
        by_member[row.member_id].lots[row.lot_id] = lot_from_row(row)
    for book in by_member.values():
        book.book_due()


def _lots_of(merchant_id: MerchantId, members: list[MemberId], orders: Sequence[OrderId], lots: Sequence[LotId]) -> Ask:
    parameters = {"of_merchant": merchant_id, "of_members": members, "of_orders": orders}
    return (_LOAD_NAMED_LOTS, {**parameters, "of_lots": lots}) if lots else (_LOAD_LOTS, parameters)


# Statements of the hot path are built once: building one takes far longer than running it.
_LOCK_BALANCES = (
    sa.select(BALANCES)
    .where(BALANCES.c.merchant_id == sa.bindparam("of_merchant"), one_of(BALANCES.c.member_id, "of_members"))
    .order_by(BALANCES.c.member_id)
    .with_for_update()
)
_OF_MEMBERS = (LOTS.c.merchant_id == sa.bindparam("of_merchant"), one_of(LOTS.c.member_id, "of_members"))
_NAMED = one_of(LOTS.c.lot_id, "of_lots")
_OPEN_OR_OF_ORDERS = sa.or_(LOTS.c.remaining > 0, one_of(LOTS.c.order_id, "of_orders"))
_LOAD_LOTS = sa.select(LOTS).where(*_OF_MEMBERS, _OPEN_OR_OF_ORDERS)
_LOAD_NAMED_LOTS = sa.select(LOTS).where(
    *_OF_MEMBERS,
    sa.or_(
        _OPEN_OR_OF_ORDERS,
        _NAMED,
        LOTS.c.lot_id.in_(sa.select(LOTS.c.root_lot_id).where(*_OF_MEMBERS, _NAMED)),
    ),
)
_BY_KEY = sa.select(POSTINGS.c.posting_id, POSTINGS.c.request_hash).where(
    POSTINGS.c.merchant_id == sa.bindparam("of_merchant"), POSTINGS.c.idempotency_key == sa.bindparam("of_key")
)
_INSERT_POSTING, _INSERT_TRANSFER, _INSERT_LOT = sa.insert(POSTINGS), sa.insert(TRANSFERS), sa.insert(LOTS)
_UPDATE_LOT = (
    sa.update(LOTS)
    .where(
        LOTS.c.merchant_id == sa.bindparam("of_merchant"),
        LOTS.c.member_id == sa.bindparam("of_member"),
        LOTS.c.lot_id == sa.bindparam("of_lot"),
    )
    .values({name: sa.bindparam(f"new_{name}") for name in ("state", "remaining", "expired", "grace_until")})
)


_BALANCE_COLUMNS = ("pending", "available", "held", "debt", "seq", "head", "recorded_at", "next_change_at")
_UPDATE_BALANCE = (
    sa.update(BALANCES)
    .where(
        BALANCES.c.merchant_id == sa.bindparam("of_merchant"),
        BALANCES.c.member_id == sa.bindparam("of_member"),
        BALANCES.c.seq == sa.bindparam("seen"),
    )
    .values({name: sa.bindparam(f"new_{name}") for name in _BALANCE_COLUMNS})
)


def _balance_values(merchant_id: MerchantId, book: Book) -> dict[str, Any]:
    balance = book.balance
    return {
        "of_merchant": merchant_id,
        "of_member": book.member_id,
        "seen": balance.seq - len(book.postings),
        "new_pending": balance.pending,
        "new_available": balance.available,
        "new_held": balance.held,
        "new_debt": balance.debt,
        "new_seq": balance.seq,
        "new_head": balance.head,
        "new_recorded_at": balance.recorded_at,
        "new_next_change_at": book.next_change_at,
    }
