"""Refunds as the Admin API shows them. Attributes and methods are named as in the schema."""

from demo.shop.entities import Order, Refund, RefundLine
from demo.shopify.connections import Connection, listed
from demo.shopify.entities import OrderExtra
from demo.shopify.ids import gid, number
from demo.shopify.line_views import LineView
from demo.shopify.money import bag
from demo.shopify.site import Site


class RefundLineView:
    TYPE = "RefundLineItem"

    def __init__(self, site: Site, order: Order, part: RefundLine) -> None:
        extra = site.extra_of(order)
        line = next(line for line in order.lines if line.id == part.item_id)
        self.quantity = part.quantity
        self.lineItem = LineView(site, order, line)
        self.subtotalSet = bag(part.net + (part.tax if extra.taxes_included else 0))
        self.totalTaxSet = bag(part.tax)


class RefundShippingView:
    TYPE = "RefundShippingLine"

    def __init__(self, extra: OrderExtra, part: RefundLine) -> None:
        self.subtotalAmountSet = bag(part.net + (part.tax if extra.taxes_included else 0))
        self.taxAmountSet = bag(part.tax)


class AdjustmentView:
    """What was given back beyond (negative) or below (positive) the value of what came back."""

    TYPE = "OrderAdjustment"
    reason = "REFUND_DISCREPANCY"

    def __init__(self, cents: int) -> None:
        self.amountSet = bag(cents)


def discrepancy(refund: Refund) -> int:
    return sum(part.net + part.tax for part in refund.lines) - refund.amount


class RefundView:
    TYPE = "Refund"

    def __init__(self, site: Site, order: Order, refund: Refund) -> None:
        self._site, self._order, self._refund = site, order, refund
        self.id = gid("Refund", refund.id)
        self.legacyResourceId = str(number("Refund", refund.id))
        self.totalRefundedSet = bag(refund.amount)

    def refundLineItems(self, first: int | None = None, after: str | None = None) -> Connection[RefundLineView]:
        known = {line.id for line in self._order.lines}
        parts = [part for part in self._refund.lines if part.part != "shipping" and part.item_id in known]
        return listed([RefundLineView(self._site, self._order, part) for part in parts], first, after)

    def refundShippingLines(self, first: int | None = None) -> Connection[RefundShippingView]:
        extra = self._site.extra_of(self._order)
        parts = [part for part in self._refund.lines if part.part == "shipping"]
        return listed([RefundShippingView(extra, part) for part in parts], first)

    def orderAdjustments(self, first: int | None = None) -> Connection[AdjustmentView]:
        cents = discrepancy(self._refund)
        return listed([AdjustmentView(cents)] if cents else [], first)
