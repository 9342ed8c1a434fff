"""Headers that every response carries unless a door set its own: nothing is framed, sniffed or told to strangers.

And the session cookie: bound to its host and to https wherever the server is reached by https.
"""

from collections.abc import Callable

from flask import Flask, Response, request
from flask.sessions import SecureCookieSessionInterface

CONTENT_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
OF_EVERY_ANSWER = (
    ("Content-Security-Policy", CONTENT_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)
ONE_YEAR_S = 365 * 24 * 3600
LARGEST_BODY = 2 * 1024 * 1024
COOKIE, HTTPS_COOKIE = "regulars", "__Host-regulars"


class Sessions(SecureCookieSessionInterface):
    """Asked for each request, because the owner may tell the public address while the server runs."""

    def __init__(self, public_url: Callable[[], str]) -> None:
        self._public_url = public_url

    def get_cookie_secure(self, app: Flask) -> bool:
        configured = app.config["SESSION_COOKIE_SECURE"]
        if configured is not None:
            return bool(configured)
        return request.is_secure or self._public_url().startswith("https://")

    def get_cookie_name(self, app: Flask) -> str:
        return HTTPS_COOKIE if self.get_cookie_secure(app) else COOKIE


def register(app: Flask) -> None:
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.after_request(_add_headers)


def add_sessions(app: Flask, *, public_url: Callable[[], str]) -> None:
    app.config.update(
        SESSION_COOKIE_SECURE=None,  # as the request and the public address say
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
    )
    app.session_interface = Sessions(public_url)


def _add_headers(response: Response) -> Response:
    headers = response.headers
    present = {name.lower() for name in headers.keys()}  # noqa: SIM118  (iterating gives pairs)
    headers.extend([header for header in OF_EVERY_ANSWER if header[0].lower() not in present])
    if request.is_secure:
        headers.setdefault("Strict-Transport-Security", f"max-age={ONE_YEAR_S}")
    return response
