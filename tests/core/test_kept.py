"""What is still paid for after refunds: named lines first, then shipping, then the rest spread, always exact."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.commerce import Order, OrderLine, OrderState, Payment, Refund, RefundLine, Shipping, keep, kept_of


def order(*amounts: int, shipping: int = 0, refunds: tuple[Refund, ...] = ()) -> Order:
    lines = tuple(
        OrderLine(external_id=f"L{number}", gross=amount, net=amount, before_discount=amount)
        for number, amount in enumerate(amounts, start=1)
    )
    return Order(
        external_id="1",
        number="1",
        currency="EUR",
        state=OrderState.PLACED,
        payment=Payment.PAID,
        placed_at=datetime(2026, 3, 2, tzinfo=UTC),
        lines=lines,
        shipping=Shipping(gross=shipping, net=shipping),
        refunds=refunds,
        total=sum(amounts) + shipping,
    )


def refund(gross: int, *lines: tuple[str | None, int]) -> Refund:
    named = tuple(RefundLine(line_id=line_id, gross=amount) for line_id, amount in lines)
    return Refund(external_id=f"R{gross}", gross=gross, lines=named)


@pytest.mark.parametrize(
    ("refunds", "kept", "shipping_kept"),
    [
        ((), {"L1": 1000, "L2": 500}, 300),
        ((refund(400, ("L1", 400)),), {"L1": 600, "L2": 500}, 300),
        ((refund(400, ("L1", 400)), refund(600, ("L1", 600))), {"L1": 0, "L2": 500}, 300),
        ((refund(200, (None, 200)),), {"L1": 1000, "L2": 500}, 100),
        ((refund(300, (None, 300)),), {"L1": 1000, "L2": 500}, 0),
        ((refund(180),), {"L1": 900, "L2": 450}, 270),  # nothing named: a tenth of everything
        ((refund(1800),), {"L1": 0, "L2": 0}, 0),
        ((refund(9999),), {"L1": 0, "L2": 0}, 0),
        # named more than the refund gave: only what was given counts, in the order of naming
        ((refund(700, ("L1", 600), ("L2", 400)),), {"L1": 400, "L2": 400}, 300),
        # named more than the line has: the rest is spread over what is kept
        ((refund(1080, ("L1", 1080)),), {"L1": 0, "L2": 450}, 270),
        # more for shipping than it cost: so is that
        ((refund(450, (None, 450)),), {"L1": 900, "L2": 450}, 0),
        # a line that the order does not have
        ((refund(180, ("L9", 180)),), {"L1": 900, "L2": 450}, 270),
        # part named, part not
        ((refund(580, ("L1", 400)),), {"L1": 600 - 77, "L2": 500 - 64}, 300 - 39),
    ],
)
def test_refunds_take_from_what_they_name_and_the_rest_is_spread(
    refunds: tuple[Refund, ...], kept: dict[str, int], shipping_kept: int
) -> None:
    assert keep(order(1000, 500, shipping=300, refunds=refunds)) == (kept, shipping_kept)
    assert kept_of(order(1000, 500, shipping=300, refunds=refunds)) == kept


def test_a_line_below_zero_keeps_nothing() -> None:
    assert keep(order(1000, -200)) == ({"L1": 1000, "L2": 0}, 0)
    assert keep(order(0)) == ({"L1": 0}, 0)


@given(st.data())
def test_whatever_is_refunded_the_whole_is_exact_and_nothing_falls_below_zero(data: st.DataObject) -> None:
    amounts = data.draw(st.lists(st.integers(0, 10_000), min_size=1, max_size=5))
    places = [None, "L9", *(f"L{number}" for number in range(1, len(amounts) + 1))]
    parts = st.tuples(st.sampled_from(places), st.integers(0, 12_000))
    refunds = data.draw(
        st.lists(st.builds(lambda gross, named: refund(gross, *named), st.integers(0, 12_000), st.lists(parts)))
    )
    placed = order(*amounts, shipping=300, refunds=tuple(refunds))

    kept, shipping_kept = keep(placed)

    refunded = min(sum(one.gross for one in refunds), placed.total)
    assert sum(kept.values()) + shipping_kept == placed.total - refunded
    assert min(*kept.values(), shipping_kept) >= 0
