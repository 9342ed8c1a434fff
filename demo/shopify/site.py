"""One Shopify shop: the neutral shop's books plus what only the platform knows (the app, tokens, codes, credit, operations)."""

import threading
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import count

from demo.shop.entities import Customer, Order
from demo.shop.store import Store
from demo.shopify.app_config import AppConfig
from demo.shopify.bucket import Bucket
from demo.shopify.entities import Account, BulkOperation, Discount, GiftCard, OrderExtra
from demo.shopify.faults import ShopifyFaults
from demo.shopify.synthetic import Synthetic
from demo.shopify.theme import ThemeExtension
from demo.shopify.tokens import Tokens

VERSIONS = ("2026-01", "2026-04", "2026-07", "2026-10", "2027-01", "unstable")
PROTECTED = {
    "level_1": ("Order.customer", "QueryRoot.customer", "QueryRoot.customers"),
    "level_2": (
        "Customer.defaultEmailAddress",
        "Customer.defaultPhoneNumber",
        "Customer.displayName",
        "Customer.firstName",
        "Customer.lastName",
    ),
}


@dataclass
class Site:
    """`url`: where the shop answers, no slash at the end. `name`: of name.myshopify.com."""

    store: Store
    app: AppConfig
    url: str
    name: str = "fernway"
    plan: str = "Basic"
    taxes_included: bool = True
    accounts_version: str = "NEW_CUSTOMER_ACCOUNTS"
    synthetic: Synthetic = field(default_factory=lambda: Synthetic(0, 0, 0, 1))
    faults: ShopifyFaults = field(default_factory=ShopifyFaults)

    def __post_init__(self) -> None:
        self.installed = False
        self.granted: tuple[str, ...] = ()
        self.tokens = Tokens(self.store.clock)
        self.bucket = Bucket(self.store.clock)
        self.extras: dict[int, OrderExtra] = {}
        self.discounts: dict[int, Discount] = {}
        self.gift_cards: dict[int, GiftCard] = {}
        self.credit: dict[int, Account] = {}
        self.bulk: dict[int, BulkOperation] = {}
        self.logins: dict[str, int] = {}
        self.numbers: defaultdict[str, count[int]] = defaultdict(lambda: count(1))
        self.bulk_lock = threading.Lock()
        # What is unusual about the order that is just being placed: order_deeds.Wishes.
        self.coming: object = None
        self.theme: ThemeExtension | None = None
        self.carts_codes: dict[str, list[str]] = {}
        self._no_extra = OrderExtra(taxes_included=self.taxes_included)

    @property
    def domain(self) -> str:
        return f"{self.name}.myshopify.com"

    def now(self) -> float:
        """The platform's clock, which a fault switch may set wrong."""
        return self.store.clock() + self.faults.clock_skew_s

    def next(self, kind: str) -> int:
        return next(self.numbers[kind])

    def extra_of(self, order: Order) -> OrderExtra:
        """What the platform knows of an order, to be read only."""
        return self.extras.get(order.id, self._no_extra)

    def note(self, order: Order) -> OrderExtra:
        """The same, to be written."""
        return self.extras.setdefault(order.id, OrderExtra(taxes_included=self.taxes_included))

    def order(self, order_id: int) -> Order | None:
        return self.store.orders.get(order_id) or self.synthetic.order(order_id)

    def customer(self, customer_id: int) -> Customer | None:
        return self.store.customers.get(customer_id) or self.synthetic.customer(customer_id)

    def has_scope(self, scope: str, scopes: tuple[str, ...]) -> bool:
        return scope in scopes or scope.replace("read_", "write_", 1) in scopes

    def unapproved(self) -> frozenset[str]:
        """Coordinates of the schema that hold protected data the app was not approved for."""
        named = [name.strip() for name in self.faults.unapproved.split(",") if name.strip()]
        return frozenset(each for name in named for each in PROTECTED.get(name, (name,)))
