"""No row of one merchant is reachable from another (I10), not even by somebody who knows its id."""

from pathlib import Path
from typing import Any

import pytest

from core.db.engine import Database, reading, unit_of_work
from core.earning import orders as order_commands
from core.earning import queries as order_queries
from core.errors import NotFound
from core.ledger import commands as ledger
from core.ledger import queries as ledger_queries
from core.members import queries as member_queries
from core.rewards.redemption import queries as redemption_queries
from core.work import effects
from tests.core.world import World, make_world


@pytest.fixture
def ours(db: Database, tmp_path: Path) -> World:
    """A merchant with a member who has earned 500 points and redeemed 300 of them, and with another who has earned."""
    world = make_world(db, tmp_path)
    world.settle(world.shop.buy(50000, order_id="first").external_id)
    world.redeem(300)
    world.settle(world.shop.buy(10000, customer="8").external_id)
    return world


@pytest.fixture
def theirs(db: Database, tmp_path: Path) -> World:
    return make_world(db, tmp_path)


def test_what_is_asked_for_by_id_is_not_found_for_another_merchant(ours: World, theirs: World) -> None:
    member_id, other, now = ours.member(), theirs.merchant_id, ours.now
    order_id = ours.order("first").order_id
    with reading(ours.db) as session:
        (redeemed,) = redemption_queries.open_of(session, ours.merchant_id, member_id)
    attempts: dict[str, Any] = {
        "balance": lambda s: ledger_queries.balance_now(s, other, member_id, now=now),
        "member": lambda s: member_queries.member(s, other, member_id),
        "redemption": lambda s: redemption_queries.redemption(s, other, redeemed.redemption_id),
        "locked redemption": lambda s: redemption_queries.locked(s, other, redeemed.redemption_id),
        "locked order": lambda s: order_commands.locked(s, other, order_id),
        "book": lambda s: ledger.open_books(s, other, [member_id], now=now),
        "books": lambda s: ledger.open_books(s, other, [member_id, ours.member("8")], now=now),
    }

    found = []
    for name, attempt in attempts.items():
        try:
            with unit_of_work(ours.db) as session:
                attempt(session)
            found.append(name)
        except NotFound:
            pass

    assert found == []


def test_what_is_listed_for_a_member_order_or_code_is_empty_for_another_merchant(ours: World, theirs: World) -> None:
    member_id, other = ours.member(), theirs.merchant_id
    order_id = ours.order("first").order_id

    with reading(ours.db) as session:
        posting = ledger_queries.timeline(session, ours.merchant_id, member_id)[0]
        (redeemed,) = redemption_queries.open_of(session, ours.merchant_id, member_id)
        found = {
            "timeline": ledger_queries.timeline(session, other, member_id),
            "posting": ledger_queries.find_posting(session, other, member_id, posting.posting_id),
            "lots": ledger_queries.open_lots(session, other, member_id),
            "past": ledger_queries.as_of(session, other, member_id, at=ours.now).outstanding,
            "of order": ledger_queries.transfers_of_order(session, other, order_id),
            "of redemption": ledger_queries.transfers_of_redemptions(session, other, [redeemed.redemption_id])[
                redeemed.redemption_id
            ],
            "totals": ledger_queries.totals(session, other).issued,
            "order": order_queries.find(session, other, ours.shop_id, "first"),
            "by code": redemption_queries.by_code(session, other, redeemed.code),
            "open codes": redemption_queries.open_of(session, other, member_id),
            "in shop": redemption_queries.open_in_shop(session, other, ours.shop_id),
        }

    assert {name: rows for name, rows in found.items() if rows} == {}


def test_work_for_one_merchant_does_not_touch_another(ours: World, theirs: World) -> None:
    ours.redeem(100, issue=False)  # its code is still to be made
    before = ours.balance().seq
    ours.wait(days=800)

    with unit_of_work(ours.db) as session:
        swept = ledger.book_due(session, theirs.merchant_id, now=ours.now)
    ended = effects.sweep_holds(ours.runtime, theirs.merchant_id)
    ran = effects.run_due(ours.runtime, theirs.merchant_id)

    assert (swept, ended, ran) == (0, 0, False)
    with reading(ours.db) as session:
        stored = ledger_queries.timeline(session, ours.merchant_id, ours.member(), limit=1)[0].seq
    assert stored == before
