"""Rows of the mail queue. What is in a letter and whom it is for is gone once the row has ended."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import SQLModel

from core.db.types import instant, key, points_to, ref


class MailRow(SQLModel, table=True):
    """`customer_id`: of the shop, which knows the address. `content_sealed`: see commands.Letter. Null once it has ended.

    `state`: new, sent, dropped (nobody to write to, or too late), parked (it cannot be sent). `due_at`: when to try next; a
    claim moves it ahead, so that a crash gives the letter back. `good_until`: later it is of no use.
    """

    __tablename__ = "mails"
    __table_args__ = (points_to(["shop_id"], "shops"), sa.Index("ix_mails_due", "merchant_id", "due_at"))
    merchant_id: str = key()
    mail_id: str = key()
    shop_id: str = ref()
    customer_id: str | None = None
    content_sealed: str | None = None
    queued_at: datetime = instant()
    good_until: datetime = instant()
    state: str
    due_at: datetime | None = instant(nullable=True)
    done_at: datetime | None = instant(nullable=True)
    attempts: int = 0
    last_error: str | None = None
