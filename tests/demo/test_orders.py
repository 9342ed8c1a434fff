"""The life of orders: what moves points must look exactly as in a real shop, also where that is odd."""

import json

import pytest

from demo.shop.entities import Order
from tests.demo.conftest import Open
from tests.demo.world import Basket, Clock, Receiver, rest, subscribe


def line_ids(order: Order) -> list[int]:
    return [line.id for line in order.lines]


def test_cash_on_delivery_is_processing_and_unpaid_until_completed(open_shop: Open) -> None:
    running = open_shop()
    api, order = rest(running), running.shop.place_order(payment="cod")
    assert (order.status, api.get(f"orders/{order.id}").json()["date_paid"]) == ("processing", None)

    running.shop.complete(order.id)

    assert api.get(f"orders/{order.id}").json()["date_paid"] is not None


def test_the_demo_card_pays_at_once_and_a_transfer_waits(open_shop: Open) -> None:
    shop = open_shop().shop

    card, transfer = shop.place_order(payment="demo_card"), shop.place_order(payment="bacs")

    assert (card.status, card.paid_at is not None) == ("processing", True)
    assert (transfer.status, transfer.paid_at) == ("on-hold", None)


def test_a_partial_refund_keeps_status_and_total_and_moves_the_date(open_shop: Open, clock: Clock) -> None:
    running = open_shop()
    api, shop = rest(running), running.shop
    order = shop.place_order({11: 2, 12: 1})
    shop.complete(order.id)
    before = api.get(f"orders/{order.id}").json()
    clock.turn(5)

    shop.refund(order.id, quantities={line_ids(order)[0]: 1})

    after = api.get(f"orders/{order.id}").json()
    assert (after["status"], after["total"]) == ("completed", before["total"])
    assert after["date_modified"] > before["date_modified"]
    assert [refund["total"] for refund in after["refunds"]] == ["-12.10"]


def test_the_total_tax_of_refunds_is_told_by_current_shops_only(version: str, open_shop: Open) -> None:
    running = open_shop(version)
    order = running.shop.place_order()
    running.shop.refund(order.id, amount="5.00")

    [refund] = rest(running).get(f"orders/{order.id}").json()["refunds"]

    assert refund.get("total_tax") == ("0.00" if version == "11.0.1" else None)


def test_refunding_all_that_is_left_makes_the_order_refunded(open_shop: Open) -> None:
    shop = open_shop().shop
    order = shop.place_order({11: 2})
    shop.refund(order.id, quantities={line_ids(order)[0]: 1})

    shop.refund(order.id, amount="17.10")

    assert (order.status, order.refunded) == ("refunded", order.total)


def test_pieces_refunded_one_by_one_add_up_to_the_line(open_shop: Open) -> None:
    shop = open_shop().shop
    shop.add_coupon("odd", "1.00")
    order = shop.place_order({11: 3}, coupons=("odd",))

    for _ in range(3):
        shop.refund(order.id, quantities={line_ids(order)[0]: 1})

    assert order.refunded == order.goods


def test_status_refunded_by_hand_makes_a_refund_without_lines(open_shop: Open) -> None:
    running = open_shop()
    api, order = rest(running), running.shop.place_order()

    told = api.put(f"orders/{order.id}", {"status": "refunded"}).json()

    [refund] = api.get(f"orders/{order.id}/refunds").json()
    assert (refund["amount"], refund["line_items"], refund["reason"]) == (told["total"], [], "Order fully refunded.")


def test_deleting_a_refund_is_silent(version: str, open_shop: Open, clock: Clock, receiver: Receiver) -> None:
    running = open_shop(version)
    api, shop = rest(running), running.shop
    order = shop.place_order()
    refund = shop.refund(order.id, amount="17.10")
    subscribe(running, receiver.url, "order.updated", "order.deleted", "action.woocommerce_order_status_changed")
    before = api.get(f"orders/{order.id}").json()
    clock.turn(60)

    assert api.delete(f"orders/{order.id}/refunds/{refund.id}", params={"force": True}).status_code == 200

    after = api.get(f"orders/{order.id}").json()
    assert shop.deliver_pending() == []
    assert (after["status"], after["date_modified"]) == ("refunded", before["date_modified"])
    assert (len(before["refunds"]), after["refunds"]) == (1, [])


def test_line_and_meta_edits_move_the_date_under_hpos_and_not_on_posts_storage(
    version: str, open_shop: Open, clock: Clock, receiver: Receiver
) -> None:
    running = open_shop(version)
    api, order = rest(running), running.shop.place_order()
    subscribe(running, receiver.url, "order.updated")
    before = api.get(f"orders/{order.id}").json()
    clock.turn(60)

    after = api.put(f"orders/{order.id}", {"line_items": [{"id": line_ids(order)[0], "quantity": 2}]}).json()

    assert (before["total"], after["total"]) == ("17.10", "29.20")
    assert (after["date_modified"] > before["date_modified"]) is (version == "11.0.1")
    assert len(running.shop.deliver_pending()) == 1


def test_saving_without_a_change_is_announced_too(open_shop: Open, receiver: Receiver) -> None:
    running = open_shop()
    order = running.shop.place_order()
    subscribe(running, receiver.url, "order.updated")

    rest(running).put(f"orders/{order.id}", {})

    assert [json.loads(sent.body)["id"] for sent in running.shop.deliver_pending()] == [order.id]


def test_a_guest_with_the_address_of_an_account_stays_a_guest_until_linked(open_shop: Open) -> None:
    running = open_shop()
    api, shop = rest(running), running.shop
    customer = shop.add_customer("anna@example.com")
    order = shop.place_order(email="anna@example.com")
    assert api.get(f"orders/{order.id}").json()["customer_id"] == 0

    assert shop.link_past_orders(customer.id) == 1

    assert api.get(f"orders/{order.id}").json()["customer_id"] == customer.id


def test_erasing_a_person_keeps_the_totals_and_announces_the_order(open_shop: Open, receiver: Receiver) -> None:
    running = open_shop()
    shop = running.shop
    customer = shop.add_customer("anna@example.com")
    order = shop.place_order(customer_id=customer.id)
    subscribe(running, receiver.url, "order.updated")

    assert shop.erase_person("anna@example.com") == 1

    [sent] = [json.loads(sent.body) for sent in shop.deliver_pending()]
    assert (sent["customer_id"], sent["billing"]["email"]) == (0, "deleted@site.invalid")
    assert (sent["billing"]["first_name"], sent["total"]) == ("[deleted]", "17.10")
    assert order.total == 1710


def test_a_new_account_address_leaves_old_orders_as_they_were(open_shop: Open) -> None:
    running = open_shop()
    api, shop = rest(running), running.shop
    customer = shop.add_customer("old@example.com")
    order = shop.place_order(customer_id=customer.id)

    api.put(f"customers/{customer.id}", {"email": "new@example.com"})

    assert api.get(f"orders/{order.id}").json()["billing"]["email"] == "old@example.com"


def test_a_negative_fee_takes_its_tax_off_on_top(open_shop: Open) -> None:
    api = rest(open_shop())
    body = {
        "line_items": [{"product_id": 12, "quantity": 1}],
        "fee_lines": [{"name": "Points", "total": "-5.00"}],
    }

    assert api.post("orders", body).json()["total"] == "18.15"


def test_a_bad_coupon_on_a_new_order_is_told_with_the_draft_it_leaves(version: str, open_shop: Open) -> None:
    api = rest(open_shop(version))
    body = {"line_items": [{"product_id": 11, "quantity": 1}], "coupon_lines": [{"code": "nope"}]}

    answer = api.post("orders", body)

    assert (answer.status_code, answer.json()["code"]) == (400, "woocommerce_rest_invalid_coupon")
    assert answer.json()["data"]["new_draft_order_id"] > 0


def test_staff_orders_keep_to_the_email_of_a_coupon_on_current_shops_only(version: str, open_shop: Open) -> None:
    running = open_shop(version)
    running.shop.add_coupon("hers", emails=["anna@example.com"])
    body = {
        "billing": {"email": "other@example.com"},
        "line_items": [{"product_id": 11, "quantity": 1}],
        "coupon_lines": [{"code": "hers"}],
    }

    answer = rest(running).post("orders", body)

    assert answer.status_code == (400 if version == "11.0.1" else 201)


def test_a_postcode_from_the_storefront_is_spaced_on_current_shops_only(version: str, open_shop: Open) -> None:
    running = open_shop(version)
    order = Basket(running).filled().check_out().json()

    assert order["billing_address"]["postcode"] == ("602 00" if version == "11.0.1" else "60200")


def test_trash_can_be_restored_and_force_is_for_good(open_shop: Open) -> None:
    running = open_shop()
    api, shop = rest(running), running.shop
    order = shop.place_order()
    assert api.delete(f"orders/{order.id}").json()["status"] == "trash"

    shop.restore(order.id)
    assert api.get(f"orders/{order.id}").json()["status"] == "processing"

    assert api.delete(f"orders/{order.id}", params={"force": True}).status_code == 200
    assert api.get(f"orders/{order.id}").status_code == 404


@pytest.mark.parametrize("customer_id", [0, 7])
def test_an_order_names_its_customer_or_zero(open_shop: Open, customer_id: int) -> None:
    running = open_shop()
    known = running.shop.add_customer("anna@example.com").id if customer_id else 0

    order = rest(running).get(f"orders/{running.shop.place_order(customer_id=known).id}").json()

    assert order["customer_id"] == known
    assert ("customer" in order["_links"]) is bool(known)
