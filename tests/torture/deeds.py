"""The operations of the core, each as the product runs it: a state to begin with, and the deed, which may be asked for again.

What identifies a deed (key, order, posting) is fixed by its preparation, so that a successor asks for the very same thing.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlmodel import Session

from core.commerce import CustomerRef
from core.db.engine import reading
from core.earning import orders
from core.earning.orders import Decision
from core.ids import PostingId
from core.ledger import commands as ledger
from core.ledger import seals
from core.members import commands as members
from core.queue import inbox
from core.work import backfill, effects, sync
from tests.core.world import START, World
from webhooks import work as webhook_work

KEY = "asked-for-once-0001"


@dataclass(frozen=True)
class Deed:
    """`prepare` returns what `do` has to know of the state: an id, mostly."""

    name: str
    prepare: Callable[[World], Any]
    do: Callable[[World, Any], Any]


def work(world: World, _: Any = None) -> None:
    world.work()


def member_with_points(world: World) -> None:
    world.settle(world.shop.buy(50000).external_id)


def an_order_is_heard_of(world: World) -> None:
    world.hint(world.shop.buy(1200, 300).external_id)


def an_order_nobody_heard_of(world: World) -> str:
    return world.shop.buy(1200).external_id


def a_message_comes_in(world: World, order: str) -> None:
    body, headers = json.dumps({"id": int(order)}).encode(), {"x-wc-webhook-topic": "order.updated"}
    arrival = inbox.Arrival(world.merchant_id, world.shop_id, "webhook", headers, body, world.now)
    world.tx(lambda session: inbox.store(session, [arrival]))
    webhook_work.work_due(world.runtime, world.merchant_id)
    world.work()


def a_code(world: World) -> Any:
    member_with_points(world)
    return world.redeem(300, key=KEY)


def redeem(world: World, _: Any) -> Any:
    return world.redeem(300, key=KEY).redemption_id


def an_order_with_a_code(world: World) -> str:
    code = a_code(world).code
    order = world.shop.buy(20000, 5000, order_id="5001", code=code, off=250).external_id
    world.hint(order)
    return order


def a_settled_order_with_a_code(world: World) -> str:
    order = an_order_with_a_code(world)
    world.work()
    world.wait(minutes=5)
    return order


def its_refund(world: World) -> None:
    order = a_settled_order_with_a_code(world)
    world.shop.refund(order, 10000, line="L1")
    world.hint(order)


def its_cancellation(world: World) -> None:
    order = a_settled_order_with_a_code(world)
    world.shop.cancel(order)
    world.hint(order)


def a_spent_order_is_refunded(world: World) -> None:
    """The points it earned are held by now: the clawback ends in debt."""
    order = world.shop.buy(50000).external_id
    world.settle(order)
    world.redeem(500, key=KEY)
    world.shop.refund(order, 40000)
    world.hint(order)


def an_order_of_somebody_else(world: World) -> None:
    world.settle(world.shop.buy(1000, customer="8").external_id)
    order = world.shop.buy(2000, customer="7").external_id
    world.settle(order)
    world.wait(minutes=5)
    world.shop.change(order, customer=CustomerRef(external_id="8", email="c8@example.org"))
    world.hint(order)


def a_code_to_give_back(world: World) -> Any:
    return a_code(world).redemption_id


def give_back(world: World, redemption_id: Any) -> None:
    world.give_back(redemption_id)


def a_hold_that_ran_out(world: World) -> None:
    a_code(world)
    world.wait(hours=26)


def a_code_used_on_an_order_never_seen(world: World) -> None:
    code = a_code(world).code
    world.shop.coupons[code].uses = 1
    world.wait(hours=26)
    sweep(world)
    world.wait(hours=50)


def sweep(world: World, _: Any = None) -> None:
    effects.sweep_holds(world.runtime, world.merchant_id)
    world.work()


def adjust(world: World, _: Any = None) -> PostingId:
    def write(session: Session) -> PostingId:
        return ledger.adjust(
            session,
            world.merchant_id,
            world.member(),
            25,
            reason="goodwill",
            notes={"staff": "late parcel"},
            erasure_key="k",
            author_id=None,
            idempotency_key=KEY,
            expires_at=START + timedelta(days=2),
            now=world.now,
        )

    return world.tx(write)  # type: ignore[no-any-return]


def an_adjustment(world: World) -> PostingId:
    member_with_points(world)
    return adjust(world)


def reverse(world: World, posting_id: PostingId) -> None:
    def write(session: Session) -> int:
        now = {"author_id": None, "grace_until": None, "now": world.now}
        return ledger.reverse(session, world.merchant_id, world.member(), posting_id, **now)

    world.tx(write)


def points_that_are_due(world: World) -> None:
    """Of two members: some to mature, some to expire."""
    world.publish(window_days=1)
    world.wait(minutes=1)
    for customer in ("7", "8"):
        world.settle(world.shop.buy(3000, customer=customer).external_id)
    adjust(world)
    world.wait(days=3)


def book_due(world: World, _: Any) -> None:
    while world.tx(lambda session: ledger.book_due(session, world.merchant_id, now=world.now, limit=1)):
        pass


def an_order_before_joining(world: World) -> None:
    world.publish(enrolment="join")
    world.wait(minutes=1)
    world.settle(world.shop.buy(1200).external_id)


def join(world: World, _: Any) -> None:
    def write(session: Session) -> None:
        who = (session, world.runtime.vault, world.merchant_id, world.shop_id)
        members.enrol(*who, external_id="7", joined_by="widget", joined_at=world.now, now=world.now)
        orders.want_of_customer(session, world.merchant_id, world.shop_id, "7", now=world.now)

    world.tx(write)
    world.work()


def a_settled_order(world: World) -> Any:
    return world.settle(world.shop.buy(1200, 800).external_id)


def decide(world: World, order_id: Any) -> None:
    decision = Decision(kind="fix", points=7, reason="goodwill")
    world.tx(lambda session: orders.decide(session, world.merchant_id, order_id, decision, now=world.now))
    world.work()


def past_orders(world: World) -> None:
    for number, customer in enumerate(("7", "8", "7", None)):
        earlier = START - timedelta(days=10 + number)
        world.shop.buy(1500, customer=customer, placed_at=earlier, paid_at=earlier, updated_at=earlier)


def read_and_book_them(world: World, _: Any) -> None:
    at = (world.merchant_id, world.shop_id)
    with reading(world.db) as session:
        known = backfill.latest(session, *at)
    if known is not None and known.state == "done":
        return
    begun = world.tx(lambda session: backfill.begin(session, *at, now=world.now))
    choice: dict[str, Any] = {"mode": "from_date", "points_from": START - timedelta(days=30)}
    while backfill.run_step(world.runtime, world.merchant_id, begun.backfill_id):
        pass
    with reading(world.db) as session:
        state = backfill.view(session, world.merchant_id, begun.backfill_id).state
    if state == "previewed":
        world.tx(lambda s: backfill.answer(s, world.merchant_id, begun.backfill_id, **choice, now=world.now))
    while backfill.run_step(world.runtime, world.merchant_id, begun.backfill_id):
        pass


def poll(world: World, _: Any) -> None:
    sync.poll(world.runtime, world.merchant_id, world.shop_id)
    world.work()


def seal(world: World, _: Any) -> None:
    world.tx(lambda session: seals.seal(session, world.runtime.vault, world.merchant_id, now=world.now))


DEEDS = (
    Deed("a message is taken in and worked", an_order_nobody_heard_of, a_message_comes_in),
    Deed("an order earns its first points", an_order_is_heard_of, work),
    Deed("points are held and a code is made", member_with_points, redeem),
    Deed("an order captures a hold", an_order_with_a_code, work),
    Deed("a code is given back", a_code_to_give_back, give_back),
    Deed("a hold runs out", a_hold_that_ran_out, sweep),
    Deed("a used code is captured without its order", a_code_used_on_an_order_never_seen, sweep),
    Deed("a refund claws back and reinstates", its_refund, work),
    Deed("a clawback ends in debt", a_spent_order_is_refunded, work),
    Deed("an order with a code is cancelled", its_cancellation, work),
    Deed("an order changes hands", an_order_of_somebody_else, work),
    Deed("staff adjust", member_with_points, adjust),
    Deed("an adjustment is reversed", an_adjustment, reverse),
    Deed("points mature and expire", points_that_are_due, book_due),
    Deed("a customer joins", an_order_before_joining, join),
    Deed("staff decide on an order", a_settled_order, decide),
    Deed("past orders are read and booked", past_orders, read_and_book_them),
    Deed("the shop is polled", an_order_nobody_heard_of, poll),
    Deed("the day is sealed", member_with_points, seal),
)
