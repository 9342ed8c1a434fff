"""Every answer of the fake Shoptet held against the vendor's description, and what it takes and refuses, too."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.shoptet.api import TABLES
from tests.demo.shoptet_world import Contract, Json, World, contract_in, opened

SINCE = "2025-11-01T00:00:00%2B0100"
GUID = "9e3779b1-2e7b-11f0-9a00-024200000009"
# The path parameters of our rules by the names that the vendor gave them.
NAMES = {
    "<code>": "{code}",
    "<guid>": "{guid}",
    "<account>": "{accountGuid}",
    "<location>": "{location}",
    "<id>": "{jobId}",
    "<int:id>": "{id}",
    "<int:group>": "{id}",
}


@pytest.fixture
def contract(contracts_dir: Path) -> Contract:
    return contract_in(contracts_dir)


@pytest.fixture
def world(contract: Contract) -> Iterator[World]:
    with opened(contract, order_count=25, customer_count=8) as world:
        yield world


def operations() -> dict[tuple[str, str], str]:
    """(method, path as the vendor writes it) -> our rule."""
    found = {}
    for table in TABLES:
        for rule, methods in table.CALLS.items():
            path = rule
            for ours, theirs in NAMES.items():
                path = path.replace(ours, theirs)
            found |= {(method, path): rule for method in methods}
    return found


def test_the_fake_has_no_call_that_the_vendor_has_not(contract: Contract) -> None:
    paths = contract.description["paths"]
    assert [known for known in operations() if known[0].lower() not in paths.get(known[1], {})] == []


def reads(world: World) -> dict[str, str]:
    """path as the vendor writes it -> a call of it that finds something."""
    shop = world.shop
    world.write("POST", "/api/webhooks", [{"event": "job:finished", "url": "http://127.0.0.1:9/h"}])
    order = shop.place_order({11: 2, 14: 1}, customer_id=1, coupons=(shop.add_coupon("LP-ONE").code,))
    shop.credit(order.id, quantities={order.lines[0].id: 1})
    shop.credit(order.id, amount="1.00", by_proof=True)
    shop.add_account(1, "second@ex.cz", name="Second")
    shop.deliver_pending()
    customer, template = shop.guid("customer", 1), world.template()
    world.write("POST", "/api/template-include", {"snippets": [{"location": "common-footer", "html": "<b></b>"}]})
    job = world.get("/api/orders/snapshot")["jobId"]
    hook = world.get("/api/webhooks")["webhooks"][0]["id"]
    credit_note = next(reversed(shop.site.credit_notes))
    includes = "include=orderStatuses,paymentMethods,shippingMethods,countries,cashDesk,imageCuts,orderAdditionalFields"
    account = shop.guid("account", 1)
    return {
        "/api/eshop": f"/api/eshop?{includes}",
        "/api/orders": "/api/orders?itemsPerPage=3&page=2",
        "/api/orders/changes": f"/api/orders/changes?from={SINCE}&itemsPerPage=1000",
        "/api/orders/statuses": "/api/orders/statuses",
        "/api/orders/snapshot": "/api/orders/snapshot?include=notes",
        "/api/orders/{code}": f"/api/orders/{shop.code(order.id)}?include=notes,shippingDetails,paymentTransactions",
        "/api/orders/{code}/history": f"/api/orders/{shop.code(order.id)}/history?system=true",
        "/api/customers": "/api/customers",
        "/api/customers/changes": f"/api/customers/changes?from={SINCE}",
        "/api/customers/snapshot": "/api/customers/snapshot",
        "/api/customers/groups": "/api/customers/groups",
        "/api/customers/{guid}": f"/api/customers/{customer}",
        "/api/customers/{guid}/accounts": f"/api/customers/{customer}/accounts",
        "/api/customers/{guid}/accounts/{accountGuid}": f"/api/customers/{customer}/accounts/{account}",
        "/api/discount-coupons": "/api/discount-coupons",
        "/api/discount-coupons/snapshot": f"/api/discount-coupons/snapshot?template={template}&shippingPrice=cart",
        "/api/discount-coupons/templates": "/api/discount-coupons/templates",
        "/api/discount-coupons/templates/{guid}": f"/api/discount-coupons/templates/{template}",
        "/api/discount-coupons/{code}": "/api/discount-coupons/LP-ONE",
        "/api/credit-notes": "/api/credit-notes",
        "/api/credit-notes/changes": f"/api/credit-notes/changes?from={SINCE}",
        "/api/credit-notes/snapshot": "/api/credit-notes/snapshot",
        "/api/credit-notes/{code}": f"/api/credit-notes/{credit_note}",
        "/api/invoices": "/api/invoices?orderCode=" + shop.code(order.id),
        "/api/proof-payments": "/api/proof-payments?orderCode=" + shop.code(order.id),
        "/api/pricelists": "/api/pricelists",
        "/api/pricelists/{id}": "/api/pricelists/1",
        "/api/webhooks": "/api/webhooks",
        "/api/webhooks/notifications": "/api/webhooks/notifications",
        "/api/webhooks/{id}": f"/api/webhooks/{hook}",
        "/api/template-include": "/api/template-include",
        "/api/system/endpoints": "/api/system/endpoints",
        "/api/system/jobs": "/api/system/jobs",
        "/api/system/jobs/{jobId}": f"/api/system/jobs/{job}",
    }


def test_every_reading_call_answers_as_the_contract_says(world: World) -> None:
    asked = reads(world)
    for path in asked.values():
        world.get(path)

    assert asked.keys() == {path for method, path in operations() if method == "GET"}


def writes(world: World) -> Iterator[tuple[str, str, str, Any]]:
    """(method, path as the vendor writes it, path, data), in an order in which each of them goes well."""
    shop = world.shop
    order = shop.place_order({11: 1})
    code, template = shop.code(order.id), world.template()
    shop.credit(order.id, amount="1.00")
    yield "PATCH", "/api/orders/{code}/status", f"/api/orders/{code}/status", {"statusId": -2, "paid": True}
    yield "POST", "/api/orders/{code}/history", f"/api/orders/{code}/history", {"text": "hello", "type": "comment"}
    note = {"additionalFields": [{"index": 1, "text": "x"}]}
    yield "PATCH", "/api/orders/{code}/notes", f"/api/orders/{code}/notes", note
    coupon = world.coupon("W1", template=template)
    yield "POST", "/api/discount-coupons", "/api/discount-coupons", {"coupons": [coupon]}
    yield "POST", "/api/discount-coupons/templates", "/api/discount-coupons/templates", {"title": "Another"}
    yield "PATCH", "/api/discount-coupons", "/api/discount-coupons", {"coupons": [{"code": "W1", "remark": "r"}]}
    many = {**{name: value for name, value in coupon.items() if name != "code"}, "count": 2}
    yield "POST", "/api/discount-coupons/set", "/api/discount-coupons/set", many
    yield "PATCH", "/api/discount-coupons/use/{code}", "/api/discount-coupons/use/W1", {"orderCode": code}
    yield "DELETE", "/api/discount-coupons/{code}", "/api/discount-coupons/W1", None
    shop.add_coupon("W2")
    yield "DELETE", "/api/discount-coupons", "/api/discount-coupons", {"couponCodes": ["W2"]}
    unused = world.template()
    own = "/api/discount-coupons/templates/{guid}"
    yield "DELETE", own, f"/api/discount-coupons/templates/{unused}", None
    guid = shop.guid("customer", 1)
    change = {"priceRatio": "0.9000", "remark": "nice", "customerGroupCode": "default", "pricelistId": 1}
    yield "PATCH", "/api/customers/{guid}", f"/api/customers/{guid}", change
    yield "POST", "/api/customers/groups", "/api/customers/groups", {"name": "Gold", "maxDiscount": "0.1000"}
    yield "PATCH", "/api/customers/groups/{id}", "/api/customers/groups/2", {"description": "regulars"}
    yield "DELETE", "/api/customers/groups/{id}", "/api/customers/groups/2", None
    yield "DELETE", "/api/customers/{guid}", f"/api/customers/{guid}", None
    prices = [{"code": "MUG-1", "price": {"price": "11.00"}, "sales": {"discountCoupon": False}}]
    yield "PATCH", "/api/pricelists/{id}", "/api/pricelists/1", prices
    credit_note = next(reversed(shop.site.credit_notes))
    yield "DELETE", "/api/credit-notes/{code}", f"/api/credit-notes/{credit_note}", None
    hook = [{"event": "order:create", "url": "http://127.0.0.1:9/hook", "sendPayload": None}]
    yield "POST", "/api/webhooks", "/api/webhooks", hook
    number = max(shop.site.webhooks)
    yield "PATCH", "/api/webhooks/{id}", f"/api/webhooks/{number}", {"url": "http://127.0.0.1:9/other"}
    yield "DELETE", "/api/webhooks/{id}", f"/api/webhooks/{number}", None
    yield "POST", "/api/webhooks/renew-signature-key", "/api/webhooks/renew-signature-key", None
    snippets = {"snippets": [{"location": "common-header", "html": "<p></p>"}]}
    yield "POST", "/api/template-include", "/api/template-include", snippets
    yield "DELETE", "/api/template-include/{location}", "/api/template-include/common-header", None
    yield "DELETE", "/api/orders/{code}", f"/api/orders/{code}", None


def test_every_writing_call_takes_and_answers_what_the_contract_says(world: World, contract: Contract) -> None:
    done = set()
    for method, known, path, data in writes(world):
        whole = {"data": data} if data is not None else None
        assert contract.wrong_request(world.request(method, path, whole)) == ""
        world.write(method, path, data)
        done.add((method, known))

    assert done == {(method, path) for method, path in operations() if method != "GET"}


GOOD = {
    "code": "LP7F3K9Q2M5XATBW",
    "discountType": "fixed",
    "amount": "5.00",
    "currency": "EUR",
    "template": GUID,
    "shippingPrice": "cart",
    "reusable": False,
}
SPOILED: list[Json] = [
    {"amount": 5},
    {"amount": "5"},
    {"amount": "5.000"},
    {"ratio": 0.1},
    {"ratio": "10.0"},
    {"minPrice": 5.0},
    {"code": "LP7F3K9Q2M5XATBWX"},
    {"code": ""},
    {"code": 5},
    {"discountType": "absolute"},
    {"shippingPrice": "none"},
    {"template": "x"},
    {"currency": "EURO"},
    {"validTo": "2026-13-01"},
    {"validTo": "1.1.2027"},
    {"validFrom": 20260101},
    {"reusable": "false"},
    {"reusable": None},
    {"remark": 7},
    {"customerGuid": GUID},
]


@pytest.mark.parametrize("change", SPOILED, ids=str)
def test_a_coupon_that_the_contract_refuses_is_refused_with_422(world: World, contract: Contract, change: Json) -> None:
    whole = {"data": {"coupons": [{**GOOD, **change}]}}

    assert contract.wrong_request(world.request("POST", "/api/discount-coupons", whole)) != ""
    assert world.refused("POST", "/api/discount-coupons", raw=whole)[0] == 422


@pytest.mark.parametrize("missing", ["discountType", "template", "shippingPrice", "reusable"])
def test_a_coupon_without_what_is_required_is_refused(world: World, contract: Contract, missing: str) -> None:
    whole = {"data": {"coupons": [{name: value for name, value in GOOD.items() if name != missing}]}}

    assert contract.wrong_request(world.request("POST", "/api/discount-coupons", whole)) != ""
    assert world.refused("POST", "/api/discount-coupons", raw=whole) == (422, ["invalid-request-data"])


OTHER_BODIES: list[tuple[str, str, Any]] = [
    ("POST", "/api/discount-coupons", {"coupons": []}),
    ("POST", "/api/discount-coupons", {"coupons": {}}),
    ("POST", "/api/discount-coupons", []),
    ("POST", "/api/discount-coupons", None),
    ("DELETE", "/api/discount-coupons", {"couponCodes": []}),
    ("DELETE", "/api/discount-coupons", {"couponCodes": [5]}),
    ("POST", "/api/discount-coupons/set", {**{k: v for k, v in GOOD.items() if k != "code"}, "count": 1}),
    ("POST", "/api/discount-coupons/set", {**{k: v for k, v in GOOD.items() if k != "code"}, "count": "2"}),
    ("POST", "/api/discount-coupons/templates", {"title": ""}),
    ("POST", "/api/discount-coupons/templates", {"title": "x" * 65}),
    ("POST", "/api/webhooks", {"event": "order:create", "url": "https://a.example/"}),
    ("POST", "/api/webhooks", [{"event": "order:create"}]),
    ("POST", "/api/webhooks", [{"event": "order:create", "url": "https://a.example/" + "x" * 2000}]),
    ("POST", "/api/webhooks", [{"event": "order:create", "url": "https://a.example/", "sendPayload": "all"}]),
    ("POST", "/api/template-include", {"snippets": [{"location": "common-footer", "html": "x" * 8193}]}),
    ("PATCH", "/api/customers/{customer}", {"priceRatio": 0.9}),
    ("PATCH", "/api/customers/{customer}", {"points": 5}),
    ("PATCH", "/api/orders/{order}/status", {"statusId": "-4"}),
    ("PATCH", "/api/orders/{order}/status", {"paid": "yes"}),
    ("POST", "/api/orders/{order}/history", {"text": ""}),
    ("POST", "/api/customers/groups", {"name": ""}),
]


@pytest.mark.parametrize(("method", "path", "data"), OTHER_BODIES, ids=str)
def test_what_else_the_contract_refuses_is_refused(
    world: World, contract: Contract, method: str, path: str, data: Any
) -> None:
    order = max(world.shop.store.orders)
    path = path.format(customer=world.shop.guid("customer", 1), order=world.shop.code(order))
    whole = {"data": data}

    assert contract.wrong_request(world.request(method, path, whole)) != ""
    assert world.refused(method, path, raw=whole)[0] == 422


def shape(value: Any, at: str = "") -> dict[str, str]:
    """path -> kind of JSON, of everything inside; null has no kind."""
    if isinstance(value, dict):
        return {path: kind for key, each in value.items() for path, kind in shape(each, f"{at}.{key}").items()}
    if isinstance(value, list):
        return {path: kind for each in value for path, kind in shape(each, f"{at}[]").items()}
    kind = "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__
    return {at: kind}


def contradictions(sample: Any, ours: Any) -> list[str]:
    """Paths of a sample that ours has not, or as another kind."""
    have = shape(ours)
    nulls = {path for path, kind in have.items() if kind == "NoneType"}
    return [
        f"{path}: {kind} there, {have.get(path)} here"
        for path, kind in shape(sample).items()
        if kind != "NoneType" and path not in nulls and have.get(path) != kind
        if not any(path.startswith(f"{null}.") for null in nulls)
    ]


LIVE = ["order_detail.live_shape", "order_detail.live_shape_cancelled", "order_detail.live_shape_guest"]


@pytest.mark.parametrize("name", LIVE)
def test_an_order_looks_like_the_live_ones(contract: Contract, name: str) -> None:
    with opened(figures="live") as world:
        guest, cancelled = "guest" in name, "cancelled" in name
        made = world.shop.add_coupon("LP-ONE")
        who = 0 if guest else world.somebody().id
        order = world.shop.place_order({11: 2}, customer_id=who, coupons=[made.code], paid_unknown=guest)
        if cancelled:
            world.shop.cancel(order.id)
        ours, sample = world.order(order.id), contract.sample(name)["data"]["order"]

        # Ours says neither a client address nor a variant: the shop has none of them.
        assert [line for line in contradictions(sample, ours) if "amountCompleted" not in line] == []
        assert {row["itemType"] for row in ours["items"]} == {row["itemType"] for row in sample["items"]}
        assert ours["paid"] is sample["paid"]
        assert (ours["customerGuid"] is None) == (sample["customerGuid"] is None)
        assert ours["status"]["id"] == sample["status"]["id"]


@pytest.mark.parametrize("name", ["spec", "live", "numbers"])
def test_figures_are_written_as_the_switch_says(name: str) -> None:
    with opened(figures=name) as world:
        row = world.order(world.shop.place_order({11: 2}).id)["items"][0]
        kinds = {"spec": (str, str), "live": (float, str), "numbers": (float, float)}
        assert (type(row["amount"]), type(row["itemPrice"]["withVat"])) == kinds[name]


SPEC_SAMPLES = {
    "eshop_info": "/api/eshop",
    "orders_list": "/api/orders",
    "orders_changes": "/api/orders/changes",
    "orders_statuses": "/api/orders/statuses",
    "order_history": "/api/orders/{code}/history",
    "customers_list": "/api/customers",
    "customers_changes": "/api/customers/changes",
    "customer_detail": "/api/customers/{guid}",
    "customer_accounts": "/api/customers/{guid}/accounts",
    "customer_groups": "/api/customers/groups",
    "coupons_list": "/api/discount-coupons",
    "coupon_detail_open": "/api/discount-coupons/{code}",
    "credit_note_detail": "/api/credit-notes/{code}",
    "job_detail": "/api/system/jobs/{jobId}",
    "pricelists_list": "/api/pricelists",
    "system_endpoints": "/api/system/endpoints",
    "template_include_list": "/api/template-include",
    "webhooks_list": "/api/webhooks",
    "webhooks_notifications": "/api/webhooks/notifications",
}
# In the samples, but nothing that a shop must have; the contract calls them optional.
OPTIONAL = (
    "invoicingExchangeRate", "partialPayment", "preAuthorization", "surchargeParameters", "specificSurchargeParameters",
    "deliveryAddress", ".remarks[]", "defaultDueDays", "evNumber", "imageCuts", "wholesale.methods",
)  # fmt: skip


@pytest.mark.parametrize(("name", "path"), SPEC_SAMPLES.items())
def test_an_answer_has_all_that_the_sample_has(world: World, contract: Contract, name: str, path: str) -> None:
    asked = reads(world)[path]
    world.shop.finish_jobs()
    found = contradictions(contract.sample(name)["data"], world.get(asked))
    assert [line for line in found if not any(word in line for word in OPTIONAL)] == []
