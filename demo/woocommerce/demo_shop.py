"""The WooCommerce demo shop as one object: what tests hold in their hands and the server serves."""

import time
from collections.abc import Mapping

from flask import Flask

from demo.shop import coupons as coupon_books
from demo.shop import customers, orders, year
from demo.shop.carts import Placing, apply_coupon, check_out
from demo.shop.entities import Address, Cart, Coupon, Customer, Order, Refund
from demo.shop.faults import Faults
from demo.shop.money import minor
from demo.shop.store import Clock, Store
from demo.woocommerce import pages, shapes
from demo.woocommerce.deliveries import Deliveries, Delivery, Pace
from demo.woocommerce.plugin import Plugin
from demo.woocommerce.site import ApiKey, Site, Webhook
from demo.woocommerce.versions import VERSIONS

# About what a checkout takes on a small server; the window in which older shops let a coupon be used twice.
CHECKOUT_S = 0.15


class DemoShop:
    """A shop with a year behind it. `pace` says when webhooks go out: "manual" (call `deliver_pending`), "cron"
    (lazily, on visits), or seconds after the event. `plugin` false: the loyalty plugin is not installed.
    """

    def __init__(
        self,
        *,
        version: str = "11.0.1",
        order_count: int = 400,
        customer_count: int = 60,
        seed: int = 1,
        clock: Clock = time.time,
        home_url: str = "http://127.0.0.1:8090",
        tls: bool = False,
        pace: Pace = "manual",
        plugin: bool = True,
    ) -> None:
        generation = VERSIONS[version]
        self.store = Store(
            clock=clock, rules=generation.rules, seed=seed, checkout_pause=lambda: time.sleep(CHECKOUT_S)
        )
        self.site = Site(self.store, generation, home_url.rstrip("/"), tls=tls)
        self.owner = year.add_owner(self.store)
        year.fill(self.store, order_count=order_count, customer_count=customer_count)
        self.deliveries = Deliveries(self.site, pace)
        self.plugin = Plugin(self.site) if plugin else None
        self.store.listeners.append(self.deliveries.note)
        if self.plugin is not None:
            self.store.listeners.append(self.plugin.note)
        self.app: Flask = pages.create_app(self.site, self.deliveries, self.plugin)

    @property
    def faults(self) -> Faults:
        return self.site.faults

    @property
    def home_url(self) -> str:
        return self.site.home_url

    def create_key(self, *, scope: str = "read_write", user_id: int = 1) -> ApiKey:
        return self.site.add_key(scope=scope, user_id=user_id)

    def add_customer(self, email: str, **fields: str) -> Customer:
        with self.store.lock:
            return customers.register(self.store, email, **fields)  # type: ignore[arg-type]

    def add_coupon(self, code: str, amount: str = "5.00", **fields: object) -> Coupon:
        """A coupon as the back office makes it; `fields` are attributes of Coupon."""
        with self.store.lock:
            coupon = coupon_books.create(self.store, code, amount=minor(amount))
            for name, value in fields.items():
                setattr(coupon, name, value)
            coupon_books.saved(self.store, coupon, created=True)
            return coupon

    def place_order(
        self,
        items: Mapping[int, int] | None = None,
        *,
        customer_id: int = 0,
        email: str = "guest@example.com",
        payment: str = "demo_card",
        coupons: tuple[str, ...] = (),
    ) -> Order:
        """Buy at the storefront, without the pages. Product id -> pieces; by default one mug."""
        customer = self.store.customers.get(customer_id)
        known = customer.billing if customer is not None else Address()
        billing = customers.with_email(known, customer.email if customer is not None else email)
        cart = Cart(quantities=dict(items or {11: 1}), billing=billing, shipping=billing, address_known=True)
        for code in coupons:
            apply_coupon(self.store, cart, code, customer_id)
        return check_out(self.store, cart, Placing(customer_id, payment, billing, billing), shapes.coupon_data)

    def set_status(self, order_id: int, status: str) -> None:
        with self.store.lock:
            orders.set_status(self.store, self.store.orders[order_id], status)

    def complete(self, order_id: int) -> None:
        self.set_status(order_id, "completed")

    def cancel(self, order_id: int) -> None:
        self.set_status(order_id, "cancelled")

    def mark_paid(self, order_id: int) -> None:
        with self.store.lock:
            orders.mark_paid(self.store, self.store.orders[order_id])

    def refund(self, order_id: int, *, amount: str = "", quantities: Mapping[int, int] | None = None) -> Refund:
        """Refund an amount ("5.00"), or pieces of order lines (line id -> pieces)."""
        with self.store.lock:
            order = self.store.orders[order_id]
            lines = orders.lines_to_refund(self.store, order, dict(quantities or {}))
            total = minor(amount) if amount else sum(line.net + line.tax for line in lines)
            return orders.refund(self.store, order, total, lines=lines)

    def delete_refund(self, order_id: int, refund_id: int) -> None:
        """Silently: no webhook, no new date. Only the plugin would tell."""
        with self.store.lock:
            orders.delete_refund(self.store, self.store.orders[order_id], refund_id)

    def trash(self, order_id: int) -> None:
        with self.store.lock:
            orders.trash(self.store, self.store.orders[order_id])

    def restore(self, order_id: int) -> None:
        with self.store.lock:
            orders.restore(self.store, self.store.orders[order_id])

    def delete_order(self, order_id: int) -> None:
        with self.store.lock:
            orders.delete(self.store, self.store.orders[order_id])

    def erase_person(self, email: str) -> int:
        with self.store.lock:
            return customers.erase(self.store, email)

    def link_past_orders(self, customer_id: int) -> int:
        with self.store.lock:
            return customers.link_past_orders(self.store, self.store.customers[customer_id])

    def deliver_pending(self) -> list[Delivery]:
        return self.deliveries.run()

    @property
    def webhooks(self) -> list[Webhook]:
        return list(self.site.webhooks.values())
