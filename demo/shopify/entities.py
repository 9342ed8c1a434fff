"""What Shopify keeps beside the neutral shop's books. Times are unix seconds, money is cents; `id`s are the shop's own small ones."""

from dataclasses import dataclass, field
from pathlib import Path

TIP = "Tip"


@dataclass(slots=True)
class OrderExtra:
    """`removed`: line id -> units taken away by edits. `received`: what was paid, None until then.

    `original_total`: before the first edit, None until then. `allocations`: line id -> (number of the code among the order's codes, cents).
    """

    test: bool = False
    taxes_included: bool = True
    cancelled_at: int | None = None
    cancel_reason: str = ""
    edited: bool = False
    authorized: bool = False
    received: int | None = None
    original_total: int | None = None
    processed_at: int | None = None
    source: str = "web"
    removed: dict[int, int] = field(default_factory=dict)
    gift_cards: set[int] = field(default_factory=set)
    allocations: dict[int, list[tuple[int, int]]] = field(default_factory=dict)


@dataclass(slots=True)
class Discount:
    """A code: the neutral shop's coupon of the same id counts its uses, this holds what only Shopify has.

    `customers`: empty for everybody. `products`: the ids it is restricted to, empty for all.
    """

    id: int
    title: str
    code: str
    starts_at: float
    ends_at: float | None = None
    free_shipping: bool = False
    percentage: float | None = None
    amount: int = 0
    on_each_item: bool = False
    once_per_customer: bool = False
    usage_limit: int | None = None
    customers: tuple[int, ...] = ()
    products: tuple[int, ...] = ()
    minimum_subtotal: int | None = None
    combines_orders: bool = False
    combines_products: bool = False
    combines_shipping: bool = False


@dataclass(slots=True)
class GiftCard:
    """`code` is in lower case, as it is compared."""

    id: int
    code: str
    initial: int
    balance: int
    created_at: float
    customer_id: int = 0
    expires_on: str | None = None
    note: str = ""
    deactivated_at: float | None = None


@dataclass(frozen=True, slots=True)
class Credit:
    id: int
    account_id: int
    cents: int
    expires_at: float | None = None


@dataclass(slots=True)
class Account:
    """Store credit of one customer in one currency."""

    id: int
    customer_id: int
    currency: str
    credits: list[Credit] = field(default_factory=list)

    @property
    def balance(self) -> int:
        return sum(credit.cents for credit in self.credits)


@dataclass
class BulkOperation:
    """`file` holds the rows once there are any; `polls` counts how often the app asked."""

    id: int
    grouped: bool
    created_at: float
    status: str = "CREATED"
    error_code: str | None = None
    completed_at: float | None = None
    objects: int = 0
    roots: int = 0
    file: Path | None = None
    polls: int = 0
    written: bool = False
