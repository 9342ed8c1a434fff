"""Shops: connecting, health in plain sentences, the plugin, parked work, disconnecting; and past orders."""

import io
import re
from datetime import timedelta
from typing import Any
from zipfile import ZipFile

import pytest
import sqlalchemy as sa

from admin import problems
from connectors.woocommerce import install
from core.commerce import Health
from core.errors import Conflict, CredentialsRefused, Unreachable
from core.merchants import commands, health, queries
from core.merchants.queries import ShopView
from core.ports import Platform
from core.queue import inbox
from core.queue.inbox import Arrival
from core.work import backfill
from tests.admin.desk import Desk, make_desk
from tests.admin.test_members import member_path, text_of

KEYS = {"consumer_key": "ck_" + "a" * 40, "consumer_secret": "cs_" + "b" * 40}


def shop_path(desk: Desk) -> str:
    return f"/admin/shops/{desk.world.shop_id}"


def shops(desk: Desk) -> list[ShopView]:
    found: list[ShopView] = desk.world.tx(lambda s: queries.shops(s, desk.world.merchant_id))
    return found


def look(desk: Desk, *words: str) -> None:
    found = Health(checked_at=desk.world.now, problems=words, version="9.6")
    desk.world.tx(lambda s: health.record_look(s, desk.world.merchant_id, desk.world.shop_id, found))


def test_one_click_connecting_leads_to_the_shops_own_page_of_approval(desk: Desk) -> None:
    page = desk.browser().send("/admin/shops/connect/woocommerce", shop_url="teas.example/wp-admin/").text

    found = re.search(r'href="(https://teas\.example/wc-auth/v1/authorize\?[^"]+)"', page)
    assert found
    address = found.group(1).replace("&amp;", "&")
    assert "callback_url=https%3A%2F%2Floyalty.example%2Finstall%2Fwoocommerce%2Fcallback" in address
    assert "return_url=https%3A%2F%2Floyalty.example%2Finstall%2Fwoocommerce%2Freturn" in address
    state = re.search(r"user_id=([\w-]+)", address)
    assert state
    pending = desk.world.tx(lambda s: commands.take_connect_state(s, state.group(1), desk.world.now))
    assert (pending.merchant_id, pending.base_url) == (desk.world.merchant_id, "https://teas.example")


@pytest.mark.parametrize("address", ["", "not a shop", "ftp://x.example", "https://user@x.example", "https://"])
def test_what_is_no_shop_address_is_refused(address: str, desk: Desk) -> None:
    answer = desk.browser().send("/admin/shops/connect/woocommerce", shop_url=address)

    assert answer.status_code == 400
    assert "/wc-auth/" not in answer.text


def test_the_way_back_believes_the_database_and_not_the_browser(desk: Desk) -> None:
    browser = desk.browser()
    browser.client.get("/admin/?connected=1")
    assert "Mugs is connected." in browser.page("/admin/")

    browser.client.get("/admin/?connected=0")
    assert "it was not approved there" in browser.page("/admin/")


def test_keys_made_by_hand_connect_a_shop_and_set_up_its_notifications(desk: Desk) -> None:
    subscribed: list[str] = []
    shop: Any = desk.world.shop
    shop.subscribe = lambda *, address, secret: subscribed.append(address)

    page = desk.browser().follow("/admin/shops/connect/keys", shop_url="https://teas.example", **KEYS)

    assert "Mugs is connected." in page
    new = next(view for view in shops(desk) if view.base_url == "https://teas.example")
    assert subscribed == [f"https://loyalty.example/webhooks/woocommerce/{new.shop_key}"]
    assert new.earn_from is not None
    assert {"shop.connected", "shop.subscribed"} <= set(desk.actions())


def test_keys_that_the_shop_refuses_connect_nothing(desk: Desk) -> None:
    shop: Any = desk.world.shop

    def refuse() -> None:
        raise CredentialsRefused("The shop does not accept these keys.")

    shop.facts = refuse

    answer = desk.browser().send("/admin/shops/connect/keys", shop_url="https://teas.example", **KEYS)

    assert answer.status_code == 400
    assert "The shop does not accept these keys." in answer.text
    assert len(shops(desk)) == 1


def test_keys_are_never_shown_again(desk: Desk) -> None:
    browser = desk.browser()
    browser.follow("/admin/shops/connect/keys", shop_url="https://teas.example", **KEYS)

    for path in ("/admin/audit", *(f"/admin/shops/{view.shop_id}" for view in shops(desk))):
        page = browser.page(path)
        assert KEYS["consumer_key"] not in page
        assert KEYS["consumer_secret"] not in page


def test_every_word_that_a_look_can_find_has_a_sentence_and_advice() -> None:
    words = {value for name, value in vars(install).items() if name.isupper() and isinstance(value, str)}
    words |= set(install.PROBLEM.values()) | {"clock_skew", "silent", "platform_refused"}
    words |= {health.error_word(kind("")) for kind in install.PROBLEM}

    missing = {word for word in words if word.islower() and word not in problems._TEXTS}
    assert not missing


def test_a_dead_key_stands_on_every_page_with_what_to_do(desk: Desk) -> None:
    browser = desk.browser()
    look(desk, "key_refused", "coupons_off")

    for path in ("/admin/", "/admin/members", "/admin/program", "/admin/audit"):
        assert "The shop no longer accepts our key" in browser.page(path)
    page = text_of(browser.page(shop_path(desk)))
    assert "Connect the shop again with the button below." in page
    assert "Coupons are switched off in the shop" in page


def test_a_silent_shop_stands_on_every_page(desk: Desk) -> None:
    browser = desk.browser()
    assert "not heard from the shop" not in browser.page("/admin/members")

    desk.world.wait(hours=7)

    assert "not heard from the shop" in browser.page("/admin/members")


def test_a_shop_can_be_looked_at_now(desk: Desk) -> None:
    look(desk, "webhook_missing")

    page = desk.browser().follow(shop_path(desk) + "/check")

    assert "Checked: all is well." in page
    assert "lost some of the notifications" not in page


def test_notifications_can_be_set_up_again(desk: Desk) -> None:
    assert "notifications are set up" in desk.browser().follow(shop_path(desk) + "/subscribe")


def test_a_shop_that_does_not_answer_is_told_plainly(desk: Desk) -> None:
    shop: Any = desk.world.shop

    def fail(*, address: str, secret: str) -> None:
        raise Unreachable("The shop did not answer within 18 seconds.")

    shop.subscribe = fail

    answer = desk.browser().send(shop_path(desk) + "/subscribe")

    assert answer.status_code == 502
    assert "The shop did not answer within 18 seconds." in answer.text


def test_the_plugin_comes_as_a_zip_that_pairs_itself_once(desk: Desk) -> None:
    answer = desk.browser().send(shop_path(desk) + "/plugin")

    assert answer.headers["Content-Disposition"] == "attachment; filename=regulars.zip"
    archive = ZipFile(io.BytesIO(answer.data))
    assert "regulars/regulars.php" in archive.namelist()
    pairing = archive.read("regulars/regulars-pairing.php").decode()
    assert "'https://loyalty.example'" in pairing
    assert f"'{desk.world.shop_view().shop_key}'" in pairing
    code = re.search(r"'pairing_code' => '(\w+)'", pairing)
    assert code
    vault, which = desk.world.runtime.vault, (desk.world.merchant_id, desk.world.shop_id)
    kid, _ = desk.world.tx(lambda s: commands.pair(s, vault, *which, code=code.group(1), now=desk.world.now))
    assert kid in desk.world.tx(lambda s: queries.plugin_keys(s, vault, *which))
    assert "Paired" in desk.browser().page(shop_path(desk))


def test_the_connection_line_is_what_the_plugin_reads(desk: Desk) -> None:
    page = desk.browser().send(shop_path(desk) + "/pairing-code").text

    found = re.search(r'value="https://loyalty\.example\|(\w{32})\|(\w+)"', page)
    assert found
    assert found.group(1) == desk.world.shop_view().shop_key


def test_messages_that_were_not_understood_are_listed(desk: Desk) -> None:
    world = desk.world

    def arrive(s: Any) -> None:
        arrival = Arrival(world.merchant_id, world.shop_id, "webhook", {}, b"{broken", world.now)
        (inbox_id,) = inbox.store(s, [arrival])
        inbox.park(s, world.merchant_id, inbox_id, reason="The body is not JSON", now=world.now)

    world.tx(arrive)

    page = text_of(desk.browser().page(shop_path(desk)))

    assert "Messages that we did not understand" in page
    assert "The body is not JSON 7 bytes" in page


def test_parked_clawbacks_wait_for_a_word_and_go_on(desk: Desk) -> None:
    world = desk.world
    for number in range(25):
        world.shop.buy(1000, order_id=str(number), customer=str(number))
        world.settle(str(number))
    for number in range(25):
        world.shop.refund(str(number), 1500)
        world.settle(str(number))
    browser = desk.browser()
    assert "about to be taken back. Say whether this is right." in browser.page("/admin/")
    assert "Points of 5 orders are about to be taken back" in browser.page(shop_path(desk))

    page = browser.follow(shop_path(desk) + "/clawbacks")
    world.work()

    assert "5 parked orders go on now." in page
    assert "Waiting for your word" not in browser.page(shop_path(desk))
    assert world.points("24") == (0, 0, 0, 0)


def test_disconnecting_takes_codes_and_hooks_away_and_leaves_the_points(desk: Desk) -> None:
    world = desk.world
    removed: list[str] = []
    shop: Any = world.shop
    shop.uninstall = lambda *, address: removed.append(address)
    shop.buy(30000)
    world.settle("1001")
    code = world.redeem(100)
    browser = desk.browser()
    assert "Members keep their points" in browser.page(shop_path(desk) + "/disconnect")

    page = browser.follow(shop_path(desk) + "/disconnect")

    assert "Mugs is disconnected. Members keep their points." in page
    assert removed == [f"https://loyalty.example/webhooks/woocommerce/{world.shop_view().shop_key}"]
    assert code.code not in world.shop.coupons
    assert world.points() == (0, 300, 0, 0)
    with pytest.raises(Conflict):
        world.tx(lambda s: queries.installation(s, world.runtime.vault, world.merchant_id, world.shop_id))


def test_disconnecting_an_unreachable_shop_keeps_trying_for_its_codes(desk: Desk) -> None:
    world = desk.world
    shop: Any = world.shop
    shop.buy(30000)
    world.settle("1001")
    world.redeem(100)
    shop.failure = Unreachable("no answer")

    def fail(*, address: str) -> None:
        raise Unreachable("no answer")

    shop.uninstall = fail

    page = desk.browser().follow(shop_path(desk) + "/disconnect")

    assert "did not let us remove our notifications" in page
    assert "1 open code could not be made invalid yet" in page
    assert world.points() == (0, 200, 100, 0)
    world.tx(lambda s: queries.installation(s, world.runtime.vault, world.merchant_id, world.shop_id))


def test_connecting_again_is_the_same_shop(desk: Desk) -> None:
    before = desk.world.shop_view()
    browser = desk.browser()
    browser.follow(shop_path(desk) + "/disconnect")

    browser.follow("/admin/shops/connect/keys", shop_url="https://mugs.example", **KEYS)

    assert [(view.shop_id, view.shop_key, view.connected) for view in shops(desk)] == [
        (before.shop_id, before.shop_key, True)
    ]


def history(desk: Desk) -> str:
    return shop_path(desk) + "/history"


def read_all(desk: Desk) -> None:
    world = desk.world
    for backfill_id in world.tx(lambda s: backfill.unfinished(s, world.merchant_id)):
        while backfill.run_step(world.runtime, world.merchant_id, backfill_id):
            pass


def past_orders(desk: Desk) -> None:
    """Two customers' paid orders and a guest's, from before the program."""
    shop, past = desk.world.shop, desk.world.now - timedelta(days=90)
    for customer, amount in (("7", 10000), ("7", 5000), ("8", 2000), (None, 9900)):
        shop.buy(amount, customer=customer, placed_at=past, paid_at=past)


def test_past_orders_are_read_first_and_nothing_is_given_by_that(desk: Desk) -> None:
    past_orders(desk)
    browser = desk.browser()

    assert "Reading orders" in browser.follow(history(desk) + "/begin")
    assert 'data-refresh="' in browser.page(history(desk) + "/progress")
    read_all(desk)
    page = text_of(browser.page(history(desk)))

    assert "4 orders were read. Nothing has been given yet." in page
    assert "As if the program had run" in page or "as if the program had run since then" in page


def test_each_choice_is_previewed_before_it_is_made(desk: Desk) -> None:
    past_orders(desk)
    browser = desk.browser()
    browser.follow(history(desk) + "/begin")
    read_all(desk)
    answer = history(desk) + "/answer"
    day = (desk.world.now - timedelta(days=200)).date().isoformat()

    none = text_of(browser.send(answer, mode="none").text)
    dated = text_of(browser.send(answer, mode="from_date", points_from=day, bonus_points="").text)
    bonus = text_of(browser.send(answer, mode="welcome_bonus", bonus_points="100").text)

    assert "Everybody starts at zero" in none
    assert "Customers who get points 2" in dated
    assert "Orders that earn 3" in dated
    assert "Points in all 170" in dated
    assert "Worth at most €1.70" in dated
    assert "1 It was placed as a guest" in dated
    assert "Customers who get points 2" in bonus
    assert "Points in all 200" in bonus


def test_points_from_a_date_are_booked_and_told(desk: Desk) -> None:
    past_orders(desk)
    browser = desk.browser()
    browser.follow(history(desk) + "/begin")
    read_all(desk)
    day = (desk.world.now - timedelta(days=200)).date().isoformat()

    page = browser.follow(history(desk) + "/answer", mode="from_date", points_from=day, confirmed="yes")
    assert "Booking points" in page
    read_all(desk)

    assert "Done" in text_of(browser.page(history(desk)))
    assert desk.world.points("7") == (0, 150, 0, 0)
    assert "Order #1001" in browser.page(member_path(desk))
    assert "history.answered" in desk.actions()


def test_points_from_a_date_show_a_draft_to_staff_and_say_so(desk: Desk) -> None:
    desk = make_desk(desk.world.db, desk.world.runtime.settings.data_dir, launch="draft")
    past_orders(desk)
    browser = desk.browser_of("draft@mugs.example")
    browser.follow(history(desk) + "/begin")
    read_all(desk)
    day = (desk.world.now - timedelta(days=200)).date().isoformat()
    choice = {"mode": "from_date", "points_from": day}

    asked = browser.send(history(desk) + "/answer", **choice).text
    browser.follow(history(desk) + "/answer", **choice, confirmed="yes")
    read_all(desk)

    assert "this also shows the program to staff" in asked
    assert desk.world.tx(lambda s: queries.merchant(s, desk.world.merchant_id)).launch == "staff"
    assert desk.world.points("7") == (0, 150, 0, 0)


@pytest.mark.parametrize(
    ("fields", "remark"),
    [
        ({"mode": "from_date", "points_from": ""}, "Choose a day in the past."),
        ({"mode": "from_date", "points_from": "2099-01-01"}, "Choose a day in the past."),
        ({"mode": "welcome_bonus", "bonus_points": ""}, "Say how many points"),
        ({"mode": "everything"}, "Not a valid choice"),
    ],
)
def test_an_answer_without_sense_is_refused(fields: dict[str, str], remark: str, desk: Desk) -> None:
    past_orders(desk)
    browser = desk.browser()
    browser.follow(history(desk) + "/begin")
    read_all(desk)

    answer = browser.send(history(desk) + "/answer", **fields, confirmed="yes")

    assert answer.status_code == 400
    assert remark in answer.text


def test_reading_can_be_paused_and_goes_on(desk: Desk) -> None:
    past_orders(desk)
    browser = desk.browser()
    browser.follow(history(desk) + "/begin")

    assert "Paused" in browser.follow(history(desk) + "/pause")
    assert not desk.world.tx(lambda s: backfill.unfinished(s, desk.world.merchant_id))
    assert "Reading orders" in browser.follow(history(desk) + "/resume")


def test_the_audit_has_no_update_or_delete_in_the_admin(desk: Desk) -> None:
    desk.browser().follow("/admin/launch/redeeming", redeeming="stop")
    count = desk.world.tx(lambda s: s.connection().execute(sa.text("SELECT count(*) FROM audit_entries")).scalar_one())

    page = text_of(desk.browser().page("/admin/audit"))

    assert count >= 2
    assert "Owner Stopped redeeming" in page
    assert Platform.WOOCOMMERCE.value == "woocommerce"
