"""Which points a redemption holds or has taken, piece by piece, read off its transfers. Pure."""

from collections.abc import Sequence

from core.ledger.lots import Piece, Transfer
from core.ledger.words import Kind


def held_pieces(transfers: Sequence[Transfer]) -> list[Piece]:
    """The open parts of the hold, in the order of taking (earliest expiry first)."""
    held: dict[str | None, int] = {}
    for transfer in transfers:
        if transfer.kind is Kind.HOLD:
            held[transfer.lot_id] = held.get(transfer.lot_id, 0) + transfer.points
    # A VOID may name the child lot that the points went to, so what ended is counted from the pieces, first to last.
    ended = sum(t.points for t in transfers if t.kind in (Kind.CAPTURE, Kind.VOID))
    pieces = []
    for lot_id, points in held.items():
        part = min(points, ended)
        ended -= part
        if points > part:
            pieces.append(Piece(lot_id, points - part))
    return pieces


def taken_pieces(transfers: Sequence[Transfer], order_id: str | None, redemption_id: str | None = None) -> list[Piece]:
    """What was captured for one order and not given back, in the order of taking. Reinstating went from the last one on."""
    taken: list[Piece] = []
    for transfer in transfers:
        if transfer.order_id != order_id or (redemption_id is not None and transfer.redemption_id != redemption_id):
            continue
        if transfer.kind in (Kind.CAPTURE, Kind.LATE_CAPTURE):
            taken.append(Piece(transfer.lot_id, transfer.points))
        elif transfer.kind is Kind.REINSTATE:
            _take_back(taken, transfer.points)
    return taken


def _take_back(taken: list[Piece], points: int) -> None:
    while points and taken:
        last = taken.pop()
        part = min(points, last.points)
        points -= part
        if last.points > part:
            taken.append(Piece(last.lot_id, last.points - part))
