"""A random history of a shop: deeds of shoppers, staff, platform and time, done to the product and told to the oracle.

Everything is drawn from one seed, weights too (swarm: each seed has its own, and some deeds never happen), so a seed is a
replay. Nothing is drawn from the database, so the same seed does the same on every engine.
"""

import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from core.db.engine import Database, reading
from core.db.types import table
from core.earning.tables import OrderRow
from core.ids import OrderId
from core.ledger import commands as ledger
from core.work import effects, sync
from tests.core.world import World, make_world
from tests.torture.deeds_of_members import DeedsOfMembers
from tests.torture.deeds_of_shops import DeedsOfShops
from tests.torture.drive import RECENT, drawn_terms, rules_of

ORDERS = table(OrderRow)
EVER = 100_000  # days: a night of these deeds is a century of the shop
WEIGHTS = {
    "buy": 6.0, "pay": 2.0, "refund": 4.0, "withdraw_refund": 1.0, "cancel_or_revive": 2.0, "edit": 1.0,
    "change_customer": 1.0, "change_currency": 0.3, "trash_or_restore": 1.0, "delete": 0.3, "stale_stamp": 0.5,
    "redeem": 6.0, "give_back": 2.0, "use_dead_code": 0.5, "adjust": 1.0, "repeat_adjustment": 0.5, "undo": 0.7,
    "welcome": 0.3, "decide": 1.0, "publish": 0.4, "wait": 5.0, "to_next_change": 2.0, "sleep": 0.5, "shop_fails": 1.0, "slow_read": 1.0,
    "poll": 1.0, "reconcile": 0.2, "newcomer": 0.15, "many_cancelled": 0.02,
}  # fmt: skip
ALWAYS = {"buy", "wait", "redeem", "newcomer"}
AROUND = (timedelta(minutes=-30), timedelta(microseconds=-1), timedelta(0), timedelta(seconds=1))
PAUSES_H = (0.02, 0.1, 1, 5, 30, 24 * 9)


class History(DeedsOfMembers, DeedsOfShops):
    """One random history. `do` is one deed and what comes of it at once."""

    def __init__(self, world: World, rng: random.Random, terms: dict[str, Any], weights: dict[str, float]) -> None:
        super().__init__(world, rng, rules_of(terms))
        self.weights, self.zone = weights, terms["timezone"]
        self.codes: dict[str, list[tuple[str, int]]] = {}
        self.adjustments: list[dict[str, Any]] = []
        self.welcomed: set[str] = set()

    def do(self) -> None:
        name = self.random.choices(list(self.weights), list(self.weights.values()))[0]
        self.note("--", name)
        self.done += 1
        self.world.wait(milliseconds=1)
        getattr(self, name)()
        if self.chance(0.5):
            self.settle_some()

    def settle_some(self) -> None:
        """Some orders are announced, some of them twice, in any order, read at once or later."""
        known = list(self.shop.placed)[-RECENT:]
        for external_id in self.random.choices(known, k=2) if known else []:
            self.hint(external_id)
            if self.chance(0.8):
                self.world.work()

    def wait(self) -> None:
        self.pass_time(timedelta(hours=self.random.choice(PAUSES_H)))

    def to_next_change(self) -> None:
        """To the very instant at which points ripen or end, or just before it, mostly so that a hold outlives its lot."""
        lots = [lot for customer in self.customers if (book := self.oracle.books.get(customer)) for lot in book.lots]
        ahead = [
            at for lot in lots if lot.left for at in (lot.matures_at, lot.expires_at) if at and at > self.world.now
        ]
        if ahead:
            self.note("to", next_one := min(ahead))
            self.pass_time(next_one - self.world.now + self.random.choice(AROUND))
            if self.chance(0.5):
                self.redeem()

    def sleep(self) -> None:
        """The server is off for a while; afterwards everything is due at once."""
        self.world.wait(days=self.random.choice((1, 8, 40)))
        self.duties()

    def pass_time(self, length: timedelta) -> None:
        """The worker is there when a hold ends, so each ends at its own time."""
        until = self.world.now + length
        ends = {each.hold_ends for each in self.oracle.redeemings.values() if each.state == "open"}
        for moment in sorted(end for end in ends if self.world.now < end < until):
            self.go_to(max(moment, self.world.now))
            self.duties()
        self.go_to(max(until, self.world.now))
        self.duties()

    def go_to(self, moment: datetime) -> None:
        self.world.time["now"] = moment

    def duties(self) -> None:
        """What the worker does as time passes: end holds, mature and expire, read what is due."""
        world = self.world
        effects.sweep_holds(world.runtime, world.merchant_id)
        self.oracle.swept(world.now)
        world.tx(lambda session: ledger.book_due(session, world.merchant_id, now=world.now))
        world.work()

    def tell_of_new_orders(self) -> None:
        """Poll and reconcile find orders that no message announced; they become known in the order of their rows."""
        with reading(self.world.db) as session:
            rows = session.connection().execute(
                sa.select(ORDERS.c.external_id, ORDERS.c.order_id)
                .where(ORDERS.c.merchant_id == self.world.merchant_id)
                .order_by(ORDERS.c.order_id.desc())
                .limit(200)
            )
            for external_id, order_id in reversed(list(rows)):
                self.oracle.heard_of(external_id)
                self.order_ids[external_id] = OrderId(order_id)

    def finish(self) -> None:
        """Nothing more happens: reconcile passes, time, and every hold has ended."""
        self.note("finish")
        for _ in range(4):
            sync.reconcile(self.world.runtime, self.world.merchant_id, self.world.shop_id, days=EVER)
            self.tell_of_new_orders()
            self.world.work()
            self.rest()

    def rest(self) -> None:
        """The newest orders are heard of once more, and time passes."""
        for external_id in list(self.shop.placed)[-2 * RECENT :]:
            self.settle(external_id)
        self.pass_time(timedelta(days=2.2))


def begin(
    db: Database,
    tmp_path: Path,
    seed: int,
    *,
    zone: str = "Europe/Prague",
    weights: dict[str, float] | None = None,
) -> History:
    """A world whose rules, weights and deeds all come from the seed."""
    rng = random.Random(seed)
    terms = drawn_terms(rng, zone=zone)
    chosen = swarm(rng, weights or WEIGHTS)
    return History(make_world(db, tmp_path, **terms), rng, terms, chosen)


def swarm(rng: random.Random, weights: dict[str, float]) -> dict[str, float]:
    """Each seed has its own mixture, and about a fifth of the deeds never happen in it."""
    return {
        name: weight * (rng.choice((0.5, 1, 2)) if name in ALWAYS else rng.choice((0, 0.3, 1, 1, 3)))
        for name, weight in weights.items()
    }
