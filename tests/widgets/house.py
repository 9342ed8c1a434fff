"""A real core and the real door on a database of their own, with a shop whose platform answers from memory."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.factory import create_app
from core.commerce import (
    Customer,
    CustomerRef,
    Discount,
    DiscountRequest,
    Order,
    OrderLine,
    OrderState,
    Payment,
    Revocation,
    ShopFacts,
    Usage,
)
from core.db.engine import Database, reading, run_tx
from core.earning import orders
from core.errors import ExternalNotFound, PlatformError, Unreachable
from core.ids import MemberId, MerchantId, new_secret
from core.ledger import commands as ledger
from core.members import commands as members
from core.members import queries as member_queries
from core.merchants import commands as merchants
from core.merchants import queries as merchant_queries
from core.merchants.queries import ShopView
from core.ports import Capability, Connector, Installation, Platform
from core.program import commands as programs
from core.program.terms import Terms, default_terms
from core.runtime import Runtime
from core.sealing import Vault
from core.settings import Settings
from core.work import reading as order_reading

START = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
SHOP_URL = "https://shop.example"


@dataclass
class FakePlatform:
    """What the shop holds: orders, customers and codes; `down`: it does not answer. It is its own connector, in parts."""

    orders_by_id: dict[str, Order] = field(default_factory=dict)
    issued: dict[str, DiscountRequest] = field(default_factory=dict)
    mailboxes: dict[str, list[str]] = field(default_factory=lambda: {"7": ["c7@example.com"]})
    down: bool = False
    failure: PlatformError | None = None
    capabilities: frozenset[Capability] = frozenset()
    before_issue: Callable[[], None] = lambda: None

    platform = Platform.WOOCOMMERCE

    @property
    def orders(self) -> Any:
        return self

    discounts = customers = orders

    def get_order(self, external_id: str) -> Order:
        self._answer()
        if external_id not in self.orders_by_id:
            raise ExternalNotFound("There is no such order")
        return self.orders_by_id[external_id]

    def get_customer(self, external_id: str) -> Customer:
        self._answer()
        return Customer(
            external_id=external_id, email=f"c{external_id}@example.com", first_name="Anna", last_name="Nová"
        )

    def emails_of(self, external_id: str) -> list[str]:
        self._answer()
        return self.mailboxes.get(external_id, [])

    def issue(self, request: DiscountRequest) -> Discount:
        self.before_issue()
        self._answer()
        self.issued[request.code] = request
        return Discount(code=request.code, external_id=f"d{len(self.issued)}")

    def revoke(self, code: str) -> Revocation:
        self._answer()
        return Revocation(code=code, used=False, existed=self.issued.pop(code, None) is not None)

    def usage(self, code: str) -> Usage:
        self._answer()
        return Usage(state="unused", exists=code in self.issued)

    def _answer(self) -> None:
        if self.failure is not None:
            raise self.failure
        if self.down:
            raise Unreachable("The shop did not answer")


class House:
    """A merchant with one shop, live, whose customers 7 and 8 exist; time stands still until it is moved."""

    def __init__(
        self,
        db: Database,
        folder: Path,
        *,
        base_url: str = SHOP_URL,
        credentials: dict[str, str] | None = None,
        connect: Callable[[Installation], Connector] | None = None,
        now: datetime = START,
        wake: Callable[[], None] = lambda: None,
        capabilities: frozenset[Capability] = frozenset(),
        **settings: Any,
    ) -> None:
        self.now = now
        self.credentials = credentials or {"consumer_key": "ck_x", "consumer_secret": "cs_x"}
        self.clock: Callable[[], datetime] = lambda: self.now
        self.platform = FakePlatform()
        self.address = "https://points.example"
        self.wakes = 0
        self._worker = wake
        self.runtime = Runtime(
            settings=Settings(data_dir=folder, database_url=db.url, allow_loopback=True, **settings),
            db=db,
            vault=Vault([Fernet.generate_key()]),
            clock=lambda: self.clock(),
            connect=connect or self._connect,
            public_url=lambda: self.address,
            capabilities=lambda _platform: capabilities,
        )
        self.app: Flask = create_app(self.runtime, wake=self._wake)
        self.merchant_id = MerchantId("")
        self.shop = self._found(base_url)
        self.kid, self.key = self._pair()

    def _connect(self, _installation: Installation) -> Connector:
        return self.platform  # type: ignore[return-value]

    def _wake(self) -> None:
        self.wakes += 1
        self._worker()

    def _found(self, base_url: str) -> ShopView:
        def work(session: Any) -> ShopView:
            self.merchant_id = merchants.create_merchant(
                session, name="Linden", timezone="Europe/Prague", now=self.now - timedelta(days=90)
            )
            facts = ShopFacts(name="Linden", currency="EUR", timezone="Europe/Prague")
            shop = merchants.connect_shop(
                session,
                self.runtime.vault,
                self.merchant_id,
                platform=Platform.WOOCOMMERCE,
                base_url=base_url,
                facts=facts,
                credentials=self.credentials,
                now=self.now - timedelta(days=90),
            )
            merchants.set_launch(session, self.merchant_id, "live", now=self.now - timedelta(days=60))
            return shop

        shop = run_tx(self.runtime.db, work)
        self.publish()
        return shop

    def publish(self, **changes: Any) -> None:
        terms = default_terms(["EUR"], timezone="Europe/Prague", name="Linden Club")
        changed = Terms.model_validate(terms.model_dump() | {"enrolment": "join", **changes})
        run_tx(
            self.runtime.db,
            lambda session: programs.publish(session, self.merchant_id, changed, author_id=None, now=self.now),
        )

    def launch(self, state: str) -> None:
        run_tx(self.runtime.db, lambda session: merchants.set_launch(session, self.merchant_id, state, now=self.now))

    def stop_redeeming(self) -> None:
        run_tx(self.runtime.db, lambda session: merchants.stop_redeeming(session, self.merchant_id, True))

    def refresh_shop(self) -> ShopView:
        with reading(self.runtime.db) as session:
            self.shop = merchant_queries.shop(session, self.merchant_id, self.shop.shop_id)
        return self.shop

    def _pair(self) -> tuple[str, str]:
        vault, shop_id = self.runtime.vault, self.shop.shop_id

        def work(session: Any) -> tuple[str, str]:
            code = merchants.new_pairing_code(session, self.merchant_id, shop_id, now=self.now)
            return merchants.pair(session, vault, self.merchant_id, shop_id, code=code, now=self.now)

        return run_tx(self.runtime.db, work)

    # -- shoppers

    def token(self, customer: str = "7", **changes: Any) -> str:
        """What the plugin signs; `changes` overwrite claims, `kid`, `key` and `alg`."""
        key = changes.pop("key", self.key)
        head = {"kid": changes.pop("kid", self.kid)}
        algorithm = changes.pop("alg", "HS256")
        now = int(self.now.timestamp())
        claims = {
            "iss": self.shop.base_url,
            "aud": self.shop.shop_key,
            "sub": customer,
            "iat": now,
            "exp": now + 300,
            "jti": "jti-0123456789abcdef",
            **changes,
        }
        if algorithm == "none":
            return jwt.encode(claims, None, algorithm="none", headers=head)
        return jwt.encode(claims, base64.urlsafe_b64decode(key + "=="), algorithm=algorithm, headers=head)

    def join(self, customer: str = "7") -> MemberId:
        def work(session: Any) -> MemberId:
            return members.enrol(
                session,
                self.runtime.vault,
                self.merchant_id,
                self.shop.shop_id,
                external_id=customer,
                joined_by="widget",
                joined_at=self.now - timedelta(days=40),
                now=self.now,
            )

        return run_tx(self.runtime.db, work)

    def give(self, points: int, customer: str = "7", *, note: str = "", **options: Any) -> None:
        """Points by hand, at once free to use; negative ones take them away, into debt if need be."""
        member_id = self.member(customer)
        with reading(self.runtime.db) as session:
            key = member_queries.erasure_key(session, self.runtime.vault, self.merchant_id, member_id)
        run_tx(
            self.runtime.db,
            lambda session: ledger.adjust(
                session,
                self.merchant_id,
                member_id,
                points,
                reason="goodwill",
                notes={"member": note},
                erasure_key=key,
                author_id=None,
                idempotency_key=new_secret(),
                expires_at=options.get("expires_at"),
                now=self.now,
            ),
        )

    def member(self, customer: str = "7") -> MemberId:
        with reading(self.runtime.db) as session:
            found = member_queries.by_customer(session, self.merchant_id, self.shop.shop_id, customer)
        return found.member_id if found else self.join(customer)

    def order(self, external_id: str, *, gross: int = 4840, customer: str = "7", **changes: Any) -> None:
        """An order is placed in the shop, or changes there; the worker reads it."""
        made = Order(
            external_id=external_id,
            number=external_id,
            currency="EUR",
            state=changes.pop("state", OrderState.PLACED),
            payment=Payment.PAID,
            placed_at=START,
            paid_at=START,
            customer=CustomerRef(external_id=customer),
            lines=(OrderLine(external_id="l1", name="Mug", gross=gross, net=gross, before_discount=gross),),
            total=gross,
            **changes,
        )
        self.platform.orders_by_id[external_id] = made
        self.read(external_id)

    def read(self, external_id: str) -> None:
        def work(session: Any) -> Any:
            return orders.want(session, self.merchant_id, self.shop.shop_id, external_id, now=self.now)

        order_id = run_tx(self.runtime.db, work)
        order_reading.read_now(self.runtime, self.merchant_id, order_id)

    # -- calls

    def client(self) -> FlaskClient:
        return self.app.test_client()

    def call(
        self, method: str, path: str, *, customer: str | None = "7", body: Any = None, **options: Any
    ) -> TestResponse:
        """As the widget calls from the shop's page; `token` and `origin` may be others, None leaves them out."""
        token = options.pop("token", self.token(customer) if customer else None)
        origin = options.pop("origin", self.shop.base_url)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if origin:
            headers["Origin"] = origin
        shop_key = options.pop("shop_key", self.shop.shop_key)
        return self.client().open(
            f"/widget/v1/api/{shop_key}/{path}",
            method=method,
            headers=headers | options.pop("headers", {}),
            **({"data": json.dumps(body), "content_type": "application/json"} if body is not None else {}),
            **options,
        )

    def redeem(self, points: int, *, key: str = "0123456789abcdef0123", **options: Any) -> TestResponse:
        return self.call("POST", "redemptions", body={"points": points, "idempotency_key": key}, **options)
