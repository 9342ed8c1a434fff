"""Orders as the Admin API shows them. Attributes and methods are named as in the schema; amounts are money bags."""

from demo.shop.entities import Customer, Order
from demo.shopify.connections import Connection, listed
from demo.shopify.customer_views import CustomerView
from demo.shopify.entities import OrderExtra
from demo.shopify.ids import gid, number
from demo.shopify.line_views import CodeApplicationView, LineView, ShippingLineView, TransactionView
from demo.shopify.money import CURRENCY, MoneyBag, bag
from demo.shopify.refund_views import RefundView
from demo.shopify.site import Site
from demo.shopify.sums import OrderSums, financial_status, order_sums
from demo.shopify.times import utc, utc_or_none


class FulfillmentView:
    TYPE = "Fulfillment"

    def __init__(self, at: int) -> None:
        self.createdAt = utc(at)


class OrderView:
    TYPE = "Order"
    currencyCode = CURRENCY

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
        self.discountCodes = [str(line.coupon.get("code", line.code)) for line in order.coupon_lines]
        self._sums_kept: OrderSums | None = None

    @property
    def displayFinancialStatus(self) -> str:
        return financial_status(self._order, self._extra, self._sums)

    @property
    def displayFulfillmentStatus(self) -> str:
        return "FULFILLED" if self._order.completed_at is not None else "UNFULFILLED"

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
    def totalTaxSet(self) -> MoneyBag:
        return bag(self._sums.tax)

    @property
    def totalShippingPriceSet(self) -> MoneyBag:
        return bag(self._sums.shipping)

    @property
    def netPaymentSet(self) -> MoneyBag:
        return bag(self._sums.net_payment)

    @property
    def totalReceivedSet(self) -> MoneyBag:
        return bag(self._sums.received)

    @property
    def originalTotalPriceSet(self) -> MoneyBag:
        original = self._extra.original_total
        return bag(self._sums.total if original is None else original)

    @property
    def totalOutstandingSet(self) -> MoneyBag:
        return bag(self._sums.outstanding)

    @property
    def totalTipReceivedSet(self) -> MoneyBag:
        return bag(self._sums.tip)

    def lineItems(self, first: int | None = None, after: str | None = None) -> Connection[LineView]:
        return listed([LineView(self._site, self._order, line) for line in self._order.lines], first, after)

    def shippingLines(self, first: int | None = None, includeRemovals: bool = False) -> Connection[ShippingLineView]:
        return listed([ShippingLineView(self._extra, line) for line in self._order.shipping_lines], first)

    def discountApplications(self, first: int | None = None) -> Connection[CodeApplicationView]:
        codes = [CodeApplicationView(self._order, index) for index in range(len(self._order.coupon_lines))]
        return listed(codes, first)

    def refunds(self, first: int | None = None) -> list[RefundView]:
        """Oldest first."""
        return [RefundView(self._site, self._order, made) for made in reversed(self._order.refunds)][:first]

    def transactions(self, first: int | None = None) -> list[TransactionView]:
        return transactions(self._order, self._extra, self._sums)[:first]

    def fulfillments(self, first: int | None = None) -> list[FulfillmentView]:
        done = self._order.completed_at
        return [FulfillmentView(done)][:first] if done is not None else []

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
    if extra.authorized:
        made.append(TransactionView("AUTHORIZATION", "SUCCESS", at))
    if sums.received:
        made.append(TransactionView("CAPTURE" if extra.authorized else "SALE", "SUCCESS", order.paid_at))
    elif order.status == "failed":
        made.append(TransactionView("SALE", "FAILURE", at))
    elif cancelled_at(order, extra) is not None and extra.authorized:
        made.append(TransactionView("VOID", "SUCCESS", order.modified_at))
    elif not extra.authorized and order.total:
        made.append(TransactionView("SALE", "PENDING", None))
    return made + [TransactionView("REFUND", "SUCCESS", refund.created_at) for refund in reversed(order.refunds)]
