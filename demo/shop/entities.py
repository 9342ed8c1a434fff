"""The things a shop keeps. Times are whole unix seconds, money is cents including VAT, ids count up as in WordPress."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

COUNTED = frozenset({"pending", "processing", "on-hold", "completed"})
STATUSES = ("pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed", "checkout-draft")


@dataclass(frozen=True, slots=True)
class Address:
    first_name: str = ""
    last_name: str = ""
    company: str = ""
    address_1: str = ""
    address_2: str = ""
    city: str = ""
    state: str = ""
    postcode: str = ""
    country: str = ""
    email: str = ""
    phone: str = ""


@dataclass(slots=True)
class Meta:
    id: int
    key: str
    value: object


@dataclass(frozen=True, slots=True)
class Product:
    id: int
    slug: str
    name: str
    sku: str
    price: int
    category: str
    summary: str
    picture: str
    virtual: bool = False


@dataclass(slots=True)
class Customer:
    """Someone with a login. Staff are customers with another role, as in WordPress."""

    id: int
    email: str
    username: str
    first_name: str
    last_name: str
    billing: Address
    shipping: Address
    created_at: int
    modified_at: int
    role: str = "customer"
    password: str = ""
    paying: bool = False
    meta: list[Meta] = field(default_factory=list)

    @property
    def manages_shop(self) -> bool:
        return self.role in {"administrator", "shop_manager"}


@dataclass(slots=True)
class OrderLine:
    id: int
    product_id: int
    name: str
    sku: str
    quantity: int
    subtotal: int
    total: int


@dataclass(slots=True)
class ShippingLine:
    id: int
    title: str
    method: str
    instance: str
    total: int
    items: str = ""
    meta_id: int = 0


@dataclass(slots=True)
class FeeLine:
    id: int
    name: str
    total: int


@dataclass(slots=True)
class CouponLine:
    """A coupon as it was when the order took it; `coupon` describes it then, in the platform's words."""

    id: int
    meta_id: int
    coupon_id: int
    code: str
    kind: str
    amount: int
    discount: int
    free_shipping: bool
    coupon: Mapping[str, object]


@dataclass(slots=True)
class RefundLine:
    """Part of a refund: what came back. `net` and `tax` are positive cents; `part` is "line" or "shipping".

    `fine_tax` is the tax before rounding, which old shops keep and show.
    """

    id: int
    meta_id: int
    part: str
    item_id: int
    name: str
    product_id: int
    sku: str
    quantity: int
    net: int
    tax: int
    fine_tax: Decimal


@dataclass(slots=True)
class Refund:
    id: int
    order_id: int
    created_at: int
    amount: int
    reason: str
    refunded_by: int
    full: bool
    lines: list[RefundLine]
    meta_id: int = 0
    tax_line_id: int = 0

    @property
    def tax(self) -> int:
        return sum(line.tax for line in self.lines)


@dataclass(slots=True)
class Order:
    id: int
    key: str
    status: str
    customer_id: int
    billing: Address
    shipping: Address
    created_at: int
    modified_at: int
    created_via: str
    payment_method: str = ""
    payment_title: str = ""
    paid_at: int | None = None
    completed_at: int | None = None
    note: str = ""
    ip: str = ""
    user_agent: str = ""
    cart_hash: str = ""
    lines: list[OrderLine] = field(default_factory=list)
    shipping_lines: list[ShippingLine] = field(default_factory=list)
    fee_lines: list[FeeLine] = field(default_factory=list)
    coupon_lines: list[CouponLine] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    meta: list[Meta] = field(default_factory=list)
    tax_line_id: int = 0
    usage_counted: bool = False
    status_before_trash: str = ""

    @property
    def goods(self) -> int:
        return sum(line.total for line in self.lines)

    @property
    def shipping_total(self) -> int:
        return sum(line.total for line in self.shipping_lines)

    @property
    def total(self) -> int:
        return self.goods + self.shipping_total + sum(fee.total for fee in self.fee_lines)

    @property
    def refunded(self) -> int:
        return sum(refund.amount for refund in self.refunds)


@dataclass(slots=True)
class Coupon:
    """A discount code. `amount` is cents, or hundredths of a per cent where `kind` is "percent"."""

    id: int
    code: str
    kind: str
    amount: int
    created_at: int
    modified_at: int
    status: str = "publish"
    description: str = ""
    expires_at: int | None = None
    usage_count: int = 0
    usage_limit: int | None = None
    usage_limit_per_user: int | None = None
    individual_use: bool = False
    free_shipping: bool = False
    exclude_sale_items: bool = False
    minimum: int = 0
    maximum: int = 0
    product_ids: list[int] = field(default_factory=list)
    excluded_product_ids: list[int] = field(default_factory=list)
    emails: list[str] = field(default_factory=list)
    used_by: list[str] = field(default_factory=list)
    meta: list[Meta] = field(default_factory=list)


@dataclass(slots=True)
class Cart:
    """What one visitor wants to buy. `quantities` maps product ids to pieces."""

    quantities: dict[int, int] = field(default_factory=dict)
    coupons: list[str] = field(default_factory=list)
    billing: Address = Address(country="CZ")
    shipping: Address = Address(country="CZ")
    address_known: bool = False
    draft_id: int = 0
