"""Writes of program versions."""

from datetime import datetime

from sqlmodel import Session

from core.ids import MerchantId, new_id
from core.program import queries
from core.program.queries import ProgramView
from core.program.tables import ProgramVersion
from core.program.terms import Terms


def publish(
    session: Session, merchant_id: MerchantId, terms: Terms, *, author_id: str | None, now: datetime
) -> ProgramView:
    """A new version in force from now on. Orders that were pinned before keep the version of then. Equal terms change nothing."""
    earlier = queries.versions(session, merchant_id)
    if earlier and earlier[0].terms == terms:
        return earlier[0]
    row = ProgramVersion(
        merchant_id=merchant_id,
        version_id=new_id(),
        number=max((view.number for view in earlier), default=0) + 1,
        terms=terms.model_dump(mode="json"),
        published_at=now,
        effective_at=now,
        author_id=author_id,
    )
    session.add(row)
    session.flush()
    return queries.current(session, merchant_id, now=now)
