"""The fake Shopify as one object: what tests hold in their hands and the server serves."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from flask import Flask

from demo.shop import customers, orders, year
from demo.shop.entities import Customer, Order, Refund
from demo.shop.money import minor
from demo.shop.store import Clock, Rules, Store
from demo.shopify import deploy, discounts, order_deeds, pages, rest_bodies, session_tokens, signed
from demo.shopify.app_config import AppConfig
from demo.shopify.bulk import Bulk
from demo.shopify.deliveries import Deliveries, Delivery, Pace
from demo.shopify.entities import Discount
from demo.shopify.faults import ShopifyFaults
from demo.shopify.ids import gid, local, number
from demo.shopify.installation import Installation
from demo.shopify.order_deeds import Wishes
from demo.shopify.queries import QueryRoot
from demo.shopify.schema import admin_schema
from demo.shopify.site import Site
from demo.shopify.synthetic import Synthetic

# A cancelled order does not give its code back.
RULES = Rules(usage_restored_on=frozenset())


class FakeShopify:
    """A shop with a year behind it, and the platform around it. Ids that its methods take are the shop's own small ones;
    `gid` and `number` give what the app sees. `pace`: "manual" (call `deliver_pending`), or seconds after the event.
    """

    def __init__(
        self,
        *,
        app: AppConfig | None = None,
        order_count: int = 400,
        customer_count: int = 60,
        synthetic_orders: int = 0,
        synthetic_customers: int = 0,
        seed: int = 1,
        clock: Clock = time.time,
        url: str = "http://127.0.0.1:8091",
        name: str = "fernway",
        taxes_included: bool = True,
        pace: Pace = "manual",
    ) -> None:
        self.store = Store(
            clock=clock, rules=replace(RULES, prices_with_tax=taxes_included), seed=seed, checkout_pause=lambda: None
        )
        synthetic = Synthetic(synthetic_orders, synthetic_customers, self.store.now(), seed)
        self.site = Site(
            self.store, app or AppConfig(), url.rstrip("/"), name, taxes_included=taxes_included, synthetic=synthetic
        )
        year.fill(self.store, order_count=order_count, customer_count=customer_count)
        self._adopt_the_year()
        schema = admin_schema()
        self.deliveries = Deliveries(self.site, pace)
        self.bulk = Bulk(self.site, schema, self.deliveries.announce, eager=pace != "manual")
        self.bulk.make_root = lambda scopes: QueryRoot(self.site, self.bulk, scopes)
        self.installation = Installation(self.site, self.deliveries.announce, lambda: rest_bodies.shop(self.site))
        self.store.listeners.append(lambda event: order_deeds.note_new_order(self.site, event))
        self.store.listeners.append(self.deliveries.note)
        self.app: Flask = pages.create_app(self.site, schema, self.bulk, self.installation, self.deliveries)

    @property
    def faults(self) -> ShopifyFaults:
        return self.site.faults

    @property
    def url(self) -> str:
        return self.site.url

    @property
    def domain(self) -> str:
        return self.site.domain

    def configure(self, **changes: Any) -> AppConfig:
        """Change what the platform knows of the app: fields of AppConfig."""
        self.site.app = replace(self.site.app, **changes)
        return self.site.app

    def deploy(self, archive: bytes) -> AppConfig:
        """What `shopify app deploy` does with the zip that Regulars makes: configuration and theme extension."""
        return deploy.deploy(self.site, archive)

    # The app -------------------------------------------------------------------------------------------------------

    def install(self, scopes: Sequence[str] | None = None) -> None:
        """The merchant consents, to the app's scopes or to these."""
        self.installation.install(tuple(scopes) if scopes is not None else None)

    def uninstall(self) -> None:
        self.installation.uninstall()

    def access_token(self, *, scopes: Sequence[str] | None = None, expiring: bool = True) -> str:
        """A token as an exchange gives it, for tests that are not about that. Installs the app where it is not."""
        if not self.site.installed:
            self.install(scopes)
        return str(self.site.tokens.issue(tuple(scopes or self.site.granted), expiring=expiring)["access_token"])

    def session_token(self, *, sub: str | None = None, staff: int = 1, **changes: Any) -> str:
        """What App Bridge gives the app in the admin; `changes` replace claims, None drops one."""
        return session_tokens.mint(self.site, staff=staff, **({"sub": sub} if sub is not None else {}), **changes)

    def extension_token(self, *, customer_id: int = 0, **changes: Any) -> str:
        """What an extension at the checkout or in the account has in its hands."""
        return session_tokens.mint_for_extension(self.site, customer_id=customer_id, **changes)

    def launch_query(self, **changes: Any) -> dict[str, str]:
        """The signed parameters with which the admin opens the app."""
        return signed.launch_query(self.site, **changes)

    def proxy_query(self, *, customer_id: int = 0, **more: str) -> dict[str, str]:
        """The signed parameters with which a storefront's call reaches the app's proxy address."""
        return signed.proxy_query(self.site, customer_id=customer_id, more=list(more.items()))

    # Orders --------------------------------------------------------------------------------------------------------

    def place_order(
        self, items: Mapping[int, int] | None = None, *, customer_id: int = 0, email: str = "guest@example.com",
        payment: str = "demo_card", coupons: Sequence[str] = (), account: bool = True, **wishes: Any,
    ) -> Order:  # fmt: skip
        """Buy at the storefront, without the pages. Product id -> pieces; by default one mug. `payment`: demo_card (paid
        at once), cod, bacs (both pending). Whoever buys as a guest becomes a customer without a password, as at Shopify;
        `account=False`: the order has no customer. `wishes`: see order_deeds.Wishes.
        """
        with self.store.lock:
            customer = self.store.customers.get(customer_id)
            if customer is None and account and email:
                customer = self.store.customer_by_email(email) or customers.register(self.store, email)
        return order_deeds.place(
            self.site, items or {11: 1}, customer=customer, email=email, payment=payment, codes=coupons,
            wishes=Wishes(**wishes),
        )  # fmt: skip

    def complete(self, order_id: int) -> None:
        """Fulfilled."""
        with self.store.lock:
            order_deeds.fulfil(self.site, self.store.orders[order_id])

    def cancel(self, order_id: int, *, reason: str = "CUSTOMER", refund: bool = True) -> None:
        with self.store.lock:
            order_deeds.cancel(self.site, self.store.orders[order_id], reason=reason, give_back=refund)

    def mark_paid(self, order_id: int) -> None:
        with self.store.lock:
            order_deeds.mark_paid(self.site, self.store.orders[order_id])

    def refund(
        self, order_id: int, *, amount: str = "", quantities: Mapping[int, int] | None = None, shipping: bool = False
    ) -> Refund:
        """Refund an amount ("5.00"), pieces of order lines (line id -> pieces), the shipping, or a mix of them."""
        with self.store.lock:
            cents = minor(amount) if amount else None
            order = self.store.orders[order_id]
            return order_deeds.refund(self.site, order, quantities=quantities or {}, shipping=shipping, amount=cents)

    def edit_order(
        self, order_id: int, *, add: Mapping[int, int] | None = None, remove: Mapping[int, int] | None = None
    ) -> None:
        """Add products (id -> pieces), take pieces of lines away (line id -> pieces)."""
        with self.store.lock:
            order = self.store.orders[order_id]
            done = order_deeds.edit(self.site, order, add=add or {}, remove=remove or {})
            body = rest_bodies.edited(order_id, self.site.next("edit"), self.store.now(), done.added, done.removed)
            self.deliveries.announce("orders/edited", body)

    def delete_order(self, order_id: int) -> None:
        with self.store.lock:
            orders.delete(self.store, self.store.orders[order_id])
            self.site.extras.pop(order_id, None)

    # People --------------------------------------------------------------------------------------------------------

    def add_customer(self, email: str, **fields: str) -> Customer:
        with self.store.lock:
            return customers.register(self.store, email, **fields)  # type: ignore[arg-type]

    def update_customer(self, customer_id: int, **fields: str) -> Customer:
        """Change e-mail or names."""
        with self.store.lock:
            customer = self.store.customers[customer_id]
            for field, value in fields.items():
                setattr(customer, field, value)
            customers.saved(self.store, customer)
            return customer

    def delete_customer(self, customer_id: int) -> None:
        with self.store.lock:
            customers.delete(self.store, self.store.customers[customer_id])

    def merge_customers(self, kept_id: int, gone_id: int) -> None:
        with self.store.lock:
            order_deeds.merge(self.site, self.store.customers[kept_id], self.store.customers[gone_id])

    def request_data(self, customer_id: int) -> None:
        """The merchant asks all apps what they hold of a customer."""
        self._privacy("customers/data_request", customer_id, "orders_requested")

    def redact(self, customer_id: int) -> None:
        """The platform asks all apps to forget a customer; the shop's own books stay as they are."""
        self._privacy("customers/redact", customer_id, "orders_to_redact")

    def erase(self, email: str) -> int:
        """The shop forgets a person, and the app is asked to. Answers how many orders were theirs."""
        with self.store.lock:
            account = self.store.customer_by_email(email)
            if account is not None:
                self.redact(account.id)
            return customers.erase(self.store, email)

    def redact_shop(self) -> None:
        """48 hours after an uninstallation."""
        self.deliveries.announce("shop/redact", rest_bodies.redacted_shop(self.site))

    # Codes, webhooks, ids ------------------------------------------------------------------------------------------

    def discount(self, code: str) -> Discount | None:
        return discounts.by_code(self.site, code)

    def delete_discount(self, code: str) -> None:
        with self.store.lock:
            found = discounts.by_code(self.site, code)
            if found is not None:
                discounts.delete(self.site, found)

    def deliver_pending(self, *, early: bool = False) -> list[Delivery]:
        """Deliver what is due by the shop's clock (`early`: retries, too, that are not yet); answers what was sent."""
        self.bulk.settle()
        return self.deliveries.run(early=early)

    def gid(self, kind: str, own_id: int) -> str:
        return gid(kind, own_id)

    def number(self, kind: str, own_id: int) -> str:
        return str(number(kind, own_id))

    def local(self, kind: str, external_id: str) -> int:
        """The shop's own id behind a number or a gid that the app sees. Raises KeyError for nonsense."""
        found = local(kind, external_id)
        if found is None or found < 0:
            raise KeyError(external_id)
        return found

    def stop(self) -> None:
        self.deliveries.stop()
        self.bulk.stop()

    def _privacy(self, topic: str, customer_id: int, field: str) -> None:
        with self.store.lock:
            customer = self.store.customers[customer_id]
            mine = [order.id for order in self.store.orders.values() if order.customer_id == customer_id]
            self.deliveries.announce(topic, rest_bodies.privacy(self.site, customer, mine, field))

    def _adopt_the_year(self) -> None:
        """Every checkout makes a customer; the books' codes get the platform's half."""
        for coupon in self.store.coupons.values():
            discounts.adopt(self.site, coupon)
        for order in self.store.orders.values():
            order.key = order.key.removeprefix("wc_order_").lower()
            email = order.billing.email
            if order.customer_id == 0 and email:
                made = self.store.customer_by_email(email) or customers.register(
                    self.store, email, first_name=order.billing.first_name, last_name=order.billing.last_name,
                    billing=order.billing,
                )  # fmt: skip
                made.created_at = made.modified_at = min(made.created_at, order.created_at)
                order.customer_id = made.id
