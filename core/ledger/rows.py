"""Between rows and the values of book.py: the only place that knows both. No decisions."""

from typing import Any

from core.ids import MerchantId
from core.ledger.lots import Balance, Lot, Posting, Transfer
from core.ledger.words import Account, Kind, LotState


def balance_from_row(row: Any) -> Balance:
    return Balance(row.pending, row.available, row.held, row.debt, row.seq, row.head, row.recorded_at)


def lot_from_row(row: Any) -> Lot:
    return Lot(
        lot_id=row.lot_id,
        state=LotState(row.state),
        points=row.points,
        remaining=row.remaining,
        earned_at=row.earned_at,
        matures_at=row.matures_at,
        expires_at=row.expires_at,
        order_id=row.order_id,
        line_id=row.line_id,
        root_lot_id=row.root_lot_id,
        posting_id=row.posting_id,
        expired=row.expired,
        grace_until=row.grace_until,
    )


def lot_values(merchant_id: MerchantId, member_id: str, lot: Lot) -> dict[str, Any]:
    return {
        "merchant_id": merchant_id,
        "member_id": member_id,
        "lot_id": lot.lot_id,
        "state": lot.state.value,
        "points": lot.points,
        "remaining": lot.remaining,
        "expired": lot.expired,
        "earned_at": lot.earned_at,
        "matures_at": lot.matures_at,
        "expires_at": lot.expires_at,
        "order_id": lot.order_id,
        "line_id": lot.line_id,
        "root_lot_id": lot.root_lot_id,
        "grace_until": lot.grace_until,
        "posting_id": lot.posting_id,
    }


def lot_changes(merchant_id: MerchantId, member_id: str, lot: Lot) -> dict[str, Any]:
    """What may change of a lot that is stored."""
    return {
        "of_merchant": merchant_id,
        "of_member": member_id,
        "of_lot": lot.lot_id,
        "new_state": lot.state.value,
        "new_remaining": lot.remaining,
        "new_expired": lot.expired,
        "new_grace_until": lot.grace_until,
    }


def posting_values(merchant_id: MerchantId, member_id: str, posting: Posting) -> dict[str, Any]:
    return {
        "merchant_id": merchant_id,
        "member_id": member_id,
        "posting_id": posting.posting_id,
        "seq": posting.seq,
        "idempotency_key": posting.idempotency_key,
        "request_hash": posting.request_hash,
        "cause": posting.cause.value,
        "explanation": posting.explanation,
        "note_hmac": posting.note_hmac,
        "reverses_posting_id": posting.reverses_posting_id,
        "effective_at": posting.effective_at,
        "recorded_at": posting.recorded_at,
        "previous_hash": posting.previous_hash,
        "hash": posting.hash,
    }


def transfer_values(merchant_id: MerchantId, member_id: str, posting: Posting) -> list[dict[str, Any]]:
    return [
        {
            "merchant_id": merchant_id,
            "member_id": member_id,
            "transfer_id": transfer.transfer_id,
            "posting_id": posting.posting_id,
            "position": position,
            "kind": transfer.kind.value,
            "debit": transfer.debit.value,
            "credit": transfer.credit.value,
            "points": transfer.points,
            "lot_id": transfer.lot_id,
            "order_id": transfer.order_id,
            "line_id": transfer.line_id,
            "redemption_id": transfer.redemption_id,
            "effective_at": posting.effective_at,
            "recorded_at": posting.recorded_at,
        }
        for position, transfer in enumerate(posting.transfers)
    ]


def transfer_from_row(row: Any) -> Transfer:
    return Transfer(
        row.transfer_id,
        Kind(row.kind),
        Account(row.debit),
        Account(row.credit),
        row.points,
        row.lot_id,
        row.order_id,
        row.line_id,
        row.redemption_id,
    )
