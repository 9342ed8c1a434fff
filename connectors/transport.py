"""Outbound HTTP for all connectors: judged addresses, time-outs, retries of reads only, no redirects, no secrets told.

A platform's client builds `Call`s and reads `Answer`s; what goes wrong below that is a PlatformError of core.errors.
"""

import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Literal
from urllib.parse import quote, quote_plus, urlsplit

import requests
import structlog
from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_attempt
from urllib3.exceptions import NameResolutionError, NewConnectionError, ReadTimeoutError

from connectors.addresses import AddressPolicy, check_url
from connectors.pinning import GuardedAdapter
from core.errors import (
    AddressChanged,
    AddressRefused,
    PlatformError,
    RateLimited,
    ShopUnavailable,
    Unreachable,
    Unreadable,
)

__all__ = ["AddressPolicy", "Answer", "Call", "Limits", "Transport", "retry_after"]

log = structlog.get_logger(__name__)

_TRY_AGAIN = frozenset({429, 502, 503, 504})
_SECRET_PARAMETER = re.compile(r"((?:[a-z_]*(?:key|secret|token|signature|nonce|password))=)[^&\s\"')]+", re.IGNORECASE)


@dataclass(frozen=True)
class Limits:
    """Seconds and bytes. `longest_wait_s`: a shop that asks for more patience gets its error at once."""

    connect_s: float = 5
    read_s: float = 30
    whole_s: float = 60
    body_bytes: int = 20 * 1024 * 1024
    tries: int = 3
    longest_wait_s: float = 10


@dataclass(frozen=True)
class Call:
    """One request, made anew for every try: signatures and their nonces are single use."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    basic_auth: tuple[str, str] | None = field(default=None, repr=False)
    body: bytes | None = field(default=None, repr=False)
    only_reads: bool = False  # a POST that changes nothing, as a GraphQL query: may be sent again like a GET

    @property
    def repeatable(self) -> bool:
        return self.method == "GET" or self.only_reads


@dataclass(frozen=True)
class Answer:
    """`headers` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True)
class _Outcome:
    answer: Answer | None = None
    problem: PlatformError | None = None
    again: bool = False


class Transport:
    """One HTTP session for one installation, safe to share by threads. `secrets` never appear in a text from here."""

    def __init__(
        self,
        policy: AddressPolicy,
        *,
        secrets: Sequence[str] = (),
        limits: Limits | None = None,
        ca_file: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._policy = policy
        self._secrets = tuple(secret for secret in secrets if secret)
        self._limits = limits or Limits()
        self._sleep = sleep
        self._session = _session(policy, ca_file)

    def send(self, make_call: Callable[[], Call]) -> Answer:
        """Send, and send what only reads again when the shop was busy or out of reach. Nothing else is ever sent twice.

        Answers below 300, and 4xx and 5xx that need the platform's own reading, come back; else raises PlatformError.
        """
        retrying = Retrying(
            stop=stop_after_attempt(self._limits.tries),
            wait=self._pause,
            retry=retry_if_result(lambda outcome: outcome.again),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
            sleep=self._sleep,
        )
        outcome: _Outcome = retrying(lambda: self._attempt(make_call()))
        if outcome.problem is not None:
            raise outcome.problem
        if outcome.answer is None:
            raise Unreachable("The shop gave no answer.")
        return outcome.answer

    def redacted(self, text: str) -> str:
        """The text without our secrets, plain or percent-encoded, and without what looks like one in an address."""
        for secret in self._secrets:
            for form in {secret, quote(secret, safe=""), quote_plus(secret)}:
                text = text.replace(form, "…")
        return _SECRET_PARAMETER.sub(r"\1…", text)

    def close(self) -> None:
        self._session.close()

    def _attempt(self, call: Call) -> _Outcome:
        try:
            check_url(call.url, self._policy)
        except AddressRefused as refusal:
            return _Outcome(problem=refusal)
        started = time.monotonic()
        parts = urlsplit(call.url)
        outcome = self._outcome(call)
        status = outcome.answer.status if outcome.answer else None
        problem = type(outcome.problem).__name__ if outcome.problem else None
        log.debug(
            "http.called",
            method=call.method,
            host=parts.hostname,
            path=parts.path,
            status=status,
            problem=problem,
            milliseconds=round((time.monotonic() - started) * 1000),
        )
        return outcome

    def _outcome(self, call: Call) -> _Outcome:
        # The problem is returned, not raised here: raised inside `except` it would carry requests' exception, whose
        # text holds the whole address with the keys in it.
        try:
            answer = self._exchange(call)
        except PlatformError as refusal:
            return _Outcome(problem=refusal)
        except requests.RequestException as error:
            problem, again = _problem_of_exception(error)
            return _Outcome(problem=problem, again=again and call.repeatable)
        found = _problem_of_status(answer)
        patient = found is not None and (found.retry_after_s or 0) <= self._limits.longest_wait_s
        again = answer.status in _TRY_AGAIN and call.repeatable and patient
        return _Outcome(answer=answer if found is None else None, problem=found, again=again)

    def _exchange(self, call: Call) -> Answer:
        deadline = time.monotonic() + self._limits.whole_s
        response = self._session.request(
            call.method,
            call.url,
            headers={"User-Agent": "Regulars", "Accept": "application/json", **call.headers},
            auth=call.basic_auth,
            data=call.body,
            timeout=(self._limits.connect_s, self._limits.read_s),
            allow_redirects=False,
            stream=True,
        )
        try:
            is_redirect = 300 <= response.status_code < 400
            body = b"" if is_redirect else self._body(response, deadline)
        finally:
            response.close()
        return Answer(response.status_code, {name.lower(): value for name, value in response.headers.items()}, body)

    def _body(self, response: requests.Response, deadline: float) -> bytes:
        chunks: list[bytes] = []
        size = 0
        for chunk in response.iter_content(64 * 1024):
            size += len(chunk)
            if size > self._limits.body_bytes:
                raise Unreadable(
                    f"The shop's answer is larger than {self._limits.body_bytes // 1024 // 1024} MB.",
                    code="too_large",
                    http_status=response.status_code,
                )
            if time.monotonic() > deadline:
                raise Unreachable("The shop's answer comes in too slowly.", code="too_slow")
            chunks.append(chunk)
        return b"".join(chunks)

    def _pause(self, state: RetryCallState) -> float:
        outcome: _Outcome | None = state.outcome.result() if state.outcome else None
        asked = outcome.problem.retry_after_s if outcome and outcome.problem else None
        grown: float = 0.3 * 2.0 ** (state.attempt_number - 1)
        return max(grown, float(asked or 0))


# What went wrong ---------------------------------------------------------------------------------------------------


def _problem_of_exception(error: requests.RequestException) -> tuple[PlatformError, bool]:
    """Our error for one of requests', and whether a read may be tried again. Never its text: that holds the address."""
    if isinstance(error, requests.exceptions.SSLError):
        text = "The shop's certificate is not valid for its address. Ask the shop's host to renew it."
        return Unreachable(text, code="tls"), False
    if isinstance(error, requests.exceptions.ReadTimeout):
        return Unreachable("The shop took too long to answer.", code="timeout"), False
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return Unreachable("The shop could not be reached in time.", code="not_connected"), True
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return AddressRefused("This is not a shop address. It looks like https://shop.example."), False
    inner = error.args[0] if error.args else None
    if isinstance(inner, ReadTimeoutError):  # in the middle of a body
        return Unreachable("The shop took too long to answer.", code="timeout"), False
    cause = getattr(inner, "reason", None)
    if isinstance(cause, NameResolutionError):
        return Unreachable("There is no such host name: check the shop's address.", code="not_connected"), True
    if isinstance(cause, NewConnectionError):
        return Unreachable("The shop cannot be reached.", code="not_connected"), True
    return Unreachable("The connection to the shop broke off.", code="broken_off"), True


def _problem_of_status(answer: Answer) -> PlatformError | None:
    wait = retry_after(answer)
    status = answer.status
    if 300 <= status < 400:
        return AddressChanged(_moved(answer), code="redirect", http_status=status)
    if status == 429:
        return RateLimited("The shop asks for fewer calls.", http_status=status, retry_after_s=wait)
    if status == 503:
        text = "The shop is closed for maintenance, or overloaded. We try again later."
        return ShopUnavailable(text, http_status=status, retry_after_s=wait)
    if status in _TRY_AGAIN:
        text = "The shop's server does not answer behind its gateway."
        return Unreachable(text, http_status=status, retry_after_s=wait)
    return None


def _moved(answer: Answer) -> str:
    """Names no more than scheme and host: the rest of a redirect's address repeats our query, with the keys in it."""
    try:
        target = urlsplit(answer.headers.get("location", ""))
        place = f"{target.scheme}://{target.hostname}" if target.scheme and target.hostname else "another address"
    except ValueError:
        place = "another address"
    return f"The shop answers with a redirect to {place}. Enter the address that the shop ends up at."


def retry_after(answer: Answer) -> int | None:
    """Seconds, from a number or from a date, which is read against the answer's own date: no clock of ours is asked."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:9]), 86_400)
    try:
        seconds = (parsedate_to_datetime(text) - parsedate_to_datetime(answer.headers["date"])).total_seconds()
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return max(0, min(int(seconds), 86_400))


class _Session(requests.Session):
    """Even when told not to follow a redirect, requests works out the next request, and reads the body for it unbounded."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None


def _session(policy: AddressPolicy, ca_file: str | None) -> requests.Session:
    session = _Session()
    session.trust_env = False  # no proxy, no .netrc: they would lead around the guard
    session.verify = ca_file or True
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.adapters.clear()
    adapter = GuardedAdapter(policy)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _without_query(record: logging.LogRecord) -> bool:
    # urllib3 logs each request's path with its query at DEBUG, and there the keys can stand.
    if isinstance(record.args, tuple):
        record.args = tuple(arg.partition("?")[0] if isinstance(arg, str) else arg for arg in record.args)
    return True


logging.getLogger("urllib3.connectionpool").addFilter(_without_query)
