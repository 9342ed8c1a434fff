"""The command line: quick, and clear in one line when something is wrong."""

import time
from typing import Any

import pytest
import sqlalchemy as sa

from core.db.engine import open_database


def test_help_names_every_command_at_once(cli: Any) -> None:
    started = time.monotonic()
    result = cli("--help")
    seconds = time.monotonic() - started

    assert result.returncode == 0
    for command in ("serve", "worker", "demo", "selftest", "verify", "explain", "backfill", "reconcile", "backup"):
        assert command in result.stdout
    assert seconds < 3  # a fraction of a second on a machine with nothing else to do


def test_help_imports_neither_the_database_nor_the_web_framework(cli: Any) -> None:
    code = "import sys, app.cli; print([m for m in ('sqlalchemy', 'flask', 'alembic', 'pydantic') if m in sys.modules])"

    result = run_python(cli, code)

    assert result == "[]"


def test_the_version_is_told(cli: Any) -> None:
    result = cli("--version")

    assert result.returncode == 0
    assert result.stdout.startswith("regulars, version ") or "regulars" in result.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REGULARS_PUBLIC_URL", "shop.example"),
        ("REGULARS_TRUSTED_PROXIES", "many"),
        ("REGULARS_TRUSTED_PROXIES", "-1"),
        ("REGULARS_ALLOW_LOOPBACK", "perhaps"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_line_that_names_it(cli: Any, name: str, value: str) -> None:
    result = cli("verify", **{name: value})

    assert result.returncode != 0
    assert one_line(result.stderr).startswith(f"regulars: {name}: ")


def test_a_database_that_is_not_there_is_told_in_one_line(cli: Any) -> None:
    result = cli("verify", REGULARS_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")

    assert result.returncode == 1
    assert one_line(result.stderr).startswith("regulars: the database cannot be used")


def test_an_empty_book_is_in_order(cli_on: Any) -> None:
    result = cli_on("verify")

    assert result.returncode == 0
    assert "Every point is accounted for." in result.stdout


def test_merchants_and_staff_are_added_by_hand(cli_on: Any) -> None:
    added = cli_on("merchant", "add", "Fernway", "--timezone", "Europe/Prague")
    invited = cli_on("staff", "invite", "owner@example.com", "--role", "owner")
    again = cli_on("staff", "invite", "owner@example.com")
    reset = cli_on("staff", "reset", "owner@example.com")

    assert added.returncode == invited.returncode == reset.returncode == 0
    assert "/admin/link/" in invited.stdout
    assert "/admin/link/" in reset.stdout
    assert (again.returncode, one_line(again.stderr)[:10]) == (1, "regulars: ")


def test_what_is_meant_must_be_said_where_there_are_two_merchants(cli: Any) -> None:
    cli("merchant", "add", "One")
    cli("merchant", "add", "Two")

    result = cli("staff", "invite", "owner@example.com")

    assert result.returncode == 1
    assert "--merchant" in result.stderr


def test_an_unknown_member_cannot_be_explained(cli: Any) -> None:
    result = cli("explain", "nobody@example.com")

    assert result.returncode == 1
    assert one_line(result.stderr) == "regulars: There is no such member"


def test_the_doctor_looks_at_everything_before_the_first_start_and_after(cli: Any) -> None:
    before = cli("doctor")
    cli("verify")
    after = cli("doctor")

    assert "The database is empty" in before.stdout
    assert "up to date" in after.stdout
    assert "There is no backup yet" in after.stdout
    assert "wrong" not in after.stdout


def test_the_doctor_finds_a_key_that_others_can_read(cli: Any) -> None:
    cli("verify")
    (cli.data_dir / "secret.key").chmod(0o644)

    result = cli("doctor")

    assert result.returncode == 1
    assert "chmod 600" in result.stdout


@pytest.mark.parametrize("command", ["verify", "serve", "worker"])
def test_a_database_of_a_newer_program_is_refused_in_one_line(cli_on: Any, command: str) -> None:
    database = open_database(cli_on.settings["REGULARS_DATABASE_URL"])
    with database.write_engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()

    result = cli_on(command)

    assert result.returncode == 1
    assert "version 9999" in one_line(result.stderr)


def one_line(text: str) -> str:
    """What a person reads: the only line that is not a log line."""
    lines = [line for line in text.strip().splitlines() if not line.startswith("{")]
    assert len(lines) == 1, text
    return lines[0]


def run_python(cli: Any, code: str) -> str:
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-c", code], env=cli.env, capture_output=True, text=True, check=True)
    return done.stdout.strip()
