"""`python -m demo.mailbox`: a mail server that sends nothing on and shows what it was given, for letters of a demo.

It takes mail by SMTP (RFC 5321, as much of it as clients use) and shows it on a page, newest first.
"""

import argparse
import json
import socketserver
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from email import message_from_bytes, policy
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HOST = "127.0.0.1"
KEPT = 50
LONGEST_LINE, LARGEST_LETTER = 2000, 1_000_000
PAGE = """<!DOCTYPE html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="5">
<title>Mail</title><style>body{{font:1rem/1.5 system-ui;max-width:44rem;margin:2rem auto;padding:0 1rem}}
article{{border-top:1px solid #ccc;padding:1rem 0}}pre{{white-space:pre-wrap;font:inherit}}</style>
<h1>Mail of the demo</h1><p>Letters end here; nobody gets them.</p>{letters}</html>"""
LETTER = "<article><h2>{subject}</h2><p>To {to}</p><pre>{text}</pre></article>"


@dataclass(frozen=True)
class Letter:
    to: Sequence[str]
    subject: str
    text: str


class Mailbox:
    def __init__(self) -> None:
        self._letters: deque[Letter] = deque(maxlen=KEPT)

    def take(self, recipients: Sequence[str], raw: bytes) -> None:
        message = message_from_bytes(raw, policy=policy.default)
        body = message.get_body(("plain",))
        text = str(body.get_content()).replace("\r\n", "\n") if body else ""
        self._letters.appendleft(Letter(tuple(recipients), message["Subject"] or "", text))

    def letters(self) -> list[Letter]:
        """Newest first."""
        return list(self._letters)


class _Smtp(socketserver.StreamRequestHandler):
    """One connection. Whatever it is asked for and does not know it declines, and goes on."""

    box: Mailbox
    timeout = 30

    def handle(self) -> None:
        recipients: list[str] = []
        self._say("220 demo")
        while line := self.rfile.readline(LONGEST_LINE):
            verb = line[:4].upper().strip()
            if verb in (b"EHLO", b"HELO", b"NOOP", b"RSET", b"MAIL"):
                recipients = [] if verb != b"NOOP" else recipients
                self._say("250 OK")
            elif verb == b"RCPT":
                recipients.append(line.decode(errors="replace").partition(":")[2].split(">")[0].strip(" <\r\n"))
                self._say("250 OK")
            elif verb == b"DATA":
                self._say("354 Go on")
                self.box.take(recipients, self._letter())
                self._say("250 Kept")
            elif verb == b"QUIT":
                self._say("221 Bye")
                return
            else:
                self._say("502 Not here")

    def _letter(self) -> bytes:
        """Up to the line with a dot alone; a line that begins with one has another in front."""
        lines: list[bytes] = []
        size = 0
        while (line := self.rfile.readline(LONGEST_LINE)) not in (b".\r\n", b".\n", b""):
            size += len(line)
            if size <= LARGEST_LETTER:
                lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return b"".join(lines)

    def _say(self, reply: str) -> None:
        self.wfile.write(f"{reply}\r\n".encode())


class _Page(BaseHTTPRequestHandler):
    """`/` for people, `/demo/state` for programs."""

    box: Mailbox

    def do_GET(self) -> None:
        letters = self.box.letters()
        if self.path == "/demo/state":
            self._answer("application/json", json.dumps([asdict(letter) for letter in letters]))
            return
        shown = "".join(
            LETTER.format(subject=escape(each.subject), to=escape(", ".join(each.to)), text=escape(each.text))
            for each in letters
        )
        self._answer("text/html; charset=utf-8", PAGE.format(letters=shown or "<p>None yet.</p>"))

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: letters are nobody's business."""

    def _answer(self, kind: str, body: str) -> None:
        data = body.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@dataclass
class RunningMailbox:
    """A mailbox with its page at `url`, until `stop()`."""

    url: str
    smtp_port: int
    box: Mailbox
    _servers: Sequence[socketserver.BaseServer]

    def stop(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()


def start_in_thread(*, port: int = 0, smtp_port: int = 0) -> RunningMailbox:
    """0 picks a free port."""
    box = Mailbox()
    smtp = _Server((HOST, smtp_port), type("Smtp", (_Smtp,), {"box": box}))
    page = ThreadingHTTPServer((HOST, port), type("Page", (_Page,), {"box": box}))
    for server in (smtp, page):
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return RunningMailbox(f"http://{HOST}:{page.server_port}", smtp.server_address[1], box, (smtp, page))


def run(*, port: int, smtp_port: int) -> None:
    """Serve until interrupted."""
    running = start_in_thread(port=port, smtp_port=smtp_port)
    print(f"The demo's mail is shown at {running.url}", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        running.stop()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m demo.mailbox", description="Keep a demo's mail and show it.")
    parser.add_argument("--port", type=int, required=True, help="of the page")
    parser.add_argument("--smtp-port", type=int, required=True)
    given = parser.parse_args()
    run(port=given.port, smtp_port=given.smtp_port)


if __name__ == "__main__":
    main()
