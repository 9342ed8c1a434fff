"""What the doors and the worker share: made once by app/, handed down, never global."""

from collections.abc import Callable
from dataclasses import dataclass

from core.clock import Clock
from core.db.engine import Database
from core.ports import AddonPlatform, AppPlatform, Capability, Connector, Installation, Platform
from core.sealing import Vault
from core.settings import Settings


@dataclass(frozen=True)
class Runtime:
    """`clock` shows the time as far as it can be believed; the first call of a process may ask the database (clock_guard).
    `connect` turns an installation into the platform's connector (connectors.registry, bound to this server's policy), and renews
    credentials that are about to end. `app_platform`, `addon_platform`: the platform as it deals with apps or
    addons, None where it knows none.
    `capabilities`: what every shop of a platform can, known without a call.
    `public_url` is where shops and shoppers reach us; it may be learnt from the owner's set-up, so it is asked each time."""

    settings: Settings
    db: Database
    vault: Vault
    clock: Clock
    connect: Callable[[Installation], Connector]
    public_url: Callable[[], str]
    app_platform: Callable[[Platform], AppPlatform | None] = lambda platform: None
    addon_platform: Callable[[Platform], AddonPlatform | None] = lambda platform: None
    capabilities: Callable[[Platform], frozenset[Capability]] = lambda platform: frozenset()
