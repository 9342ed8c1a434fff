"""Who sent a message: the shop that its address names, and what it signs by. An unknown shop is like a wrong key."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from flask import current_app, request
from sqlmodel import Session
from werkzeug.exceptions import RequestEntityTooLarge

from core.db.engine import reading, run_tx
from core.errors import InvalidInput, NotFound, SignatureInvalid
from core.ids import MerchantId, ShopId
from core.merchants import apps, health
from core.merchants import queries as merchant_queries
from core.merchants.queries import ShopView
from core.ports import Platform
from core.queue.inbox import Arrival
from core.runtime import Runtime

# What unknown shops are checked against, so that both cases do the same work; nobody signs with it.
NOBODYS_SECRET = "nobody's: the same work is done, and nothing fits"  # noqa: S105
COUNTED_EVERY = timedelta(seconds=10)
COUNTED_AT_MOST = 100


class Refusals:
    """Counts wrong signatures in memory and writes them down every ten seconds at most: floods must not write."""

    def __init__(self) -> None:
        self._counts: dict[tuple[MerchantId, ShopId], int] = {}
        self._written_at: datetime | None = None
        self._lock = Lock()

    def note(self, runtime: Runtime, shop: ShopView | None) -> None:
        if shop is None:
            return
        now = runtime.clock()
        with self._lock:
            key = (shop.merchant_id, shop.shop_id)
            self._counts[key] = self._counts.get(key, 0) + 1
            if self._written_at is not None and now - self._written_at < COUNTED_EVERY:
                return
            self._written_at = now
            counts, self._counts = self._counts, {}
        for (merchant_id, shop_id), number in counts.items():
            _write_count(runtime, merchant_id, shop_id, number, now)


@dataclass(frozen=True)
class Intake:
    """What app/ hands to this door. `write` returns when the row is durable; `wake` tells the worker of new work."""

    write: Callable[[Arrival], str]
    wake: Callable[[], None]
    refusals: Refusals = field(default_factory=Refusals)


@dataclass(frozen=True)
class Sender:
    """`shop` None: no such shop, or one that is disconnected. Then the secrets and keys are nobody's."""

    shop: ShopView | None
    secrets: Sequence[str] = field(repr=False)
    keys: Mapping[str, str] = field(repr=False)


def runtime() -> Runtime:
    found: Runtime = current_app.extensions["regulars"]
    return found


def intake() -> Intake:
    found: Intake = current_app.extensions["regulars.intake"]
    return found


def known_platform(name: str) -> Platform:
    """Raises NotFound: which platforms there are is no secret."""
    try:
        return Platform(name)
    except ValueError:
        raise NotFound("There is no such platform") from None


def find(platform: Platform, shop_key: str) -> Sender:
    """The connected shop that an address names: with the secrets of its webhooks, and the keys of our plugin there."""
    here = runtime()
    with reading(here.db) as session:
        door = merchant_queries.door_by_key(session, shop_key)
    if door is None or not door.shop.connected or door.shop.platform != platform:
        return Sender(None, secrets=(NOBODYS_SECRET,), keys={"nobody": NOBODYS_SECRET})
    return Sender(door.shop, secrets=door.webhook_secrets(here.vault), keys=door.plugin_keys(here.vault))


def find_by_app(platform: Platform, app_key: str, headers: Mapping[str, str], body: bytes) -> Sender:
    """The shop of an app's message: the app by the address, the shop by what the message says of itself.

    The same work is done for an app that does not exist. A shop that took the app off still tells whose data to erase.
    """
    here = runtime()
    known = here.app_platform(platform)
    with reading(here.db) as session:
        app = apps.app_by_key(session, here.vault, app_key)
        nobody = Sender(None, secrets=app.app.secrets if app else (NOBODYS_SECRET,), keys={})
        if app is None or known is None or app.app.platform is not platform:
            return nobody
        try:
            shop = apps.shop_of(session, app, known.shop_of_message(headers, body))
        except SignatureInvalid:
            return nobody
    return nobody if shop is None else Sender(shop, secrets=app.app.secrets, keys={})


def find_by_addon(platform: Platform, app_key: str, body: bytes) -> Sender:
    """The shop of an addon's message, as above: the platform signs with the secret that it made for the shop."""
    here = runtime()
    known = here.addon_platform(platform)
    nobody = Sender(None, secrets=(NOBODYS_SECRET,), keys={})
    with reading(here.db) as session:
        app = apps.app_by_key(session, here.vault, app_key)
        if app is None or known is None or app.app.platform is not platform:
            return nobody
        try:
            shop = apps.shop_by_platform_id(session, app, known.shop_of_message(body))
        except InvalidInput:
            return nobody
        if shop is None:
            return nobody
        secrets = merchant_queries.webhook_secrets(session, here.vault, shop.merchant_id, shop.shop_id)
    return Sender(shop, secrets=secrets or (NOBODYS_SECRET,), keys={})


def whole_body() -> bytes:
    """The raw bytes. Raises RequestEntityTooLarge, also for a body that did not say how long it is: Flask cuts those off."""
    body = request.get_data(cache=False)
    limit = request.max_content_length
    if limit is not None and request.content_length is None and len(body) >= limit:
        raise RequestEntityTooLarge
    return body


def lower_case_headers() -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def _write_count(runtime: Runtime, merchant_id: MerchantId, shop_id: ShopId, number: int, now: datetime) -> None:
    def work(session: Session) -> None:
        for _ in range(min(number, COUNTED_AT_MOST)):
            health.note_bad_signature(session, merchant_id, shop_id, now=now)

    run_tx(runtime.db, work)
