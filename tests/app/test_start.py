"""Before anything serves: migrations after a backup, one restore at a time, a link for the first owner."""

from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config

from app import backup, lock, start
from app.wiring import make_runtime
from core.db import migrate
from core.db.engine import open_database
from core.errors import ConfigurationError
from core.settings import Settings


def settings_in(folder: Path, url: str | None = None) -> Settings:
    return Settings(data_dir=folder, database_url=url)


def test_an_empty_database_is_filled_without_a_backup(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)

    done = start.bring_up_to_date(settings)
    again = start.bring_up_to_date(settings)

    assert done
    assert again == []
    assert not settings.backup_dir.exists()


def test_a_database_with_something_to_migrate_is_copied_first(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    database = open_database(settings.url)
    versions = migrate.missing(database)
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    with database.write_engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, versions[-2])
    database.close()

    done = start.bring_up_to_date(settings)

    assert done == versions[-1:]
    assert [path.name.startswith("before-upgrade-") for path in backup.newest(settings.backup_dir)] == [True]


def test_a_restore_waits_for_nobody_and_nobody_starts_during_one(tmp_path: Path) -> None:
    with lock.in_use(tmp_path), lock.in_use(tmp_path), pytest.raises(ConfigurationError, match="stop it first"):
        lock.in_use(tmp_path, alone=True).__enter__()

    with lock.in_use(tmp_path, alone=True), pytest.raises(ConfigurationError, match="restore"):
        lock.in_use(tmp_path).__enter__()


def test_the_first_owner_comes_in_by_a_link(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    start.bring_up_to_date(settings)
    runtime = make_runtime(settings, default_url="http://127.0.0.1:8000")

    link = start.set_up_link(runtime)

    assert link.startswith("http://127.0.0.1:8000/admin/set-up/")
    assert not start.has_owner(runtime)
    runtime.db.close()


def test_the_key_file_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "data")
    make_runtime(settings).db.close()
    first = settings.key_file.read_bytes()

    make_runtime(settings).db.close()

    assert settings.key_file.read_bytes() == first
    assert settings.key_file.stat().st_mode & 0o777 == 0o600


def test_a_key_file_of_something_else_is_refused(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    settings.key_file.write_text("not a key\n")

    with pytest.raises(ConfigurationError, match=r"secret\.key"):
        make_runtime(settings)


def test_the_public_address_is_the_setting_else_what_the_owner_said_else_where_we_listen(tmp_path: Path) -> None:
    from core.clock import utc_now
    from core.db.engine import run_tx
    from core.merchants import commands

    start.bring_up_to_date(settings_in(tmp_path))
    listening = make_runtime(settings_in(tmp_path), default_url="http://127.0.0.1:9")
    run_tx(listening.db, lambda s: commands.set_public_url(s, "https://told.example", now=utc_now()))
    told = make_runtime(settings_in(tmp_path), default_url="http://127.0.0.1:9")
    setting: Any = make_runtime(Settings(data_dir=tmp_path, public_url="https://set.example/"))

    assert told.public_url() == "https://told.example"
    assert setting.public_url() == "https://set.example"
    for runtime in (listening, told, setting):
        runtime.db.close()
