"""Home: the guide through the set-up, figures that tie to the ledger, what needs attention. And the plugin's zip."""

import io
import re
from typing import Any
from zipfile import ZipFile

from connectors import registry
from core.merchants import commands
from core.merchants.staff import Role
from core.ports import Platform
from tests.admin.desk import PASSWORD, Desk, make_desk
from tests.admin.test_entrance import SET_UP, set_up_path
from tests.admin.test_members import adjust, buy, text_of
from tests.admin.test_shops import read_all

OFFER = {"server_url": "https://points.example", "shop_key": "a" * 32, "pairing_code": "CODE"}


def test_a_fresh_merchant_is_led_step_by_step(desk: Desk) -> None:
    home = text_of(desk.stranger().follow(set_up_path(desk), **SET_UP))

    steps = ["Connect your shop", "Look at the rules", "Decide about past orders", "Install the plugin", "Launch"]
    assert [step for step in re.findall("|".join(steps), home) if step] != []
    assert [home.index(step) for step in steps] == sorted(home.index(step) for step in steps)
    assert "0 of 5 done" in home
    assert "The program so far" not in home


def test_the_guide_goes_when_everything_is_done(desk: Desk) -> None:
    world, browser = desk.world, desk.browser()
    history = f"/admin/shops/{world.shop_id}/history"
    assert "3 of 5 done" in browser.page("/admin/")

    code = world.tx(lambda s: commands.new_pairing_code(s, world.merchant_id, world.shop_id, now=world.now))
    which: dict[str, Any] = {"code": code, "now": world.now}
    world.tx(lambda s: commands.pair(s, world.runtime.vault, world.merchant_id, world.shop_id, **which))
    assert "4 of 5 done" in browser.page("/admin/")
    browser.follow(history + "/begin")
    read_all(desk)
    browser.follow(history + "/answer", mode="none", confirmed="yes")

    home = browser.page("/admin/")
    assert "Set up your program" not in home
    assert "Nothing needs attention." in home


def test_figures_tie_to_the_ledger(desk: Desk) -> None:
    buy(desk, 50000)
    code = desk.world.redeem(100)
    buy(desk, 3000, code=code.code, off=100)
    adjust(desk.browser(), desk.world.member(), points="40")

    home = text_of(desk.browser(Role.SUPPORT).page("/admin/"))

    assert "Outstanding 469 points, worth €4.69" in home
    assert "Issued, less what was taken back 529 points, worth €5.29" in home
    assert "Redeemed 100 points, worth €1.00" in home
    assert "Adjusted by staff +40" in home
    assert "Members with points 1" in home


def test_orders_that_support_should_see_are_listed(desk: Desk) -> None:
    buy(desk, 50000)
    code = desk.world.redeem(100)
    buy(desk, 3000, code=code.code, off=100, order_id="77")
    desk.world.shop.change("77", customer=desk.world.shop.placed["77"].customer.model_copy(update={"external_id": "8"}))
    desk.world.settle("77")

    home = text_of(desk.browser().page("/admin/"))

    assert "Order #77: The shop has given the order to another customer; the points went along." in home


def test_two_merchants_on_one_server_each_see_their_own(desk: Desk) -> None:
    buy(desk, 50000)
    other = make_desk(desk.world.db, desk.world.runtime.settings.data_dir)
    browser = other.browser_of("other@teas.example")

    home = text_of(browser.page("/admin/"))

    assert "500 points" not in home
    assert browser.send("/admin/sign-in", email="other@teas.example", password=PASSWORD).status_code == 302


def test_the_plugins_zip_is_the_same_for_the_same_offer_and_safe_in_php() -> None:
    plugin = registry.plugin(Platform.WOOCOMMERCE)

    first, again = (plugin.zip_for(**OFFER) for _ in range(2))
    nasty = plugin.zip_for(**{**OFFER, "server_url": "https://x'; evil(); \\"})

    assert first == again
    names = ZipFile(io.BytesIO(first)).namelist()
    assert all(name.startswith("regulars/") and ".." not in name for name in names)
    pairing = ZipFile(io.BytesIO(nasty)).read("regulars/regulars-pairing.php").decode()
    assert r"'https://x\'; evil(); \\'" in pairing
    assert plugin.line_for(**OFFER) == f"https://points.example|{'a' * 32}|CODE"
