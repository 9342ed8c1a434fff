"""`regulars selftest`: the whole job played over real HTTP against a made-up shop, with the balance after each step.

Each step says what the balance must be, worked out by hand: 3 points per EUR of goods, 100 points are 1 EUR.
"""

import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import requests

from app import books, serving
from app.demo_hands import MUG, SHOPPER, TEE, Bought, Hands, body_of
from app.demo_platforms import PLATFORMS, Ways
from app.demo_processes import MAILED, environment, running, start_mailbox, start_process
from app.demo_world import STEP_S, World, said, settings_of, wait_for
from app.logs import set_up_logs
from core.errors import ConfigurationError
from core.merchants.queries import ShopView

HOST = "127.0.0.1"
FIRST_PORT = 18_000
NEXT_SECOND_S = 1.1  # shops stamp orders in whole seconds: one of the second of the launch counts as before it

Say = Callable[[str], None]


def run(platform: str, *, say: Say) -> int:
    """Play everything; 0 only if each step is right. Ends what it started and leaves nothing."""
    set_up_logs(level=50)
    with tempfile.TemporaryDirectory(prefix="regulars-selftest-") as folder, ExitStack() as stack:
        server_port = serving.free_port(HOST, FIRST_PORT)
        shop_port = serving.free_port(HOST, server_port + 1)
        server_url, shop_url = f"http://{HOST}:{server_port}", f"http://{HOST}:{shop_port}"
        mail_port = serving.free_port(HOST, shop_port + 1) if platform in MAILED else None
        smtp_port = serving.free_port(HOST, mail_port + 1) if mail_port else None
        mail_url = f"http://{HOST}:{mail_port}" if mail_port else None
        path = Path(folder)
        env = environment(path, server_url, smtp_port=smtp_port)
        server = ["app.cli", "serve", "--host", HOST, "--port", str(server_port)]
        shop = ["demo", "--platform", platform, "--port", str(shop_port), "--orders", "0"]
        stack.enter_context(running(start_process(server, env=env, log=path / "server.log")))
        stack.enter_context(running(start_process(shop, env=env, log=path / "shop.log")))
        if mail_port and smtp_port:
            stack.enter_context(running(start_mailbox(port=mail_port, smtp_port=smtp_port, env=env)))
        try:
            world = World(settings_of(path, server_url), shop_url=shop_url, server_url=server_url, mail_url=mail_url)
            stack.callback(world.close)
            return Play(world, PLATFORMS[platform], say).all()
        except (ConfigurationError, requests.RequestException) as error:
            say(f"FAILED   {said(error)}")
            for name in ("server.log", "shop.log"):
                say("\n".join((path / name).read_text(errors="replace").splitlines()[-5:]))
            return 1


class Play:
    """The steps, in order; each leaves the world as the next one needs it."""

    def __init__(self, world: World, ways: Ways, say: Say) -> None:
        self._world = world
        self._ways = ways
        self._say = say
        self._shop: ShopView
        self._hands: Hands
        self._failed = 0
        self._first = self._second = Bought("", "")

    def all(self) -> int:
        world = self._world
        world.make_merchant("Self-test")
        self._shop = self._ways.connect(world)
        self._hands = self._ways.hands(world, self._shop)
        world.publish(self._shop)
        self._ways.finish(world, self._shop)
        self._ways.wait_for_webhooks(world)
        time.sleep(NEXT_SECOND_S)
        self._say("ok       connected, webhooks set up, the shop's pages tied")
        for step in (self._earn, self._redeem, self._check_out, self._refund_part, self._repeat, self._refund_all):
            step()
        self._cancel()
        code = books.verify_all(world.runtime, say=lambda text: self._say(f"         {text}"))
        self._failed += code
        self._say("Everything is right." if not self._failed else f"{self._failed} steps are wrong.")
        return 1 if self._failed else 0

    def _earn(self) -> None:
        self._first = self._hands.buy(TEE, 5)
        self._expect("bought 5 tees for 121.00 EUR: 363 points", available=363)

    def _redeem(self) -> None:
        body = {"points": 200, "idempotency_key": "selftest-0123456789"}
        self._code = self._widget("POST", "redemptions", body)["code"]
        again = self._widget("POST", "redemptions", body)["code"]
        self._check("redeeming twice under one key gives one code", again == self._code)
        self._expect("redeemed 200 points: 163 left, 200 held", available=163, held=200)

    def _check_out(self) -> None:
        """12.10 - 2.00 = 10.10 EUR of goods: 30 points."""
        self._second = self._hands.buy(MUG, 1, code=self._code)
        self._expect("bought a mug with the code: 200 captured, 30 earned", available=193)

    def _refund_part(self) -> None:
        """4 of 5 tees are kept: of 363 points 290.4, rounded up to 291."""
        self._hands.refund(self._first, 1)
        self._expect("one of the five tees came back: 72 points less", available=121)

    def _repeat(self) -> None:
        """Old news, in any order and many times, changes nothing: only what the shop says now counts."""
        for number in range(30):
            order = (self._second, self._first)[number % 2]
            self._hands.tell(order, ("processing", "completed", "pending")[number % 3])
        wait_for("All messages are worked", self._nothing_waits)
        self._expect("30 repeated and reordered messages: no change", available=121)

    def _refund_all(self) -> None:
        """30 earned go, 200 redeemed come back."""
        self._hands.refund(self._second, 1)
        self._expect("the mug came back: 30 points go, 200 come back", available=291)

    def _cancel(self) -> None:
        """12.10 EUR: 36 points, until the order is cancelled."""
        order = self._hands.buy(MUG, 1)
        self._expect("bought a mug: 36 points", available=327)
        self._hands.cancel(order)
        self._expect("cancelled it: 36 points go", available=291)

    def _widget(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """As the widget does it: the shop says who is signed in, we believe the shop's proof."""
        url = f"{self._world.server_url}/widget/v1/api/{self._shop.shop_key}/{path}"
        head = {"Authorization": f"Bearer {self._hands.token()}"}
        return body_of(requests.request(method, url, json=body, headers=head, timeout=STEP_S), f"The widget's {path}")

    def _nothing_waits(self) -> bool:
        return books.nothing_waits(self._world.runtime)

    def _expect(self, what: str, *, available: int, held: int = 0) -> None:
        """Wait until the balance is as it must be, and say what it is."""
        wanted = (available, held)
        deadline = time.monotonic() + STEP_S
        while (found := self._balance()) != wanted and time.monotonic() < deadline:
            time.sleep(0.05)
        suffix = "" if found == wanted else f", but it should be {available} available, {held} held"
        self._check(f"{what}  [{found[0]} available, {found[1]} held{suffix}]", found == wanted)

    def _balance(self) -> tuple[int, int]:
        return books.balance_of_customer(self._world.runtime, self._shop, SHOPPER)

    def _check(self, what: str, good: bool) -> None:
        self._failed += not good
        self._say(f"{'ok' if good else 'WRONG':<8} {what}")
