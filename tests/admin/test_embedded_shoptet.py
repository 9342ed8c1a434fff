"""The back office inside the Shoptet admin: a code proves who opens the settings, and a bearer of ours every fetch after it."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from admin import bearers
from admin.bearers import Bearer
from core.db.engine import Database
from core.errors import SignatureInvalid
from core.ids import ShopId, StaffId
from core.merchants import commands, queries, staff
from core.merchants.staff import Role
from core.work import addons
from demo.shoptet.oauth import OWNER
from tests.admin.desk import Desk, second_merchant
from tests.admin.inside import policy
from tests.admin.inside_shoptet import InsideShoptet, add_addon, inside_shoptet

ANEW = "Open the settings in Shoptet's admin anew."


@pytest.fixture
def inside(db: Database, tmp_path: Path) -> Iterator[InsideShoptet]:
    with inside_shoptet(db, tmp_path) as made:
        yield made


@pytest.fixture
def waiting(db: Database, tmp_path: Path) -> Iterator[InsideShoptet]:
    """The shop has not installed the addon."""
    with inside_shoptet(db, tmp_path, installed=False) as made:
        yield made


def exported(desk: Desk) -> bool:
    return "members.exported" in desk.actions()


# -- opening


def test_the_code_lets_the_person_in_and_the_page_works_with_its_bearer(inside: InsideShoptet) -> None:
    answer = inside.document()

    bearer = re.findall(r'data-bearer="([^"]+)"', answer.text)
    assert answer.status_code == 200
    assert "Set up your program" in answer.text
    assert len(bearer) == 1
    assert inside.fetch("/members", bearer[0]).status_code == 200
    assert inside.fetch("/members/export", bearer[0], method="POST").status_code == 200
    (person,) = inside.people()
    assert (person.name, person.role) == (OWNER["email"], Role.MANAGER)
    assert person.last_signed_in_at == inside.desk.world.now
    assert "staff.met" in inside.desk.actions()
    assert exported(inside.desk)


def test_the_bearer_is_said_once_and_never_in_an_address(inside: InsideShoptet) -> None:
    bearer = inside.open()

    page = inside.fetch("/members", bearer)

    assert bearer not in page.text
    assert "data-bearer" not in page.text
    assert "Set-Cookie" not in page.headers


def test_the_role_of_the_row_counts(inside: InsideShoptet) -> None:
    bearer = inside.open()
    (person,), world = inside.people(), inside.desk.world

    world.tx(lambda s: staff.change_role(s, world.merchant_id, person.staff_id, Role.SUPPORT))

    assert inside.fetch("/program", bearer).status_code == 403
    assert inside.fetch("/members", bearer).status_code == 200


def test_our_own_menu_is_drawn_for_shoptet_draws_none(inside: InsideShoptet) -> None:
    page = inside.document().text

    assert 'class="tabs"' in page
    assert f'href="{inside.root}/members"' in page
    assert "s-app-nav" not in page
    assert "shopify" not in page.lower()
    assert "Sign out" not in page


@pytest.mark.parametrize(("said", "shown"), [("cs", "cs"), ("cs-CZ", "cs"), ("sk", "sk"), ("hu", "en"), ("", "en")])
def test_the_page_speaks_as_shoptet_says_where_it_can(said: str, shown: str, inside: InsideShoptet) -> None:
    answer = inside.document(inside.query(language=said))

    assert f'<html lang="{shown}">' in answer.text


def test_who_is_not_let_in_is_told_so_in_that_language_too(inside: InsideShoptet) -> None:
    assert '<html lang="cs">' in inside.document(inside.query(language="cs", code="")).text


def test_what_the_person_chose_goes_before_what_shoptet_says(inside: InsideShoptet) -> None:
    inside.open()
    (person,), world = inside.people(), inside.desk.world
    world.tx(lambda s: staff.choose_language(s, world.merchant_id, person.staff_id, "sk"))

    assert '<html lang="sk">' in inside.document(inside.query(language="cs")).text


# -- the code


def test_a_code_is_good_once(inside: InsideShoptet) -> None:
    query = inside.query()
    assert inside.document(query).status_code == 200

    again = inside.document(query)

    assert again.status_code == 403
    assert ANEW.replace("'", "&#39;") in again.text
    assert "data-bearer" not in again.text


@pytest.mark.parametrize("code", ["", "made-up", "x" * 5000, "č", "a b\n"])
def test_what_is_no_code_of_this_shop_opens_nothing(code: str, inside: InsideShoptet) -> None:
    answer = inside.document(inside.query(code=code))

    assert answer.status_code == 403
    assert "data-bearer" not in answer.text
    assert inside.people() == []


def test_a_code_of_another_shop_opens_nothing_here(inside: InsideShoptet) -> None:
    """The shop's server says to which shop the person belongs; who says another number in the address gains nothing."""
    query = inside.query()
    inside.running.shop.site.eshop_id += 1

    answer = inside.document(query)

    assert answer.status_code == 403
    assert inside.people() == []


@pytest.mark.parametrize("shop", ["1", "", "x", "222651 OR 1=1", "²", "../x"])
def test_a_shop_that_is_not_of_this_addon_is_not_connected(shop: str, inside: InsideShoptet) -> None:
    answer = inside.document(inside.query(shop=shop))

    assert answer.status_code == 409
    assert "frame-ancestors http" not in policy(answer).replace(inside.running.url, "")
    assert "data-bearer" not in answer.text


def test_a_code_that_was_sent_elsewhere_is_not_taken(inside: InsideShoptet) -> None:
    """It is bound to the address that stands in the addon's settings."""
    code = inside.running.shop.site.tokens.new_login_code("https://elsewhere.example/")

    assert inside.document(inside.query(code=code)).status_code == 403


def test_a_shop_whose_server_is_ill_says_so(inside: InsideShoptet) -> None:
    query = inside.query()
    inside.running.shop.site.addon = replace(inside.running.shop.site.addon, client_secret="another")

    assert inside.document(query).status_code in (403, 502)
    assert inside.people() == []


def test_unknown_addons_are_not_found(inside: InsideShoptet) -> None:
    root = f"/admin/app/{'0' * 32}"

    assert inside.client.get(root + "/", query_string=inside.query()).status_code == 404
    assert inside.client.post(root + "/members/export").status_code == 404


def test_the_page_of_shopifys_bridge_is_not_there(inside: InsideShoptet) -> None:
    assert inside.document(path="/bounce").status_code == 404


# -- the bearer


def test_nothing_is_read_or_changed_without_a_bearer(inside: InsideShoptet) -> None:
    bearer, code = inside.open(), inside.running.shop.login_code()
    address = f"{inside.root}/members/export?code={code}&shop={inside.eshop_id}&bearer={bearer}&token={bearer}"

    for header in ("", "Bearer", f"Basic {bearer}", bearer, f"bearer {bearer}", f"Bearer {code}"):
        headers = {"Authorization": header} if header else {}
        answer = inside.client.post(address, headers=headers, data={"bearer": bearer, "code": code})
        assert answer.status_code == 401, header
        assert ANEW in answer.text
    assert inside.client.get(f"{inside.root}/members?bearer={bearer}&shop={inside.eshop_id}").status_code == 403
    assert not exported(inside.desk)


def test_a_bearer_ends_after_an_hour(inside: InsideShoptet) -> None:
    bearer = inside.open()
    inside.desk.world.wait(minutes=59)
    assert inside.fetch("/members", bearer).status_code == 200

    inside.desk.world.wait(minutes=2)

    assert inside.fetch("/members", bearer).status_code == 401
    assert inside.fetch("/members/export", bearer, method="POST").status_code == 401


def test_a_forged_bearer_opens_nothing(inside: InsideShoptet) -> None:
    good = inside.open()
    said, _, seal = good.rpartition(".")
    (person,) = inside.people()
    other_key = bearers.written(bearers.read(good, *proof(inside)[:1], **proof(inside)[1]), b"another key")
    longer = re.sub(r"\.(\d+)$", lambda found: f".{int(found.group(1)) + 600}", said)

    for forged in (
        f"{longer}.{seal}",
        f"{said}.{'0' * 64}",
        said,
        seal,
        ".",
        "",
        other_key,
        f"{said}.{seal}é",
        good[:-1],
    ):
        assert inside.fetch("/members/export", forged, method="POST").status_code == 401, forged
    assert person.active
    assert not exported(inside.desk)


def proof(inside: InsideShoptet) -> tuple[bytes, dict[str, object]]:
    world = inside.desk.world
    return world.runtime.vault.derived(bearers.PURPOSE), {"app_key": inside.app.app.app_key, "now": world.now}


def test_a_bearer_of_one_app_opens_no_other(inside: InsideShoptet) -> None:
    bearer = inside.open()
    mine = add_addon(inside.desk, client_id="another0", origin=inside.running.url)
    theirs = add_addon(inside.desk, client_id="theirs00", merchant_id=second_merchant(inside.desk).merchant_id)

    for app in (mine, theirs):
        path = f"/admin/app/{app.app.app_key}/members"
        answer = inside.client.get(path, headers={"Authorization": f"Bearer {bearer}"})
        assert answer.status_code == 401


def test_a_bearer_written_for_another_app_of_the_same_merchant_opens_nothing_of_this_shop(
    inside: InsideShoptet,
) -> None:
    """Signed by us, for an app that the shop did not install."""
    inside.open()
    world, shop, (person,) = inside.desk.world, inside.shop(), inside.people()
    assert shop is not None
    other = add_addon(inside.desk, client_id="another0", origin=inside.running.url)
    ends = world.now + timedelta(minutes=30)
    written = Bearer(other.app.app_key, shop.shop_id, person.staff_id, person.session_epoch, ends)
    bearer = bearers.written(written, world.runtime.vault.derived(bearers.PURPOSE))

    answer = inside.client.get(f"/admin/app/{other.app.app_key}/members", headers={"Authorization": f"Bearer {bearer}"})

    assert answer.status_code == 401


def test_a_deactivated_person_is_out_at_once_and_the_bearer_stays_dead(inside: InsideShoptet) -> None:
    bearer = inside.open()
    (person,), world = inside.people(), inside.desk.world
    world.tx(lambda s: staff.deactivate(s, world.merchant_id, person.staff_id, now=world.now))

    assert inside.fetch("/members", bearer).status_code == 403
    assert inside.fetch("/members/export", bearer, method="POST").status_code == 403
    assert inside.document().status_code == 403
    world.tx(lambda s: staff.activate(s, world.merchant_id, person.staff_id))
    assert inside.fetch("/members", bearer).status_code == 401
    assert inside.document().status_code == 200


def test_an_uninstalled_shop_lets_nobody_in_and_ends_open_pages(inside: InsideShoptet) -> None:
    bearer, shop, world = inside.open(), inside.shop(), inside.desk.world
    assert shop is not None
    query = inside.query()
    at = world.tx(lambda s: queries.installed_at(s, world.merchant_id, shop.shop_id))
    world.tx(lambda s: commands.shop_took_us_off(s, world.merchant_id, shop.shop_id, installed_at=at, now=world.now))

    assert inside.fetch("/members", bearer).status_code == 401
    assert inside.fetch("/members/export", bearer, method="POST").status_code == 401
    answer = inside.document(query)
    assert answer.status_code == 409
    assert "Install the addon" in answer.text
    assert not exported(inside.desk)


def test_a_shop_that_staff_disconnected_says_who_lets_it_return(inside: InsideShoptet) -> None:
    shop, world = inside.shop(), inside.desk.world
    assert shop is not None
    world.tx(lambda s: commands.disconnect_shop(s, world.merchant_id, shop.shop_id, now=world.now))

    answer = inside.document()

    assert answer.status_code == 409
    assert "lets it return" in answer.text


# -- being connected


def test_a_shop_that_has_just_installed_sees_that_it_is_being_connected_and_then_the_admin(
    waiting: InsideShoptet,
) -> None:
    assert waiting.running.shop.install()
    query = waiting.query()

    first = waiting.document(query)
    assert first.status_code == 200
    assert "Your shop is being connected" in first.text
    assert '<meta http-equiv="refresh"' in first.text
    assert f"frame-ancestors {waiting.running.url}" in policy(first)
    assert "data-bearer" not in first.text

    assert addons.connect_next(waiting.desk.world.runtime, waiting.desk.world.merchant_id)
    then = waiting.document(query)  # the same code: nobody has used it
    assert then.status_code == 200
    assert "data-bearer" in then.text


def test_a_shop_that_waits_for_another_addon_is_not_of_this_one(waiting: InsideShoptet) -> None:
    other = add_addon(waiting.desk, client_id="another0", origin=waiting.running.url)
    assert waiting.running.shop.install()

    answer = waiting.client.get(f"/admin/app/{other.app.app_key}/", query_string=waiting.query())

    assert answer.status_code == 409


def test_a_shop_that_never_installed_is_told_to(waiting: InsideShoptet) -> None:
    answer = waiting.document()

    assert answer.status_code == 409
    assert "Install the addon" in answer.text


# -- frames


def test_each_page_may_be_framed_by_its_own_shop_and_its_admin_alone(inside: InsideShoptet) -> None:
    shop, world = inside.shop(), inside.desk.world
    assert shop is not None
    facts = world.runtime.connect(
        world.tx(lambda s: queries.installation(s, world.runtime.vault, world.merchant_id, shop.shop_id))
    ).installer.facts()
    moved = facts.model_copy(
        update={
            "storefront_url": "https://www.fernway.cz",
            "details": {**facts.details, "admin_url": "https://fernway.myshoptet.com/admin/x"},
        }
    )
    world.tx(lambda s: commands.note_facts(s, world.merchant_id, shop.shop_id, moved))

    found = inside.document()

    assert policy(found).endswith(
        f"frame-ancestors {inside.running.url} https://www.fernway.cz https://fernway.myshoptet.com"
    )
    assert "script-src 'self';" in policy(found)
    assert "unsafe" not in policy(found)
    assert "X-Frame-Options" not in found.headers
    assert found.headers["Referrer-Policy"] == "no-referrer"
    assert found.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in found.headers


def test_an_address_with_marks_of_a_policy_in_it_gets_into_none(inside: InsideShoptet) -> None:
    shop, world = inside.shop(), inside.desk.world
    assert shop is not None
    facts = world.runtime.connect(
        world.tx(lambda s: queries.installation(s, world.runtime.vault, world.merchant_id, shop.shop_id))
    ).installer.facts()
    evil = facts.model_copy(update={"storefront_url": "https://a.example;script-src *", "details": facts.details})
    world.tx(lambda s: commands.note_facts(s, world.merchant_id, shop.shop_id, evil))

    assert "a.example" not in policy(inside.document())


# -- bearers themselves


def test_a_bearer_reads_back_as_it_was_written() -> None:
    now = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
    made = Bearer("a" * 32, ShopId("b" * 32), StaffId("c" * 32), 3, now + timedelta(minutes=30))

    assert bearers.read(bearers.written(made, b"k"), b"k", app_key="a" * 32, now=now) == made
    with pytest.raises(SignatureInvalid):
        bearers.read(bearers.written(made, b"k"), b"k", app_key="d" * 32, now=now)
    for late in (timedelta(minutes=30), timedelta(days=1), -timedelta(hours=1)):
        with pytest.raises(SignatureInvalid):
            bearers.read(bearers.written(made, b"k"), b"k", app_key="a" * 32, now=now + late)
