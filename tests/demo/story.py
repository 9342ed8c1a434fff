"""The story the real shops went through while they were recorded, told again to a demo shop: name -> our answer."""

from collections.abc import Callable
from typing import Any

import requests

from demo.server import RunningShop
from tests.demo.world import GUEST, JANA, Basket, checkout_body, rest, signed_in

COUPON = {
    "code": "LOYAL-1795301580",
    "discount_type": "fixed_cart",
    "amount": "5.00",
    "description": "points redemption",
    "usage_limit": 1,
    "usage_limit_per_user": 1,
    "individual_use": True,
    "email_restrictions": ["jana1795301577@ex.cz"],
    "date_expires": "2027-01-31T22:59:59Z",
    "meta_data": [{"key": "_loyal_redemption_id", "value": "r-123"}],
}
LOZ = {"discount_type": "fixed_cart", "amount": "5.00", "usage_limit": 1, "individual_use": True}


def rest_story(running: RunningShop, after: Callable[[str], None] = lambda step: None) -> dict[str, Any]:
    """Jana's order from creation to full refund, then one cancelled, refunded by hand and trashed, then one erased.

    `after` is called with a step's name when the step is done: the webhook tests deliver there.
    """
    api, told = rest(running), {}
    account = {"email": "jana1795301577@ex.cz", "first_name": "Jana", "last_name": "Nováková", "billing": JANA}
    told["rest_customer"] = customer = api.post("customers", account).json()
    after("customer_created")
    api.put(f"customers/{customer['id']}", {"first_name": "Jana B."})
    after("customer_updated")
    told["rest_coupon"] = coupon = api.post("coupons", COUPON).json()
    after("coupon_created")
    told["rest_order_created"] = order = api.post("orders", _order_of_jana(customer, coupon)).json()
    after("order_created")
    route = f"orders/{order['id']}"
    api.put(route, {"status": "processing"})
    after("order_processing")
    api.put(route, {"status": "completed"})
    after("order_completed")
    told["rest_refund_partial"] = api.post(f"{route}/refunds", one_mug_back(order)).json()
    told["rest_order_partially_refunded"] = api.get(route).json()
    after("order_partial_refund")
    left = "37.96" if running.shop.site.version.hpos else "37.97"
    rest_refund = {"amount": left, "reason": "rest", "api_refund": False}
    told["rest_refund_amount_only"] = refund = api.post(f"{route}/refunds", rest_refund).json()
    told["rest_order_fully_refunded"] = api.get(route).json()
    after("order_full_refund")
    api.delete(f"{route}/refunds/{refund['id']}", params={"force": True})
    after("refund_deleted")
    _second_order(api, customer, after)
    _deletions(api, after)
    told["rest_order_anonymised"] = _erased(running, api)
    after("order_anonymised")
    told["system_status"] = api.get("system_status").json()
    return told


def one_mug_back(order: dict[str, Any]) -> dict[str, Any]:
    """Half of the line of two mugs, computed from the order's own texts as the recording client did."""
    mugs = order["line_items"][0]
    tax = {"id": 1, "refund_total": float(mugs["taxes"][0]["total"]) / 2}
    line = {"id": mugs["id"], "quantity": 1, "refund_total": float(mugs["total"]) / 2, "refund_tax": [tax]}
    return {"reason": "1 mug returned", "line_items": [line], "api_refund": False}


def store_story(running: RunningShop) -> dict[str, Any]:
    """What happened at the storefront: guests, a customer, codes that fit and codes that do not."""
    api, told = rest(running), {}
    told["store_cart_empty"] = _recorded(Basket(running).call("GET", "cart"))
    api.post("coupons", {**LOZ, "code": "loz-0", "email_restrictions": ["guest@ex.cz"]})
    guest = Basket(running).filled()
    told["store_update_customer"] = guest.call("POST", "cart/update-customer", {"billing_address": GUEST}).json()
    told["store_cart_with_coupon"] = _recorded(guest.call("POST", "cart/apply-coupon", {"code": "loz-0"}))
    wrong = Basket(running).filled()
    wrong.call("POST", "cart/apply-coupon", {"code": "loz-0"})
    told["store_checkout_wrong_email"] = _answered(wrong.check_out(email="other@ex.cz"))
    told["store_checkout_guest"] = done = _recorded(guest.check_out())
    told["rest_order_from_guest_checkout"] = api.get(f"orders/{done['body']['order_id']}").json()
    late = Basket(running).filled()
    told["store_apply_used_coupon"] = late.call("POST", "cart/apply-coupon", {"code": "loz-0"}).json()
    told["store_apply_unknown_coupon"] = late.call("POST", "cart/apply-coupon", {"code": "NOPE-123"}).json()
    told["store_checkout_get_draft"] = _fresh(running).call("GET", "checkout").json()
    _big_coupons(running, api, told)
    _customer_checkout(running, api, told)
    return told


def _order_of_jana(customer: dict[str, Any], coupon: dict[str, Any]) -> dict[str, Any]:
    return {
        "customer_id": customer["id"],
        "payment_method": "cod",
        "billing": {**JANA, "email": customer["email"]},
        "line_items": [{"product_id": 11, "quantity": 2}, {"product_id": 12, "quantity": 1}],
        "shipping_lines": [{"method_id": "flat_rate", "method_title": "Kuryr", "total": "4.13"}],
        "coupon_lines": [{"code": coupon["code"]}],
        "meta_data": [{"key": "loyal_ref", "value": "abc"}],
    }


def _second_order(api: Any, customer: dict[str, Any], after: Callable[[str], None]) -> None:
    billing = {**JANA, "email": customer["email"]}
    items = [{"product_id": 11, "quantity": 1}]
    paid = {"payment_method": "bacs", "set_paid": True}
    mug = {"customer_id": customer["id"], "line_items": items, "billing": billing, **paid}
    order = api.post("orders", mug).json()
    after("")
    route = f"orders/{order['id']}"
    for status, name in (("cancelled", "order_cancelled"), ("refunded", "order_status_refunded_by_put")):
        api.put(route, {"status": status})
        after(name)
    api.delete(route)
    after("order_trashed")


def _deletions(api: Any, after: Callable[[str], None]) -> None:
    order = api.post("orders", {"line_items": [{"product_id": 11, "quantity": 1}]}).json()
    other = api.post("customers", {"email": "leaving@ex.cz"}).json()
    after("")
    api.delete(f"orders/{order['id']}", params={"force": True})
    after("order_force_deleted")
    api.delete(f"customers/{other['id']}", params={"force": True})
    after("customer_deleted")


def _erased(running: RunningShop, api: Any) -> Any:
    billing = {"billing": {**GUEST, "email": "gone@ex.cz"}}
    mug = {"status": "completed", "line_items": [{"product_id": 11, "quantity": 1}], **billing}
    order = api.post("orders", mug).json()
    running.shop.deliver_pending()
    running.shop.erase_person("gone@ex.cz")
    return api.get(f"orders/{order['id']}").json()


def _fresh(running: RunningShop) -> Basket:
    basket = Basket(running)
    basket.call("GET", "cart")
    basket.call("POST", "cart/add-item", {"id": 11, "quantity": 2})
    return basket


def _big_coupons(running: RunningShop, api: Any, told: dict[str, Any]) -> None:
    api.post("coupons", {**LOZ, "code": "loz-6", "amount": "100.00"})
    over = Basket(running).filled(email="ov@ex.cz")
    over.call("POST", "cart/apply-coupon", {"code": "loz-6"})
    told["rest_order_overvalue_coupon"] = _placed(api, over.check_out(email="ov@ex.cz"))
    api.post("coupons", {**LOZ, "code": "loz-7", "amount": "100.00", "free_shipping": True})
    zero = Basket(running).filled(13, 1, email="zero@ex.cz")
    zero.call("POST", "cart/apply-coupon", {"code": "loz-7"})
    told["rest_order_zero_total"] = _placed(api, zero.check_out(email="zero@ex.cz"))


def _customer_checkout(running: RunningShop, api: Any, told: dict[str, Any]) -> None:
    customer = api.post("customers", {"email": "jana1795301577@ex.cz"}).json()
    api.post("coupons", {**LOZ, "code": "loy-1", "email_restrictions": [customer["email"]]})
    basket = Basket(running, cookies=signed_in(running, customer["id"]))
    basket.call("GET", "cart")
    basket.call("POST", "cart/add-item", {"id": 12, "quantity": 1})
    basket.cookies["woocommerce_items_in_cart"] = "1"
    assert basket.call("POST", "cart/apply-coupon", {"code": "loy-1"}).status_code == 200
    answer = basket.call("POST", "checkout", checkout_body(email=customer["email"]))
    told["store_checkout_customer"] = _recorded(answer)
    told["rest_order_from_customer_checkout"] = _placed(api, answer)


def _placed(api: Any, answer: requests.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return api.get(f"orders/{answer.json()['order_id']}").json()


def _recorded(answer: requests.Response) -> dict[str, Any]:
    return {"headers": dict(answer.headers), "body": answer.json()}


def _answered(answer: requests.Response) -> dict[str, Any]:
    return {"status": answer.status_code, "body": answer.json()}
