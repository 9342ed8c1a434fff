"""Rows of members and identities. Everything that names a person is here and can be erased; the ledger holds ids only."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from core.db.types import instant, key, points_to, ref


class Member(SQLModel, table=True):
    """`erasure_key_sealed` keys the HMACs by which the ledger refers to texts; dropping it makes them meaningless."""

    __tablename__ = "members"
    __table_args__ = (
        points_to([], "merchants"),
        sa.Index("ix_members_email", "merchant_id", "email"),
        sa.Index("ix_members_joined", "merchant_id", "joined_at", "member_id"),
    )
    merchant_id: str = key()
    member_id: str = key()
    email: str | None = None  # lower case; of the newest identity, for search
    first_name: str = ""
    last_name: str = ""
    joined_at: datetime = instant()
    joined_by: str  # automatic, widget, staff
    erasure_key_sealed: str
    erased_at: datetime | None = instant(nullable=True)


class Identity(SQLModel, table=True):
    """A customer of one shop; with `member_id` once enrolled. An e-mail never makes an identity.

    Raising `token_version` ends all browsers that know the customer again.
    """

    __tablename__ = "identities"
    __table_args__ = (
        points_to(["shop_id"], "shops"),
        points_to(["member_id"], "members"),
        sa.Index("ix_identities_member", "merchant_id", "member_id"),
        sa.Index("ix_identities_email", "merchant_id", "email"),
    )
    merchant_id: str = key()
    shop_id: str = key()
    external_id: str = Field(primary_key=True)
    member_id: str | None = ref(nullable=True)
    email: str | None = None
    first_name: str = ""
    last_name: str = ""
    seen_at: datetime = instant()
    removed_at: datetime | None = instant(nullable=True)
    token_version: int = 0
