"""Neutral words for what happens in a shop. Connectors translate into these; the core knows nothing else of platforms.

All amounts are whole minor units of the order's currency. `gross` includes tax, `net` does not.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, NonNegativeInt

from core.money import split_by_largest_remainder


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OrderState(StrEnum):
    DRAFT = "draft"  # being put together: no statement about anything yet
    PLACED = "placed"
    CANCELLED = "cancelled"  # cancelled, failed for good, in the trash: earns nothing
    REFUNDED = "refunded"  # the platform's word only; money back is in `refunds`, and the word moves no points


class Payment(StrEnum):
    PAID = "paid"
    UNPAID = "unpaid"
    UNKNOWN = "unknown"  # no statement


class LineKind(StrEnum):
    GOODS = "goods"
    GIFT_CARD = "gift_card"
    FEE = "fee"


class OrderLine(Frozen):
    """`gross`/`net`: for all units, after discounts and before refunds. `before_discount`: gross, before discounts."""

    external_id: str
    kind: LineKind = LineKind.GOODS
    product_id: str | None = None
    variant_id: str | None = None
    sku: str | None = None
    name: str = ""
    quantity: int = 1
    gross: int
    net: int
    before_discount: int


class Shipping(Frozen):
    gross: NonNegativeInt = 0
    net: NonNegativeInt = 0


class RefundLine(Frozen):
    """Money given back for one line; `line_id` None means shipping or a fee that is no line."""

    line_id: str | None
    gross: NonNegativeInt


class Refund(Frozen):
    """`gross` is the whole refund; what its lines do not name is spread over what the order still keeps."""

    external_id: str
    gross: NonNegativeInt
    lines: tuple[RefundLine, ...] = ()


class AppliedDiscount(Frozen):
    """A code on an order with what it really took off the goods. Codes are compared by core.ids.normal_code.

    `used`: how much of its face value that took. A shop that adds tax to its prices means the face value as net.
    """

    code: str
    gross: NonNegativeInt
    net: NonNegativeInt
    used: NonNegativeInt
    free_shipping: bool = False


class UnnamedCode(Frozen):
    """What some code took off the goods, where the platform's orders do not say which. As AppliedDiscount."""

    gross: NonNegativeInt
    net: NonNegativeInt
    used: NonNegativeInt


class CustomerRef(Frozen):
    """Whom the platform ties the order to. `external_id` None: a guest. `erased`: anonymised there, no statement about whom."""

    external_id: str | None = None
    email: str | None = None
    name: str | None = None
    erased: bool = False


class Order(Frozen):
    """The newest state of an order, as read from the shop."""

    external_id: str
    number: str
    currency: str
    state: OrderState
    payment: Payment
    placed_at: AwareDatetime
    paid_at: AwareDatetime | None = None
    completed_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None  # the platform's stamp; None where it has none
    is_test: bool = False
    customer: CustomerRef = CustomerRef()
    lines: tuple[OrderLine, ...]
    shipping: Shipping = Shipping()
    discounts: tuple[AppliedDiscount, ...] = ()
    unnamed_codes: tuple[UnnamedCode, ...] = ()
    refunds: tuple[Refund, ...] = ()
    total: int


class ChangedOrder(Frozen):
    """That an order has changed, from a platform whose lists do not say how. `changed_at`: its own stamp."""

    external_id: str
    changed_at: AwareDatetime


class Gone(Frozen):
    """The platform says that there is no such order (any more), or that it lies in the trash.

    `shown_for`: it shows us an order for so long only, so of an older one this is no statement.
    """

    external_id: str
    reason: Literal["deleted", "trashed"] = "deleted"
    shown_for: timedelta | None = None


class Customer(Frozen):
    external_id: str
    email: str | None
    first_name: str = ""
    last_name: str = ""
    created_at: AwareDatetime | None = None


class DiscountKind(StrEnum):
    FIXED_AMOUNT = "fixed_amount"
    PERCENTAGE = "percentage"
    FREE_SHIPPING = "free_shipping"
    FREE_PRODUCT = "free_product"
    # Money rather than a discount: no code on an order tells of its use.
    GIFT_CARD = "gift_card"
    STORE_CREDIT = "store_credit"


# How the code of a request for STORE_CREDIT begins, in any case. Nobody types it, and the platform does not keep it: by it
# alone `revoke` and `usage` know that they are asked for money which was given for good.
STORE_CREDIT_CODE = "CREDIT:"


class DiscountRequest(Frozen):
    """What we ask a platform to make usable at its checkout, once, under a code of ours."""

    code: str
    kind: DiscountKind
    currency: str
    amount: NonNegativeInt = 0  # minor units, gross; FIXED_AMOUNT, GIFT_CARD, STORE_CREDIT
    per_mille: int = Field(default=0, ge=0, le=1000)  # PERCENTAGE: 150 = 15 %
    product_ids: tuple[str, ...] = ()  # FREE_PRODUCT: the gift; else the products it is restricted to (empty: all)
    minimum_gross: NonNegativeInt = 0  # of the goods in the cart
    valid_from: AwareDatetime | None = None
    valid_until: AwareDatetime
    customer_id: str | None = None  # bound to this customer where the platform can; whose STORE_CREDIT it is
    customer_email: str | None = None
    cart_reference: str | None = None  # where the platform puts the discount on one cart
    combines: bool = False  # may stand beside other codes
    description: str = ""  # for the merchant's list of codes


class Discount(Frozen):
    """The object at the platform that a code stands for."""

    code: str
    external_id: str


class Usage(Frozen):
    """`unknown` is an answer: the platform cannot tell. `exists` False: no such code there."""

    state: Literal["unused", "used", "unknown"]
    exists: bool
    times_used: int = 0
    order_ids: tuple[str, ...] = ()


class Revocation(Frozen):
    """The code is dead. `used`: it had been used before; None: the platform does not tell."""

    code: str
    used: bool | None = None
    existed: bool = True


class Topic(StrEnum):
    ORDER_CHANGED = "order_changed"
    ORDER_DELETED = "order_deleted"  # announced by the platform: confirmed by reading
    CUSTOMER_CHANGED = "customer_changed"
    CUSTOMER_DELETED = "customer_deleted"
    DISCOUNT_DELETED = "discount_deleted"
    APP_REMOVED = "app_removed"
    # What a platform passes on of the law on people's data.
    CUSTOMER_DATA_ASKED = "customer_data_asked"
    CUSTOMER_ERASED = "customer_erased"
    SHOP_ERASED = "shop_erased"
    CUSTOMER_MERGED = "customer_merged"


class ShopEvent(Frozen):
    """A hint: the thing may have changed. Never data to trust for amounts. `into`: which customer a merged one is now."""

    topic: Topic
    external_id: str
    into: str | None = None


def kept_of(order: Order) -> dict[str, int]:
    """What is still paid for, gross minor units, per line id. See `keep`."""
    return keep(order)[0]


def keep(order: Order) -> tuple[dict[str, int], int]:
    """What is still paid for, gross minor units, per line id, and of the shipping, after all refunds of all time.

    First the refunds naming a line, then those naming shipping or fees, then the unnamed rest over what lines and shipping
    still keep, by largest remainder. A refund larger than what it names spills into the unnamed rest, so that the whole is exact.
    """
    kept = {line.external_id: max(0, line.gross) for line in order.lines}
    shipping = order.shipping.gross
    named_shipping = 0
    unnamed = 0
    for refund in order.refunds:
        rest = refund.gross
        for part in refund.lines:
            taken = min(part.gross, rest)
            rest -= taken
            if part.line_id is None:
                named_shipping += taken
            elif part.line_id in kept:
                here = min(taken, kept[part.line_id])
                kept[part.line_id] -= here
                unnamed += taken - here
            else:
                unnamed += taken
        unnamed += rest
    here = min(named_shipping, shipping)
    shipping -= here
    unnamed += named_shipping - here
    places = [*kept, None]
    weights = [*kept.values(), shipping]
    unnamed = min(unnamed, sum(weights))
    for place, share in zip(places, split_by_largest_remainder(unnamed, weights), strict=True):
        if place is None:
            shipping -= share
        else:
            kept[place] -= share
    return kept, shipping


class Health(Frozen):
    """What a look at the shop found. `problems` are stable words, each with a sentence in the admin."""

    checked_at: datetime
    problems: tuple[str, ...] = ()
    version: str | None = None
    details: dict[str, str] = {}


class ShopFacts(Frozen):
    """What the platform says of the shop itself. `smallest_unit`: minor units that its prices are multiples of.

    `storefront_url`: where shoppers see it, when that is not where its API is.
    """

    name: str
    currency: str
    timezone: str
    smallest_unit: int = 1
    storefront_url: str | None = None
    version: str | None = None
    details: dict[str, str] = {}
