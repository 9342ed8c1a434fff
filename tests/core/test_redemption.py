"""Points become a discount: held, captured, given back, never lost and never used twice unnoticed."""

from datetime import timedelta
from pathlib import Path

import pytest

from core.commerce import Discount, DiscountRequest, Revocation
from core.db.engine import Database, reading
from core.errors import CannotRedeem, Conflict, PlatformRefused, Unreachable
from core.ids import RedemptionId
from core.merchants import commands as merchants
from core.rewards.redemption import queries
from core.rewards.redemption.codes import OPEN_AT_MOST
from core.rewards.redemption.queries import RedemptionView
from core.work import effects
from core.work import reading as work_reading
from tests.core.world import World, make_world


@pytest.fixture
def world(db: Database, tmp_path: Path) -> World:
    """A member with 500 points, which are 5.00 euros."""
    world = make_world(db, tmp_path)
    world.settle(world.shop.buy(50000, order_id="first").external_id)
    return world


class Killed(BaseException):
    """What kill -9 looks like from inside: nothing is caught, nothing is cleaned up."""


def redemption(world: World, redemption_id: RedemptionId) -> RedemptionView:
    with reading(world.db) as session:
        return queries.redemption(session, world.merchant_id, redemption_id)


def test_redeeming_holds_the_points_and_makes_a_code(world: World) -> None:
    placed = world.redeem(300)

    assert world.points() == (0, 200, 300, 0)
    assert placed.effect.actual == "issued"
    coupon = world.shop.coupons[placed.code]
    assert (coupon.request.amount, coupon.request.currency, coupon.request.customer_email) == (
        300,
        "EUR",
        "c7@example.org",
    )
    assert world.violations() == []


def test_the_same_key_gives_the_same_code_and_another_request_under_it_is_refused(world: World) -> None:
    first = world.redeem(300, key="one-click-0001")
    again = world.redeem(300, key="one-click-0001")

    assert again.redemption_id == first.redemption_id
    with pytest.raises(Conflict):
        world.redeem(200, key="one-click-0001")
    assert world.points() == (0, 200, 300, 0)


def test_an_order_with_the_code_captures_what_it_took_off_and_gives_the_rest_back(world: World) -> None:
    placed = world.redeem(500)

    world.settle(world.shop.buy(350, code=placed.code, off=350, paid=False, order_id="cheap").external_id)

    assert world.points() == (0, 150, 0, 0)
    after = redemption(world, placed.redemption_id)
    assert (after.state, after.captured) == ("captured", 350)
    assert world.violations() == []


def test_cancelling_the_order_gives_the_points_back_and_leaves_no_live_code(world: World) -> None:
    placed = world.redeem(300)
    world.settle(world.shop.buy(2000, code=placed.code, off=300, order_id="second").external_id)
    assert world.points()[1] == 217

    world.shop.cancel("second")
    world.settle("second")

    assert placed.code not in world.shop.coupons
    assert world.points() == (0, 500, 0, 0)
    assert world.violations() == []


def test_points_of_a_cancelled_order_come_back_only_when_the_code_is_dead(world: World) -> None:
    placed = world.redeem(300)
    world.settle(world.shop.buy(2000, code=placed.code, off=300, order_id="second").external_id)
    world.shop.cancel("second")
    work_reading.read_now(world.runtime, world.merchant_id, world.hint("second"))
    assert world.points()[1] == 200, "the 17 earned are gone, the 300 wait for the code's death"
    world.shop.failure = Unreachable("no answer")
    world.work()
    assert world.points()[1] == 200

    world.shop.failure = None
    world.wait(minutes=5)
    world.work()

    assert world.points() == (0, 500, 0, 0)


def test_a_partial_refund_reinstates_in_proportion(world: World) -> None:
    placed = world.redeem(300)
    # 30.00 before the discount, 27.00 paid; half of what was paid goes back.
    world.settle(world.shop.buy(3000, code=placed.code, off=300, order_id="second").external_id)
    assert world.points() == (0, 227, 0, 0)

    world.shop.refund("second", 1350, line="L1")
    world.settle("second")
    assert world.points() == (0, 200 + 150 + 14, 0, 0)  # 27 earned on 27.00: half of it, rounded up, stays
    world.shop.refund("second", 1350, line="L1")
    world.settle("second")

    assert world.points() == (0, 500, 0, 0)
    assert world.violations() == []


def test_an_unused_code_comes_back_to_points_by_itself(world: World) -> None:
    placed = world.redeem(300)

    world.wait(hours=25)
    effects.sweep_holds(world.runtime, world.merchant_id)
    assert world.points() == (0, 200, 300, 0), "a cart may still hold the code for an hour"
    world.wait(minutes=61)
    effects.sweep_holds(world.runtime, world.merchant_id)
    world.work()

    assert placed.code not in world.shop.coupons
    assert world.points() == (0, 500, 0, 0)
    assert redemption(world, placed.redemption_id).end_reason == "expired"


def test_a_member_can_give_a_code_back(world: World) -> None:
    placed = world.redeem(300)

    world.give_back(placed.redemption_id)

    assert world.points() == (0, 500, 0, 0)
    assert world.shop.coupons == {}


def test_a_code_that_was_used_is_not_voided_before_its_order_is_seen(world: World) -> None:
    placed = world.redeem(300)
    world.shop.buy(2000, code=placed.code, off=300, order_id="unseen")

    world.give_back(placed.redemption_id)
    assert world.points() == (0, 200, 300, 0)
    world.settle("unseen")

    assert world.points() == (0, 217, 0, 0)
    assert redemption(world, placed.redemption_id).state == "captured"


def test_a_used_code_whose_order_never_shows_up_is_captured_and_flagged(world: World) -> None:
    placed = world.redeem(300)
    world.shop.buy(2000, code=placed.code, off=300, order_id="unseen")
    world.give_back(placed.redemption_id)

    world.wait(days=4)
    effects.sweep_holds(world.runtime, world.merchant_id)

    after = redemption(world, placed.redemption_id)
    assert (after.state, after.flags) == ("captured", ("used_unseen",))
    assert world.points() == (0, 200, 0, 0)
    assert world.violations() == []


def test_a_code_used_on_two_orders_is_booked_twice_and_flagged(world: World) -> None:
    placed = world.redeem(300)
    world.settle(world.shop.buy(2000, code=placed.code, off=300, order_id="second").external_id)
    world.settle(world.shop.buy(2000, code=placed.code, off=300, order_id="third").external_id)

    # 500 - 300 + 17 - 300 + 17: what is missing is owed.
    assert world.points() == (0, 0, 0, -66)
    assert redemption(world, placed.redemption_id).flags == ("used_twice",)
    assert world.order("third").flags == ("used_twice",), "support sees it on the order, too"
    assert world.violations() == []


def test_an_order_that_arrives_after_the_hold_has_ended_is_captured_late(world: World) -> None:
    placed = world.redeem(300)
    world.wait(hours=26)
    effects.sweep_holds(world.runtime, world.merchant_id)
    coupon = world.shop.coupons[placed.code]
    world.work()
    assert world.points() == (0, 500, 0, 0)
    world.shop.coupons[placed.code] = coupon  # a checkout that was open all the while

    world.settle(world.shop.buy(2000, code=placed.code, off=300, order_id="late").external_id)

    assert world.points() == (0, 217, 0, 0)
    assert redemption(world, placed.redemption_id).flags == ("used_late",)
    assert world.order("late").flags == ("used_late",)
    assert world.violations() == []


def test_what_had_become_debt_goes_back_to_debt_first(world: World) -> None:
    placed = world.redeem(300)
    world.settle(world.shop.buy(2000, code=placed.code, off=300, order_id="second").external_id)
    world.settle(world.shop.buy(2000, code=placed.code, off=300, order_id="third").external_id)
    assert world.points() == (0, 0, 0, -66)

    world.shop.cancel("third")
    world.settle("third")

    assert world.points() == (0, 217, 0, 0)
    assert world.violations() == []


def test_a_crash_between_hold_and_issue_is_finished_by_the_worker(world: World) -> None:
    placed = world.redeem(300, issue=False)
    assert world.shop.coupons == {}

    world.wait(seconds=15)
    world.work()

    assert placed.code in world.shop.coupons
    assert redemption(world, placed.redemption_id).effect.actual == "issued"


def test_an_issue_with_an_unknown_outcome_is_tried_again_under_the_same_code(world: World) -> None:
    world.shop.failure = Unreachable("the answer was lost")
    placed = world.redeem(300)
    assert placed.effect.actual == "unknown"

    world.shop.failure = None
    world.wait(minutes=1)
    world.work()

    assert list(world.shop.coupons) == [placed.code]


def test_a_worker_that_dies_while_issuing_has_left_word_that_a_code_may_exist(world: World) -> None:
    placed = world.redeem(300, issue=False)
    issue = world.shop.issue
    requests: list[DiscountRequest] = []

    def die(request: DiscountRequest) -> Discount:
        requests.append(request)
        raise Killed

    world.shop.issue = die  # type: ignore[method-assign]
    with pytest.raises(Killed):
        effects.run_effect(world.runtime, world.merchant_id, placed.redemption_id)
    world.shop.issue = issue  # type: ignore[method-assign]
    world.wait(minutes=3)
    world.give_back(placed.redemption_id)
    held_meanwhile = world.points()
    issue(requests[0])  # the dead worker's request arrives after all
    for _ in range(3):
        world.wait(minutes=11)
        world.work()

    assert held_meanwhile == (0, 200, 300, 0), "the points came back while a code could still come to life"
    assert world.shop.coupons == {}
    assert world.points() == (0, 500, 0, 0)
    assert world.violations() == []


def test_an_order_that_comes_while_its_code_is_being_deleted_is_captured_and_not_voided(world: World) -> None:
    placed = world.redeem(300)
    delete = world.shop.revoke

    def order_comes_first(code: str) -> Revocation:
        world.shop.buy(10000, code=code, off=300, order_id="last-moment")
        world.hint("last-moment")
        work_reading.read_one(world.runtime, world.merchant_id)
        delete(code)
        return Revocation(code=code, used=False)  # the shop had looked before the order was placed

    world.shop.revoke = order_comes_first  # type: ignore[method-assign]
    world.wait(hours=26)
    effects.sweep_holds(world.runtime, world.merchant_id)
    world.work()

    assert redemption(world, placed.redemption_id).state == "captured"
    assert world.points() == (0, 200 + 97, 0, 0)
    assert world.violations() == []


def test_a_shop_that_refuses_the_code_gives_the_points_back_once_it_is_sure_that_none_is_left(world: World) -> None:
    world.shop.failure = PlatformRefused("no coupons here", code="x")
    placed = world.redeem(300)
    world.shop.failure = None
    world.work()
    assert world.points() == (0, 200, 300, 0), "the first look-up may have come before a late issue"

    for _ in range(3):
        world.wait(minutes=11)
        world.work()

    after = redemption(world, placed.redemption_id)
    assert (after.state, after.effect.actual, world.points()) == ("voided", "dead", (0, 500, 0, 0))


def test_a_shop_that_stays_silent_for_a_week_after_the_hold_gives_the_points_back_flagged(world: World) -> None:
    placed = world.redeem(300)
    world.shop.failure = Unreachable("gone")
    world.wait(hours=26)
    for _ in range(9):
        effects.sweep_holds(world.runtime, world.merchant_id)
        world.work()
        world.wait(days=1)

    after = redemption(world, placed.redemption_id)
    assert (after.state, after.flags) == ("voided", ("shop_unreachable",))
    assert world.points() == (0, 500, 0, 0)


def test_points_given_back_to_an_expired_lot_live_for_one_grace_period_only(db: Database, tmp_path: Path) -> None:
    world = make_world(db, tmp_path, expiry_months=1, grace_days=14, code_hours=24 * 40)
    world.settle(world.shop.buy(50000, order_id="first").external_id)
    placed = world.redeem(300)
    world.wait(days=40)
    assert world.points() == (0, 0, 300, 0), "held points do not expire; the others did"

    world.give_back(placed.redemption_id)
    assert world.points() == (0, 300, 0, 0)
    again = world.redeem(300)
    world.wait(days=10)
    world.give_back(again.redemption_id)

    assert world.points() == (0, 0, 0, 0), "the grace was given once; a second hold cannot renew it"
    assert world.violations() == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [("paused", "paused"), ("stopped", "redeeming_stopped"), ("disconnected", "shop_disconnected")],
)
def test_redeeming_is_refused_with_a_word_that_the_widget_can_explain(world: World, change: str, reason: str) -> None:
    def stop(session: object) -> None:
        if change == "paused":
            merchants.set_launch(session, world.merchant_id, "paused", now=world.now)  # type: ignore[arg-type]
        elif change == "stopped":
            merchants.stop_redeeming(session, world.merchant_id, True)  # type: ignore[arg-type]
        else:
            merchants.disconnect_shop(session, world.merchant_id, world.shop_id, now=world.now)  # type: ignore[arg-type]

    world.tx(stop)

    with pytest.raises(CannotRedeem) as refused:
        world.redeem(100, issue=False)
    assert refused.value.reason == reason
    assert world.points() == (0, 500, 0, 0)


def test_more_than_there_is_cannot_be_redeemed(world: World) -> None:
    with pytest.raises(CannotRedeem) as refused:
        world.redeem(501)
    assert refused.value.reason == "above_maximum"


def test_five_open_codes_are_enough_for_one_member(world: World) -> None:
    for number in range(OPEN_AT_MOST):
        world.redeem(10, key=f"open-code-{number}")

    with pytest.raises(CannotRedeem) as refused:
        world.redeem(10, key="open-code-too-many")
    assert refused.value.reason == "too_many_open"


def test_the_hold_outlives_the_code_by_the_life_of_a_checkout(world: World) -> None:
    placed = world.redeem(100)

    assert placed.hold_expires_at - placed.code_expires_at >= timedelta(minutes=60)
