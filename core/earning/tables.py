"""Rows of orders (newest accepted snapshot, pins, lease) and of backfills."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from core.db.types import big, instant, json_field, key, points_to, ref


class OrderRow(SQLModel, table=True):
    """One order of one shop. `wanted` rises with each hint; `settled` is the `wanted` that the last settled read began with.

    Pins (`program_version_id`, `owner_id`, `pinned_currency`, `earned_at` …) are set once at the first qualifying snapshot.
    `settlements` numbers the settle postings without gaps. `flags`: stable words that support sees. `decision`: written by staff.
    """

    __tablename__ = "orders"
    __table_args__ = (
        points_to(["shop_id"], "shops"),
        sa.UniqueConstraint("merchant_id", "shop_id", "external_id"),
        sa.Index("ix_orders_due", "merchant_id", "next_read_at"),
        sa.Index("ix_orders_owner", "merchant_id", "owner_id"),
        sa.Index("ix_orders_number", "merchant_id", "number"),
        sa.Index("ix_orders_customer", "merchant_id", "shop_id", "customer_external_id"),
        sa.Index("ix_orders_clawed", "merchant_id", "shop_id", "clawed_at"),
    )
    merchant_id: str = key()
    order_id: str = key()
    shop_id: str = ref()
    external_id: str
    number: str = ""
    customer_external_id: str | None = None
    email: str | None = None  # erasable
    placed_at: datetime | None = instant(nullable=True)
    # reading
    wanted: int = big(0)
    settled: int = big(0)
    read_no: int = big(0)
    next_read_at: datetime | None = instant(nullable=True)  # null: nothing wanted
    lease_until: datetime | None = instant(nullable=True)
    read_attempts: int = 0
    last_error: str | None = None
    # knowledge
    snapshot: dict[str, Any] | None = json_field(nullable=True)
    snapshot_hash: str | None = None
    platform_updated_at: datetime | None = instant(nullable=True)
    lagging_reads: int = 0
    gone_first_at: datetime | None = instant(nullable=True)
    # pins
    program_version_id: str | None = ref(nullable=True)
    owner_id: str | None = ref(nullable=True)
    pinned_currency: str | None = None
    earned_at: datetime | None = instant(nullable=True)
    matures_at: datetime | None = instant(nullable=True)
    expires_at: datetime | None = instant(nullable=True)
    not_earning: str | None = None  # a stable word: why this order earns nothing
    # booking
    settlements: int = big(0)
    target_points: int = big(0)
    clawed_at: datetime | None = instant(nullable=True)
    decision: dict[str, Any] | None = json_field(nullable=True)
    flags: list[Any] = json_field()


class BackfillRow(SQLModel, table=True):
    """The reading of past orders, once. `mode`: none, from_date, welcome_bonus. Survives restarts by `cursor`."""

    __tablename__ = "backfills"
    __table_args__ = (points_to(["shop_id"], "shops"),)
    merchant_id: str = key()
    backfill_id: str = key()
    shop_id: str = ref()
    state: str  # reading, previewed, booking, paused, done, failed
    mode: str | None = None
    points_from: datetime | None = instant(nullable=True)
    bonus_points: int | None = big(nullable=True)
    cursor: str | None = None
    total: int | None = big(nullable=True)
    read: int = big(0)
    skipped: dict[str, Any] = json_field()
    booked: int = big(0)
    started_at: datetime = instant()
    finished_at: datetime | None = instant(nullable=True)
    lease_until: datetime | None = instant(nullable=True)
    last_error: str | None = None


class SyncCursor(SQLModel, table=True):
    """Where a recurring walk through a shop stands: poll, trash, reconcile."""

    __tablename__ = "sync_cursors"
    __table_args__ = (points_to(["shop_id"], "shops"),)
    merchant_id: str = key()
    shop_id: str = key()
    name: str = Field(primary_key=True)
    value: dict[str, Any] = json_field()
    due_at: datetime = instant()
    lease_until: datetime | None = instant(nullable=True)
