"""Discounts as the Admin API shows them. Attributes and methods are named as in the schema."""

from demo.shopify import discounts
from demo.shopify.connections import Connection, listed
from demo.shopify.customer_views import CustomerView
from demo.shopify.entities import Discount
from demo.shopify.ids import gid
from demo.shopify.money import MoneyV2, money
from demo.shopify.site import Site
from demo.shopify.times import utc_or_none


class Plain:
    """A type whose fields are given as they are."""

    def __init__(self, kind: str, **fields: object) -> None:
        self.TYPE = kind
        self.__dict__.update(fields)


class GetsView:
    TYPE = "DiscountCustomerGets"

    def __init__(self, discount: Discount) -> None:
        self.value: Plain
        if discount.percentage is not None:
            self.value = Plain("DiscountPercentage", percentage=discount.percentage)
        else:
            amount: MoneyV2 = money(discount.amount)
            self.value = Plain("DiscountAmount", amount=amount, appliesOnEachItem=discount.on_each_item)


class CodeView:
    """DiscountCodeBasic and DiscountCodeFreeShipping: the second lacks some fields, and nobody can ask for them."""

    def __init__(self, site: Site, discount: Discount) -> None:
        self._site, self._discount = site, discount
        self.TYPE = "DiscountCodeFreeShipping" if discount.free_shipping else "DiscountCodeBasic"
        self.status = discounts.status(site, discount)
        self.endsAt = utc_or_none(discount.ends_at)
        self.usageLimit = discount.usage_limit
        self.appliesOncePerCustomer = discount.once_per_customer
        self.asyncUsageCount = discounts.uses(site, discount)
        self.customerGets = GetsView(discount)
        self.combinesWith = Plain(
            "DiscountCombinesWith",
            orderDiscounts=discount.combines_orders,
            productDiscounts=discount.combines_products,
            shippingDiscounts=discount.combines_shipping,
        )

    def codes(self, first: int | None = None) -> Connection[Plain]:
        return listed([Plain("DiscountRedeemCode", code=self._discount.code)], first)

    @property
    def context(self) -> Plain:
        if not self._discount.customers:
            return Plain("DiscountBuyerSelectionAll", all="ALL")
        known = [self._site.customer(each) for each in self._discount.customers]
        views = [CustomerView(self._site, each) for each in known if each is not None]
        return Plain("DiscountCustomers", customers=views)

    @property
    def minimumRequirement(self) -> Plain | None:
        if self._discount.minimum_subtotal is None:
            return None
        least = money(self._discount.minimum_subtotal)
        return Plain("DiscountMinimumSubtotal", greaterThanOrEqualToSubtotal=least)


class NodeView:
    TYPE = "DiscountCodeNode"

    def __init__(self, site: Site, discount: Discount) -> None:
        self._site, self._discount = site, discount
        self.id = gid("DiscountCodeNode", discount.id)

    @property
    def codeDiscount(self) -> CodeView:
        return CodeView(self._site, self._discount)
