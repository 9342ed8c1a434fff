"""A made-up shop with Regulars beside it, both running: what `demo` fills and `selftest` plays on.

Everything goes the way it goes for a real merchant; what differs by platform lies in demo_<platform>.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from sqlmodel import Session

from app.wiring import make_runtime
from core.db.engine import run_tx
from core.errors import ConfigurationError, RegularsError
from core.ids import MerchantId, StaffId, new_secret
from core.merchants import commands as merchant_commands
from core.merchants import staff
from core.merchants.queries import ShopView
from core.merchants.staff import Role
from core.program import commands as program_commands
from core.program.terms import Terms, default_terms
from core.runtime import Runtime
from core.settings import Settings

OWNER_EMAIL = "owner@regulars.example"
FAVOURITE = "anna@example.com"
START_S, STEP_S = 30.0, 20.0


def settings_of(data_dir: Path, public_url: str) -> Settings:
    return Settings(
        data_dir=data_dir,
        public_url=public_url,
        allow_loopback=True,
        demo=True,
        database_url=None,
        secret_key_file=None,
        admin_url=None,
        smtp_url=None,
        smtp_url_file=None,
        mail_from=None,
        trusted_proxies=0,
        limiter_storage="memory://",
        process_roles=("web", "worker"),
    )


def wait_for(what: str, ready: Callable[[], Any], *, seconds: float = STEP_S, pause_s: float = 0.05) -> Any:
    """Ask until the answer is true, and give it back. Raises ConfigurationError with `what` when it never is."""
    deadline = time.monotonic() + seconds
    while True:
        answer = ready()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise ConfigurationError(f"{what}: not after {seconds:.0f} seconds")
        time.sleep(pause_s)


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).status_code == 200
    except requests.RequestException:
        return False


@dataclass(frozen=True)
class Door:
    """An address to open, and what is behind it."""

    label: str
    url: str
    note: str = ""


class World:
    """The shop and the server, both up, and what we do there as their owner."""

    def __init__(self, settings: Settings, *, shop_url: str, server_url: str, mail_url: str | None = None) -> None:
        self.shop_url, self.server_url, self.mail_url = shop_url, server_url, mail_url
        wait_for("The server is up", lambda: answers(f"{server_url}/healthz/ready"), seconds=START_S)
        wait_for("The shop is up", lambda: answers(f"{shop_url}/demo/state"), seconds=START_S)
        self.runtime: Runtime = make_runtime(settings, default_url=server_url)
        self.owner = requests.Session()
        self.merchant_id = MerchantId("")
        self.staff_id = StaffId("")

    def close(self) -> None:
        self.owner.close()
        self.runtime.db.close()

    def make_merchant(self, name: str) -> None:
        """A merchant with an owner, whose password nobody knows: they come in by a link."""
        now = self.runtime.clock()

        def work(session: Session) -> tuple[MerchantId, StaffId]:
            merchant_id = merchant_commands.create_merchant(session, name=name, timezone="Europe/Prague", now=now)
            person = staff.create(
                session, merchant_id, email=OWNER_EMAIL, name="Owner", role=Role.OWNER, password=new_secret(), now=now
            )
            return merchant_id, person.staff_id

        self.merchant_id, self.staff_id = run_tx(self.runtime.db, work)

    def publish(self, shop: ShopView) -> Terms:
        """A program that shows points at once: no return window, and one unit of money is enough to redeem."""
        terms = default_terms([shop.currency], timezone=shop.timezone, name="Fernway Points")
        terms = Terms.model_validate({**terms.model_dump(), "window_days": 0})
        now = self.runtime.clock()

        def work(session: Session) -> None:
            program_commands.publish(session, self.merchant_id, terms, author_id=self.staff_id, now=now)
            merchant_commands.set_launch(session, self.merchant_id, "live", now=now)

        run_tx(self.runtime.db, work)
        return terms

    def letters(self) -> list[dict[str, Any]]:
        """What was mailed, newest first. Raises ConfigurationError where no mail is."""
        if self.mail_url is None:
            raise ConfigurationError("This demo has no mailbox")
        found: list[dict[str, Any]] = requests.get(f"{self.mail_url}/demo/state", timeout=STEP_S).json()
        return found

    def shop_state(self) -> dict[str, Any]:
        found: dict[str, Any] = requests.get(f"{self.shop_url}/demo/state", timeout=STEP_S).json()
        return found


def said(error: Exception) -> str:
    """One line for a person."""
    return error.message if isinstance(error, RegularsError) else f"{type(error).__name__}: {error}"
