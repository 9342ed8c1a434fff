"""`verify` finds what was changed behind the ledger's back, and the database itself refuses to change history."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import SQLModel

from core.db.engine import Database, reading, unit_of_work
from core.earning import orders
from core.earning.orders import Decision
from core.ledger import queries as ledger_queries
from core.merchants import audit
from core.verify import Report, verify
from tests.core.world import World, make_world


@pytest.fixture
def world(db: Database, tmp_path: Path) -> World:
    world = make_world(db, tmp_path, window_days=2)
    world.settle(world.shop.buy(5000, 3000, order_id="a").external_id)
    world.wait(days=4)
    world.settle(world.shop.buy(2000, order_id="b").external_id)
    world.redeem(30)
    said = {"actor_kind": "system", "actor_id": None, "action": "test", "subject": "", "details": {}}
    world.tx(lambda session: audit.record(session, world.merchant_id, now=world.now, **said))
    assert world.violations() == []
    return world


def test_an_order_on_which_staff_have_just_decided_waits_and_is_no_violation(world: World) -> None:
    order_id, decision = world.order("b").order_id, Decision(kind="exclude", reason="fraud")
    world.tx(lambda session: orders.decide(session, world.merchant_id, order_id, decision, now=world.now))

    before = verified(world)
    world.work()
    after = verified(world)

    assert (before.violations, len(before.awaiting)) == ([], 1)
    assert order_id in before.awaiting[0]
    assert (after.violations, after.awaiting) == ([], [])


def test_a_decision_that_nobody_asked_to_be_read_for_is_a_violation(world: World) -> None:
    with unit_of_work(world.db) as session:
        tampered = sa.text(
            """UPDATE orders SET decision = '{"kind": "exclude", "reason": "fraud"}' WHERE number = 'b'"""
        )
        assert session.connection().execute(tampered).rowcount == 1

    assert len(verified(world).violations) == 1


def verified(world: World) -> Report:
    with reading(world.db) as session:
        return verify(session, world.runtime.vault, world.merchant_id)


@pytest.mark.parametrize("table", ["postings", "transfers", "audit_entries"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET recorded_at = recorded_at", "DELETE FROM {}"])
def test_history_cannot_be_changed_by_sql(world: World, table: str, verb: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"), unit_of_work(world.db) as session:
        session.connection().execute(sa.text(verb.format(table)))


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE balances SET available = available + 1",
        "UPDATE balances SET seq = seq + 1",
        "UPDATE lots SET remaining = remaining - 1 WHERE state = 'available' AND remaining > 1",
        "UPDATE lots SET expires_at = NULL",
        "UPDATE lots SET state = 'available' WHERE state = 'pending'",
        "UPDATE balances SET next_change_at = NULL",
        "UPDATE orders SET target_points = target_points + 1",
        "UPDATE redemptions SET state = 'captured'",
        "UPDATE redemptions SET points = points + 1",
        "UPDATE postings SET explanation = '{}' WHERE seq = 1",
        "UPDATE transfers SET points = points + 1 WHERE kind = 'earn'",
        "UPDATE transfers SET kind = 'adjust' WHERE kind = 'hold'",
        "DELETE FROM transfers WHERE kind = 'mature'",
        "UPDATE postings SET recorded_at = '2020-01-01 00:00:00' WHERE seq = 2",
    ],
)
def test_whatever_is_tampered_with_is_found(world: World, tampering: str) -> None:
    with unit_of_work(world.db) as session:
        connection = session.connection()
        for name in ("postings", "transfers"):
            if world.db.is_sqlite:
                for action in ("update", "delete"):
                    connection.execute(sa.text(f"DROP TRIGGER {name}_no_{action}"))
            else:
                connection.execute(sa.text(f"DROP TRIGGER {name}_append_only ON {name}"))
        connection.execute(sa.text(tampering))

    assert world.violations() != []


@pytest.mark.parametrize(
    ("rows", "changed"),
    [
        ("postings", {"posting_id": "0" * 32, "seq": 999}),  # a second effect under one idempotency key
        (
            "postings",
            {"posting_id": "0" * 32, "idempotency_key": "another"},
        ),  # a second posting at one place of a chain
        ("orders", {"order_id": "0" * 32}),  # a second row for one order of a shop
        ("redemptions", {"redemption_id": "0" * 32, "code": "ANOTHER"}),  # a second redemption under one key
        ("redemptions", {"redemption_id": "0" * 32, "idempotency_key": "another"}),  # a second one with the same code
    ],
)
def test_the_database_itself_refuses_a_second_row_where_there_can_be_one(
    world: World, rows: str, changed: dict[str, Any]
) -> None:
    target = SQLModel.metadata.tables[rows]
    with reading(world.db) as session:
        row = dict(session.connection().execute(sa.select(target)).mappings().first() or {})

    with pytest.raises(IntegrityError, match=r"(?i)unique"), unit_of_work(world.db) as session:
        session.connection().execute(sa.insert(target).values({**row, **changed}))


@pytest.mark.parametrize(
    "impossible",
    [
        "UPDATE balances SET available = -1",
        "UPDATE balances SET pending = -1",
        "UPDATE balances SET held = -1",
        "UPDATE balances SET debt = 1, available = 0",
        "UPDATE balances SET debt = -1",  # while there are points available
        "UPDATE lots SET remaining = points + 1",
        "UPDATE lots SET remaining = -1",
        "UPDATE lots SET expired = -1",
    ],
)
def test_the_database_itself_refuses_balances_and_lots_that_cannot_be(world: World, impossible: str) -> None:
    with pytest.raises(IntegrityError, match=r"(?i)check"), unit_of_work(world.db) as session:
        session.connection().execute(sa.text(impossible))


def test_a_balance_is_explained_at_any_past_moment(world: World) -> None:
    member_id = world.member()
    with reading(world.db) as session:

        def at(**ago: float) -> int:
            moment = world.now - timedelta(**ago)
            return ledger_queries.as_of(session, world.merchant_id, member_id, at=moment).outstanding

        entries = ledger_queries.timeline(session, world.merchant_id, member_id)
        earlier = ledger_queries.timeline(session, world.merchant_id, member_id, before_seq=entries[1].seq, limit=1)

    assert (at(days=5), at(days=3), at()) == (0, 80, 100)
    assert [entry.after.outstanding for entry in entries] == [100, 100, 80, 80, 80]
    assert (entries[0].after.available, entries[0].after.pending, entries[0].after.held) == (50, 20, 30)
    assert earlier[0].posting_id == entries[2].posting_id


def test_reading_a_balance_writes_nothing(world: World) -> None:
    before = world.balance().seq
    world.wait(days=800)

    assert world.points() == (0, 0, 30, 0)
    with reading(world.db) as session:
        stored = session.connection().execute(sa.text("SELECT seq FROM balances")).scalar()
    assert stored == before
