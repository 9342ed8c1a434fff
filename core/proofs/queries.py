"""Reads of proofs: whether a token still counts."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session

from core.db import statements
from core.db.types import table
from core.errors import SignatureInvalid
from core.ids import MerchantId, ShopId
from core.members.tables import Identity, Member
from core.proofs import tokens
from core.sealing import Vault

IDENTITIES, MEMBERS = table(Identity), table(Member)
_STANDING = (
    sa.select(IDENTITIES.c.token_version, IDENTITIES.c.removed_at, MEMBERS.c.erased_at)
    .outerjoin(
        MEMBERS,
        sa.and_(MEMBERS.c.merchant_id == IDENTITIES.c.merchant_id, MEMBERS.c.member_id == IDENTITIES.c.member_id),
    )
    .where(
        IDENTITIES.c.merchant_id == sa.bindparam("of_merchant"),
        IDENTITIES.c.shop_id == sa.bindparam("of_shop"),
        IDENTITIES.c.external_id == sa.bindparam("of_customer"),
    )
)


def version(session: Session, merchant_id: MerchantId, shop_id: ShopId, customer_id: str) -> int:
    """The version that tokens of this customer must have. Raises SignatureInvalid for who is unknown, removed or erased."""
    asked = {"of_merchant": merchant_id, "of_shop": shop_id, "of_customer": customer_id}
    row = statements.first(session, _STANDING, asked)
    if row is None or row.removed_at is not None or row.erased_at is not None:
        raise SignatureInvalid("There is no such customer any more")
    found: int = row.token_version
    return found


def customer_of(
    session: Session, vault: Vault, merchant_id: MerchantId, shop_id: ShopId, token: str, *, now: datetime
) -> str:
    """The customer whom a remembered browser is of. Raises SignatureInvalid: too old, ended, another shop's, all alike."""
    said = tokens.read(vault, merchant_id, shop_id, token, now=now)
    if version(session, merchant_id, shop_id, said.customer_id) != said.version:
        raise SignatureInvalid("This token was ended")
    return said.customer_id
