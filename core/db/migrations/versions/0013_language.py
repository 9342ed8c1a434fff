"""In which language a person works in the admin; nothing where the browser decides."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("staff", sa.Column("language", sa.String(), nullable=True))
