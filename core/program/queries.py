"""Reads of program versions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from core.db import statements
from core.db.statements import Ask
from core.db.types import table
from core.errors import NotFound
from core.ids import MerchantId, ProgramVersionId
from core.program.tables import ProgramVersion
from core.program.terms import Terms

VERSIONS = table(ProgramVersion)
# Terms come as text: the same few versions are read with every order, and parsing them once is enough.
_COLUMNS = [sa.cast(column, sa.Text).label("terms") if column.name == "terms" else column for column in VERSIONS.c]
_ALL = (
    sa.select(*_COLUMNS)
    .where(VERSIONS.c.merchant_id == sa.bindparam("of_merchant"))
    .order_by(VERSIONS.c.effective_at.desc(), VERSIONS.c.number.desc())
)
_AT = sa.bindparam("at", type_=VERSIONS.c.effective_at.type)
_BEGUN = VERSIONS.c.effective_at <= _AT
# The newest that had begun, else the first of all.
_IN_FORCE = (
    sa.select(*_COLUMNS)
    .where(VERSIONS.c.merchant_id == sa.bindparam("of_merchant"))
    .order_by(
        VERSIONS.c.effective_at > _AT,
        sa.case((_BEGUN, VERSIONS.c.effective_at)).desc(),
        sa.case((_BEGUN, VERSIONS.c.number)).desc(),
        VERSIONS.c.effective_at,
        VERSIONS.c.number,
    )
    .limit(1)
)
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
    return found_in_force(statements.rows(session, *in_force_asked(merchant_id, moment)))


def in_force_asked(merchant_id: MerchantId, moment: datetime) -> Ask:
    """The question alone, to be asked together with others; `found_in_force` reads the answer."""
    return _IN_FORCE, {"of_merchant": merchant_id, "at": moment}


def found_in_force(rows: Sequence[Any]) -> ProgramView:
    """Raises NotFound before the first version is published."""
    if not rows:
        raise NotFound("This merchant has no program yet")
    return _view(rows[0])


def version(session: Session, merchant_id: MerchantId, version_id: ProgramVersionId) -> ProgramView:
    row = statements.first(session, _ONE, {"of_merchant": merchant_id, "of_version": version_id})
    if row is None:
        raise NotFound("There is no such program version")
    return _view(row)


def versions(session: Session, merchant_id: MerchantId) -> list[ProgramView]:
    """All versions, newest first."""
    rows = statements.rows(session, _ALL, {"of_merchant": merchant_id})
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
