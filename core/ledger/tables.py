"""Rows of the book. Postings and transfers are append-only (triggers); balances and lots can be rebuilt from them."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from core.db.types import big, instant, json_field, key, points_to, ref


class BalanceRow(SQLModel, table=True):
    """The one row of a member that every write locks and updates, guarded by `seq`."""

    __tablename__ = "balances"
    __table_args__ = (
        points_to(["member_id"], "members"),
        sa.CheckConstraint("pending >= 0 AND available >= 0 AND held >= 0", name="not_negative"),
        sa.CheckConstraint("debt <= 0", name="debt_not_positive"),
        sa.CheckConstraint("debt = 0 OR available = 0", name="debt_or_available"),
        sa.Index("ix_balances_due", "merchant_id", "next_change_at"),
    )
    merchant_id: str = key()
    member_id: str = key()
    pending: int = big(0)
    available: int = big(0)
    held: int = big(0)
    debt: int = big(0)
    seq: int = big(0)
    head: str = ""
    recorded_at: datetime | None = instant(nullable=True)
    next_change_at: datetime | None = instant(nullable=True)


class LotRow(SQLModel, table=True):
    """What is left of one credit. Dates never change. `expired`: points that went to EXPIRED and were not clawed back from there."""

    __tablename__ = "lots"
    __table_args__ = (
        points_to(["member_id"], "members"),
        sa.CheckConstraint("points > 0 AND remaining >= 0 AND remaining <= points", name="remaining_in_range"),
        sa.CheckConstraint("expired >= 0", name="expired_not_negative"),
        sa.Index("ix_lots_order", "merchant_id", "order_id"),
    )
    merchant_id: str = key()
    member_id: str = key()
    lot_id: str = key()
    state: str  # pending, available
    points: int = big()
    remaining: int = big()
    expired: int = big(0)
    earned_at: datetime = instant()
    matures_at: datetime | None = instant(nullable=True)
    expires_at: datetime | None = instant(nullable=True)
    order_id: str | None = ref(nullable=True)
    line_id: str | None = None
    root_lot_id: str = ref()
    grace_until: datetime | None = instant(nullable=True)  # on root lots: the one deadline for what comes back late
    posting_id: str = ref()


class PostingRow(SQLModel, table=True):
    """The transfers of one cause, chained by hash. `explanation`: ids and numbers, never a name, an e-mail or free text."""

    __tablename__ = "postings"
    __table_args__ = (
        points_to(["member_id"], "members"),
        sa.UniqueConstraint("merchant_id", "member_id", "seq"),
        sa.UniqueConstraint("merchant_id", "idempotency_key"),
        sa.Index("ix_postings_recorded", "merchant_id", "recorded_at"),
    )
    merchant_id: str = key()
    member_id: str = key()
    posting_id: str = key()
    seq: int = big()
    idempotency_key: str
    request_hash: str | None = None
    cause: str
    explanation: dict[str, Any] = json_field()
    note_hmac: str | None = None
    reverses_posting_id: str | None = ref(nullable=True)
    effective_at: datetime = instant()
    recorded_at: datetime = instant()
    previous_hash: str
    hash: str


class TransferRow(SQLModel, table=True):
    """One immutable move of points for one member, out of or into exactly one lot (none when the member's side is DEBT)."""

    __tablename__ = "transfers"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["merchant_id", "member_id", "posting_id"],
            ["postings.merchant_id", "postings.member_id", "postings.posting_id"],
        ),
        sa.CheckConstraint("points > 0", name="points_positive"),
        sa.Index("ix_transfers_posting", "merchant_id", "member_id", "posting_id"),
        sa.Index("ix_transfers_order", "merchant_id", "order_id"),
        sa.Index("ix_transfers_redemption", "merchant_id", "redemption_id"),
    )
    merchant_id: str = key()
    member_id: str = key()
    transfer_id: str = key()
    posting_id: str = ref()
    position: int
    kind: str
    debit: str
    credit: str
    points: int = big()
    lot_id: str | None = ref(nullable=True)
    order_id: str | None = ref(nullable=True)
    line_id: str | None = None
    redemption_id: str | None = ref(nullable=True)
    effective_at: datetime = instant()
    recorded_at: datetime = instant()


class NoteRow(SQLModel, table=True):
    """The erasable text beside a posting. `audience`: staff or member. The posting holds its HMAC under the member's erasure key."""

    __tablename__ = "notes"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["merchant_id", "member_id", "posting_id"],
            ["postings.merchant_id", "postings.member_id", "postings.posting_id"],
        ),
    )
    merchant_id: str = key()
    member_id: str = key()
    posting_id: str = key()
    audience: str = Field(primary_key=True)
    text: str


class SealRow(SQLModel, table=True):
    """A signed Merkle root over the chain heads that changed since the last seal, by seq, not by time."""

    __tablename__ = "seals"
    __table_args__ = (points_to([], "merchants"), sa.UniqueConstraint("merchant_id", "number"))
    merchant_id: str = key()
    seal_id: str = key()
    number: int = big()
    heads: list[Any] = json_field()  # [[member_id, seq, hash], …] in member order
    root: str
    previous_root: str
    signature: str
    sealed_at: datetime = instant()


class SealedHead(SQLModel, table=True):
    """How far each member's chain has been sealed, so that the next seal covers what changed since."""

    __tablename__ = "sealed_heads"
    __table_args__ = (points_to(["member_id"], "members"),)
    merchant_id: str = key()
    member_id: str = key()
    seq: int = big()
