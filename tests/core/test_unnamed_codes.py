"""Platforms whose orders do not say which code they carry: it is found by customer, amount and use, or it is not claimed."""

from pathlib import Path

import pytest

from core.db.engine import Database, reading
from core.errors import CannotRedeem
from core.ports import Capability
from core.rewards.redemption import queries
from core.rewards.redemption.queries import RedemptionView
from core.work import backfill, effects
from core.work import reading as read_orders
from tests.core.world import World, make_world

POINTS = 300


@pytest.fixture
def world(db: Database, tmp_path: Path) -> World:
    """Customers 7 and 8 have 1,000 points each, in a shop whose orders name no code and whose codes are short."""
    made = make_world(db, tmp_path)
    made.shop.capabilities -= {Capability.CODE_ON_ORDER, Capability.LONG_CODES}
    for customer in ("7", "8"):
        made.settle(made.shop.buy(100_000, customer=customer).external_id)
    return made


def now(world: World, redeemed: RedemptionView) -> RedemptionView:
    with reading(world.db) as session:
        return queries.redemption(session, world.merchant_id, redeemed.redemption_id)


def test_the_code_of_the_customers_open_redemption_is_captured_by_their_order(world: World) -> None:
    redeemed = world.redeem(POINTS)

    order = world.shop.buy(5000, code=redeemed.code, off=POINTS)
    order_id = world.settle(order.external_id)

    assert now(world, redeemed).orders == ((order_id, POINTS),)
    assert world.points() == (0, 1000 - POINTS + 47, 0, 0)
    assert world.violations() == []


def test_a_refund_and_a_cancellation_still_find_the_code_that_was_found(world: World) -> None:
    redeemed = world.redeem(POINTS)
    order = world.shop.buy(5000, code=redeemed.code, off=POINTS)
    world.settle(order.external_id)

    world.shop.refund(order.external_id, 2350, line="L1")
    world.settle(order.external_id)
    assert now(world, redeemed).captured == POINTS // 2

    world.shop.cancel(order.external_id)
    world.settle(order.external_id)
    assert now(world, redeemed).captured == 0
    assert world.points() == (0, 1000, 0, 0)
    assert normal(redeemed) not in world.shop.coupons, "the points are back, so the code must be dead"


def normal(redeemed: RedemptionView) -> str:
    return redeemed.code.upper()


def test_a_coupon_of_the_shops_own_is_not_taken_for_ours(world: World) -> None:
    redeemed = world.redeem(POINTS)
    own = world.redeem(POINTS, customer="8", key="another-customer")  # the same amount, another person's

    order = world.shop.buy(5000, code=own.code, off=POINTS)  # what customer 7 used was not their code
    world.settle(order.external_id)

    assert now(world, redeemed).state == "open"
    assert now(world, own).state == "open"


def test_a_coupon_of_another_amount_is_not_taken_for_ours_though_ours_was_used(world: World) -> None:
    redeemed = world.redeem(POINTS)
    world.shop.coupons[normal(redeemed)].uses = 1
    other = world.shop.buy(5000, code=redeemed.code, off=POINTS // 2)

    world.settle(other.external_id)

    assert now(world, redeemed).state == "open"


@pytest.mark.parametrize("shown", [POINTS * 100 // 121, POINTS * 121 // 112])
def test_a_code_that_took_off_goods_of_another_rate_of_tax_is_ours_and_spent_whole(world: World, shown: int) -> None:
    redeemed = world.redeem(POINTS)

    order = world.shop.buy(5000, code=redeemed.code, off=shown)
    world.settle(order.external_id)

    assert now(world, redeemed).captured == POINTS


def test_staff_who_lessen_what_a_code_takes_off_do_not_take_it_off_the_order(world: World) -> None:
    redeemed = world.redeem(POINTS)
    order = world.shop.buy(5000, code=redeemed.code, off=POINTS)
    world.settle(order.external_id)

    [discount] = order.discounts
    lessened = discount.model_copy(update={"gross": 100, "net": 100, "used": 100})
    world.wait(minutes=1)
    world.shop.change(order.external_id, discounts=(lessened,))
    world.settle(order.external_id)
    assert now(world, redeemed).captured == 100

    world.wait(minutes=1)
    world.shop.change(order.external_id, discounts=())
    world.settle(order.external_id)
    assert now(world, redeemed).captured == 0


def test_a_code_that_somebody_tidied_away_though_we_left_it_was_used_on_the_order_that_shows_it(world: World) -> None:
    redeemed = world.redeem(POINTS)
    order = world.shop.buy(5000, code=redeemed.code, off=POINTS)
    del world.shop.coupons[normal(redeemed)]

    world.settle(order.external_id)

    assert now(world, redeemed).captured == POINTS


def test_an_order_that_was_read_before_the_use_was_counted_is_read_again_once_it_is(world: World) -> None:
    redeemed = world.redeem(POINTS)
    order = world.shop.buy(5000, code=redeemed.code, off=POINTS)
    world.shop.coupons[normal(redeemed)].uses = 0
    world.settle(order.external_id)
    assert now(world, redeemed).state == "open"

    world.shop.coupons[normal(redeemed)].uses = 1
    world.wait(days=2)
    effects.sweep_holds(world.runtime, world.merchant_id)
    world.work()

    assert now(world, redeemed).captured == POINTS


def test_a_code_that_ran_out_months_ago_has_nothing_to_do_with_an_order_of_today(world: World) -> None:
    given_away = world.redeem(POINTS)
    world.shop.coupons[normal(given_away)].uses = 1
    for _ in range(4):
        world.wait(days=1)
        effects.sweep_holds(world.runtime, world.merchant_id)
        world.work()
    world.wait(days=30)
    another = world.redeem(POINTS, customer="8")
    with_the_shops_own = world.shop.buy(5000, code=another.code, off=POINTS)

    world.settle(with_the_shops_own.external_id)

    assert now(world, given_away).orders == ()


def test_of_two_orders_that_were_read_at_once_one_carries_the_code(world: World) -> None:
    redeemed = world.redeem(POINTS)
    ours = world.shop.buy(5000, code=redeemed.code, off=POINTS)
    with_the_shops_own = world.shop.buy(6000, code=redeemed.code, off=POINTS)
    world.hint(ours.external_id)
    world.hint(with_the_shops_own.external_id)
    before = world.points()

    def meanwhile() -> None:
        """The other order is read, named and settled before the first one is settled."""
        world.shop.during_usage = None
        read_orders.read_one(world.runtime, world.merchant_id)

    world.shop.during_usage = meanwhile
    world.work()

    assert now(world, redeemed).captured == POINTS
    assert world.points()[1] == before[1] + 47 + 57  # nothing but what was held is spent
    assert world.violations() == []


def test_a_code_that_was_tied_late_and_given_back_is_not_looked_for_again(world: World) -> None:
    redeemed = world.redeem(POINTS)
    order = world.shop.buy(5000, code=redeemed.code, off=POINTS)
    for _ in range(4):
        world.wait(days=1)
        effects.sweep_holds(world.runtime, world.merchant_id)
        world.work()
    world.settle(order.external_id)
    world.shop.cancel(order.external_id)
    world.settle(order.external_id)
    had = world.points()

    another = world.shop.buy(5000)
    world.shop.change(
        another.external_id, discounts=order.discounts, placed_at=order.placed_at
    )  # a coupon of the shop's own, of the same amount
    world.settle(another.external_id)

    assert world.points()[1] == had[1] + 50


def test_an_order_from_before_the_redemption_cannot_carry_its_code(world: World) -> None:
    earlier = world.shop.buy(5000)
    world.wait(minutes=5)
    redeemed = world.redeem(POINTS)
    later = world.shop.buy(5000, code=redeemed.code, off=POINTS)
    world.shop.change(earlier.external_id, discounts=later.discounts)

    world.settle(earlier.external_id)

    assert now(world, redeemed).state == "open"
    world.settle(later.external_id)
    assert now(world, redeemed).state == "captured"


def test_a_code_whose_use_was_seen_before_it_was_deleted_still_finds_its_order(world: World) -> None:
    redeemed = world.redeem(POINTS)
    order = world.shop.buy(5000, code=redeemed.code, off=POINTS)
    world.wait(days=3)
    effects.sweep_holds(world.runtime, world.merchant_id)
    world.work()
    assert normal(redeemed) not in world.shop.coupons
    assert now(world, redeemed).state == "open"

    order_id = world.settle(order.external_id)

    assert now(world, redeemed).orders == ((order_id, POINTS),)


def test_a_code_that_was_used_on_no_order_we_know_is_spent_after_two_days_and_flagged(world: World) -> None:
    redeemed = world.redeem(POINTS)
    world.shop.coupons[normal(redeemed)].uses = 1

    for _ in range(4):
        world.wait(days=1)
        effects.sweep_holds(world.runtime, world.merchant_id)
        world.work()

    assert (now(world, redeemed).state, now(world, redeemed).flags) == ("captured", ("used_unseen",))


def test_an_order_that_is_seen_after_that_is_tied_to_the_code_after_all(world: World) -> None:
    redeemed = world.redeem(POINTS)
    order = world.shop.buy(5000, code=redeemed.code, off=POINTS)
    for _ in range(4):
        world.wait(days=1)
        effects.sweep_holds(world.runtime, world.merchant_id)
        world.work()

    order_id = world.settle(order.external_id)

    assert now(world, redeemed).orders == ((order_id, POINTS),)
    assert world.points() == (0, 1000 - POINTS + 47, 0, 0)
    assert world.violations() == []


def test_a_code_on_an_order_that_the_backfill_met_first_is_found_all_the_same(world: World) -> None:
    redeemed = world.redeem(POINTS)
    world.shop.buy(5000, code=redeemed.code, off=POINTS)

    begun = world.tx(lambda session: backfill.begin(session, world.merchant_id, world.shop_id, now=world.now))
    while backfill.run_step(world.runtime, world.merchant_id, begun.backfill_id):
        pass
    world.work()

    assert now(world, redeemed).captured == POINTS


def test_where_orders_name_no_code_a_member_has_one_at_a_time(world: World) -> None:
    world.redeem(POINTS)

    with pytest.raises(CannotRedeem) as refused:
        world.redeem(POINTS, key="second-code")

    assert refused.value.reason == "too_many_open"


def test_codes_are_as_short_as_the_platform_wants_them(world: World) -> None:
    world.publish(code_prefix="LOYAL-")

    redeemed = world.redeem(POINTS)

    assert len(redeemed.code) == 16
    assert redeemed.code.startswith("L")
