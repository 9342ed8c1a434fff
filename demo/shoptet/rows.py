"""The rows of an order as the API tells them: products, volume discount, coupon, shipping, payment; totals by VAT rate."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from demo.shop.entities import Order, Refund
from demo.shop.money import text
from demo.shoptet.amounts import REDUCED, STANDARD, Json, price, summed
from demo.shoptet.entities import OrderExtra
from demo.shoptet.guids import guid
from demo.shoptet.site import Site

# House blend coffee is food.
REDUCED_PRODUCTS = frozenset({14})
BRAND = "Fernway"
PAYMENTS = {"demo_card": (1, "Online card", 4), "cod": (2, "Cash on delivery", 1), "bacs": (3, "Bank transfer", 2)}
NO_SHIPPING = "No shipping"
UNIT = "pcs"


@dataclass(frozen=True, slots=True)
class Row:
    """`parts`: (gross cents, VAT rate) that make up the row; most have one. `count`: pieces of a product."""

    id: int
    kind: str
    name: str
    count: int
    parts: tuple[tuple[int, Decimal], ...]
    product_id: int = 0
    code: str | None = None

    @property
    def gross(self) -> int:
        return sum(gross for gross, _ in self.parts)

    @property
    def rate(self) -> Decimal:
        """That of the part when there is one, else the standard rate."""
        return self.parts[0][1] if len(self.parts) == 1 else STANDARD


def rate_of(product_id: int) -> Decimal:
    return REDUCED if product_id in REDUCED_PRODUCTS else STANDARD


def rows(site: Site, order: Order) -> list[Row]:
    extra = site.extra_of(order)
    return list(_rows(site, order, extra))


def refunded_rows(site: Site, order: Order, refund: Refund) -> list[Row]:
    """What a credit note lists: the pieces that came back at what was paid for them, or one row for an amount alone."""
    extra = site.extra_of(order)
    if not refund.lines:
        gross = _in_currency(refund.amount, extra)
        return [Row(refund.id, "generic-item", refund.reason or "Discount", 1, ((gross, STANDARD),))]
    return [
        Row(
            line.item_id, "product", line.name, line.quantity,
            ((_in_currency(line.net + line.tax, extra), rate_of(line.product_id)),), line.product_id, line.sku,
        )
        for line in refund.lines
    ]  # fmt: skip


def head_price(site: Site, order: Order) -> Json:
    """The sums of an order."""
    extra = site.extra_of(order)
    return sums(site, rows(site, order), extra)


def sums(site: Site, known: list[Row], extra: OrderExtra) -> Json:
    total = summed((part for row in known for part in row.parts), STANDARD)
    return {
        "vat": total["vat"],
        "toPay": total["withVat"],
        "currencyCode": extra.currency or site.currency,
        "withoutVat": total["withoutVat"],
        "withVat": total["withVat"],
        "exchangeRate": f"{extra.rate:.8f}",
    }


def prices(row: Row) -> Json:
    """itemPrice is that of the whole row, unitPrice that of a piece; the split by VAT rate stands beside them."""
    split = [price(gross, rate) for gross, rate in row.parts]
    whole = split[0] if len(split) == 1 else summed(row.parts, row.rate)
    each = price(round(row.gross / max(1, row.count)), row.rate) if len(split) == 1 else whole
    return {"itemPrice": whole, "unitPrice": each, "displayPrices": split, "itemPriceVatBreakdown": split}


def product_guid(row: Row) -> str | None:
    return guid("product", row.product_id) if row.product_id else None


def money_words(site: Site, cents: int, currency: str) -> str:
    """100 Kč, 5 EUR"""
    short = text(cents).removesuffix(".00")
    return f"{short.replace('.', ',')} Kč" if currency == "CZK" else f"{short} {currency}"


def coupon_row_name(site: Site, cents: int, currency: str) -> str:
    word, cut = ("Slevový kupon", "Sleva") if site.language == "cs" else ("Discount coupon", "Discount")
    return f"{word} - {cut} {money_words(site, cents, currency)}"


def _rows(site: Site, order: Order, extra: OrderExtra) -> Iterator[Row]:
    for line in order.lines:
        part = (_in_currency(line.subtotal, extra), rate_of(line.product_id))
        yield Row(line.id, "product", line.name, line.quantity, (part,), line.product_id, line.sku)
    for fee in order.fee_lines:
        kind = extra.kinds.get(fee.id, "service")
        yield Row(fee.id, kind, fee.name, 1, ((_in_currency(fee.total, extra), STANDARD),))
    for sent in order.shipping_lines:
        yield Row(sent.id, "shipping", sent.title, 1, ((_in_currency(sent.total, extra), STANDARD),))
    if not order.shipping_lines:
        yield Row(order.tax_line_id + 1_000_000, "shipping", NO_SHIPPING, 1, ((0, STANDARD),))
    paid = PAYMENTS.get(order.payment_method, PAYMENTS["bacs"])
    yield Row(order.tax_line_id + 2_000_000, "billing", paid[1], 1, ((0, STANDARD),))
    for used in order.coupon_lines:
        cut = _in_currency(used.discount, extra)
        name = coupon_row_name(site, cut, extra.currency or site.currency)
        yield Row(used.id, "discount-coupon", name, 1, _coupon_parts(order, extra, -cut))


def _coupon_parts(order: Order, extra: OrderExtra, gross: int) -> tuple[tuple[int, Decimal], ...]:
    """A discount spread over the VAT rates of what it was taken off."""
    taken: dict[Decimal, int] = {}
    for line in order.lines:
        rate = rate_of(line.product_id)
        taken[rate] = taken.get(rate, 0) - _in_currency(line.subtotal - line.total, extra)
    parts = [(cut, rate) for rate, cut in taken.items() if cut]
    rest = gross - sum(cut for cut, _ in parts)
    if not parts:
        return ((gross, STANDARD),)
    (first, rate), *more = parts
    return ((first + rest, rate), *more)


def _in_currency(cents: int, extra: OrderExtra) -> int:
    return int((cents * extra.rate).quantize(Decimal(1), ROUND_HALF_UP)) if extra.currency else cents
