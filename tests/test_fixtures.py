"""The fixtures themselves: databases that are each test's own, a browser that opens a page, PHP that runs."""

import subprocess
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser

from core.db.engine import Database, open_database, unit_of_work


@pytest.mark.parametrize("turn", ["first", "second"])
def test_every_test_has_a_migrated_database_of_its_own(turn: str, db: Database) -> None:
    tables = sa.inspect(db.read_engine).get_table_names()
    assert tables, "the migrations make tables"
    assert "left_by_another_test" not in tables

    with unit_of_work(db) as session:
        session.connection().exec_driver_sql("CREATE TABLE left_by_another_test (id INTEGER)")


def test_an_empty_database_is_empty(database_url: str, database_kind: str) -> None:
    database = open_database(database_url)

    tables = sa.inspect(database.read_engine).get_table_names()

    assert tables == []
    assert database.is_sqlite == (database_kind == "sqlite")
    database.close()


@pytest.mark.browser
def test_chromium_opens_a_page(chromium: Browser) -> None:
    page = chromium.new_page()
    page.set_content("<title>Regulars</title><button>Redeem</button>")

    assert page.title() == "Regulars"
    assert page.get_by_role("button", name="Redeem").is_visible()
    page.close()


def test_php_runs(php: str) -> None:
    result = subprocess.run([php, "-r", "echo 6 * 7;"], capture_output=True, text=True, check=True)

    assert result.stdout == "42"


def test_the_contracts_of_the_first_platform_are_there(contracts_dir: Path) -> None:
    assert (contracts_dir / "woocommerce").is_dir()
