"""The ledger's vocabulary: kinds of transfers, accounts, causes. Stable words: they are stored and hashed."""

from enum import StrEnum


class Kind(StrEnum):
    EARN = "earn"
    MATURE = "mature"
    HOLD = "hold"
    CAPTURE = "capture"
    VOID = "void"
    LATE_CAPTURE = "late_capture"
    CLAWBACK = "clawback"
    REINSTATE = "reinstate"
    SETTLE = "settle"
    EXPIRE = "expire"
    ADJUST = "adjust"
    REVERSE = "reverse"


class Account(StrEnum):
    PENDING = "pending"
    AVAILABLE = "available"
    HELD = "held"
    DEBT = "debt"
    ISSUED = "issued"
    REDEEMED = "redeemed"
    EXPIRED = "expired"
    ADJUSTED = "adjusted"
    IMPORTED = "imported"
    MOVED = "moved"


class Cause(StrEnum):
    """Why a posting was made; the explanation's shape depends on it."""

    ORDER_SETTLED = "order_settled"
    MATURED = "matured"
    EXPIRED = "expired"
    REDEMPTION_PLACED = "redemption_placed"
    REDEMPTION_VOIDED = "redemption_voided"
    REDEMPTION_UNMATCHED = "redemption_unmatched"  # used, but the order was never seen
    WELCOME_BONUS = "welcome_bonus"
    ADJUSTED = "adjusted"
    REVERSED = "reversed"


class LotState(StrEnum):
    PENDING = "pending"
    AVAILABLE = "available"
