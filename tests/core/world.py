"""A small whole world for tests of the core: a merchant with a live program, a shop that is a real in-memory platform, a clock.

The shop fulfils the ports like any connector does, so settlement, effects and sync run as they do in the product.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from cryptography.fernet import Fernet
from sqlmodel import Session

from core.commerce import (
    AppliedDiscount,
    Customer,
    CustomerRef,
    Discount,
    DiscountRequest,
    Gone,
    Health,
    Order,
    OrderLine,
    OrderState,
    Payment,
    Refund,
    RefundLine,
    Revocation,
    Shipping,
    ShopEvent,
    ShopFacts,
    UnnamedCode,
    Usage,
)
from core.db.engine import Database, reading, run_tx
from core.earning import orders as order_commands
from core.earning import queries as order_queries
from core.errors import ExternalNotFound, PlatformError
from core.ids import MemberId, MerchantId, OrderId, RedemptionId, ShopId, normal_code
from core.ledger import queries as ledger_queries
from core.ledger.queries import BalanceView
from core.members import queries as member_queries
from core.merchants import commands as merchants
from core.merchants import queries as merchant_queries
from core.merchants.queries import ShopView
from core.ports import Capability, Installation, Page, Platform, WebhookRequest
from core.program import commands as programs
from core.program.terms import CurrencyTerms, Terms
from core.rewards.redemption import commands as redemptions
from core.rewards.redemption.codes import rules_of
from core.rewards.redemption.queries import RedemptionView
from core.runtime import Runtime
from core.sealing import Vault
from core.settings import Settings
from core.verify import verify
from core.work import effects
from core.work import reading as work_reading

T = TypeVar("T")
START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
EURO = CurrencyTerms(earn_points=1, earn_per_minor=100, value_points=100, value_minor=100, minimum_minor=1)


def terms(**changes: Any) -> Terms:
    """One point per euro, 100 points are one euro, no window, a year of life."""
    base: dict[str, Any] = {"timezone": "Europe/Prague", "window_days": 0, "currencies": {"EUR": EURO}}
    return Terms.model_validate({**base, **changes})


@dataclass
class Coupon:
    request: DiscountRequest
    uses: int = 0


@dataclass
class FakeShop:
    """A platform in memory. `clock` stamps its orders; `failure` is raised by every call while set."""

    clock: Callable[[], datetime]
    placed: dict[str, Order] = field(default_factory=dict)
    trashed: set[str] = field(default_factory=set)
    _in_order: list[str] = field(default_factory=list)  # ids by the time of placing, which nobody changes
    coupons: dict[str, Coupon] = field(default_factory=dict)
    failure: PlatformError | None = None
    calls: list[str] = field(default_factory=list)
    during_read: Callable[[], None] | None = None
    during_usage: Callable[[], None] | None = None
    capabilities: frozenset[Capability] = frozenset(
        {
            Capability.LIST_ORDERS_BY_CHANGE,
            Capability.CODE_ON_ORDER,
            Capability.LONG_CODES,
            Capability.CANCEL_REVIVES_CODE,
            Capability.SINGLE_USE_IS_SAFE,
        }
    )
    platform: Platform = Platform.WOOCOMMERCE

    # -- what shoppers and the shop's staff do

    def buy(
        self,
        *amounts: int,
        order_id: str | None = None,
        customer: str | None = "7",
        paid: bool = True,
        code: str | None = None,
        off: int = 0,
        by: CustomerRef | None = None,
        **changes: Any,
    ) -> Order:
        """An order of one line per amount (gross minor units, before the code takes `off` from the first line)."""
        order_id = order_id or str(len(self.placed) + 1001)
        lines = tuple(
            OrderLine(external_id=f"L{n}", name=f"Thing {n}", gross=amount, net=amount, before_discount=amount)
            for n, amount in enumerate(amounts, start=1)
        )
        discounts: tuple[AppliedDiscount, ...] = ()
        if code is not None:
            first = lines[0].model_copy(update={"gross": lines[0].gross - off, "net": lines[0].net - off})
            lines = (first, *lines[1:])
            discounts = (AppliedDiscount(code=code, gross=off, net=off, used=off),)
            self.coupons[normal_code(code)].uses += 1
        order = Order(
            external_id=order_id,
            number=order_id,
            currency="EUR",
            state=OrderState.PLACED,
            payment=Payment.PAID if paid else Payment.UNPAID,
            placed_at=self.clock(),
            paid_at=self.clock() if paid else None,
            updated_at=self.clock(),
            customer=by
            or CustomerRef(external_id=customer, email=f"c{customer}@example.org" if customer else "guest@example.org"),
            lines=lines,
            shipping=Shipping(gross=500, net=500),
            discounts=discounts,
            total=sum(line.gross for line in lines) + 500,
        ).model_copy(update=changes)
        self.placed[order_id] = order
        return order

    def change(self, order_id: str, **changes: Any) -> Order:
        self.placed[order_id] = self.placed[order_id].model_copy(update={"updated_at": self.clock(), **changes})
        return self.placed[order_id]

    def refund(self, order_id: str, gross: int, *, line: str | None = None, stamp: bool = True) -> str:
        order = self.placed[order_id]
        refund_id = f"R{len(order.refunds) + 1}"
        parts = (RefundLine(line_id=line, gross=gross),) if line else ()
        refunds = (*order.refunds, Refund(external_id=refund_id, gross=gross, lines=parts))
        self.placed[order_id] = order.model_copy(
            update={"refunds": refunds, "updated_at": self.clock() if stamp else order.updated_at}
        )
        return refund_id

    def cancel(self, order_id: str) -> None:
        """A cancelled order gives its code's use back where the capability says so: the code is live again."""
        for discount in self.placed[order_id].discounts:
            coupon = self.coupons.get(normal_code(discount.code))
            if coupon and Capability.CANCEL_REVIVES_CODE in self.capabilities:
                coupon.uses -= 1
        self.change(order_id, state=OrderState.CANCELLED)

    # -- the ports

    @property
    def orders(self) -> "FakeShop":
        return self

    @property
    def customers(self) -> "FakeShop":
        return self

    @property
    def discounts(self) -> "FakeShop":
        return self

    @property
    def webhooks(self) -> "FakeShop":
        return self

    @property
    def installer(self) -> "FakeShop":
        return self

    @property
    def shoppers(self) -> Any:
        raise NotImplementedError

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.failure is not None:
            raise self.failure

    def get_order(self, external_id: str) -> Order | Gone:
        self._called("get_order")
        found = self.placed.get(external_id)
        if self.during_read is not None:
            self.during_read()
        if external_id in self.trashed:
            return Gone(external_id=external_id, reason="trashed")
        return self._shown(found) if found else Gone(external_id=external_id)

    def _shown(self, order: Order) -> Order:
        """Some platforms do not say which code an order carries."""
        if Capability.CODE_ON_ORDER in self.capabilities:
            return order
        nameless = tuple(UnnamedCode(gross=each.gross, net=each.net, used=each.used) for each in order.discounts)
        return order.model_copy(update={"discounts": (), "unnamed_codes": nameless})

    def list_orders(self, *, changed_since: datetime, cursor: str | None = None) -> Page[Order]:
        self._called("list_orders")
        changed = [o for o in self.placed.values() if o.updated_at and o.updated_at > changed_since]
        return _page(sorted(changed, key=lambda order: order.updated_at or START), cursor)

    def list_placed_orders(self, *, placed_since: datetime | None, cursor: str | None = None) -> Page[Order]:
        self._called("list_placed_orders")
        if len(self._in_order) != len(self.placed):
            self._in_order = sorted(self.placed, key=lambda order_id: self.placed[order_id].placed_at)
        page = _page(self._in_order, cursor)
        return Page(tuple(self._shown(self.placed[order_id]) for order_id in page.items), page.cursor, page.total)

    def get_customer(self, external_id: str) -> Customer:
        raise ExternalNotFound("no such customer")

    def list_customers(self, *, cursor: str | None = None) -> Page[Customer]:
        return Page((), None)

    def issue(self, request: DiscountRequest) -> Discount:
        self._called("issue")
        code = normal_code(request.code)
        self.coupons.setdefault(code, Coupon(request))
        return Discount(code=code, external_id=code)

    def revoke(self, code: str) -> Revocation:
        self._called("revoke")
        coupon = self.coupons.pop(normal_code(code), None)
        return Revocation(code=code, used=coupon.uses > 0 if coupon else None, existed=coupon is not None)

    def usage(self, code: str) -> Usage:
        coupon = self.coupons.get(normal_code(code))
        if self.during_usage is not None:
            self.during_usage()
        return Usage(state="used" if coupon and coupon.uses else "unused", exists=coupon is not None)

    def verify(self, request: WebhookRequest) -> None: ...

    def is_unsigned_ping(self, request: WebhookRequest) -> bool:
        return False

    def parse(self, request: WebhookRequest) -> Sequence[ShopEvent]:
        return ()

    def facts(self) -> ShopFacts:
        return ShopFacts(name="Mugs", currency="EUR", timezone="Europe/Prague")

    def subscribe(self, *, address: str, secret: str) -> None:
        self._called("subscribe")
        if self.during_read is not None:
            self.during_read()

    def health(self, *, address: str, now: datetime) -> Health:
        return Health(checked_at=now)

    def uninstall(self, *, address: str) -> None: ...


@dataclass
class World:
    """Everything a test needs, by the product's own functions."""

    runtime: Runtime
    shop: FakeShop
    merchant_id: MerchantId
    shop_id: ShopId
    time: dict[str, datetime]

    @property
    def db(self) -> Database:
        return self.runtime.db

    @property
    def now(self) -> datetime:
        return self.time["now"]

    def wait(self, **delta: float) -> None:
        self.time["now"] += timedelta(**delta)

    def tx(self, work: Callable[[Session], Any]) -> Any:
        return run_tx(self.db, work)

    def shop_view(self) -> ShopView:
        with reading(self.db) as session:
            return merchant_queries.shop(session, self.merchant_id, self.shop_id)

    def settle(self, external_id: str) -> OrderId:
        """A hint arrives and the worker does what it does until nothing is due."""
        order_id = self.hint(external_id)
        self.work()
        return order_id

    def hint(self, external_id: str) -> OrderId:
        found: OrderId = self.tx(
            lambda session: order_commands.want(session, self.merchant_id, self.shop_id, external_id, now=self.now)
        )
        return found

    def work(self) -> None:
        while work_reading.read_one(self.runtime, self.merchant_id) or effects.run_due(self.runtime, self.merchant_id):
            pass

    def publish(self, **changes: Any) -> None:
        self.tx(
            lambda session: programs.publish(session, self.merchant_id, terms(**changes), author_id=None, now=self.now)
        )

    def member(self, customer: str = "7") -> MemberId:
        with reading(self.db) as session:
            found = member_queries.by_customer(session, self.merchant_id, self.shop_id, customer)
        assert found is not None, f"customer {customer} is not a member"
        return found.member_id

    def balance(self, customer: str = "7") -> BalanceView:
        with reading(self.db) as session:
            return ledger_queries.balance_now(session, self.merchant_id, self.member(customer), now=self.now)

    def points(self, customer: str = "7") -> tuple[int, int, int, int]:
        """Pending, available, held, debt."""
        balance = self.balance(customer)
        return (balance.pending, balance.available, balance.held, balance.debt)

    def order(self, external_id: str) -> order_queries.OrderView:
        with reading(self.db) as session:
            found = order_queries.find(session, self.merchant_id, self.shop_id, external_id)
        assert found is not None
        return found

    def redeem(self, points: int, *, customer: str = "7", key: str | None = None, issue: bool = True) -> RedemptionView:
        view: RedemptionView = self.tx(
            lambda session: redemptions.place(
                session,
                self.merchant_id,
                self.member(customer),
                self.shop_view(),
                customer_external_id=customer,
                points=points,
                idempotency_key=key or f"test-key-{len(self.shop.coupons)}-{points}-{self.now.isoformat()}",
                codes=rules_of(self.shop.capabilities),
                now=self.now,
            )
        )
        return effects.run_effect(self.runtime, self.merchant_id, view.redemption_id) if issue else view

    def give_back(self, redemption_id: RedemptionId) -> None:
        self.tx(lambda session: redemptions.give_back(session, self.merchant_id, redemption_id, now=self.now))
        self.work()

    def violations(self) -> list[str]:
        with reading(self.db) as session:
            return verify(session, self.runtime.vault, self.merchant_id).violations


def make_world(db: Database, tmp_path: Path, *, launch: str = "live", **term_changes: Any) -> World:
    """A merchant with one shop and a program that is live since START."""
    time = {"now": START}
    vault = Vault([Fernet.generate_key()])
    shop = FakeShop(lambda: time["now"])

    def connect(installation: Installation) -> Any:
        return shop

    runtime = Runtime(
        settings=Settings(data_dir=tmp_path),
        db=db,
        vault=vault,
        clock=lambda: time["now"],
        connect=connect,
        public_url=lambda: "https://loyalty.example",
    )

    def set_up(session: Session) -> tuple[MerchantId, ShopId]:
        merchant_id = merchants.create_merchant(session, name="Mugs", timezone="Europe/Prague", now=START)
        view = merchants.connect_shop(
            session,
            vault,
            merchant_id,
            platform=Platform.WOOCOMMERCE,
            base_url="https://mugs.example",
            facts=shop.facts(),
            credentials={"consumer_key": "ck", "consumer_secret": "cs"},
            now=START,
        )
        programs.publish(session, merchant_id, terms(**term_changes), author_id=None, now=START)
        if launch != "draft":
            merchants.set_launch(session, merchant_id, launch, now=START)
        return merchant_id, view.shop_id

    merchant_id, shop_id = run_tx(db, set_up)
    return World(runtime, shop, merchant_id, shop_id, time)


def _page(items: Sequence[T], cursor: str | None, size: int = 100) -> Page[T]:
    start = int(cursor or 0)
    rest = start + size < len(items)
    return Page(items[start : start + size], str(start + size) if rest else None, len(items))
