"""The panel in a real browser, in every state: accessible, unclipped, and nothing on the page moves."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.widgets.shopfront import STATES, Shopfront, shopfront, show
from widgets.colours import theme_colours

pytestmark = pytest.mark.browser

AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}

# What does not fit: a box whose content is wider than itself, or that sticks out of the panel or of the window.
CLIPPED = """() => {
  const root = document.querySelector('regulars-widget').shadowRoot;
  const dialog = root.querySelector('dialog');
  const limit = dialog ? dialog.getBoundingClientRect() : {left: 0, right: innerWidth};
  const shown = node => node.getClientRects().length && !node.closest('.unseen, svg, input');
  return [...(dialog || root).querySelectorAll('*')].filter(shown).filter(node => {
    const box = node.getBoundingClientRect();
    return node.scrollWidth > Math.ceil(node.clientWidth) + 1 && getComputedStyle(node).display !== 'inline'
      || box.left < limit.left - 1 || box.right > limit.right + 1 || box.left < -1 || box.right > innerWidth + 1;
  }).map(node => `${node.tagName}.${node.className}: ${node.textContent.slice(0, 60)}`);
}"""
SMALL_TARGETS = """() => [...document.querySelector('regulars-widget').shadowRoot.querySelectorAll('button, a, input')]
  .map(node => [node, node.getBoundingClientRect()])
  .filter(([node, box]) => box.width && (box.height < 43.5 || box.width < 43.5))
  .map(([node, box]) => `${node.textContent || node.type} ${box.width}x${box.height}`)"""
SHIFTS = """() => new Promise(done => new PerformanceObserver((list, observer) => {
  observer.disconnect();
  done(list.getEntries().map(entry => [entry.value, entry.sources.map(source => String(source.node && source.node.className))]));
}).observe({type: 'layout-shift', buffered: true}) || setTimeout(() => done([]), 300))"""


def violations(front: Shopfront) -> list[str]:
    found: Any = Axe().run(front.page, options=AXE).response["violations"]
    return [f"{rule['id']}: {[node['target'] for node in rule['nodes']]}" for rule in found]


@pytest.mark.parametrize("width", [375, 1280])
@pytest.mark.parametrize("state", STATES)
def test_every_state_is_accessible_in_light_and_dark_and_shifts_nothing(
    chromium: Browser, state: str, width: int
) -> None:
    with shopfront(chromium, width=width) as front:
        show(front, state)
        front.page.wait_for_timeout(400)  # animations are over

        assert front.page.evaluate(SHIFTS) == []
        assert front.page.evaluate(SMALL_TARGETS) == []
        assert front.page.evaluate(CLIPPED) == []
        assert violations(front) == []
        front.page.emulate_media(color_scheme="dark")
        assert violations(front) == []


@pytest.mark.parametrize("lang", ["cs", "sk", "pl"])
@pytest.mark.parametrize("state", STATES)
def test_every_language_fits_a_small_phone(chromium: Browser, state: str, lang: str) -> None:
    with shopfront(chromium, lang=lang, width=320, reduced_motion="reduce") as front:
        show(front, state)

        assert front.page.evaluate(CLIPPED) == []
        assert violations(front) == []


def stretched(value: Any) -> Any:
    """40 % longer, with letters outside ASCII; placeholders stay."""
    if isinstance(value, dict):
        return {key: stretched(text) for key, text in value.items()}
    return f"[{value} {'ěšč ' * max(1, len(value) // 10)}]"


@pytest.mark.parametrize("state", STATES)
def test_texts_that_are_40_percent_longer_are_not_clipped(chromium: Browser, state: str) -> None:
    with shopfront(chromium, width=320, reduced_motion="reduce") as front:
        history = front.texts["history"]
        front.texts = {key: stretched(text) for key, text in front.texts.items()}
        front.config["words"] = {key: stretched(text) for key, text in front.config["words"].items()}
        assert len(front.texts["history"]) >= 1.4 * len(history)
        show(front, state)

        assert front.page.evaluate(CLIPPED) == []


@pytest.mark.parametrize("state", ["member_with_codes", "applied", "history", "joinable"])
def test_text_at_double_size_and_400_percent_zoom_still_fits(chromium: Browser, state: str) -> None:
    # 1280 px at 400 % are 320 px of 256 px height.
    with shopfront(chromium, width=320, reduced_motion="reduce") as front:
        front.page.set_viewport_size({"width": 320, "height": 256})
        show(front, state)

        assert front.page.evaluate(CLIPPED) == []
        close = front.page.locator('regulars-widget [data-key="close"]')
        close.scroll_into_view_if_needed()
        close.click()
        expect(front.page.locator("regulars-widget dialog")).to_have_count(0)


@pytest.mark.parametrize("width", [375, 1280])
def test_nothing_shifts_when_answers_come_late(chromium: Browser, width: int) -> None:
    with shopfront(chromium, width=width) as front:
        slow = front.page.context.new_cdp_session(front.page)
        slow.send("Network.enable")
        slow.send("Network.emulateNetworkConditions", {
            "offline": False, "latency": 700, "downloadThroughput": 50_000, "uploadThroughput": 50_000,
        })  # fmt: skip
        front.page.set_default_timeout(20_000)
        front.open()
        front.page.wait_for_timeout(600)

        assert front.page.evaluate(SHIFTS) == []


@pytest.mark.parametrize("brand", ["#ffe600", "#ffffff", "#000000", "#ff6f61", "#777777"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_any_brand_colour_is_legible(chromium: Browser, brand: str, dark: bool) -> None:
    with shopfront(chromium, width=375, dark=dark, reduced_motion="reduce") as front:
        front.config["theme"]["colours"] = theme_colours(brand)
        show(front, "member_with_codes")

        assert violations(front) == []


def test_right_to_left_mirrors_the_panel(chromium: Browser) -> None:
    with shopfront(chromium, width=1280, reduced_motion="reduce") as front:
        front.config["dir"] = "rtl"
        show(front, "member_with_codes")
        box = front.page.locator("regulars-widget dialog").bounding_box()
        close = front.page.locator('regulars-widget [data-key="close"]').bounding_box()

        assert box is not None and close is not None
        assert box["x"] == 20
        assert close["x"] < box["x"] + 60
        assert violations(front) == []
        assert front.page.evaluate(CLIPPED) == []


def test_those_who_want_less_motion_get_none(chromium: Browser) -> None:
    with shopfront(chromium, reduced_motion="reduce") as front:
        show(front, "loading")

        assert front.page.evaluate("document.getAnimations().length") == 0
        animations = "document.querySelector('regulars-widget').shadowRoot.getAnimations().length"
        assert front.page.evaluate(animations) == 0


def test_the_launcher_steps_above_a_cookie_bar(chromium: Browser) -> None:
    with shopfront(chromium, width=375) as front:
        front.visit()
        launcher = front.page.locator("regulars-widget .launcher")
        launcher.wait_for()
        front.page.evaluate(
            """() => { const bar = document.createElement('div'); bar.textContent = 'Cookies';
            bar.style = 'position:fixed;bottom:0;left:0;right:0;height:90px;background:#eee';
            document.body.append(bar); }"""
        )
        front.page.mouse.wheel(0, 50)
        front.page.wait_for_timeout(900)
        box = launcher.bounding_box()

        assert box is not None
        assert box["y"] + box["height"] <= 760 - 90
        assert front.page.evaluate(SHIFTS) == []
