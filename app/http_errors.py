"""The one table from errors to HTTP. JSON where programs ask, a plain page where people do."""

from typing import Any
from uuid import uuid4

import structlog
from flask import Flask, Response, jsonify, make_response, render_template, request
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from core import errors
from core.merchants.health import error_word

log = structlog.get_logger(__name__)

# The first that fits counts; subclasses stand before their base.
STATUS: tuple[tuple[type[errors.RegularsError], int], ...] = (
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.InvalidInput, 400),
    (errors.NotAllowed, 403),
    (errors.InsufficientPoints, 409),
    (errors.CannotRedeem, 409),
    (errors.Refused, 409),
    (errors.SignatureInvalid, 401),
    (errors.Unreadable, 503),
    (errors.PlatformError, 502),
    (errors.ConfigurationError, 500),
    (errors.LedgerCorrupt, 500),
)
# Programs ask here; everything else is asked by people.
JSON_PATHS = ("/webhooks/", "/install/", "/widget/", "/api/", "/healthz/")
RETRY_AFTER_S = 5
# PostgreSQL after a failover: this server is a standby now. The driver does not count that as operational.
READ_ONLY_SQLSTATE = "25006"


def register(app: Flask) -> None:
    app.register_error_handler(errors.RegularsError, _ours)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def status_of(error: errors.RegularsError) -> int:
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


def _ours(error: errors.RegularsError) -> Response:
    status = status_of(error)
    if status >= 500:
        log.error("request.failed", error=error_word(error), status=status, path_rule=_rule())
    message = error.message if status < 500 or isinstance(error, errors.PlatformError) else ""
    body: dict[str, Any] = {"error": error_word(error), "message": message}
    if isinstance(error, errors.CannotRedeem):
        body["reason"] = error.reason
    if isinstance(error, errors.InsufficientPoints):
        body["available"] = error.available
    if isinstance(error, errors.InvalidInput) and error.field:
        body["field"] = error.field
    answer = _answer(status, body)
    if isinstance(error, errors.PlatformError) and (status == 503 or error.retry_after_s):
        answer.headers["Retry-After"] = str(error.retry_after_s or RETRY_AFTER_S)
    return answer


def _http(error: HTTPException) -> Response:
    if error.response is not None:
        return make_response(error.response)
    status = error.code or 500
    answer = _answer(status, {"error": error.name.lower().replace(" ", "_"), "message": error.description or ""})
    for name, value in error.get_headers(request.environ):
        if name.lower() not in ("content-type", "content-length"):
            answer.headers[name] = value
    return answer


def _unexpected(error: Exception) -> Response:
    """The database away, locked or full is a reason to come back; anything else is a bug with a number to ask for."""
    if _is_database_away(error):
        log.error("database.unavailable", path_rule=_rule(), exc_info=error)
        answer = _answer(503, {"error": "unavailable", "message": "Please try again in a moment"})
        answer.headers["Retry-After"] = str(RETRY_AFTER_S)
        return answer
    number = uuid4().hex[:12]
    log.error("request.crashed", incident=number, path_rule=_rule(), exc_info=error)
    return _answer(500, {"error": "internal", "message": "Something went wrong on this server", "incident": number})


def _is_database_away(error: Exception) -> bool:
    """TimeoutError: the intake's writer is still waiting for the disk; what it writes later is a duplicate then."""
    if isinstance(error, OperationalError | PoolTimeout | TimeoutError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    return error.connection_invalidated or getattr(error.orig, "sqlstate", None) == READ_ONLY_SQLSTATE


def _answer(status: int, body: dict[str, Any]) -> Response:
    as_json = request.path.startswith(JSON_PATHS)
    answer = jsonify(body) if as_json else make_response(render_template("error.html", status=status, **body))
    answer.status_code = status
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _rule() -> str:
    """The route, never the path: paths can hold tokens."""
    return request.url_rule.rule if request.url_rule is not None else ""
