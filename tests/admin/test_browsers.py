"""Remembered browsers: staff end them on the member's page, and are told where mail is missing that shoppers need."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.factory import create_app
from core.db.engine import Database, reading
from core.errors import SignatureInvalid
from core.merchants.staff import Role
from core.ports import Capability
from core.proofs import commands as proofs
from core.proofs import queries as proof_queries
from core.settings import Settings
from tests.admin.desk import Desk, make_desk, second_merchant

BY_MAIL = frozenset({Capability.MAILED_IDENTITY})
NOTICE = "this server cannot send them a code"


def with_mail(desk: Desk, folder: Path, **settings: Any) -> Desk:
    """The same world, where the platform's pages sign nothing."""
    runtime = replace(
        desk.world.runtime,
        settings=Settings(data_dir=folder, **settings),
        capabilities=lambda _platform: BY_MAIL,
    )
    desk.world.runtime = runtime
    desk.app = create_app(runtime)
    return desk


@pytest.fixture
def by_mail(db: Database, tmp_path: Path) -> Iterator[Desk]:
    desk = with_mail(make_desk(db, tmp_path), tmp_path)
    desk.world.settle(desk.world.shop.buy(4900).external_id)
    yield desk


def remember(desk: Desk) -> str:
    world = desk.world
    token: str = world.tx(
        lambda s: proofs.remember(s, world.runtime.vault, world.merchant_id, world.shop_id, "7", now=world.now)
    )
    return token


def is_known(desk: Desk, token: str) -> bool:
    world = desk.world
    with reading(world.db) as session:
        try:
            proof_queries.customer_of(
                session, world.runtime.vault, world.merchant_id, world.shop_id, token, now=world.now
            )
        except SignatureInvalid:
            return False
    return True


def test_staff_end_the_browsers_of_a_member_and_it_is_noted(by_mail: Desk) -> None:
    token, member_id = remember(by_mail), by_mail.world.member()
    browser = by_mail.browser(Role.SUPPORT)
    assert "Forget all of them" in browser.page(f"/admin/members/{member_id}")
    assert is_known(by_mail, token)

    page = browser.follow(f"/admin/members/{member_id}/browsers/end")

    assert "every browser asks this member for a new code" in page
    assert not is_known(by_mail, token)
    assert by_mail.actions()[-1] == "member.browsers_ended"


def test_nobody_ends_the_browsers_of_another_merchants_member(by_mail: Desk) -> None:
    token, member_id = remember(by_mail), by_mail.world.member()
    by_mail.people[Role.OWNER] = second_merchant(by_mail)
    stranger = by_mail.browser()

    answer = stranger.send(f"/admin/members/{member_id}/browsers/end")

    assert answer.status_code == 404
    assert is_known(by_mail, token)


def test_where_pages_sign_there_is_nothing_to_forget(desk: Desk) -> None:
    desk.world.settle(desk.world.shop.buy(4900).external_id)

    assert "Forget all of them" not in desk.browser().page(f"/admin/members/{desk.world.member()}")


def test_home_says_that_mail_is_missing_only_where_it_is_needed_and_missing(
    by_mail: Desk, db: Database, tmp_path: Path
) -> None:
    missing = by_mail.browser().page("/admin/")
    there = with_mail(by_mail, tmp_path, smtp_url="smtp://mail.example", mail_from="p@shop.example")

    assert NOTICE in missing
    assert NOTICE not in there.browser().page("/admin/")


def test_home_says_nothing_of_mail_where_pages_sign(desk: Desk) -> None:
    assert NOTICE not in desk.browser().page("/admin/")
