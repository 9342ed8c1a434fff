"""A product that follows a simulated clock beside one connected shop: what the streams of all platforms have in common."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.db.engine import reading, run_tx
from core.errors import CannotRedeem
from core.ids import MerchantId
from core.ledger import queries as ledger_queries
from core.ledger.queries import BalanceView
from core.members import queries as member_queries
from core.merchants.queries import ShopView
from core.rewards.redemption import commands as redemptions
from core.rewards.redemption.codes import rules_of
from core.rewards.redemption.queries import RedemptionView
from core.runtime import Runtime
from core.verify import verify
from core.work import effects
from core.work import reading as order_reading
from webhooks import work as webhook_work

START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


@dataclass
class Clock:
    """Stands still until it is moved. The shop reads it in seconds."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        return self.now.timestamp()


@dataclass
class StreamWorld(ABC):
    """A live program with one connected shop whose webhooks are set up. Customers are known by the shop's own small ids."""

    runtime: Runtime
    clock: Clock
    merchant_id: MerchantId
    view: ShopView

    @abstractmethod
    def customers(self) -> Mapping[int, str]:
        """All customers of the shop, and what the product calls each of them."""

    def wait(self, delta: timedelta) -> None:
        self.clock.now += delta

    def work(self) -> None:
        """All that the worker's threads do of themselves, until nothing is due."""
        effects.sweep_holds(self.runtime, self.merchant_id)
        while self._one_round():
            pass

    def work_for(self, delta: timedelta, *, step: timedelta = timedelta(minutes=20)) -> None:
        end = self.clock() + delta
        self.work()
        while self.clock() < end:
            self.wait(step)
            self.work()

    def redeem(self, customer: int, *, points: int, key: str) -> RedemptionView | None:
        """As the widget does it: hold, then have the shop make the code. None: there is nothing to redeem."""
        external_id = self.customers()[customer]
        with reading(self.runtime.db) as session:
            member = member_queries.by_customer(session, self.merchant_id, self.view.shop_id, external_id)
        if member is None:
            return None
        try:
            placed = run_tx(
                self.runtime.db,
                lambda session: redemptions.place(
                    session,
                    self.merchant_id,
                    member.member_id,
                    self.view,
                    customer_external_id=external_id,
                    points=points,
                    idempotency_key=key,
                    codes=rules_of(self.runtime.capabilities(self.view.platform)),
                    now=self.clock(),
                ),
            )
        except CannotRedeem:
            return None
        view = effects.run_effect(self.runtime, self.merchant_id, placed.redemption_id)
        assert view.effect.actual == "issued", view
        return placed

    def balances(self) -> dict[int, BalanceView]:
        """Of all customers of the shop who are members."""
        found = {}
        with reading(self.runtime.db) as session:
            for customer, external_id in self.customers().items():
                member = member_queries.by_customer(session, self.merchant_id, self.view.shop_id, external_id)
                if member is not None:
                    now, member_id = self.clock(), member.member_id
                    found[customer] = ledger_queries.balance_now(session, self.merchant_id, member_id, now=now)
        return found

    def points(self) -> dict[int, int]:
        """Points per customer, those set aside for codes included; without those who have none."""
        totals = {
            customer: balance.pending + balance.available + balance.held + balance.debt
            for customer, balance in self.balances().items()
        }
        return {customer: points for customer, points in totals.items() if points}

    def violations(self) -> list[str]:
        with reading(self.runtime.db) as session:
            return list(verify(session, self.runtime.vault, self.merchant_id).violations)

    def _one_round(self) -> bool:
        busy = webhook_work.work_due(self.runtime, self.merchant_id) > 0
        busy |= order_reading.read_one(self.runtime, self.merchant_id)
        return busy | effects.run_due(self.runtime, self.merchant_id)
