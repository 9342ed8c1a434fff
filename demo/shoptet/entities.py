"""What only the platform keeps: its half of orders, customers and coupons, credit notes, templates, webhooks, jobs."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from demo.shoptet.amounts import Json

# System order statuses.
NEW, PROCESSING, DONE, CANCELLED = -1, -2, -3, -4


@dataclass(slots=True)
class HistoryRow:
    id: int
    at: int
    text: str
    system: bool


@dataclass(slots=True)
class OrderExtra:
    """`paid_unknown`: paid is null. `kinds`: fee line id -> itemType. `currency`: empty for the shop's own; `rate` says how
    many of that currency one of the shop's own is. `no_coupon_row`: the merchant took the discount off again.
    """

    status_id: int = NEW
    paid_unknown: bool = False
    cash_desk: bool = False
    kinds: dict[int, str] = field(default_factory=dict)
    currency: str = ""
    rate: Decimal = Decimal(1)
    account_id: int = 0
    history: list[HistoryRow] = field(default_factory=list)
    notes: dict[int, str] = field(default_factory=dict)


@dataclass(slots=True)
class Account:
    """One more login of a customer, beside the main one."""

    id: int
    email: str
    name: str
    verified: bool = True
    password: str = "demo"


@dataclass(slots=True)
class CustomerExtra:
    """`ratio`: hundredths of a per cent of the price to pay. 0 as group or price list: none of its own."""

    accounts: list[Account] = field(default_factory=list)
    group_id: int = 0
    pricelist_id: int = 1
    ratio: int = 10_000
    remark: str | None = None
    birth_date: str | None = None
    disabled_orders: bool = False


@dataclass(slots=True)
class CouponExtra:
    """A coupon of the shop's books as the API tells it. `code` keeps its letter case."""

    code: str
    kind: Literal["fixed", "percentual"]
    template: int
    shipping_price: str
    reusable: bool
    currency: str | None = None
    minimum: int | None = None
    valid_from: str | None = None
    valid_to: str | None = None
    remark: str | None = None


@dataclass(slots=True)
class Template:
    id: int
    title: str
    customer_group_id: int | None = None
    category_guids: list[str] | None = None
    brands: list[str] | None = None
    product_flags: list[Json] | None = None
    mode: str = "parameters"
    product_ids: list[int] | None = None


@dataclass(slots=True)
class Document:
    """An invoice or a proof of payment of an order."""

    code: str
    order_id: int
    created_at: int


@dataclass(slots=True)
class CreditNote:
    """The document of a refund in the shop's books. It hangs on an invoice or on a proof of payment."""

    code: str
    order_id: int
    refund_id: int
    created_at: int
    changed_at: int
    reason: str
    is_valid: bool = True
    invoice_code: str | None = None
    proof_code: str | None = None


@dataclass(slots=True)
class Webhook:
    id: int
    event: str
    url: str
    created_at: int
    updated_at: int
    send_payload: str | None = None


@dataclass(slots=True)
class Group:
    id: int
    name: str
    code: str | None = None
    description: str | None = None
    pricelist_id: int | None = None
    max_discount: str | None = None
    flags: dict[str, bool] = field(default_factory=dict)
    due_days: int | None = None
    status_id: int | None = None


@dataclass(slots=True)
class Pricelist:
    """`rows`: product id -> what differs there: price (cents), sales (flags)."""

    id: int
    name: str
    rows: dict[int, Json] = field(default_factory=dict)


@dataclass(slots=True)
class Status:
    id: int
    name: str
    paid: bool = False
    documents: bool = False


@dataclass(slots=True)
class Job:
    id: str
    endpoint: str
    created_at: int
    query: dict[str, str]
    status: str = "pending"
    completed_at: int | None = None
    reads: int = 0
    file: str = ""
    content: bytes = b""


@dataclass(slots=True)
class Notification:
    """One event on its way to one webhook. `instance` is text, or a number where the platform writes one."""

    id: int
    webhook_id: int
    url: str
    event: str
    instance: str | int
    created_at: int
    body: bytes
    headers: dict[str, str]
    due: float
    attempts: int = 0
    attempted_at: int | None = None
    status: Literal["new", "failed", "success"] = "new"
    active: bool = True
