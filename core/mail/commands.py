"""Writes of the mail queue: write a letter down, claim it with a lease, end it, try it later.

A letter that the mail server took, and whose sender died before it could say so, is sent again, under the same id: a
mailbox shows it once, or twice; it never goes missing.
"""

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa
from sqlmodel import Session

from core.db import statements
from core.db.engine import rows_changed
from core.db.types import table
from core.ids import MerchantId, ShopId, new_id
from core.mail.tables import MailRow
from core.sealing import Vault

NEW = "new"
Ending = Literal["sent", "dropped", "parked"]
ATTEMPTS = 8
LEASE = timedelta(minutes=3)  # longer than a mail server with all its time-outs
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=15)
ROW_KEPT = timedelta(days=30)

MAILS = table(MailRow)
_INSERT = sa.insert(MAILS)
_ONE = (MAILS.c.merchant_id == sa.bindparam("of_merchant"), MAILS.c.mail_id == sa.bindparam("of_mail"))
_DUE = (
    sa.select(MAILS)
    .where(MAILS.c.merchant_id == sa.bindparam("of_merchant"), MAILS.c.due_at <= sa.bindparam("at"))
    .order_by(MAILS.c.due_at, MAILS.c.mail_id)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_CLAIM = sa.update(MAILS).where(*_ONE).values(due_at=sa.bindparam("until"), attempts=MAILS.c.attempts + 1)


@dataclass(frozen=True)
class Letter:
    """What a mail says, twice. `sender`: the name that it is from."""

    sender: str
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)


@dataclass(frozen=True)
class Claimed:
    """A letter that is ours until the lease ends. `attempts` counts this one too."""

    merchant_id: MerchantId
    mail_id: str
    shop_id: ShopId
    customer_id: str
    letter: Letter
    queued_at: datetime
    attempts: int


def queue(
    session: Session,
    vault: Vault,
    merchant_id: MerchantId,
    shop_id: ShopId,
    *,
    customer_id: str,
    letter: Letter,
    good_until: datetime,
    now: datetime,
) -> str:
    """Have a customer of a shop written to. Whether there is such a customer is not asked here. Returns the mail's id."""
    row = {
        "merchant_id": merchant_id,
        "mail_id": new_id(),
        "shop_id": shop_id,
        "customer_id": customer_id,
        "content_sealed": vault.seal(json.dumps(asdict(letter))),
        "queued_at": now,
        "good_until": good_until,
        "state": NEW,
        "due_at": now,
        "attempts": 0,
    }
    statements.change(session, _INSERT, row)
    return str(row["mail_id"])


def take(session: Session, vault: Vault, merchant_id: MerchantId, *, now: datetime) -> Claimed | None:
    """Claim the letter that has waited longest. None where none is due, or where its time is over: then it has ended."""
    row = statements.first(session, _DUE, {"of_merchant": merchant_id, "at": now})
    if row is None:
        return None
    if now >= row.good_until:
        end(session, merchant_id, row.mail_id, "dropped", reason="too late", now=now)
        return None
    if row.attempts >= ATTEMPTS:  # whoever tried it last did not live to say how it went
        end(session, merchant_id, row.mail_id, "parked", reason=row.last_error or "no outcome", now=now)
        return None
    statements.change(session, _CLAIM, {"of_merchant": merchant_id, "of_mail": row.mail_id, "until": now + LEASE})
    return Claimed(
        merchant_id=merchant_id,
        mail_id=row.mail_id,
        shop_id=ShopId(row.shop_id),
        customer_id=row.customer_id,
        letter=Letter(**json.loads(vault.open(row.content_sealed))),
        queued_at=row.queued_at,
        attempts=row.attempts + 1,
    )


def end(
    session: Session, merchant_id: MerchantId, mail_id: str, ending: Ending, *, reason: str | None = None, now: datetime
) -> None:
    """Nothing more is done about a letter, and what it said and to whom is forgotten. Safe to repeat."""
    session.connection().execute(
        sa.update(MAILS)
        .where(MAILS.c.merchant_id == merchant_id, MAILS.c.mail_id == mail_id, MAILS.c.state == NEW)
        .values(state=ending, due_at=None, done_at=now, last_error=reason, content_sealed=None, customer_id=None)
    )


def try_later(session: Session, claimed: Claimed, *, reason: str, wait_s: int | None = None, now: datetime) -> None:
    """Give a letter back, to be tried again after a pause that doubles, or park it after the last attempt.

    What somebody else has claimed meanwhile stays as it is. `wait_s`: how long it takes at least, where that is known.
    """
    if claimed.attempts >= ATTEMPTS:
        end(session, claimed.merchant_id, claimed.mail_id, "parked", reason=reason, now=now)
        return
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (claimed.attempts - 1))
    session.connection().execute(
        sa.update(MAILS)
        .where(MAILS.c.merchant_id == claimed.merchant_id, MAILS.c.mail_id == claimed.mail_id, MAILS.c.state == NEW)
        .where(MAILS.c.attempts == claimed.attempts)
        .values(due_at=now + max(pause, timedelta(seconds=wait_s or 0)), last_error=reason)
    )


def prune(session: Session, merchant_id: MerchantId, *, now: datetime) -> int:
    """Delete the rows of what ended 30 days ago. Returns how many."""
    ended = (MAILS.c.merchant_id == merchant_id, MAILS.c.done_at < now - ROW_KEPT)
    return rows_changed(session, sa.delete(MAILS).where(*ended))
