"""Discounts as the Admin API shows them. Attributes and methods are named as in the schema."""

from demo.shopify import discounts
from demo.shopify.connections import Connection, listed
from demo.shopify.customer_views import CustomerView
from demo.shopify.entities import Discount
from demo.shopify.ids import gid
from demo.shopify.money import MoneyV2, money
from demo.shopify.node_views import ProductView
from demo.shopify.site import Site
from demo.shopify.times import utc, utc_or_none


class Plain:
    """A type whose fields are given as they are."""

    def __init__(self, kind: str, **fields: object) -> None:
        self.TYPE = kind
        self.__dict__.update(fields)


class ItemsView:
    TYPE = "DiscountProducts"

    def __init__(self, site: Site, products: tuple[int, ...]) -> None:
        self._rows = [ProductView(site.store.products[each]) for each in products]

    def products(self, first: int | None = None, after: str | None = None) -> Connection[ProductView]:
        return listed(self._rows, first, after)


class GetsView:
    TYPE = "DiscountCustomerGets"
    appliesOnOneTimePurchase = True
    appliesOnSubscription = False

    def __init__(self, site: Site, discount: Discount) -> None:
        self.items = (
            ItemsView(site, discount.products) if discount.products else Plain("AllDiscountItems", allItems=True)
        )
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
        self.title = discount.title
        self.status = discounts.status(site, discount)
        self.startsAt, self.endsAt = utc(discount.starts_at), utc_or_none(discount.ends_at)
        self.createdAt = utc(discount.created_at)
        self.usageLimit = discount.usage_limit
        self.appliesOncePerCustomer = discount.once_per_customer
        self.asyncUsageCount = discounts.uses(site, discount)
        self.tags = list(discount.tags)
        self.customerGets = GetsView(site, discount)
        self.combinesWith = Plain(
            "DiscountCombinesWith",
            orderDiscounts=discount.combines_orders,
            productDiscounts=discount.combines_products,
            shippingDiscounts=discount.combines_shipping,
        )

    def codes(self, first: int | None = None, after: str | None = None) -> Connection[Plain]:
        row = Plain(
            "DiscountRedeemCode",
            id=gid("DiscountRedeemCode", self._discount.id),
            code=self._discount.code,
            asyncUsageCount=self.asyncUsageCount,
        )
        return listed([row], first, after)

    @property
    def context(self) -> Plain:
        if not self._discount.customers:
            return Plain("DiscountBuyerSelectionAll", all="ALL")
        known = [self._site.customer(each) for each in self._discount.customers]
        views = [CustomerView(self._site, each) for each in known if each is not None]
        return Plain("DiscountCustomers", customers=views)

    @property
    def minimumRequirement(self) -> Plain | None:
        if self._discount.minimum_subtotal is not None:
            least = money(self._discount.minimum_subtotal)
            return Plain("DiscountMinimumSubtotal", greaterThanOrEqualToSubtotal=least)
        if self._discount.minimum_quantity is not None:
            return Plain("DiscountMinimumQuantity", greaterThanOrEqualToQuantity=str(self._discount.minimum_quantity))
        return None

    @property
    def shareableUrls(self) -> list[Plain]:
        url = f"{self._site.url}/discount/{self._discount.code}"
        return [Plain("DiscountShareableUrl", targetType="HOME", title="Home page", url=url)]


class NodeView:
    """DiscountCodeNode, or the newer DiscountNode, which calls the same thing `discount`."""

    def __init__(self, site: Site, discount: Discount, kind: str = "DiscountCodeNode") -> None:
        self._site, self._discount = site, discount
        self.TYPE = kind
        self.id = gid("DiscountCodeNode", discount.id).replace("DiscountCodeNode", kind)

    @property
    def codeDiscount(self) -> CodeView:
        return CodeView(self._site, self._discount)

    @property
    def discount(self) -> CodeView:
        return CodeView(self._site, self._discount)
