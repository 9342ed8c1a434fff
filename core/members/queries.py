"""Reads of members. Search takes what support staff have at hand: e-mail, name, member id."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from core.db import statements
from core.db.types import table
from core.errors import NotFound
from core.ids import MemberId, MerchantId, ShopId
from core.members.tables import Identity, Member
from core.sealing import Vault

MEMBERS, IDENTITIES = table(Member), table(Identity)
SEARCH_LIMIT = 20

_MEMBER = sa.select(MEMBERS).where(
    MEMBERS.c.merchant_id == sa.bindparam("of_merchant"), MEMBERS.c.member_id == sa.bindparam("of_member")
)
_OF_CUSTOMER = (
    IDENTITIES.c.merchant_id == sa.bindparam("of_merchant"),
    IDENTITIES.c.shop_id == sa.bindparam("of_shop"),
    IDENTITIES.c.external_id == sa.bindparam("of_customer"),
)
_BY_CUSTOMER = (
    sa.select(MEMBERS)
    .join(
        IDENTITIES,
        sa.and_(IDENTITIES.c.merchant_id == MEMBERS.c.merchant_id, IDENTITIES.c.member_id == MEMBERS.c.member_id),
    )
    .where(*_OF_CUSTOMER)
)
_ID_BY_CUSTOMER = sa.select(IDENTITIES.c.member_id).where(*_OF_CUSTOMER)


@dataclass(frozen=True)
class MemberView:
    member_id: MemberId
    email: str | None
    first_name: str
    last_name: str
    joined_at: datetime
    joined_by: str
    erased_at: datetime | None

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(frozen=True)
class IdentityView:
    shop_id: ShopId
    external_id: str
    member_id: MemberId | None
    email: str | None
    removed_at: datetime | None


def member(session: Session, merchant_id: MerchantId, member_id: MemberId) -> MemberView:
    row = statements.first(session, _MEMBER, {"of_merchant": merchant_id, "of_member": member_id})
    if row is None:
        raise NotFound("There is no such member")
    return _view(row)


def by_customer(session: Session, merchant_id: MerchantId, shop_id: ShopId, external_id: str) -> MemberView | None:
    """The member that a shop's customer is enrolled as, if any."""
    parameters = {"of_merchant": merchant_id, "of_shop": shop_id, "of_customer": external_id}
    row = statements.first(session, _BY_CUSTOMER, parameters)
    return _view(row) if row else None


def id_by_customer(session: Session, merchant_id: MerchantId, shop_id: ShopId, external_id: str) -> MemberId | None:
    """The same for who needs no more than the id."""
    parameters = {"of_merchant": merchant_id, "of_shop": shop_id, "of_customer": external_id}
    row = statements.first(session, _ID_BY_CUSTOMER, parameters)
    return MemberId(row.member_id) if row is not None and row.member_id is not None else None


def identity(session: Session, merchant_id: MerchantId, shop_id: ShopId, external_id: str) -> IdentityView | None:
    row = session.get(Identity, (merchant_id, shop_id, external_id))
    return _identity(row) if row else None


def identities(session: Session, merchant_id: MerchantId, member_id: MemberId) -> list[IdentityView]:
    rows = session.exec(
        select(Identity)
        .where(Identity.merchant_id == merchant_id, Identity.member_id == member_id)
        .order_by(col(Identity.shop_id), col(Identity.external_id))
    )
    return [_identity(row) for row in rows]


def search(session: Session, merchant_id: MerchantId, text: str, *, limit: int = SEARCH_LIMIT) -> list[MemberView]:
    """Members by e-mail (any shop's), by name in either order ("smith, john", "j smith"), or by member id."""
    text = text.strip().lower()
    if not text:
        return []
    mine = col(Member.merchant_id) == merchant_id
    if "@" in text:
        ids = select(Identity.member_id).where(Identity.merchant_id == merchant_id, _starts(col(Identity.email), text))
        where = sa.or_(_starts(col(Member.email), text), col(Member.member_id).in_(ids))
    elif len(text) == 32 and all(c in "0123456789abcdef" for c in text):
        where = col(Member.member_id) == text
    else:
        first, last = sa.func.lower(col(Member.first_name)), sa.func.lower(col(Member.last_name))
        words = text.replace(",", " ").split()
        per_word = [
            sa.or_(_starts(first, word), _starts(last, word), _starts(col(Member.email), word)) for word in words
        ]
        where = sa.and_(*per_word)
    rows = session.exec(select(Member).where(mine, where).order_by(col(Member.joined_at).desc()).limit(limit))
    return [_view(row) for row in rows]


def page(
    session: Session, merchant_id: MerchantId, *, after: tuple[datetime, MemberId] | None = None, limit: int = 100
) -> list[MemberView]:
    """Members in the order in which they joined, from behind `after` = (joined_at, member_id) on."""
    statement = select(Member).where(Member.merchant_id == merchant_id)
    if after is not None:
        at, member_id = after
        same = sa.and_(col(Member.joined_at) == at, col(Member.member_id) > member_id)
        statement = statement.where(sa.or_(col(Member.joined_at) > at, same))
    rows = session.exec(statement.order_by(col(Member.joined_at), col(Member.member_id)).limit(limit))
    return [_view(row) for row in rows]


def erasure_key(session: Session, vault: Vault, merchant_id: MerchantId, member_id: MemberId) -> str:
    """The key under which the ledger refers to this member's texts."""
    row = statements.first(session, _MEMBER, {"of_merchant": merchant_id, "of_member": member_id})
    if row is None:
        raise NotFound("There is no such member")
    return vault.open(row.erasure_key_sealed)


def _starts(column: Any, text: str) -> sa.ColumnElement[bool]:
    matches: sa.ColumnElement[bool] = column.like(
        text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%", escape="\\"
    )
    return matches


def _view(row: Any) -> MemberView:
    return MemberView(
        MemberId(row.member_id), row.email, row.first_name, row.last_name, row.joined_at, row.joined_by, row.erased_at
    )


def _identity(row: Identity) -> IdentityView:
    member_id = MemberId(row.member_id) if row.member_id else None
    return IdentityView(ShopId(row.shop_id), row.external_id, member_id, row.email, row.removed_at)
