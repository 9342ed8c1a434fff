"""A made-up shop with Regulars beside it, both running: what `demo` fills and `selftest` plays on.

Everything goes the way it goes for a real merchant: the owner approves us on the shop's own page, the shop hands over
keys, webhooks are registered by the server, the plugin is paired by a code.
"""

import html
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import requests
from sqlmodel import Session

from app.wiring import make_runtime
from connectors import registry
from core.db.engine import reading, run_tx
from core.errors import ConfigurationError, RegularsError
from core.ids import MerchantId, StaffId, new_secret
from core.merchants import commands as merchant_commands
from core.merchants import queries as merchant_queries
from core.merchants import staff
from core.merchants.queries import ShopView
from core.merchants.staff import Role
from core.ports import Platform
from core.program import commands as program_commands
from core.program.terms import Terms, default_terms
from core.runtime import Runtime
from core.settings import Settings

PLATFORM = Platform.WOOCOMMERCE
OWNER_EMAIL = "owner@regulars.example"
START_S, STEP_S = 30.0, 20.0
_APPROVE = re.compile(r'href="([^"]*access_granted[^"]*)"')


def settings_of(data_dir: Path, public_url: str) -> Settings:
    return Settings(
        data_dir=data_dir,
        public_url=public_url,
        allow_loopback=True,
        demo=True,
        database_url=None,
        secret_key_file=None,
        admin_url=None,
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


class World:
    """The shop and the server, both up, and what we do there as their owner."""

    def __init__(self, settings: Settings, *, shop_url: str, server_url: str) -> None:
        self.shop_url, self.server_url = shop_url, server_url
        wait_for("The server is up", lambda: answers(f"{server_url}/healthz/ready"), seconds=START_S)
        wait_for("The shop is up", lambda: answers(f"{shop_url}/demo/state"), seconds=START_S)
        self.runtime: Runtime = make_runtime(settings, default_url=server_url)
        self.owner = requests.Session()
        self.owner.get(f"{shop_url}/demo/sign-in/owner", params={"next": "/wp-admin/"}, timeout=STEP_S)
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

    def connect_shop(self) -> ShopView:
        """The one-click way: our page to the shop's, approve there, keys come from server to server."""
        flow = registry.connect_flow(PLATFORM)
        base_url = flow.normal_shop_url(self.shop_url)
        state = run_tx(
            self.runtime.db,
            lambda session: merchant_commands.begin_connect(
                session,
                self.merchant_id,
                platform=PLATFORM,
                base_url=base_url,
                staff_id=self.staff_id,
                now=self.runtime.clock(),
            ),
        )
        address = flow.authorize_url(
            base_url,
            state=state,
            callback_url=f"{self.server_url}/install/{PLATFORM.value}/callback",
            return_url=f"{self.server_url}/install/{PLATFORM.value}/return",
            app_name="Regulars",
        )
        page = self.owner.get(address, timeout=STEP_S)
        found = _APPROVE.search(page.text)
        if found is None:
            raise ConfigurationError(f"The shop did not offer to approve us (it answered {page.status_code})")
        approve = urljoin(page.url, html.unescape(found.group(1)))
        approved = self.owner.get(approve, timeout=STEP_S, allow_redirects=False)
        if approved.status_code not in (302, 303):
            raise ConfigurationError(f"The shop could not hand over its keys (it answered {approved.status_code})")
        with reading(self.runtime.db) as session:
            return merchant_queries.shops(session, self.merchant_id)[0]

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

    def pair_plugin(self, shop: ShopView) -> None:
        """Paste what Regulars shows into the plugin's page, as the merchant does."""
        code = run_tx(
            self.runtime.db,
            lambda session: merchant_commands.new_pairing_code(
                session, self.merchant_id, shop.shop_id, now=self.runtime.clock()
            ),
        )
        form = {"server_url": self.server_url, "shop_key": shop.shop_key, "pairing_code": code}
        self.owner.post(f"{self.shop_url}/wp-admin/plugin/", data=form, timeout=STEP_S)
        if not self.shop_state()["plugin"]["active"]:
            raise ConfigurationError("The shop's plugin could not be paired")

    def wait_for_webhooks(self) -> None:
        """The server registers them by itself, as soon as it has looked at the shop."""
        wait_for("The shop has our webhooks", lambda: self.shop_state()["webhooks"])

    def shop_state(self) -> dict[str, Any]:
        found: dict[str, Any] = requests.get(f"{self.shop_url}/demo/state", timeout=STEP_S).json()
        return found


def said(error: Exception) -> str:
    """One line for a person."""
    return error.message if isinstance(error, RegularsError) else f"{type(error).__name__}: {error}"
