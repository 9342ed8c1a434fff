"""What the credit notes of an order gave back. Pure.

Notes are written with either sign: what counts is that they give back. Rows are matched by what was sold, for their ids
are the note's own; what matches nothing is spread by the core. Not so goods that the order does not hold (any more): an
order that lost them has a smaller total already.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from connectors.shoptet.rows import LINES, Row, amounts_of, charged, is_goods, shipping_of
from connectors.shoptet.shapes import Price, RawItem, RawNote
from core.commerce import LineKind, OrderLine, Refund, RefundLine
from core.errors import InvalidInput
from core.money import minor_from_text


@dataclass(frozen=True)
class _Left:
    """What no note has asked for yet. `paid`: of each line; `worth`: of the goods of each code, before discounts."""

    paid: dict[str, int]
    worth: dict[str, int]


def refunds_of(notes: Sequence[RawNote], lines: Sequence[OrderLine], currency: str) -> tuple[Refund, ...]:
    """Oldest first. Each finds what the ones before left of a line."""
    left = _all_of(lines)
    found = []
    for note in sorted(notes, key=lambda each: (each.creation_time is not None, each.creation_time, each.code)):
        if note.is_valid:
            found.append(_refund(note, lines, left, currency))
    return tuple(found)


def _all_of(lines: Sequence[OrderLine]) -> _Left:
    worth: dict[str, int] = defaultdict(int)
    for line in lines:
        if line.sku and line.kind is LineKind.GOODS:
            worth[line.sku] += max(0, line.before_discount)
    return _Left({line.external_id: max(0, line.gross) for line in lines}, worth)


def _refund(note: RawNote, lines: Sequence[OrderLine], left: _Left, currency: str) -> Refund:
    """A deposit or a certificate in a note takes money off it, and the goods went back all the same."""
    if note.price.currency_code.upper() != currency:
        raise InvalidInput("A credit note is in another currency than its order", field="currencyCode")
    text = note.price.with_vat if note.price.with_vat is not None else note.price.to_pay
    total = minor_from_text(text or "0", currency)
    items = [_turned(item) for item in note.items] if _is_below_zero(note.items, total, currency) else note.items
    parts: list[RefundLine] = []
    goods = taken_out = 0
    for row in sorted(charged(items, currency), key=lambda each: not is_goods(each)):
        asked = max(0, row.line.gross)
        here = _part_of_order(row, left) if is_goods(row) else asked
        goods += asked if is_goods(row) else 0
        taken_out += asked - here
        parts += _matched(row, here, lines, left)
    shipping = shipping_of(items, currency).gross
    if shipping:
        parts.append(RefundLine(line_id=None, gross=shipping))
    return Refund(external_id=note.code, gross=max(abs(total), goods) - taken_out, lines=tuple(parts))


def _is_below_zero(items: Sequence[RawItem], total: int, currency: str) -> bool:
    """By the goods; by the total where there are none, or as many of either sign."""
    goods = sum(
        amounts_of(item.item_price, currency)[0] for item in items if LINES.get(item.item_type) is LineKind.GOODS
    )
    return (goods or total) < 0


def _part_of_order(row: Row, left: _Left) -> int:
    """What a row of goods asks for of what the order holds under its code."""
    asked, worth = max(0, row.line.gross), row.line.before_discount
    if row.code is None or not asked:
        return asked
    here = min(worth, left.worth.get(row.code, 0))
    left.worth[row.code] = left.worth.get(row.code, 0) - here
    return asked * here // worth


def _matched(row: Row, amount: int, lines: Sequence[OrderLine], left: _Left) -> list[RefundLine]:
    found = []
    for line in lines:
        same_goods = row.code is not None and line.sku == row.code and line.kind is row.line.kind
        same_fee = row.line.kind is LineKind.FEE and line.kind is LineKind.FEE and line.name == row.line.name
        if amount and (same_goods or same_fee):
            here = min(amount, left.paid[line.external_id])
            if here:
                found.append(RefundLine(line_id=line.external_id, gross=here))
                left.paid[line.external_id] -= here
                amount -= here
    return found


def _turned(item: RawItem) -> RawItem:
    """The same row with all signs the other way round."""

    def turned(price: Price) -> Price:
        amounts = {name: _negative(getattr(price, name)) for name in ("with_vat", "without_vat")}
        return price.model_copy(update=amounts)

    return item.model_copy(
        update={
            "item_price": turned(item.item_price) if item.item_price else None,
            "display_prices": [turned(price) for price in item.display_prices],
            "item_price_vat_breakdown": [turned(price) for price in item.item_price_vat_breakdown],
        }
    )


def _negative(text: str | None) -> str | None:
    if text is None:
        return None
    text = text.strip()
    return text[1:] if text.startswith("-") else f"-{text}"
