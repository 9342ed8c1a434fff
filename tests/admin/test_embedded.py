"""The back office inside the Shopify admin: opening it connects the shop, and who comes in as whom."""

from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa

from core.errors import CredentialsRefused, NotAllowed, Refused
from core.merchants import apps, commands, health, queries, staff
from core.merchants.staff import Role
from tests.admin.desk import PASSWORD
from tests.admin.inside import Inside, by_hand


def test_the_first_opening_connects_the_shop_and_shows_the_guide(inside: Inside) -> None:
    assert inside.shop() is None

    page = inside.open()

    shop = inside.shop()
    assert shop is not None
    assert shop.connected
    assert f"{shop.name} is connected." in page
    assert "Set up your program" in page
    assert "Install the plugin" not in page  # the guide is about this shop, not the one of another platform
    assert inside.installation().credentials["access_token"]
    assert {"staff.met", "shop.connected"} <= set(inside.desk.actions())
    assert inside.desk.woken


def test_opening_again_asks_for_no_second_grant(inside: Inside) -> None:
    inside.open()
    before = inside.installation().credentials["refresh_token"]

    page = inside.open()

    assert "is connected." not in page
    assert inside.running.shop.site.tokens.exchanges == 1
    assert inside.installation().credentials["refresh_token"] == before


def test_a_reinstall_works_at_once(inside: Inside) -> None:
    inside.open()
    shop = inside.shop()
    assert shop is not None
    world = inside.desk.world
    inside.running.shop.uninstall()
    at = world.tx(lambda s: queries.installed_at(s, world.merchant_id, shop.shop_id))
    world.tx(lambda s: commands.shop_took_us_off(s, world.merchant_id, shop.shop_id, installed_at=at, now=world.now))

    inside.running.shop.install()
    inside.open()

    again = inside.shop()
    assert again is not None
    assert again.connected
    assert (again.shop_id, again.shop_key) == (shop.shop_id, shop.shop_key)


def test_a_reinstall_of_which_nobody_told_us_works_when_the_key_was_seen_to_be_dead(inside: Inside) -> None:
    inside.open()
    shop = inside.shop()
    assert shop is not None
    world = inside.desk.world
    inside.running.shop.uninstall()
    inside.running.shop.install()
    refused = CredentialsRefused("no longer")
    world.tx(lambda s: health.note_failure(s, world.merchant_id, shop.shop_id, refused, now=world.now))

    inside.open()

    assert inside.running.shop.site.tokens.exchanges == 2
    found = world.runtime.connect(inside.installation()).installer.facts()
    assert found.name == shop.name


def test_a_grant_that_fails_says_what_to_do_and_connects_nothing(inside: Inside) -> None:
    inside.running.shop.uninstall()

    answer = inside.document()

    assert answer.status_code == 502
    assert "Shopify" in answer.text
    assert "Try again" in answer.text
    assert inside.shop() is None
    assert "/members" not in answer.text
    assert inside.fetch("/members").status_code == 401


def test_a_token_that_only_shopify_finds_too_old_is_fetched_anew_once(inside: Inside) -> None:
    inside.running.shop.faults.clock_skew_s = 600
    first = inside.document(query={"id_token": by_hand(inside)})
    assert first.status_code == 302

    target = parse_qs(urlsplit(first.location).query)["shopify-reload"][0]
    second = inside.client.get(f"{target}&id_token={by_hand(inside)}")

    assert second.status_code == 403
    assert "Reload the page" in second.text
    assert inside.shop() is None


def test_staff_get_one_row_however_often_they_come(inside: Inside) -> None:
    inside.open()
    inside.open()
    inside.fetch("/members")

    (person,) = inside.people()
    assert person.role is Role.MANAGER
    assert person.last_signed_in_at == inside.desk.world.now
    assert inside.desk.actions().count("staff.met") == 1


def test_each_member_of_the_shops_staff_is_somebody_else(inside: Inside) -> None:
    inside.open()
    inside.document(query=inside.running.shop.launch_query(id_token=inside.token(sub="77")))

    assert len(inside.people()) == 2


def test_staff_of_the_shop_cannot_come_in_by_the_sign_in_page(inside: Inside) -> None:
    inside.open()
    (person,) = inside.people()
    world = inside.desk.world

    with pytest.raises(NotAllowed):
        world.tx(lambda s: staff.verify_password(s, person.email, PASSWORD))
    known = world.tx(lambda s: s.connection().execute(sa.text("SELECT email FROM directory_staff")).scalars().all())
    assert person.email not in known
    with pytest.raises(Refused):
        world.tx(lambda s: staff.reset(s, world.merchant_id, person.staff_id, now=world.now))
    page = inside.desk.browser().page("/admin/staff")
    assert inside.running.shop.domain in page
    assert ".invalid" not in page


def test_a_deactivated_person_is_refused(inside: Inside) -> None:
    inside.open()
    (person,) = inside.people()
    world = inside.desk.world
    world.tx(lambda s: staff.deactivate(s, world.merchant_id, person.staff_id, now=world.now))

    assert inside.document().status_code == 403
    assert inside.fetch("/members").status_code == 403
    assert inside.post("/members/export").status_code == 403


def test_a_deactivated_person_connects_nothing(inside: Inside) -> None:
    inside.open()
    (person,), shop, world = inside.people(), inside.shop(), inside.desk.world
    assert shop is not None
    world.tx(lambda s: staff.deactivate(s, world.merchant_id, person.staff_id, now=world.now))
    world.tx(lambda s: commands.disconnect_shop(s, world.merchant_id, shop.shop_id, now=world.now))

    inside.document()

    again = inside.shop()
    assert again is not None
    assert not again.connected


def test_a_shop_that_staff_disconnected_does_not_let_itself_in_again_until_it_may(inside: Inside) -> None:
    inside.open()
    shop, world = inside.shop(), inside.desk.world
    assert shop is not None
    world.tx(lambda s: commands.disconnect_shop(s, world.merchant_id, shop.shop_id, now=world.now))

    refused = inside.document()
    still = inside.shop()
    inside.desk.browser().send(f"/admin/shops/{shop.shop_id}/return")
    inside.open()
    again = inside.shop()

    assert refused.status_code == 409
    assert "disconnected in Regulars" in refused.get_data(as_text=True)
    assert still is not None and not still.connected
    assert again is not None and again.connected


def test_an_app_is_for_one_shop_and_nobody_of_another_is_known(inside: Inside) -> None:
    inside.open()
    world, (known,) = inside.desk.world, inside.people()
    app, stranger = inside.app, "https://stranger.myshopify.com"

    with pytest.raises(NotAllowed):
        world.tx(lambda s: apps.may_install(s, app, stranger))
    inside.running.shop.site.name = "stranger"
    refused = inside.document()

    assert refused.status_code == 409
    assert inside.people() == [known]


def test_a_page_that_was_open_when_the_shop_was_disconnected_does_nothing_more(inside: Inside) -> None:
    inside.open()
    shop, world = inside.shop(), inside.desk.world
    assert shop is not None
    world.tx(lambda s: commands.disconnect_shop(s, world.merchant_id, shop.shop_id, now=world.now))

    assert inside.fetch("/members").status_code == 401
    assert inside.post("/members/export").status_code == 401


def test_two_first_visits_at_once_make_one_row(inside: Inside) -> None:
    world = inside.desk.world
    of = {"base_url": inside.base_url, "user_id": "42", "name": "x", "now": world.now}

    first, is_new = world.tx(lambda s: staff.add_by_platform(s, world.merchant_id, **of, role=Role.SUPPORT))
    second, is_new_too = world.tx(lambda s: staff.add_by_platform(s, world.merchant_id, **of, role=Role.OWNER))

    assert (is_new, is_new_too) == (True, False)
    assert first == second


def test_the_role_of_the_row_counts(inside: Inside) -> None:
    inside.open()
    (person,) = inside.people()
    world = inside.desk.world
    assert inside.fetch("/program").status_code == 200

    world.tx(lambda s: staff.change_role(s, world.merchant_id, person.staff_id, Role.SUPPORT))

    assert inside.fetch("/program").status_code == 403
    assert inside.fetch("/members").status_code == 200
