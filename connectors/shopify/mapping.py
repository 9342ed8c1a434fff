"""From Shopify's words to ours. Pure: what operations/ selects in, values of core.commerce out.

Amounts are the shop's own currency. A line is what was charged for all its units, after discounts and before refunds:
what was refunded stands in the refunds, and units that an edit took away are no part of it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from connectors.shopify.shapes import (
    Bag,
    Line,
    ListedOrder,
    OrderCustomer,
    RawCustomer,
    RawRefund,
    ShippingLine,
    TaxLine,
    Transaction,
    WholeOrder,
)
from core.commerce import (
    AppliedDiscount,
    Customer,
    CustomerRef,
    LineKind,
    Order,
    OrderLine,
    OrderState,
    Payment,
    Refund,
    RefundLine,
    Shipping,
)
from core.errors import InvalidInput
from core.money import minor_from_text

# AUTHORIZED money can still be let go. PARTIALLY_PAID waits for the rest, but see _payment.
PAYMENT = {
    "PAID": Payment.PAID,
    "PARTIALLY_REFUNDED": Payment.PAID,
    "REFUNDED": Payment.PAID,
    "AUTHORIZED": Payment.UNPAID,
    "EXPIRED": Payment.UNPAID,
    "PARTIALLY_PAID": Payment.UNPAID,
    "PENDING": Payment.UNPAID,
    "VOIDED": Payment.UNPAID,
}
MONEY_CAME = frozenset({"SALE", "CAPTURE"})
REST_LINE = "rest"  # tips, duties, fees: what the total holds beside lines and shipping


def order_from(raw: WholeOrder) -> Order:
    """An order with all its lines and refunds. Raises InvalidInput when it cannot be understood."""
    order = _order(raw, raw.refunds)
    never_paid = _never_paid(raw, order) if raw.edited else frozenset()
    if not never_paid:
        return order
    return _order(raw, [refund for refund in raw.refunds if refund.legacy_resource_id not in never_paid])


def order_without_refunds(raw: ListedOrder) -> Order:
    """An order that has none, and was never edited. Raises InvalidInput as above."""
    return _order(raw, ())


def customer_from(raw: RawCustomer) -> Customer:
    return Customer(
        external_id=raw.legacy_resource_id,
        email=raw.default_email_address.email_address if raw.default_email_address else None,
        first_name=raw.first_name or "",
        last_name=raw.last_name or "",
        created_at=raw.created_at,
    )


def tail(gid: str) -> str:
    """The number at the end of `gid://shopify/Order/17`, which is what webhooks and addresses say. Raises InvalidInput."""
    number = gid.rpartition("/")[2].partition("?")[0]
    if not (number.isascii() and number.isdigit()):
        raise InvalidInput("An id of Shopify has no number")
    return number


def gid(kind: str, external_id: str) -> str:
    """The other way round. Raises InvalidInput for what is no number."""
    if not (external_id.isascii() and external_id.isdigit() and len(external_id) <= 20):
        raise InvalidInput("Ids of Shopify are numbers", field="external_id")
    return f"gid://shopify/{kind}/{external_id}"


def _order(raw: WholeOrder | ListedOrder, refunds: Sequence[RawRefund]) -> Order:
    payment = _payment(raw)
    refunded = _refunded_units(refunds)
    goods = [_goods(line, raw, refunded[tail(line.id)]) for line in raw.line_items.nodes]
    shipping = _shipping(raw.shipping_lines.nodes, raw)
    lines = (*(each.line for each in goods), *_rest(raw, goods, shipping))
    return Order(
        external_id=raw.legacy_resource_id,
        number=raw.name or raw.legacy_resource_id,
        currency=raw.currency_code,
        state=_state(raw),
        payment=payment,
        # Imported orders are created today and were processed long ago: the second is what the merchant sees.
        placed_at=raw.processed_at,
        paid_at=(_paid_at(raw.transactions) or raw.processed_at) if payment is Payment.PAID else None,
        completed_at=_completed_at(raw),
        updated_at=raw.updated_at,
        is_test=raw.test,
        customer=_customer_ref(raw.customer),
        lines=lines,
        shipping=shipping,
        discounts=_discounts(raw, goods),
        refunds=_without_taken_out(
            sorted((_refund(each, raw) for each in refunds), key=lambda refund: int(refund.external_id)),
            _paid_for_taken_out(raw, sum(line.gross for line in lines) + shipping.gross),
        ),
        total=sum(line.gross for line in lines) + shipping.gross,
    )


def _customer_ref(raw: OrderCustomer | None) -> CustomerRef:
    """Every checkout makes a customer. Without one it was taken off or redacted: no statement about whose it was."""
    if raw is None:
        return CustomerRef(erased=True)
    email = raw.default_email_address.email_address if raw.default_email_address else None
    name = f"{raw.first_name or ''} {raw.last_name or ''}".strip()
    return CustomerRef(external_id=tail(raw.id), email=email, name=name or None)


def _payment(raw: WholeOrder | ListedOrder) -> Payment:
    """An order that was paid and then got more in it owes the difference. It earns also where we first read it after that:
    the message of the payment may have been lost.
    """
    status = raw.display_financial_status or ""
    if status == "PARTIALLY_PAID" and raw.edited and isinstance(raw, WholeOrder):
        was_paid = raw.total_received_set.amount >= raw.original_total_price_set.amount
        return Payment.PAID if was_paid else Payment.UNPAID
    return PAYMENT.get(status, Payment.UNKNOWN)


def _state(raw: WholeOrder | ListedOrder) -> OrderState:
    if raw.cancelled_at is not None or raw.display_financial_status == "VOIDED":
        return OrderState.CANCELLED
    return OrderState.REFUNDED if raw.display_financial_status == "REFUNDED" else OrderState.PLACED


def _paid_at(transactions: Sequence[Transaction]) -> datetime | None:
    came = [each.processed_at for each in transactions if each.kind in MONEY_CAME and each.status == "SUCCESS"]
    return max((moment for moment in came if moment is not None), default=None)


def _completed_at(raw: WholeOrder | ListedOrder) -> datetime | None:
    if raw.display_fulfillment_status != "FULFILLED":
        return None
    return max((each.created_at for each in raw.fulfillments), default=None)


@dataclass(frozen=True)
class _Goods:
    """A line, and what each discount took off it: index -> gross and net minor units, and in terms of the prices."""

    line: OrderLine
    taken: Mapping[int, tuple[int, int, int]]


def _goods(raw: Line, order: WholeOrder | ListedOrder, refunded: int) -> _Goods:
    """Units that an edit took away, and that nobody was refunded for, are neither in currentQuantity nor in a refund."""
    units = max(0, min(raw.quantity, raw.current_quantity + refunded))

    def of_units(amount: Decimal) -> Decimal:
        """Multiplied before it is divided: five sixths of an amount would else miss a half cent that rounds up."""
        return amount * units / raw.quantity if raw.quantity > 0 else Decimal(0)

    allocated = _allocated(raw)
    charged, tax = raw.original_total_set.amount - sum(allocated.values()), _tax(raw.tax_lines)
    gross, net = (charged, charged - tax) if order.taxes_included else (charged + tax, charged)
    gross, net, off = of_units(gross), of_units(net), {index: of_units(part) for index, part in allocated.items()}
    # Discounts come before tax: each takes its share of the tax with it.
    taxed = 1 + sum((each.rate or Decimal(0) for each in raw.tax_lines), Decimal(0))
    to_gross, to_net = (Decimal(1), 1 / taxed) if order.taxes_included else (taxed, Decimal(1))
    line = OrderLine(
        external_id=tail(raw.id),
        kind=LineKind.GIFT_CARD if raw.is_gift_card else LineKind.GOODS,
        product_id=tail(raw.product.id) if raw.product else None,
        variant_id=tail(raw.variant.id) if raw.variant else None,
        sku=raw.sku or None,
        name=raw.name,
        quantity=max(1, units),
        gross=_minor(gross, order),
        net=_minor(net, order),
        before_discount=_minor(gross, order) + sum(_minor(amount * to_gross, order) for amount in off.values()),
    )
    taken = {
        index: (_minor(amount * to_gross, order), _minor(amount * to_net, order), _minor(amount, order))
        for index, amount in off.items()
    }
    return _Goods(line, taken)


def _allocated(raw: Line) -> dict[int, Decimal]:
    found: dict[int, Decimal] = {}
    for each in raw.discount_allocations:
        index = each.discount_application.index
        found[index] = found.get(index, Decimal(0)) + each.allocated_amount_set.amount
    return found


def _shipping(lines: Sequence[ShippingLine], order: WholeOrder | ListedOrder) -> Shipping:
    kept = [line for line in lines if not line.is_removed]
    charged = sum((line.discounted_price_set.amount for line in kept), Decimal(0))
    tax = sum((_tax(line.tax_lines) for line in kept), Decimal(0))
    gross, net = (charged, charged - tax) if order.taxes_included else (charged + tax, charged)
    return Shipping(gross=max(0, _minor(gross, order)), net=max(0, _minor(net, order)))


def _rest(order: WholeOrder | ListedOrder, goods: Sequence[_Goods], shipping: Shipping) -> tuple[OrderLine, ...]:
    """Tips, duties and fees as one line that earns nothing. An edited order's total is no sum of what is left in it:
    of what it holds besides only the tip is known.
    """
    if isinstance(order, WholeOrder) and order.edited:
        rest = _minor(order.total_tip_received_set.amount, order)
    else:
        rest = _minor(order.total_price_set.amount, order) - sum(each.line.gross for each in goods) - shipping.gross
        rest = rest if rest > len(goods) + 1 else 0  # a unit a line may be rounding
    if rest <= 0:
        return ()
    line = OrderLine(external_id=REST_LINE, kind=LineKind.FEE, gross=rest, net=rest, before_discount=rest)
    return (line,)


def _discounts(order: WholeOrder | ListedOrder, goods: Sequence[_Goods]) -> tuple[AppliedDiscount, ...]:
    """The codes with what they took off the goods; one that only freed the shipping took nothing."""
    found = []
    for application in order.discount_applications.nodes:
        if application.code is None:
            continue
        parts = [each.taken.get(application.index, (0, 0, 0)) for each in goods]
        found.append(
            AppliedDiscount(
                code=application.code,
                gross=max(0, sum(gross for gross, _, _ in parts)),
                net=max(0, sum(net for _, net, _ in parts)),
                used=max(0, sum(used for _, _, used in parts)),
                free_shipping=application.target_type == "SHIPPING_LINE",
            )
        )
    named = {discount.code for discount in found}
    found += [AppliedDiscount(code=code, gross=0, net=0, used=0) for code in order.discount_codes if code not in named]
    return tuple(found)


def _never_paid(raw: WholeOrder, order: Order) -> frozenset[str]:
    """Refunds without money whose pieces nobody paid or owes anything for: an edit took them out before the payment.

    Pieces that came back before their money did look the same, but for those the money had come.
    """
    owed = max(Decimal(0), raw.total_outstanding_set.amount)
    too_much = order.total - _minor(raw.total_received_set.amount + owed, raw) + len(order.lines) + 1
    found = set()
    for refund in raw.refunds:
        named = _refund(refund, raw).lines
        worth = sum(line.gross for line in named)
        if refund.total_refunded_set.amount == 0 and 0 < worth <= too_much:
            too_much -= worth
            found.add(refund.legacy_resource_id)
    return frozenset(found)


def _paid_for_taken_out(order: WholeOrder | ListedOrder, charged: int) -> int:
    """What was paid for and then taken out by an edit: the shop owes that money, or has given it back."""
    if not (order.edited and isinstance(order, WholeOrder)):
        return 0
    return max(0, _minor(order.total_received_set.amount, order) - charged)


def _without_taken_out(refunds: Sequence[Refund], taken_out: int) -> tuple[Refund, ...]:
    """The refunds of what the order still has. Money for what an edit took out names no line, and is no part of them."""
    found = []
    for refund in refunds:
        unnamed = max(0, refund.gross - sum(line.gross for line in refund.lines))
        part = min(unnamed, taken_out)
        taken_out -= part
        found.append(refund.model_copy(update={"gross": refund.gross - part}))
    return tuple(found)


def _refund(raw: RawRefund, order: WholeOrder | ListedOrder) -> Refund:
    """The money that went back, whatever the lines say: Shopify tells of returned goods before, or without, any money."""

    def gross(amount: Bag, tax: Bag) -> int:
        return max(0, _minor(amount.amount + (Decimal(0) if order.taxes_included else tax.amount), order))

    goods = [
        RefundLine(line_id=tail(line.line_item.id), gross=gross(line.subtotal_set, line.total_tax_set))
        for line in raw.refund_line_items.nodes
    ]
    shipping = [
        RefundLine(line_id=None, gross=gross(line.subtotal_amount_set, line.tax_amount_set))
        for line in raw.refund_shipping_lines.nodes
    ]
    return Refund(
        external_id=raw.legacy_resource_id,
        gross=max(0, _minor(raw.total_refunded_set.amount, order)),
        lines=tuple(line for line in (*goods, *shipping) if line.gross),
    )


def _refunded_units(refunds: Sequence[RawRefund]) -> Counter[str]:
    units: Counter[str] = Counter()
    for refund in refunds:
        for line in refund.refund_line_items.nodes:
            units[tail(line.line_item.id)] += line.quantity
    return units


def _tax(lines: Sequence[TaxLine]) -> Decimal:
    return sum((line.price_set.amount for line in lines), Decimal(0))


def _minor(amount: Decimal, order: WholeOrder | ListedOrder) -> int:
    return minor_from_text(str(amount), order.currency_code)
