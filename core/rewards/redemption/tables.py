"""Rows of redemptions, the orders that carried their code, and the one outbox row of each."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from core.db.types import big, instant, json_field, key, points_to, ref

IS_OPEN = "state = 'open'"  # written out: an index of open rows serves only a question that says so itself
of_open_ones: dict[str, Any] = {"sqlite_where": sa.text(IS_OPEN), "postgresql_where": sa.text(IS_OPEN)}


class RedemptionRow(SQLModel, table=True):
    """`state`: open (the hold stands), captured, voided. What was captured and reinstated is in the transfers."""

    __tablename__ = "redemptions"
    __table_args__ = (
        points_to(["member_id"], "members"),
        points_to(["shop_id"], "shops"),
        sa.UniqueConstraint("merchant_id", "shop_id", "code"),
        sa.UniqueConstraint("merchant_id", "member_id", "idempotency_key"),
        sa.CheckConstraint("points > 0 AND face_minor > 0", name="positive"),
        sa.Index("ix_redemptions_open_over", "merchant_id", "hold_expires_at", **of_open_ones),
        sa.Index("ix_redemptions_open_of", "merchant_id", "member_id", **of_open_ones),
    )
    merchant_id: str = key()
    redemption_id: str = key()
    member_id: str = ref()
    shop_id: str = ref()
    customer_external_id: str
    idempotency_key: str
    request_hash: str
    program_version_id: str = ref()
    kind: str
    points: int = big()
    face_minor: int = big()
    currency: str
    code: str  # as core.ids.normal_code makes it
    state: str
    placed_at: datetime = instant()
    code_expires_at: datetime = instant()
    hold_expires_at: datetime = instant()
    ended_at: datetime | None = instant(nullable=True)
    end_reason: str | None = None
    flags: list[Any] = json_field()


class RedemptionOrder(SQLModel, table=True):
    """An order that carried the code. `captured` is its target, what the transfers of this pair add up to after settlement."""

    __tablename__ = "redemption_orders"
    __table_args__ = (
        points_to(["redemption_id"], "redemptions"),
        points_to(["order_id"], "orders"),
        sa.Index("ix_redemption_orders_order", "merchant_id", "order_id", "redemption_id"),
    )
    merchant_id: str = key()
    redemption_id: str = key()
    order_id: str = key()
    first_seen_at: datetime = instant()
    captured: int = big(0)
    reinstated: int = big(0)


class DiscountEffect(SQLModel, table=True):
    """The one outbox row of a redemption: what the shop should have (`wanted`) and what we know that it has (`actual`)."""

    __tablename__ = "discount_effects"
    __table_args__ = (
        points_to(["redemption_id"], "redemptions"),
        sa.Index("ix_discount_effects_due", "merchant_id", "next_at"),
    )
    merchant_id: str = key()
    redemption_id: str = key()
    wanted: str  # issued, dead
    actual: str  # nothing, unknown, issued, dead
    next_at: datetime | None = instant(nullable=True)  # null: nothing to do
    lease_until: datetime | None = instant(nullable=True)
    lease_no: int = big(0)
    attempts: int = 0
    issue_started_at: datetime | None = instant(nullable=True)
    absent_since: datetime | None = instant(nullable=True)
    unreachable_since: datetime | None = instant(nullable=True)
    used: bool | None = Field(default=None, nullable=True)
    last_error: str | None = None
