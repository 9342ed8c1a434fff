"""The whole way in the demo shop, in a browser, with the real server, connector and worker: join, buy, earn, redeem, pay, look."""

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from app.wake import Wake
from app.worker import Worker
from connectors import registry
from connectors.registry import AddressPolicy
from core.clock import utc_now
from core.db.engine import Database, reading, run_tx
from core.ledger.verify import verify_ledger
from core.merchants import commands as merchants
from demo.server import RunningShop, start_in_thread
from tests.widgets.house import House

pytestmark = pytest.mark.browser

SHIFT = """() => new Promise(done => new PerformanceObserver((list, observer) => {
  observer.disconnect();
  const ours = node => node && node.getRootNode() instanceof ShadowRoot || node && node.localName === 'regulars-widget';
  done(list.getEntries().flatMap(entry => entry.sources).filter(source => ours(source.node)).length);
}).observe({type: 'layout-shift', buffered: true}) || setTimeout(() => done(0), 300))"""


@dataclass
class Town:
    """A demo shop and Regulars beside it, each with an address of its own."""

    shop: RunningShop
    house: House
    page: Page

    def member_page(self, path: str) -> None:
        self.page.goto(f"{self.shop.url}{path}")

    @property
    def panel(self) -> Any:
        return self.page.locator("regulars-widget dialog")

    def open(self) -> None:
        self.page.locator("regulars-widget .launcher").click()
        self.panel.locator("[aria-busy]").wait_for(state="detached")

    def points(self) -> int:
        text = self.panel.locator(".points").text_content() or ""
        return int(re.sub(r"\D", "", text))

    def buy(self, path: str, pieces: int) -> None:
        self.member_page(path)
        self.page.get_by_label("Pieces").fill(str(pieces))
        self.page.get_by_role("button", name="Add to cart").click()
        self.page.get_by_role("link", name="See the cart").click()

    def pay(self) -> None:
        self.member_page("/checkout/")
        self.page.get_by_role("button", name="Place order").click()
        self.page.wait_for_url("**/order-received/**")


@pytest.fixture
def town(chromium: Browser, sqlite_db: Database, tmp_path: Path) -> Iterator[Town]:
    shop = start_in_thread(order_count=20, customer_count=6, pace=0.05)
    key = shop.shop.create_key()
    credentials = {"consumer_key": key.consumer_key, "consumer_secret": key.consumer_secret}
    wake = Wake()
    policy = AddressPolicy(allow_loopback=True)
    house = House(
        sqlite_db,
        tmp_path,
        base_url=shop.url,
        credentials=credentials,
        connect=lambda installation: registry.connect(installation, policy=policy),
        now=utc_now(),
        wake=wake,
    )
    house.clock = utc_now
    house.publish(window_days=0)
    server = make_server("127.0.0.1", 0, house.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    house.address = f"http://127.0.0.1:{server.server_port}"
    worker = Worker(house.runtime, wake=wake, readers=1)
    worker.start()
    pair(shop, house)
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, locale="en")
    context.set_default_timeout(15_000)
    yield Town(shop, house, context.new_page())
    context.close()
    worker.stop()
    server.shutdown()
    thread.join(5)
    server.server_close()
    shop.stop()


def pair(shop: RunningShop, house: House) -> None:
    """As the merchant does: paste address, shop key and code into the plugin's page."""
    plugin = shop.shop.plugin
    assert plugin is not None
    code = run_tx(
        house.runtime.db,
        lambda session: merchants.new_pairing_code(session, house.merchant_id, house.shop.shop_id, now=utc_now()),
    )
    plugin.configure(server_url=house.address, shop_key=house.shop.shop_key, pairing_code=code)
    plugin.activate()


def test_a_customer_joins_buys_redeems_and_sees_why(town: Town) -> None:
    page, panel = town.page, town.panel
    spoken: list[str] = []
    page.on("console", lambda message: spoken.append(message.text) if message.type == "error" else None)

    # Signed out: why, and where to sign in.
    town.member_page("/")
    town.open()
    expect(panel.get_by_role("link", name="Create an account")).to_have_attribute(
        "href", f"{town.shop.url}/my-account/"
    )
    page.keyboard.press("Escape")

    # Join.
    town.member_page("/demo/sign-in/anna@example.com?next=/")
    town.open()
    panel.get_by_role("button", name="Join now").click()
    expect(panel.locator(".points")).to_have_text("0 points")
    page.keyboard.press("Escape")

    # Buy and pay: the points come while the thank-you page is open, and say so by themselves.
    town.buy("/product/wool-blanket/", 2)
    town.pay()
    note = page.locator("regulars-widget .note")
    expect(note).to_contain_text(re.compile(r"^\+\d+ points for your order$"))
    assert panel.count() == 0
    earned = int(re.sub(r"\D", "", note.text_content() or ""))
    assert page.evaluate(SHIFT) == 0

    # Redeem on the cart page: the shop's own total follows.
    town.buy("/product/everyday-tee/", 1)
    page.wait_for_url("**/cart/")
    expect(page.locator("[data-cart]")).not_to_have_attribute("aria-busy", "true")
    town.open()
    assert town.points() == earned
    panel.get_by_role("spinbutton").fill("300")
    panel.get_by_role("button", name="Get €3.00 off").click()
    expect(panel.locator('[data-key="applied"]')).to_have_text("€3.00 off is in your cart")
    assert town.points() == earned - 300
    before, after = (money(text) for text in panel.locator(".total s, .total strong").all_text_contents())
    assert before - after == 300
    assert page.evaluate(SHIFT) == 0
    page.keyboard.press("Escape")
    expect(page.locator("aside.panel")).to_contain_text(f"{after / 100:.2f}")

    # Pay with it, and see both orders explained.
    town.pay()
    expect(note).to_contain_text("for your order")
    town.open()
    panel.get_by_role("button", name="Points history").click()
    lines = panel.locator(".history li")
    expect(lines.first).to_contain_text("300 points were used for a discount on order")
    expect(lines.first).to_contain_text("3 points for every €1.00 of")
    expect(lines.nth(1)).to_contain_text("Set aside for a discount code worth €3.00.")
    assert panel.locator('[data-key^="give-"]').count() == 0

    with reading(town.house.runtime.db) as session:
        assert verify_ledger(session, town.house.merchant_id).violations == []
    assert [text for text in spoken if "favicon" not in text] == []


def test_a_code_is_given_back_and_leaves_the_cart(town: Town) -> None:
    page, panel = town.page, town.panel
    town.member_page("/demo/sign-in/anna@example.com?next=/")
    customer = next(c for c in town.shop.shop.store.customers.values() if c.email == "anna@example.com")
    town.house.give(500, str(customer.id))
    town.buy("/product/everyday-tee/", 1)
    town.open()
    panel.get_by_role("spinbutton").fill("200")
    panel.get_by_role("button", name="Get €2.00 off").click()
    expect(panel.locator('[data-key="applied"]')).to_be_visible()
    panel.get_by_role("button", name="Done").click()

    panel.get_by_role("button", name="Give back").click()
    panel.get_by_role("button", name="Yes, give back").click()

    expect(panel.locator(".points")).to_have_text("500 points")
    expect(panel.get_by_role("button", name="Give back")).to_have_count(0)
    assert not any(c.code.startswith("R") and c.usage_count for c in town.shop.shop.store.coupons.values())
    page.keyboard.press("Escape")


def money(text: str) -> int:
    """Minor units of the first amount in a text such as "before €48.40"."""
    found = re.search(r"([\d,]+)\.(\d\d)", text)
    assert found is not None
    return int(found.group(1).replace(",", "")) * 100 + int(found.group(2))
