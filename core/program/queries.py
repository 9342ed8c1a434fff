"""Reads of program versions."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from core.db.types import table
from core.errors import NotFound
from core.ids import MerchantId, ProgramVersionId
from core.program.tables import ProgramVersion
from core.program.terms import Terms

VERSIONS = table(ProgramVersion)
# Terms come as text: the same few versions are read with every order, and parsing them once is enough.
_COLUMNS = [sa.cast(column, sa.Text) if column.name == "terms" else column for column in VERSIONS.c]
_ALL = (
    sa.select(*_COLUMNS)
    .where(VERSIONS.c.merchant_id == sa.bindparam("of_merchant"))
    .order_by(VERSIONS.c.effective_at.desc(), VERSIONS.c.number.desc())
)
_IN_FORCE = _ALL.where(VERSIONS.c.effective_at <= sa.bindparam("at")).limit(1)
_ONE = _ALL.where(VERSIONS.c.version_id == sa.bindparam("of_version"))


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
    row = session.connection().execute(_IN_FORCE, {"of_merchant": merchant_id, "at": moment}).first()
    if row is not None:
        return _view(row)
    later = versions(session, merchant_id)
    if not later:
        raise NotFound("This merchant has no program yet")
    return later[-1]


def version(session: Session, merchant_id: MerchantId, version_id: ProgramVersionId) -> ProgramView:
    row = session.connection().execute(_ONE, {"of_merchant": merchant_id, "of_version": version_id}).first()
    if row is None:
        raise NotFound("There is no such program version")
    return _view(row)


def versions(session: Session, merchant_id: MerchantId) -> list[ProgramView]:
    """All versions, newest first."""
    rows = session.connection().execute(_ALL, {"of_merchant": merchant_id})
    return [_view(row) for row in rows]


@lru_cache(maxsize=256)
def _parsed(terms: str) -> Terms:
    return Terms.model_validate_json(terms)


def _view(row: Any) -> ProgramView:
    return ProgramView(
        ProgramVersionId(row.version_id),
        row.number,
        _parsed(row.terms),
        row.published_at,
        row.effective_at,
        row.author_id,
    )
