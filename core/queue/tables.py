"""Rows of the inbox: what shops sent, kept before it is answered."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel

from core.db.types import instant, json_field, key, points_to, ref


class InboxRow(SQLModel, table=True):
    """`body` is deleted some days after `done_at`. `state`: new, done, parked (signed but not understood).

    `due_at`: when to work it next; a claim moves it ahead, so that a crash gives the row back. Null: nothing to do.
    """

    __tablename__ = "inbox"
    __table_args__ = (
        points_to(["shop_id"], "shops"),
        sa.Index("ix_inbox_state", "merchant_id", "state", "received_at"),
        sa.Index("ix_inbox_due", "merchant_id", "due_at"),
    )
    merchant_id: str = key()
    inbox_id: str = key()
    shop_id: str = ref()
    source: str  # webhook, nudge, hint
    headers: dict[str, Any] = json_field()
    body: bytes | None = None
    received_at: datetime = instant()
    state: str
    due_at: datetime | None = instant(nullable=True)
    done_at: datetime | None = instant(nullable=True)
    attempts: int = 0
    last_error: str | None = None
