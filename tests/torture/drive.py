"""How a random history is driven: one world, one witness, one oracle, one random stream, and a log of what was done."""

import random
from collections import deque
from typing import Any

from core.commerce import Order
from core.ids import OrderId, RedemptionId
from core.program.terms import CurrencyTerms, Terms
from tests.core.world import World, terms
from tests.torture.oracle import Oracle
from tests.torture.oracle_sums import Rate, Rules
from tests.torture.witness import watch

LOGGED = 40
RECENT = 12


class Drive:
    """`count` is what the tiers count: deeds, hints, and calls of the shop, each of which is followed by its transaction."""

    def __init__(self, world: World, rng: random.Random, rules: Rules) -> None:
        self.world, self.random = world, rng
        self.oracle = Oracle([(world.now, rules)])
        self.shop = watch(world, self.oracle)
        self.customers = ["1", "2", "3"]
        self.order_ids: dict[str, OrderId] = {}
        self.redemption_ids: dict[str, RedemptionId] = {}
        self.log: deque[str] = deque(maxlen=LOGGED)
        self.done = 0
        self._names = 0

    @property
    def count(self) -> int:
        return self.done + len(self.shop.calls)

    def note(self, *words: object) -> None:
        self.log.append(f"{self.world.now:%Y-%m-%d %H:%M:%S.%f} " + " ".join(map(str, words)))

    def new_name(self) -> str:
        self._names += 1
        return str(1000 + self._names)

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def hint(self, external_id: str) -> None:
        """The shop says that an order may have changed; nobody reads it yet."""
        self.note("hint", external_id)
        self.done += 1
        self.world.wait(milliseconds=1)
        self.oracle.heard_of(external_id)
        self.order_ids[external_id] = self.world.hint(external_id)

    def settle(self, external_id: str) -> None:
        self.hint(external_id)
        self.world.work()

    def some_order(self) -> Order | None:
        """Mostly one of the newest."""
        ids = list(self.shop.placed)
        if not ids:
            return None
        return self.shop.placed[self.random.choice(ids[-RECENT:] if self.chance(0.9) else ids)]


def drawn_terms(rng: random.Random, *, zone: str = "Europe/Prague") -> dict[str, Any]:
    """Random rules of a program, as changes of the world's own."""
    rates = [
        {"earn_points": 1, "earn_per_minor": 100, "value_points": 100, "value_minor": 100},
        {"earn_points": 3, "earn_per_minor": 100, "value_points": 100, "value_minor": 500},
        {"earn_points": 7, "earn_per_minor": 33, "value_points": 3, "value_minor": 2, "minimum_minor": 5},
    ]
    currencies = {"EUR": CurrencyTerms.model_validate(rng.choice(rates))}
    if rng.random() < 0.3:
        currencies["USD"] = CurrencyTerms.model_validate(rng.choice(rates))
    return {
        "timezone": zone,
        "window_days": rng.choice((0, 0, 1, 5, 14)),
        "expiry_months": rng.choice((1, 1, 2, 12, None)),
        "grace_days": rng.choice((0, 3, 14)),
        "lookback_days": rng.choice((0, 2, 30)),
        "earn_when": rng.choice(("paid", "paid", "completed")),
        "include_tax": rng.random() < 0.7,
        "include_shipping": rng.random() < 0.4,
        "include_gift_cards": rng.random() < 0.3,
        "include_points_paid": rng.random() < 0.5,
        "code_hours": rng.choice((1, 24, 72)),
        "currencies": currencies,
    }


def rules_of(changes: dict[str, Any]) -> Rules:
    """The same rules in the oracle's words."""
    version: Terms = terms(**changes)
    rates = {
        name: Rate(rate.earn_points, rate.earn_per_minor, rate.value_points, rate.value_minor, rate.minimum_minor)
        for name, rate in version.currencies.items()
    }
    return Rules(
        zone=version.timezone,
        window_days=version.window_days,
        expiry_months=version.expiry_months,
        grace_days=version.grace_days,
        lookback_days=version.lookback_days,
        code_hours=version.code_hours,
        earn_when=version.earn_when,
        tax_earns=version.include_tax,
        shipping_earns=version.include_shipping,
        gift_cards_earn=version.include_gift_cards,
        points_paid_earn=version.include_points_paid,
        rates=rates,
    )
