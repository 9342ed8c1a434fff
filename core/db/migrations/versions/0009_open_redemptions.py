"""Redemptions are found by an index in every question that settling and redeeming ask; open ones by indexes of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

OPEN = sa.text("state = 'open'")


def upgrade() -> None:
    op.drop_index("ix_redemption_orders_order", "redemption_orders")
    op.create_index("ix_redemption_orders_order", "redemption_orders", ["merchant_id", "order_id", "redemption_id"])
    op.drop_index("ix_redemptions_open", "redemptions")
    for name, column in (("ix_redemptions_open_over", "hold_expires_at"), ("ix_redemptions_open_of", "member_id")):
        op.create_index(name, "redemptions", ["merchant_id", column], sqlite_where=OPEN, postgresql_where=OPEN)
