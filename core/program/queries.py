"""Reads of program versions."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from core.errors import NotFound
from core.ids import MerchantId, ProgramVersionId
from core.program.tables import ProgramVersion
from core.program.terms import Terms


@dataclass(frozen=True)
class ProgramView:
    version_id: ProgramVersionId
    number: int
    terms: Terms
    published_at: datetime
    effective_at: datetime
    author_id: str | None


def current(session: Session, merchant_id: MerchantId, *, now: datetime) -> ProgramView:
    """The version in force. Raises NotFound before the first one is published."""
    return in_force_at(session, merchant_id, now)


def in_force_at(session: Session, merchant_id: MerchantId, moment: datetime) -> ProgramView:
    """The version that was in force at a moment, the first one for moments before it (the program's life is clamped)."""
    found = versions(session, merchant_id)
    if not found:
        raise NotFound("This merchant has no program yet")
    return next((view for view in found if view.effective_at <= moment), found[-1])


def version(session: Session, merchant_id: MerchantId, version_id: ProgramVersionId) -> ProgramView:
    row = session.get(ProgramVersion, (merchant_id, version_id))
    if row is None:
        raise NotFound("There is no such program version")
    return _view(row)


def versions(session: Session, merchant_id: MerchantId) -> list[ProgramView]:
    """All versions, newest first."""
    rows = session.exec(
        select(ProgramVersion)
        .where(ProgramVersion.merchant_id == merchant_id)
        .order_by(col(ProgramVersion.effective_at).desc(), col(ProgramVersion.number).desc())
    )
    return [_view(row) for row in rows]


def _view(row: ProgramVersion) -> ProgramView:
    return ProgramView(
        ProgramVersionId(row.version_id),
        row.number,
        Terms.model_validate(row.terms),
        row.published_at,
        row.effective_at,
        row.author_id,
    )
