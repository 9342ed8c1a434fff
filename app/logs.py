"""Structured logs: an event name and ids on stderr. What opens a door or names a person is taken out on the way."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import structlog

REDACTED = "[redacted]"
_SECRET_WORDS = ("password", "token", "secret", "authorization", "cookie", "signature", "consumer", "credential")
_SECRET_NAMES = frozenset({"email", "key", "code", "body", "headers", "payload", "first_name", "last_name"})
_PATTERNS = (
    re.compile(r"\bc[ks]_[0-9a-zA-Z]{12,}"),  # keys of WooCommerce
    re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"),  # JSON web tokens
    re.compile(r"(?i)\bbearer\s+[\w.~+/=-]+"),
    re.compile(r"(?i)(?<=[?&])[a-z_]*(?:key|secret|token|signature|nonce|password|state)=[^&\s\"']+"),
    re.compile(r"://[^/\s:@]+:[^/\s@]+@"),  # a password in a database address
    re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"),  # e-mail addresses
)
_QUIET = ("werkzeug", "urllib3", "alembic", "sqlalchemy.engine", "_granian", "waitress")


def set_up_logs(*, level: int = logging.INFO, file: Path | None = None) -> None:
    """Everything that is logged in this process, by us or by a library, goes through one redacting line format.

    To stderr, or to a file where a person is looking at the terminal.
    """
    stream = sys.stderr if file is None else file.open("a", buffering=1, encoding="utf-8")
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, redact, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                redact,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: names that mean a secret lose their value, and texts lose what looks like one."""
    for name in list(event):
        event[name] = _clean(name, event[name])
    return event


def _clean(name: str, value: Any) -> Any:
    if _is_secret(name):
        return REDACTED
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, Mapping):
        return {str(key): _clean(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean("", item) for item in value]
    return value


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    lowered = name.lower()
    return lowered in _SECRET_NAMES or any(word in lowered for word in _SECRET_WORDS)


def clean_text(text: str) -> str:
    if text.isalnum():  # an id; each pattern needs another sign
        return text
    for pattern in _PATTERNS:
        text = pattern.sub(REDACTED, text)
    return text
