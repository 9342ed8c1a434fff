"""Rows of codes that were asked for. A row says nothing of whether there is such a customer: anybody can have one made."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from core.db.types import instant, key, points_to


class ProofRow(SQLModel, table=True):
    """The newest code of a customer, by its digest; the one before it is worth nothing. `tries_left` 0: neither is this."""

    __tablename__ = "proofs"
    __table_args__ = (points_to(["shop_id"], "shops"), sa.Index("ix_proofs_expiry", "merchant_id", "expires_at"))
    merchant_id: str = key()
    shop_id: str = key()
    customer_id: str = Field(primary_key=True)
    code_digest: str
    tries_left: int
    expires_at: datetime = instant()
