"""A Shoptet shop from its installation to its way back: what a merchant and a shopper live through, on the fake Shoptet."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from app import shop_care
from core.db.engine import reading, run_tx
from core.errors import CredentialsRefused
from core.merchants import commands as merchant_commands
from core.queue import inbox
from core.work import addons, sync
from core.work import reading as order_reading
from demo.shoptet.admin import settings_address
from tests.app.shoptet_world import LOCKED_H, SECRET, World, opened


@pytest.fixture
def world(migrated_url: str, tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path / "data", migrated_url) as made:
        yield made


# Installing ---------------------------------------------------------------------------------------------------------


def test_a_shop_installs_earns_redeems_refunds_leaves_and_comes_back_without_losing_a_point(world: World) -> None:
    world.install()
    order = world.buy(1, 4)
    world.work()
    earned = world.target(order)
    assert earned == world.points(1) == 290  # 4 tees are 96.80 EUR: 3 points for each of 96

    spent = world.redeem(1, 100)
    paid_with_points = world.buy(1, 4, code=spent.code)
    world.work()
    assert world.redemption(spent).state == "captured"
    assert world.linked_to(spent) == [world.fake.code(paid_with_points.id)]
    after = earned - 100 + world.target(paid_with_points)
    assert world.points(1) == after

    world.pass_hours(1)
    world.fake.credit(order.id, quantities={order.lines[0].id: 1})
    world.work_by_polling()
    assert world.target(order) == 218  # a quarter of 290 goes, rounded down
    after -= 290 - 218
    assert world.points(1) == after

    world.fake.uninstall()
    world.work()
    assert not world.shop().connected

    world.install()
    assert world.shop().connected
    assert world.points(1) == after
    again = world.buy(1, 1)
    world.work()
    assert world.points(1) == after + world.target(again)
    assert world.violations() == []


def test_the_install_call_is_answered_without_asking_the_shop_anything(world: World) -> None:
    world.fake.faults.update({"rest_mode": "maintenance", "refuse_tokens": True})

    assert world.fake.install()

    assert [each.platform_shop_id for each in world.pending()] == [str(world.fake.site.eshop_id)]
    assert world.fake.site.tokens.issued == 0


def test_the_worker_ties_the_shop_registers_webhooks_puts_our_lines_and_keeps_the_key(world: World) -> None:
    world.fake.install()

    assert addons.connect_next(world.runtime, world.merchant_id)

    shop = world.shop()
    assert (shop.connected, shop.base_url, shop.currency) == (True, world.fake.url, "EUR")
    hooks = world.fake.site.webhooks.values()
    assert {hook.url for hook in hooks} == {f"{world.here}/webhooks/shoptet/{shop.shop_key}"}
    assert {"order:create", "order:update", "order:massUpdate", "job:finished"} <= {hook.event for hook in hooks}
    assert shop.shop_key in world.fake.site.snippets["common-footer"]
    assert world.secrets() == [world.fake.site.signature_key]
    assert world.pending() == []
    assert not addons.connect_next(world.runtime, world.merchant_id)


def test_a_shop_that_cannot_be_asked_after_its_installation_is_tied_as_soon_as_it_can(world: World) -> None:
    world.fake.faults.update({"rest_mode": "maintenance"})
    world.fake.install()

    assert addons.connect_next(world.runtime, world.merchant_id)
    [waiting] = world.pending()
    assert (waiting.attempts, waiting.last_error is None) == (1, False)
    assert not addons.connect_next(world.runtime, world.merchant_id)

    world.fake.faults.clear()
    world.pass_hours(0.01)
    world.work()
    assert world.shop().connected


@pytest.mark.parametrize("query", ["", "?code=", "?code=wrong", f"?code={'x' * 1001}", "?code=%00", "?code=%C4%8D"])
def test_an_install_call_without_a_code_that_shoptet_knows_keeps_nothing(world: World, query: str) -> None:
    at = world.fake.site.addon.install_url

    answer = requests.get(f"{at}{query}", timeout=10)

    assert 400 <= answer.status_code < 600
    assert world.pending() == []
    assert requests.get(at.replace(world.app.app.app_key, "f" * 32) + "?code=x", timeout=10).status_code == 404


def test_an_addon_is_for_one_shop(world: World) -> None:
    """Also where another shop has the first one's address by now."""
    shop = world.install()
    site, granted = world.fake.site, world.installation().credentials
    site.eshop_id += 1

    world.fake.install()
    world.work()

    assert world.pending() == []
    site.eshop_id -= 1
    assert world.shop() == shop
    assert world.installation().credentials == granted


def test_the_past_is_read_from_a_job_of_shoptets(world: World) -> None:
    world.install()
    orders = [world.buy(1 + number % 3, 1 + number % 3) for number in range(7)]

    found: list[str] = []
    source = order_reading.connector_of(world.runtime, world.merchant_id, world.shop().shop_id).orders
    page = source.list_placed_orders(placed_since=None)
    while page.cursor is not None:
        world.fake.finish_jobs()
        page = source.list_placed_orders(placed_since=None, cursor=page.cursor)
        found += [order.external_id for order in page.items]

    assert sorted(found) == sorted(world.fake.code(order.id) for order in orders)


# Tokens -------------------------------------------------------------------------------------------------------------


def test_eight_workers_at_once_make_one_token(world: World) -> None:
    world.install()
    order = world.buy(1, 1)
    world.pass_hours(0.6)
    issued = world.fake.site.tokens.issued
    shop, code = world.shop(), world.fake.code(order.id)

    def read() -> str:
        return (
            order_reading.connector_of(world.runtime, world.merchant_id, shop.shop_id)
            .orders.get_order(code)
            .external_id
        )

    with ThreadPoolExecutor(8) as workers:
        found = [each.result() for each in [workers.submit(read) for _ in range(8)]]

    assert found == [code] * 8
    assert world.fake.site.tokens.issued == issued + 1


def test_a_token_that_ends_before_its_time_costs_a_moment_and_no_point(world: World) -> None:
    world.install()
    world.fake.site.tokens.expire_api()
    order = world.buy(1, 4)

    world.work()
    for _ in range(3):
        world.pass_hours(0.6)
        world.work()

    assert world.target(order) == 290


# Pausing, leaving, coming back --------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["suspend", "terminate"])
def test_a_paused_addon_loses_nothing_and_goes_on(world: World, how: str) -> None:
    world.install()
    world.buy(1, 4)
    world.work()

    getattr(world.fake, how)()
    world.work()
    assert world.shop().connected
    order = world.buy(1, 4)
    with pytest.raises(CredentialsRefused):
        sync.poll(world.runtime, world.merchant_id, world.shop().shop_id)
    assert world.points(1) == 290

    world.fake.approve()
    world.pass_hours(0.5)
    world.work_by_polling()
    assert world.target(order) == 290
    assert world.points(1) == 2 * 290


def test_a_paused_addon_that_is_said_to_be_uninstalled_is_believed_only_by_the_token(world: World) -> None:
    """The message is signed; that alone ends nothing."""
    world.install()
    lifecycle(world, "addon:uninstall", world.secrets()[0])

    world.work()

    assert world.shop().connected


def test_late_word_of_an_uninstallation_does_not_take_off_a_shop_that_has_come_back(world: World) -> None:
    world.install()
    world.fake.uninstall()
    world.pass_hours(LOCKED_H)
    world.fake.install()
    while addons.connect_next(world.runtime, world.merchant_id):
        pass

    world.work()  # the message of the uninstallation arrives only now

    assert world.shop().connected
    order = world.buy(1, 4)
    world.work()
    assert world.target(order) == 290


def test_a_shop_comes_back_as_itself_after_its_address_changed(world: World) -> None:
    world.install()
    world.buy(1, 4)
    world.work()
    spent, before = world.redeem(1, 100), world.shop()
    world.fake.uninstall()
    world.work()
    world.fake.site.url = world.fake.url.replace("127.0.0.1", "localhost")

    world.install()
    used = world.buy(1, 1, code=spent.code)
    world.work()

    after = world.shop()
    assert (after.shop_id, after.shop_key, after.connected) == (before.shop_id, before.shop_key, True)
    assert after.storefront_url != before.storefront_url
    assert world.linked_to(spent) == [world.fake.code(used.id)]
    assert world.points(1) == 290 - 100 + world.target(used)


def test_a_shop_that_staff_disconnected_cannot_install_itself_again(world: World) -> None:
    world.install()
    shop = world.shop()
    run_tx(
        world.runtime.db,
        lambda s: merchant_commands.disconnect_shop(s, world.merchant_id, shop.shop_id, now=world.runtime.clock()),
    )

    world.fake.install()
    world.work()

    assert not world.shop().connected
    assert world.pending() == []


def test_the_look_at_a_shop_makes_good_what_somebody_deleted_there(world: World) -> None:
    world.install()
    world.fake.site.webhooks.clear()
    world.fake.site.snippets.clear()
    world.pass_hours(LOCKED_H)

    shop_care.look(world.runtime, world.shop())

    order = world.buy(1, 4)
    world.work()
    assert world.target(order) == 290
    assert world.fake.site.snippets


def test_a_key_that_could_not_be_had_at_a_second_installation_is_had_at_the_next_look(world: World) -> None:
    world.install()
    world.fake.install()  # within the seconds in which Shoptet refuses the very same write
    assert addons.connect_next(world.runtime, world.merchant_id)
    assert world.secrets() == []
    missed = world.buy(1, 4)
    world.work()
    world.pass_hours(LOCKED_H)

    shop_care.look(world.runtime, world.shop())

    assert world.secrets() == [world.fake.site.signature_key]
    order = world.buy(1, 4)
    world.work_by_polling()
    assert (world.target(missed), world.target(order)) == (290, 290)


def test_our_page_opens_in_the_shops_admin_for_its_staff_once_per_code(world: World) -> None:
    page = f"{world.here}/admin/app/{world.app.app.app_key}"
    wanted = f"{page}?code=#OAUTH_CODE#&shop=#SHOP_ID#&language=#LANGUAGE#"
    world.fake.configure(settings_url=wanted, login_url=page)
    world.install()
    address = settings_address(world.fake.site)

    opened = requests.get(address, timeout=10)
    again = requests.get(address, timeout=10)

    assert (opened.status_code, again.status_code) == (200, 403)


# Messages that nobody may believe -----------------------------------------------------------------------------------


def lifecycle(world: World, event: str, key: str | None, *, eshop_id: int | None = None) -> requests.Response:
    number = eshop_id or world.fake.site.eshop_id
    body = json.dumps(
        {"eshopId": number, "event": event, "eventCreated": "2026-11-22T10:00:00+0100", "eventInstance": str(number)}
    ).encode()
    headers = {"Content-Type": "application/json"}
    if key is not None:
        headers["Shoptet-Webhook-Signature"] = hmac.new(key.encode(), body, hashlib.sha1).hexdigest()
    return requests.post(world.fake.site.addon.lifecycle_url, data=body, headers=headers, timeout=10)


@pytest.mark.parametrize("event", ["addon:uninstall", "addon:suspend", "addon:terminate", "addon:approve"])
def test_word_of_the_addons_life_that_is_not_signed_by_the_shop_is_refused(world: World, event: str) -> None:
    world.install()
    world.fake.faults.update({"api_mode": "expired", "refuse_tokens": True})  # as if it were true

    for key in (None, "a guess", "", SECRET):
        assert lifecycle(world, event, key).status_code == 401
    assert lifecycle(world, event, world.secrets()[0], eshop_id=1).status_code == 401

    world.work()
    assert world.shop().connected
    with reading(world.runtime.db) as session:
        assert inbox.counts(session, world.merchant_id) == {"new": 0, "parked": 0}


@pytest.mark.parametrize("signed", ["wrong", "another_body", "missing", "upper_case"])
def test_a_message_counts_only_with_the_shops_own_signature(world: World, signed: str) -> None:
    world.install()
    world.buy(1, 1)
    [sent, *_] = world.fake.deliver_pending()
    right = sent.headers["Shoptet-Webhook-Signature"]
    headers = {
        "wrong": {"Shoptet-Webhook-Signature": "0" * 40},
        "another_body": {"Shoptet-Webhook-Signature": right},
        "missing": {},
        "upper_case": {"Shoptet-Webhook-Signature": right.upper()},
    }[signed]
    body = sent.body + " " if signed == "another_body" else sent.body

    answer = requests.post(sent.url, data=body.encode(), headers=headers, timeout=10)

    assert answer.status_code == {"missing": 400, "upper_case": 200}.get(signed, 401)


def test_two_messages_with_one_body_are_two_events(world: World) -> None:
    """Bodies hold no id of the message, and times in seconds: what was told minutes ago may be told again, and be news."""
    world.install()
    order = world.buy(1, 4, payment="bacs")
    world.work()
    world.fake.mark_paid(order.id)
    [told] = [each for each in world.fake.deliver_pending() if each.event == "order:update"]
    world.work()
    assert world.points(1) == 290
    world.pass_hours(0.25)
    world.fake.credit(order.id, quantities={order.lines[0].id: 4})  # of which nothing tells us

    again = requests.post(told.url, data=told.body.encode(), headers=told.headers, timeout=10)
    world.work()

    assert again.status_code == 200
    assert world.points(1) == 0
