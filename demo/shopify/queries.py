"""QueryRoot: what the app may read. Methods are named as in the schema."""

from graphql import GraphQLError

from demo.shop.entities import Customer, Order, Refund
from demo.shopify import discounts, gift_cards, ids, order_lists
from demo.shopify.bulk import Bulk
from demo.shopify.bulk_views import BulkOperationView
from demo.shopify.connections import Connection, listed
from demo.shopify.customer_views import AccountView, CustomerView, GiftCardView
from demo.shopify.discount_views import NodeView, Plain
from demo.shopify.money import CURRENCY
from demo.shopify.order_views import OrderView
from demo.shopify.refund_views import RefundView
from demo.shopify.site import Site
from demo.shopify.times import ZONE_NAME


class QueryRoot:
    """One call's view of the shop: `scopes` are those of its token. `warnings` gathers what a search did not know."""

    TYPE = "QueryRoot"

    def __init__(self, site: Site, bulk: Bulk, scopes: tuple[str, ...]) -> None:
        self._site, self._bulk, self._scopes = site, bulk, scopes
        self.warnings: list[dict[str, object]] = []

    @property
    def shop(self) -> Plain:
        return shop_view(self._site)

    @property
    def currentAppInstallation(self) -> Plain:
        scopes = [Plain("AccessScope", handle=handle) for handle in self._site.granted]
        return Plain("AppInstallation", accessScopes=scopes)

    def order(self, id: str) -> OrderView | None:
        found = self._order(id)
        return OrderView(self._site, found) if found is not None else None

    def orders(
        self, first: int | None = None, after: str | None = None, query: str | None = None,
        sortKey: str = "PROCESSED_AT",
    ) -> Connection[OrderView]:  # fmt: skip
        wanted = order_lists.order_search(self._site, query)
        if wanted.warnings:
            self.warnings.append({"path": ["orders"], "query": query, "warnings": wanted.warnings})
        return order_lists.orders(self._site, self._scopes, wanted, sortKey, first, after)

    def customer(self, id: str) -> CustomerView | None:
        found = self._customer(id)
        return CustomerView(self._site, found) if found is not None else None

    def customers(
        self, first: int | None = None, after: str | None = None, sortKey: str = "ID"
    ) -> Connection[CustomerView]:
        return order_lists.customers(self._site, first, after)

    def refund(self, id: str) -> RefundView | None:
        wanted = _number("Refund", id)
        found = next(((order, made) for order, made in self._refunds() if made.id == wanted), None)
        return RefundView(self._site, *found) if found is not None else None

    def codeDiscountNodeByCode(self, code: str) -> NodeView | None:
        found = discounts.by_code(self._site, code)
        return NodeView(self._site, found) if found is not None else None

    def giftCards(
        self, first: int | None = None, query: str | None = None, sortKey: str = "ID", reverse: bool = False
    ) -> Connection[GiftCardView]:
        rows = [GiftCardView(self._site, card) for card in gift_cards.listed(self._site, query)]
        return listed(rows[::-1] if reverse else rows, first)

    def storeCreditAccount(self, id: str) -> AccountView | None:
        found = self._site.credit.get(_number("StoreCreditAccount", id))
        return AccountView(found) if found is not None else None

    def bulkOperation(self, id: str) -> BulkOperationView | None:
        found = self._site.bulk.get(_number("BulkOperation", id))
        if found is None:
            return None
        self._bulk.polled(found)
        return BulkOperationView(self._site, found)

    def _order(self, id: str) -> Order | None:
        found = self._site.order(_number("Order", id))
        return found if found is not None and order_lists.visible(self._site, found, self._scopes) else None

    def _customer(self, id: str) -> Customer | None:
        return self._site.customer(_number("Customer", id))

    def _refunds(self) -> list[tuple[Order, Refund]]:
        return [(order, made) for order in self._site.store.orders.values() for made in order.refunds]


def _number(kind: str, id: str) -> int:
    """Raises GraphQLError for what is no id of this kind, as Shopify does."""
    found = ids.local(kind, id)
    if found is None:
        raise GraphQLError(f"Invalid global id '{id}'", extensions={"code": "argumentLiteralsIncompatible"})
    return found


def shop_view(site: Site) -> Plain:
    return Plain(
        "Shop",
        name="Fernway",
        myshopifyDomain=site.domain,
        currencyCode=CURRENCY,
        ianaTimezone=ZONE_NAME,
        url=site.url,
        primaryDomain=Plain("Domain", url=site.url),
        plan=Plain("ShopPlan", publicDisplayName=site.plan, partnerDevelopment=False, shopifyPlus=site.plan == "Plus"),
        customerAccountsV2=Plain("CustomerAccountsV2", customerAccountsVersion=site.accounts_version),
    )
