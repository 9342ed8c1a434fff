"""The typed GraphQL client that Shopify and Saleor share: one file per operation, one model per answer, our one transport.

    ORDER = load_operation("connectors.saleor", "order", OrderAnswer)      # connectors/saleor/operations/order.graphql
    order = client.execute(ORDER, {"id": external_id}).order

gql parses the documents and makes the payloads; connectors.transport sends them. Only queries are ever sent twice. A
mutation either succeeds, or is certainly not done (any PlatformError but one), or raises OutcomeUnknown.
"""

import json
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Generic, TypeVar

import structlog
from pydantic import BaseModel, ValidationError

from connectors.budget import FEWER_CALLS, THROTTLED, Budget, Cost, whole_seconds
from connectors.operations import Operation, Shape, UserError, load_operation, operation_text, read_operation
from connectors.transport import Answer, Call, Transport, retry_after
from core.errors import (
    CredentialsRefused,
    NotJson,
    OutcomeUnknown,
    PlatformError,
    PlatformRefused,
    RateLimited,
    ShopUnavailable,
    Unreachable,
    Unreadable,
)

__all__ = [
    "GraphQLClient",
    "Operation",
    "Partial",
    "Ratio",
    "Refusal",
    "Shape",
    "UserError",
    "load_operation",
    "operation_text",
    "read_operation",
]

log = structlog.get_logger(__name__)

_KEY_REFUSED = "The shop does not accept our key for this, or the key lacks a permission. Connect the shop again."
_NOT_JSON = "The shop answers with something else where data was due. A firewall or a proxy may be in the way."
_NOT_GRAPHQL = "The shop's answer does not have the form of a GraphQL answer. Check the address of its API."
_CRASHED = "The shop's server stopped in the middle of our call."
_INACTIVE = "The shop is not active at its platform."
_UNKNOWN = "The shop did not say whether it did what we asked."

# What a status says by itself, whatever the body.
_BY_STATUS: Mapping[int, tuple[type[PlatformError], str, str]] = {
    401: (CredentialsRefused, _KEY_REFUSED, "unauthorized"),
    402: (ShopUnavailable, "The shop is frozen at its platform until its bill is paid.", "frozen"),
    403: (CredentialsRefused, _KEY_REFUSED, "forbidden"),
    404: (ShopUnavailable, "There is no shop API at this address (any more).", "not_found"),
    413: (PlatformRefused, "Our message is larger than the shop accepts.", "too_large"),
    423: (ShopUnavailable, "The shop is locked at its platform.", "locked"),
}

# Codes of an error inside an answer: extensions.code (Shopify), extensions.exception.code (Saleor). With these nothing
# was done, except for the server's own trouble. A revoked token of Saleor is no 401 but PermissionDenied.
_INTERNAL = "INTERNAL_SERVER_ERROR"
_BY_CODE: Mapping[str, tuple[type[PlatformError], str]] = {
    "ACCESS_DENIED": (CredentialsRefused, _KEY_REFUSED),
    "ExpiredSignatureError": (CredentialsRefused, _KEY_REFUSED),
    "FORBIDDEN": (CredentialsRefused, _KEY_REFUSED),
    "InvalidSignatureError": (CredentialsRefused, _KEY_REFUSED),
    "InvalidTokenError": (CredentialsRefused, _KEY_REFUSED),
    "MAX_COST_EXCEEDED": (PlatformRefused, "Our call is larger than the shop accepts."),
    "PermissionDenied": (CredentialsRefused, _KEY_REFUSED),
    "SHOP_INACTIVE": (ShopUnavailable, _INACTIVE),
    THROTTLED: (RateLimited, FEWER_CALLS),
    "UNAUTHENTICATED": (CredentialsRefused, _KEY_REFUSED),
    _INTERNAL: (Unreachable, _CRASHED),
}
_FIELD_REFUSED = frozenset({"ACCESS_DENIED", "PermissionDenied"})

_MEDIA_TYPES = frozenset({"application/json", "application/graphql-response+json"})

T = TypeVar("T", bound=BaseModel)


class Ratio(Decimal):
    """A variable of GraphQL's own type Float, such as 0.125 for 12.5 %: a number on the wire, unlike an amount."""


@dataclass(frozen=True)
class Refusal:
    """A field that the platform keeps from us; in the data it is null."""

    path: tuple[str | int, ...]
    code: str


@dataclass(frozen=True)
class Partial(Generic[T]):
    data: T
    refusals: tuple[Refusal, ...]


class GraphQLClient:
    """Calls one shop's API at one address, over one transport; safe to share by threads.

    `headers` carry the token, which must be among the transport's `secrets`. `longest_wait_s` bounds each wait that the
    platform's throttling asks for; `tries` how often a throttled query is sent.
    """

    def __init__(
        self,
        url: str,
        transport: Transport,
        *,
        headers: Mapping[str, str],
        longest_wait_s: float = 10,
        tries: int = 3,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url = url
        self._transport = transport
        self._headers = {**headers, "Content-Type": "application/json; charset=utf-8"}
        self._longest_wait_s = longest_wait_s
        self._tries = tries
        self._sleep = sleep
        self._budget = Budget(longest_wait_s, clock=clock, sleep=sleep)

    def execute(self, operation: Operation[T], variables: Mapping[str, Any] | None = None) -> T:
        """The whole answer. Raises PlatformError, also for a refused field that the operation tolerates."""
        return self._run(operation, variables or {}, frozenset()).data

    def execute_partly(self, operation: Operation[T], variables: Mapping[str, Any] | None = None) -> Partial[T]:
        """The answer, with null and a Refusal for each field that is refused and tolerated. Raises PlatformError."""
        return self._run(operation, variables or {}, operation.tolerates)

    def raise_for(self, errors: Sequence[UserError]) -> None:
        """Raise the first of a mutation's own errors as PlatformRefused, with its code and the dotted path of the field."""
        if errors:
            first = errors[0]
            text = self._told(first.message) or first.code or "Refused."
            raise PlatformRefused(text, code=first.code, field=".".join(first.field) or None)

    def close(self) -> None:
        self._transport.close()

    def _run(
        self, operation: Operation[T], variables: Mapping[str, Any], tolerated: frozenset[tuple[str, ...]]
    ) -> Partial[T]:
        if unknown := set(variables) - operation.variables:
            raise ValueError(f"{operation.name} has no variable {', '.join(sorted(unknown))}")
        body = json.dumps({**operation.payload, "variables": _wire(variables)}, ensure_ascii=False).encode()
        reply: _Reply | None = None
        try:
            reply = self._reply_in_time(operation, body)
            refusals = self._refusals(reply, tolerated)
            return Partial(_validated(operation, reply), refusals)
        except PlatformError as problem:
            if operation.is_mutation and (_leaves_doubt(problem) or (reply is not None and _ran(reply))):
                text = f"{_UNKNOWN} {problem.message}"
                raise OutcomeUnknown(text, code=problem.code, http_status=problem.http_status) from problem
            raise

    def _reply_in_time(self, operation: Operation[Any], body: bytes) -> "_Reply":
        """The answer to the first try that is not throttled. Throttling is a refusal: nothing was done."""
        tried = 0
        while True:
            reply = self._reply(operation, body)
            throttled = any(error.code == THROTTLED for error in reply.errors)
            if not throttled or (operation.is_mutation and _ran(reply)):
                return reply
            tried += 1
            asked = reply.wait_s
            wait = 2.0 ** (tried - 1) if asked is None else asked
            if operation.is_mutation or tried >= self._tries or wait > self._longest_wait_s:
                whole = None if asked is None else whole_seconds(asked)
                raise RateLimited(FEWER_CALLS, code=THROTTLED, http_status=reply.status, retry_after_s=whole)
            self._sleep(wait)

    def _reply(self, operation: Operation[Any], body: bytes) -> "_Reply":
        held = self._budget.take(operation.name)
        cost: Cost | None = None
        try:
            call = Call("POST", self._url, self._headers, body=body, only_reads=not operation.is_mutation)
            reply = _read(self._transport.send(lambda: call))
            cost = reply.cost
        finally:
            self._budget.settle(operation.name, held, cost)
        codes = sorted({error.code for error in reply.errors})
        log.debug("graphql.answered", operation=operation.name, status=reply.status, codes=codes)
        return reply

    def _refusals(self, reply: "_Reply", tolerated: frozenset[tuple[str, ...]]) -> tuple[Refusal, ...]:
        """The refusals that are tolerated. Raises PlatformError for the first error that is not."""
        refusals = []
        for error in reply.errors:
            place = tuple(step for step in error.path if isinstance(step, str))
            if error.code not in _FIELD_REFUSED or not any(place[: len(each)] == each for each in tolerated):
                raise self._problem(error, reply)
            refusals.append(Refusal(error.path, error.code))
        if reply.status >= 400:  # a refusal without a readable reason
            raise NotJson(_NOT_JSON, code="not_json", http_status=reply.status)
        return tuple(refusals)

    def _problem(self, error: "_Error", reply: "_Reply") -> PlatformError:
        kind, text = _BY_CODE.get(error.code, (PlatformRefused, ""))
        if error.message == "Internal Server Error":  # Saleor hides its own trouble behind these words
            kind, text = _BY_CODE[_INTERNAL]
        if not text:
            text = self._told(error.message) or error.code or "Refused."
        elif error.path and kind is CredentialsRefused:
            text = f"{text} (at {self._told('.'.join(map(str, error.path)))})"
        return kind(text, code=error.code or None, http_status=reply.status)

    def _told(self, text: str) -> str:
        """The platform's own words, without our secrets, on one line."""
        return " ".join(self._transport.redacted(text).split())[:500]


def _validated(operation: Operation[T], reply: "_Reply") -> T:
    try:
        return operation.model.model_validate(reply.data)
    except ValidationError as error:
        # Place and kind only: the values may be a person's.
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        log.warning("graphql.unexpected", operation=operation.name, place=place, kind=first["type"])
    # Raised out here: inside `except` it would carry pydantic's error, which holds the values.
    text = f"The shop's answer to {operation.name} is not what was expected at {place or 'its top'}: {first['type']}."
    raise Unreadable(text, code="unexpected_shape", http_status=reply.status)


def _leaves_doubt(problem: PlatformError) -> bool:
    """Whether a mutation that ended so may have been carried out all the same: not before a connection or with a 4xx."""
    if isinstance(problem, RateLimited) or problem.code in ("not_connected", "SHOP_INACTIVE"):
        return False
    return isinstance(problem, Unreadable) and not 400 <= (problem.http_status or 0) < 500


def _ran(reply: "_Reply") -> bool:
    """Whether a mutation got further than its refusal: an error below its root, or one that is no refusal that we know.

    An error without a place comes from before the run: syntax, validation, limits.
    """
    if reply.status >= 400:
        return False
    done = isinstance(reply.data, Mapping) and any(value is not None for value in reply.data.values())
    return done or any(len(error.path) > 1 or (error.path and error.code not in _BY_CODE) for error in reply.errors)


# What an answer says -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Error:
    message: str = field(repr=False)
    code: str
    path: tuple[str | int, ...]


@dataclass(frozen=True)
class _Reply:
    status: int
    data: object = field(repr=False)
    errors: tuple[_Error, ...]
    cost: Cost | None
    asked_wait_s: int | None  # by header

    @property
    def wait_s(self) -> float | None:
        """How long until the bucket holds what was asked for; the header's wish where that is longer."""
        by_cost = None
        if self.cost is not None and self.cost.restored_per_s > 0:
            by_cost = max(0.0, self.cost.requested - self.cost.available) / self.cost.restored_per_s
        if by_cost is None or self.asked_wait_s is None:
            return self.asked_wait_s if by_cost is None else by_cost
        return max(by_cost, float(self.asked_wait_s))


def _read(answer: Answer) -> _Reply:
    status = answer.status
    body = _json(answer)
    found = body if isinstance(body, Mapping) else {}
    errors = tuple(_errors(found.get("errors")))
    if known := _BY_STATUS.get(status):
        kind, text, word = known
        raise kind(text, code=next((error.code for error in errors if error.code), word), http_status=status)
    if status >= 500:
        raise Unreachable(_CRASHED, code="crashed", http_status=status)
    if body is None:
        raise NotJson(_NOT_JSON, code="not_json", http_status=status)
    if not errors and not isinstance(found.get("data"), Mapping):
        raise Unreadable(_NOT_GRAPHQL, code="not_graphql", http_status=status)
    return _Reply(status, found.get("data"), errors, _cost(found.get("extensions")), retry_after(answer))


def _json(answer: Answer) -> object:
    """Parsed JSON in which decimals are texts as they were written; None for anything that is not whole JSON."""
    if answer.media_type not in _MEDIA_TYPES:
        return None
    try:
        found: object = json.loads(answer.body, parse_float=str, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return found


def _no_constant(name: str) -> object:
    raise ValueError(name)


def _errors(found: object) -> Iterator[_Error]:
    # Shopify answers some refusals with one text in place of the list.
    for each in found if isinstance(found, list) else [found] if found else []:
        entry = each if isinstance(each, Mapping) else {"message": each}
        path = entry.get("path")
        steps = path if isinstance(path, list) else []
        yield _Error(
            message=str(entry.get("message") or ""),
            code=_code(entry.get("extensions")),
            path=tuple(step for step in steps if isinstance(step, str | int)),
        )


def _code(extensions: object) -> str:
    """The platform's word, if it is one: it goes into logs."""
    found = extensions if isinstance(extensions, Mapping) else {}
    exception = found.get("exception")
    code = found.get("code") or (exception.get("code") if isinstance(exception, Mapping) else None)
    return code if isinstance(code, str) and re.fullmatch(r"\w{1,80}", code, re.ASCII) else ""


def _cost(extensions: object) -> Cost | None:
    """Shopify's state of the bucket; None where there is none (Saleor tells a cost, but keeps no bucket)."""
    cost = extensions.get("cost") if isinstance(extensions, Mapping) else None
    status = cost.get("throttleStatus") if isinstance(cost, Mapping) else None
    if not isinstance(cost, Mapping) or not isinstance(status, Mapping):
        return None
    requested, available = _number(cost.get("requestedQueryCost")), _number(status.get("currentlyAvailable"))
    rate, most = _number(status.get("restoreRate")), _number(status.get("maximumAvailable"))
    if requested is None or available is None or rate is None or most is None:
        return None
    return Cost(requested, available, rate, most)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _wire(value: object) -> object:
    """A variable as JSON can carry it. Decimals become texts; a float is a mistake and raises TypeError."""
    if isinstance(value, Mapping):
        return {str(name): _wire(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_wire(each) for each in value]
    if isinstance(value, Ratio):
        return float(value)  # JSON writes the shortest digits that mean it, which are its own
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date):  # and datetime
        return value.isoformat()
    if value is None or isinstance(value, str | int):
        return value
    raise TypeError(f"A {type(value).__name__} cannot be a GraphQL variable here")
