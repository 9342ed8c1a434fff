"""Erasing people: what names them goes, in every row that does. The books stay, for they hold ids only."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session

from core.db.types import table
from core.earning.tables import OrderRow
from core.ids import MerchantId, ShopId, new_secret
from core.mail.tables import MailRow
from core.members.tables import Identity, Member
from core.proofs.tables import ProofRow
from core.sealing import Vault

MEMBERS, IDENTITIES, ORDERS = table(Member), table(Identity), table(OrderRow)
PROOFS, MAILS = table(ProofRow), table(MailRow)
_NOBODY = {"email": None, "first_name": "", "last_name": ""}


def erase_customer(
    session: Session, vault: Vault, merchant_id: MerchantId, shop_id: ShopId, *, external_id: str, now: datetime
) -> None:
    """Erase one customer of a shop, and those who were merged into them. A member who is nobody's customer any more is
    erased too. Safe to repeat.
    """
    here = (IDENTITIES.c.merchant_id == merchant_id, IDENTITIES.c.shop_id == shop_id)
    member = sa.select(IDENTITIES.c.member_id).where(*here, IDENTITIES.c.external_id == external_id).scalar_subquery()
    merged = sa.and_(IDENTITIES.c.member_id == member, IDENTITIES.c.removed_at.is_not(None))
    theirs = sa.select(IDENTITIES.c.external_id).where(*here, sa.or_(IDENTITIES.c.external_id == external_id, merged))
    ids = [external_id, *session.connection().execute(theirs).scalars()]
    _erase(session, vault, merchant_id, shop_id, IDENTITIES.c.external_id.in_(ids), now)
    mine = (ORDERS.c.merchant_id == merchant_id, ORDERS.c.shop_id == shop_id)
    of_them = sa.update(ORDERS).where(*mine, ORDERS.c.customer_external_id.in_(ids), ORDERS.c.email.is_not(None))
    session.connection().execute(of_them.values(email=None))
    for rows in (PROOFS, MAILS):  # what is under way to them
        to_them = (rows.c.merchant_id == merchant_id, rows.c.shop_id == shop_id, rows.c.customer_id.in_(ids))
        session.connection().execute(sa.delete(rows).where(*to_them))


def erase_shop(session: Session, vault: Vault, merchant_id: MerchantId, shop_id: ShopId, *, now: datetime) -> None:
    """Erase all customers of a shop, as above. Safe to repeat."""
    _erase(session, vault, merchant_id, shop_id, sa.true(), now)
    mine = (ORDERS.c.merchant_id == merchant_id, ORDERS.c.shop_id == shop_id, ORDERS.c.email.is_not(None))
    session.connection().execute(sa.update(ORDERS).where(*mine).values(email=None))
    for rows in (PROOFS, MAILS):
        session.connection().execute(
            sa.delete(rows).where(rows.c.merchant_id == merchant_id, rows.c.shop_id == shop_id)
        )


def _erase(
    session: Session,
    vault: Vault,
    merchant_id: MerchantId,
    shop_id: ShopId,
    which: sa.ColumnElement[bool],
    now: datetime,
) -> None:
    here = (IDENTITIES.c.merchant_id == merchant_id, IDENTITIES.c.shop_id == shop_id, which)
    members = list(
        session.connection()
        .execute(sa.select(IDENTITIES.c.member_id).where(*here, IDENTITIES.c.member_id.is_not(None)))
        .scalars()
    )
    removed = sa.func.coalesce(IDENTITIES.c.removed_at, sa.bindparam("at", now, type_=IDENTITIES.c.removed_at.type))
    session.connection().execute(sa.update(IDENTITIES).where(*here).values(**_NOBODY, removed_at=removed))
    elsewhere = IDENTITIES.alias()
    still_known = sa.exists().where(
        elsewhere.c.merchant_id == MEMBERS.c.merchant_id,
        elsewhere.c.member_id == MEMBERS.c.member_id,
        elsewhere.c.removed_at.is_(None),
    )
    for start in range(0, len(members), 500):
        session.connection().execute(
            sa.update(MEMBERS)
            .where(
                MEMBERS.c.merchant_id == merchant_id,
                MEMBERS.c.member_id.in_(members[start : start + 500]),
                MEMBERS.c.erased_at.is_(None),
                sa.not_(still_known),
            )
            # With another key nobody can tell any more which texts the ledger refers to.
            .values(**_NOBODY, erased_at=now, erasure_key_sealed=vault.seal(new_secret()))
        )
