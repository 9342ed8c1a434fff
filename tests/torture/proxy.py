"""A small TCP proxy that spoils connections on purpose. `fault` says how; a new value also reaches the connections that are open."""

import contextlib
import random
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

# delayed: every piece waits a moment. cut: the request goes through, its answer is lost and the line breaks.
# half_open: the request goes through, then silence. slow: the answer comes in drops. 429, 503: the shop's own words.
Fault = Literal["", "delayed", "cut", "half_open", "slow", "429", "503"]
FAULTS: tuple[Fault, ...] = ("delayed", "cut", "half_open", "slow", "429", "503")
DROP = 64
DELAY_S = 0.02
RETRY_AFTER_S = 20
RESET = struct.pack("ii", 1, 0)


@dataclass
class Proxy:
    """Listens at `port` and speaks to `target`. `share`: how many of the connections the fault meets, 0 to 1."""

    target: tuple[str, int]
    dice: random.Random
    fault: Fault = ""
    share: float = 1.0
    met: dict[str, int] = field(default_factory=dict)  # how often each fault has done its work
    port: int = 0
    _listener: socket.socket = field(default_factory=socket.socket)
    _open: set[socket.socket] = field(default_factory=set)
    _closed: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    def break_all(self) -> None:
        """Every connection that is open ends with a reset, on both sides."""
        for one in list(self._open):
            self._reset(one)

    def heal(self) -> None:
        """No fault any more; what hung in one is let go."""
        self.fault = ""
        self.break_all()

    def stop(self) -> None:
        self._closed.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.break_all()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), name="proxied", daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            upstream = socket.create_connection(self.target, timeout=30)
            upstream.settimeout(None)
            for one in (client, upstream):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._open.add(one)
            threading.Thread(target=self._requests, args=(client, upstream), name="proxied", daemon=True).start()
            self._answers(client, upstream)
        self._end(client)

    def _requests(self, client: socket.socket, upstream: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := client.recv(65536):
                fault = self._chosen()
                if fault in ("429", "503"):
                    self._note(fault)
                    client.sendall(_refusal(fault))
                    break
                if fault == "delayed":
                    self._note(fault)
                    time.sleep(DELAY_S)
                upstream.sendall(piece)
        self._end(upstream)

    def _answers(self, client: socket.socket, upstream: socket.socket) -> None:
        silent = False
        while piece := upstream.recv(65536):
            fault = self._chosen()
            if fault == "cut":
                self._note(fault)
                self._reset(client)
                self._reset(upstream)
                return
            if fault == "half_open":
                self._note(fault)
                silent = True
            if silent:
                continue
            if fault == "slow":
                self._note(fault)
                self._drip(client, piece)
                continue
            client.sendall(piece)
        while silent and self.fault == "half_open" and not self._closed.wait(0.05):
            pass  # the other side hung up: whoever waits here is not told

    def _drip(self, client: socket.socket, piece: bytes) -> None:
        for start in range(0, len(piece), DROP):
            client.sendall(piece[start : start + DROP])
            if self.fault == "slow":
                time.sleep(DELAY_S / 4)

    def _chosen(self) -> Fault:
        return self.fault if self.fault and self.dice.random() < self.share else ""

    def _note(self, fault: str) -> None:
        self.met[fault] = self.met.get(fault, 0) + 1

    def _end(self, one: socket.socket) -> None:
        self._open.discard(one)
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()

    def _reset(self, one: socket.socket) -> None:
        """Only the reading side is shut: that wakes the thread that reads, and the close then says RST and not good-bye."""
        self._open.discard(one)
        with contextlib.suppress(OSError):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            one.shutdown(socket.SHUT_RD)
        one.close()


def _refusal(status: str) -> bytes:
    head = f"HTTP/1.1 {status} No\r\nRetry-After: {RETRY_AFTER_S}\r\nContent-Length: 2\r\nConnection: close\r\n"
    return f"{head}Content-Type: application/json\r\n\r\n{{}}".encode()


@contextmanager
def proxied(host: str, port: int, *, seed: int) -> Iterator[Proxy]:
    proxy = Proxy((host, port), random.Random(seed))
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
