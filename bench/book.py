"""A book that grows: the balance stays as quick to read, and a sweep costs what is due, not how many members there are.

The rows are written by plain SQL, in the shape that the product writes; no figure here depends on their hashes.
"""

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from bench.measure import Figure, compare, fresh_world, timed
from core.db.engine import reading, run_tx
from core.ledger import commands as ledger
from core.ledger import queries
from tests.core.world import World

SMALL, USUAL, LARGE = 10_000, 200_000, 10_000_000
PER_MEMBER = 10  # transfers of one member, each with a posting and a lot of its own
READS = 2000
DUE = 500


def figures(folder: Path, *, large: bool) -> list[Figure]:
    size = LARGE if large else USUAL
    few, many = _filled(folder / "few", SMALL), _filled(folder / "many", size)
    read = compare(
        f"balance read, {size:,} transfers against {SMALL:,}",
        "sqlite",
        "us",
        lambda _: (_read_time(many), _read_time(few)),
        goal="<= 1.5",
    )
    few.db.close()
    many.db.close()
    members = 1_000_000 if large else 50_000
    sweep = compare(
        f"expiry sweep of {DUE} due, {members:,} members against {members // 10:,}",
        "sqlite",
        "ms",
        lambda number: _sweep_times(folder / f"sweep{number}", members),
        goal="~ 1.0",
        runs=1 if large else 3,
    )
    return [read, sweep]


def _read_time(world: World) -> float:
    """Microseconds per balance, members in a shuffled order."""
    with reading(world.db) as session:
        count = session.connection().exec_driver_sql("SELECT count(*) FROM balances").scalar_one()
    ids = [f"{(number * 7919) % count:032x}" for number in range(READS)]

    def read_all() -> None:
        for member_id in ids:
            with reading(world.db) as session:
                queries.balance_now(session, world.merchant_id, member_id, now=world.now)  # type: ignore[arg-type]

    return timed(read_all) / READS * 1e6


def _sweep_times(folder: Path, members: int) -> tuple[float, float]:
    def sweep(world: World) -> Callable[[], None]:
        later = world.now + timedelta(days=400)

        def work() -> None:
            while run_tx(world.db, lambda session: ledger.book_due(session, world.merchant_id, now=later)):
                pass

        return work

    times = []
    for count in (members, members // 10):
        world = _filled(folder / str(count), count, per_member=1, due=DUE)
        times.append(timed(sweep(world)) * 1000)
        world.db.close()
    return times[0], times[1]


def _filled(folder: Path, transfers: int, *, per_member: int = PER_MEMBER, due: int = 0) -> World:
    """A world whose book has so many transfers. `due`: so many members have a lot that expires within a year."""
    world = fresh_world(folder)
    connection = sqlite3.connect(folder / "regulars.db", isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-400000")
    connection.execute("BEGIN")
    connection.create_function("hex32", 1, lambda number: f"{number:032x}", deterministic=True)
    values = {
        "merchant": world.merchant_id,
        "members": transfers // per_member,
        "per_member": per_member,
        "transfers": transfers,
        "at": str(world.now.replace(tzinfo=None)) + ".000000",
        "expires": str((world.now + timedelta(days=300)).replace(tzinfo=None)) + ".000000",
        "due": due,
    }
    for statement in _FILL:
        connection.execute(statement, values)
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return world


_MEMBERS = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :members)"
_TRANSFERS = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :transfers)"
_FILL = (
    f"""{_MEMBERS} INSERT INTO members (merchant_id, member_id, first_name, last_name, joined_at, joined_by,
        erasure_key_sealed) SELECT :merchant, hex32(i), '', '', :at, 'staff', 'sealed' FROM n""",
    f"""{_MEMBERS} INSERT INTO balances (merchant_id, member_id, pending, available, held, debt, seq, head, recorded_at,
        next_change_at) SELECT :merchant, hex32(i), 0, 10 * :per_member, 0, 0, :per_member, '', :at,
        CASE WHEN i < :due THEN :expires END FROM n""",
    f"""{_TRANSFERS} INSERT INTO postings (merchant_id, member_id, posting_id, seq, idempotency_key, cause, explanation,
        effective_at, recorded_at, previous_hash, hash)
        SELECT :merchant, hex32(i / :per_member), hex32(i), i % :per_member + 1, 'fill:' || i, 'order_settled', '{{}}',
        :at, :at, '', '' FROM n""",
    f"""{_TRANSFERS} INSERT INTO transfers (merchant_id, member_id, transfer_id, posting_id, position, kind, debit,
        credit, points, lot_id, effective_at, recorded_at)
        SELECT :merchant, hex32(i / :per_member), hex32(i), hex32(i), 0, 'EARN', 'ISSUED', 'AVAILABLE', 10, hex32(i),
        :at, :at FROM n""",
    f"""{_TRANSFERS} INSERT INTO lots (merchant_id, member_id, lot_id, state, points, remaining, expired, earned_at,
        expires_at, root_lot_id, posting_id)
        SELECT :merchant, hex32(i / :per_member), hex32(i), 'available', 10, 10, 0, :at,
        CASE WHEN i < :due * :per_member THEN :expires END, hex32(i), hex32(i) FROM n""",
)
