"""Mail, and shoppers who prove themselves by a code that was mailed."""

import sqlalchemy as sa
from alembic import op

from core.db.types import Id, Instant

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "mails",
        sa.Column("merchant_id", Id(), nullable=False),
        sa.Column("mail_id", Id(), nullable=False),
        sa.Column("shop_id", Id(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=True),
        sa.Column("content_sealed", sa.String(), nullable=True),
        sa.Column("queued_at", Instant(), nullable=False),
        sa.Column("good_until", Instant(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("done_at", Instant(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id", "shop_id"],
            ["shops.merchant_id", "shops.shop_id"],
            name=op.f("fk_mails_merchant_id_shop_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "mail_id", name=op.f("pk_mails")),
    )
    op.create_index("ix_mails_due", "mails", ["merchant_id", "due_at"], unique=False)
    op.create_table(
        "proofs",
        sa.Column("merchant_id", Id(), nullable=False),
        sa.Column("shop_id", Id(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("code_digest", sa.String(), nullable=False),
        sa.Column("tries_left", sa.Integer(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "shop_id"],
            ["shops.merchant_id", "shops.shop_id"],
            name=op.f("fk_proofs_merchant_id_shop_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "shop_id", "customer_id", name=op.f("pk_proofs")),
    )
    op.create_index("ix_proofs_expiry", "proofs", ["merchant_id", "expires_at"], unique=False)
    op.add_column("identities", sa.Column("token_version", sa.Integer(), nullable=False, server_default="0"))
