"""Seals: a signed Merkle root over the chain heads that changed since the last seal, by seq, not by time.

A seal that has left this machine (a log, a mailbox) proves that nothing before it was removed or changed afterwards: whoever
holds it needs only the public key. The chains themselves prove the order of postings.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlmodel import Session

from core.db.types import table
from core.ids import MerchantId, new_id
from core.ledger.tables import BalanceRow, PostingRow, SealedHead, SealRow
from core.sealing import Vault

BALANCES, POSTINGS, SEALS, SEALED = (table(model) for model in (BalanceRow, PostingRow, SealRow, SealedHead))


@dataclass(frozen=True)
class SealView:
    """`root`: hex. `signature`: hex, Ed25519 over the statement that `statement_of` makes."""

    number: int
    root: str
    previous_root: str
    signature: str
    sealed_at: datetime
    members: int


def seal(session: Session, vault: Vault, merchant_id: MerchantId, *, now: datetime) -> SealView | None:
    """Seal what changed since the last seal. None when nothing did."""
    same = sa.and_(SEALED.c.merchant_id == BALANCES.c.merchant_id, SEALED.c.member_id == BALANCES.c.member_id)
    changed = session.connection().execute(
        sa.select(BALANCES.c.member_id, BALANCES.c.seq, BALANCES.c.head, SEALED.c.seq.label("sealed"))
        .join(SEALED, same, isouter=True)
        .where(BALANCES.c.merchant_id == merchant_id, BALANCES.c.seq > sa.func.coalesce(SEALED.c.seq, 0))
        .order_by(BALANCES.c.member_id)
    )
    rows = list(changed)
    if not rows:
        return None
    heads = [[row.member_id, row.seq, row.head] for row in rows]
    last = _last(session, merchant_id)
    number, previous = (last.number + 1, last.root) if last is not None else (1, "")
    root = merkle_root([_leaf(head) for head in heads])
    signature = _private_key(vault).sign(statement_of(merchant_id, number, root, previous)).hex()
    session.connection().execute(
        sa.insert(SEALS).values(
            merchant_id=merchant_id,
            seal_id=new_id(),
            number=number,
            heads=heads,
            root=root,
            previous_root=previous,
            signature=signature,
            sealed_at=now,
        )
    )
    for row in rows:
        mine = {"merchant_id": merchant_id, "member_id": row.member_id}
        if row.sealed is None:
            session.connection().execute(sa.insert(SEALED).values(**mine, seq=row.seq))
        else:
            where = (SEALED.c[name] == value for name, value in mine.items())
            session.connection().execute(sa.update(SEALED).where(*where).values(seq=row.seq))
    return SealView(number, root, previous, signature, now, len(heads))


def check_seals(session: Session, vault: Vault, merchant_id: MerchantId) -> list[str]:
    """What does not fit: a root, a signature, a missing seal, or a posting that a seal speaks of and that is not as it was."""
    problems: list[str] = []
    previous = ""
    rows = session.connection().execute(
        sa.select(SEALS).where(SEALS.c.merchant_id == merchant_id).order_by(SEALS.c.number)
    )
    for number, row in enumerate(rows.all(), start=1):
        if row.number != number or row.previous_root != previous:
            problems.append(f"seal {number} is missing or out of its chain")
            return problems
        if merkle_root([_leaf(head) for head in row.heads]) != row.root:
            problems.append(f"seal {number}: its root is not that of its heads")
        statement = statement_of(merchant_id, row.number, row.root, row.previous_root)
        if not is_signed(statement, bytes.fromhex(row.signature), public_key(vault)):
            problems.append(f"seal {number}: its signature is not ours")
        problems += [f"seal {number}: {text}" for text in _check_heads(session, merchant_id, row.heads)]
        previous = row.root
    return problems


def public_key(vault: Vault) -> bytes:
    """32 bytes by which anybody can check our seals."""
    return _private_key(vault).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def statement_of(merchant_id: MerchantId, number: int, root: str, previous_root: str) -> bytes:
    return json.dumps([merchant_id, number, root, previous_root], separators=(",", ":")).encode()


def is_signed(statement: bytes, signature: bytes, key: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, statement)
    except InvalidSignature:
        return False
    return True


def merkle_root(leaves: list[bytes]) -> str:
    """Hex. Leaves and nodes are hashed with different first bytes, so that a node cannot pass for a leaf."""
    level = [hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves]
    while len(level) > 1:
        pairs = [level[i : i + 2] for i in range(0, len(level), 2)]
        level = [hashlib.sha256(b"\x01" + b"".join(pair)).digest() if len(pair) == 2 else pair[0] for pair in pairs]
    return level[0].hex()


def _leaf(head: list[Any]) -> bytes:
    return json.dumps(head, separators=(",", ":")).encode()


def _private_key(vault: Vault) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(vault.derived("seals"))


def _last(session: Session, merchant_id: MerchantId) -> Any:
    newest = sa.select(SEALS.c.number, SEALS.c.root).where(SEALS.c.merchant_id == merchant_id)
    return session.connection().execute(newest.order_by(SEALS.c.number.desc()).limit(1)).first()


def _check_heads(session: Session, merchant_id: MerchantId, heads: list[list[Any]]) -> list[str]:
    problems = []
    for member_id, seq, head in heads:
        found = session.connection().execute(
            sa.select(POSTINGS.c.hash).where(
                POSTINGS.c.merchant_id == merchant_id, POSTINGS.c.member_id == member_id, POSTINGS.c.seq == seq
            )
        )
        if found.scalar() != head:
            problems.append(f"posting {seq} of member {member_id} is not the one that was sealed")
    return problems
