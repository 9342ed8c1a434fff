"""The fake Shopify's pages: discount links and the checkout, the signed proxy, the app in the admin's frame, what deploys."""

import hashlib
import hmac
import io
import json
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, parse_qsl, urlsplit
from zipfile import ZipFile

import pytest
import requests

from demo.shopify.app_config import AppConfig
from tests.demo.shopify_world import World, opened
from tests.demo.world import Receiver

SETTINGS = """
name = "Points"
client_id = "abc"
application_url = "https://app.example/home"
embedded = true
[access_scopes]
scopes = "read_orders, read_customers"
optional_scopes = ["read_all_orders"]
[auth]
redirect_urls = ["https://app.example/back"]
[app_proxy]
url = "https://app.example/proxy"
prefix = "apps"
subpath = "regulars"
[webhooks]
api_version = "2026-10"
[[webhooks.subscriptions]]
topics = ["orders/create"]
include_fields = ["id"]
uri = "https://app.example/hooks"
[[webhooks.subscriptions]]
topics = ["orders/delete"]
compliance_topics = ["shop/redact"]
uri = "https://app.example/hooks"
"""
LAUNCHER = """{%- comment -%} not shown {%- endcomment -%}
<points-launcher data-account="{{ routes.account_url | escape }}" data-shop="{{ app.metafields.x.y.value | default: '' | escape }}">
{%- if customer -%}<b>{{ 'panel.hello' | t | escape }}</b>{%- else -%}<i>stranger</i>{%- endif -%}
</points-launcher>
{% schema %} {"name": "t:launcher"} {% endschema %}"""


@pytest.fixture
def world() -> Iterator[World]:
    with opened() as world:
        yield world


def browse(world: World) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.get(world.url, timeout=20)
    return session


def fill(world: World, session: requests.Session, product: int = 12, quantity: int = 1) -> requests.Response:
    given = {"id": world.shop.number("ProductVariant", product), "quantity": quantity}
    return session.post(f"{world.url}/cart/add", data=given, timeout=20)


def total(world: World, session: requests.Session) -> tuple[int, int]:
    cart = session.get(f"{world.url}/cart.js", timeout=20).json()
    return cart["total_price"], cart["total_discount"]


@pytest.mark.parametrize("link_first", [True, False])
def test_a_discount_link_holds_for_the_cart_before_and_after_it(world: World, link_first: bool) -> None:
    world.make("FIVE")
    session = browse(world)

    if link_first:
        back = session.get(f"{world.url}/discount/five?redirect=/products/everyday-tee", timeout=20)
        assert urlsplit(back.url).path == "/products/everyday-tee"
        fill(world, session)
    else:
        fill(world, session)
        session.get(f"{world.url}/discount/FIVE", timeout=20)

    assert total(world, session) == (1920, 500)


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_a_discount_link_leads_nowhere_else(world: World, target: str) -> None:
    answer = requests.get(f"{world.url}/discount/X", params={"redirect": target}, timeout=20, allow_redirects=False)

    assert answer.headers["Location"] == "/"


def test_a_guest_buys_with_a_typed_code_and_becomes_a_customer(world: World) -> None:
    world.make("FIVE", usageLimit=1)
    session = browse(world)
    fill(world, session)

    wrong = session.post(f"{world.url}/checkout", data={"deed": "apply", "code": "nope"}, timeout=20)
    right = session.post(f"{world.url}/checkout", data={"deed": "apply", "code": "five"}, timeout=20)
    placed = session.post(
        f"{world.url}/checkout", data={"deed": "place", "email": "new@ex.cz", "payment": "demo_card"}, timeout=20
    )

    assert "Enter a valid discount code" in wrong.text
    assert "FIVE" in right.text
    assert urlsplit(placed.url).path.endswith("/thank-you")
    order = world.order(max(world.shop.store.orders))
    customer = world.shop.store.customer_by_email("new@ex.cz")
    assert customer is not None
    assert order["customer"] == {"id": world.shop.gid("Customer", customer.id)}
    assert (order["discountCodes"], order["displayFinancialStatus"]) == (["FIVE"], "PAID")
    assert total(world, session) == (0, 0)


def test_a_code_of_somebody_else_is_refused_at_the_checkout(world: World) -> None:
    anna = world.shop.add_customer("anna@ex.cz", password="demo")
    world.make("ANNA", context={"customers": {"add": [world.shop.gid("Customer", anna.id)]}})
    stranger, herself = browse(world), browse(world)
    herself.post(f"{world.url}/account/login", data={"login": "anna@ex.cz", "password": "demo"}, timeout=20)
    pages = []
    for session in (stranger, herself):
        fill(world, session)
        pages.append(session.post(f"{world.url}/checkout", data={"deed": "apply", "code": "ANNA"}, timeout=20).text)

    assert "available to you" in pages[0]
    assert "available to you" not in pages[1]
    assert total(world, herself) == (1920, 500)


def test_a_code_that_was_used_up_meanwhile_leaves_the_order_unplaced(world: World) -> None:
    world.make("ONCE", usageLimit=1)
    session = browse(world)
    fill(world, session)
    session.post(f"{world.url}/checkout", data={"deed": "apply", "code": "ONCE"}, timeout=20)
    world.shop.place_order({12: 1}, coupons=("ONCE",))

    answer = session.post(f"{world.url}/checkout", data={"deed": "place", "email": "a@ex.cz"}, timeout=20)

    assert "A discount was removed" in answer.text
    assert len(world.shop.store.orders) == 1


def test_a_code_of_a_customer_who_signed_out_in_between_is_taken_off(world: World) -> None:
    anna = world.shop.add_customer("anna@ex.cz", password="demo")
    world.make("ANNA", context={"customers": {"add": [world.shop.gid("Customer", anna.id)]}})
    session = browse(world)
    session.post(f"{world.url}/account/login", data={"login": "anna@ex.cz", "password": "demo"}, timeout=20)
    fill(world, session)
    session.post(f"{world.url}/checkout", data={"deed": "apply", "code": "ANNA"}, timeout=20)
    session.post(f"{world.url}/account/logout", timeout=20)

    answer = session.post(f"{world.url}/checkout", data={"deed": "place", "email": "other@ex.cz"}, timeout=20)

    assert "A discount was removed" in answer.text
    assert world.shop.store.orders == {}


def test_an_account_is_opened_signed_into_and_left(world: World) -> None:
    session = browse(world)
    session.post(f"{world.url}/account/register", data={"email": "a@ex.cz", "password": "pw"}, timeout=20)
    assert "a@ex.cz" in session.get(f"{world.url}/account", timeout=20).text

    session.post(f"{world.url}/account/logout", timeout=20)

    assert urlsplit(session.get(f"{world.url}/account", timeout=20).url).path == "/account/login"
    wrong = session.post(f"{world.url}/account/login", data={"login": "a@ex.cz", "password": "no"}, timeout=20)
    assert wrong.status_code == 400


@pytest.mark.parametrize("signed_in", [True, False])
def test_the_proxy_signs_who_is_asking_and_leaves_cookies_behind(signed_in: bool) -> None:
    with Receiver(answer=lambda got: (200, {"Content-Type": "application/json", "Set-Cookie": "a=1"}, b"{}")) as app:
        with opened(app=AppConfig(proxy_url=f"{app.url}/proxy")) as world:
            anna = world.shop.add_customer("anna@ex.cz")
            session = browse(world)
            if signed_in:
                session.get(f"{world.url}/demo/sign-in/anna@ex.cz", timeout=20)
            session.cookies.set("tracker", "1")

            answer = session.get(
                f"{world.url}/apps/regulars/token?x=1&x=2&shop=evil", headers={"X-Regulars": "1"}, timeout=20
            )

            secret = world.shop.site.app.secret
        got = app.received[0]
    assert (answer.text, "Set-Cookie" in answer.headers) == ("{}", False)
    assert ("Cookie" in got.headers, got.headers["X-Regulars"]) == (False, "1")
    parts = urlsplit(got.path)
    values = dict(parse_qsl(parts.query, keep_blank_values=True))
    seal = values.pop("signature")
    text = "".join(f"{name}={values[name]}" for name in sorted(values))
    assert parts.path == "/proxy/token"
    assert (values["x"], values["shop"]) == ("1,2", "fernway.myshopify.com")
    assert values["logged_in_customer_id"] == (world.shop.number("Customer", anna.id) if signed_in else "")
    assert hmac.compare_digest(seal, hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest())


def test_the_proxy_answers_404_once_the_app_is_gone(world: World) -> None:
    world.shop.configure(proxy_url="http://127.0.0.1:9/")
    world.shop.uninstall()

    assert requests.get(f"{world.url}/apps/regulars/token", timeout=20).status_code == 404


def test_the_admin_installs_frames_and_removes_the_app() -> None:
    with opened(app=AppConfig(app_url="https://app.example/home")) as world:
        frame = requests.get(f"{world.url}/admin/apps/regulars/members", timeout=20).text
        requests.post(f"{world.url}/admin/uninstall", timeout=20)
        consent = requests.get(f"{world.url}/admin/apps/regulars", timeout=20).text
        dead = world.post("query Q { shop { name } }").status_code
        requests.post(f"{world.url}/admin/install", timeout=20)
        again = world.shop.site.installed
        secret = world.shop.site.app.secret

    address = re.search(r'<iframe data-app[^>]* src="([^"]+)"', frame)
    assert address is not None
    url = urlsplit(address.group(1).replace("&amp;", "&"))
    values = {name: found[0] for name, found in parse_qs(url.query).items()}
    seal = values.pop("hmac")
    text = "&".join(f"{name}={values[name]}" for name in sorted(values))
    assert f"{url.scheme}://{url.netloc}{url.path}" == "https://app.example/home/members"
    assert hmac.compare_digest(seal, hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest())
    assert {"id_token", "shop", "host", "embedded", "timestamp", "session", "locale"} == set(values)
    assert ("Install" in consent, "iframe" in consent, dead, again) == (True, False, 401, True)


def test_optional_scopes_are_granted_when_they_are_ticked_or_asked_for_later() -> None:
    app = AppConfig(scopes=("read_orders",), optional_scopes=("read_all_orders", "write_gift_cards"))
    with opened(("read_orders",), app=app) as world:
        requests.post(f"{world.url}/admin/uninstall", timeout=20)
        ticked = {"scope": ["read_all_orders", "write_products"]}
        requests.post(f"{world.url}/admin/install", data=ticked, timeout=20)
        first = world.shop.site.granted
        asked = {"add": ["write_gift_cards", "write_themes"]}
        told = requests.post(f"{world.url}/admin/app-bridge/scopes", json=asked, timeout=20).json()

    assert first == ("read_orders", "read_all_orders")
    assert told["granted"] == ["read_orders", "read_all_orders", "write_gift_cards"]


def test_staff_pay_refund_edit_cancel_and_delete_orders(world: World) -> None:
    made = world.shop.place_order({11: 2}, payment="bacs")
    base, line = f"{world.url}/admin/orders/{made.id}", made.lines[0].id
    states = []
    for deed, form in (
        ("paid", {}),
        ("refund", {f"line-{line}": 1}),
        ("edit", {"product": 12, "units": 1}),
        ("cancel", {}),
    ):
        assert requests.post(f"{base}/{deed}", data=form, timeout=20).status_code == 200
        states.append(world.order(made.id)["displayFinancialStatus"])
    too_much = requests.post(f"{base}/refund", data={"amount": "999"}, timeout=20)
    requests.post(f"{base}/delete", timeout=20)

    assert states == ["PAID", "PARTIALLY_REFUNDED", "PARTIALLY_REFUNDED", "REFUNDED"]
    assert "more than is left" in too_much.text
    assert made.id not in world.shop.store.orders


@pytest.mark.parametrize("page", ["", "/customers", "/discounts", "/webhooks", "/faults"])
def test_every_page_of_the_admin_opens(page: str) -> None:
    with opened(order_count=60, customer_count=8) as world:
        assert requests.get(f"{world.url}/admin{page}", timeout=20).status_code == 200


def test_switches_are_set_by_a_form(world: World) -> None:
    requests.post(
        f"{world.url}/admin/faults", data={"duplicate": "on", "api_mode": "frozen", "drop_rate": "0"}, timeout=20
    )

    assert (world.shop.faults.duplicate, world.shop.faults.api_mode) == (True, "frozen")


def archive() -> bytes:
    content = io.BytesIO()
    with ZipFile(content, "w") as files:
        files.writestr("points/shopify.app.toml", SETTINGS)
        files.writestr("points/extensions/theme/blocks/launcher.liquid", LAUNCHER)
        files.writestr("points/extensions/theme/assets/points.js", "/* points */")
        files.writestr(
            "points/extensions/theme/locales/en.default.json", json.dumps({"panel": {"hello": "Hello <you>"}})
        )
    return content.getvalue()


def test_a_deployment_brings_configuration_and_blocks(world: World) -> None:
    secret = world.shop.site.app.secret
    requests.post(f"{world.url}/demo/deploy", data=archive(), timeout=20)

    app = world.shop.site.app
    assert (app.client_id, app.app_url, app.secret) == ("abc", "https://app.example/home", secret)
    assert (app.scopes, app.optional_scopes) == (("read_orders", "read_customers"), ("read_all_orders",))
    assert (app.topics, app.include_fields) == (
        ("orders/create", "orders/delete", "shop/redact"),
        {"orders/create": ("id",)},
    )
    assert (app.proxy_url, app.redirect_urls) == ("https://app.example/proxy", ("https://app.example/back",))
    world.shop.add_customer("anna@ex.cz")
    session = browse(world)
    stranger = session.get(world.url, timeout=20).text
    session.get(f"{world.url}/demo/sign-in/anna@ex.cz", timeout=20)
    herself = session.get(world.url, timeout=20).text
    assert '<points-launcher data-account="/account" data-shop=""><i>stranger</i></points-launcher>' in stranger
    assert "<b>Hello &lt;you&gt;</b>" in herself
    assert "schema" not in stranger
    assert 'src="/cdn/extensions/points.js"' in stranger
    assert session.get(f"{world.url}/cdn/extensions/points.js", timeout=20).text == "/* points */"
    world.shop.uninstall()
    assert "points-launcher" not in session.get(world.url, timeout=20).text
