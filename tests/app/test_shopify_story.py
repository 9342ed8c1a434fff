"""A Shopify shop from its installation to its way back: what a merchant and a shopper live through, on the fake Shopify."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests
import sqlalchemy as sa
from sqlmodel import Session

from app import shop_care
from core.db.engine import reading, run_tx
from core.db.types import table
from core.earning.tables import OrderRow
from core.errors import Conflict
from core.members import queries as member_queries
from core.members.tables import Identity
from core.merchants import audit
from core.merchants import commands as merchant_commands
from core.merchants import queries as merchant_queries
from core.ports import Installation
from core.queue import inbox
from core.rewards.redemption import commands as redemptions
from core.rewards.redemption import queries as redemption_queries
from core.rewards.redemption.codes import rules_of
from core.rewards.redemption.queries import RedemptionView
from core.work import backfill, effects, sync
from core.work import reading as order_reading
from demo.shop.coupons import CouponRefused
from tests.app.shopify_world import World, install, opened

ORDERS, IDENTITIES = table(OrderRow), table(Identity)


@pytest.fixture
def world(migrated_url: str, tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path / "data", migrated_url) as made:
        yield made


def redeem(world: World, customer: int, points: int) -> RedemptionView:
    def place(session: Session) -> RedemptionView:
        return redemptions.place(
            session,
            world.merchant_id,
            world.member(customer),
            world.shop(),
            customer_external_id=world.fake.number("Customer", customer),
            points=points,
            idempotency_key=f"key-{customer}-{points:08d}",
            codes=rules_of(world.runtime.capabilities(world.shop().platform)),
            now=world.runtime.clock(),
        )

    made = run_tx(world.runtime.db, place)
    done = effects.run_effect(world.runtime, world.merchant_id, made.redemption_id)
    assert done is not None and done.effect.actual == "issued"
    return done


def test_a_shop_installs_earns_redeems_refunds_leaves_and_comes_back_without_losing_a_point(world: World) -> None:
    install(world)
    world.work()
    order = world.fake.place_order({12: 4}, customer_id=1)
    world.work()
    earned = world.target(order.id)
    assert earned == world.points(1) > 0

    spent = redeem(world, 1, 100)
    paid_with_points = world.fake.place_order({12: 4}, customer_id=1, coupons=(spent.code,))
    world.work()
    with reading(world.runtime.db) as session:
        assert redemption_queries.redemption(session, world.merchant_id, spent.redemption_id).state == "captured"
    after = world.points(1)
    assert after == earned - 100 + world.target(paid_with_points.id)

    world.fake.refund(order.id, quantities={order.lines[0].id: 1})
    world.work()
    assert (earned, world.target(order.id)) == (
        290,
        218,
    )  # 4 mugs at 24.20, 3 points a euro; a quarter of 290 goes, rounded down
    after -= 290 - 218
    assert world.points(1) == after

    world.fake.uninstall()
    world.work()
    assert not world.shop().connected
    token = f"{world.fake.site.app.proxy_url}/token?{urlencode(world.fake.proxy_query(customer_id=1))}"
    assert requests.get(token, timeout=10).status_code == 401
    with reading(world.runtime.db) as session, pytest.raises(Conflict):
        merchant_queries.installation(session, world.runtime.vault, world.merchant_id, world.shop().shop_id)

    install(world)
    assert world.shop().connected
    assert world.points(1) == after
    again = world.fake.place_order({12: 1}, customer_id=1)
    world.work()
    assert world.points(1) == after + world.target(again.id)
    assert world.violations() == []


def test_late_word_of_an_uninstallation_does_not_take_off_a_shop_that_has_come_back(world: World) -> None:
    install(world)
    world.fake.uninstall()
    install(world)

    world.work()  # the message of the uninstallation arrives only now

    assert world.shop().connected


def test_a_code_works_for_its_own_customer_only_and_ends_when_given_back(world: World) -> None:
    install(world)
    world.fake.place_order({12: 10}, customer_id=1)
    world.work()
    spent = redeem(world, 1, 300)
    assert spent.code is not None

    with pytest.raises(CouponRefused):
        world.fake.place_order({12: 4}, customer_id=2, coupons=(spent.code,))

    had = world.points(1)
    run_tx(
        world.runtime.db,
        lambda s: redemptions.give_back(s, world.merchant_id, spent.redemption_id, now=world.runtime.clock()),
    )
    world.work()
    assert world.fake.discount(spent.code) is None
    assert world.points(1) == had + 300


def test_keys_are_renewed_before_they_end_and_kept_alive_by_asking_for_orders(world: World) -> None:
    install(world)
    first = token_of(world)

    world.clock.ahead += timedelta(minutes=56)
    world.fake.place_order({12: 1}, customer_id=1)
    world.work()

    assert token_of(world) != first
    for _ in range(2):  # refresh tokens die after 90 days without use
        world.pass_days(80)
        sync.poll(world.runtime, world.merchant_id, world.shop().shop_id)
    order = world.fake.place_order({12: 1}, customer_id=1)
    sync.poll(world.runtime, world.merchant_id, world.shop().shop_id)
    world.work()
    assert world.target(order.id) > 0


def installation(world: World) -> Installation:
    with reading(world.runtime.db) as session:
        return merchant_queries.installation(session, world.runtime.vault, world.merchant_id, world.shop().shop_id)


def token_of(world: World) -> str:
    return installation(world).credentials["access_token"]


def test_the_past_is_filled_in_by_a_bulk_operation(world: World) -> None:
    install(world)
    orders = [world.fake.place_order({12: 1 + number % 3}, customer_id=1 + number % 3) for number in range(7)]
    world.fake.refund(orders[2].id, amount="2.00")
    shop = world.shop()
    started = run_tx(
        world.runtime.db,
        lambda s: backfill.begin(s, world.merchant_id, shop.shop_id, now=world.runtime.clock()),
    ).backfill_id
    while (state := backfill_state(world, started)) == "reading":
        backfill.run_step(world.runtime, world.merchant_id, started)
        world.clock.ahead += timedelta(seconds=5)

    assert state == "previewed"
    with reading(world.runtime.db) as session:
        assert backfill.view(session, world.merchant_id, started).read == len(orders)


def backfill_state(world: World, backfill_id: str) -> str:
    with reading(world.runtime.db) as session:
        return backfill.view(session, world.merchant_id, backfill_id).state


def test_the_shop_proves_its_shopper_through_the_app_proxy(world: World) -> None:
    install(world)
    world.fake.place_order({12: 4}, customer_id=1)
    world.work()
    at = f"{world.fake.site.app.proxy_url}/token"

    known = requests.get(f"{at}?{urlencode(world.fake.proxy_query(customer_id=1))}", timeout=10)
    guest = requests.get(f"{at}?{urlencode(world.fake.proxy_query())}", timeout=10)
    forged = requests.get(
        f"{at}?{urlencode({**world.fake.proxy_query(), 'logged_in_customer_id': world.fake.number('Customer', 1)})}",
        timeout=10,
    )

    assert (known.status_code, guest.status_code, forged.status_code) == (200, 200, 401)
    assert guest.json()["token"] is None
    assert "Set-Cookie" not in known.headers
    here = at.split("/widget/")[0]
    stale = {**world.fake.proxy_query(customer_id=1), "timestamp": "1700000000"}
    assert requests.get(f"{at}?{urlencode(stale)}", timeout=10).status_code == 401
    another = at.replace(world.app.app.app_key, "f" * 32)
    assert requests.get(f"{another}?{urlencode(world.fake.proxy_query())}", timeout=10).status_code == 401
    me = requests.get(
        f"{here}/widget/v1/api/{known.json()['shop_key']}/me",
        headers={"Authorization": f"Bearer {known.json()['token']}", "Origin": world.fake.url},
        timeout=10,
    )
    assert me.json()["points"]["available"] == world.points(1) > 0


def test_a_checkout_extension_offers_redeems_and_tells_what_an_order_brought(world: World) -> None:
    install(world)
    order = world.fake.place_order({12: 10}, customer_id=1)
    world.work()
    at = world.fake.site.app.proxy_url.replace("/proxy/", "/extension/")
    headers = {"Authorization": f"Bearer {world.fake.extension_token(customer_id=1)}"}

    balance = requests.get(f"{at}/balance", headers=headers, timeout=10).json()
    brought = requests.get(f"{at}/order/{world.fake.number('Order', order.id)}", headers=headers, timeout=10).json()
    smallest = balance["rewards"][0]
    body = {"reward": smallest["id"], "idempotency_key": "k" * 32}
    made = requests.post(f"{at}/redeem", headers=headers, json=body, timeout=10)
    again = requests.post(f"{at}/redeem", headers=headers, json=body, timeout=10)

    assert balance["points"]["available"] == world.points(1) + smallest["points"]
    assert brought == {"points": world.target(order.id)}
    assert made.json()["value"] == smallest["value"]
    assert world.fake.discount(made.json()["code"]) is not None
    assert made.json()["id"] == again.json()["id"]
    assert made.headers["Access-Control-Allow-Origin"] == "*"
    assert requests.get(f"{at}/balance", timeout=10).status_code == 401
    guest = {"Authorization": f"Bearer {world.fake.extension_token()}"}
    assert requests.get(f"{at}/balance", headers=guest, timeout=10).status_code == 401
    assert requests.options(f"{at}/balance", timeout=10).status_code == 204


def test_what_the_law_asks_is_noted_and_done(world: World) -> None:
    install(world)
    world.fake.place_order({12: 4}, customer_id=1)
    world.work()
    member, points = world.member(1), world.points(1)

    world.fake.request_data(1)
    world.fake.redact(1)
    world.work()

    with reading(world.runtime.db) as session:
        done = [entry.action for entry in audit.entries(session, world.merchant_id)]
        view = member_queries.member(session, world.merchant_id, member)
    assert {"customer.data_asked", "customer.erased"} <= set(done)
    assert (view.email, view.first_name, view.last_name) == (None, "", "")
    assert view.erased_at is not None
    assert world.points(1) == points
    assert world.violations() == []


def test_a_shop_that_has_left_is_erased_and_one_that_has_come_back_is_not(world: World) -> None:
    install(world)
    world.fake.place_order({12: 4}, customer_id=1)
    world.work()
    member = world.member(1)
    world.fake.uninstall()
    world.work()
    find = partial(member_queries.member, merchant_id=world.merchant_id, member_id=member)

    install(world)
    world.fake.redact_shop()
    world.work()
    with reading(world.runtime.db) as session:
        assert find(session).erased_at is None

    world.fake.uninstall()
    world.work()
    world.fake.redact_shop()
    world.work()
    with reading(world.runtime.db) as session:
        assert find(session).erased_at is not None


def test_merged_customers_are_one_member(world: World) -> None:
    install(world)
    world.fake.place_order({12: 4}, customer_id=1)
    world.work()
    points = world.points(1)

    world.fake.merge_customers(2, 1)
    world.work()

    assert world.points(2) == points


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Shopify-Hmac-Sha256", "AAAA"),
        ("X-Shopify-Hmac-Sha256", None),
        ("X-Shopify-Hmac-Sha256", "ü"),
        ("X-Shopify-Shop-Domain", "another.myshopify.com"),
        ("X-Shopify-Shop-Domain", "evil.example"),
    ],
)
def test_a_message_that_is_not_proven_is_answered_with_401(world: World, header: str, value: str | None) -> None:
    install(world)
    world.fake.place_order({12: 1}, customer_id=1)
    [sent, *_] = world.fake.deliver_pending()
    headers = {**sent.headers, header: value}

    answer = requests.post(
        world.fake.site.app.webhook_url,
        data=sent.body,
        headers={k: v.encode() for k, v in headers.items() if v is not None},
        timeout=10,
    )

    assert answer.status_code == 401


def test_what_shopify_does_not_show_any_more_is_not_taken_for_deleted(world: World) -> None:
    install(world)  # without read_all_orders
    order = world.fake.place_order({12: 4}, customer_id=1)
    world.work()
    earned = world.target(order.id)
    for hours in (61 * 24, 2, 2):
        world.pass_hours(hours)
        world.want(order.id)
        world.work()

    assert (world.target(order.id), world.flags(order.id)) == (earned, [])


def test_an_order_that_is_deleted_within_what_shopify_shows_loses_its_points(world: World) -> None:
    install(world)
    order = world.fake.place_order({12: 4}, customer_id=1)
    world.work()
    world.fake.delete_order(order.id)
    for hours in (0, 2):
        world.pass_hours(hours)
        world.want(order.id)
        world.work()

    assert world.target(order.id) == 0


def test_a_shop_that_staff_disconnected_earns_nothing_and_leaves_no_message_waiting(world: World) -> None:
    install(world)
    world.fake.place_order({12: 4}, customer_id=1)
    world.work()
    had, shop = world.points(1), world.shop()
    run_tx(
        world.runtime.db,
        lambda s: merchant_commands.disconnect_shop(s, world.merchant_id, shop.shop_id, now=world.runtime.clock()),
    )

    world.fake.place_order({12: 4}, customer_id=1)
    world.fake.update_customer(1, first_name="Anne")
    world.work()

    assert world.points(1) == had
    with reading(world.runtime.db) as session:
        assert inbox.counts(session, world.merchant_id) == {"new": 0, "parked": 0}


def test_the_key_of_a_disconnected_shop_is_kept_until_its_last_code_has_ended(world: World) -> None:
    install(world)
    world.fake.place_order({12: 4}, customer_id=1)
    world.work()
    spent, shop = redeem(world, 1, 100), world.shop()
    run_tx(
        world.runtime.db,
        lambda s: merchant_commands.disconnect_shop(s, world.merchant_id, shop.shop_id, now=world.runtime.clock()),
    )

    def key_is_kept() -> bool:
        shop_care.forget_keys(world.runtime, world.merchant_id)
        with reading(world.runtime.db) as session:
            try:
                merchant_queries.installation(session, world.runtime.vault, world.merchant_id, shop.shop_id)
            except Conflict:
                return False
        return True

    assert key_is_kept()
    run_tx(
        world.runtime.db,
        lambda s: redemptions.give_back(s, world.merchant_id, spent.redemption_id, now=world.runtime.clock()),
    )
    world.work()
    assert not key_is_kept()


def test_a_closed_shop_is_taken_off_and_its_people_are_erased(world: World) -> None:
    install(world)
    world.fake.place_order({12: 4}, customer_id=1)
    world.work()
    member = world.member(1)
    world.fake.faults.update({"api_mode": "frozen"})

    world.fake.redact_shop()
    world.work()

    assert not world.shop().connected
    with reading(world.runtime.db) as session:
        assert member_queries.member(session, world.merchant_id, member).erased_at is not None


def test_a_right_that_is_missing_is_no_removal(world: World) -> None:
    install(world)
    world.fake.uninstall()
    install(world)
    world.fake.faults.update({"api_mode": "forbidden"})

    world.work()  # the late word of the uninstallation

    assert world.shop().connected


def test_a_removal_that_was_confirmed_before_the_shop_came_back_ends_nothing(world: World) -> None:
    install(world)
    seen = run_tx(world.runtime.db, lambda s: merchant_queries.installed_at(s, world.merchant_id, world.shop().shop_id))
    world.clock.ahead += timedelta(seconds=1)
    install(world)

    ended = run_tx(
        world.runtime.db,
        lambda s: merchant_commands.shop_took_us_off(
            s, world.merchant_id, world.shop().shop_id, installed_at=seen, now=world.runtime.clock()
        ),
    )

    assert not ended
    assert world.shop().connected


@pytest.mark.parametrize("with_tax", [True, False])
def test_of_a_code_that_is_larger_than_the_goods_only_what_it_took_off_their_prices_is_spent(
    world: World, with_tax: bool
) -> None:
    install(world)
    world.fake.place_order({12: 100}, customer_id=1)
    world.work()
    had = world.points(1)
    spent = redeem(world, 1, 2500)
    mug = 2420 if with_tax else 2000  # 24.20 with VAT, 20.00 without

    order = world.fake.place_order({12: 1}, customer_id=1, coupons=(spent.code,), taxes_included=with_tax)
    world.work()

    assert spent.face_minor == 2500
    assert world.target(order.id) == 0
    assert world.points(1) == had - mug


@pytest.mark.parametrize("own_orders", [0, 1])
def test_a_merge_that_was_read_on_an_order_before_its_message_leaves_one_member_with_all_points(
    world: World, own_orders: int
) -> None:
    install(world)
    order = world.fake.place_order({12: 4}, customer_id=1)
    for _ in range(own_orders):
        world.fake.place_order({12: 4}, customer_id=2)
    world.work()
    points, member = world.points(1), world.member(1)

    world.fake.merge_customers(2, 1)
    world.want(order.id)
    order_reading.read_one(world.runtime, world.merchant_id)
    early = world.member(2)
    world.work()

    assert early != member  # the order was read for somebody whom the merge had not reached
    assert world.member(2) == member
    assert world.points(2) == points * (1 + own_orders)
    assert world.balance(early) == (0, 0)
    assert world.violations() == []
    with reading(world.runtime.db) as session:
        assert member_queries.member(session, world.merchant_id, early).email is None


def test_who_is_merged_twice_takes_all_along_and_is_erased_with_all(world: World) -> None:
    install(world)
    for customer in (1, 2, 3):
        world.fake.place_order({12: 4}, customer_id=customer)
    world.work()
    points, member = world.points(1), world.member(3)
    redeem(world, 3, 100)
    first, second = world.fake.number("Customer", 1), world.fake.number("Customer", 2)

    world.fake.merge_customers(2, 1)
    world.work()
    world.fake.merge_customers(2, 3)
    world.work()

    assert world.member(2) == member
    assert world.points(2) == 3 * points - 100
    world.fake.redact(2)
    world.work()
    with reading(world.runtime.db) as session:
        names = sa.select(IDENTITIES.c.email, IDENTITIES.c.first_name).where(
            IDENTITIES.c.external_id.in_([first, second])
        )
        assert set(session.connection().execute(names).all()) == {(None, "")}
        emails = sa.select(ORDERS.c.email).where(ORDERS.c.customer_external_id.in_([first, second]))
        assert set(session.connection().execute(emails).scalars()) <= {None}
    assert world.violations() == []


def test_members_who_both_redeemed_stay_two_when_their_customers_are_merged(world: World) -> None:
    install(world)
    for customer in (1, 2):
        world.fake.place_order({12: 4}, customer_id=customer)
    world.work()
    members = [world.member(1), world.member(2)]
    for customer in (1, 2):
        redeem(world, customer, 200)

    world.fake.merge_customers(2, 1)
    world.work()

    assert [world.member(1), world.member(2)] == members
    assert [world.balance(member)[1] for member in members] == [0, 0]
    assert world.violations() == []


def test_who_was_merged_into_an_erased_customer_is_erased_as_well(world: World) -> None:
    install(world)
    world.fake.place_order({12: 4}, customer_id=1)
    world.work()
    world.fake.merge_customers(2, 1)
    world.work()
    number = world.fake.number("Customer", 1)

    world.fake.redact(2)
    world.work()

    with reading(world.runtime.db) as session:
        names = sa.select(IDENTITIES.c.email, IDENTITIES.c.first_name).where(IDENTITIES.c.external_id == number)
        assert session.connection().execute(names).all() == [(None, "")]
        emails = sa.select(ORDERS.c.email).where(ORDERS.c.customer_external_id == number)
        assert set(session.connection().execute(emails).scalars()) <= {None}


def test_guests_behind_the_platforms_address_are_not_counted_as_one(world: World) -> None:
    install(world)
    at = f"{world.fake.site.app.proxy_url}/token?{urlencode(world.fake.proxy_query())}"

    assert {requests.get(at, timeout=10).status_code for _ in range(130)} == {200}


def test_an_unsigned_message_with_an_absurd_number_is_refused_like_any(world: World) -> None:
    install(world)
    headers = {
        "X-Shopify-Topic": "app/uninstalled",
        "X-Shopify-Shop-Domain": world.fake.domain,
        "X-Shopify-Hmac-Sha256": "AAAA",
    }
    body = b'{"myshopify_domain": 1e99999999999999999999}'

    answer = requests.post(world.fake.site.app.webhook_url, data=body, headers=headers, timeout=10)

    assert answer.status_code == 401


def test_an_order_that_was_paid_and_then_got_more_in_it_keeps_what_it_earned(world: World) -> None:
    install(world)
    order = world.fake.place_order({12: 4}, customer_id=1)
    world.work()
    earned = world.target(order.id)

    world.fake.edit_order(order.id, add={11: 1})
    world.work()

    assert world.target(order.id) >= earned > 0
    assert world.points(1) >= earned


def test_what_the_shop_lets_us_do_later_is_noticed_without_a_new_installation(world: World) -> None:
    install(world)
    details = "orders_reach"
    before = installation(world).details[details]
    world.fake.site.granted = (*world.fake.site.granted, "read_all_orders")

    shop_care.look(world.runtime, world.shop())

    assert (before, installation(world).details[details]) == ("60 days", "all")
