"""From settings to what everything shares: vault, database, connectors. Made once a process, never global."""

import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from threading import Lock

from app import clock_guard
from app.clock_guard import ClockGuard
from app.grants import Grants
from connectors import registry
from connectors.registry import AddressPolicy
from core.clock import Clock, utc_now
from core.db.engine import Database, open_database, reading
from core.errors import RegularsError
from core.merchants import queries as merchant_queries
from core.ports import Connector, Installation
from core.runtime import Runtime
from core.sealing import load_or_make_key
from core.settings import Settings

CONNECTORS_KEPT = 64
ADDRESS_KEPT_S = 5.0


def make_runtime(settings: Settings, *, clock: Clock = utc_now, default_url: str = "http://127.0.0.1:8000") -> Runtime:
    """Open everything. Makes the data directory and secret.key on the first start. Raises ConfigurationError.

    `clock`: the wall clock, which the runtime's clock follows for as long as it can be believed. `default_url`: where
    this server listens, for as long as nobody said where shops and shoppers reach it.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    vault = load_or_make_key(settings.key_file)
    db = open_database(settings.url)
    # A demo makes its data anew, so it has no run before.
    believed = ClockGuard(clock, last_run=lambda: None if settings.demo else clock_guard.last_run(db))
    policy = AddressPolicy(allow_loopback=settings.allow_loopback)
    renewers = partial(registry.grant_renewer, policy=policy)
    return Runtime(
        settings=settings,
        db=db,
        vault=vault,
        clock=believed,
        connect=Connectors(policy, fresh=Grants(db, vault, believed, renewers).fresh),
        app_platform=partial(registry.app_platform, policy=policy),
        addon_platform=partial(registry.addon_platform, policy=policy),
        capabilities=registry.capabilities,
        public_url=_public_url(settings, db, default_url),
    )


class Connectors:
    """Connectors by installation, the last used kept: each holds an HTTP session that is worth using again."""

    def __init__(
        self, policy: AddressPolicy, *, fresh: Callable[[Installation], Installation] = lambda given: given
    ) -> None:
        """`fresh`: makes credentials that are about to end good again."""
        self._policy = policy
        self._fresh = fresh
        self._kept: OrderedDict[str, Connector] = OrderedDict()
        self._lock = Lock()

    def __call__(self, installation: Installation) -> Connector:
        installation = self._fresh(installation)
        name = _fingerprint(installation)
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
                return self._kept[name]
        made = registry.connect(installation, policy=self._policy)
        with self._lock:
            self._kept[name] = made
            while len(self._kept) > CONNECTORS_KEPT:
                self._kept.popitem(last=False)
        return made


def _fingerprint(installation: Installation) -> str:
    """Another key, address or version makes another connector."""
    parts = [
        installation.shop_key,
        installation.platform.value,
        installation.base_url,
        sorted(installation.credentials.items()),
        installation.currency,
        installation.smallest_unit,
        installation.timezone,
        sorted(installation.details.items()),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _public_url(settings: Settings, db: Database, default_url: str) -> Callable[[], str]:
    """The setting, else what the owner confirmed at set-up (asked again after five seconds), else where we listen."""
    if settings.public_url is not None:
        url = settings.public_url
        return lambda: url
    kept: list[tuple[float, str]] = []

    def ask() -> str:
        if kept and time.monotonic() - kept[-1][0] < ADDRESS_KEPT_S:
            return kept[-1][1]
        try:
            with reading(db) as session:
                found = merchant_queries.public_url(session) or default_url
        except RegularsError:
            found = default_url
        kept[:] = [(time.monotonic(), found)]
        return found

    return ask
