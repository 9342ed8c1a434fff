"""All rows of a merchant as text that two databases can be compared by: ids and hashes are replaced by order of appearance.

An id made by the app is random, so two runs of one history differ in all of them; what must not differ is where the same one
stands again. So each 32- or 64-digit hexadecimal word, and each code, becomes the number of its first appearance.
"""

import json
import re
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from core.db.engine import Database, reading
from core.db.types import table
from core.earning.tables import OrderRow
from core.ledger.tables import BalanceRow, LotRow, NoteRow, PostingRow, TransferRow
from core.members.tables import Identity, Member
from core.program.tables import ProgramVersion
from core.rewards.redemption.tables import DiscountEffect, RedemptionOrder, RedemptionRow

OPAQUE = re.compile(r"\b(?:[0-9a-f]{64}|[0-9a-f]{32}|[2-9A-Z]{17})\b")
SECRET = {"erasure_key_sealed"}  # random, and sealed with a nonce
# Rows in an order that both databases have: what happened first, or the id, which is made in that order too.
TABLES = {
    ProgramVersion: ("number",),
    OrderRow: ("order_id",),
    Identity: ("external_id",),
    Member: ("member_id",),
    PostingRow: ("member_id", "seq"),
    TransferRow: ("member_id", "transfer_id"),
    LotRow: ("member_id", "lot_id"),
    BalanceRow: ("member_id",),
    NoteRow: ("posting_id", "audience"),
    RedemptionRow: ("redemption_id",),
    RedemptionOrder: ("redemption_id", "order_id"),
    DiscountEffect: ("redemption_id",),
}


def dump(db: Database) -> list[str]:
    """One line per row."""
    seen: dict[str, str] = {}
    lines = []
    with reading(db) as session:
        for model, order in TABLES.items():
            rows = table(model)
            statement = sa.select(rows).order_by(*(rows.c[name] for name in order))
            for row in session.connection().execute(statement).mappings():
                values = {name: plain(value) for name, value in row.items() if name not in SECRET}
                line = f"{rows.name} {json.dumps(values, sort_keys=True)}"
                lines.append(OPAQUE.sub(lambda found: seen.setdefault(found[0], f"#{len(seen)}"), line))
    return lines


def plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
