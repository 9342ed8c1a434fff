"""What this server remembers between runs: the heartbeat, and when work that is due once a day was last done."""

from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from core.db.engine import Database, reading, run_tx
from core.merchants import commands as merchant_commands
from core.merchants import queries as merchant_queries

HEARTBEAT, CLOCK_CONFIRMED = "heartbeat", "clock_confirmed"


def fact(db: Database, name: str) -> dict[str, Any] | None:
    with reading(db) as session:
        return merchant_queries.instance_fact(session, name)


def note(db: Database, name: str, value: dict[str, Any], *, now: datetime) -> None:
    run_tx(db, lambda session: merchant_commands.note_instance_fact(session, name, value, now=now))


def take_turn(db: Database, name: str, *, every: timedelta, now: datetime) -> bool:
    """True for the one process that does this piece of work now; it is noted as done before it begins.

    A crash in the middle skips one turn: all such work is safe to skip once.
    """

    def work(session: Session) -> bool:
        last = merchant_queries.instance_fact(session, name)
        if last is not None and now - datetime.fromisoformat(last["at"]) < every:
            return False
        merchant_commands.note_instance_fact(session, name, {"at": now.isoformat()}, now=now)
        return True

    return run_tx(db, work)
