"""The migrations make exactly the tables that the code works with, on both engines, and refuse a newer database."""

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlmodel import SQLModel

# every table module, so that the metadata is whole
import core.earning.tables
import core.ledger.tables
import core.mail.tables
import core.members.tables
import core.merchants.tables
import core.program.tables
import core.proofs.tables
import core.queue.tables
import core.rewards.redemption.tables  # noqa: F401
from core.db.engine import open_database
from core.db.migrate import current, missing, upgrade
from core.errors import ConfigurationError

DIRECTORY = {"directory_apps", "directory_shops", "directory_staff", "directory_tokens", "instance_facts"}


def test_migrated_tables_are_those_of_the_code(database_url: str) -> None:
    db = open_database(database_url)

    upgrade(db)

    with db.read_engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []
    assert upgrade(db) == []
    db.close()


def test_a_database_written_by_a_newer_program_is_refused(database_url: str) -> None:
    db = open_database(database_url)
    upgrade(db)
    with db.write_engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))

    assert current(db) == "9999"
    with pytest.raises(ConfigurationError, match="newer"):
        missing(db)
    with pytest.raises(ConfigurationError, match="newer"):
        upgrade(db)
    db.close()


def test_the_merchant_leads_every_key_and_foreign_key() -> None:
    for table in SQLModel.metadata.tables.values():
        if table.name in DIRECTORY:
            continue
        assert next(iter(table.primary_key.columns)).name == "merchant_id", table.name
        for constraint in table.constraints:
            if isinstance(constraint, sa.UniqueConstraint | sa.ForeignKeyConstraint):
                assert next(iter(constraint.columns)).name == "merchant_id", (table.name, constraint)
        for index in table.indexes:
            assert next(iter(index.columns)).name == "merchant_id", (table.name, index.name)
