"""The audit: who did what. Append-only; ids and values, no free text about people."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from core.db.types import table
from core.ids import MerchantId, StaffId, new_id
from core.merchants.tables import AuditEntry

AUDIT = table(AuditEntry)
LARGEST_PAGE = 100


@dataclass(frozen=True)
class AuditView:
    audit_id: str
    recorded_at: datetime
    actor_kind: str
    actor_id: str | None
    action: str
    subject: str
    details: Mapping[str, Any]


def record(
    session: Session,
    merchant_id: MerchantId,
    *,
    actor_kind: str,
    actor_id: str | None,
    action: str,
    subject: str = "",
    details: Mapping[str, Any] | None = None,
    now: datetime,
) -> None:
    """Note an action in the transaction that does it. `actor_kind`: staff, system, command_line; `action`: "x.done"."""
    session.add(
        AuditEntry(
            merchant_id=merchant_id,
            audit_id=new_id(),
            recorded_at=now,
            actor_kind=actor_kind,
            actor_id=actor_id,
            action=action,
            subject=subject,
            details=dict(details or {}),
        )
    )
    session.flush()


def entries(
    session: Session, merchant_id: MerchantId, before: tuple[datetime, str] | None = None, limit: int = 50
) -> list[AuditView]:
    """Newest first. `before`: (recorded_at, audit_id) of the last one seen."""
    where = [AUDIT.c.merchant_id == merchant_id]
    if before is not None:
        moment, audit_id = before
        same = sa.and_(AUDIT.c.recorded_at == moment, AUDIT.c.audit_id < audit_id)
        where.append(sa.or_(AUDIT.c.recorded_at < moment, same))
    rows = session.connection().execute(
        sa.select(AUDIT)
        .where(*where)
        .order_by(AUDIT.c.recorded_at.desc(), AUDIT.c.audit_id.desc())
        .limit(min(limit, LARGEST_PAGE))
    )
    return [_view(row) for row in rows]


def of_actor(
    session: Session, merchant_id: MerchantId, actor_id: StaffId, *, action: str, since: datetime
) -> list[AuditView]:
    """How often somebody did a thing of late: what limits per day are counted by."""
    rows = session.connection().execute(
        sa.select(AUDIT).where(
            AUDIT.c.merchant_id == merchant_id,
            AUDIT.c.recorded_at > since,
            AUDIT.c.actor_id == actor_id,
            AUDIT.c.action == action,
        )
    )
    return [_view(row) for row in rows]


def _view(row: Any) -> AuditView:
    return AuditView(
        row.audit_id, row.recorded_at, row.actor_kind, row.actor_id, row.action, row.subject, dict(row.details)
    )
