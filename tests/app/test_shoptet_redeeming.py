"""Coupons and orders of a Shoptet shop: what is redeemed, used, taken back and lost on the way, on the fake Shoptet."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import CannotRedeem
from core.work import reading as order_reading
from core.work import sync
from demo.shoptet.entities import CANCELLED
from tests.app.shoptet_world import World, opened
from webhooks import work as webhook_work

CODE_LIFE_H = 24
CHECKOUT_H = 1
UNSEEN_H = 48


@pytest.fixture
def world(migrated_url: str, tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path / "data", migrated_url) as made:
        yield made


@pytest.fixture
def reviving(migrated_url: str, tmp_path: Path) -> Iterator[World]:
    """Of a shop that makes a coupon good again when its order is cancelled: nobody knows whether Shoptet does."""
    with opened(tmp_path / "data", migrated_url, usage_returns=True) as made:
        yield made


# Redeeming ----------------------------------------------------------------------------------------------------------


def test_a_coupon_is_good_once_at_most_sixteen_characters_long_and_for_a_cart_of_its_worth(world: World) -> None:
    world.install()
    world.buy(1, 10)
    world.work()

    spent = world.redeem(1, 300)

    coupon = world.fake.coupon(spent.code)
    assert coupon is not None
    assert 15 <= len(spent.code) <= 16
    assert (coupon.amount, coupon.minimum, coupon.usage_limit) == (300, 300, 1)


def test_a_second_code_is_refused_while_one_is_open(world: World) -> None:
    """Orders do not name their code: of two that are open nobody could tell which one was used."""
    world.install()
    world.buy(1, 10)
    world.work()
    first = world.redeem(1, 100)
    before = world.points(1)

    with pytest.raises(CannotRedeem, match="too_many_open"):
        world.place(1, 200)

    assert world.points(1) == before
    world.give_back(first)
    world.work()
    assert world.redeem(1, 200).effect.actual == "issued"


def test_a_code_that_is_given_back_is_deleted_before_the_points_return(world: World) -> None:
    world.install()
    world.buy(1, 10)
    world.work()
    had = world.points(1)
    spent = world.redeem(1, 300)

    world.fake.faults.update({"rest_mode": "maintenance"})
    world.give_back(spent)
    world.work()
    assert world.points(1) == had - 300
    assert world.fake.coupon(spent.code) is not None

    world.fake.faults.clear()
    world.pass_hours(0.1)
    world.work()
    assert world.fake.coupon(spent.code) is None
    assert world.points(1) == had


def test_an_unused_code_ends_by_itself_deleted_first(world: World) -> None:
    world.install()
    world.buy(1, 10)
    world.work()
    had = world.points(1)
    spent = world.redeem(1, 300)

    world.pass_hours(CODE_LIFE_H + CHECKOUT_H + 1)
    world.sweep()

    assert world.fake.coupon(spent.code) is None
    assert (world.redemption(spent).state, world.points(1)) == ("voided", had)


def test_a_code_that_was_used_on_no_order_of_its_customer_is_spent_after_two_days_and_flagged(world: World) -> None:
    """It leaked: a guest had it."""
    world.install()
    world.buy(1, 10)
    world.work()
    had = world.points(1)
    spent = world.redeem(1, 300)
    world.fake.place_order({12: 4}, coupons=(spent.code,))
    world.work()
    assert world.redemption(spent).state == "open"

    world.pass_hours(CODE_LIFE_H + CHECKOUT_H + 1)
    world.sweep()
    assert (world.redemption(spent).state, world.points(1)) == ("open", had - 300)

    world.pass_hours(UNSEEN_H)
    world.sweep()
    ended = world.redemption(spent)
    assert (ended.state, ended.flags) == ("captured", ("used_unseen",))
    assert (world.linked_to(spent), world.points(1)) == ([], had - 300)
    assert world.violations() == []


def test_an_order_that_is_only_found_after_its_code_was_deleted_is_linked_all_the_same(world: World) -> None:
    world.install()
    world.buy(1, 10)
    world.work_by_polling()
    spent = world.redeem(1, 300)
    order = world.buy(1, 4, code=spent.code)
    world.fake.deliveries.drop_pending()

    world.pass_hours(CODE_LIFE_H + CHECKOUT_H + 1)
    world.sweep()
    assert world.redemption(spent).state == "open"
    assert world.fake.coupon(spent.code) is None
    world.work_by_polling()

    assert (world.redemption(spent).state, world.linked_to(spent)) == ("captured", [world.fake.code(order.id)])


def test_a_coupon_of_the_merchants_own_is_not_taken_for_ours(world: World) -> None:
    world.install()
    world.buy(1, 10)
    world.work()
    spent = world.redeem(1, 300)
    had = world.points(1)
    world.fake.add_coupon("SUMMER", "3.00")  # of the very same amount

    order = world.buy(1, 4, code="SUMMER")
    world.work()

    assert world.redemption(spent).state == "open"
    assert world.points(1) == had + world.target(order)
    assert world.fake.coupon(spent.code) is not None


def test_where_coupons_are_switched_off_the_shopper_is_told_and_the_points_return(world: World) -> None:
    world.install()
    world.buy(1, 10)
    world.work()
    had = world.points(1)
    world.fake.switch_module("discountCoupons")

    made = world.place(1, 300)
    world.pass_hours(0.01)  # the request that placed it has had its time
    world.work()
    refused = world.redemption(made)
    assert refused.flags == ("refused",)
    assert "discountCoupons" in str(refused.effect.last_error)

    world.fake.switch_module("discountCoupons", on=True)
    for _ in range(2):
        world.pass_hours(1)
        world.work()
    assert world.redemption(made).state == "voided"
    assert world.points(1) == had
    assert world.fake.coupon(made.code) is None


# What becomes of orders ---------------------------------------------------------------------------------------------


def test_a_cancelled_order_gives_its_points_back_once_its_coupon_is_deleted(reviving: World) -> None:
    world = reviving
    world.install()
    world.buy(1, 10)
    world.work()
    had = world.points(1)
    spent = world.redeem(1, 300)
    order = world.buy(1, 4, code=spent.code)
    world.work()
    assert world.points(1) == had - 300 + world.target(order)

    world.fake.cancel(order.id)
    world.work()

    assert world.fake.coupon(spent.code) is None, "who has the code could use it again"
    assert (world.target(order), world.points(1)) == (0, had)
    assert world.violations() == []


def test_points_of_a_cancelled_order_wait_for_the_death_of_its_coupon(reviving: World) -> None:
    world = reviving
    world.install()
    world.buy(1, 10)
    world.work()
    had = world.points(1)
    spent = world.redeem(1, 300)
    order = world.buy(1, 4, code=spent.code)
    world.work()

    world.fake.cancel(order.id)
    world.fake.deliver_pending()
    webhook_work.work_due(world.runtime, world.merchant_id)
    assert order_reading.read_one(world.runtime, world.merchant_id)
    assert (world.redemption(spent).effect.wanted, world.points(1)) == ("dead", had - 300)

    world.work()
    assert world.points(1) == had


def test_a_coupon_row_that_staff_take_off_an_order_gives_the_points_back(world: World) -> None:
    world.install()
    world.buy(1, 10)
    world.work()
    had = world.points(1)
    spent = world.redeem(1, 300)
    order = world.buy(1, 4, code=spent.code)
    world.work()

    world.fake.edit_order(order.id, drop_coupon=True)
    world.work()

    assert world.target(order) == 290
    assert world.points(1) == had + 290
    assert world.fake.coupon(spent.code) is None


def test_an_order_that_is_deleted_gives_back_what_was_redeemed_and_loses_what_it_earned(world: World) -> None:
    world.install()
    world.buy(1, 10)
    world.work()
    had = world.points(1)
    spent = world.redeem(1, 300)
    order = world.buy(1, 4, code=spent.code)
    world.work()

    world.fake.delete_order(order.id)
    world.work()
    assert world.points(1) > had - 300  # one look is not enough
    world.pass_hours(1.1)
    world.work()

    assert world.points(1) == had
    assert world.violations() == []


def test_a_credit_note_gives_back_its_part_of_what_was_redeemed(world: World) -> None:
    world.install()
    world.buy(1, 10)
    world.work()
    had = world.points(1)
    spent = world.redeem(1, 400)
    order = world.buy(1, 4, code=spent.code)
    world.work()
    earned = world.target(order)

    world.pass_hours(1)
    world.fake.credit(order.id, quantities={order.lines[0].id: 1})
    world.work_by_polling()

    assert world.points(1) == had - 300 + world.target(order)
    assert world.target(order) < earned


def test_a_credit_note_that_is_deleted_is_found_at_night(world: World) -> None:
    """Nothing says any more which order it was of."""
    world.install()
    order = world.buy(1, 4)
    world.work()
    world.pass_hours(1)
    note = world.fake.credit(order.id, amount="50.00")
    world.work_by_polling()
    assert world.points(1) < 290

    world.fake.delete_credit_note(note.code)
    world.work_by_polling()
    sync.reconcile(world.runtime, world.merchant_id, world.shop().shop_id)
    world.work()

    assert world.points(1) == 290


def test_an_order_that_is_paid_later_earns_later(world: World) -> None:
    world.install()
    order = world.buy(1, 4, payment="bacs")
    world.work()
    assert world.target(order) == 0

    world.fake.mark_paid(order.id)
    world.work()

    assert world.target(order) == world.points(1) == 290


def test_what_is_done_to_many_orders_at_once_reaches_each_of_them(world: World) -> None:
    world.install()
    orders = world.fake.import_orders([{12: 4}, {12: 4}, {12: 4}], customer_id=1, payment="bacs")
    for hook in [hook for hook in world.fake.site.webhooks.values() if "mass" not in hook.event]:
        del world.fake.site.webhooks[hook.id]  # the single events "will be changed"
    world.work()
    world.fake.mass_paid([order.id for order in orders])
    world.work()
    assert [world.target(order) for order in orders] == [290] * 3

    world.fake.mass_status([order.id for order in orders], CANCELLED)
    world.work()
    assert world.points(1) == 0


def test_customers_of_several_accounts_are_one_member(world: World) -> None:
    world.install()
    account = world.fake.own_id("account", world.fake.add_account(1, "office@example.com"))
    world.buy(1, 4)
    world.fake.place_order({12: 4}, customer_id=1, account_id=account)
    world.work()

    assert world.points(1) == 2 * 290
