"""Connecting a Shopify shop from our end: begun in the admin, approved on the fake's page of consent, finished for who began it."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests
from playwright.sync_api import Browser as Chromium
from sqlmodel import Session

from core.db.engine import reading, run_tx
from core.ids import MerchantId
from core.merchants import apps, audit, commands, staff
from core.merchants.apps import AppView
from core.merchants.staff import Role, StaffView
from core.ports import Platform
from demo.shopify.signed import signature
from tests.admin.desk import PASSWORD
from tests.app.shopify_world import World, install, opened

_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
_CONSENT = re.compile(r'href="([^"]+/admin/oauth/authorize[^"]+)"')
WAIT_S = 20


@dataclass
class Browser:
    """Somebody of the merchant's, signed in at our end."""

    here: str
    person: StaffView
    client: requests.Session = field(default_factory=requests.Session)

    def open(self, address: str) -> requests.Response:
        return self.client.get(address if "://" in address else self.here + address, timeout=WAIT_S)

    def send(self, path: str, **fields: str) -> requests.Response:
        found = _TOKEN.search(self.open("/admin/account").text) or _TOKEN.search(self.open("/admin/sign-in").text)
        assert found is not None
        return self.client.post(self.here + path, data={"csrf_token": found.group(1), **fields}, timeout=WAIT_S)

    def begin(self, app: AppView, typed: str = "fernway") -> str:
        """The address of the page of consent."""
        page = self.send(f"/admin/shops/platforms/{app.app_id}/connect", shop=typed)
        found = _CONSENT.search(page.text)
        assert found is not None, page.text
        return html.unescape(found.group(1))


@pytest.fixture
def world(migrated_url: str, tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path / "data", migrated_url) as made:
        made.fake.configure(redirect_urls=(callback(made, made.app),))
        yield made


def callback(world: World, app: AppView) -> str:
    return f"{world.runtime.public_url()}/install/shopify/{app.app.app_key}/callback"


def browser(world: World, role: Role = Role.MANAGER, *, of: MerchantId | None = None, name: str = "mara") -> Browser:
    def add(session: Session) -> StaffView:
        now, email = world.runtime.clock(), f"{name}@fernway.example"
        return staff.create(
            session, of or world.merchant_id, email=email, name=name, role=role, password=PASSWORD, now=now
        )

    made = Browser(world.runtime.public_url(), run_tx(world.runtime.db, add))
    made.send("/admin/sign-in", email=made.person.email, password=PASSWORD)
    return made


def consent(address: str, **decision: str) -> str:
    """Where the shop's page of consent sends its owner back to."""
    assert requests.get(address, timeout=WAIT_S).status_code == 200
    bare, _, query = address.partition("?")
    answer = requests.post(bare, data={**dict(parse_qsl(query)), **decision}, timeout=WAIT_S, allow_redirects=False)
    return answer.headers["Location"]


def signed(address: str, secret: str, **changes: str) -> str:
    """A way back with something changed, signed all the same."""
    bare, _, query = address.partition("?")
    values = {name: value for name, value in {**dict(parse_qsl(query)), **changes}.items() if name != "hmac"}
    return f"{bare}?{urlencode({**values, 'hmac': signature(secret, values)})}"


def tied(world: World, app: AppView | None = None) -> bool:
    with reading(world.runtime.db) as session:
        found = apps.shop_of(session, app or world.app, world.base_url)
    return found is not None and found.connected


def test_a_shop_is_connected_from_our_end_and_syncs(world: World) -> None:
    mara = browser(world)
    app = f"/admin/shops/platforms/{world.app.app_id}"
    assert f"{app}/connect" in mara.open(app).text

    back = mara.open(consent(mara.begin(world.app, " https://Fernway.myshopify.com/admin ")))

    assert "Fernway is connected." in back.text
    assert urlsplit(back.url).path == f"/admin/shops/{world.shop().shop_id}"
    assert "All is well." in back.text
    assert set(world.fake.site.granted) == set(world.fake.site.app.scopes)
    with reading(world.runtime.db) as session:
        done = {entry.action: entry.actor_id for entry in audit.entries(session, world.merchant_id)}
    assert done["shop.connect_begun"] == done["shop.connected"] == mara.person.staff_id
    world.fake.place_order({12: 4}, customer_id=1)
    world.work()
    assert world.points(1) > 0
    world.clock.ahead += timedelta(minutes=56)
    world.fake.place_order({12: 4}, customer_id=1)
    world.work()
    assert world.fake.site.tokens.refreshes == 1


def test_a_shop_that_came_by_itself_can_be_connected_anew_from_our_end(world: World) -> None:
    install(world)
    before, mara = world.shop(), browser(world)

    form = mara.open(f"/admin/shops/platforms/{world.app.app_id}/connect")
    mara.open(consent(mara.begin(world.app)))

    assert 'value="fernway.myshopify.com"' in form.text
    assert world.shop().shop_id == before.shop_id
    assert world.fake.site.tokens.exchanges == 2


def test_a_state_is_good_once(world: World) -> None:
    mara = browser(world)
    address = mara.begin(world.app)
    mara.open(consent(address))

    again = mara.open(consent(address))

    assert "finished already" in again.text
    assert world.fake.site.tokens.exchanges == 1


def test_a_state_is_good_for_an_hour(world: World) -> None:
    mara = browser(world)
    address = mara.begin(world.app)
    world.pass_hours(2)

    back = mara.open(consent(address))

    assert "It took too long" in back.text
    assert 'value="fernway.myshopify.com"' in back.text  # to try again with
    assert not tied(world)


def test_another_shop_than_the_one_begun_for_is_refused(world: World) -> None:
    mara = browser(world)

    back = mara.open(consent(mara.begin(world.app, "another-shop")))

    assert "begun for another shop" in back.text
    assert not tied(world)
    assert world.fake.site.tokens.exchanges == 0


def test_what_was_begun_on_another_platform_is_refused(world: World) -> None:
    mara = browser(world)
    begun = {"platform": Platform.WOOCOMMERCE, "base_url": world.base_url, "staff_id": mara.person.staff_id}
    state = run_tx(
        world.runtime.db,
        lambda s: commands.begin_connect(s, world.merchant_id, **begun, now=world.runtime.clock()),
    )

    back = mara.open(signed(consent(mara.begin(world.app)), world.app.app.secrets[0], state=state))

    assert "begun for another shop" in back.text
    assert not tied(world)


def test_what_a_colleague_began_is_not_finished_by_somebody_who_was_sent_the_link(world: World) -> None:
    mara, paul = browser(world), browser(world, name="paul")

    back = paul.open(consent(mara.begin(world.app)))

    assert "Somebody else has begun this" in back.text
    assert not tied(world)


def test_a_state_of_one_merchant_ties_nothing_to_another(world: World) -> None:
    secret = "shpss_of_teas_0123456789abcdef012345678"

    def second(session: Session) -> AppView:
        now = world.runtime.clock()
        merchant_id = commands.create_merchant(session, name="Teas", timezone="UTC", now=now)
        known = {"platform": Platform.SHOPIFY, "client_id": "f" * 32, "secret": secret, "origin": world.platform.url}
        return apps.add_app(session, world.runtime.vault, merchant_id, **known, now=now)

    theirs = run_tx(world.runtime.db, second)
    mara, tea = browser(world), browser(world, of=theirs.merchant_id, name="tea")
    query = consent(mara.begin(world.app)).partition("?")[2]
    at_theirs = signed(f"{callback(world, theirs)}?{query}", secret)

    theirs_by_mara, mine_by_tea = mara.open(at_theirs), tea.open(f"{callback(world, world.app)}?{query}")
    theirs_by_tea = tea.open(at_theirs)

    assert (theirs_by_mara.status_code, mine_by_tea.status_code) == (404, 404)
    assert "Somebody else has begun this" in theirs_by_tea.text
    assert not tied(world)
    assert not tied(world, theirs)
    assert world.fake.site.tokens.exchanges == 0


@pytest.mark.parametrize(
    "changes",
    [{"code": "f" * 32}, {"shop": "evil.myshopify.com"}, {"hmac": "0" * 64}, {"hmac": ""}, {"timestamp": "1700000000"}],
)
def test_a_way_back_that_shopify_did_not_sign_is_refused_and_costs_nothing(
    world: World, changes: dict[str, str]
) -> None:
    mara = browser(world)
    back = consent(mara.begin(world.app))
    bare, _, query = back.partition("?")
    forged = f"{bare}?{urlencode({**dict(parse_qsl(query)), **changes})}"

    refused = mara.open(forged)

    assert refused.status_code == 403
    assert "client secret" in refused.text
    assert not tied(world)
    mara.open(back)
    assert tied(world)


def test_a_way_back_that_is_signed_but_old_is_refused(world: World) -> None:
    mara = browser(world)
    back = consent(mara.begin(world.app))

    stale = mara.open(signed(back, world.app.app.secrets[0], timestamp="1700000000"))

    assert stale.status_code == 403
    assert "too old" in stale.text
    assert not tied(world)


def test_a_merchant_who_says_no_is_told_so_and_can_begin_again(world: World) -> None:
    mara = browser(world)
    address = mara.begin(world.app)

    back = mara.open(consent(address, decision="cancel"))

    assert "not approved at Shopify" in back.text
    assert urlsplit(back.url).path == f"/admin/shops/platforms/{world.app.app_id}/connect"
    assert not tied(world)
    assert not world.fake.site.installed
    mara.open(consent(mara.begin(world.app)))
    assert tied(world)


def test_a_no_beside_a_code_is_no_way_around_the_signature(world: World) -> None:
    mara = browser(world)
    back = consent(mara.begin(world.app))

    assert mara.open(f"{back}&error=access_denied").status_code == 403
    assert not tied(world)


def test_support_can_neither_begin_nor_finish(world: World) -> None:
    mara, sam = browser(world), browser(world, Role.SUPPORT, name="sam")
    path = f"/admin/shops/platforms/{world.app.app_id}/connect"
    assert (sam.open(path).status_code, sam.send(path, shop="fernway").status_code) == (403, 403)

    back = consent(mara.begin(world.app))
    run_tx(
        world.runtime.db,
        lambda s: staff.change_role(s, world.merchant_id, mara.person.staff_id, Role.SUPPORT),
    )

    assert mara.open(back).status_code == 403
    assert not tied(world)


def test_who_is_not_signed_in_finishes_nothing_until_they_are(world: World) -> None:
    mara = browser(world)
    back = consent(mara.begin(world.app))

    stranger = requests.get(back, timeout=WAIT_S)

    assert urlsplit(stranger.url).path == "/admin/sign-in"
    assert not tied(world)
    mara.client.cookies.clear()
    mara.client.get(stranger.url, timeout=WAIT_S)
    query = urlsplit(stranger.url).query
    mara.send(f"/admin/sign-in?{query}", email=mara.person.email, password=PASSWORD)
    assert tied(world)


@pytest.mark.parametrize("typed", ["shop.example", "https://evil.example/x.myshopify.com", "my shop", "http://["])
def test_what_is_no_shop_of_shopifys_is_said_beside_the_field(world: World, typed: str) -> None:
    mara = browser(world)

    page = mara.send(f"/admin/shops/platforms/{world.app.app_id}/connect", shop=typed)

    assert page.status_code == 400
    assert "This is not the address of a Shopify shop" in page.text
    assert "oauth/authorize" not in page.text


def test_an_app_that_has_its_shop_begins_for_no_other(world: World) -> None:
    install(world)
    mara = browser(world)

    page = mara.send(f"/admin/shops/platforms/{world.app.app_id}/connect", shop="another-shop")

    assert page.status_code == 400
    assert "belongs to another shop" in page.text


def test_a_shop_that_staff_took_off_meanwhile_stays_off(world: World) -> None:
    install(world)
    mara, had = browser(world), world.fake.site.tokens.exchanges
    back, shop_id = consent(mara.begin(world.app)), world.shop().shop_id
    run_tx(
        world.runtime.db,
        lambda s: commands.disconnect_shop(s, world.merchant_id, shop_id, now=world.runtime.clock()),
    )

    page = mara.open(back)

    assert "was disconnected in Regulars" in page.text
    assert not tied(world)
    assert world.fake.site.tokens.exchanges == had


def test_a_platform_that_gives_no_access_is_named_and_tried_again(world: World) -> None:
    mara = browser(world)
    world.fake.faults.update({"refuse_tokens": True})

    back = mara.open(consent(mara.begin(world.app)))

    assert "The shop was not connected: " in html.unescape(back.text)
    assert not tied(world)
    world.fake.faults.update({"refuse_tokens": False})
    mara.open(consent(mara.begin(world.app)))
    assert tied(world)


def test_a_code_is_good_once(world: World) -> None:
    mara = browser(world)
    back = consent(mara.begin(world.app))
    mara.open(back)
    state = dict(parse_qsl(urlsplit(mara.begin(world.app)).query))["state"]

    again = mara.open(signed(back, world.app.app.secrets[0], state=state))

    assert "The shop was not connected: " in html.unescape(again.text)
    assert world.fake.site.tokens.exchanges == 1


@pytest.mark.browser
def test_a_browser_goes_to_the_platform_and_comes_back_signed_in(world: World, chromium: Chromium) -> None:
    person = browser(world).person
    context = chromium.new_context(base_url=world.runtime.public_url())
    page = context.new_page()
    page.goto(f"/admin/sign-in?next=/admin/shops/platforms/{world.app.app_id}/connect")
    page.fill("[name=email]", person.email)
    page.fill("[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.fill("[name=shop]", "fernway")
    page.click("main button[type=submit]")
    # By another name for this machine the fake is another site: our session's cookie has to come along all the same.
    address = page.get_attribute("text=Continue to Shopify", "href")
    assert address is not None
    elsewhere = address.replace("127.0.0.1", "localhost", 1)
    page.eval_on_selector("text=Continue to Shopify", "(link, address) => { link.href = address }", elsewhere)

    page.click("text=Continue to Shopify")
    page.click("button:text('Install')")

    page.wait_for_selector("text=Fernway is connected.")
    context.close()
    assert tied(world)


@pytest.mark.parametrize("path", ["shopify/{unknown}", "woocommerce/{known}", "nobody/{known}"])
def test_the_way_back_of_no_app_leads_nowhere(world: World, path: str) -> None:
    named = path.format(unknown="f" * 32, known=world.app.app.app_key)

    answer = requests.get(f"{world.runtime.public_url()}/install/{named}/callback?code=x", timeout=WAIT_S)

    assert answer.status_code == 404


@pytest.mark.parametrize(
    "query",
    ["", "code=1&next=//evil.example", "error=x%0d%0aLocation:%20https://evil.example", "\xff=%ff", "//evil.example"],
)
def test_the_way_back_leads_only_into_the_admin(world: World, query: str) -> None:
    answer = requests.get(f"{callback(world, world.app)}?{query}", timeout=WAIT_S, allow_redirects=False)

    assert answer.status_code == 303
    target = urlsplit(answer.headers["Location"])
    assert (target.scheme, target.netloc) == ("", "")
    assert target.path == f"/admin/shops/platforms/{world.app.app_id}/connected"
