"""Addons: where an app lives at its platform, by which id the platform knows a shop, and shops that have just installed us."""

import sqlalchemy as sa
from alembic import op

from core.db.types import Id, Instant

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("platform_apps", sa.Column("home_url", sa.String(), nullable=True))
    op.add_column("installations", sa.Column("platform_shop_id", sa.String(), nullable=True))
    op.create_table(
        "pending_installs",
        sa.Column("merchant_id", Id(), nullable=False),
        sa.Column("app_id", Id(), nullable=False),
        sa.Column("platform_shop_id", sa.String(), nullable=False),
        sa.Column("base_url", sa.String(), nullable=False),
        sa.Column("credentials_sealed", sa.String(), nullable=False),
        sa.Column("installed_at", Instant(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", Instant(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id", "app_id"],
            ["platform_apps.merchant_id", "platform_apps.app_id"],
            name=op.f("fk_pending_installs_merchant_id_app_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "app_id", "platform_shop_id", name=op.f("pk_pending_installs")),
    )
