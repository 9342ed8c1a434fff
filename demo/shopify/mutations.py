"""Mutation: what the app may change. Methods are named as in the schema; refusals are user errors."""

from typing import Any

from demo.shopify import discounts, gift_cards, ids, store_credit
from demo.shopify.bulk import Bulk
from demo.shopify.bulk_views import BulkOperationView
from demo.shopify.customer_views import CreditView, GiftCardView
from demo.shopify.discount_views import NodeView
from demo.shopify.node_views import Payload, UserErrorView
from demo.shopify.site import Site


class Mutation:
    """One call's hands in the shop."""

    TYPE = "Mutation"

    def __init__(self, site: Site, bulk: Bulk, scopes: tuple[str, ...]) -> None:
        self._site, self._bulk, self._scopes = site, bulk, scopes

    def discountCodeBasicCreate(self, basicCodeDiscount: dict[str, Any]) -> Payload:
        return self._create(basicCodeDiscount, "basicCodeDiscount", free_shipping=False)

    def discountCodeFreeShippingCreate(self, freeShippingCodeDiscount: dict[str, Any]) -> Payload:
        return self._create(freeShippingCodeDiscount, "freeShippingCodeDiscount", free_shipping=True)

    def discountCodeDelete(self, id: str) -> Payload:
        found = self._site.discounts.get(ids.local("DiscountCodeNode", id) or 0)
        if found is None:
            return Payload([UserErrorView("Discount does not exist", "INVALID", ("id",))], deletedCodeDiscountId=None)
        discounts.delete(self._site, found)
        return Payload(deletedCodeDiscountId=id)

    def giftCardCreate(self, input: dict[str, Any]) -> Payload:
        given = input.get("initialAmount")
        if given is None:
            missing = UserErrorView("initialAmount is missing", "MISSING_ARGUMENT", ("input", "initialAmount"))
            return Payload([missing], giftCard=None)
        try:
            card = gift_cards.create(
                self._site, amount=given["amount"], code=input.get("code"), customer=input.get("customerId"),
                expires_on=input.get("expiresOn"), note=input.get("note") or "",
            )  # fmt: skip
        except gift_cards.Refused as refused:
            error = UserErrorView(str(refused), refused.code, refused.field)
            return Payload([error], giftCard=None)
        return Payload(giftCard=GiftCardView(self._site, card))

    def giftCardDeactivate(self, id: str) -> Payload:
        found = self._site.gift_cards.get(ids.local("GiftCard", id) or 0)
        if found is None:
            error = UserErrorView("The gift card could not be found.", "GIFT_CARD_NOT_FOUND", ("id",))
            return Payload([error], giftCard=None)
        gift_cards.deactivate(self._site, found)
        return Payload(giftCard=GiftCardView(self._site, found))

    def storeCreditAccountCredit(self, id: str, creditInput: dict[str, Any]) -> Payload:
        given = creditInput["creditAmount"]
        try:
            made = store_credit.credit(
                self._site, id, given["amount"], given["currencyCode"], creditInput.get("expiresAt")
            )
        except store_credit.Refused as refused:
            error = UserErrorView(str(refused), refused.code, refused.field)
            return Payload([error], storeCreditAccountTransaction=None)
        return Payload(storeCreditAccountTransaction=CreditView(self._site.credit[made.account_id], made))

    def bulkOperationRunQuery(self, query: str, groupObjects: bool = False) -> Payload:
        started = self._bulk.start(query, self._scopes, grouped=groupObjects)
        if isinstance(started, UserErrorView):
            return Payload([started], bulkOperation=None)
        return Payload(bulkOperation=BulkOperationView(self._site, started))

    def _create(self, given: dict[str, Any], name: str, *, free_shipping: bool) -> Payload:
        try:
            made = discounts.create(self._site, given, free_shipping=free_shipping)
        except discounts.Refused as refused:
            error = UserErrorView(str(refused), refused.code, (name, *refused.field))
            return Payload([error], codeDiscountNode=None)
        return Payload(codeDiscountNode=NodeView(self._site, made))
