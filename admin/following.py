"""Redirects without a browser: the answer is the page that a redirect leads to, with the words that were said on the way.

Outside, a cookie carries what one page tells the next. Inside a platform's own admin there are none, and none are needed:
the session lives as long as the request, and the request goes on until there is a page.
"""

import io
from collections.abc import Iterable
from typing import Any, cast
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask, Request, Response
from flask.sessions import SessionInterface, SessionMixin
from werkzeug.datastructures import Headers

# Set by whoever has proven who asks. Who is not proven is sent for a proof, and has to go there.
PROVEN = "regulars.proven"
_SESSION = "regulars.session"
_MOST = 3


class _Kept(dict[str, Any], SessionMixin):
    pass


class OneRequest(SessionInterface):
    """A session that is never sent anywhere."""

    def open_session(self, app: Flask, request: Request) -> _Kept:
        return cast(_Kept, request.environ.setdefault(_SESSION, _Kept()))

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        pass


class Following:
    """Around an application that is mounted somewhere: redirects inside of it are followed, others are passed on.

    `Content-Location` then says which page it is.
    """

    def __init__(self, inner: WSGIApplication) -> None:
        self._inner = inner

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        address = None
        body, status, headers = self._ask(environ)
        for _ in range(_MOST):
            following = headers.get("Location", "")
            if status[:1] != "3" or PROVEN not in environ or not following.startswith(environ["SCRIPT_NAME"] + "/"):
                break
            _close(body)
            address, environ = following, _asking_for(environ, following)
            body, status, headers = self._ask(environ)
        if address is not None:
            headers["Content-Location"] = address
        start_response(status, headers.to_wsgi_list())
        return body

    def _ask(self, environ: WSGIEnvironment) -> tuple[Iterable[bytes], str, Headers]:
        answered: list[tuple[str, Headers]] = []

        def take(status: str, headers: list[tuple[str, str]], *_: object) -> Any:
            answered.append((status, Headers(headers)))

        body = self._inner(environ, take)  # Flask has called `take` by then
        return body, *answered[-1]


def _asking_for(environ: WSGIEnvironment, address: str) -> WSGIEnvironment:
    """A GET by the same person, of an address as `redirect` writes it."""
    path, _, query = address.partition("#")[0].partition("?")
    dropped = ("CONTENT_TYPE", "CONTENT_LENGTH", "werkzeug.request")
    return {
        **{name: value for name, value in environ.items() if name not in dropped},
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path.removeprefix(environ["SCRIPT_NAME"]),
        "QUERY_STRING": query,
        "wsgi.input": io.BytesIO(),
    }


def _close(body: Iterable[bytes]) -> None:
    close = getattr(body, "close", None)
    if close is not None:
        close()
