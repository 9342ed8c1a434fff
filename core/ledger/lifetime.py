"""What a member has earned, redeemed and let expire in all their time, for the support desk."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session

from core.db.types import table
from core.ids import MemberId, MerchantId
from core.ledger.tables import TransferRow
from core.ledger.words import Account

TRANSFERS = table(TransferRow)


@dataclass(frozen=True)
class LifetimeView:
    """Net points: earned less what was clawed back, redeemed less what was reinstated, adjusted up less down."""

    earned: int
    redeemed: int
    expired: int
    adjusted: int


def lifetime(session: Session, merchant_id: MerchantId, member_id: MemberId) -> LifetimeView:
    rows = session.connection().execute(
        sa.select(TRANSFERS.c.debit, TRANSFERS.c.credit, sa.func.sum(TRANSFERS.c.points))
        .where(TRANSFERS.c.merchant_id == merchant_id, TRANSFERS.c.member_id == member_id)
        .group_by(TRANSFERS.c.debit, TRANSFERS.c.credit)
    )
    into: dict[str, int] = {}
    for debit, credit, points in rows:
        into[debit] = into.get(debit, 0) - int(points)
        into[credit] = into.get(credit, 0) + int(points)
    return LifetimeView(
        earned=-into.get(Account.ISSUED, 0),
        redeemed=into.get(Account.REDEEMED, 0),
        expired=into.get(Account.EXPIRED, 0),
        adjusted=-into.get(Account.ADJUSTED, 0),
    )
