"""The processes of a demo: a made-up shop beside the server. Small imports only: who starts them may stay for long."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Platforms whose pages do not prove who is signed in: a code is mailed.
MAILED = frozenset({"shoptet"})
MAIL_FROM = "points@regulars.example"


def environment(data_dir: Path, public_url: str, *, smtp_port: int | None = None) -> dict[str, str]:
    """Of the processes of a demo: none of the operator's own settings may reach it. `smtp_port`: of the demo's mailbox."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REGULARS_")}
    ours = {"DATA_DIR": str(data_dir), "PUBLIC_URL": public_url, "ALLOW_LOOPBACK": "true", "DEMO": "true"}
    if smtp_port is not None:
        ours |= {"SMTP_URL": f"smtp://127.0.0.1:{smtp_port}?starttls=never", "MAIL_FROM": MAIL_FROM}
    return {**kept, **{f"REGULARS_{name}": value for name, value in ours.items()}}


def start_mailbox(
    *, port: int, smtp_port: int, env: dict[str, str], log: Path | None = None
) -> subprocess.Popen[bytes]:
    """Where the letters of a demo end, with a page that shows them."""
    return start_process(["demo.mailbox", "--port", str(port), "--smtp-port", str(smtp_port)], env=env, log=log)


def start_process(arguments: list[str], *, env: dict[str, str], log: Path | None = None) -> subprocess.Popen[bytes]:
    """A Python program of ours. Its output goes to `log`, where there is one, else where ours goes."""
    command = [sys.executable, "-m", *arguments]
    if log is None:
        return subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL)  # noqa: S603
    with log.open("wb") as out:
        return subprocess.Popen(  # noqa: S603
            command, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )


def end_process(process: subprocess.Popen[bytes], *, patience_s: float = 10) -> None:
    """Ask it to end, and after some patience make it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def running(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    try:
        yield process
    finally:
        end_process(process)
