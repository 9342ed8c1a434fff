"""Writes of proofs: a new code, a try of it, and the end of all browsers that know a member again.

Eight letters of thirty are 39 bits, of which five tries are allowed: one chance in 130,000,000,000 for each code asked for.
"""

import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Session

from core.db import statements
from core.db.engine import rows_changed
from core.db.types import table
from core.ids import CODE_ALPHABET, MemberId, MerchantId, ShopId
from core.members import commands as members
from core.members.tables import Identity
from core.proofs import queries, tokens
from core.proofs.tables import ProofRow
from core.sealing import Vault

LENGTH = 8
TRIES = 5
LIFE = timedelta(minutes=10)
ROW_KEPT = timedelta(hours=1)
_PURPOSE = "proof-code"
_NO_CODE = "0" * 64

PROOFS, IDENTITIES = table(ProofRow), table(Identity)
_MINE = (
    PROOFS.c.merchant_id == sa.bindparam("of_merchant"),
    PROOFS.c.shop_id == sa.bindparam("of_shop"),
    PROOFS.c.customer_id == sa.bindparam("of_customer"),
)
_LOCK = sa.select(PROOFS).where(*_MINE).with_for_update()
_USE = sa.update(PROOFS).where(*_MINE).values(tries_left=sa.bindparam("left", type_=sa.Integer))


def _replace(insert: Any) -> Any:
    """The same statement for the first code of a customer and for every later one."""
    fresh = insert(PROOFS)
    news = {name: fresh.excluded[name] for name in ("code_digest", "tries_left", "expires_at")}
    return fresh.on_conflict_do_update(index_elements=["merchant_id", "shop_id", "customer_id"], set_=news)


_REPLACE = {"postgresql": _replace(postgresql_insert), "sqlite": _replace(sqlite_insert)}


def new_code() -> str:
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(LENGTH))


def ask(
    session: Session,
    vault: Vault,
    merchant_id: MerchantId,
    shop_id: ShopId,
    customer_id: str,
    *,
    code: str,
    now: datetime,
) -> None:
    """From now on this code proves this customer, once. Whether there is such a customer is not asked."""
    row = {
        "merchant_id": merchant_id,
        "shop_id": shop_id,
        "customer_id": customer_id,
        "code_digest": _digest(vault, merchant_id, shop_id, customer_id, code),
        "tries_left": TRIES,
        "expires_at": now + LIFE,
    }
    statements.change(session, _REPLACE[session.connection().dialect.name], row)


def try_code(
    session: Session,
    vault: Vault,
    merchant_id: MerchantId,
    shop_id: ShopId,
    customer_id: str,
    *,
    code: str,
    now: datetime,
) -> bool:
    """Whether this is the customer's code. A try is used up either way: commit, whatever the answer is."""
    mine = {"of_merchant": merchant_id, "of_shop": shop_id, "of_customer": customer_id}
    row = statements.first(session, _LOCK, mine)
    usable = row is not None and row.tries_left > 0 and row.expires_at > now
    digest = _digest(vault, merchant_id, shop_id, customer_id, normal(code))
    right = hmac.compare_digest(row.code_digest if usable else _NO_CODE, digest)
    statements.change(session, _USE, {**mine, "left": row.tries_left - 1 if usable and not right else 0})
    return right


def remember(
    session: Session, vault: Vault, merchant_id: MerchantId, shop_id: ShopId, customer_id: str, *, now: datetime
) -> str:
    """The token for a customer whom a code has just proven. Raises SignatureInvalid for one who was removed or erased."""
    members.note_customer(session, merchant_id, shop_id, external_id=customer_id, now=now)
    version = queries.version(session, merchant_id, shop_id, customer_id)
    return tokens.issue(vault, merchant_id, shop_id, customer_id=customer_id, version=version, now=now)


def end_browsers(session: Session, merchant_id: MerchantId, member_id: MemberId) -> int:
    """No browser knows this member again, and no code that is under way proves them. Returns how many customers they are."""
    theirs = (IDENTITIES.c.merchant_id == merchant_id, IDENTITIES.c.member_id == member_id)
    session.connection().execute(
        sa.delete(PROOFS).where(
            PROOFS.c.merchant_id == merchant_id,
            sa.exists().where(
                *theirs, IDENTITIES.c.shop_id == PROOFS.c.shop_id, IDENTITIES.c.external_id == PROOFS.c.customer_id
            ),
        )
    )
    raised = sa.update(IDENTITIES).where(*theirs).values(token_version=IDENTITIES.c.token_version + 1)
    return rows_changed(session, raised)


def prune(session: Session, merchant_id: MerchantId, *, now: datetime) -> int:
    """Delete codes that ended an hour ago. Returns how many."""
    ended = (PROOFS.c.merchant_id == merchant_id, PROOFS.c.expires_at < now - ROW_KEPT)
    return rows_changed(session, sa.delete(PROOFS).where(*ended))


def normal(code: str) -> str:
    """A code as it was made, from what somebody typed: in any case, with whatever signs between its parts."""
    return "".join(sign for sign in code.upper() if sign.isalnum())


def _digest(vault: Vault, merchant_id: MerchantId, shop_id: ShopId, customer_id: str, code: str) -> str:
    """Under a key that is not in the database: 39 bits could be searched for."""
    text = "\n".join((merchant_id, shop_id, customer_id, code))
    return hmac.new(vault.derived(_PURPOSE), text.encode(), "sha256").hexdigest()
