"""The limit of our doors: bare Flask on the same server, with the same threads. `python -m bench.bare PORT FOLDER`.

/echo answers the bytes of FOLDER/answer.json; /intake checks an HMAC and stores one durable row, one commit per request.
"""

import hashlib
import hmac
import sqlite3
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

from flask import Flask, Response, request

from app.serving import THREADS

SECRET = b"bench"


def make(folder: Path) -> Flask:
    app = Flask("bare")
    answer = (folder / "answer.json").read_bytes()
    local, turn = threading.local(), threading.Lock()

    def connection() -> sqlite3.Connection:
        if not hasattr(local, "connection"):
            local.connection = sqlite3.connect(folder / "bare.db", isolation_level=None, timeout=30)
            local.connection.execute("PRAGMA journal_mode=WAL")
            local.connection.execute("PRAGMA synchronous=FULL")
            local.connection.execute("CREATE TABLE IF NOT EXISTS inbox (id INTEGER PRIMARY KEY, body BLOB NOT NULL)")
        found: sqlite3.Connection = local.connection
        return found

    @app.get("/echo")
    def echo() -> Response:
        return Response(answer, content_type="application/json")

    @app.post("/intake")
    def intake() -> tuple[str, int]:
        body = request.get_data()
        signed = hmac.new(SECRET, body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(signed, request.headers.get("X-Signature", "")):
            return "", 401
        with turn:  # writers of one process queue better on a lock than on the file
            connection().execute("INSERT INTO inbox (body) VALUES (?)", (body,))
        return "ok", 200

    return app


def main(port: int, folder: Path) -> None:
    from granian.server import Server

    server: Any = Server(
        target="bench.bare:make",
        address="127.0.0.1",
        port=port,
        interface="wsgi",  # type: ignore[arg-type]
        workers=1,
        blocking_threads=THREADS,
        websockets=False,
        log_enabled=False,
    )
    server.serve(target_loader=partial(_load, folder), wrap_loader=False)


def _load(folder: Path) -> Flask:
    return make(folder)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
