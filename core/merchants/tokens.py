"""One-time tokens: set-up, invitation, reset, connect state. Kept by digest; used once, by a guarded UPDATE."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from core.db.engine import rows_changed
from core.db.types import table
from core.errors import NotAllowed
from core.ids import MerchantId, new_secret
from core.merchants.tables import DirectoryToken
from core.sealing import token_digest

TOKENS = table(DirectoryToken)


class Purpose(StrEnum):
    SET_UP = "set_up"
    INVITE = "invite"
    RESET = "reset"
    CONNECT = "connect"


LIFETIME = {
    Purpose.SET_UP: timedelta(hours=24),  # serve prints a new one at each start
    Purpose.INVITE: timedelta(days=7),
    Purpose.RESET: timedelta(hours=24),  # handed over by a colleague, not by a machine within seconds
    Purpose.CONNECT: timedelta(hours=1),
}


@dataclass(frozen=True)
class TokenView:
    purpose: Purpose
    merchant_id: MerchantId | None
    subject_id: str | None
    details: Mapping[str, Any]


def make(
    session: Session,
    purpose: Purpose,
    *,
    merchant_id: MerchantId | None = None,
    subject_id: str | None = None,
    details: Mapping[str, Any] | None = None,
    now: datetime,
) -> str:
    """A new token; only its digest is stored, so this is the one time that it can be shown."""
    token = new_secret()
    session.add(
        DirectoryToken(
            digest=token_digest(token),
            purpose=purpose.value,
            merchant_id=merchant_id,
            subject_id=subject_id,
            details=dict(details or {}),
            expires_at=now + LIFETIME[purpose],
        )
    )
    session.flush()
    return token


def look(session: Session, token: str, *, purposes: Collection[Purpose], now: datetime) -> TokenView:
    """What a token is for, without using it. Raises NotAllowed: unknown, used and too old look alike."""
    row = session.connection().execute(sa.select(TOKENS).where(*_usable(token, purposes, now))).first()
    if row is None:
        raise NotAllowed("This link has been used or has expired")
    return TokenView(
        Purpose(row.purpose), MerchantId(row.merchant_id) if row.merchant_id else None, row.subject_id, row.details
    )


def take(session: Session, token: str, *, purposes: Collection[Purpose], now: datetime) -> TokenView:
    """Use a token up. Of two who try at once, one gets NotAllowed."""
    view = look(session, token, purposes=purposes, now=now)
    if rows_changed(session, sa.update(TOKENS).where(*_usable(token, purposes, now)).values(used_at=now)) != 1:
        raise NotAllowed("This link has been used or has expired")
    return view


def withdraw(session: Session, merchant_id: MerchantId, subject_id: str, *, now: datetime) -> None:
    """Make all unused links of a person worthless, as a newer one was made or the person has left."""
    unused = (TOKENS.c.merchant_id == merchant_id, TOKENS.c.subject_id == subject_id, TOKENS.c.used_at.is_(None))
    links = TOKENS.c.purpose.in_([Purpose.INVITE.value, Purpose.RESET.value])
    session.connection().execute(sa.update(TOKENS).where(*unused, links).values(used_at=now))


def _usable(token: str, purposes: Collection[Purpose], now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        TOKENS.c.digest == token_digest(token),
        TOKENS.c.purpose.in_([purpose.value for purpose in purposes]),
        TOKENS.c.used_at.is_(None),
        TOKENS.c.expires_at > now,
    )
