"""The neutral shop: its generated year, its prices, its pages, its size."""

import ast
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import requests

from demo.shop.entities import Order
from demo.shop.money import exact_net, gross_of, minor, net, tax, text, trimmed
from demo.shop.pricing import Item, price
from demo.woocommerce.demo_shop import DemoShop
from tests.demo.conftest import Open
from tests.demo.world import Clock, signed_in

ROOT = Path(__file__).parents[2]
OURS = {"core", "connectors", "webhooks", "widgets", "admin", "api", "app"}


def test_the_demo_imports_nothing_of_the_product() -> None:
    roots = set()
    for path in (ROOT / "demo").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                roots |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                roots.add((node.module or "").split(".")[0])

    assert roots & OURS == set()
    assert roots - set(sys.stdlib_module_names) == {"demo", "flask", "graphql", "requests", "werkzeug", "markupsafe"}


def test_the_neutral_shop_knows_no_platform() -> None:
    knowing = [path.name for path in (ROOT / "demo" / "shop").glob("*.py") if "demo.woocommerce" in path.read_text()]

    assert knowing == []


def test_the_same_seed_makes_the_same_year(clock: Clock) -> None:
    def year(seed: int) -> list[tuple[int, str, int, str]]:
        orders = DemoShop(seed=seed, order_count=80, clock=clock).store.orders.values()
        return [(order.created_at, order.status, order.total, order.billing.email) for order in orders]

    assert year(1) == year(1)
    assert year(1) != year(2)


def test_the_year_has_all_that_a_year_has(clock: Clock) -> None:
    orders = list(DemoShop(clock=clock).store.orders.values())

    statuses = Counter(order.status for order in orders)
    assert len(orders) == 400
    assert {"completed", "processing", "cancelled", "refunded", "failed"} <= set(statuses)
    assert statuses["completed"] > 300
    assert all(clock() - 366 * 86400 < order.created_at <= order.modified_at <= clock() for order in orders)
    assert any(order.customer_id == 0 for order in orders)
    assert any(order.coupon_lines for order in orders)
    assert any(order.refunds and order.status == "completed" for order in orders)
    assert any(refund.lines == [] for order in orders for refund in order.refunds)
    assert any(unpaid_cash(order) for order in orders)
    assert all(order.refunded <= order.total for order in orders)


def unpaid_cash(order: Order) -> bool:
    return order.payment_method == "cod" and order.status == "processing" and order.paid_at is None


def test_nobody_orders_before_having_an_account(clock: Clock) -> None:
    store = DemoShop(clock=clock).store

    early = [
        order.id
        for order in store.orders.values()
        if order.customer_id and order.created_at < store.customers[order.customer_id].created_at
    ]

    assert early == []


def test_twenty_thousand_orders_are_made_and_paged_quickly(clock: Clock) -> None:
    started = time.monotonic()
    shop = DemoShop(order_count=20_000, customer_count=1_000, tls=True, clock=clock)
    made_in = time.monotonic() - started
    key = shop.create_key()
    client = shop.app.test_client()
    query = {"per_page": 100, "page": 150, "orderby": "id", "order": "asc"}

    started = time.monotonic()
    answer = client.get("/wp-json/wc/v3/orders", query_string=query, auth=(key.consumer_key, key.consumer_secret))
    paged_in = time.monotonic() - started

    assert answer.headers["X-WP-Total"] == "20000"
    # About 1 s and 0.03 s on two shared cores; the bounds only catch something quadratic.
    assert made_in < 10
    assert paged_in < 1


def test_net_and_tax_make_up_the_price() -> None:
    for gross in (*range(-300, 300), 1210, 2420, 990, 4840, 2087, 2253):
        assert net(gross) + tax(gross) == gross
        assert abs(net(gross) * 121 - gross * 100) <= 61
        assert net(gross_of(gross)) == gross


def test_amounts_are_written_as_recorded() -> None:
    assert (text(1210), text(-5), text(0)) == ("12.10", "-0.05", "0.00")
    assert (str(exact_net(2087)), trimmed(exact_net(1210))) == ("17.247934", "10")
    assert (minor("5"), minor(5.0), minor("37.965")) == (500, 500, 3797)
    with pytest.raises(ArithmeticError):
        minor("nonsense")


def test_a_percentage_is_taken_from_each_line(open_shop: Open) -> None:
    shop = open_shop().shop
    coupon = shop.add_coupon("ten", "10.00", kind="percent")

    priced = price([Item(11, 1, 1210), Item(12, 1, 2425)], [coupon], remainder_goes_round=True)

    assert (priced.totals, priced.discounts) == ([1089, 2182], {"ten": 364})


PAGES = ("/", "/product/everyday-tee/", "/cart/", "/checkout/", "/my-account/login/", "/my-account/")
OFFICE = ("", "products/", "coupons/", "customers/", "connections/", "plugin/", "faults/", "?status=completed&search=a")


@pytest.mark.parametrize("page", PAGES)
def test_every_page_of_the_shop_opens(open_shop: Open, page: str) -> None:
    running = open_shop(order_count=20, customer_count=6)

    answer = requests.get(running.url + page, cookies=signed_in(running, "anna@example.com"), timeout=9)

    assert (answer.status_code, "<h1>" in answer.text) == (200, True)


@pytest.mark.parametrize("page", OFFICE)
def test_every_page_of_the_back_office_opens_for_staff_only(open_shop: Open, page: str) -> None:
    running = open_shop(order_count=60, customer_count=6)
    url = f"{running.url}/wp-admin/{page}"

    assert requests.get(url, cookies=signed_in(running, "owner"), timeout=9).status_code == 200
    anna = requests.get(url, cookies=signed_in(running, "anna@example.com"), allow_redirects=False, timeout=9)
    assert anna.headers["Location"].startswith("/demo/sign-in/owner")


@pytest.mark.parametrize(
    ("deed", "status"), [("complete", "completed"), ("cancel", "cancelled"), ("trash", "trash"), ("paid", "processing")]
)
def test_staff_move_orders_by_buttons(open_shop: Open, deed: str, status: str) -> None:
    running = open_shop()
    order = running.shop.place_order(payment="bacs")
    cookies = signed_in(running, "owner")

    page = requests.post(f"{running.url}/wp-admin/orders/{order.id}/{deed}", cookies=cookies, timeout=9)

    assert (page.status_code, order.status) == (200, status)


def test_staff_refund_pieces_or_an_amount_and_delete_a_refund(open_shop: Open) -> None:
    running = open_shop()
    order = running.shop.place_order({11: 2})
    url, cookies = f"{running.url}/wp-admin/orders/{order.id}", signed_in(running, "owner")

    requests.post(f"{url}/refund", data={f"line-{order.lines[0].id}": 1}, cookies=cookies, timeout=9)
    requests.post(f"{url}/refund", data={"amount": "2,50"}, cookies=cookies, timeout=9)
    too_much = requests.post(f"{url}/refund", data={"amount": "999"}, cookies=cookies, timeout=9)
    assert [refund.amount for refund in order.refunds] == [250, 1210]
    assert "more than is left" in too_much.text

    requests.post(f"{url}/refunds/{order.refunds[0].id}/delete", cookies=cookies, timeout=9)
    assert [refund.amount for refund in order.refunds] == [1210]


def test_signing_in_by_link_never_leaves_the_shop(open_shop: Open) -> None:
    running = open_shop(customer_count=1)
    for target in ("https://elsewhere.example/", "//elsewhere.example/"):
        url = f"{running.url}/demo/sign-in/anna@example.com"
        answer = requests.get(url, params={"next": target}, allow_redirects=False, timeout=9)
        assert answer.headers["Location"] == "/"


def test_shoppers_register_and_sign_in_with_a_password(open_shop: Open) -> None:
    running = open_shop()
    new = {"email": "new@example.com", "password": "secret"}
    with requests.Session() as browser:
        assert "/my-account/" in browser.post(f"{running.url}/my-account/register/", data=new, timeout=9).url
        browser.post(f"{running.url}/my-account/logout/", timeout=9)
        wrong = {"login": "new@example.com", "password": "guess"}
        assert browser.post(f"{running.url}/my-account/login/", data=wrong, timeout=9).status_code == 400
        right = {"login": "new@example.com", "password": "secret"}
        assert "Hello" in browser.post(f"{running.url}/my-account/login/", data=right, timeout=9).text


@pytest.mark.serial
def test_the_shop_starts_in_seconds_and_stays_small() -> None:
    command = [sys.executable, "-m", "demo", "--port", "0"]
    started = time.monotonic()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[6]
            ready_in = time.monotonic() - started
            assert requests.get(url, timeout=9).status_code == 200
            smaps = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
        finally:
            process.terminate()
    pss_kb = next(int(line.split()[1]) for line in smaps.splitlines() if line.startswith("Pss:"))
    assert ready_in < 3
    assert pss_kb < 70 * 1024
