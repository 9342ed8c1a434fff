"""A whole server as an operator starts it."""

import os
import signal
import socket
import subprocess
import sys
import time
from typing import Any

import pytest
import requests

pytestmark = pytest.mark.serial


def test_a_fresh_server_says_where_it_is_and_how_the_first_owner_comes_in(cli: Any, server_of: Any) -> None:
    server = server_of(cli).start()

    link = next(word for word in server.log.split() if "/admin/set-up/" in word)
    page = requests.get(link, timeout=10)
    code = server.stop()

    assert page.status_code == 200
    assert f"Regulars is at {server.url}" in server.log
    assert code == 0


def test_a_taken_port_is_told_in_one_line(cli: Any, server_of: Any) -> None:
    server = server_of(cli).start()

    second = cli("serve", "--port", str(server.port))

    assert (second.returncode, second.stderr.strip()) == (
        1,
        f"regulars: Port {server.port} is taken: choose another with --port",
    )


def test_a_serving_process_that_dies_is_replaced(cli: Any, server_of: Any) -> None:
    server = server_of(cli).start()
    first = serving_pid(server.url)
    time.sleep(6)  # granian takes two deaths within 5.5 s for a crash loop

    os.kill(first, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while (second := serving_pid(server.url)) in (first, 0) and time.monotonic() < deadline:
        time.sleep(0.1)

    assert second not in (first, 0)


def test_when_the_outer_process_dies_the_port_is_free_again(cli: Any, server_of: Any) -> None:
    server = server_of(cli).start()

    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
    deadline = time.monotonic() + 30
    while serving_pid(server.url) and time.monotonic() < deadline:
        time.sleep(0.1)

    assert serving_pid(server.url) == 0


def test_a_body_that_hides_its_length_is_not_read_beyond_the_limit(cli: Any, server_of: Any) -> None:
    server = server_of(cli).start()

    def pieces() -> Any:
        for _ in range(48):
            yield b"x" * 65536

    try:
        status = requests.post(
            f"{server.url}/webhooks/woocommerce/{'0' * 32}",
            data=pieces(),
            headers={"X-WC-Webhook-Signature": "x"},
            timeout=30,
        ).status_code
    except requests.ConnectionError:
        status = 413  # answered and closed while we were still sending

    assert status == 413


def test_a_worker_process_works_and_ends_when_asked(cli_on: Any) -> None:
    with (cli_on.data_dir / "worker.log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "worker"],
            env=cli_on.env,
            cwd=cli_on.data_dir,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    deadline = time.monotonic() + 60
    while "worker.started" not in (cli_on.data_dir / "worker.log").read_text() and time.monotonic() < deadline:
        time.sleep(0.1)

    worker.terminate()
    code = worker.wait(30)

    assert code == 0
    assert '"still_running": []' in (cli_on.data_dir / "worker.log").read_text()


def test_without_granian_waitress_serves(cli: Any, server_of: Any) -> None:
    block = cli.data_dir / "block"
    block.mkdir()
    (block / "granian.py").write_text("raise ImportError('not on this platform')\n")
    server = server_of(cli)
    path = f"{block}{os.pathsep}{cli.env['PYTHONPATH']}"
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "serve", "--port", str(server.port)],
        env={**cli.env, "PYTHONPATH": path},
        cwd=cli.data_dir,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for_port(server.port)
        answer = requests.get(f"{server.url}/healthz/ready", timeout=10)
    finally:
        process.kill()
        process.wait()

    assert answer.status_code == 200
    assert "waitress" not in answer.headers.get("Server", "")


def serving_pid(url: str) -> int:
    try:
        return int(requests.get(f"{url}/healthz/live", timeout=2).json()["pid"])
    except (requests.RequestException, ValueError):
        return 0


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
