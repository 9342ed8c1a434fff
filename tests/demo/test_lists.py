"""Lists of the REST API: pages, filters, what they leave out, and the shapes of errors."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.demo.conftest import Open
from tests.demo.world import Clock, rest


@pytest.mark.parametrize("per_page", [0, 101, -1])
def test_a_page_holds_one_to_a_hundred(open_shop: Open, per_page: int) -> None:
    answer = rest(open_shop()).get("orders", params={"per_page": per_page})

    assert (answer.status_code, answer.json()["code"]) == (400, "rest_invalid_param")
    assert "per_page" in answer.json()["data"]["params"]


def test_pages_are_counted_in_headers_and_lead_to_the_next(open_shop: Open) -> None:
    api = rest(open_shop(order_count=25, customer_count=6))
    params = {"per_page": 10, "orderby": "id", "order": "asc"}

    pages = [api.get("orders", params={**params, "page": page}) for page in (1, 2, 3)]
    total = int(pages[0].headers["X-WP-Total"])

    assert total == 25
    assert [page.headers["X-WP-TotalPages"] for page in pages] == ["3", "3", "3"]
    ids = [order["id"] for page in pages for order in page.json()]
    assert ids == sorted(ids)
    assert len(set(ids)) == total
    assert ["next" in page.links for page in pages] == [True, True, False]
    assert ["prev" in page.links for page in pages] == [False, True, True]


def test_past_the_end_there_is_an_empty_list_and_a_total_of_zero(open_shop: Open) -> None:
    answer = rest(open_shop(order_count=5)).get("orders", params={"page": 9})

    assert (answer.status_code, answer.json(), answer.headers["X-WP-Total"]) == (200, [], "0")


def test_modified_after_is_strict_and_knows_whole_seconds(open_shop: Open, clock: Clock) -> None:
    running = open_shop()
    api = rest(running)
    first = running.shop.place_order()
    clock.turn(0.9 - clock.now % 1)
    second = running.shop.place_order()
    clock.turn(1)
    third = running.shop.place_order()

    def after(text: str) -> list[int]:
        rows = api.get("orders", params={"modified_after": text, "orderby": "id", "order": "asc"}).json()
        return [order["id"] for order in rows]

    moment = api.get(f"orders/{first.id}").json()["date_modified_gmt"]
    assert after(f"{moment}Z") == [third.id]
    assert second.id not in after(f"{moment}Z")


def test_a_naive_date_is_shop_time_unless_told_otherwise(open_shop: Open) -> None:
    running = open_shop()
    api = rest(running)
    order = api.get(f"orders/{running.shop.place_order().id}").json()
    local, gmt = order["date_modified"], order["date_modified_gmt"]
    assert local != gmt

    def found(**params: object) -> int:
        return len(api.get("orders", params=params).json())

    assert found(modified_after=gmt) == 1
    assert found(modified_after=local) == 0
    assert found(modified_after=gmt, dates_are_gmt=True) == 0
    assert found(modified_after=f"{local}+01:00") == 0
    assert found(modified_before=f"{local}+00:00") == 1


def test_a_date_with_a_zone_beside_dates_are_gmt_moves_by_the_shops_offset(open_shop: Open) -> None:
    """Measured on WooCommerce 11.0.1 in Prague: such a poll finds nothing of the last hours."""
    running = open_shop()
    api = rest(running)
    order = api.get(f"orders/{running.shop.place_order().id}").json()
    before = f"{datetime.fromisoformat(order['date_modified_gmt']) - timedelta(minutes=5):%Y-%m-%dT%H:%M:%S}"

    def found(text: str) -> int:
        return len(api.get("orders", params={"modified_after": text, "dates_are_gmt": "true"}).json())

    assert found(before) == 1
    assert found(f"{before}Z") == 0


@pytest.mark.parametrize("route", ["customers", "webhooks"])
def test_customers_and_webhooks_know_no_modified_after(open_shop: Open, route: str) -> None:
    running = open_shop(customer_count=3)
    api = rest(running)
    api.post("webhooks", {"topic": "order.created", "delivery_url": "http://127.0.0.1:9/", "secret": "x"})

    assert api.get(route, params={"modified_after": "2099-01-01T00:00:00Z"}).json()


def test_customers_cannot_be_sorted_by_modification(open_shop: Open) -> None:
    assert rest(open_shop()).get("customers", params={"orderby": "modified"}).status_code == 400


def test_unknown_parameters_are_ignored_silently(open_shop: Open) -> None:
    running = open_shop(order_count=7)

    answer = rest(running).get("orders", params={"billing_email": "nobody@example.com"})

    assert answer.headers["X-WP-Total"] == "7"


def test_any_status_leaves_out_the_trash_only(open_shop: Open) -> None:
    running = open_shop()
    api, shop = rest(running), running.shop
    kept, gone = shop.place_order(), shop.place_order()
    shop.cancel(kept.id)
    shop.trash(gone.id)

    assert [order["id"] for order in api.get("orders").json()] == [kept.id]
    assert [order["id"] for order in api.get("orders", params={"status": "trash"}).json()] == [gone.id]
    assert api.get(f"orders/{gone.id}").json()["status"] == "trash"


def test_an_unknown_status_is_refused(open_shop: Open) -> None:
    assert rest(open_shop()).get("orders", params={"status": "shipped"}).status_code == 400


def test_fields_cut_an_answer_down(open_shop: Open) -> None:
    running = open_shop()
    api, order = rest(running), running.shop.place_order()

    assert api.get("orders", params={"_fields": "id,status"}).json() == [{"id": order.id, "status": "processing"}]
    assert api.get(f"orders/{order.id}", params={"_fields": "id,billing.email"}).json() == {
        "id": order.id,
        "billing": {"email": "guest@example.com"},
    }


def test_customers_by_email_are_looked_for_among_customers_unless_all_roles_are_asked_for(open_shop: Open) -> None:
    running = open_shop()
    api, owner = rest(running), running.shop.owner.email

    assert api.get("customers", params={"email": owner}).json() == []
    assert len(api.get("customers", params={"email": owner, "role": "all"}).json()) == 1


def test_guest_orders_are_found_by_customer_zero_and_by_search(open_shop: Open) -> None:
    running = open_shop()
    api, shop = rest(running), running.shop
    guest = shop.place_order(email="lost@example.com")
    customer = shop.add_customer("anna@example.com")
    shop.place_order(customer_id=customer.id)

    assert [order["id"] for order in api.get("orders", params={"customer": 0}).json()] == [guest.id]
    assert [order["id"] for order in api.get("orders", params={"search": "lost@"}).json()] == [guest.id]
    assert api.get("orders", params={"customer": "lost@example.com"}).status_code == 400


def test_refunds_of_all_orders_are_listed_by_current_shops_only(version: str, open_shop: Open) -> None:
    running = open_shop(version)
    order = running.shop.place_order()
    running.shop.refund(order.id, amount="1.00")

    answer = rest(running).get("refunds")

    if version == "8.2.2":
        assert (answer.status_code, answer.json()["code"]) == (404, "rest_no_route")
    else:
        assert [refund["parent_id"] for refund in answer.json()] == [order.id]


@pytest.mark.parametrize(
    ("method", "route", "status", "code"),
    [
        ("get", "orders/999999", 404, "woocommerce_rest_shop_order_invalid_id"),
        ("put", "orders/999999", 400, "woocommerce_rest_shop_order_invalid_id"),
        ("get", "coupons/999999", 404, "woocommerce_rest_shop_coupon_invalid_id"),
        ("put", "coupons/999999", 400, "woocommerce_rest_shop_coupon_invalid_id"),
        ("get", "nothing/here", 404, "rest_no_route"),
        ("delete", "customers/1", 501, "woocommerce_rest_trash_not_supported"),
        ("delete", "webhooks/1", 501, "woocommerce_rest_trash_not_supported"),
    ],
)
def test_errors_have_the_shape_and_status_of_wordpress(
    open_shop: Open, method: str, route: str, status: int, code: str
) -> None:
    api = rest(open_shop())
    answer = api.put(route, {"status": "completed"}) if method == "put" else getattr(api, method)(route)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["data"] == {"status": status}


@pytest.mark.parametrize(
    ("body", "code", "number"),
    [
        ({"amount": "999.00", "api_refund": False}, "woocommerce_rest_cannot_create_order_refund", 500),
        ({"amount": "1.00"}, "woocommerce_rest_cannot_create_order_refund", 500),
        ({"amount": "-1.00", "api_refund": False}, "woocommerce_rest_invalid_order_refund", 400),
    ],
)
def test_refund_errors_are_500_with_a_bare_number(
    open_shop: Open, body: dict[str, Any], code: str, number: int
) -> None:
    running = open_shop()
    order = running.shop.place_order()

    answer = rest(running).post(f"orders/{order.id}/refunds", body)

    assert (answer.status_code, answer.json()["code"], answer.json()["data"]) == (500, code, number)


def test_a_batch_answers_200_and_tells_failures_item_by_item(open_shop: Open) -> None:
    api = rest(open_shop())
    first = api.post("coupons", {"code": "first"}).json()
    body = {
        "create": [{"code": "second"}, {"code": "first"}],
        "update": [{"id": first["id"], "description": "new"}, {"id": 999999}],
        "delete": [first["id"], 999999],
    }

    answer = api.post("coupons/batch", body)

    assert answer.status_code == 200
    told = answer.json()
    assert told["create"][0]["code"] == "second"
    assert told["create"][1]["error"]["code"] == "woocommerce_rest_coupon_code_already_exists"
    assert told["update"][0]["description"] == "new"
    assert told["update"][1]["error"]["data"] == {"status": 400}
    assert told["delete"][0]["id"] == first["id"]
    assert "error" in told["delete"][1]


def test_a_batch_holds_a_hundred_items(open_shop: Open) -> None:
    answer = rest(open_shop()).post("coupons/batch", {"create": [{"code": f"c{n}"} for n in range(101)]})

    assert (answer.status_code, answer.json()["code"]) == (413, "woocommerce_rest_request_entity_too_large")


def test_the_indexes_and_the_settings_are_there(version: str, open_shop: Open) -> None:
    running = open_shop(version)
    api = rest(running)
    client = running.shop.app.test_client()

    assert "wc/v3" in client.get("/wp-json/").get_json()["namespaces"]
    assert client.get("/wp-json/wc/v3").get_json()["namespace"] == "wc/v3"
    assert api.get("settings/general/woocommerce_currency").json()["value"] == "EUR"
    assert api.get("data/currencies/current").json()["code"] == "EUR"
    environment = api.get("system_status").json()
    assert environment["environment"]["version"] == version
    assert environment["settings"]["HPOS_enabled"] is (version == "11.0.1")
