"""Orders as the Admin API shows them. Attributes and methods are named as in the schema; amounts are money bags."""

from demo.shop.entities import Customer, Order, OrderLine, Product, Refund, RefundLine, ShippingLine
from demo.shop.money import tax
from demo.shopify.connections import Connection, listed
from demo.shopify.customer_views import CustomerView
from demo.shopify.entities import OrderExtra
from demo.shopify.ids import gid, number
from demo.shopify.money import CURRENCY, MoneyBag, MoneyV2, bag, money
from demo.shopify.node_views import IdView, ProductView
from demo.shopify.site import Site
from demo.shopify.sums import OrderSums, financial_status, line_sums, order_sums, shown
from demo.shopify.times import utc, utc_or_none

VAT = 0.21


class TaxLineView:
    TYPE = "TaxLine"
    rate = VAT
    title = "VAT"

    def __init__(self, cents: int) -> None:
        self.priceSet = bag(cents)


class PercentageView:
    TYPE = "PricingPercentageValue"

    def __init__(self, percentage: float) -> None:
        self.percentage = percentage


class CodeApplicationView:
    """The application of a code; `index` counts the codes of the order."""

    TYPE = "DiscountCodeApplication"
    allocationMethod = "ACROSS"

    def __init__(self, order: Order, index: int) -> None:
        line = order.coupon_lines[index] if index < len(order.coupon_lines) else None
        self.index = index
        described = line.coupon if line is not None else {}
        self.code = str(described.get("code", line.code if line is not None else ""))
        shipping = line is not None and line.free_shipping
        self.targetType = "SHIPPING_LINE" if shipping else "LINE_ITEM"
        self.targetSelection = "ENTITLED" if described.get("entitled") else "ALL"
        self.value: PercentageView | MoneyV2
        if shipping:
            self.value = PercentageView(100.0)
        elif line is not None and line.kind == "percent":
            self.value = PercentageView(line.amount / 100)
        else:
            self.value = money(line.amount if line is not None else 0)


class AllocationView:
    TYPE = "DiscountAllocation"

    def __init__(self, order: Order, index: int, cents: int) -> None:
        self.allocatedAmountSet = bag(cents)
        self.discountApplication = CodeApplicationView(order, index)


class LineView:
    TYPE = "LineItem"

    def __init__(self, site: Site, order: Order, line: OrderLine) -> None:
        self._site, self._order, self._line = site, order, line
        self._extra = site.extra_of(order)
        self.id = gid("LineItem", line.id)
        self.name = self.title = line.name
        self.sku = line.sku or None
        self.quantity = line.quantity
        self.isGiftCard = line.id in self._extra.gift_cards
        self.sellingPlan = None
        self._sums = line_sums(order, self._extra, line)

    @property
    def currentQuantity(self) -> int:
        return self._sums.current_quantity

    @property
    def requiresShipping(self) -> bool:
        product = self._product()
        return not self.isGiftCard and (product is None or not product.virtual)

    @property
    def product(self) -> ProductView | None:
        found = self._product()
        return ProductView(found) if found is not None else None

    @property
    def variant(self) -> IdView | None:
        return IdView("ProductVariant", self._line.product_id) if self._product() is not None else None

    @property
    def originalTotalSet(self) -> MoneyBag:
        return bag(self._sums.original)

    @property
    def originalUnitPriceSet(self) -> MoneyBag:
        return bag(self._sums.unit)

    def discountedTotalSet(self, withCodeDiscounts: bool = False) -> MoneyBag:
        sums = self._sums
        return bag(sums.discounted if withCodeDiscounts else sums.original)

    @property
    def discountedUnitPriceAfterAllDiscountsSet(self) -> MoneyBag:
        return bag(self._sums.discounted // self.quantity)

    @property
    def totalDiscountSet(self) -> MoneyBag:
        """Line-level discounts only, of which this shop has none."""
        return bag(0)

    @property
    def priceAfterAllDiscountsBeforeTaxesSet(self) -> MoneyBag:
        sums = self._sums
        whole = sums.discounted - sums.tax if self._extra.taxes_included else sums.discounted
        return bag(whole * sums.current_quantity // self.quantity)

    @property
    def discountAllocations(self) -> list[AllocationView]:
        return [AllocationView(self._order, index, cents) for index, cents in self._sums.allocations]

    def taxLines(self, first: int | None = None) -> list[TaxLineView]:
        return [TaxLineView(self._sums.tax)] if self._sums.tax else []

    def _product(self) -> Product | None:
        return self._site.store.products.get(self._line.product_id)


class ShippingLineView:
    TYPE = "ShippingLine"
    isRemoved = False

    def __init__(self, extra: OrderExtra, line: ShippingLine) -> None:
        self.id = gid("ShippingLine", line.id)
        self.title = line.title
        self.discountedPriceSet = self.originalPriceSet = bag(shown(extra, line.total))
        self.taxLines = [TaxLineView(tax(line.total))]


class TransactionView:
    TYPE = "OrderTransaction"
    gateway = "bogus"

    def __init__(self, local: int, kind: str, status: str, cents: int, at: float | None) -> None:
        self.id = gid("OrderTransaction", local)
        self.kind, self.status = kind, status
        self.amountSet = bag(cents)
        self.processedAt = utc_or_none(at)


class RefundLineView:
    TYPE = "RefundLineItem"
    restockType = "RETURN"

    def __init__(self, site: Site, order: Order, part: RefundLine) -> None:
        extra = site.extra_of(order)
        line = next(line for line in order.lines if line.id == part.item_id)
        self.id = gid("RefundLineItem", part.id)
        self.quantity = part.quantity
        self.lineItem = LineView(site, order, line)
        self.priceSet = bag(line_sums(order, extra, line).unit)
        self.subtotalSet = bag(part.net + (part.tax if extra.taxes_included else 0))
        self.totalTaxSet = bag(part.tax)


class RefundShippingView:
    TYPE = "RefundShippingLine"

    def __init__(self, extra: OrderExtra, part: RefundLine) -> None:
        self.id = gid("RefundShippingLine", part.id)
        self.subtotalAmountSet = bag(part.net + (part.tax if extra.taxes_included else 0))
        self.taxAmountSet = bag(part.tax)


class AdjustmentView:
    """What was given back beyond (negative) or below (positive) the value of what came back."""

    TYPE = "OrderAdjustment"
    reason = "REFUND_DISCREPANCY"

    def __init__(self, refund: Refund, cents: int) -> None:
        self.id = gid("OrderAdjustment", refund.id)
        self.amountSet = bag(cents)
        self.taxAmountSet = bag(0)


def discrepancy(refund: Refund) -> int:
    return sum(part.net + part.tax for part in refund.lines) - refund.amount


class RefundView:
    TYPE = "Refund"

    def __init__(self, site: Site, order: Order, refund: Refund) -> None:
        self._site, self._order, self._refund = site, order, refund
        self.id = gid("Refund", refund.id)
        self.legacyResourceId = str(number("Refund", refund.id))
        self.createdAt = self.processedAt = self.updatedAt = utc(refund.created_at)
        self.note = refund.reason or None
        self.totalRefundedSet = bag(refund.amount)

    def refundLineItems(self, first: int | None = None, after: str | None = None) -> Connection[RefundLineView]:
        known = {line.id for line in self._order.lines}
        parts = [part for part in self._refund.lines if part.part != "shipping" and part.item_id in known]
        return listed([RefundLineView(self._site, self._order, part) for part in parts], first, after)

    def refundShippingLines(self, first: int | None = None, after: str | None = None) -> Connection[RefundShippingView]:
        extra = self._site.extra_of(self._order)
        parts = [part for part in self._refund.lines if part.part == "shipping"]
        return listed([RefundShippingView(extra, part) for part in parts], first, after)

    def orderAdjustments(self, first: int | None = None, after: str | None = None) -> Connection[AdjustmentView]:
        cents = discrepancy(self._refund)
        return listed([AdjustmentView(self._refund, cents)] if cents else [], first, after)

    def transactions(self, first: int | None = None, after: str | None = None) -> Connection[TransactionView]:
        return listed([refund_transaction(self._refund)], first, after)


def refund_transaction(refund: Refund) -> TransactionView:
    return TransactionView(refund.id, "REFUND", "SUCCESS", refund.amount, refund.created_at)


class FulfillmentView:
    TYPE = "Fulfillment"

    def __init__(self, order: Order, at: int) -> None:
        self.id = gid("Fulfillment", order.id)
        self.createdAt = utc(at)


class OrderView:
    TYPE = "Order"
    confirmed = True
    taxExempt = False
    tags: tuple[str, ...] = ()
    currencyCode = presentmentCurrencyCode = CURRENCY

    def __init__(self, site: Site, order: Order) -> None:
        self._site, self._order = site, order
        extra = self._extra = site.extra_of(order)
        self.id = gid("Order", order.id)
        self.legacyResourceId = str(number("Order", order.id))
        self.name = f"#{1000 + order.id}"
        self.test, self.edited = extra.test, extra.edited
        self.taxesIncluded = extra.taxes_included
        self.createdAt, self.updatedAt = utc(order.created_at), utc(order.modified_at)
        self.processedAt = utc(extra.processed_at or order.created_at)
        self.cancelledAt = utc_or_none(cancelled_at(order, extra))
        self.closedAt = utc_or_none(order.completed_at)
        self.sourceName = extra.source
        self.discountCodes = [str(line.coupon.get("code", line.code)) for line in order.coupon_lines]
        self._sums_kept: OrderSums | None = None

    @property
    def cancelReason(self) -> str | None:
        return None if self.cancelledAt is None else self._extra.cancel_reason or "OTHER"

    @property
    def displayFinancialStatus(self) -> str:
        return financial_status(self._order, self._extra, self._sums)

    @property
    def displayFulfillmentStatus(self) -> str:
        return "FULFILLED" if self._order.completed_at is not None else "UNFULFILLED"

    @property
    def fullyPaid(self) -> bool:
        return self._sums.received > 0 and self._sums.outstanding <= 0

    @property
    def unpaid(self) -> bool:
        return self._sums.received == 0

    @property
    def customer(self) -> CustomerView | None:
        found: Customer | None = self._site.customer(self._order.customer_id)
        return CustomerView(self._site, found) if found is not None else None

    @property
    def subtotalPriceSet(self) -> MoneyBag:
        return bag(self._sums.subtotal)

    @property
    def currentSubtotalPriceSet(self) -> MoneyBag:
        return bag(self._sums.current_subtotal)

    @property
    def totalPriceSet(self) -> MoneyBag:
        return bag(self._sums.total)

    @property
    def currentTotalPriceSet(self) -> MoneyBag:
        return bag(self._sums.current_total)

    @property
    def totalDiscountsSet(self) -> MoneyBag:
        return bag(self._sums.discounts)

    @property
    def currentTotalDiscountsSet(self) -> MoneyBag:
        return bag(self._sums.current_discounts)

    @property
    def totalTaxSet(self) -> MoneyBag:
        return bag(self._sums.tax)

    @property
    def currentTotalTaxSet(self) -> MoneyBag:
        return bag(self._sums.current_tax)

    @property
    def totalShippingPriceSet(self) -> MoneyBag:
        return bag(self._sums.shipping)

    @property
    def currentShippingPriceSet(self) -> MoneyBag:
        return bag(self._sums.current_shipping)

    @property
    def totalRefundedSet(self) -> MoneyBag:
        return bag(self._sums.refunded)

    @property
    def totalRefundedShippingSet(self) -> MoneyBag:
        return bag(self._sums.refunded_shipping)

    @property
    def netPaymentSet(self) -> MoneyBag:
        return bag(self._sums.net_payment)

    @property
    def totalReceivedSet(self) -> MoneyBag:
        return bag(self._sums.received)

    @property
    def totalOutstandingSet(self) -> MoneyBag:
        return bag(self._sums.outstanding)

    @property
    def totalTipReceivedSet(self) -> MoneyBag:
        return bag(self._sums.tip)

    def lineItems(self, first: int | None = None, after: str | None = None) -> Connection[LineView]:
        return listed([LineView(self._site, self._order, line) for line in self._order.lines], first, after)

    def shippingLines(
        self, first: int | None = None, after: str | None = None, includeRemovals: bool = False
    ) -> Connection[ShippingLineView]:
        lines = [ShippingLineView(self._extra, line) for line in self._order.shipping_lines]
        return listed(lines, first, after)

    def discountApplications(
        self, first: int | None = None, after: str | None = None
    ) -> Connection[CodeApplicationView]:
        codes = [CodeApplicationView(self._order, index) for index in range(len(self._order.coupon_lines))]
        return listed(codes, first, after)

    def refunds(self, first: int | None = None) -> list[RefundView]:
        """Oldest first."""
        return [RefundView(self._site, self._order, made) for made in reversed(self._order.refunds)][:first]

    def transactions(self, first: int | None = None) -> list[TransactionView]:
        return transactions(self._order, self._extra, self._sums)[:first]

    def fulfillments(self, first: int | None = None) -> list[FulfillmentView]:
        done = self._order.completed_at
        return [FulfillmentView(self._order, done)][:first] if done is not None else []

    @property
    def _sums(self) -> OrderSums:
        if self._sums_kept is None:
            self._sums_kept = order_sums(self._order, self._extra)
        return self._sums_kept


def cancelled_at(order: Order, extra: OrderExtra) -> int | None:
    """The books of the past year have orders that failed or were cancelled, and no moment for it."""
    if extra.cancelled_at is None and order.status in {"cancelled", "failed"}:
        return order.modified_at
    return extra.cancelled_at


def transactions(order: Order, extra: OrderExtra, sums: OrderSums) -> list[TransactionView]:
    at = order.created_at
    made = []
    # Refunds take their own ids; the payment's must not be one of them.
    first = 1_000_000_000 + 2 * order.id
    if extra.authorized:
        made.append(TransactionView(first + 1, "AUTHORIZATION", "SUCCESS", order.total, at))
    if sums.received:
        kind = "CAPTURE" if extra.authorized else "SALE"
        made.append(TransactionView(first, kind, "SUCCESS", sums.received, order.paid_at))
    elif order.status == "failed":
        made.append(TransactionView(first, "SALE", "FAILURE", order.total, at))
    elif cancelled_at(order, extra) is not None and extra.authorized:
        made.append(TransactionView(first, "VOID", "SUCCESS", order.total, order.modified_at))
    elif not extra.authorized and order.total:
        made.append(TransactionView(first, "SALE", "PENDING", order.total, None))
    return made + [refund_transaction(refund) for refund in reversed(order.refunds)]
