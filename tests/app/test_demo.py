"""The demo and the self-test as a person starts them; both leave nothing running."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.serial

PATIENCE_S = 240


@pytest.mark.parametrize("platform", ["woocommerce", "shoptet"])
def test_the_selftest_plays_the_whole_job(cli: Any, platform: str) -> None:
    result = cli("selftest", "--platform", platform, timeout=PATIENCE_S)

    assert result.returncode == 0, result.stdout + result.stderr
    assert "WRONG" not in result.stdout
    assert "Everything is right." in result.stdout
    assert nothing_runs_on(result.args)


def test_the_demo_answers_at_every_address_and_ends(cli: Any) -> None:
    result = cli("demo", "--check", "--port", "18400", timeout=PATIENCE_S)

    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count("\nok") >= 3
    assert "FAILED" not in result.stdout
    assert (cli.data_dir / "demo" / "regulars.db").exists()
    assert not (cli.data_dir / "regulars.db").exists()
    log = (cli.data_dir / "demo" / "server.log").read_text()
    assert "shop.connected" in log
    for secret in ("@example.com", "@regulars.example", "ck_", "cs_", "eyJ", "Nov"):
        assert secret not in log.replace("Nov ", "")


def test_ctrl_c_ends_everything_and_what_is_left_can_be_removed(cli: Any) -> None:
    with (cli.data_dir / "out").open("wb") as out:
        demo = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "demo", "--port", "18500"],
            env=cli.env,
            cwd=cli.data_dir,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    deadline = time.monotonic() + PATIENCE_S
    while b"Back office" not in (cli.data_dir / "out").read_bytes() and time.monotonic() < deadline:
        time.sleep(0.2)
    busy = cli("demo", "--reset")

    os.killpg(demo.pid, signal.SIGINT)
    demo.wait(60)

    assert (busy.returncode, busy.stderr.strip()) == (1, "regulars: Regulars is running: stop it first")
    assert group_is_empty(demo.pid), (cli.data_dir / "out").read_text()
    assert cli("demo", "--reset").returncode == 0
    assert not (cli.data_dir / "demo").exists()


def test_a_folder_that_is_no_demo_is_never_removed(cli: Any) -> None:
    mine = cli.data_dir / "demo"
    mine.mkdir()
    (mine / "precious").touch()

    result = cli("demo", "--reset")

    assert result.returncode == 1
    assert (mine / "precious").exists()


def group_is_empty(group: int, *, seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def nothing_runs_on(_arguments: object) -> bool:
    """No server of the self-test's own folders is left."""
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if b"regulars-selftest-" in entry.read_bytes():
                return False
        except OSError:
            continue
    return True
