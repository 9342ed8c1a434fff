"""Reads of kept messages, for the people who look after a shop."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session

from core.db.types import table
from core.ids import MerchantId, ShopId
from core.queue.tables import InboxRow

INBOX = table(InboxRow)
PARKED = "parked"


@dataclass(frozen=True)
class ParkedView:
    """A message that was signed but not understood. `size`: bytes; None once the body has been deleted."""

    inbox_id: str
    received_at: datetime
    source: str
    reason: str
    size: int | None


def parked(session: Session, merchant_id: MerchantId, shop_id: ShopId, *, limit: int = 20) -> list[ParkedView]:
    """Newest first, without the bodies: those can hold people's data."""
    rows = session.connection().execute(
        sa.select(
            INBOX.c.inbox_id,
            INBOX.c.received_at,
            INBOX.c.source,
            INBOX.c.last_error,
            sa.func.length(INBOX.c.body).label("size"),
        )
        .where(INBOX.c.merchant_id == merchant_id, INBOX.c.shop_id == shop_id, INBOX.c.state == PARKED)
        .order_by(INBOX.c.received_at.desc())
        .limit(limit)
    )
    return [ParkedView(row.inbox_id, row.received_at, row.source, row.last_error or "", row.size) for row in rows]
