"""Bring a database to this program's version. Forward only: the way back is a backup and the program of before."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from core.db.engine import Database
from core.errors import ConfigurationError

if TYPE_CHECKING:
    from alembic.config import Config

# One lock for all processes that start at once on one PostgreSQL database.
_MIGRATION_LOCK = 7_210_734


def upgrade(db: Database) -> list[str]:
    """Run what is missing, all of it or nothing. Returns the revisions run.

    Raises ConfigurationError when the database was written by a newer program.
    """
    from alembic import command

    config = _config()
    with db.writer_turn(), db.write_engine.begin() as connection:
        if not db.is_sqlite:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        before = _current(connection)
        todo = _missing(config, before)
        if todo:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    return todo


def current(db: Database) -> str | None:
    """The revision that the database is at; None for an empty one."""
    with db.read_engine.connect() as connection:
        return _current(connection)


def missing(db: Database) -> list[str]:
    """The revisions that `upgrade` would run, oldest first. Raises ConfigurationError for a newer database."""
    return _missing(_config(), current(db))


def _current(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _missing(config: "Config", revision: str | None) -> list[str]:
    from alembic.script import ScriptDirectory

    known = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][::-1]
    if revision is None:
        return known
    if revision not in known:
        raise ConfigurationError(
            f"The database is at version {revision}, which this program does not know: it was written by a newer one. "
            "Install the newer program, or restore a backup made before the upgrade."
        )
    return known[known.index(revision) + 1 :]


def _config() -> "Config":
    from alembic.config import Config

    config: Any = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config  # type: ignore[no-any-return]
