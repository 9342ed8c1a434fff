"""Reads of the mail queue."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session

from core.db import statements
from core.db.types import table
from core.ids import MerchantId
from core.mail.tables import MailRow

MAILS = table(MailRow)
_DUE = (
    sa.select(MAILS.c.mail_id)
    .where(MAILS.c.merchant_id == sa.bindparam("of_merchant"), MAILS.c.due_at <= sa.bindparam("at"))
    .limit(1)
)


def is_due(session: Session, merchant_id: MerchantId, *, now: datetime) -> bool:
    """Whether a letter waits to be sent: asked every second, so it only reads."""
    return statements.first(session, _DUE, {"of_merchant": merchant_id, "at": now}) is not None


def parked(session: Session, merchant_id: MerchantId) -> int:
    """How many letters could not be sent, of the last 30 days."""
    asked = sa.select(sa.func.count()).where(MAILS.c.merchant_id == merchant_id, MAILS.c.state == "parked")
    return session.connection().execute(asked).scalar_one()
