"""Discount coupons of the fake Shoptet: what the API makes, leaves out and changes, and what a cart takes."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.shop.carts import CouponJustUsed
from demo.shop.coupons import CouponRefused
from demo.shop.entities import Order
from tests.at_once import at_once
from tests.demo.shoptet_world import World, contract_in, opened


@pytest.fixture
def world() -> Iterator[World]:
    with opened() as world:
        yield world


def used(world: World, code: str) -> int:
    found: int = world.get(f"/api/discount-coupons/{code}")["coupon"]["usedCount"]
    return found


def why(world: World, code: str, basket: dict[int, int] | None = None, **how: Any) -> str:
    with pytest.raises(CouponRefused) as refused:
        world.shop.place_order(basket or {11: 1}, coupons=[code], **how)
    return refused.value.reason


def test_a_coupon_is_answered_as_it_was_made(world: World) -> None:
    wanted = world.coupon("LP7F3K9Q2M5XATBW", minPrice="6.00", validTo="2026-12-05", remark="redemption 7")
    made = world.write("POST", "/api/discount-coupons", {"coupons": [wanted]})["coupons"][0]

    assert made | wanted == made
    assert (made["usedCount"], made["ratio"], made["validFrom"]) == (0, None, None)
    assert world.get("/api/discount-coupons/LP7F3K9Q2M5XATBW")["coupon"] == made
    assert world.get("/api/discount-coupons/lp7f3k9q2m5xatbw")["coupon"] == made


LEFT_OUT = [
    {"code": "TAKEN"},
    {"template": "1b02cb8e-d7b5-11e0-9a5c-feab5ed617ed"},
    {"currency": None},
    {"currency": "USD"},
    {"amount": "0.00"},
    {"amount": None},
    {"ratio": "0.1000"},
    {"discountType": "percentual"},
    {"discountType": "percentual", "amount": None, "ratio": None},
    {"validFrom": "2026-12-02", "validTo": "2026-12-01"},
]


@pytest.mark.parametrize("change", LEFT_OUT, ids=str)
def test_a_coupon_that_makes_no_sense_is_left_out_without_a_word(world: World, change: dict[str, Any]) -> None:
    template = world.template()
    world.make("TAKEN", template=template)
    rows = [world.coupon("BAD", template=template) | change, world.coupon("GOOD", template=template)]
    world.clock.turn(6)
    answer = world.call("POST", "/api/discount-coupons", {"coupons": rows})

    assert answer.status_code == 201
    assert [each["code"] for each in answer.json()["data"]["coupons"]] == ["GOOD"]
    assert answer.json()["errors"] is None
    assert world.refused("GET", "/api/discount-coupons/BAD")[0] == 404


def test_a_switch_makes_it_say_what_was_left_out(world: World, contracts_dir: Path) -> None:
    world.shop.faults.name_left_out = True
    template = world.template()
    world.make("LP7F3K9Q2M5XATBW", template=template)
    world.clock.turn(6)
    rows = [world.coupon("LP7F3K9Q2M5XATBW", template=template)]
    answer = world.call("POST", "/api/discount-coupons", {"coupons": rows})
    sample = contract_in(contracts_dir).sample("coupon_create_all_ignored.response201")

    assert answer.status_code == 201
    assert answer.json() | {"metadata": 0} == sample | {"metadata": 0}


def test_without_a_code_one_is_made_up(world: World) -> None:
    codes = [world.make(None)[0]["code"] for _ in range(2)]
    assert codes[0] != codes[1]
    assert all(1 <= len(code) <= 16 for code in codes)


def test_a_set_is_many_alike(world: World) -> None:
    one = {name: value for name, value in world.coupon("X").items() if name != "code"}
    made = world.write("POST", "/api/discount-coupons/set", {**one, "count": 3})["coupons"]

    assert len({each["code"] for each in made}) == 3
    assert world.get("/api/discount-coupons?reusable=false")["paginator"]["totalCount"] == 3


def test_changing_is_partial_and_names_what_failed(world: World) -> None:
    world.make("ONE")
    rows = [{"code": "ONE", "amount": "7.00", "currency": "EUR"}, {"code": "TWO", "remark": "r"}, {"code": "ONE"}]
    world.clock.turn(6)
    answer = world.call("PATCH", "/api/discount-coupons", {"coupons": rows})

    assert answer.status_code == 200
    assert [(each["code"], each["amount"]) for each in answer.json()["data"]["coupons"]] == [("ONE", "7.00")]
    assert [(each["errorCode"], each["instance"]) for each in answer.json()["errors"]] == [
        ("discount-coupon-not-found", "data.coupons[1].code"), ("invalid-request-data", "data.coupons[2]"),
    ]  # fmt: skip
    assert world.refused("PATCH", "/api/discount-coupons", {"coupons": rows[1:]})[0] == 422


def test_deleting_many_says_which_were_not_there(world: World) -> None:
    template = world.template()
    for code in ("ONE", "TWO"):
        world.make(code, template=template)
    answer = world.refused("DELETE", "/api/discount-coupons", {"couponCodes": ["ONE", "THREE"]})

    assert answer == (422, ["discount-coupon-not-found"])
    assert [each["code"] for each in world.get(f"/api/discount-coupons?template={template}")["coupons"]] == ["TWO"]


def test_a_used_coupon_can_be_deleted_and_its_code_made_again(world: World) -> None:
    world.make("ONE")
    world.shop.place_order(coupons=["ONE"])
    world.write("DELETE", "/api/discount-coupons/ONE")

    assert world.refused("GET", "/api/discount-coupons/ONE") == (404, ["discount-coupon-not-found"])
    assert world.make("ONE")[0]["usedCount"] == 0


def test_using_by_api_needs_the_order_and_works_once(world: World, contracts_dir: Path) -> None:
    world.make("ABCDEF12")
    code = world.shop.code(world.shop.place_order().id)
    contract = contract_in(contracts_dir)

    def use(order: str, more: str = "") -> Any:
        world.clock.turn(6)
        answer = world.call("PATCH", f"/api/discount-coupons/use/ABCDEF12{more}", {"orderCode": order})
        return answer.status_code, answer.json()["errors"]

    assert use("2015000010") == (404, contract.sample("coupon_use.error404")["errors"])
    assert use(code) == (200, None)
    assert use(code) == (409, contract.sample("coupon_use.error409")["errors"])
    assert used(world, "ABCDEF12") == 1
    world.make("FREE")
    world.clock.turn(6)
    path = "/api/discount-coupons/use/FREE?suppressOrderChecking=true"
    assert world.call("PATCH", path, {"orderCode": "elsewhere"}).status_code == 200


def test_a_template_in_use_stays(world: World) -> None:
    template = world.template()
    world.make("ONE", template=template)
    path = f"/api/discount-coupons/templates/{template}"

    assert world.refused("DELETE", path) == (409, ["discount-coupon-template-used"])
    world.write("DELETE", "/api/discount-coupons/ONE")
    world.write("DELETE", path)
    assert world.refused("GET", path) == (404, ["discount-coupon-template-not-found"])


def test_an_order_uses_a_coupon_once_and_for_all(world: World) -> None:
    world.make("ONE")
    assert used(world, "ONE") == 0
    world.shop.place_order(coupons=["ONE"], payment="cod")

    assert used(world, "ONE") == 1
    assert why(world, "ONE") == "used_up"


def test_a_reusable_coupon_counts_on(world: World) -> None:
    world.make("MANY", reusable=True)
    for _ in range(3):
        world.shop.place_order(coupons=["MANY"])

    assert used(world, "MANY") == 3


def test_usage_may_lag_behind(world: World) -> None:
    world.make("ONE")
    world.shop.place_order(coupons=["ONE"])
    world.shop.faults.usage_lags = True
    lagging = used(world, "ONE")
    world.shop.faults.usage_lags = False

    assert (lagging, used(world, "ONE")) == (0, 1)


def test_a_cart_below_the_minimum_price_is_refused(world: World) -> None:
    world.make("MIN", minPrice="20.00")

    assert why(world, "MIN", {11: 1}) == "minimum"
    assert world.shop.place_order({11: 2}, coupons=["MIN"]).total == 2420


def test_a_coupon_runs_from_the_first_to_the_last_second_of_its_days(world: World) -> None:
    # The clock stands at 2026-11-21 23:52:57 in Prague.
    world.make("TODAY", validTo="2026-11-21", reusable=True)
    world.make("TOMORROW", validFrom="2026-11-22", reusable=True)
    midnight = 1795301577.0 + 7 * 60 + 3
    world.clock.now = midnight - 1
    assert world.shop.place_order(coupons=["TODAY"]).total == 1210
    assert why(world, "TOMORROW") == "not_yet"
    world.clock.now = midnight
    assert why(world, "TODAY") == "expired"
    assert world.shop.place_order(coupons=["TOMORROW"]).total == 1210


def test_a_cart_takes_one_coupon_and_must_not_be_empty(world: World) -> None:
    world.make("ONE")
    world.make("TWO")
    with pytest.raises(CouponRefused) as second:
        world.shop.place_order({11: 1}, coupons=["ONE", "TWO"])

    assert second.value.reason == "one_only"
    assert why(world, "NOPE") == "unknown"


def test_a_coupon_never_takes_more_than_the_goods_and_not_the_shipping(world: World) -> None:
    world.make("BIG", amount="50.00")
    order = world.shop.place_order({11: 1}, coupons=["BIG"])

    assert (order.goods, order.total, order.coupon_lines[0].discount) == (0, 500, 1210)


def test_shares_and_free_shipping(world: World) -> None:
    world.make("TEN", discountType="percentual", amount=None, currency=None, ratio="0.1000")
    world.make("FREE", shippingPrice="free", amount="0.01")

    assert world.shop.place_order({11: 1}, coupons=["TEN"]).total == 1210 - 121 + 500
    assert world.shop.place_order({11: 1}, coupons=["FREE"]).total == 1209


def test_a_template_narrows_a_coupon_to_products_and_to_a_group(world: World) -> None:
    products = {
        "title": "Coffee",
        "productSelectionMode": "specificProducts",
        "productGuids": [world.shop.guid("product", 14)],
    }
    coffee = world.write("POST", "/api/discount-coupons/templates", products)["guid"]
    insiders = world.write("POST", "/api/discount-coupons/templates", {"title": "Insiders", "customerGroupId": 1})[
        "guid"
    ]
    world.make("COFFEE", template=coffee, reusable=True)
    world.make("INSIDE", template=insiders)
    customer = world.somebody()
    assert why(world, "COFFEE", {11: 1}) == "nothing_fits"
    assert world.shop.place_order({11: 1, 14: 1}, coupons=["COFFEE"]).coupon_lines[0].discount == 500
    assert why(world, "INSIDE", customer_id=customer.id) == "not_yours"
    world.shop.site.customers[customer.id].group_id = 1
    assert world.shop.place_order(customer_id=customer.id, coupons=["INSIDE"]).total == 1210


def test_a_product_whose_price_refuses_coupons_keeps_its_price(world: World) -> None:
    world.make("ONE")
    world.write("PATCH", "/api/pricelists/1", [{"code": "MUG-1", "sales": {"discountCoupon": False}}])
    world.make("TWO")

    assert why(world, "ONE") == why(world, "TWO") == "nothing_fits"
    shown = world.get("/api/pricelists/1?code=MUG-1")["pricelist"][0]["sales"]["discountCoupon"]
    assert shown is False
    assert world.refused("PATCH", "/api/pricelists/1", [{"code": "NOPE", "sales": {}}]) == (
        400,
        ["pricelist-code-not-found"],
    )


def test_of_checkouts_that_all_passed_the_check_one_uses_the_coupon(world: World) -> None:
    world.make("ONE")
    world.shop.store.checkout_pause = threading.Barrier(4).wait

    def order(_: int) -> Order | Exception:
        try:
            return world.shop.place_order(coupons=["ONE"])
        except CouponJustUsed as refused:
            return refused

    outcomes = at_once(4, order)
    assert sum(isinstance(each, Order) for each in outcomes) == 1
    assert used(world, "ONE") == 1
