"""The lines of an order as the Admin API shows them. Attributes and methods are named as in the schema."""

from demo.shop.entities import Order, OrderLine, ShippingLine
from demo.shop.money import tax
from demo.shopify.entities import OrderExtra
from demo.shopify.ids import gid
from demo.shopify.money import MoneyBag, bag
from demo.shopify.node_views import IdView
from demo.shopify.site import Site
from demo.shopify.sums import line_sums, shown
from demo.shopify.times import utc_or_none

VAT = 0.21


class TaxLineView:
    TYPE = "TaxLine"
    rate = VAT

    def __init__(self, cents: int) -> None:
        self.priceSet = bag(cents)


class CodeApplicationView:
    """The application of a code; `index` counts the codes of the order."""

    TYPE = "DiscountCodeApplication"

    def __init__(self, order: Order, index: int) -> None:
        line = order.coupon_lines[index] if index < len(order.coupon_lines) else None
        self.index = index
        described = line.coupon if line is not None else {}
        self.code = str(described.get("code", line.code if line is not None else ""))
        shipping = line is not None and line.free_shipping
        self.targetType = "SHIPPING_LINE" if shipping else "LINE_ITEM"


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
        self.name = line.name
        self.sku = line.sku or None
        self.quantity = line.quantity
        self.isGiftCard = line.id in self._extra.gift_cards
        self._sums = line_sums(order, self._extra, line)

    @property
    def currentQuantity(self) -> int:
        return self._sums.current_quantity

    @property
    def product(self) -> IdView | None:
        return self._catalogued("Product")

    @property
    def variant(self) -> IdView | None:
        return self._catalogued("ProductVariant")

    @property
    def originalTotalSet(self) -> MoneyBag:
        return bag(self._sums.original)

    @property
    def priceAfterAllDiscountsBeforeTaxesSet(self) -> MoneyBag:
        sums = self._sums
        whole = sums.discounted - sums.tax if self._extra.taxes_included else sums.discounted
        return bag(whole * sums.current_quantity // self.quantity)

    @property
    def discountAllocations(self) -> list[AllocationView]:
        return [AllocationView(self._order, index, cents) for index, cents in self._sums.allocations]

    @property
    def taxLines(self) -> list[TaxLineView]:
        return [TaxLineView(self._sums.tax)] if self._sums.tax else []

    def _catalogued(self, kind: str) -> IdView | None:
        """A product of this shop has one variant, which bears its number."""
        return IdView(kind, self._line.product_id) if self._line.product_id in self._site.store.products else None


class ShippingLineView:
    TYPE = "ShippingLine"
    isRemoved = False

    def __init__(self, extra: OrderExtra, line: ShippingLine) -> None:
        self.id = gid("ShippingLine", line.id)
        self.discountedPriceSet = bag(shown(extra, line.total))
        self.taxLines = [TaxLineView(tax(line.total))]


class TransactionView:
    TYPE = "OrderTransaction"

    def __init__(self, kind: str, status: str, at: float | None) -> None:
        self.kind, self.status = kind, status
        self.processedAt = utc_or_none(at)
