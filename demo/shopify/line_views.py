"""The lines of an order as the Admin API shows them. Attributes and methods are named as in the schema."""

from demo.shop.entities import Order, OrderLine, Product, ShippingLine
from demo.shop.money import tax
from demo.shopify.entities import OrderExtra
from demo.shopify.ids import gid
from demo.shopify.money import MoneyBag, MoneyV2, bag, money
from demo.shopify.node_views import IdView, ProductView
from demo.shopify.site import Site
from demo.shopify.sums import line_sums, shown
from demo.shopify.times import utc_or_none

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
