"""Statements on the driver's own cursor give what SQLAlchemy would, fail as it would, and cost no more as the book grows."""

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError

from core.db import statements
from core.db.engine import Database, reading, run_tx, unit_of_work
from core.db.types import one_of, table
from core.ids import new_id
from core.ledger import commands as ledger
from core.ledger.tables import BalanceRow, PostingRow
from core.members.tables import Member
from core.merchants.tables import Merchant
from tests.core.world import World, make_world

MERCHANTS, MEMBERS, BALANCES, POSTINGS = table(Merchant), table(Member), table(BalanceRow), table(PostingRow)
_OF_MERCHANT = sa.select(BALANCES).where(BALANCES.c.merchant_id == sa.bindparam("of_merchant"))
_SOME = _OF_MERCHANT.where(one_of(BALANCES.c.member_id, "of_members")).order_by(BALANCES.c.member_id)
_POSTINGS = sa.select(POSTINGS).where(POSTINGS.c.merchant_id == sa.bindparam("of_merchant"))
_ADD = (
    sa.update(BALANCES)
    .where(BALANCES.c.merchant_id == sa.bindparam("of_merchant"), BALANCES.c.member_id == sa.bindparam("of_member"))
    .values(available=BALANCES.c.available + sa.bindparam("points"))
)
# Read whole or by merchant alone: there are only a few of them per merchant, or per statement.
FEW_ROWS = {"merchants", "program_versions", "json_each", "CONSTANT"}
WHOLE = re.compile(r"SCAN (\w+)|SEARCH (\w+) .*\(merchant_id=\?\)$")


@pytest.fixture
def world(db: Database, tmp_path: Path) -> World:
    return make_world(db, tmp_path)


def test_values_come_back_as_sqlalchemy_gives_them(world: World) -> None:
    """Ids, instants, numbers, JSON and nulls, on both engines."""
    world.settle(world.shop.buy(1200, customer="7").external_id)
    world.settle(world.shop.buy(700, customer="8").external_id)

    with reading(world.db) as session:
        asked = {"of_merchant": world.merchant_id}
        ours = {row.posting_id: row._asdict() for row in statements.rows(session, _POSTINGS, asked)}
        theirs = {row.posting_id: dict(row._mapping) for row in session.connection().execute(_POSTINGS, asked)}

    assert len(ours) == 2
    assert ours == theirs


def test_a_list_of_any_length_is_one_value(world: World) -> None:
    for customer in "789":
        world.settle(world.shop.buy(1200, customer=customer).external_id)
    with reading(world.db) as session:
        everyone = [row.member_id for row in statements.rows(session, _OF_MERCHANT, {"of_merchant": world.merchant_id})]

        def found(members: list[str]) -> list[str]:
            asked = {"of_merchant": world.merchant_id, "of_members": members}
            return [row.member_id for row in statements.rows(session, _SOME, asked)]

        assert found([]) == []
        assert found(everyone[:2]) == sorted(everyone[:2])
        assert found([*everyone, new_id()]) == sorted(everyone)


def test_writes_at_once_count_the_rows_of_each(world: World) -> None:
    world.settle(world.shop.buy(1200, customer="7").external_id)
    with unit_of_work(world.db) as session:
        mine = {"of_merchant": world.merchant_id, "points": 5}
        member_id = statements.first(session, _OF_MERCHANT, {"of_merchant": world.merchant_id}).member_id
        counts = statements.change_at_once(
            session, [(_ADD, {**mine, "of_member": member_id}), (_ADD, {**mine, "of_member": new_id()})]
        )
        after = statements.first(session, _OF_MERCHANT, {"of_merchant": world.merchant_id})

    assert counts == [1, 0]
    assert after.available == 12 + 5


def test_more_writes_than_one_statement_holds_go_in_portions(world: World) -> None:
    """PostgreSQL takes no statement of more than 1,664 writes; a backlog of expiries would have stopped its sweep for good."""
    world.settle(world.shop.buy(*[100] * 900, customer="7").external_id)
    earned = world.balance().available
    world.wait(days=400)

    run_tx(world.db, lambda session: ledger.book_due(session, world.merchant_id, now=world.now))

    assert earned == 900
    assert world.balance().available == 0
    assert world.violations() == []


@pytest.mark.parametrize("how", ["change", "together", "change_at_once"])
def test_what_the_database_refuses_is_raised_as_sqlalchemy_would_and_leaves_nothing(world: World, how: str) -> None:
    world.settle(world.shop.buy(1200, customer="7").external_id)
    with reading(world.db) as session:
        member_id = statements.first(session, _OF_MERCHANT, {"of_merchant": world.merchant_id}).member_id
    good = (_ADD, {"of_merchant": world.merchant_id, "of_member": member_id, "points": 1})
    bad = (_ADD, {"of_merchant": world.merchant_id, "of_member": member_id, "points": -1_000})

    def work(session: Any) -> None:
        if how == "change":
            statements.change(session, *good)
            statements.change(session, *bad)
        else:
            getattr(statements, how)(session, [bad, (_ADD, {**good[1], "of_member": new_id()})])

    with pytest.raises(IntegrityError, match="not_negative") as raised:
        run_tx(world.db, work)

    assert "1000" not in str(raised.value), "values are people's data and never in a message"
    with reading(world.db) as session:
        assert statements.first(session, _OF_MERCHANT, {"of_merchant": world.merchant_id}).available == 12


def test_a_naive_time_is_refused_before_it_is_stored(db: Database) -> None:
    values = {"merchant_id": new_id(), "name": "m", "timezone": "UTC", "created_at": datetime(2026, 1, 1)}  # noqa: DTZ001
    with pytest.raises(ValueError, match="naive"), unit_of_work(db) as session:
        statements.change(session, sa.insert(MERCHANTS), {**values, "launch": "draft", "pauses": []})


@pytest.mark.parametrize("database_kind", ["postgres"])
@pytest.mark.parametrize("lost", ["at first", "in the middle", "before COMMIT"])
def test_work_whose_connection_is_lost_is_done_once_more_unless_it_may_be_done_already(world: World, lost: str) -> None:
    world.settle(world.shop.buy(1200, customer="7").external_id)
    with reading(world.db) as session:
        member_id = statements.first(session, _OF_MERCHANT, {"of_merchant": world.merchant_id}).member_id
    tries = []

    def lose(session: Any, moment: str) -> None:
        if moment != lost or len(tries) > 1:
            return
        own = session.connection().execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
        with world.db.write_engine.connect() as other:
            other.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": own})

    def work(session: Any) -> None:
        tries.append(1)
        lose(session, "at first")
        statements.change(session, _ADD, {"of_merchant": world.merchant_id, "of_member": member_id, "points": 5})
        lose(session, "in the middle")
        statements.rows(session, _OF_MERCHANT, {"of_merchant": world.merchant_id})
        lose(session, "before COMMIT")

    if lost == "before COMMIT":
        with pytest.raises(DBAPIError):
            run_tx(world.db, work)
    else:
        run_tx(world.db, work)

    with reading(world.db) as session:
        after = statements.first(session, _OF_MERCHANT, {"of_merchant": world.merchant_id}).available
    assert (len(tries), after) == ((1, 12) if lost == "before COMMIT" else (2, 17))


# PostgreSQL plans by the size of tables; SQLite shows whether there is an index at all.
@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_no_statement_of_the_hot_path_reads_a_whole_table(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of many members must cost no more per order than one of few: each statement finds its rows by an index."""
    asked: dict[Any, Any] = {}
    monkeypatch.setattr(statements, "_KEPT", asked)  # what is asked from here on
    order = world.shop.buy(5000, customer="7")
    world.settle(order.external_id)
    placed = world.redeem(50)
    world.settle(world.shop.buy(3000, customer="7", code=placed.code, off=50).external_id)
    world.shop.refund(order.external_id, 1000)
    world.settle(order.external_id)

    read_whole = set()
    with world.db.read_engine.connect() as connection:
        for text in [prepared.text for prepared in asked.values()]:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", (None,) * text.count("?"))
            read_whole |= {found[1] or found[2] for row in plan if (found := WHOLE.match(row[3]))}

    assert len(asked) > 20
    assert read_whole <= FEW_ROWS
