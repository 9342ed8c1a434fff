"""Platforms: registering an addon at Shoptet, what is told of it, shops that wait, and shops with a private token."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from admin import problems
from admin.platform_guides import GUIDES, read_home
from connectors.shoptet import install
from core.commerce import Health
from core.db.engine import Database
from core.errors import InvalidInput, Unreachable
from core.merchants import apps, commands, health, installs, queries
from core.merchants.apps import AppView
from core.merchants.staff import Role
from core.ports import Platform
from core.work.reading import said_of
from tests.admin.desk import Browser, Desk, path_of
from tests.admin.inside_shoptet import InsideShoptet, add_addon, inside_shoptet
from tests.admin.test_members import text_of

REGISTER, TOKEN = "/admin/shops/platforms/register/shoptet", "/admin/shops/connect/token"
ADDON = {
    "client_id": "b4f1c20d9e7a6358",
    "secret": "shoasecret_first_0123456789abcdef",
    "home_url": "https://my-addons.myshoptet.com/",
}
CONNECTOR = Path(install.__file__).parent


@pytest.fixture
def inside(db: Database, tmp_path: Path) -> Iterator[InsideShoptet]:
    """An addon is registered, and no shop has installed it."""
    with inside_shoptet(db, tmp_path, installed=False) as made:
        yield made


def at(desk: Desk, address: str) -> None:
    object.__setattr__(desk.world.runtime, "public_url", lambda: address)


def registered(desk: Desk) -> list[AppView]:
    found: list[AppView] = desk.world.tx(lambda s: apps.apps(s, desk.world.runtime.vault, desk.world.merchant_id))
    return found


def register(browser: Browser, **fields: str) -> str:
    answer = browser.send(REGISTER, **{**ADDON, **fields})
    assert answer.status_code == 303, answer.text
    return path_of(answer)


# -- registering


def test_an_addon_is_registered_and_its_page_says_what_to_write_where(desk: Desk) -> None:
    browser = desk.browser(Role.MANAGER)

    page = browser.page(register(browser))

    (app,) = registered(desk)
    key = app.app.app_key
    assert (app.app.platform, app.app.home_url, app.app.origin) == (
        Platform.SHOPTET,
        "https://my-addons.myshoptet.com",
        None,
    )
    for address in (
        f"https://loyalty.example/install/shoptet/{key}",
        f"https://loyalty.example/webhooks/shoptet/app/{key}",
        f"https://loyalty.example/admin/app/{key}?code=#OAUTH_CODE#&amp;shop=#SHOP_ID#&amp;language=#LANGUAGE#",
        f"https://loyalty.example/admin/app/{key}",
    ):
        assert f">{address}</textarea>" in page
    assert ADDON["secret"] not in page
    assert "note warning" not in page


def test_nothing_of_shopifys_is_there_for_an_addon(desk: Desk) -> None:
    browser = desk.browser()
    path = register(browser)

    page = text_of(browser.page(path))

    for words in ("Shopify", "npm", "package", "proxy", "Connect the shop from here"):
        assert words not in page
    for deed in ("package", "connect", "connected"):
        assert browser.client.get(f"{path}/{deed}").status_code == 404
    assert browser.send(f"{path}/connect", shop="x").status_code == 404


def test_the_rights_are_those_that_the_connector_needs() -> None:
    called = {found for file in CONNECTOR.glob("*.py") for found in re.findall(r"/api/[a-z-]+", file.read_text())}

    assert {right.name for right in GUIDES[Platform.SHOPTET].rights} == called


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "fill this in"),
        ("nonsense", "This is not an address"),
        ("https://a.example:x", "This is not an address"),
        ("https://user@a.example", "This is not an address"),
        ("http://a.example", "must begin with https://"),
        ("ftp://a.example", "must begin with https://"),
        ("https://a.example/admin/", "without what follows"),
        ("https://a.example?x=1", "without what follows"),
        ("https://a.example:8443", "without a port"),
        ("http://127.0.0.1:8092", "must begin with https://"),
    ],
)
def test_what_is_no_address_of_a_partners_shop_is_said_beside_the_field(typed: str, said: str, desk: Desk) -> None:
    answer = desk.browser().send(REGISTER, **{**ADDON, "home_url": typed})

    assert answer.status_code == 400
    assert said in text_of(answer.text)
    assert registered(desk) == []


def test_an_address_on_this_machine_stands_in_for_shoptet_where_that_is_allowed(inside: InsideShoptet) -> None:
    register(inside.desk.browser(), client_id="another0", home_url=inside.running.url)

    app = next(each.app for each in registered(inside.desk) if each.app.client_id == "another0")
    assert (app.origin, app.home_url) == (inside.running.url, inside.running.url)


@pytest.mark.parametrize("typed", ["A.example", "https://a.example", " https://A.example/ "])
def test_an_address_is_kept_in_one_form(typed: str) -> None:
    assert read_home(typed, allow_loopback=False).url == "https://a.example"


def test_an_address_with_blanks_or_marks_is_none() -> None:
    for typed in ("https://a .example", "https://a.example\\x", "https://", "https://é.example"):
        with pytest.raises(InvalidInput):
            read_home(typed, allow_loopback=False)


def test_a_new_secret_keeps_the_address_that_was_typed(desk: Desk) -> None:
    browser = desk.browser()
    path = register(browser)
    link = re.search(r'href="(/admin/shops/platforms/register/shoptet[^"]+)"', browser.page(path))
    assert link
    form = browser.page(link.group(1).replace("&amp;", "&"))
    assert 'value="https://my-addons.myshoptet.com"' in form
    assert f'value="{ADDON["client_id"]}"' in form

    assert register(browser, secret="shoasecret_second_0123456789") == path

    assert registered(desk)[0].app.secrets == ("shoasecret_second_0123456789", ADDON["secret"])


@pytest.mark.parametrize(
    ("address", "warned"),
    [
        ("https://loyalty.example", ()),
        ("https://loyalty.example:8443", ()),
        ("http://loyalty.example:8080", ("does not begin with https",)),
        ("https://loyalty.example:8000", ("the port 8000",)),
        ("http://127.0.0.1:8000", ("does not begin with https", "the port 8000")),
    ],
)
def test_a_server_that_shoptet_cannot_call_is_told_so(address: str, warned: tuple[str, ...], desk: Desk) -> None:
    browser = desk.browser()
    path = register(browser)

    at(desk, address)
    page = browser.page(path)

    assert page.count("note warning") == len(warned)
    for words in warned:
        assert words in text_of(page)


def test_platforms_that_know_no_apps_cannot_be_registered_at(desk: Desk) -> None:
    for name in ("woocommerce", "nonsense"):
        assert desk.browser().client.get(f"/admin/shops/platforms/register/{name}").status_code == 404


# -- shops that wait


def test_a_shop_that_waits_is_shown_with_why_it_still_does(inside: InsideShoptet) -> None:
    browser, world = inside.desk.browser(), inside.desk.world
    path = f"/admin/shops/platforms/{inside.app.app_id}"
    assert inside.running.shop.install()
    waiting = text_of(browser.page(path))
    assert "It is the next in the line" in waiting
    assert inside.running.url in waiting

    def fail(session: Any) -> None:
        taken = installs.take(session, world.runtime.vault, world.merchant_id, now=world.now)
        assert taken is not None
        installs.try_later(session, taken, error=said_of(Unreachable("The shop does not answer.")), now=world.now)

    world.tx(fail)
    page = text_of(browser.page(path))

    assert "Tried 1 time" in page
    assert "The shop does not answer." in page
    assert "Unreachable" not in page
    assert "Being connected" in text_of(browser.page("/admin/shops/platforms"))


def test_an_error_of_ours_is_not_shown_by_its_name(inside: InsideShoptet) -> None:
    browser, world = inside.desk.browser(), inside.desk.world
    assert inside.running.shop.install()

    def fail(session: Any) -> None:
        taken = installs.take(session, world.runtime.vault, world.merchant_id, now=world.now)
        assert taken is not None
        installs.try_later(session, taken, error=said_of(KeyError("boom")), now=world.now)

    world.tx(fail)
    page = text_of(browser.page(f"/admin/shops/platforms/{inside.app.app_id}"))

    assert "KeyError" not in page
    assert "The server's log says what" in page


def test_shops_that_wait_for_another_addon_are_not_shown(inside: InsideShoptet) -> None:
    other = add_addon(inside.desk, client_id="another0")
    assert inside.running.shop.install()

    page = inside.desk.browser().page(f"/admin/shops/platforms/{other.app_id}")

    assert "waiting to be connected" not in page


def test_a_connected_shop_is_shown_by_its_addon_and_has_nothing_of_plugins(inside: InsideShoptet) -> None:
    inside.install()
    shop, browser = inside.shop(), inside.desk.browser()
    assert shop is not None
    path = f"/admin/shops/{shop.shop_id}"

    page = browser.page(path)

    assert shop.name in browser.page(f"/admin/shops/platforms/{inside.app.app_id}")
    for words in ("WordPress", "Paired", "Download the plugin", "theme editor", "Shopify", "Connect again"):
        assert words not in page
    assert "Shoptet" in page
    assert "Set up notifications again" in page
    assert "REGULARS_SMTP_URL" in page
    for deed in ("plugin", "pairing-code"):
        assert browser.send(f"{path}/{deed}").status_code == 404
    world = inside.desk.world
    world.tx(lambda s: commands.disconnect_shop(s, world.merchant_id, world.shop_id, now=world.now))
    world.tx(lambda s: commands.set_launch(s, world.merchant_id, "staff", now=world.now))
    guide = browser.page("/admin/")
    assert "Try it yourself first" in guide
    assert "Install the plugin" not in guide


def test_a_disconnected_addon_is_connected_again_from_the_shops_own_admin(inside: InsideShoptet) -> None:
    inside.install()
    shop, browser = inside.shop(), inside.desk.browser()
    assert shop is not None
    path = f"/admin/shops/{shop.shop_id}"

    page = browser.follow(f"{path}/disconnect")

    assert "Uninstall the addon in the shop" in page
    assert "installing the addon in the shop's own admin does not connect it again" in text_of(browser.page(path))
    browser.follow(f"{path}/return")
    assert "install the addon in the shop's own admin" in text_of(browser.page(path))


# -- private tokens


def token_shops(inside: InsideShoptet) -> list[Any]:
    world = inside.desk.world
    found = world.tx(lambda s: queries.shops(s, world.merchant_id))
    return [shop for shop in found if shop.platform is Platform.SHOPTET]


def test_a_premium_shop_is_connected_by_its_private_token(inside: InsideShoptet) -> None:
    browser, world, token = inside.desk.browser(Role.MANAGER), inside.desk.world, inside.running.shop.private_token()

    page = browser.follow(TOKEN, shop_url=f"{inside.running.url}/admin", private_token=token)

    (shop,) = token_shops(inside)
    assert "is connected." in page
    assert shop.connected
    assert shop.base_url == inside.running.url
    kept = world.tx(lambda s: queries.installation(s, world.runtime.vault, world.merchant_id, shop.shop_id))
    assert kept.credentials["private_token"] == token
    secrets = world.tx(lambda s: queries.webhook_secrets(s, world.runtime.vault, world.merchant_id, shop.shop_id))
    assert list(secrets) == [inside.running.shop.site.signature_key]
    assert {hook.event for hook in inside.running.shop.site.webhooks.values()} >= {"order:create", "order:massPaid"}
    assert inside.running.shop.site.snippets
    assert "shop.connected" in inside.desk.actions()
    sealed = world.tx(
        lambda s: s.connection().execute(sa.text("SELECT credentials_sealed FROM installations")).scalars().all()
    )
    assert token not in page + "".join(sealed) + browser.page("/admin/audit")


def test_a_token_connected_shop_is_connected_again_by_a_token(inside: InsideShoptet) -> None:
    browser, world = inside.desk.browser(), inside.desk.world
    browser.follow(TOKEN, shop_url=inside.running.url, private_token=inside.running.shop.private_token())
    (shop,) = token_shops(inside)
    path = f"/admin/shops/{shop.shop_id}"
    ill = Health(checked_at=world.now, problems=("key_refused",))
    world.tx(lambda s: health.record_look(s, world.merchant_id, shop.shop_id, ill))
    assert f'href="{TOKEN}?shop_url=' in browser.page(path)

    newer = inside.running.shop.private_token()
    browser.follow(TOKEN, shop_url=inside.running.url, private_token=newer)

    assert [each.shop_id for each in token_shops(inside)] == [shop.shop_id]
    world.tx(lambda s: commands.disconnect_shop(s, world.merchant_id, shop.shop_id, now=world.now))
    assert f'href="{TOKEN}?shop_url=' in browser.page(path)


def test_a_token_of_another_shop_than_the_one_that_is_typed_connects_nothing(inside: InsideShoptet) -> None:
    elsewhere = inside.running.url.replace("127.0.0.1", "localhost")

    answer = inside.desk.browser().send(TOKEN, shop_url=elsewhere, private_token=inside.running.shop.private_token())

    assert answer.status_code == 400
    assert "This token is of another shop" in answer.text
    assert token_shops(inside) == []


@pytest.mark.parametrize("token", ["made-up-but-long-enough-0123", "short", "with blanks in it 0123456789", ""])
def test_a_token_that_is_none_connects_nothing(token: str, inside: InsideShoptet) -> None:
    answer = inside.desk.browser().send(TOKEN, shop_url=inside.running.url, private_token=token)

    assert answer.status_code == 400
    assert re.search(r'class="(note error-note|error)"', answer.text)
    assert not token or token not in answer.text
    assert token_shops(inside) == []


@pytest.mark.parametrize("typed", ["", "nonsense", "ftp://a.example", "https://a.example:9000", "https://u@a.example"])
def test_an_address_that_is_none_is_said_beside_the_field(typed: str, inside: InsideShoptet) -> None:
    answer = inside.desk.browser().send(TOKEN, shop_url=typed, private_token=inside.running.shop.private_token())

    assert answer.status_code == 400
    assert 'id="shop_url-error1"' in answer.text


# -- what may be wrong


def test_every_word_of_a_shoptet_shop_has_a_sentence_and_advice_for_shoptet() -> None:
    words = {value for name, value in vars(install).items() if name.isupper() and isinstance(value, str)}
    words |= set(install.PROBLEM.values()) | {health.error_word(kind("")) for kind in install.PROBLEM}

    for word in words:
        found = problems.problem(word, Platform.SHOPTET)
        assert f"({word})" not in found.sentence, word
        assert not re.search("WordPress|WooCommerce|Shopify|plugin|button below", found.sentence + found.advice), word
