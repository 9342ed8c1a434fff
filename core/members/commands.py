"""Writes of members: enrol, and keep what the shop says of its customers."""

from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlmodel import Session

from core.db.engine import insert_or_ignore, rows_changed
from core.db.types import table
from core.ids import MemberId, MerchantId, ShopId, new_id, new_secret
from core.ledger import commands as ledger
from core.members.tables import Identity, Member
from core.sealing import Vault

MEMBERS, IDENTITIES = table(Member), table(Identity)


def enrol(
    session: Session,
    vault: Vault,
    merchant_id: MerchantId,
    shop_id: ShopId,
    *,
    external_id: str,
    email: str | None = None,
    first_name: str = "",
    last_name: str = "",
    joined_by: Literal["automatic", "widget", "staff"],
    joined_at: datetime,
    now: datetime,
) -> MemberId:
    """Make a shop's customer a member, with an account at zero. Safe to repeat and to race: the first one wins."""
    note_customer(
        session,
        merchant_id,
        shop_id,
        external_id=external_id,
        email=email,
        first_name=first_name,
        last_name=last_name,
        now=now,
    )
    mine = _identity(merchant_id, shop_id, external_id)
    locked = session.connection().execute(sa.select(IDENTITIES).where(*mine).with_for_update()).one()
    if locked.member_id is not None:
        return MemberId(locked.member_id)
    member_id = MemberId(new_id())
    session.connection().execute(
        sa.insert(MEMBERS).values(
            merchant_id=merchant_id,
            member_id=member_id,
            email=locked.email,
            first_name=locked.first_name,
            last_name=locked.last_name,
            joined_at=joined_at,
            joined_by=joined_by,
            erasure_key_sealed=vault.seal(new_secret()),
        )
    )
    ledger.open_account(session, merchant_id, member_id)
    session.connection().execute(sa.update(IDENTITIES).where(*mine).values(member_id=member_id))
    return member_id


def first_sight(
    session: Session,
    merchant_id: MerchantId,
    shop_id: ShopId,
    *,
    external_id: str,
    email: str | None,
    name: str | None,
    now: datetime,
) -> None:
    """A customer is seen for the first time, on an order: what the order says of them stands until the shop says better."""
    first_name, _, last_name = (name or "").strip().partition(" ")
    said = {"email": email.strip().lower() if email else None, "first_name": first_name, "last_name": last_name}
    fresh = {"merchant_id": merchant_id, "shop_id": shop_id, "external_id": external_id, "seen_at": now}
    insert_or_ignore(session, IDENTITIES, {**fresh, **said})


def note_customer(
    session: Session,
    merchant_id: MerchantId,
    shop_id: ShopId,
    *,
    external_id: str,
    email: str | None = None,
    first_name: str = "",
    last_name: str = "",
    now: datetime,
) -> None:
    """Keep what the shop says of a customer. What it does not say is left as it was; the member's search fields follow."""
    email = email.strip().lower() if email else None
    said = {"email": email, "first_name": first_name, "last_name": last_name}
    fresh = {"merchant_id": merchant_id, "shop_id": shop_id, "external_id": external_id, "seen_at": now, **said}
    if insert_or_ignore(session, IDENTITIES, fresh):
        return
    known = {name: value for name, value in said.items() if value}
    mine = _identity(merchant_id, shop_id, external_id)
    changed = [IDENTITIES.c[name].is_distinct_from(value) for name, value in known.items()]
    if not changed or not rows_changed(
        session, sa.update(IDENTITIES).where(*mine, sa.or_(*changed)).values(seen_at=now, **known)
    ):
        return
    member_id = session.connection().execute(sa.select(IDENTITIES.c.member_id).where(*mine)).scalar()
    if member_id is not None:
        session.connection().execute(
            sa.update(MEMBERS)
            .where(
                MEMBERS.c.merchant_id == merchant_id, MEMBERS.c.member_id == member_id, MEMBERS.c.erased_at.is_(None)
            )
            .values(**known)
        )


def customer_removed(
    session: Session, merchant_id: MerchantId, shop_id: ShopId, *, external_id: str, now: datetime
) -> None:
    """The shop deleted the customer. Points stay: a member is more than one shop's record."""
    session.connection().execute(
        sa.update(IDENTITIES).where(*_identity(merchant_id, shop_id, external_id)).values(removed_at=now)
    )


def _identity(merchant_id: MerchantId, shop_id: ShopId, external_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        IDENTITIES.c.merchant_id == merchant_id,
        IDENTITIES.c.shop_id == shop_id,
        IDENTITIES.c.external_id == external_id,
    )
