"""Credentials that end: renewed once however many ask, saved before use, and never by two at a time."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session

from core.db.engine import reading, run_tx
from core.errors import Conflict, CredentialsRefused, PlatformError
from core.merchants import apps, commands
from core.merchants import queries as merchant_queries
from core.ports import Installation
from core.work import connecting
from tests.app.shopify_world import World, install, opened


@pytest.fixture
def world(migrated_url: str, tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path / "data", migrated_url) as made:
        install(made)
        yield made


def stored(world: World) -> Installation:
    with reading(world.runtime.db) as session:
        return merchant_queries.installation(session, world.runtime.vault, world.merchant_id, world.shop().shop_id)


def refreshes(world: World) -> int:
    return int(world.fake.site.tokens.refreshes)


def test_many_who_ask_at_once_renew_once_and_all_can_work(world: World) -> None:
    old = stored(world)
    world.clock.ahead += timedelta(minutes=56)
    failed: list[BaseException] = []

    def ask() -> None:
        try:
            world.runtime.connect(old).installer.facts()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert refreshes(world) == 1
    assert stored(world).credentials["access_token"] != old.credentials["access_token"]


def test_a_token_that_has_time_left_is_not_renewed(world: World) -> None:
    world.clock.ahead += timedelta(minutes=54)

    world.runtime.connect(stored(world)).installer.facts()

    assert refreshes(world) == 0


def test_while_somebody_renews_others_go_on_with_what_is_still_good(world: World) -> None:
    world.clock.ahead += timedelta(minutes=56)
    shop = world.shop()
    assert run_tx(
        world.runtime.db,
        lambda s: apps.begin_renewing(s, world.merchant_id, shop.shop_id, now=world.runtime.clock()),
    )

    world.runtime.connect(stored(world)).installer.facts()

    assert refreshes(world) == 0


def test_who_dies_while_renewing_holds_nobody_up_for_long(world: World) -> None:
    shop = world.shop()
    run_tx(
        world.runtime.db,
        lambda s: apps.begin_renewing(s, world.merchant_id, shop.shop_id, now=world.runtime.clock()),
    )
    world.clock.ahead += timedelta(minutes=58)

    world.runtime.connect(stored(world)).installer.facts()

    assert refreshes(world) == 1


def test_an_answer_that_was_lost_does_not_lose_the_shop(world: World) -> None:
    """The platform renewed, and we never heard of it: the old refresh token is still good."""
    old = stored(world)
    dealing = world.runtime.app_platform(world.app.app.platform)
    assert dealing is not None
    dealing.renewed(world.app.app, world.base_url, old.credentials, world.clock())
    world.clock.ahead += timedelta(minutes=56)

    world.runtime.connect(stored(world)).installer.facts()

    assert refreshes(world) == 2


def test_a_refused_renewal_lets_the_next_one_try(world: World) -> None:
    world.clock.ahead += timedelta(minutes=56)
    world.fake.faults.update({"refuse_tokens": True})
    with pytest.raises(PlatformError):
        world.runtime.connect(stored(world))
    world.fake.faults.clear()

    world.runtime.connect(stored(world)).installer.facts()


def test_a_shop_that_has_taken_us_off_says_what_to_do(world: World) -> None:
    world.clock.ahead += timedelta(minutes=56)
    world.fake.uninstall()

    with pytest.raises(CredentialsRefused, match=r"(?i)open"):
        world.runtime.connect(stored(world))


def test_a_shop_that_was_disconnected_meanwhile_is_given_no_new_credentials(world: World) -> None:
    shop = world.shop()
    old = stored(world).credentials
    lease = run_tx(
        world.runtime.db,
        lambda s: apps.begin_renewing(s, world.merchant_id, shop.shop_id, now=world.runtime.clock()),
    )
    assert lease is not None

    def leave(session: Session) -> None:
        commands.disconnect_shop(session, world.merchant_id, shop.shop_id, now=world.runtime.clock())
        commands.forget_credentials(session, world.merchant_id, shop.shop_id)

    def end(session: Session) -> None:
        apps.end_renewing(session, world.runtime.vault, world.merchant_id, shop.shop_id, old, lease=lease)

    run_tx(world.runtime.db, leave)
    run_tx(world.runtime.db, end)

    with pytest.raises(Conflict):
        stored(world)


def test_who_renewed_for_longer_than_the_lease_does_not_overwrite_what_came_meanwhile(world: World) -> None:
    """A merchant opens the app while a worker renews: the exchange ends the worker's pair, which must not be kept."""
    dealing, shop = world.runtime.app_platform(world.app.app.platform), world.shop()
    assert dealing is not None
    lease = run_tx(
        world.runtime.db,
        lambda s: apps.begin_renewing(s, world.merchant_id, shop.shop_id, now=world.runtime.clock()),
    )
    assert lease is not None
    late = dealing.renewed(world.app.app, world.base_url, stored(world).credentials, world.clock())
    install(world)
    good = stored(world).credentials["access_token"]

    kept = run_tx(
        world.runtime.db,
        lambda s: apps.end_renewing(s, world.runtime.vault, world.merchant_id, shop.shop_id, late, lease=lease),
    )

    assert not kept
    assert stored(world).credentials["access_token"] == good
    world.clock.ahead += timedelta(minutes=56)
    world.runtime.connect(stored(world)).installer.facts()


def test_of_two_openings_at_once_the_grant_that_ended_the_other_is_kept(world: World) -> None:
    dealing = world.runtime.app_platform(world.app.app.platform)
    assert dealing is not None
    first = dealing.grant_by_token(world.app.app, world.base_url, world.fake.session_token(), world.clock())
    world.clock.ahead += timedelta(seconds=2)
    second = dealing.grant_by_token(world.app.app, world.base_url, world.fake.session_token(), world.clock())
    connecting.by_app(world.runtime, world.app, world.base_url, second, now=world.clock())
    connecting.by_app(world.runtime, world.app, world.base_url, first, now=world.clock())

    assert stored(world).credentials["access_token"] == second["access_token"]
    world.clock.ahead += timedelta(minutes=57)
    world.runtime.connect(stored(world)).installer.facts()
