"""The same action a hundred times at one moment: exactly one effect, and a hundred identical answers or clean refusals."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from core.db.engine import Database, reading
from core.earning import orders, settlement
from core.earning.context import Settling
from core.earning.orders import Decision
from core.errors import Conflict
from core.ids import MemberId, OrderId, PostingId
from core.ledger import commands as ledger
from core.members import commands as members
from core.members import queries as member_queries
from core.merchants import commands as merchants
from core.rewards.redemption import commands as redemptions
from core.rewards.redemption.queries import RedemptionView
from core.work import backfill, effects
from core.work import reading as work_reading
from tests.at_once import at_once
from tests.core.world import START, World, make_world
from tests.torture.tiers import size

pytestmark = pytest.mark.torture("T4")

WAYS = 100
TIMES = size(pr=1, nightly=200, release=1_000)


@dataclass(frozen=True)
class Stage:
    """A fresh customer for each time; `number` makes keys and orders unlike those of other times."""

    world: World
    number: int

    @property
    def customer(self) -> str:
        return f"c{self.number}"

    @property
    def member_id(self) -> MemberId:
        return self.world.member(self.customer)

    @property
    def points(self) -> tuple[int, int, int, int]:
        return self.world.points(self.customer)

    def buy(self, *amounts: int, **more: Any) -> str:
        return self.world.shop.buy(
            *amounts, order_id=f"o{self.number}-{len(self.world.shop.placed)}", customer=self.customer, **more
        ).external_id

    def earn(self, points: int) -> str:
        order = self.buy(points * 100)
        self.world.settle(order)
        return order

    def redeem(self, points: int) -> RedemptionView:
        return self.world.redeem(points, customer=self.customer, key=f"one-click-{self.number:06d}")

    def seq(self) -> int:
        return self.world.balance(self.customer).seq

    def tx(self, work: Callable[[Session], Any]) -> list[Any]:
        """What a hundred callers get who ask for the same transaction."""
        return at_once(WAYS, lambda _: self.world.tx(work))

    def settle_at_once(self, order: str) -> list[Any]:
        """One read of the order, settled by a hundred: harder than in life, where a lease keeps all but one away."""
        world, order_id = self.world, self.world.hint(order)
        lease = world.tx(lambda session: orders.lease(session, world.merchant_id, order_id, now=world.now))
        statement = world.shop.get_order(order)

        def settle(session: Session) -> int:
            context = Settling(
                vault=world.runtime.vault,
                merchant_id=world.merchant_id,
                shop=world.shop_view(),
                capabilities=world.shop.capabilities,
                now=world.now,
            )
            return settlement.settle(session, context, lease, statement).change

        return self.tx(settle)


Scene = Callable[[Stage], None]


def redeeming(stage: Stage) -> None:
    stage.earn(500)

    answers = at_once(WAYS, lambda _: stage.redeem(300).redemption_id)

    assert len(set(answers)) == 1
    assert stage.points == (0, 200, 300, 0)


def redeeming_under_one_key_but_two_amounts(stage: Stage) -> None:
    stage.earn(500)

    answers = at_once(WAYS, lambda number: stage.redeem(100 + 100 * (number % 2)))

    made = [answer for answer in answers if isinstance(answer, RedemptionView)]
    assert len({view.redemption_id for view in made}) == 1
    assert len(made) == WAYS // 2
    assert all(isinstance(answer, Conflict) for answer in answers if answer not in made)
    assert stage.points == (0, 500 - made[0].points, made[0].points, 0)


def capturing(stage: Stage) -> None:
    stage.earn(500)
    placed = stage.redeem(300)
    before = stage.seq()
    order = stage.buy(20000, code=placed.code, off=300)

    answers = stage.settle_at_once(order)

    assert sorted(answers) == [0] * (WAYS - 1) + [197]
    assert stage.points == (0, 397, 0, 0)
    assert stage.seq() == before + 1


def giving_back(stage: Stage) -> None:
    stage.earn(500)
    placed = stage.redeem(300)
    world = stage.world

    def give_back(_: int) -> str:
        world.tx(lambda s: redemptions.give_back(s, world.merchant_id, placed.redemption_id, now=world.now))
        effects.run_effect(world.runtime, world.merchant_id, placed.redemption_id)
        return "asked"

    assert set(at_once(WAYS, give_back)) == {"asked"}
    assert stage.points == (0, 500, 0, 0)
    assert placed.code not in world.shop.coupons


def voiding(stage: Stage) -> None:
    stage.earn(500)
    placed = stage.redeem(300)
    world = stage.world
    stage.world.shop.revoke(placed.code)
    world.tx(
        lambda s: redemptions.update_effect(s, world.merchant_id, placed.redemption_id, actual="dead", wanted="dead")
    )

    answers = stage.tx(
        lambda s: redemptions.void(s, world.merchant_id, placed.redemption_id, reason="expired", now=world.now)
    )

    assert sorted(answers) == [False] * (WAYS - 1) + [True]
    assert stage.points == (0, 500, 0, 0)


def refunding(stage: Stage) -> None:
    world, until = stage.world, stage.world.now + timedelta(days=1)
    # At night more than twenty rounds refund within the hour; the brake that parks them is tested elsewhere.
    world.tx(lambda s: merchants.allow_clawback(s, world.merchant_id, world.shop_id, until=until))
    order = stage.earn(500)
    stage.world.shop.refund(order, 20000, line="L1")

    answers = stage.settle_at_once(order)

    assert sorted(answers) == [-200] + [0] * (WAYS - 1)
    assert stage.points == (0, 300, 0, 0)


def adjusting(stage: Stage) -> None:
    stage.earn(10)

    answers = stage.tx(partial(adjust, stage, 25))

    assert len(set(answers)) == 1
    assert stage.points == (0, 35, 0, 0)


def adjusting_under_one_key_but_two_amounts(stage: Stage) -> None:
    stage.earn(10)

    answers = at_once(WAYS, lambda n: stage.world.tx(partial(adjust, stage, 25 + n % 2)))

    refused = [answer for answer in answers if isinstance(answer, Conflict)]
    assert len(refused) == WAYS // 2
    assert len({answer for answer in answers if isinstance(answer, str)}) == 1
    assert stage.points in ((0, 35, 0, 0), (0, 36, 0, 0))


def reversing(stage: Stage) -> None:
    stage.earn(10)
    posting_id = stage.world.tx(partial(adjust, stage, 25))
    who = (stage.world.merchant_id, stage.member_id, posting_id)

    answers = stage.tx(lambda s: ledger.reverse(s, *who, author_id=None, grace_until=None, now=stage.world.now))

    assert answers.count(25) == 1
    assert sum(isinstance(answer, Conflict) for answer in answers) == WAYS - 1
    assert stage.points == (0, 10, 0, 0)


def giving_a_welcome_bonus(stage: Stage) -> None:
    stage.earn(10)
    who = (stage.world.merchant_id, stage.member_id, 50)

    answers = stage.tx(lambda s: ledger.give_welcome_bonus(s, *who, expires_at=None, now=stage.world.now))

    assert sorted(answers) == [False] * (WAYS - 1) + [True]
    assert stage.points == (0, 60, 0, 0)


def hinting(stage: Stage) -> None:
    order = stage.buy(1200)

    answers = at_once(WAYS, lambda _: stage.world.hint(order))
    at_once(4, lambda _: stage.world.work())

    assert len(set(answers)) == 1
    assert stage.points == (0, 12, 0, 0)
    assert stage.seq() == 1


def reading_an_order(stage: Stage) -> None:
    order_id = stage.world.hint(stage.buy(1200))

    at_once(WAYS, lambda _: work_reading.read_now(stage.world.runtime, stage.world.merchant_id, order_id))

    assert stage.points == (0, 12, 0, 0)
    assert stage.seq() == 1


def joining(stage: Stage) -> None:
    world = stage.world

    def enrol(session: Session) -> MemberId:
        who = (session, world.runtime.vault, world.merchant_id, world.shop_id)
        return members.enrol(*who, external_id=stage.customer, joined_by="widget", joined_at=world.now, now=world.now)

    answers = stage.tx(enrol)

    assert set(answers) == {stage.member_id}
    assert stage.points == (0, 0, 0, 0)


def deciding(stage: Stage) -> None:
    order_id: OrderId = stage.world.order(stage.earn(500)).order_id
    world, before = stage.world, stage.seq()
    decision = Decision(kind="fix", points=33, reason="goodwill")

    def decide(_: int) -> None:
        world.tx(lambda session: orders.decide(session, world.merchant_id, order_id, decision, now=world.now))
        work_reading.read_now(world.runtime, world.merchant_id, order_id)

    at_once(WAYS, decide)
    world.work()

    assert stage.points == (0, 33, 0, 0)
    assert stage.seq() == before + 1


def booking_past_orders(stage: Stage) -> None:
    world, at = stage.world, (stage.world.merchant_id, stage.world.shop_id)
    past = START - timedelta(days=10)
    for _ in range(3):
        stage.buy(1000, placed_at=past, paid_at=past, updated_at=past)
    begun = stage.tx(lambda session: backfill.begin(session, *at, now=world.now).backfill_id)
    # Begun twice at once may make two; each is read and booked, and no order is booked twice.
    for backfill_id in sorted(set(begun)):
        run = partial(backfill.run_step, world.runtime, world.merchant_id, backfill_id)
        while any(at_once(WAYS, lambda _, run=run: run())):
            pass
        choice: dict[str, Any] = {"mode": "from_date", "points_from": START - timedelta(days=30), "now": world.now}
        answers = stage.tx(partial(answer_backfill, world, backfill_id, choice))
        assert sum(isinstance(answer, Conflict) for answer in answers) == WAYS - 1
        while any(at_once(WAYS, lambda _, run=run: run())):
            pass
        with reading(world.db) as session:
            assert backfill.view(session, world.merchant_id, backfill_id).state == "done"

    assert stage.points == (0, 30, 0, 0)


def answer_backfill(world: World, backfill_id: str, choice: dict[str, Any], session: Session) -> str:
    return backfill.answer(session, world.merchant_id, backfill_id, **choice).state


def adjust(stage: Stage, points: int, session: Session) -> PostingId:
    world = stage.world
    key = member_queries.erasure_key(session, world.runtime.vault, world.merchant_id, stage.member_id)
    return ledger.adjust(
        session,
        world.merchant_id,
        stage.member_id,
        points,
        reason="goodwill",
        notes={"staff": "late parcel"},
        erasure_key=key,
        author_id=None,
        idempotency_key=f"form-{stage.number}",
        expires_at=None,
        now=world.now,
    )


SCENES: tuple[Scene, ...] = (
    redeeming,
    redeeming_under_one_key_but_two_amounts,
    capturing,
    giving_back,
    voiding,
    refunding,
    adjusting,
    adjusting_under_one_key_but_two_amounts,
    reversing,
    giving_a_welcome_bonus,
    hinting,
    reading_an_order,
    joining,
    deciding,
    booking_past_orders,
)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_a_hundred_times_the_same_at_once_has_one_effect(
    scene: Scene, db: Database, tmp_path: Path, operations: Callable[[int], None]
) -> None:
    world = make_world(db, tmp_path)
    world.wait(minutes=1)

    for number in range(TIMES):
        scene(Stage(world, number))
        world.wait(seconds=1)

    assert world.violations() == []
    operations(TIMES * WAYS)
