"""A web server on this machine that answers as told, and remembers what it was asked."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Asked:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class ScriptedServer:
    """Answers each request with the next of `answers`, the last one for ever: bytes, or a function given the socket."""

    answers: Sequence[bytes | Callable[[socket.socket], None]]
    tls: ssl.SSLContext | None = None
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> "ScriptedServer":
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.02)
        self._open = True
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept)
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._open = False
        self._acceptor.join()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def _accept(self) -> None:
        while self._open:
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(5)
            try:
                if self.tls:
                    with self.tls.wrap_socket(connection, server_side=True) as secured:
                        self._answer(secured)
                else:
                    self._answer(connection)
            except OSError:
                return  # the client hung up, as some tests want it to

    def _answer(self, connection: socket.socket) -> None:
        head, _, rest = self._read_until_blank(connection)
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        body = rest
        while len(body) < int(headers.get("content-length", "0")):
            body += connection.recv(65536)
        self.asked.append(Asked(method, target, headers, body))
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if callable(answer):
            answer(connection)
        else:
            connection.sendall(answer)

    @staticmethod
    def _read_until_blank(connection: socket.socket) -> tuple[bytes, bytes, bytes]:
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                raise ConnectionResetError
            data += more
        return data.partition(b"\r\n\r\n")


def answer(status: str = "200 OK", body: bytes = b"{}", *, kind: str = "application/json", headers: str = "") -> bytes:
    """A whole answer on a connection that is closed after it. `headers`: further lines, each ended."""
    length = f"Content-Length: {len(body)}\r\n"
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{length}{headers}Connection: close\r\n\r\n".encode() + body


def hang_up(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def silence(seconds: float) -> Callable[[socket.socket], None]:
    """Say nothing until the client has gone, or for so long."""

    def wait(connection: socket.socket) -> None:
        connection.settimeout(seconds)
        connection.recv(1)

    return wait


def drip(pieces: int, *, every_s: float) -> Callable[[socket.socket], None]:
    """A body that comes byte by byte, each in time."""

    def send(connection: socket.socket) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {pieces}\r\n\r\n"
        connection.sendall(head.encode())
        for _ in range(pieces):
            connection.sendall(b" ")
            time.sleep(every_s)

    return send
