"""Rows of program versions. A published version never changes: old points keep old terms."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel

from core.db.types import big, instant, json_field, key, points_to, ref


class ProgramVersion(SQLModel, table=True):
    __tablename__ = "program_versions"
    __table_args__ = (points_to([], "merchants"), sa.UniqueConstraint("merchant_id", "number"))
    merchant_id: str = key()
    version_id: str = key()
    number: int = big()
    terms: dict[str, Any] = json_field()
    published_at: datetime = instant()
    effective_at: datetime = instant()
    author_id: str | None = ref(nullable=True)
