"""The shapes of Shopify's answers, as far as we read them: one model for each selection in operations/."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import AwareDatetime, Field, NonNegativeInt

from connectors.graphql import Shape, UserError

# Amounts, whole and finite: what a currency could hold.
Amount = Annotated[Decimal, Field(max_digits=24, allow_inf_nan=False)]


class Money(Shape):
    amount: Amount
    currency_code: str = ""


class Bag(Shape):
    """An amount in the shop's currency and in the buyer's; we read the first."""

    shop_money: Money

    @property
    def amount(self) -> Decimal:
        return self.shop_money.amount


class Reference(Shape):
    id: str


class TaxLine(Shape):
    rate: Amount | None  # a fraction: 0.21
    price_set: Bag


class Application(Shape):
    index: int


class Allocation(Shape):
    allocated_amount_set: Bag
    discount_application: Application


class Line(Shape):
    id: str
    name: str
    sku: str | None
    quantity: int
    current_quantity: int
    is_gift_card: bool
    product: Reference | None
    variant: Reference | None
    original_total_set: Bag
    discount_allocations: tuple[Allocation, ...]
    tax_lines: tuple[TaxLine, ...]


class ShippingLine(Shape):
    id: str
    is_removed: bool
    discounted_price_set: Bag
    tax_lines: tuple[TaxLine, ...]


class DiscountApplication(Shape):
    index: int
    target_type: str
    code: str | None = None  # only where a code stands behind it


class RefundedLine(Shape):
    quantity: int
    subtotal_set: Bag
    total_tax_set: Bag
    line_item: Reference


class RefundedShipping(Shape):
    subtotal_amount_set: Bag
    tax_amount_set: Bag


class PageInfo(Shape):
    has_next_page: bool
    end_cursor: str | None = None

    @property
    def following(self) -> str | None:
        return self.end_cursor if self.has_next_page else None


class LastPage(PageInfo):
    has_next_page: bool = False


class Lines(Shape):
    nodes: tuple[Line, ...]
    page_info: PageInfo = LastPage()


class ShippingLines(Shape):
    nodes: tuple[ShippingLine, ...]


class DiscountApplications(Shape):
    nodes: tuple[DiscountApplication, ...]


class RefundedLines(Shape):
    nodes: tuple[RefundedLine, ...]
    page_info: PageInfo = LastPage()


class RefundedShippings(Shape):
    nodes: tuple[RefundedShipping, ...]


class RawRefund(Shape):
    id: str
    legacy_resource_id: str
    total_refunded_set: Bag
    refund_line_items: RefundedLines
    refund_shipping_lines: RefundedShippings


class Transaction(Shape):
    kind: str
    status: str
    processed_at: AwareDatetime | None


class Fulfillment(Shape):
    created_at: AwareDatetime


class EmailAddress(Shape):
    email_address: str


class OrderCustomer(Shape):
    """What names a person is asked for where one order is read, and granted or null."""

    id: str
    first_name: str | None = None
    last_name: str | None = None
    default_email_address: EmailAddress | None = None


class OrderHead(Shape):
    legacy_resource_id: str
    name: str
    test: bool
    edited: bool
    created_at: AwareDatetime
    processed_at: AwareDatetime
    updated_at: AwareDatetime
    cancelled_at: AwareDatetime | None
    display_financial_status: str | None
    display_fulfillment_status: str
    currency_code: str
    taxes_included: bool
    discount_codes: tuple[str, ...]
    customer: OrderCustomer | None
    total_price_set: Bag
    transactions: tuple[Transaction, ...]
    fulfillments: tuple[Fulfillment, ...]


class ListedOrder(OrderHead):
    """`refunds`: only whether there are any."""

    line_items: Lines
    shipping_lines: ShippingLines
    discount_applications: DiscountApplications
    refunds: tuple[Reference, ...]


class WholeOrder(OrderHead):
    """Amounts before returns. `total_outstanding_set`: what the customer still owes; below zero what the shop does."""

    original_total_price_set: Bag
    total_received_set: Bag
    total_outstanding_set: Bag
    total_tip_received_set: Bag
    line_items: Lines
    shipping_lines: ShippingLines
    discount_applications: DiscountApplications
    refunds: tuple[RawRefund, ...]


class OrderAnswer(Shape):
    order: WholeOrder | None


class OrderLinesOf(Shape):
    line_items: Lines


class OrderLinesAnswer(Shape):
    order: OrderLinesOf | None


class RefundLinesOf(Shape):
    refund_line_items: RefundedLines


class RefundLinesAnswer(Shape):
    refund: RefundLinesOf | None


class RawCustomer(Shape):
    legacy_resource_id: str
    created_at: AwareDatetime
    first_name: str | None
    last_name: str | None
    default_email_address: EmailAddress | None


class CustomerAnswer(Shape):
    customer: RawCustomer | None


class CustomerPage(Shape):
    nodes: tuple[RawCustomer, ...]
    page_info: PageInfo


class CustomersAnswer(Shape):
    customers: CustomerPage


class Domain(Shape):
    url: str


class Plan(Shape):
    public_display_name: str
    partner_development: bool
    shopify_plus: bool


class CustomerAccounts(Shape):
    customer_accounts_version: str


class RawShop(Shape):
    name: str
    myshopify_domain: str
    currency_code: str
    iana_timezone: str
    url: str
    primary_domain: Domain
    plan: Plan
    customer_accounts_v2: CustomerAccounts


class Scope(Shape):
    handle: str


class AppInstallation(Shape):
    access_scopes: tuple[Scope, ...]


class Names(Shape):
    first_name: str | None
    last_name: str | None
    default_email_address: EmailAddress | None


class SomeNames(Shape):
    nodes: tuple[Names, ...]


class ShopAnswer(Shape):
    shop: RawShop
    current_app_installation: AppInstallation
    customers: SomeNames


class RawCode(Shape):
    code: str


class Codes(Shape):
    nodes: tuple[RawCode, ...]


class Combines(Shape):
    order_discounts: bool
    product_discounts: bool
    shipping_discounts: bool


class Context(Shape):
    """`customers` only where the code is for some; else everybody, or a segment."""

    kind: str = Field(alias="__typename")
    customers: tuple[Reference, ...] = ()


class GetsValue(Shape):
    kind: str = Field(alias="__typename")
    amount: Money | None = None
    percentage: Decimal | None = None


class CustomerGets(Shape):
    value: GetsValue


class MinimumSubtotal(Shape):
    amount: Amount


class Minimum(Shape):
    kind: str = Field(alias="__typename")
    greater_than_or_equal_to_subtotal: MinimumSubtotal | None = None


class CodeDiscount(Shape):
    """A basic or a free-shipping discount; of other kinds, which are never ours, only the kind."""

    kind: str = Field(alias="__typename")
    status: str = ""
    ends_at: datetime | None = None
    usage_limit: int | None = None
    async_usage_count: NonNegativeInt = 0
    applies_once_per_customer: bool = False
    codes: Codes = Codes(nodes=())
    combines_with: Combines | None = None
    context: Context | None = None
    customer_gets: CustomerGets | None = None
    minimum_requirement: Minimum | None = None


class CodeNode(Shape):
    id: str
    code_discount: CodeDiscount


class CodeAnswer(Shape):
    code_discount_node_by_code: CodeNode | None


class CodeCreated(Shape):
    code_discount_node: CodeNode | None
    user_errors: tuple[UserError, ...]


class BasicCreateAnswer(Shape):
    discount_code_basic_create: CodeCreated


class FreeShippingCreateAnswer(Shape):
    discount_code_free_shipping_create: CodeCreated


class CodeDeleted(Shape):
    deleted_code_discount_id: str | None
    user_errors: tuple[UserError, ...]


class DeleteAnswer(Shape):
    discount_code_delete: CodeDeleted


class BulkStarted(Shape):
    bulk_operation: Reference | None
    user_errors: tuple[UserError, ...]


class BulkRunAnswer(Shape):
    bulk_operation_run_query: BulkStarted


class BulkOperation(Shape):
    status: str
    error_code: str | None
    root_object_count: int
    file_size: int | None
    url: str | None


class BulkStatusAnswer(Shape):
    bulk_operation: BulkOperation | None


class ListedOrders(Shape):
    nodes: tuple[ListedOrder, ...]
    page_info: PageInfo


class OrdersAnswer(Shape):
    orders: ListedOrders
