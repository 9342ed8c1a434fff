"""The hash of a posting covers everything that moves points, and always stays what it was."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.ledger.chain import posting_hash
from core.ledger.lots import Lot, Posting, Transfer
from core.ledger.words import Account, Cause, Kind, LotState

AT = datetime(2026, 3, 2, 10, 0, 0, 123456, tzinfo=UTC)
TRANSFER = Transfer("t1", Kind.EARN, Account.ISSUED, Account.AVAILABLE, 12, "lot1", "order1", "L1", None)
LOT = Lot("lot1", LotState.AVAILABLE, 12, 12, AT, None, AT + timedelta(days=365), "order1", "L1", "lot1", "p1")
POSTING = Posting(
    posting_id="p1",
    seq=3,
    idempotency_key="settle:s:o:1",
    cause=Cause.ORDER_SETTLED,
    explanation={"order": "order1", "change": 12},
    effective_at=AT,
    recorded_at=AT + timedelta(days=1),
    previous_hash="before",
    hash="",
    transfers=(TRANSFER,),
)
# Worked out once. It must never change: every hash in every book was made this way.
EXPECTED = "9e888e19196c5ccf9b69a6e2cc4bcd8722548b96225ca80cadf31391a24a8a5b"


def test_the_hash_of_a_posting_is_what_it_always_was() -> None:
    assert posting_hash(POSTING, [LOT]) == EXPECTED


@pytest.mark.parametrize(
    "change",
    [
        {"posting_id": "p2"},
        {"seq": 4},
        {"idempotency_key": "other"},
        {"cause": Cause.ADJUSTED},
        {"explanation": {"order": "order1", "change": 13}},
        {"effective_at": AT + timedelta(microseconds=1)},
        {"effective_at": AT + timedelta(seconds=1)},
        {"effective_at": AT + timedelta(days=1)},
        {"recorded_at": AT + timedelta(days=1, microseconds=1)},
        {"previous_hash": "another"},
        {"note_hmac": "n"},
        {"reverses_posting_id": "p0"},
        {"transfers": ()},
        {"transfers": (TRANSFER, TRANSFER)},
        {"transfers": (replace(TRANSFER, transfer_id="t2"),)},
        {"transfers": (replace(TRANSFER, kind=Kind.ADJUST),)},
        {"transfers": (replace(TRANSFER, debit=Account.ADJUSTED),)},
        {"transfers": (replace(TRANSFER, credit=Account.PENDING),)},
        {"transfers": (replace(TRANSFER, points=13),)},
        {"transfers": (replace(TRANSFER, lot_id="lot2"),)},
        {"transfers": (replace(TRANSFER, order_id="order2"),)},
        {"transfers": (replace(TRANSFER, line_id="L2"),)},
        {"transfers": (replace(TRANSFER, redemption_id="r"),)},
    ],
)
def test_whatever_is_changed_in_a_posting_changes_its_hash(change: dict[str, Any]) -> None:
    assert posting_hash(replace(POSTING, **change), [LOT]) != EXPECTED


@pytest.mark.parametrize(
    "change",
    [
        {"lot_id": "lot2"},
        {"points": 13},
        {"earned_at": AT + timedelta(microseconds=1)},
        {"matures_at": AT},
        {"expires_at": None},
        {"order_id": "order2"},
        {"line_id": "L2"},
        {"root_lot_id": "lot0"},
    ],
)
def test_whatever_is_changed_in_a_new_lot_changes_the_hash(change: dict[str, Any]) -> None:
    assert posting_hash(POSTING, [replace(LOT, **change)]) != EXPECTED


def test_neither_the_order_of_lots_nor_what_is_left_of_them_is_hashed() -> None:
    other = replace(LOT, lot_id="lot0", points=1)

    assert posting_hash(POSTING, [LOT, other]) == posting_hash(POSTING, [other, replace(LOT, remaining=0)])
