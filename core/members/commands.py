"""Writes of members: enrol, and keep what the shop says of its customers."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlmodel import Session

from core.db import statements
from core.db.engine import insert_or_ignore
from core.db.types import table
from core.ids import MemberId, MerchantId, ShopId, new_id, new_secret
from core.ledger import commands as ledger
from core.members.tables import Identity, Member
from core.sealing import Vault

MEMBERS, IDENTITIES = table(Member), table(Identity)
_MINE = (
    IDENTITIES.c.merchant_id == sa.bindparam("of_merchant"),
    IDENTITIES.c.shop_id == sa.bindparam("of_shop"),
    IDENTITIES.c.external_id == sa.bindparam("of_customer"),
)
_LOCK = sa.select(IDENTITIES).where(*_MINE).with_for_update()
_INSERT_MEMBER = sa.insert(MEMBERS)
_TIE = sa.update(IDENTITIES).where(*_MINE).values(member_id=sa.bindparam("to_member"))
_REMOVE = sa.update(IDENTITIES).where(*_MINE).values(removed_at=sa.bindparam("at"))
_TIE_ALL = (
    sa.update(IDENTITIES)
    .where(IDENTITIES.c.merchant_id == sa.bindparam("of_merchant"), IDENTITIES.c.member_id == sa.bindparam("of_member"))
    .values(member_id=sa.bindparam("to_member"))
)
_FORGET_NAMES = (
    sa.update(MEMBERS)
    .where(MEMBERS.c.merchant_id == sa.bindparam("of_merchant"), MEMBERS.c.member_id == sa.bindparam("of_member"))
    .values(email=None, first_name="", last_name="")
)
_SAID = ("email", "first_name", "last_name")
_NEWS = {name: sa.bindparam(f"new_{name}", type_=IDENTITIES.c[name].type) for name in _SAID}
# What the shop does not say is null here, and leaves what is known as it was.
_SAY = (
    sa.update(IDENTITIES)
    .where(
        *_MINE,
        sa.or_(
            *(sa.and_(news.is_not(None), IDENTITIES.c[name].is_distinct_from(news)) for name, news in _NEWS.items())
        ),
    )
    .values(
        {name: sa.func.coalesce(news, IDENTITIES.c[name]) for name, news in _NEWS.items()}
        | {"seen_at": sa.bindparam("at")}
    )
)
_SAY_OF_MEMBER = (
    sa.update(MEMBERS)
    .where(
        MEMBERS.c.merchant_id == sa.bindparam("of_merchant"),
        MEMBERS.c.member_id == sa.select(IDENTITIES.c.member_id).where(*_MINE).scalar_subquery(),
        MEMBERS.c.erased_at.is_(None),
    )
    .values({name: sa.func.coalesce(news, MEMBERS.c[name]) for name, news in _NEWS.items()})
)


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
    locked = statements.first(session, _LOCK, mine)
    if locked.member_id is not None:
        return MemberId(locked.member_id)
    member_id = MemberId(new_id())
    member = {
        "merchant_id": merchant_id,
        "member_id": member_id,
        "email": locked.email,
        "first_name": locked.first_name,
        "last_name": locked.last_name,
        "joined_at": joined_at,
        "joined_by": joined_by,
        "erasure_key_sealed": vault.seal(new_secret()),
    }
    statements.change(session, _INSERT_MEMBER, member)
    ledger.open_account(session, merchant_id, member_id)
    statements.change(session, _TIE, {**mine, "to_member": member_id})
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
    news = {f"new_{name}": value or None for name, value in said.items()}
    mine = _identity(merchant_id, shop_id, external_id)
    if statements.change(session, _SAY, {**mine, **news, "at": now}):
        statements.change(session, _SAY_OF_MEMBER, {**mine, **news})


def customer_removed(
    session: Session, merchant_id: MerchantId, shop_id: ShopId, *, external_id: str, now: datetime
) -> None:
    """The shop deleted the customer. Points stay: a member is more than one shop's record."""
    statements.change(session, _REMOVE, {**_identity(merchant_id, shop_id, external_id), "at": now})


def customer_merged(
    session: Session,
    merchant_id: MerchantId,
    shop_id: ShopId,
    *,
    gone: str,
    into: str,
    gives_way: Callable[[MemberId], bool],
    now: datetime,
) -> bool:
    """The shop made one customer of two: the member goes along. Safe to repeat.

    False where both are members, and that of the customer who stays does not give way.
    """
    insert_or_ignore(
        session,
        IDENTITIES,
        {"merchant_id": merchant_id, "shop_id": shop_id, "external_id": into, "seen_at": now},
    )
    # By id, so that two merges at once cannot wait for each other.
    rows = {who: statements.first(session, _LOCK, _identity(merchant_id, shop_id, who)) for who in sorted((gone, into))}
    was, now_is = rows[gone], rows[into]
    if was is None or (was.member_id is not None and was.member_id == now_is.member_id):
        return True
    statements.change(session, _REMOVE, {**_identity(merchant_id, shop_id, gone), "at": now})
    if was.member_id is None:
        # So that who erases the one finds the other.
        statements.change(session, _TIE, {**_identity(merchant_id, shop_id, gone), "to_member": now_is.member_id})
        return True
    if now_is.member_id is not None:
        if not gives_way(MemberId(now_is.member_id)):
            return False
        # With all who were merged into them before. Nobody's customer is left, so no erasure would find the names.
        other = {"of_merchant": merchant_id, "of_member": now_is.member_id}
        statements.change(session, _TIE_ALL, {**other, "to_member": was.member_id})
        statements.change(session, _FORGET_NAMES, other)
    statements.change(session, _TIE, {**_identity(merchant_id, shop_id, into), "to_member": was.member_id})
    return True


def _identity(merchant_id: MerchantId, shop_id: ShopId, external_id: str) -> dict[str, Any]:
    return {"of_merchant": merchant_id, "of_shop": shop_id, "of_customer": external_id}
