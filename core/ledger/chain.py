"""The hash chain: what exactly is hashed of a posting. Pure."""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from core.ledger.lots import Lot, Posting


def posting_hash(posting: Posting, new_lots: Sequence[Lot]) -> str:
    """SHA-256 over everything that moves points: ids, kinds, accounts, points, lots with their dates, times, key, previous hash."""
    content = [
        posting.previous_hash,
        posting.idempotency_key,
        posting.seq,
        posting.posting_id,
        posting.cause,
        _micros(posting.effective_at),
        _micros(posting.recorded_at),
        posting.explanation,
        posting.note_hmac,
        posting.reverses_posting_id,
        [
            [t.transfer_id, t.kind, t.debit, t.credit, t.points, t.lot_id, t.order_id, t.line_id, t.redemption_id]
            for t in posting.transfers
        ],
        [_lot_content(lot) for lot in sorted(new_lots, key=lambda lot: lot.lot_id)],
    ]
    return hashlib.sha256(json.dumps(content, separators=(",", ":"), sort_keys=True).encode()).hexdigest()


def _lot_content(lot: Lot) -> list[Any]:
    dates = [_micros(lot.earned_at), _micros(lot.matures_at), _micros(lot.expires_at)]
    return [lot.lot_id, lot.points, *dates, lot.order_id, lot.line_id, lot.root_lot_id]


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _micros(at: datetime | None) -> int | None:
    if at is None:
        return None
    delta = at - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
