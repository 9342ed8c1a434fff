"""All state of one demo shop, in memory, behind one lock; the other modules of this folder are its verbs."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from demo.shop import catalogue
from demo.shop.entities import Cart, Coupon, Customer, Meta, Order, Product

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Rules:
    """Where shops of different age behave differently. The defaults are those of a current shop."""

    coupons_reserved: bool = True
    emails_checked_in_cart: bool = True
    emails_checked_on_staff_orders: bool = True
    usage_restored_on: frozenset[str] = frozenset({"cancelled", "failed", "trash"})
    edits_move_modified: bool = True
    remainder_goes_round: bool = True
    # Where prices are shown without VAT, a fixed code takes its amount off those, and its VAT with it.
    prices_with_tax: bool = True


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened in the shop: `name` in the past tense, the id of its subject, and its new or old word."""

    name: str
    id: int
    order_id: int = 0
    detail: str = ""


Listener = Callable[[Event], None]


@dataclass
class Store:
    """The shop's shelves and books. Take `lock` around any read or write of several things."""

    clock: Clock = time.time
    rules: Rules = field(default_factory=Rules)
    seed: int = 1
    # Between accepting a checkout's coupon and booking it real shops spend a while; races live there.
    checkout_pause: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self.random = random.Random(self.seed)
        self.products: dict[int, Product] = {product.id: product for product in catalogue.PRODUCTS}
        self.customers: dict[int, Customer] = {}
        self.orders: dict[int, Order] = {}
        self.coupons: dict[int, Coupon] = {}
        self.carts: dict[str, Cart] = {}
        self.listeners: list[Listener] = []
        self._post_ids = count(max(self.products) + 1)
        self._item_ids = count(1)
        self._meta_ids = count(1)
        self._customer_ids = count(1)

    def now(self) -> int:
        return int(self.clock())

    def emit(self, name: str, subject: int, *, order_id: int = 0, detail: str = "") -> None:
        event = Event(name, subject, order_id=order_id, detail=detail)
        for listener in self.listeners:
            listener(event)

    # Orders, coupons and refunds share one sequence, as posts do in WordPress.
    def next_post_id(self) -> int:
        return next(self._post_ids)

    def next_item_id(self) -> int:
        return next(self._item_ids)

    def next_meta_id(self) -> int:
        return next(self._meta_ids)

    def next_customer_id(self) -> int:
        return next(self._customer_ids)

    def token(self, length: int) -> str:
        """Letters and digits for order keys and the like: repeatable by seed, no secrets."""
        return "".join(self.random.choices("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789", k=length))

    def meta(self, key: str, value: object) -> Meta:
        return Meta(self.next_meta_id(), key, value)

    def coupon_by_code(self, code: str) -> Coupon | None:
        """The newest live coupon of this code, whatever its letter case."""
        wanted = code.strip().lower()
        live = (c for c in reversed(self.coupons.values()) if c.code == wanted and c.status != "trash")
        return next(live, None)

    def customer_by_email(self, email: str) -> Customer | None:
        wanted = email.strip().lower()
        return next((c for c in self.customers.values() if c.email.lower() == wanted), None)

    def customer_by_login(self, login: str) -> Customer | None:
        wanted = login.strip().lower()
        return next((c for c in self.customers.values() if wanted in (c.email.lower(), c.username.lower())), None)

    def cart(self, visitor: str) -> Cart:
        return self.carts.setdefault(visitor, Cart())
