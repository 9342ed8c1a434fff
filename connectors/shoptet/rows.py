"""The rows of an order or of a credit note: what is charged for each line once the discounts are taken off. Pure.

A line is what was charged for all its units: Shoptet writes coupons and volume discounts as rows of their own with
negative prices, one for all rates of VAT, and they are taken off the goods here. Which coupon a row is of, no order says.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation

from connectors.shoptet.shapes import Price, RawItem
from core.commerce import LineKind, OrderLine, Shipping, UnnamedCode
from core.errors import InvalidInput
from core.money import minor_from_text, split_by_largest_remainder

# Types of rows. A generic item is whatever staff wrote in by hand; below zero it is a discount of theirs, and so are goods
# below zero: goods taken back for others.
LINES = {
    "product": LineKind.GOODS,
    "product-set": LineKind.GOODS,
    "bazar": LineKind.GOODS,
    "service": LineKind.GOODS,
    "gift": LineKind.GOODS,
    "gift-certificate": LineKind.GIFT_CARD,
    "billing": LineKind.FEE,
    "deposit": LineKind.FEE,
    "generic-item": LineKind.FEE,
}
COUPON, VOLUME, BY_HAND, SHIPPING = "discount-coupon", "volume-discount", "generic-item", "shipping"
PART_OF_SET = "product-set-item"  # its price is that of the set
MOST_UNITS = 10**9


@dataclass(frozen=True)
class Row:
    """A line while discounts are taken off it. `rate`: of VAT, to find which part of a discount is its."""

    line: OrderLine
    rate: Decimal | None
    code: str | None


def charged(items: Sequence[RawItem], currency: str) -> list[Row]:
    rows = _rows(items, currency)
    for item in items:
        if is_discount(item, currency):
            rows = _less(rows, item, currency)
    return rows


def _rows(items: Sequence[RawItem], currency: str) -> list[Row]:
    found: dict[str, Row] = {}
    for number, item in enumerate(items):
        if item.item_type in (COUPON, VOLUME, SHIPPING, PART_OF_SET) or is_discount(item, currency):
            continue
        gross, net = amounts_of(item.item_price, currency)
        line = OrderLine(
            external_id=item.item_id or f"#{number}",
            kind=LINES.get(item.item_type, LineKind.FEE),
            product_id=item.product_guid or None,
            sku=item.code or None,
            name=item.name,
            quantity=_units(item.amount),
            gross=gross,
            net=net,
            before_discount=gross,
        )
        if line.external_id in found:
            raise InvalidInput("Two rows of the order have one id", field="itemId")
        found[line.external_id] = Row(line, _rate(item.item_price), item.code or None)
    return list(found.values())


def is_discount(item: RawItem, currency: str) -> bool:
    if item.item_type in (COUPON, VOLUME):
        return True
    takes_off = item.item_type == BY_HAND or LINES.get(item.item_type) is LineKind.GOODS
    return takes_off and amounts_of(item.item_price, currency)[0] < 0


def _less(rows: list[Row], item: RawItem, currency: str) -> list[Row]:
    """The rows after one discount: each rate's part off the goods of that rate, what finds no such goods off all."""
    left_gross, left_net = (max(0, -amount) for amount in amounts_of(item.item_price, currency))
    most = sum(max(0, row.line.gross) for row in rows if is_goods(row))
    if left_gross > most:  # the rest of it took off something else, or nothing
        left_gross, left_net = most, left_net * most // left_gross
    for rate, (gross, net) in _parts_by_rate(item, currency).items():
        mine = [index for index, row in enumerate(rows) if is_goods(row) and row.rate == rate]
        gross = min(gross, left_gross, sum(max(0, rows[index].line.gross) for index in mine))
        net = min(net, left_net)
        if gross:
            rows = _taken(rows, mine, gross, net)
            left_gross, left_net = left_gross - gross, left_net - net
    if left_gross:
        rows = _taken(rows, [index for index, row in enumerate(rows) if is_goods(row)], left_gross, left_net)
    return rows


def _taken(rows: Sequence[Row], where: Sequence[int], gross: int, net: int) -> list[Row]:
    weights = [max(0, rows[index].line.gross) for index in where]
    parts = zip(
        where, split_by_largest_remainder(gross, weights), split_by_largest_remainder(net, weights), strict=True
    )
    found = list(rows)
    for index, less_gross, less_net in parts:
        line = found[index].line
        left = {"gross": line.gross - less_gross, "net": max(0, line.net - less_net) if line.net > 0 else line.net}
        found[index] = replace(found[index], line=line.model_copy(update=left))
    return found


def is_goods(row: Row) -> bool:
    return row.line.kind is LineKind.GOODS


def _parts_by_rate(item: RawItem, currency: str) -> dict[Decimal | None, tuple[int, int]]:
    """What a discount took at each rate of VAT, as positive amounts; empty where the row does not tell."""
    found: dict[Decimal | None, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for part in item.display_prices or item.item_price_vat_breakdown:
        gross, net = amounts_of(part, currency)
        before = found[_rate(part)]
        found[_rate(part)] = (before[0] + max(0, -gross), before[1] + max(0, -net))
    return dict(found)


def unnamed_codes(items: Sequence[RawItem], currency: str) -> tuple[UnnamedCode, ...]:
    found = []
    for item in items:
        if item.item_type == COUPON:
            gross, net = (max(0, -amount) for amount in amounts_of(item.item_price, currency))
            found.append(UnnamedCode(gross=gross, net=net, used=gross))  # a coupon's amount is meant with VAT
    return tuple(found)


def shipping_of(items: Sequence[RawItem], currency: str) -> Shipping:
    amounts = [amounts_of(item.item_price, currency) for item in items if item.item_type == SHIPPING]
    return Shipping(gross=max(0, sum(gross for gross, _ in amounts)), net=max(0, sum(net for _, net in amounts)))


def amounts_of(price: Price | None, currency: str) -> tuple[int, int]:
    """Gross and net. Who pays no VAT may have but one of them."""
    if price is None:
        return 0, 0
    one = price.with_vat if price.with_vat is not None else price.without_vat
    other = price.without_vat if price.without_vat is not None else one
    return minor_from_text(one or "0", currency), minor_from_text(other or "0", currency)


def _rate(price: Price | None) -> Decimal | None:
    try:
        rate = Decimal(price.vat_rate) if price and price.vat_rate else None
    except InvalidOperation:
        return None
    return rate if rate is not None and rate.is_finite() else None


def _units(amount: Decimal | None) -> int:
    """Shops sell by weight too: less than a unit counts as one."""
    return max(1, min(int(amount), MOST_UNITS)) if amount is not None else 1
