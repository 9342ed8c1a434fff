"""`regulars ...` and whole servers as processes of their own, on a data directory and a database of the test's own."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import requests

from app.serving import is_free

ROOT = Path(__file__).parent.parent


def free_port() -> int:
    """A port that stays free while its server is dead: below the range from which outgoing connections take theirs."""
    while True:
        port = random.randint(20_000, 30_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


@dataclass
class Cli:
    """Runs `regulars ...`; the environment holds nothing of the operator's."""

    data_dir: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("REGULARS_")}
        return {**kept, "REGULARS_DATA_DIR": str(self.data_dir), **self.settings, "PYTHONPATH": str(ROOT)}

    def __call__(self, *arguments: str, timeout: float = 60, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "app.cli", *arguments],
            env={**self.env, **env},
            cwd=self.data_dir,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


@dataclass
class Server:
    """A whole server process group. `url` answers once `start` returned."""

    cli: Cli
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.cli.data_dir / "server.log").read_text()

    @property
    def last_words(self) -> str:
        return "\n".join(self.log.splitlines()[-20:])

    def start(self, *, wait: bool = True) -> "Server":
        with (self.cli.data_dir / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app.cli", "serve", "--port", str(self.port)],
                env=self.cli.env,
                cwd=self.cli.data_dir,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if wait:
            self.wait_until_ready()
        return self

    def wait_until_ready(self, seconds: float = 240) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if requests.get(f"{self.url}/healthz/ready", timeout=2).status_code == 200:
                    return
            except requests.RequestException:
                time.sleep(0.05)
            ended = self.process.poll() if self.process is not None else None
            assert ended is None, f"the server ended with {ended}:\n{self.last_words}"
        raise AssertionError(f"the server did not come up:\n{self.last_words}")

    def kill(self) -> None:
        """As a power cut would: every process of it at once, without a word. Its port is free again when this returns."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self._wait_for_the_port()

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(30)

    def _wait_for_the_port(self) -> None:
        """The serving child holds it, and dies only when the fsync in which it was killed comes back from the disk."""
        deadline = time.monotonic() + 60
        while not is_free("127.0.0.1", self.port):
            assert time.monotonic() < deadline, f"the port of a killed server is still held:\n{self.last_words}"
            time.sleep(0.01)
