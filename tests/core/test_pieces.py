"""What a redemption holds or has taken is read off its transfers, lot by lot."""

from core.ledger.lots import Piece, Transfer
from core.ledger.words import Account, Kind
from core.rewards.redemption.pieces import held_pieces, taken_pieces


def transfer(
    kind: Kind, points: int, lot: str | None = "a", order: str | None = None, redemption: str = "r"
) -> Transfer:
    return Transfer("t", kind, Account.HELD, Account.REDEEMED, points, lot, order, None, redemption)


def test_a_hold_is_open_until_as_many_points_have_ended_first_piece_first() -> None:
    hold = [transfer(Kind.HOLD, 30, "a"), transfer(Kind.HOLD, 50, "b"), transfer(Kind.HOLD, 5, "a")]

    assert held_pieces([]) == []
    assert held_pieces(hold) == [Piece("a", 35), Piece("b", 50)]
    assert held_pieces([*hold, transfer(Kind.CAPTURE, 20, "a")]) == [Piece("a", 15), Piece("b", 50)]
    assert held_pieces([*hold, transfer(Kind.CAPTURE, 35, "a")]) == [Piece("b", 50)]
    assert held_pieces([*hold, transfer(Kind.CAPTURE, 35, "a"), transfer(Kind.VOID, 10, "child of b")]) == [
        Piece("b", 40)
    ]
    assert held_pieces([*hold, transfer(Kind.CAPTURE, 35, "a"), transfer(Kind.VOID, 50, "b")]) == []


def test_what_did_not_come_out_of_the_hold_does_not_end_it() -> None:
    hold = [transfer(Kind.HOLD, 30)]

    for kind in (Kind.LATE_CAPTURE, Kind.REINSTATE, Kind.EXPIRE):
        assert held_pieces([*hold, transfer(kind, 30)]) == [Piece("a", 30)]


def test_what_an_order_took_is_given_back_from_the_last_piece_on() -> None:
    taken = [
        transfer(Kind.CAPTURE, 30, "a", "o"),
        transfer(Kind.LATE_CAPTURE, 20, "b", "o"),
        transfer(Kind.LATE_CAPTURE, 10, None, "o"),
    ]

    assert taken_pieces(taken, "o") == [Piece("a", 30), Piece("b", 20), Piece(None, 10)]
    assert taken_pieces([*taken, transfer(Kind.REINSTATE, 4, None, "o")], "o") == [
        Piece("a", 30),
        Piece("b", 20),
        Piece(None, 6),
    ]
    assert taken_pieces([*taken, transfer(Kind.REINSTATE, 10, None, "o")], "o") == [Piece("a", 30), Piece("b", 20)]
    assert taken_pieces([*taken, transfer(Kind.REINSTATE, 35, "b", "o")], "o") == [Piece("a", 25)]
    assert taken_pieces([*taken, transfer(Kind.REINSTATE, 60, "a", "o")], "o") == []
    assert taken_pieces([*taken, transfer(Kind.REINSTATE, 99, "a", "o")], "o") == []
    assert taken_pieces([*taken, transfer(Kind.HOLD, 7, "a", "o"), transfer(Kind.VOID, 7, "a", "o")], "o") == [
        Piece("a", 30),
        Piece("b", 20),
        Piece(None, 10),
    ]


def test_only_the_named_order_and_redemption_count() -> None:
    taken = [
        transfer(Kind.CAPTURE, 30, "a", "o", "r"),
        transfer(Kind.CAPTURE, 40, "b", "other", "r"),
        transfer(Kind.CAPTURE, 50, "c", "o", "s"),
        transfer(Kind.CAPTURE, 60, "d", None, "r"),
    ]

    assert taken_pieces(taken, "o") == [Piece("a", 30), Piece("c", 50)]
    assert taken_pieces(taken, "o", "r") == [Piece("a", 30)]
    assert taken_pieces(taken, "o", "s") == [Piece("c", 50)]
    assert taken_pieces(taken, None) == [Piece("d", 60)]
    assert taken_pieces(taken, "nobody") == []
