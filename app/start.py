"""What happens before a server or worker works: a backup and the migrations; a link for the first owner."""

import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app import backup
from core.clock import utc_now
from core.db import migrate
from core.db.engine import open_database, reading, run_tx
from core.merchants import queries as merchant_queries
from core.merchants import staff
from core.runtime import Runtime
from core.settings import Settings

log = structlog.get_logger(__name__)

DATABASE_ERRORS = (OperationalError, PoolTimeout)


def bring_up_to_date(settings: Settings) -> list[str]:
    """Migrate the database, after a copy of one that already holds something. Returns the revisions that were run.

    Raises ConfigurationError for a database that a newer program wrote.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    db = open_database(settings.url)
    try:
        if not migrate.missing(db):
            return []
        if migrate.current(db) is not None:
            backup.make(settings, label="before-upgrade", now=utc_now())
        done = migrate.upgrade(db)
    finally:
        db.close()
    log.info("database.migrated", revisions=done)
    return done


def has_owner(runtime: Runtime) -> bool:
    """Whether somebody can sign in and invite others."""
    with reading(runtime.db) as session:
        return any(
            person.role is staff.Role.OWNER and person.active and not person.invited
            for merchant in merchant_queries.all_merchants(session)
            for person in staff.staff_list(session, merchant.merchant_id)
        )


def set_up_link(runtime: Runtime) -> str:
    """The address by which the first owner comes in; it works once."""
    token = run_tx(runtime.db, lambda session: staff.create_set_up_link(session, now=runtime.clock()))
    return f"{runtime.public_url()}/admin/set-up/{token}"


def first_line(error: Exception) -> str:
    """What the database said, without SQLAlchemy's explanations."""
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]
