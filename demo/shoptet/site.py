"""One Shoptet shop: the neutral shop's books plus what only the platform knows."""

import secrets
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

from demo.shop.entities import Order
from demo.shop.store import Store
from demo.shoptet.addon import AddonConfig
from demo.shoptet.amounts import Figures
from demo.shoptet.bucket import Bucket, Connections, Writes
from demo.shoptet.entities import (
    CANCELLED,
    DONE,
    NEW,
    PROCESSING,
    CouponExtra,
    CreditNote,
    CustomerExtra,
    Document,
    Group,
    Job,
    Notification,
    OrderExtra,
    Pricelist,
    Status,
    Template,
    Webhook,
)
from demo.shoptet.faults import ShoptetFaults
from demo.shoptet.times import ZONE
from demo.shoptet.tokens import Tokens

ESHOP_ID = 222651
MODULES = {
    "abandonedCart": "Abandoned cart",
    "discountCoupons": "Discount coupons",
    "currencies": "Foreign currencies",
    "rating": "Rating",
}
CUSTOM_STATUS = 5


@dataclass
class Site:
    """`url`: where all of it answers, no slash at the end: the API, the partner's e-shop, the shop. `figures`: see amounts.
    `code_prefix`: of order codes, for shops whose codes hold letters. `generation`: 3 has shoptet.cart, 2 has not.
    """

    store: Store
    addon: AddonConfig
    url: str
    eshop_id: int = ESHOP_ID
    name: str = "Fernway"
    language: str = "en"
    currency: str = "EUR"
    figures: Figures = "live"
    code_prefix: str = ""
    generation: int = 3
    vat_payer: bool = True
    faults: ShoptetFaults = field(default_factory=ShoptetFaults)

    def __post_init__(self) -> None:
        clock = self.store.clock
        self.installed = False
        self.suspended = False
        self.modules = set(MODULES)
        self.tokens = Tokens(clock, self.eshop_id)
        self.bucket, self.connections, self.writes = Bucket(clock), Connections(), Writes(clock)
        self.signature_key = ""
        self.webhooks: dict[int, Webhook] = {}
        self.notifications: list[Notification] = []
        self.snippets: dict[str, str] = {}
        self.orders: dict[int, OrderExtra] = {}
        self.customers: defaultdict[int, CustomerExtra] = defaultdict(CustomerExtra)
        self.coupons: dict[int, CouponExtra] = {}
        self.templates: dict[int, Template] = {}
        self.credit_notes: dict[str, CreditNote] = {}
        # By the order's id.
        self.invoices: dict[int, Document] = {}
        self.proofs: dict[int, Document] = {}
        self.jobs: dict[str, Job] = {}
        self.groups = {1: Group(1, "Registered customers", "default", pricelist_id=1)}
        self.pricelists = {1: Pricelist(1, "Default price list")}
        self.statuses = {
            each.id: each
            for each in (
                Status(NEW, "New"),
                Status(PROCESSING, "Processing"),
                Status(DONE, "Done", documents=True),
                Status(CANCELLED, "Cancelled"),
                Status(CUSTOM_STATUS, "Payment received", paid=True),
            )
        }
        # kind -> identifier -> when it was deleted. Kept for 30 days.
        self.deleted: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self.logins: dict[str, tuple[int, int]] = {}
        self.payments: dict[str, str] = {}
        self.secret = secrets.token_bytes(16)
        self.numbers: defaultdict[str, count[int]] = defaultdict(lambda: count(1))
        self.job_lock = threading.Lock()
        # `wishes`: what is unusual about the order that this thread is just placing (order_deeds.Wishes).
        self.coming = threading.local()
        self._no_extra = OrderExtra()

    def now(self) -> float:
        """The platform's clock, which a fault switch may set wrong."""
        return self.store.clock() + self.faults.clock_skew_s

    def next(self, kind: str) -> int:
        return next(self.numbers[kind])

    def extra_of(self, order: Order) -> OrderExtra:
        """What the platform knows of an order, to be read only."""
        return self.orders.get(order.id, self._no_extra)

    def note(self, order: Order) -> OrderExtra:
        """The same, to be written."""
        return self.orders.setdefault(order.id, OrderExtra())

    def code(self, order: Order) -> str:
        return self.code_of(order.id, order.created_at)

    def code_of(self, order_id: int, created_at: int) -> str:
        """2026000123, behind the prefix."""
        return f"{self.code_prefix}{_year(created_at)}{order_id:06d}"

    def order(self, code: str) -> Order | None:
        digits = code.removeprefix(self.code_prefix)[4:]
        found = self.store.orders.get(int(digits)) if digits.isdigit() else None
        return found if found is not None and self.code(found) == code else None


def _year(at: int) -> int:
    return datetime.fromtimestamp(at, ZONE).year
