"""From WooCommerce's words to ours. Pure: a REST body in, a value of core.commerce out.

An order is a function of what it is now: a failed order that is paid later comes back, and nothing depends on history.
"""

import html
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from connectors.woocommerce.shapes import RawCoupon, RawCustomer, RawLine, RawOrder, RawRefund, text_of_php
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
from core.money import minor_from_text, split_by_largest_remainder

# Statuses that plugins add ("shipped", "awaiting-pickup") are PLACED on purpose: such an order exists, and date_paid
# tells whether it is paid. "failed" and "cancelled" orders can be paid later and are then read with another status.
STATE = {
    "auto-draft": OrderState.DRAFT,
    "checkout-draft": OrderState.DRAFT,
    "draft": OrderState.DRAFT,
    "pending": OrderState.PLACED,
    "on-hold": OrderState.PLACED,
    "processing": OrderState.PLACED,
    "completed": OrderState.PLACED,
    "cancelled": OrderState.CANCELLED,
    "failed": OrderState.CANCELLED,
    "trash": OrderState.CANCELLED,
    "refunded": OrderState.REFUNDED,
}
TRASHED = "trash"
COMPLETED = "completed"  # paid by definition, even where cash on delivery left date_paid empty

# What privacy erasure writes: WordPress' fixed address, and WooCommerce's mark on the order.
ERASED_EMAIL = "deleted@site.invalid"
ERASED_META = "_anonymized"

# Line meta that only gift cards carry, read in the plugins' sources. Empty values do not count, and amounts neither: PW
# Gift Cards once wrote its amount on every line. Gift cards of unknown plugins are goods.
GIFT_CARD_META = frozenset(
    {
        "pw_gift_card_to",  # PW WooCommerce Gift Cards
        "pw_gift_card_number",
        "wc_gc_giftcard_to",  # Gift Cards by WooCommerce
        "wc_gc_giftcards",
        "_ywgc_gift_card_code",  # YITH Gift Cards
        "_ywgc_gift_card_post_id",
    }
)

# Order meta that payment plugins write on orders paid with test cards.
TEST_META = {"_wcpay_mode": "test"}

# What we ask for in lists and single reads: a tenth of the size, half the time.
ORDER_FIELDS = ",".join(
    (
        "id", "number", "status", "currency", "prices_include_tax", "date_created_gmt", "date_modified_gmt", "date_paid_gmt",
        "date_completed_gmt", "shipping_total", "shipping_tax", "total", "customer_id", "billing", "meta_data",
        "line_items", "fee_lines", "coupon_lines", "refunds",
    )
)  # fmt: skip


def order_from(body: Mapping[str, Any], refunds: Sequence[Mapping[str, Any]]) -> Order:
    """An order with the answer of its /refunds. Raises InvalidInput when it cannot be understood."""
    try:
        raw = RawOrder.model_validate(body)
        return _order(raw, [_refund(RawRefund.model_validate(refund), raw.currency) for refund in refunds])
    except ValidationError as error:
        raise InvalidInput(f"Not an order of WooCommerce: {_first_problem(error)}") from None
    except RecursionError:
        raise InvalidInput("Not an order of WooCommerce: it is nested too deep") from None
    except ArithmeticError:  # pydantic compares an id that is no number
        raise InvalidInput("Not an order of WooCommerce: one of its ids is no number") from None


def customer_from(body: Mapping[str, Any]) -> Customer:
    """A customer by the account's own e-mail, never the billing one. Raises InvalidInput."""
    try:
        raw = RawCustomer.model_validate(body)
    except ValidationError as error:
        raise InvalidInput(f"Not a customer of WooCommerce: {_first_problem(error)}") from None
    except RecursionError:
        raise InvalidInput("Not a customer of WooCommerce: it is nested too deep") from None
    except ArithmeticError:
        raise InvalidInput("Not a customer of WooCommerce: its id is no number") from None
    return Customer(
        external_id=str(raw.id),
        email=raw.email.strip() or None,
        first_name=html.unescape(raw.first_name),
        last_name=html.unescape(raw.last_name),
        created_at=moment(raw.date_created_gmt),
    )


def moment(text: str | None) -> datetime | None:
    """An instant from a *_gmt field, which has no offset. Raises InvalidInput."""
    if not text:
        return None
    try:
        parsed = datetime.fromisoformat(text)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):  # the last at both ends of the calendar
        raise InvalidInput("A date of WooCommerce cannot be read") from None


def _order(raw: RawOrder, refunds: Sequence[Refund]) -> Order:
    paid_at, completed_at = moment(raw.date_paid_gmt), moment(raw.date_completed_gmt)
    status = raw.status.removeprefix("wc-")
    paid = paid_at is not None or status == COMPLETED
    placed_at = moment(raw.date_created_gmt) or moment(raw.date_modified_gmt)
    if placed_at is None:
        raise InvalidInput("Not an order of WooCommerce: it has no date")
    lines, shipping = _lines_and_shipping(raw)
    return Order(
        external_id=str(raw.id),
        number=raw.number or str(raw.id),
        currency=raw.currency,
        state=STATE.get(status, OrderState.PLACED),
        payment=Payment.PAID if paid else Payment.UNPAID,
        placed_at=placed_at,
        paid_at=paid_at or (completed_at if paid else None),
        completed_at=completed_at,
        updated_at=moment(raw.date_modified_gmt),
        is_test=any(TEST_META.get(meta.key) == meta.value for meta in raw.meta_data if meta.key in TEST_META),
        customer=_customer_ref(raw),
        lines=lines,
        shipping=shipping,
        discounts=tuple(_applied(coupon, raw) for coupon in raw.coupon_lines),
        refunds=tuple(sorted(refunds, key=lambda refund: int(refund.external_id))),
        total=_minor(raw.currency, raw.total),
    )


def _customer_ref(raw: RawOrder) -> CustomerRef:
    email = raw.billing.email.strip()
    if email.lower() == ERASED_EMAIL or any(meta.key == ERASED_META and meta.value for meta in raw.meta_data):
        return CustomerRef(erased=True)
    name = html.unescape(f"{raw.billing.first_name} {raw.billing.last_name}".strip())
    external_id = str(raw.customer_id) if raw.customer_id > 0 else None
    return CustomerRef(external_id=external_id, email=email or None, name=name or None)


def _lines_and_shipping(raw: RawOrder) -> tuple[tuple[OrderLine, ...], Shipping]:
    """Lines that add up to the order's total, with what is negative taken off the goods.

    Plugins write discounts as fees below zero. Left as lines they would let the goods earn as if paid in full, and a
    full refund would leave part of them kept; so they are spread over the goods, then over fees, then over shipping.
    """
    currency = raw.currency
    ids = [line.id for line in (*raw.line_items, *raw.fee_lines)]
    if len(ids) != len(set(ids)):  # refunds name lines by id: one would be taken for the other
        raise InvalidInput("Not an order of WooCommerce: two lines have one id")
    lines = [_goods_line(line, currency) for line in raw.line_items]
    fees = [_fee_line(line, currency) for line in raw.fee_lines]
    shipping_gross = _minor(currency, raw.shipping_total, raw.shipping_tax)
    shipping_net = _minor(currency, raw.shipping_total)
    off_gross = -sum(fee.gross for fee in fees if fee.gross < 0) - min(0, shipping_gross)
    off_net = -sum(fee.net for fee in fees if fee.gross < 0) - (shipping_net if shipping_gross < 0 else 0)
    shipping_gross, shipping_net = max(0, shipping_gross), max(0, shipping_net) if shipping_gross > 0 else 0
    fees = [fee for fee in fees if fee.gross >= 0]
    if off_gross:
        lines, off_gross, off_net = _taken_off(lines, off_gross, off_net)
        fees, off_gross, off_net = _taken_off(fees, off_gross, off_net)
        shipping_gross, shipping_net = max(0, shipping_gross - off_gross), max(0, shipping_net - off_net)
    shipping = Shipping(gross=shipping_gross, net=min(shipping_net, shipping_gross))
    return (*lines, *fees), shipping


def _taken_off(lines: list[OrderLine], gross: int, net: int) -> tuple[list[OrderLine], int, int]:
    """The lines less an amount, as far as it goes, by what each costs; and what is left of the amount."""
    gross_weights = [max(0, line.gross) for line in lines]
    net_weights = [max(0, line.net) for line in lines]
    gross_here, net_here = min(gross, sum(gross_weights)), min(max(0, net), sum(net_weights))
    gross_parts = split_by_largest_remainder(gross_here, gross_weights)
    net_parts = split_by_largest_remainder(net_here, net_weights)
    less = [
        line.model_copy(update={"gross": line.gross - gross_part, "net": line.net - net_part})
        for line, gross_part, net_part in zip(lines, gross_parts, net_parts, strict=True)
    ]
    return less, gross - gross_here, net - net_here


def _goods_line(line: RawLine, currency: str) -> OrderLine:
    is_gift_card = any(meta.key in GIFT_CARD_META and meta.value for meta in line.meta_data)
    return OrderLine(
        external_id=str(line.id),
        kind=LineKind.GIFT_CARD if is_gift_card else LineKind.GOODS,
        product_id=str(line.product_id) if line.product_id > 0 else None,
        variant_id=str(line.variation_id) if line.variation_id > 0 else None,
        sku=line.sku or None,
        name=html.unescape(line.name),
        quantity=max(1, int(line.quantity)),
        gross=_minor(currency, line.total, line.total_tax),
        net=_minor(currency, line.total),
        before_discount=_minor(currency, line.subtotal, line.subtotal_tax),
    )


def _fee_line(line: RawLine, currency: str) -> OrderLine:
    gross = _minor(currency, line.total, line.total_tax)
    return OrderLine(
        external_id=str(line.id),
        kind=LineKind.FEE,
        name=html.unescape(line.name),
        gross=gross,
        net=_minor(currency, line.total),
        before_discount=gross,
    )


def _applied(coupon: RawCoupon, order: RawOrder) -> AppliedDiscount:
    gross = max(0, _minor(order.currency, coupon.discount, coupon.discount_tax))
    net = max(0, _minor(order.currency, coupon.discount))
    return AppliedDiscount(
        code=html.unescape(coupon.code),
        gross=gross,
        net=net,
        used=gross if order.prices_include_tax else net,
        free_shipping=_frees_shipping(coupon),
    )


def _frees_shipping(coupon: RawCoupon) -> bool:
    """Said outright since 8.7; before that in the copy of the coupon that its line on the order keeps."""
    if coupon.free_shipping is not None:
        return coupon.free_shipping
    copies = (meta.value for meta in coupon.meta_data if meta.key == "coupon_data" and isinstance(meta.value, dict))
    return any(copy.get("free_shipping") is True for copy in copies)


def _refund(raw: RawRefund, currency: str) -> Refund:
    """A refund's lines are negative. What they do not name is spread by core.commerce.kept_of."""
    goods_and_fees = [
        _refund_line(line, _refunded_line_id(line), currency) for line in (*raw.line_items, *raw.fee_lines)
    ]
    named = [line for line in goods_and_fees if line is not None and line.line_id is not None]
    shipping = [_refund_line(line, None, currency) for line in raw.shipping_lines]
    return Refund(
        external_id=str(raw.id),
        gross=abs(_minor(currency, raw.amount)),
        lines=(*named, *(line for line in shipping if line is not None)),
    )


def _refund_line(line: RawLine, line_id: str | None, currency: str) -> RefundLine | None:
    gross = -_minor(currency, line.total, line.total_tax)
    return RefundLine(line_id=line_id, gross=gross) if gross > 0 else None


def _refunded_line_id(line: RawLine) -> str | None:
    return next(
        (text_of_php(meta.value) for meta in line.meta_data if meta.key == "_refunded_item_id" and meta.value), None
    )


def _minor(currency: str, *texts: str) -> int:
    """The sum of amounts, exact, and rounded once: net and tax may be finer than the currency."""
    return minor_from_text(str(_sum(texts)), currency)


def _sum(texts: Iterable[str]) -> Decimal:
    try:
        return sum((Decimal(text.strip() or "0") for text in texts), Decimal(0))
    except ArithmeticError:  # not a number, or beyond all bounds
        raise InvalidInput("An amount of WooCommerce is no number", field="amount") from None


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
