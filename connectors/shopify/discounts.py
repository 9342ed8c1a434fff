"""What a redemption can be at Shopify. Discount codes: one discount with one single-use code of ours, bound to its customer.

The code is the idempotency key: Shopify keeps codes unique, says TAKEN to a second one, and then we look whose it is.
Kinds that are money rather than a discount are in gift_cards.py and store_credit.py.
"""

from collections.abc import Mapping, Set
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connectors.graphql import GraphQLClient, Ratio
from connectors.shopify import api, mapping
from connectors.shopify.gift_cards import GiftCards
from connectors.shopify.shapes import CodeDiscount, CodeNode
from connectors.shopify.store_credit import StoreCredit, is_credit
from core.commerce import Discount, DiscountKind, DiscountRequest, Revocation, Usage
from core.errors import InvalidInput, OutcomeUnknown, PlatformRefused
from core.ids import normal_code
from core.money import text_from_minor
from core.ports import Capability

_TAKEN = "TAKEN"
_ANOTHERS = "The shop has another discount with this code."
_BASIC, _FREE_SHIPPING = "DiscountCodeBasic", "DiscountCodeFreeShipping"
_TITLE = "Loyalty reward"
_LONGEST_TITLE = 255

# Kinds that only some shops let us issue.
_LEAVE = {
    DiscountKind.GIFT_CARD: Capability.GIFT_CARD,
    DiscountKind.STORE_CREDIT: Capability.STORE_CREDIT,
}


class ShopifyDiscounts:
    """Every kind of discount. `capabilities` are this shop's; `names_customers` as for GiftCards."""

    def __init__(self, client: GraphQLClient, capabilities: Set[Capability], *, names_customers: bool) -> None:
        self._capabilities = capabilities
        self._codes = DiscountCodes(client)
        self._cards = GiftCards(client, names_customers=names_customers)
        self._credit = StoreCredit(client)

    def issue(self, request: DiscountRequest) -> Discount:
        """Raises InvalidInput, before any call, for a kind that this shop does not let us issue."""
        needed = _LEAVE.get(request.kind)
        if needed is not None and needed not in self._capabilities:
            raise InvalidInput("The shop has not given the app leave for this kind of discount", field="kind")
        if request.kind is DiscountKind.GIFT_CARD:
            return self._cards.issue(request)
        if request.kind is DiscountKind.STORE_CREDIT:
            return self._credit.issue(request)
        return self._codes.issue(request)

    def revoke(self, code: str) -> Revocation:
        """Delete the discount, or deactivate the gift card. Raises PlatformRefused for store credit, which is final.

        A shop that has taken the leave for gift cards away says nothing of them: their codes are then not there.
        """
        if is_credit(code):
            return self._credit.revoke(code)
        found = self._codes.revoke(code)
        if found.existed or Capability.GIFT_CARD not in self._capabilities:
            return found
        return self._cards.revoke(code)

    def usage(self, code: str) -> Usage:
        if is_credit(code):
            return self._credit.usage(code)
        found = self._codes.usage(code)
        if found.exists or Capability.GIFT_CARD not in self._capabilities:
            return found
        return self._cards.usage(code)


class DiscountCodes:
    def __init__(self, client: GraphQLClient) -> None:
        self._client = client

    def issue(self, request: DiscountRequest) -> Discount:
        """Create the code, or find that it is there already. Raises PlatformRefused when the code is another's."""
        wanted = discount_input(request)
        try:
            made = self._create(request, wanted)
        except OutcomeUnknown as error:  # nobody knows whether it was made: look before anyone tries again
            there = self._find(request.code)
            if there is None:
                raise error
            return _ours(there, request)
        if made is None:
            there = self._find(request.code)
            if there is None:  # taken, and not to be seen: a code of a kind that no app sees
                raise PlatformRefused(_ANOTHERS, code=_TAKEN)
            return _ours(there, request)
        return _ours(made, request)

    def revoke(self, code: str) -> Revocation:
        """Delete the discount with its code, for good. Safe to repeat."""
        found = self._find(code)
        if found is None:
            return Revocation(code=code, used=None, existed=False)
        used = found.code_discount.async_usage_count > 0
        answer = self._client.execute(api.DELETE, {"id": found.id}).discount_code_delete
        if answer.user_errors and self._find(code) is not None:
            self._client.raise_for(answer.user_errors)
        return Revocation(code=code, used=used, existed=True)

    def usage(self, code: str) -> Usage:
        """By Shopify's own counter, which lags: "unused" may be old. The order itself names its codes."""
        found = self._find(code)
        if found is None:
            return Usage(state="unknown", exists=False)
        times = found.code_discount.async_usage_count
        return Usage(state="used" if times else "unused", exists=True, times_used=times)

    def _create(self, request: DiscountRequest, wanted: Mapping[str, Any]) -> CodeNode | None:
        """None: the code is taken."""
        if request.kind is DiscountKind.FREE_SHIPPING:
            answer = self._client.execute(api.FREE_SHIPPING_CREATE, {"discount": wanted})
            made = answer.discount_code_free_shipping_create
        else:
            made = self._client.execute(api.BASIC_CREATE, {"discount": wanted}).discount_code_basic_create
        if any(error.code == _TAKEN for error in made.user_errors):
            return None
        self._client.raise_for(made.user_errors)
        return made.code_discount_node

    def _find(self, code: str) -> CodeNode | None:
        found = self._client.execute(api.BY_CODE, {"code": code}).code_discount_node_by_code
        if found is None:
            return None
        codes = [each.code for each in found.code_discount.codes.nodes]
        return found if not codes or normal_code(codes[0]) == normal_code(code) else None


def discount_input(request: DiscountRequest) -> dict[str, Any]:
    """The input of discountCodeBasicCreate, or of discountCodeFreeShippingCreate. Pure. Raises InvalidInput."""
    starts = request.valid_from or datetime(2020, 1, 1, tzinfo=UTC)  # a shop's clock may be behind ours
    body: dict[str, Any] = {
        "title": (request.description or _TITLE)[:_LONGEST_TITLE],
        "code": request.code,
        "startsAt": _stamp(starts),
        "endsAt": _stamp(request.valid_until),
        "usageLimit": 1,
        "appliesOncePerCustomer": True,
        "combinesWith": {"orderDiscounts": request.combines, "productDiscounts": request.combines},
        "context": _context(request),
    }
    if request.minimum_gross:
        least = text_from_minor(request.minimum_gross, request.currency)
        body["minimumRequirement"] = {"subtotal": {"greaterThanOrEqualToSubtotal": least}}
    if request.kind is DiscountKind.FREE_SHIPPING:
        return {**body, "destination": {"all": True}}
    body["combinesWith"]["shippingDiscounts"] = request.combines
    return {**body, "customerGets": {"value": _value(request), "items": _items(request)}}


def _context(request: DiscountRequest) -> dict[str, Any]:
    if request.customer_id is None:
        return {"all": "ALL"}
    return {"customers": {"add": [mapping.gid("Customer", request.customer_id)]}}


def _value(request: DiscountRequest) -> dict[str, Any]:
    if request.kind is DiscountKind.FIXED_AMOUNT:
        amount = text_from_minor(request.amount, request.currency)
        return {"discountAmount": {"amount": amount, "appliesOnEachItem": False}}
    if request.kind is DiscountKind.PERCENTAGE:
        return {"percentage": Ratio(Decimal(request.per_mille) / 1000)}
    raise InvalidInput("Shopify has no discount of this kind", field="kind")


def _items(request: DiscountRequest) -> dict[str, Any]:
    if not request.product_ids:
        return {"all": True}
    return {"products": {"productsToAdd": [mapping.gid("Product", each) for each in request.product_ids]}}


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _ours(found: CodeNode, request: DiscountRequest) -> Discount:
    """The discount, proven to be the one asked for. Raises PlatformRefused."""
    there = found.code_discount
    same = (
        there.kind == (_FREE_SHIPPING if request.kind is DiscountKind.FREE_SHIPPING else _BASIC)
        and there.usage_limit == 1
        and there.ends_at is not None
        and _customers(there) == ({request.customer_id} if request.customer_id else set())
        and _value_of(there) == _value_wanted(request)
        and _least(there) == (Decimal(text_from_minor(request.minimum_gross, request.currency)))
    )
    if not same:
        raise PlatformRefused(_ANOTHERS, code=_TAKEN)
    return Discount(code=request.code, external_id=mapping.tail(found.id))


def _customers(there: CodeDiscount) -> set[str]:
    return {mapping.tail(each.id) for each in there.context.customers} if there.context else set()


def _value_of(there: CodeDiscount) -> tuple[str, Decimal] | None:
    value = there.customer_gets.value if there.customer_gets else None
    if value is None:
        return None
    if value.amount is not None:
        return "amount", value.amount.amount
    return ("percentage", value.percentage) if value.percentage is not None else None


def _value_wanted(request: DiscountRequest) -> tuple[str, Decimal] | None:
    if request.kind is DiscountKind.FIXED_AMOUNT:
        return "amount", Decimal(text_from_minor(request.amount, request.currency))
    return ("percentage", Decimal(request.per_mille) / 1000) if request.kind is DiscountKind.PERCENTAGE else None


def _least(there: CodeDiscount) -> Decimal:
    least = there.minimum_requirement.greater_than_or_equal_to_subtotal if there.minimum_requirement else None
    return least.amount if least else Decimal(0)
