"""What happens in the shop in a random history: orders are placed, paid, edited, refunded, cancelled, lost; the shop fails."""

from datetime import timedelta
from typing import Any

from core.commerce import CustomerRef, LineKind, Order, OrderState, Payment
from core.errors import CredentialsRefused, PlatformError, RateLimited, Unreachable
from core.merchants import commands as merchants
from core.work import sync
from tests.core.world import Coupon
from tests.torture.drive import Drive

KINDS = (LineKind.GOODS,) * 6 + (LineKind.FEE, LineKind.GIFT_CARD)
AMOUNTS = (0, 99, 1000, 2599, 10000, 50000)


class DeedsOfShops(Drive):
    codes: dict[str, list[tuple[str, int]]]

    def buy(self) -> None:
        customer = self.random.choice(self.customers)
        amounts = [self.random.choice(AMOUNTS) for _ in range(self.random.randint(1, 4))]
        usable = [each for each in self.codes.get(customer, []) if each[0] in self.shop.coupons]
        code, off = self.random.choice(usable) if usable and self.chance(0.6) else (None, 0)
        self._place_order(customer, amounts, code, off)

    def use_dead_code(self) -> None:
        """The code was applied to a cart before it died, and the shop let it pass."""
        customer = self.random.choice(self.customers)
        dead = [each for each in self.codes.get(customer, []) if each[0] not in self.shop.coupons]
        if dead:
            code, off = self.random.choice(dead)
            self.shop.coupons[code] = Coupon(request=None)  # type: ignore[arg-type]
            self._place_order(customer, [1000], code, off)
            del self.shop.coupons[code]

    def _place_order(self, customer: str, amounts: list[int], code: str | None, off: int) -> None:
        amounts[0] = max(amounts[0], off)
        used = self.random.randint(0, off) if self.chance(0.2) else off
        order = self.shop.buy(
            *amounts,
            order_id=self.new_name(),
            customer=None if self.chance(0.15) else customer,
            paid=self.chance(0.8),
            code=code,
            off=used,
        )
        lines = tuple(
            line.model_copy(update={"kind": self.random.choice(KINDS), "net": line.gross * 100 // 121})
            for line in order.lines
        )
        unusual: dict[str, Any] = self.random.choice(
            ({},) * 12 + ({"is_test": True}, {"state": OrderState.DRAFT}, {"payment": Payment.UNKNOWN})
        )
        completed_at = self.world.now if self.chance(0.5) else None
        self.shop.change(order.external_id, lines=lines, completed_at=completed_at, **unusual)
        self.note("order", order.external_id, customer, amounts, f"off {used}" if code else "", unusual)
        if self.chance(0.8):
            self.settle(order.external_id)

    def pay(self) -> None:
        order = self.some_order()
        if order is not None:
            paid = Payment.UNKNOWN if self.chance(0.1) else Payment.PAID
            changes: dict[str, Any] = {"payment": paid, "paid_at": self.world.now, "completed_at": self.world.now}
            if order.state is OrderState.DRAFT:
                changes["state"] = OrderState.PLACED
            self.shop.change(order.external_id, **changes)

    def refund(self) -> None:
        order = self.some_order()
        left = order.total - sum(refund.gross for refund in order.refunds) if order else 0
        if order is None or left <= 0:
            return
        line = self.random.choice([None, *(line.external_id for line in order.lines)])
        gross = self.random.choice((left, self.random.randint(1, left)))
        self.note("refund", order.external_id, line, gross)
        self.shop.refund(order.external_id, gross, line=line, stamp=self.chance(0.8))

    def withdraw_refund(self) -> None:
        order = self.some_order()
        if order is not None and order.refunds:
            self._change_silently(order, refunds=order.refunds[:-1])

    def cancel_or_revive(self) -> None:
        order = self.some_order()
        if order is None:
            return
        self.note("cancel or revive", order.external_id)
        if order.state is OrderState.CANCELLED:
            self.shop.change(order.external_id, state=OrderState.PLACED)
        elif self.chance(0.1):
            self.shop.change(order.external_id, state=OrderState.REFUNDED)
        else:
            self.shop.cancel(order.external_id)

    def edit(self) -> None:
        """Lines cost something else, fall away or come; once in a while the discount is taken off the order."""
        order = self.some_order()
        if order is None:
            return
        self.note("edit", order.external_id)
        if order.discounts:
            if self.chance(0.3):
                whole = {line.external_id: line.before_discount for line in order.lines}
                lines = tuple(line.model_copy(update={"gross": whole[line.external_id]}) for line in order.lines)
                self.shop.change(order.external_id, lines=lines, discounts=())
            return
        lines = tuple(
            line.model_copy(update={"gross": amount, "net": amount, "before_discount": amount})
            for line in order.lines[: self.random.randint(1, len(order.lines))]
            for amount in [self.random.choice((line.gross, 0, 777))]
        )
        self.shop.change(order.external_id, lines=lines)

    def change_customer(self) -> None:
        order = self.some_order()
        if order is not None:
            customer = self.new_name() if self.chance(0.2) else self.random.choice(self.customers)
            named = CustomerRef(external_id=customer, email=f"c{customer}@example.org")
            chosen = self.random.choice((named, named, CustomerRef(erased=True), CustomerRef()))
            self.note("customer of", order.external_id, chosen.external_id)
            self.shop.change(order.external_id, customer=chosen)

    def change_currency(self) -> None:
        order = self.some_order()
        if order is not None:
            self.shop.change(order.external_id, currency="USD" if order.currency == "EUR" else "EUR")

    def trash_or_restore(self) -> None:
        order = self.some_order()
        if order is not None:
            self.note("trash or restore", order.external_id)
            self.shop.trashed ^= {order.external_id}

    def delete(self) -> None:
        order = self.some_order()
        if order is not None:
            del self.shop.placed[order.external_id]
            self.settle(order.external_id)

    def stale_stamp(self) -> None:
        """A replica that lags behind answers once: an older stamp with older content."""
        order = self.some_order()
        if order is not None and order.updated_at is not None:
            old = {"updated_at": order.updated_at - timedelta(minutes=5), "state": OrderState.CANCELLED}
            self.shop.placed[order.external_id] = order.model_copy(update=old)
            self.settle(order.external_id)
            self.shop.placed[order.external_id] = order

    def shop_fails(self) -> None:
        """For a while calls fail: before anything happened, or (worse) after it did."""
        errors = (Unreachable("no answer"), RateLimited("slowly", retry_after_s=30), CredentialsRefused("no"))
        error: PlatformError = self.random.choice(errors)
        self.note("shop fails", type(error).__name__)
        if self.chance(0.5):
            self.shop.failure = error
        else:
            self.shop.lost_answer = Unreachable("the answer was lost")
        self.settle_some()
        if self.chance(0.5):
            self.redeem()
            self.world.wait(seconds=self.random.choice((11, 700)))
            self.world.work()
        self.shop.failure = self.shop.lost_answer = None

    def slow_read(self) -> None:
        """While an order is being read it changes; the message of that comes meanwhile, maybe another worker reads it first."""
        order = self.some_order()
        if order is None:
            return
        overtaken, stamped = self.chance(0.6), self.chance(0.5)
        self.note("slow read", order.external_id, "overtaken" if overtaken else "")

        def meanwhile() -> None:
            if stamped:
                self.shop.change(order.external_id, state=OrderState.CANCELLED)
            else:
                self._change_silently(self.shop.placed[order.external_id], state=OrderState.CANCELLED)
            self.hint(order.external_id)
            if overtaken:
                self.world.wait(seconds=100)
                self.world.work()

        self.shop.while_reading = meanwhile
        self.settle(order.external_id)
        self.shop.while_reading = None

    def poll(self) -> None:
        self.note("poll")
        sync.poll(self.world.runtime, self.world.merchant_id, self.world.shop_id)
        self.oracle.shop_is_well = True
        self.tell_of_new_orders()
        self.world.work()

    def reconcile(self) -> None:
        self.note("reconcile")
        sync.reconcile(self.world.runtime, self.world.merchant_id, self.world.shop_id)
        self.tell_of_new_orders()
        self.world.work()

    def many_cancelled(self) -> None:
        """A shop gone wrong: orders fall by the dozen. Staff are asked, and say yes or not yet."""
        bought = []
        for _ in range(25):
            order = self.shop.buy(1000, order_id=self.new_name(), customer=self.random.choice(self.customers))
            bought.append(order.external_id)
            self.settle(order.external_id)
        for external_id in bought:
            self.shop.cancel(external_id)
            self.settle(external_id)
        if self.chance(0.5):
            until, world = self.world.now + timedelta(hours=1), self.world
            self.oracle.clawback_allowed_until = until
            world.tx(lambda s: merchants.allow_clawback(s, world.merchant_id, world.shop_id, until=until))
            for external_id in bought:
                self.settle(external_id)

    def _change_silently(self, order: Order, **changes: Any) -> None:
        self.note("silently", order.external_id, *changes)
        self.shop.placed[order.external_id] = order.model_copy(update=changes)

    # -- of the whole history

    def settle_some(self) -> None:
        raise NotImplementedError

    def redeem(self) -> None:
        raise NotImplementedError

    def tell_of_new_orders(self) -> None:
        raise NotImplementedError
