"""Who may call the API of the fake Shoptet, how much, and how it refuses: tokens, rights, modules, bucket, locks, pages."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
import requests

from demo.shoptet.addon import ENDPOINTS, AddonConfig
from tests.demo.shoptet_world import Contract, World, contract_in, opened

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def world() -> Iterator[World]:
    with opened() as world:
        yield world


@pytest.fixture
def contract(contracts_dir: Path) -> Contract:
    return contract_in(contracts_dir)


def until(true: Callable[[], bool]) -> None:
    """Wait for something that comes by itself."""
    turn = threading.Event()
    while not true():
        turn.wait(0.01)


def told(answer: requests.Response) -> list[dict[str, str]]:
    found: list[dict[str, str]] = answer.json()["errors"]
    return found


def test_a_call_without_a_token_is_told_which_header_to_send(world: World, contract: Contract) -> None:
    answer = world.call("GET", "/api/eshop", headers=JSON)

    assert answer.status_code == 401
    assert told(answer) == contract.sample("error_missing_token")["errors"]


def test_a_token_of_half_an_hour_ago_is_told_that_it_is_expired(world: World, contract: Contract) -> None:
    world.clock.turn(1799)
    assert world.call("GET", "/api/eshop").status_code == 200
    world.clock.turn(1)
    answer = world.call("GET", "/api/eshop")

    assert answer.status_code == 401
    assert told(answer) == contract.sample("error_401_expired_token")["errors"]


def test_a_made_up_token_is_refused(world: World) -> None:
    assert world.refused("GET", "/api/eshop", headers={**JSON, "Shoptet-Access-Token": "nonsense"}) == (
        401,
        ["invalid-token"],
    )
    assert world.refused("GET", "/api/eshop", headers={**JSON, "Authorization": f"Bearer {world.token}"})[0] == 401


def test_a_private_token_goes_by_its_own_header(world: World) -> None:
    token = world.shop.private_token()

    assert world.call("GET", "/api/orders", headers={**JSON, "Shoptet-Private-API-Token": token}).status_code == 200
    assert world.refused("GET", "/api/orders", headers={**JSON, "Shoptet-Access-Token": token})[0] == 401
    assert world.refused("GET", "/api/orders", headers={**JSON, "Shoptet-Private-API-Token": world.token})[0] == 401


def test_a_private_token_outlives_the_addon(world: World) -> None:
    token = world.shop.private_token()
    world.shop.uninstall()

    assert world.call("GET", "/api/orders", headers={**JSON, "Shoptet-Private-API-Token": token}).status_code == 200
    assert world.refused("GET", "/api/orders") == (401, ["invalid-token"])


def test_content_type_is_wanted_even_on_get(world: World) -> None:
    head = {"Shoptet-Access-Token": world.token}

    assert world.refused("GET", "/api/eshop", headers=head) == (422, ["invalid-request-data"])


def test_without_the_right_an_endpoint_is_closed(contract: Contract) -> None:
    rights = tuple(name for name in ENDPOINTS if name != "orders")
    with opened(addon=AddonConfig(rights=rights, pending=("orders",))) as world:
        answer = world.call("GET", "/api/orders")
        sample = contract.sample("error_403_no_rights")["errors"][0]

        assert answer.status_code == 403
        assert told(answer)[0] | {"message": ""} == sample | {"message": ""}
        assert world.token not in answer.text
        approved = world.get("/api/system/endpoints")["endpoints"]
        pending = world.get("/api/system/endpoints?status=pending")["endpoints"]
        assert "orders" not in [each["endpoint"] for each in approved]
        assert [each["endpoint"] for each in pending] == ["orders"]


def test_coupons_need_their_module(world: World, contract: Contract) -> None:
    world.shop.switch_module("discountCoupons")
    answer = world.call("GET", "/api/discount-coupons/X")

    assert answer.status_code == 403
    assert told(answer) == contract.sample("coupon_patch.error403_missing_module")["errors"]
    assert "discountCoupons" not in [each["name"] for each in world.get("/api/eshop")["activeModules"]]
    world.shop.switch_module("discountCoupons", on=True)
    assert world.call("GET", "/api/discount-coupons/X").status_code == 404


def test_every_answer_says_how_full_the_bucket_is_and_it_leaks_by_the_clock(world: World) -> None:
    first = world.call("GET", "/api/eshop").headers["X-RateLimit-Bucket-Filling"]
    second = world.call("GET", "/api/eshop").headers["X-RateLimit-Bucket-Filling"]
    world.clock.turn(60)
    third = world.call("GET", "/api/eshop").headers["X-RateLimit-Bucket-Filling"]

    assert (first, second, third) == ("1/200", "2/200", "1/200")


def test_long_lists_cost_more() -> None:
    with opened(order_count=50, customer_count=5) as world:
        assert world.call("GET", "/api/orders?itemsPerPage=50").headers["X-RateLimit-Bucket-Filling"] == "3/200"


def test_a_full_bucket_refuses_until_the_date_it_names(world: World) -> None:
    world.shop.site.bucket.fill()
    refused = world.call("GET", "/api/eshop")
    until = parsedate_to_datetime(refused.headers["Retry-After"]).timestamp()
    world.clock.now = until
    served = world.call("GET", "/api/eshop")

    assert refused.status_code == 429
    assert refused.headers["X-RateLimit-Bucket-Filling"] == "200/200"
    assert until - 1795301577.0 == 1
    assert served.status_code == 200


def test_a_fourth_connection_of_one_token_gets_nginx(world: World) -> None:
    head = {**JSON, "Shoptet-Access-Token": world.token}
    other = {**JSON, "Shoptet-Private-API-Token": world.shop.private_token()}

    def ask(head: dict[str, str]) -> int:
        return requests.get(f"{world.url}/api/eshop", headers=head, timeout=60).status_code

    with ThreadPoolExecutor(4) as pool:
        # Calls cannot go on while we hold the books.
        with world.shop.store.lock:
            waiting = [pool.submit(ask, head) for _ in range(3)]
            until(lambda: world.shop.site.connections.open(world.token) == 3)
            fourth = ask(head)
            stranger = pool.submit(ask, other)
        answers = [each.result() for each in waiting]

    assert (fourth, answers, stranger.result(), ask(head)) == (429, [200, 200, 200], 200, 200)


def test_an_identical_write_within_five_seconds_is_locked(world: World) -> None:
    path, data = "/api/discount-coupons/templates", {"title": "Loyalty"}
    first = world.call("POST", path, data)
    world.clock.turn(4.9)
    second = world.call("POST", path, data)
    other = world.call("POST", path, {"title": "Another"})
    world.clock.turn(0.2)
    third = world.call("POST", path, data)

    assert [each.status_code for each in (first, second, other, third)] == [201, 423, 201, 201]
    assert len(world.get("/api/discount-coupons/templates")["couponTemplates"]) == 4


def test_a_refused_write_may_be_sent_again_at_once(world: World) -> None:
    assert [world.call("POST", "/api/discount-coupons/templates", {}).status_code for _ in range(2)] == [422, 422]


def test_a_lost_answer_has_done_its_work_and_locks_its_repetition(world: World) -> None:
    world.shop.faults.lose_answers = True
    with pytest.raises(requests.ConnectionError):
        world.call("POST", "/api/discount-coupons/templates", {"title": "Loyalty"})
    world.shop.faults.lose_answers = False

    assert world.call("POST", "/api/discount-coupons/templates", {"title": "Loyalty"}).status_code == 423
    assert [each.title for each in world.shop.site.templates.values()] == ["Whole shop", "Loyalty"]


def test_more_rows_than_a_call_may_have_are_413(world: World) -> None:
    template = world.template()
    rows = [world.coupon(f"C{n}", template=template) for n in range(1000)]

    assert world.refused("POST", "/api/discount-coupons", {"coupons": rows})[0] == 413
    assert world.refused("DELETE", "/api/discount-coupons", {"couponCodes": ["C"] * 201})[0] == 413
    hooks = [{"event": "order:create", "url": "https://a.example/"}] * 51
    assert world.refused("POST", "/api/webhooks", hooks)[0] == 413


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/api/customers", 1000),
        ("/api/customers/changes?from=2025-01-01T00:00:00%2B0100", 20),
        ("/api/orders/changes?from=2025-01-01T00:00:00%2B0100", 1000),
        ("/api/discount-coupons", 1000),
        ("/api/credit-notes", 20),
        ("/api/webhooks", 500),
        ("/api/pricelists/1", 100),
    ],
)
def test_more_per_page_than_the_maximum_is_cut_down_to_it(world: World, path: str, most: int) -> None:
    joint = "&" if "?" in path else "?"

    assert world.get(f"{path}{joint}itemsPerPage=5000")["paginator"]["itemsPerPage"] == most


def test_orders_come_at_most_fifty_at_a_time() -> None:
    with opened(order_count=60, customer_count=5) as world:
        first, second = (world.get(f"/api/orders?page={page}") for page in (1, 2))

        assert first["paginator"] == {
            "totalCount": 60,
            "page": 1,
            "pageCount": 2,
            "itemsOnPage": 50,
            "itemsPerPage": 50,
        }
        assert len({row["code"] for row in first["orders"] + second["orders"]}) == 60
        assert world.get("/api/orders?page=3")["orders"] == []
        assert world.refused("GET", "/api/orders?itemsPerPage=51") == (400, ["invalid-parameter"])


@pytest.mark.parametrize("value", ["2026-11-01", "2026-11-01T00:00:00+0100", "1795301577", ""])
def test_a_time_must_be_whole_and_its_plus_sign_encoded(world: World, value: str) -> None:
    assert world.refused("GET", f"/api/orders?changeTimeFrom={value or 'x'}") == (400, ["invalid-parameter"])


def test_changes_want_to_know_since_when(world: World) -> None:
    assert world.refused("GET", "/api/orders/changes") == (400, ["missing-parameter"])


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/api/orders/2026000999", "order-not-found"),
        ("/api/customers/1b02cb8e-d7b5-11e0-9a5c-feab5ed617ed", "customer-not-found"),
        ("/api/discount-coupons/NOPE", "discount-coupon-not-found"),
        ("/api/credit-notes/00000099", "credit-note-not-found"),
        ("/api/webhooks/99", "webhook-not-found"),
        ("/api/system/jobs/nope", "job-not-found"),
        ("/api/pricelists/99", "pricelist-not-found"),
        ("/api/nonsense", None),
    ],
)
def test_what_is_not_there_is_404_in_the_envelope(world: World, path: str, code: str | None) -> None:
    rights = (*ENDPOINTS, "nonsense")
    world.shop.configure(rights=rights)
    status, codes = world.refused("GET", path)

    assert status == 404
    assert code is None or codes == [code]


def test_the_fault_switches_break_the_api_as_they_say(world: World) -> None:
    broken = {"rest_mode": {"maintenance": 503, "fatal": 500, "error500": 500, "html": 200, "revoked": 401},
              "api_mode": {"throttled": 429, "expired": 401, "no_rights": 403}}  # fmt: skip
    for switch, modes in broken.items():
        for mode, status in modes.items():
            world.shop.faults.update({switch: mode})
            answer = world.call("GET", "/api/eshop")
            world.shop.faults.clear()
            assert answer.status_code == status, mode
            assert answer.headers["Content-Type"].startswith("text/html") == (
                mode in {"maintenance", "fatal", "html", "throttled"}
            )
    assert world.call("GET", "/api/eshop").status_code == 200


def test_a_shop_that_is_down_hangs_up(world: World) -> None:
    requests.post(f"{world.url}/demo/faults", json={"shop_down": True}, timeout=20)
    with pytest.raises(requests.ConnectionError):
        world.call("GET", "/api/eshop")
    requests.post(f"{world.url}/demo/faults", json={"clear": True}, timeout=20)

    assert world.call("GET", "/api/eshop").status_code == 200
