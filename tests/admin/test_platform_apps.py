"""Platforms: registering an app, what is told of it, and a Shopify shop on the pages of shops."""

import io
import re
from functools import partial
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import sqlalchemy as sa

from admin import problems
from connectors import registry
from connectors.shopify import details, install
from core.commerce import Health
from core.db.engine import Database
from core.ids import ShopId
from core.merchants import apps, commands, health
from core.merchants.apps import AppView
from core.merchants.staff import Role
from core.ports import Platform
from tests.admin.desk import Browser, Desk, make_desk, path_of, second_merchant
from tests.admin.inside import POLICY, add_app
from tests.admin.test_members import text_of

APP = {"client_id": "0123456789abcdef0123456789abcdef", "secret": "shpss_first_0123456789abcdef012345"}
REGISTER = "/admin/shops/platforms/register/shopify"
SECOND = "shpss_second_0123456789abcdef01234"


@pytest.fixture
def desk(db: Database, tmp_path: Path) -> Desk:
    made = make_desk(db, tmp_path)
    object.__setattr__(made.world.runtime, "app_platform", platform)
    return made


def platform(which: Platform) -> Any:
    return registry.app_platform(which, policy=POLICY)


def registered(desk: Desk) -> list[AppView]:
    found: list[AppView] = desk.world.tx(lambda s: apps.apps(s, desk.world.runtime.vault, desk.world.merchant_id))
    return found


def register(browser: Browser, **fields: str) -> str:
    """The page of the app that is registered then."""
    answer = browser.send(REGISTER, **{**APP, **fields})
    assert answer.status_code == 303, answer.text
    return path_of(answer)


def connected(desk: Desk) -> str:
    """The page of a Shopify shop."""
    world = desk.world
    app = add_app(desk)

    def tie(session: Any) -> str:
        shop = commands.connect_shop(
            session,
            world.runtime.vault,
            world.merchant_id,
            platform=Platform.SHOPIFY,
            base_url="https://fernway.myshopify.com",
            facts=world.shop.facts(),
            credentials={"access_token": "a"},
            now=world.now,
        )
        apps.install(session, app, shop.shop_id)
        return shop.shop_id

    return f"/admin/shops/{world.tx(tie)}"


def test_an_app_is_registered_and_its_page_says_what_to_write_where(desk: Desk) -> None:
    browser = desk.browser()

    page = browser.page(register(browser))

    (app,) = registered(desk)
    key = app.app.app_key
    assert app.app.secrets == (APP["secret"],)
    assert re.fullmatch("[0-9a-f]{32}", key)
    for address in (
        f"https://loyalty.example/admin/app/{key}",
        f"https://loyalty.example/install/shopify/{key}/callback",
        f"https://loyalty.example/webhooks/shopify/{key}",
        f"https://loyalty.example/widget/v1/proxy/{key}",
    ):
        assert f'value="{address}"' in page
    assert "app.registered" in desk.actions()


def test_the_same_client_id_again_is_a_new_secret_in_front_of_the_old_one(desk: Desk) -> None:
    browser = desk.browser()
    first = register(browser)

    second = register(browser, secret=SECOND)

    assert first == second
    (app,) = registered(desk)
    assert app.app.secrets == (SECOND, APP["secret"])
    assert "the one before still accepted" in browser.page(second)


def test_what_stands_in_for_the_platform_stays_when_the_secret_changes(desk: Desk) -> None:
    add_app(desk, client_id=APP["client_id"], origin="http://127.0.0.1:8091")

    register(desk.browser(), secret=SECOND)

    assert registered(desk)[0].app.origin == "http://127.0.0.1:8091"


@pytest.mark.parametrize(
    "fields", [{"client_id": ""}, {"secret": ""}, {"client_id": "with space"}, {"secret": "ä" * 20}]
)
def test_what_cannot_be_a_client_id_or_a_secret_is_refused(fields: dict[str, str], desk: Desk) -> None:
    answer = desk.browser().send(REGISTER, **{**APP, **fields})

    assert answer.status_code == 400
    assert registered(desk) == []


def test_a_secret_is_never_shown_again(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    browser = desk.browser()
    page = register(browser)
    register(browser, secret=SECOND)
    refused = browser.send(REGISTER, client_id="with space", secret=SECOND)

    shown = [browser.page(path) for path in ("/admin/shops/platforms", page, "/admin/audit", "/admin/shops")]
    kept = desk.world.tx(
        lambda s: s.connection().execute(sa.text("SELECT secrets_sealed FROM platform_apps")).scalar_one()
    )
    noted = desk.world.tx(
        lambda s: s.connection().execute(sa.text("SELECT details FROM audit_entries")).scalars().all()
    )
    logged = capsys.readouterr()
    for text in (*shown, refused.text, kept, str(noted), logged.out, logged.err):
        assert APP["secret"] not in text
        assert SECOND not in text


def test_the_package_is_made_for_the_app_and_holds_no_secret(desk: Desk) -> None:
    browser = desk.browser()
    page = register(browser)

    answer = browser.client.get(f"{page}/package")

    assert answer.mimetype == "application/zip"
    archive = ZipFile(io.BytesIO(answer.data))
    content = {name: archive.read(name) for name in archive.namelist()}
    config = next(text for name, text in content.items() if name.endswith("shopify.app.toml")).decode()
    assert APP["client_id"] in config
    assert f"https://loyalty.example/admin/app/{registered(desk)[0].app.app_key}" in config
    assert not [name for name, text in content.items() if APP["secret"].encode() in text]


def test_a_server_that_shopify_cannot_call_is_told_so(desk: Desk) -> None:
    browser = desk.browser()
    page = register(browser)
    assert "Shopify calls only addresses" not in browser.page(page)

    object.__setattr__(desk.world.runtime, "public_url", lambda: "http://127.0.0.1:8000")

    assert "Shopify calls only addresses" in browser.page(page)


def test_a_choice_of_platforms_leads_to_each_way_of_connecting(desk: Desk) -> None:
    browser = desk.browser(Role.MANAGER)

    page = browser.page("/admin/shops/connect", shop_url="https://old.example")

    assert "/admin/shops/connect/woocommerce?shop_url=https://old.example" in page
    assert '"/admin/shops/platforms"' in page
    for path in ("/admin/shops/connect", "/admin/shops/platforms"):
        assert not re.search(r"<input[^>]+(shop|domain)", browser.page(path))  # App Store rule 2.3.1
        assert "myshopify" not in browser.page(path)


def test_apps_of_another_merchant_are_not_found(desk: Desk) -> None:
    theirs = add_app(desk, merchant_id=second_merchant(desk).merchant_id, client_id="theirs")
    browser = desk.browser()

    assert "theirs" not in browser.page("/admin/shops/platforms")
    for path in (f"/admin/shops/platforms/{theirs.app_id}", f"/admin/shops/platforms/{theirs.app_id}/package"):
        assert browser.client.get(path).status_code == 404


def test_the_page_of_a_shopify_shop_has_nothing_of_plugins_and_notifications(desk: Desk) -> None:
    browser, path = desk.browser(), connected(desk)

    page = browser.page(path)

    for words in ("WordPress", "Paired", "Not paired", "Download the plugin", "Set up notifications again", "one line"):
        assert words not in page
    assert "Shopify" in page
    assert "https://fernway.myshopify.com/admin/themes/current/editor?context=apps" in page
    assert "Shopify" in browser.page("/admin/shops")
    for deed in ("plugin", "pairing-code"):
        assert browser.send(f"{path}/{deed}").status_code == 404


def test_the_page_of_a_woocommerce_shop_stays_what_it_is(desk: Desk) -> None:
    page = desk.browser().page(f"/admin/shops/{desk.world.shop_id}")

    assert "Download the plugin" in page
    assert "Set up notifications again" in page
    assert "theme editor" not in page


def test_setting_up_notifications_is_no_error_for_a_shop_that_has_none(desk: Desk) -> None:
    assert desk.browser().send(f"{connected(desk)}/subscribe").status_code == 303


def test_a_disconnected_shopify_shop_is_connected_again_from_its_own_admin(desk: Desk) -> None:
    browser, path = desk.browser(), connected(desk)

    page = browser.follow(f"{path}/disconnect")

    assert "Remove the app in the shop&#39;s own admin as well" in page
    again = browser.page(path)
    assert "does not connect it again until you let it" in again
    assert "Connect again" not in again
    let = browser.follow(f"{path}/return")
    assert "may connect again" in let
    assert "To connect it again, open Regulars in the shop's own admin" in browser.page(path)


def test_the_guide_asks_for_no_plugin_where_there_is_none(desk: Desk) -> None:
    world = desk.world
    world.tx(lambda s: commands.disconnect_shop(s, world.merchant_id, world.shop_id, now=world.now))
    world.tx(lambda s: commands.set_launch(s, world.merchant_id, "staff", now=world.now))
    connected(desk)

    page = desk.browser().page("/admin/")

    assert "Install the plugin" not in page
    assert "Switch Regulars on in your theme" in page


def test_every_word_of_a_shopify_shop_has_a_sentence_and_advice_for_shopify() -> None:
    words = {value for name, value in vars(install).items() if name.isupper() and isinstance(value, str)}
    words -= {install.ALL_ORDERS, *(value for value in vars(details).values() if isinstance(value, str))}
    words |= set(install.PROBLEM.values())
    words |= {health.error_word(kind("")) for kind in install.PROBLEM}

    for word in words:
        found = problems.problem(word, Platform.SHOPIFY)
        assert f"({word})" not in found.sentence, word
        assert not re.search("WordPress|WooCommerce|button below|plugin", found.sentence + found.advice), word


def test_the_advice_for_a_dead_key_fits_the_platform(desk: Desk) -> None:
    browser, path = desk.browser(), connected(desk)
    world = desk.world
    shop_id = path.rpartition("/")[2]
    found = Health(checked_at=world.now, problems=("key_refused",))
    for each in (ShopId(shop_id), world.shop_id):
        world.tx(partial(health.record_look, merchant_id=world.merchant_id, shop_id=each, found=found))

    assert "Open Regulars in the shop's own admin once" in text_of(browser.page(path))
    assert "with the button below" in text_of(browser.page(f"/admin/shops/{world.shop_id}"))
