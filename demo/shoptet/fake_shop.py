"""The fake Shoptet as one object: what tests hold in their hands and the server serves."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from flask import Flask

from demo.shop import customers, year
from demo.shop.entities import Coupon, Customer, Order
from demo.shop.money import minor
from demo.shop.store import Clock, Rules, Store
from demo.shoptet import (
    coupon_calls,
    coupons,
    credit_note_calls,
    customer_calls,
    jobs,
    order_calls,
    order_deeds,
    order_views,
    pages,
)
from demo.shoptet.addon import AddonConfig
from demo.shoptet.amounts import Figures, Json
from demo.shoptet.deliveries import Deliveries, Delivery, Pace
from demo.shoptet.entities import CANCELLED, DONE, Account, CreditNote, Status
from demo.shoptet.faults import ShoptetFaults
from demo.shoptet.guids import guid, own_id
from demo.shoptet.installation import Installation
from demo.shoptet.order_deeds import Wishes
from demo.shoptet.site import ESHOP_ID, Site

MAKERS: dict[str, jobs.Maker] = {
    "/api/orders/snapshot": order_calls.snapshot_rows,
    "/api/customers/snapshot": customer_calls.snapshot_rows,
    "/api/discount-coupons/snapshot": coupon_calls.snapshot_rows,
    "/api/credit-notes/snapshot": credit_note_calls.snapshot_rows,
}


class FakeShoptet:
    """A shop with a year behind it, and the platform around it. Ids that its methods take are the shop's own small ones;
    `code` and `guid` give what the addon sees. `pace`: "manual" (call `deliver_pending`), or seconds after the event.
    `usage_returns`: a cancelled order gives its coupon back. `figures`, `generation`, `code_prefix`: see Site.
    """

    def __init__(
        self,
        *,
        addon: AddonConfig | None = None,
        order_count: int = 400,
        customer_count: int = 60,
        seed: int = 1,
        clock: Clock = time.time,
        url: str = "http://127.0.0.1:8092",
        eshop_id: int = ESHOP_ID,
        language: str = "en",
        currency: str = "EUR",
        figures: Figures = "live",
        generation: int = 3,
        code_prefix: str = "",
        usage_returns: bool = True,
        pace: Pace = "manual",
    ) -> None:
        restored = frozenset({"cancelled"}) if usage_returns else frozenset[str]()
        self.store = Store(clock=clock, rules=Rules(usage_restored_on=restored), seed=seed, checkout_pause=lambda: None)
        self.site = Site(
            self.store, addon or AddonConfig(), url.rstrip("/"), eshop_id, language=language, currency=currency,
            figures=figures, code_prefix=code_prefix, generation=generation,
        )  # fmt: skip
        year.fill(self.store, order_count=order_count, customer_count=customer_count)
        self._adopt_the_year()
        self.deliveries = Deliveries(self.site, pace)
        self.deliveries.before_run = self._before_run
        self.installation = Installation(self.site, self.deliveries)
        self.store.listeners.append(lambda event: order_deeds.note_new_order(self.site, event))
        self.store.listeners.append(lambda event: customer_calls.note_deleted(self.site, event))
        self.store.listeners.append(self.deliveries.note)
        self.app: Flask = pages.create_app(self.site, self.installation, self.deliveries)

    @property
    def faults(self) -> ShoptetFaults:
        return self.site.faults

    @property
    def url(self) -> str:
        return self.site.url

    def configure(self, **changes: Any) -> AddonConfig:
        """Change what the platform knows of the addon: fields of AddonConfig."""
        self.site.addon = replace(self.site.addon, **changes)
        return self.site.addon

    # The addon -----------------------------------------------------------------------------------------------------

    def install(self) -> bool:
        """The merchant installs the addon: the install call, which must be answered 200 within five seconds."""
        return self.installation.install()

    def uninstall(self) -> None:
        self.installation.uninstall()

    def suspend(self) -> None:
        self.installation.suspend()

    def terminate(self) -> None:
        self.installation.suspend(event="addon:terminate")

    def approve(self) -> None:
        self.installation.approve()

    def oauth_token(self) -> str:
        """The OAuth access token as the install call gives it, for tests that are not about that."""
        return self.installation.adopt()

    def access_token(self) -> str:
        """An API access token; installs the addon where it is not."""
        self.oauth_token()
        return self.site.tokens.new_api_token()

    def private_token(self) -> str:
        """Of a Premium shop: no addon needed."""
        return self.site.tokens.new_private()

    def login_code(self) -> str:
        """What #OAUTH_CODE# becomes."""
        return self.site.tokens.new_login_code(self.site.addon.login_url)

    def switch_module(self, name: str, *, on: bool = False) -> None:
        self.site.modules = self.site.modules | {name} if on else self.site.modules - {name}

    # Orders --------------------------------------------------------------------------------------------------------

    def place_order(
        self, items: Mapping[int, int] | None = None, *, customer_id: int = 0, email: str = "guest@example.com",
        payment: str = "demo_card", coupons: Sequence[str] = (), **wishes: Any,
    ) -> Order:  # fmt: skip
        """Buy at the storefront, without the pages. Product id -> pieces; by default one mug. `payment`: demo_card (paid
        at once), cod, bacs (both unpaid). `wishes`: see order_deeds.Wishes.
        """
        return order_deeds.place(
            self.site, items or {11: 1}, customer=self.store.customers.get(customer_id), email=email, payment=payment,
            codes=coupons, wishes=Wishes(**wishes),
        )  # fmt: skip

    def set_status(self, order_id: int, status_id: int) -> None:
        with self.store.lock:
            order_deeds.set_status(self.site, self.store.orders[order_id], status_id)

    def complete(self, order_id: int) -> None:
        """Done, and paid: cash came with the parcel."""
        with self.store.lock:
            order_deeds.set_status(self.site, self.store.orders[order_id], DONE, paid=True)

    def cancel(self, order_id: int) -> None:
        self.set_status(order_id, CANCELLED)

    def mark_paid(self, order_id: int, *, paid: bool = True) -> None:
        with self.store.lock:
            order_deeds.mark_paid(self.site, self.store.orders[order_id], paid=paid)

    def edit_order(
        self, order_id: int, *, add: Mapping[int, int] | None = None, pieces: Mapping[int, int] | None = None,
        drop_coupon: bool = False,
    ) -> None:  # fmt: skip
        """Add products (id -> pieces), set rows to so many pieces (row id -> pieces), take the discount off."""
        with self.store.lock:
            order = self.store.orders[order_id]
            order_deeds.edit(self.site, order, add=add or {}, set_pieces=pieces or {}, drop_coupon=drop_coupon)

    def credit(
        self, order_id: int, *, quantities: Mapping[int, int] | None = None, amount: str = "", reason: str = "Returned",
        by_proof: bool = False,
    ) -> CreditNote:  # fmt: skip
        """A credit note for pieces (row id -> pieces) or for an amount ("5.00") alone, on the order's invoice or proof."""
        with self.store.lock:
            cents = minor(amount) if amount else None
            order = self.store.orders[order_id]
            return order_deeds.credit(
                self.site, order, quantities=quantities or {}, amount=cents, reason=reason, by_proof=by_proof
            )

    def void_credit_note(self, code: str) -> None:
        """It stays, but is no longer valid."""
        with self.store.lock:
            order_deeds.void_credit_note(self.site, self.site.credit_notes[code])

    def delete_credit_note(self, code: str) -> None:
        with self.store.lock:
            order_deeds.delete_credit_note(self.site, self.site.credit_notes[code])

    def delete_order(self, order_id: int) -> None:
        with self.store.lock:
            order_deeds.delete(self.site, self.store.orders[order_id])

    def mass_status(self, order_ids: Sequence[int], status_id: int) -> None:
        """Several orders at once in the list of orders: single events, and one for all of them beside."""
        with self.store.lock:
            for order_id in order_ids:
                self.set_status(order_id, status_id)
            self._mass("order:massUpdate", order_ids)
            if self.site.statuses[status_id].paid:
                self._mass("order:massPaid", order_ids)

    def mass_paid(self, order_ids: Sequence[int]) -> None:
        with self.store.lock:
            for order_id in order_ids:
                self.mark_paid(order_id)
            self._mass("order:massPaid", order_ids)

    def import_orders(self, baskets: Sequence[Mapping[int, int]], **what: Any) -> list[Order]:
        """Several new orders at once: single events, and one for all of them beside. `what`: as `place_order` takes it."""
        with self.store.lock:
            made = [self.place_order(basket, **what) for basket in baskets]
            self._mass("order:massCreate", [order.id for order in made])
            return made

    def add_status(self, name: str, *, paid: bool = False) -> int:
        """A status of the merchant's own; answers its id."""
        number = max(self.site.statuses) + 1
        self.site.statuses[number] = Status(number, name, paid)
        self.deliveries.announce("orderStatusesList:change", str(number))
        return number

    # People --------------------------------------------------------------------------------------------------------

    def add_customer(self, email: str, **fields: Any) -> Customer:
        with self.store.lock:
            return customers.register(self.store, email, **fields)

    def add_account(self, customer_id: int, email: str, *, name: str = "", verified: bool = True) -> str:
        """One more login of a customer; answers its GUID."""
        with self.store.lock:
            made = Account(self.store.next_customer_id(), email, name, verified)
            self.site.customers[customer_id].accounts.append(made)
            customers.saved(self.store, self.store.customers[customer_id])
            return guid("account", made.id)

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

    # Coupons, webhooks, ids ----------------------------------------------------------------------------------------

    def coupon(self, code: str) -> Coupon | None:
        return coupons.by_code(self.site, code)

    def add_coupon(self, code: str, amount: str = "5.00", **fields: Any) -> Coupon:
        """As the merchant makes one in the admin: single use unless told otherwise. `fields`: as the API names them."""
        with self.store.lock:
            template = guid("template", coupons.default_template(self.site).id)
            given = {
                "code": code, "discountType": "fixed", "amount": amount, "currency": self.site.currency,
                "template": template, "shippingPrice": "cart", "reusable": False, **fields,
            }  # fmt: skip
            return coupons.create(self.site, given)

    def delete_coupon(self, code: str) -> None:
        with self.store.lock:
            found = coupons.by_code(self.site, code)
            if found is not None:
                coupons.delete(self.site, found)

    def tell(self, event: str, instance: str = "") -> None:
        """Any event that no deed here brings about: eshop:currencies, eshop:projectDomain, productReview:created ..."""
        self.deliveries.announce(event, instance)

    def finish_jobs(self) -> int:
        """Work off the jobs that wait; answers how many."""
        return jobs.work_off(self.site, MAKERS, self.deliveries.announce)

    def deliver_pending(self, *, early: bool = False) -> list[Delivery]:
        """Finish jobs and deliver what is due by the shop's clock (`early`: retries, too, that are not yet)."""
        return self.deliveries.run(early=early)

    def code(self, order_id: int) -> str:
        return self.site.code(self.store.orders[order_id])

    def order_id(self, code: str) -> int:
        """The shop's own id behind an order code. Raises KeyError."""
        order = self.site.order(code)
        if order is None:
            raise KeyError(code)
        return order.id

    def guid(self, kind: str, number: int) -> str:
        return guid(kind, number)

    def own_id(self, kind: str, text: str) -> int:
        """The shop's own id behind a GUID. Raises KeyError for nonsense."""
        found = own_id(kind, text)
        if not found:
            raise KeyError(text)
        return found

    def detail(self, order_id: int) -> Json:
        """An order as the API tells it."""
        return order_views.detail(self.site, self.store.orders[order_id])

    def stop(self) -> None:
        self.deliveries.stop()

    def _mass(self, event: str, order_ids: Sequence[int]) -> None:
        self.deliveries.announce(event, json.dumps([self.code(each) for each in order_ids]))

    def _before_run(self) -> None:
        self.finish_jobs()

    def _adopt_the_year(self) -> None:
        for coupon in self.store.coupons.values():
            coupons.adopt(self.site, coupon)
        for order in self.store.orders.values():
            order.key = order.key.removeprefix("wc_order_").lower()
            order_deeds.adopt(self.site, order)
