"""Apps: what we are registered as at platforms that know programs; and where shoppers see a shop."""

import sqlalchemy as sa
from alembic import op

from core.db.types import Id, Instant

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "directory_apps",
        sa.Column("app_key", sa.String(), nullable=False),
        sa.Column("merchant_id", Id(), nullable=False),
        sa.Column("app_id", Id(), nullable=False),
        sa.PrimaryKeyConstraint("app_key", name=op.f("pk_directory_apps")),
    )
    op.create_table(
        "platform_apps",
        sa.Column("merchant_id", Id(), nullable=False),
        sa.Column("app_id", Id(), nullable=False),
        sa.Column("app_key", sa.String(), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("secrets_sealed", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.merchant_id"], name=op.f("fk_platform_apps_merchant_id")),
        sa.PrimaryKeyConstraint("merchant_id", "app_id", name=op.f("pk_platform_apps")),
        sa.UniqueConstraint(
            "merchant_id", "platform", "client_id", name=op.f("uq_platform_apps_merchant_id_platform_client_id")
        ),
    )
    with op.batch_alter_table("installations") as installations:
        installations.add_column(sa.Column("app_id", Id(), nullable=True))
        installations.add_column(sa.Column("renewing_until", Instant(), nullable=True))
        installations.create_foreign_key(
            "fk_installations_merchant_id_app_id",
            "platform_apps",
            ["merchant_id", "app_id"],
            ["merchant_id", "app_id"],
        )
    op.add_column("shops", sa.Column("storefront_url", sa.String(), nullable=True))
