"""Shops that have just installed us as an addon: the newest grant counts, and what cannot be asked is asked for a month."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from cryptography.fernet import Fernet
from sqlmodel import Session

from core.db.engine import Database, reading, run_tx
from core.ids import MerchantId
from core.merchants import apps, commands, installs
from core.merchants.apps import AppView
from core.merchants.installs import KEPT, Pending
from core.ports import InstalledShop, Platform
from core.sealing import Vault

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
VAULT = Vault([Fernet.generate_key()])
SHOP = InstalledShop("222651", "https://linden.example", None, {"oauth_token": "first"})


@pytest.fixture
def app(db: Database) -> AppView:
    def make(session: Session) -> AppView:
        merchant_id = commands.create_merchant(session, name="Linden", timezone="Europe/Prague", now=NOW)
        return apps.add_app(
            session, VAULT, merchant_id, platform=Platform.SHOPTET, client_id="one", secret="secret", now=NOW
        )

    return run_tx(db, make)


def install(db: Database, app: AppView, token: str, at: datetime) -> None:
    shop = replace(SHOP, credentials={"oauth_token": token})
    run_tx(db, lambda session: installs.add(session, VAULT, app, shop, now=at))


def waiting(db: Database, merchant_id: MerchantId) -> list[Pending]:
    with reading(db) as session:
        return installs.pending(session, VAULT, merchant_id)


def taken(db: Database, app: AppView, at: datetime) -> Pending | None:
    return run_tx(db, lambda session: installs.take(session, VAULT, app.merchant_id, now=at))


@pytest.mark.parametrize("order", [("first", "second"), ("second", "first")])
def test_of_two_installations_the_newer_grant_is_kept_in_whatever_order_they_end(
    db: Database, app: AppView, order: tuple[str, str]
) -> None:
    begun = {"first": NOW, "second": NOW + timedelta(seconds=1)}

    for token in order:
        install(db, app, token, begun[token])

    assert [each.credentials["oauth_token"] for each in waiting(db, app.merchant_id)] == ["second"]


def test_one_worker_at_a_time_has_it_and_an_older_one_does_not_end_a_newer_one(db: Database, app: AppView) -> None:
    install(db, app, "first", NOW)
    mine = taken(db, app, NOW)
    assert mine is not None
    assert taken(db, app, NOW) is None

    install(db, app, "second", NOW + timedelta(seconds=5))

    assert not run_tx(db, lambda session: installs.done(session, mine))
    assert len(waiting(db, app.merchant_id)) == 1


def test_it_is_tried_again_later_each_time_up_to_an_hour_and_given_up_after_a_month(db: Database, app: AppView) -> None:
    install(db, app, "first", NOW)
    at, pauses = NOW, []

    while (mine := taken(db, app, at)) is not None:
        run_tx(db, partial(installs.try_later, taken=mine, error="Unreachable", now=at))
        before = at
        while waiting(db, app.merchant_id) and taken_at(db, app) > at:
            at = taken_at(db, app)
        pauses.append(at - before)

    assert pauses[:3] == [timedelta(seconds=10), timedelta(seconds=20), timedelta(seconds=40)]
    assert max(pauses) == timedelta(hours=1)
    assert at - NOW > KEPT
    assert waiting(db, app.merchant_id) == []


def test_a_platform_that_says_when_to_come_back_is_asked_then(db: Database, app: AppView) -> None:
    install(db, app, "first", NOW)
    mine = taken(db, app, NOW)
    assert mine is not None

    run_tx(db, lambda session: installs.try_later(session, mine, error="RateLimited", retry_after_s=300, now=NOW))

    assert taken(db, app, NOW + timedelta(seconds=299)) is None
    assert taken(db, app, NOW + timedelta(seconds=300)) is not None


def taken_at(db: Database, app: AppView) -> datetime:
    """When the one that waits is due."""
    with reading(db) as session:
        found = session.connection().execute(installs.PENDING.select()).one()
    due: datetime = found.next_at
    return due
