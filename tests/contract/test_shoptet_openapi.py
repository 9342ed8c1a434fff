"""Shoptet's own contract: every request that the connector makes is one that it describes, every sample is understood."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from flask import request as flask_request
from openapi_core import OpenAPI
from openapi_core.testing import MockRequest
from pydantic import BaseModel

from connectors.shoptet import mapping
from connectors.shoptet.client import Client, read_json
from connectors.shoptet.coupons import coupon_body
from connectors.shoptet.gate import Gate
from connectors.shoptet.notes import CreditNotes
from connectors.shoptet.shapes import (
    Changes,
    CouponAnswer,
    Coupons,
    CustomerAnswer,
    CustomerRows,
    Endpoints,
    Eshop,
    Groups,
    JobAnswer,
    JobStarted,
    NoteAnswer,
    Notifications,
    OrderRows,
    Pricelists,
    RawOrder,
    SignatureKey,
    Snippets,
    Statuses,
    Template,
    Templates,
    Webhooks,
    read,
)
from connectors.shoptet.webhooks import EVENTS, ShoptetWebhookReader, eshop_of_message, signature
from connectors.transport import AddressPolicy, Transport
from core.commerce import DiscountKind, DiscountRequest, Order, OrderState, Payment, Topic
from core.errors import (
    CredentialsRefused,
    ExternalNotFound,
    PlatformError,
    PlatformRefused,
    SignatureInvalid,
    Unreadable,
)
from core.ports import WebhookRequest
from tests.connectors.scripted import ScriptedServer, answer
from tests.contract.battery import discount, every_order, every_page
from tests.contract.test_shoptet import ADDRESS, Shoptet

HOST = "https://api.myshoptet.com"
# Which calls there are at all. A new one is to be named here, and made below.
EVERY_CALL = {
    "DELETE /api/discount-coupons/{code}",
    "DELETE /api/template-include/{location}",
    "DELETE /api/webhooks/{id}",
    "GET /api/credit-notes",
    "GET /api/credit-notes/changes",
    "GET /api/credit-notes/{code}",
    "GET /api/customers",
    "GET /api/customers/groups",
    "GET /api/customers/snapshot",
    "GET /api/customers/{guid}",
    "GET /api/discount-coupons/templates",
    "GET /api/discount-coupons/{code}",
    "GET /api/eshop",
    "GET /api/invoices",
    "GET /api/invoices/{code}",
    "GET /api/orders",
    "GET /api/orders/changes",
    "GET /api/orders/snapshot",
    "GET /api/orders/statuses",
    "GET /api/orders/{code}",
    "GET /api/pricelists",
    "GET /api/proof-payments",
    "GET /api/proof-payments/{code}",
    "GET /api/system/endpoints",
    "GET /api/system/jobs/{jobId}",
    "GET /api/template-include",
    "GET /api/webhooks",
    "GET /api/webhooks/notifications",
    "PATCH /api/customers/{guid}",
    "PATCH /api/webhooks/{id}",
    "POST /api/discount-coupons",
    "POST /api/discount-coupons/templates",
    "POST /api/template-include",
    "POST /api/webhooks",
    "POST /api/webhooks/renew-signature-key",
}


class Contract:
    """openapi.json, asked of requests. What openapi-core lets pass is looked at here: parameters that nobody described."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._core = OpenAPI.from_dict(document)

    def problems(self, request: MockRequest) -> list[str]:
        found = [str(error.__cause__ or error) for error in self._core.iter_request_errors(request)]
        operation = self._document["paths"].get(self.pattern(request.path), {}).get(request.method, {})
        known = {self._resolved(each)["name"] for each in operation.get("parameters", ())}
        return found + [f"unknown parameter {name}" for name in (request.args or {}) if name not in known]

    def pattern(self, path: str) -> str:
        """The path as the document names it: the one with the most words in common."""
        parts = path.split("/")
        fitting = [
            pattern
            for pattern in self._document["paths"]
            if len(words := pattern.split("/")) == len(parts)
            and all(word == part or word.startswith("{") for word, part in zip(words, parts, strict=True))
        ]
        return min(fitting, key=lambda pattern: pattern.count("{"), default="")

    def _resolved(self, parameter: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in parameter:
            return parameter
        found: Any = self._document
        for word in parameter["$ref"].removeprefix("#/").split("/"):
            found = found[word]
        return dict(found)


@pytest.fixture(scope="module")
def contract(contracts_dir: Path) -> Contract:
    return Contract(json.loads((contracts_dir / "shoptet" / "openapi.json").read_text()))


@pytest.fixture
def shop() -> Iterator[Shoptet]:
    shop = Shoptet()
    yield shop
    shop.close()


def recorded(shop: Shoptet) -> list[MockRequest]:
    """The requests that come to the API from now on."""
    seen: list[MockRequest] = []

    @shop.fake.app.before_request
    def note() -> None:
        if flask_request.path.startswith("/api/"):
            seen.append(
                asked(
                    flask_request.method,
                    flask_request.path,
                    args=dict(flask_request.args),
                    headers=dict(flask_request.headers),
                    body=flask_request.get_data(),
                )
            )

    return seen


def asked(method: str, path: str, *, args: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> MockRequest:
    return MockRequest(HOST, method, path, args=dict(args), headers=dict(headers), data=body or None)


def test_every_request_is_one_that_shoptet_describes(contract: Contract, shop: Shoptet) -> None:
    seen = recorded(shop)

    everything(shop)
    seen += of_documents()

    for each in seen:
        assert contract.problems(each) == [], (each.method, each.path, each.args, each.body)
        assert each.headers and each.headers["Content-Type"] == "application/json"
    assert {f"{each.method.upper()} {contract.pattern(each.path)}" for each in seen} == EVERY_CALL


@pytest.mark.parametrize(
    ("method", "path", "args", "body"),
    [
        ("GET", "/api/nothing", {}, None),
        ("GET", "/api/orders", {"changedSince": "2026-01-01"}, None),
        ("PATCH", "/api/customers/7b0a91c4", {}, {"data": {"priceRatio": 0.95}}),
        ("PATCH", "/api/customers/7b0a91c4", {}, {"data": {"loyal": True}}),
        ("POST", "/api/webhooks", {}, {"data": [{"url": "https://regulars.example"}]}),
    ],
)
def test_a_request_that_shoptet_does_not_describe_is_noticed(
    contract: Contract, method: str, path: str, args: dict[str, str], body: Any
) -> None:
    headers = {"Shoptet-Access-Token": "1", "Content-Type": "application/json"}
    request = asked(method, path, args=args, headers=headers, body=json.dumps(body).encode() if body else b"")

    assert contract.problems(request)


def everything(shop: Shoptet) -> None:
    """Whatever the connector can ask for, both ways where there are two."""
    connector, now = shop.connector(), datetime.now(UTC)
    connector.installer.subscribe(address=ADDRESS.replace("regulars", "former"), secret="")
    connector.installer.subscribe(address=ADDRESS, secret="held")
    connector.installer.facts()
    connector.installer.health(address=ADDRESS, now=now)
    _orders(shop)
    _customers(shop)
    _discounts(shop)
    connector.installer.uninstall(address=ADDRESS)


def _orders(shop: Shoptet) -> None:
    connector = shop.connector()
    order_id = shop.order(customer_id=shop.customer())
    shop.complete(order_id)
    shop.refund(order_id, 1)
    unknown = shop.fake.place_order({12: 1}, payment="bacs", paid_unknown=True)
    for each in (order_id, shop.fake.code(unknown.id), "no-such-order"):
        connector.orders.get_order(each)
    every_order(connector, shop.now() - timedelta(days=60))
    every_page(lambda cursor: _finished(shop).orders.list_placed_orders(placed_since=shop.now(), cursor=cursor))
    shop.fake.faults.update({"jobs_fail": True})
    every_page(lambda cursor: _finished(shop).orders.list_placed_orders(placed_since=None, cursor=cursor))
    every_page(lambda cursor: _finished(shop).customers.list_customers(cursor=cursor))
    shop.fake.faults.clear()


def of_documents() -> list[MockRequest]:
    """What is asked about an order of long ago, with more credit notes since than are looked through, and about notes
    that do not say their order."""
    rows = {"creditNotes": [], "paginator": {"pageCount": 4}}
    document = {"code": "F 1", "orderCode": "2026-1"}
    nameless = {"code": "D 1", "orderCode": None, "invoiceCode": "F 1", "proofPaymentCode": "P 1"}
    data: list[object] = [rows, {"invoices": [document]}, {"items": [document]}, rows, rows]
    data += [{"creditNotes": [nameless]}, {"invoice": {"orderCode": None}}, {"proofPayments": {"orderCode": "2026-2"}}]
    with ScriptedServer([answer(body=json.dumps({"data": each}).encode()) for each in data]) as server:
        client = Client({"access_token": "1"}, Transport(AddressPolicy(allow_loopback=True)), Gate(), origin=server.url)
        notes = CreditNotes(client)
        assert notes.of_order("2026-1", datetime(2026, 1, 1, tzinfo=UTC)) == []
        assert notes.by_order() == {"2026-2": ["D 1"]}
    found = []
    for each in server.asked:
        url = urlsplit(each.target)
        headers = {name.title(): value for name, value in each.headers.items()}
        args = dict(parse_qsl(url.query))
        found.append(asked(each.method, unquote(url.path), args=args, headers=headers, body=each.body))
    return found


def _customers(shop: Shoptet) -> None:
    customers, customer_id = shop.connector().customers, shop.customer()
    every_page(lambda cursor: _finished(shop).customers.list_customers(cursor=cursor))
    customers.emails_of(customer_id)
    customers.put_into_group(customer_id, group_code=customers.groups()[0].code or "")
    customers.put_on_pricelist(customer_id, pricelist_id=customers.pricelists()[0].pricelist_id)
    customers.set_price_ratio(customer_id, per_mille=955)


def _discounts(shop: Shoptet) -> None:
    discounts = shop.connector().discounts
    for kind in (DiscountKind.FIXED_AMOUNT, DiscountKind.PERCENTAGE, DiscountKind.FREE_SHIPPING):
        plain = discount(shop, kind=kind)
        rich = discount(shop, kind=kind).model_copy(
            update={"minimum_gross": 123_45, "valid_from": shop.now(), "product_ids": (shop.gift(),)}
        )
        for request in (plain, rich):
            discounts.issue(request)
            discounts.usage(request.code)
            discounts.revoke(request.code)


def _finished(shop: Shoptet) -> Any:
    shop.fake.finish_jobs()
    return shop.connector()


# Samples ------------------------------------------------------------------------------------------------------------

ANSWERS: Mapping[str, type[BaseModel]] = {
    "coupon_create.response201.json": Coupons,
    "coupon_create_all_ignored.response201.json": Coupons,
    "coupon_detail_open.json": CouponAnswer,
    "coupon_detail_used.json": CouponAnswer,
    "coupon_patch_partial.response200.json": Coupons,
    "coupon_template_create.response201.json": Template,
    "coupon_templates.json": Templates,
    "coupons_list.json": Coupons,
    "credit_note_detail.json": NoteAnswer,
    "customer_detail.json": CustomerAnswer,
    "customer_groups.json": Groups,
    "customers_list.json": CustomerRows,
    "eshop_info.json": Eshop,
    "job_detail.json": JobAnswer,
    "orders_changes.json": Changes,
    "orders_list.json": OrderRows,
    "orders_snapshot_accepted.json": JobStarted,
    "orders_statuses.json": Statuses,
    "pricelists_list.json": Pricelists,
    "system_endpoints.json": Endpoints,
    "template_include_list.json": Snippets,
    "webhooks_list.json": Webhooks,
    "webhooks_notifications.json": Notifications,
    "webhooks_signature_key.json": SignatureKey,
}
REFUSALS: Mapping[str, tuple[int, type[PlatformError], str]] = {
    "coupon_detail.error404.json": (404, ExternalNotFound, "discount-coupon-not-found"),
    "coupon_patch.error403_missing_module.json": (403, PlatformRefused, "missing-module"),
    "coupon_patch.error422.json": (422, PlatformRefused, "invalid-request-data"),
    "coupon_use.error404.json": (404, ExternalNotFound, "order-not-found"),
    "coupon_use.error409.json": (409, PlatformRefused, "discount-coupon-already-used"),
    "error_401_expired_token.json": (401, Unreadable, "expired-token"),
    "error_403_no_rights.json": (403, CredentialsRefused, "invalid-token-no-rights"),
    "error_job_403.json": (403, PlatformRefused, "job-detail-try-counter-exceeded-limit"),
    "error_missing_token.json": (401, CredentialsRefused, "missing-access-token"),
}
EVENTS_OF: Mapping[str, tuple[tuple[Topic, str], ...]] = {
    "webhook_addon_approve.json": (),
    "webhook_addon_suspend.json": (),
    "webhook_addon_terminate.json": (),
    "webhook_addon_uninstall.json": ((Topic.APP_REMOVED, "222651"),),
    "webhook_customer_update.json": ((Topic.CUSTOMER_CHANGED, "443cad54-73bc-11e8-8216-002590dad85e"),),
    "webhook_job_finished.json": (),
    "webhook_order_create.json": ((Topic.ORDER_CHANGED, "2018000057"),),
    "webhook_order_massUpdate.json": ((Topic.ORDER_CHANGED, "2026000123"), (Topic.ORDER_CHANGED, "2026000124")),
    "webhook_order_update.json": ((Topic.ORDER_CHANGED, "2026000123"),),
    "webhook_with_payload.json": (),
}
# Shop data that nobody here reads, and what is sent and not received.
NOT_READ = {
    "api_access_token.error_maximum.json",
    "api_access_token.response.json",
    "coupon_create_fixed.request.json",
    "coupon_create_percentual.request.json",
    "coupon_template_create.request.json",
    "coupon_use.request.json",
    "coupons_bulk_delete.request.json",
    "customer_accounts.json",
    "customers_changes.json",
    "datalayer_coupon_applied.json",
    "datalayer_guest.json",
    "datalayer_logged_in.json",
    "install_token.request.json",
    "install_token.response.json",
    "oauth_settings_basic_eshop.response.json",
    "order_gifts.json",
    "order_history.json",
    "product_detail.json",
    "products_list.json",
    "reviews_products.json",
    "template_include.request.json",
    "webhook_signature_vector.json",
    "webhooks_register.request.json",
}
ORDERS = {
    "order_detail.live_shape.json",
    "order_detail.live_shape_cancelled.json",
    "order_detail.live_shape_guest.json",
    "order_detail.spec.json",
}

Sample = Callable[[str], bytes]


@pytest.fixture
def sample(contracts_dir: Path) -> Sample:
    return lambda name: (contracts_dir / "shoptet" / "samples" / name).read_bytes()


def test_every_sample_is_read_or_is_not_ours_to_read(contracts_dir: Path) -> None:
    there = {path.name for path in (contracts_dir / "shoptet" / "samples").glob("*.json")}

    assert there == {*ANSWERS, *REFUSALS, *EVENTS_OF, *NOT_READ, *ORDERS}


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_a_sample_is_understood_with_texts_and_with_numbers(sample: Sample, name: str) -> None:
    body = sample(name)

    assert read(ANSWERS[name], data_of(body)).model_fields_set
    assert read(ANSWERS[name], data_of(with_numbers(body))).model_fields_set


@pytest.mark.parametrize("name", sorted(REFUSALS))
def test_a_refusal_is_the_error_that_says_what_to_do(sample: Sample, name: str) -> None:
    status, kind, code = REFUSALS[name]
    with ScriptedServer([answer(f"{status} No", sample(name))]) as server:
        client = Client({"access_token": "1"}, Transport(AddressPolicy(allow_loopback=True)), Gate(), origin=server.url)

        with pytest.raises(kind) as refused:
            client.call("GET", "/api/orders/1")

    assert (type(refused.value), refused.value.code, refused.value.http_status) == (kind, code, status)


@pytest.mark.parametrize("name", sorted(EVENTS_OF))
def test_a_message_says_what_it_says_and_of_which_shop(sample: Sample, name: str) -> None:
    body = sample(name)

    events = ShoptetWebhookReader().parse(WebhookRequest(body, {}))

    assert tuple((event.topic, event.external_id) for event in events) == EVENTS_OF[name]
    assert eshop_of_message(body) == str(json.loads(body)["eshopId"])


def test_the_vector_of_shoptets_own_library_is_signed_as_it_says(sample: Sample) -> None:
    vector = json.loads(sample("webhook_signature_vector.json"))
    headers = {"shoptet-webhook-signature": vector["signature"]}
    request = WebhookRequest(vector["body"].encode(), headers, ("newer", vector["signatureKey"]))

    ShoptetWebhookReader().verify(request)

    assert signature(request.body, vector["signatureKey"]).decode() == vector["signature"]
    with pytest.raises(SignatureInvalid):
        ShoptetWebhookReader().verify(WebhookRequest(request.body + b" ", headers, request.secrets))


def test_every_event_that_we_register_is_one_of_shoptets(sample: Sample) -> None:
    """The document's own list of events is not part of openapi.json; the sample was made from it."""
    known = {each["event"] for each in json.loads(sample("webhooks_register.request.json"))["data"]}

    assert set(EVENTS) - known == {"order:massPaid", "discountCoupon:massDelete"}


@pytest.mark.parametrize("turned", [lambda body: body, lambda body: with_numbers(body)], ids=["as-it-is", "numbers"])
def test_a_live_order_means_what_was_charged(sample: Sample, turned: Callable[[bytes], bytes]) -> None:
    order = order_of(turned(sample("order_detail.live_shape.json")))

    assert (order.external_id, order.state, order.payment) == ("2026000123", OrderState.PLACED, Payment.PAID)
    assert [(each.external_id, each.gross, each.net, each.before_discount, each.quantity) for each in order.lines] == [
        ("1552000", 600_00, 495_88, 700_00, 2),
        ("1552009", 0, 0, 0, 1),
    ]
    assert [(each.gross, each.net, each.used) for each in order.unnamed_codes] == [(100_00, 82_64, 100_00)]
    assert (order.total, order.shipping.gross) == (600_00, 0)
    assert order.customer.external_id == "7b0a91c4-2e7b-11f0-9a11-02420a000002"
    assert order.placed_at.isoformat() == "2026-11-21T10:19:58+01:00"


def test_a_cancelled_order_is_cancelled_and_a_guests_is_nobodys(sample: Sample) -> None:
    cancelled = order_of(sample("order_detail.live_shape_cancelled.json"))
    guest = order_of(sample("order_detail.live_shape_guest.json"))

    assert cancelled.state is OrderState.CANCELLED
    assert (guest.customer.external_id, guest.payment) == (None, Payment.UNKNOWN)
    assert guest.customer.email == (guest.customer.email or "").strip().lower()


@pytest.mark.parametrize("name", sorted(ORDERS))
def test_every_order_adds_up_whether_in_texts_or_in_numbers(sample: Sample, name: str) -> None:
    order = order_of(sample(name))

    assert sum(line.gross for line in order.lines) + order.shipping.gross == order.total
    assert order_of(with_numbers(sample(name))) == order


def test_the_requests_that_were_written_down_are_what_we_send(sample: Sample) -> None:
    fixed = DiscountRequest(
        code="LP7F3K9Q2M5XATBW", kind=DiscountKind.FIXED_AMOUNT, currency="CZK", amount=100_00, minimum_gross=101_00,
        valid_from=datetime(2026, 11, 21, tzinfo=UTC), valid_until=datetime(2026, 12, 5, tzinfo=UTC),
        description="loyalty redemption 7421",
    )  # fmt: skip
    [wanted] = json.loads(sample("coupon_create_fixed.request.json"))["data"]["coupons"]

    assert {**coupon_body(fixed, UTC), "template": wanted["template"]} == wanted


def order_of(body: bytes) -> Order:
    return mapping.order_from(read(RawOrder, data_of(body)["order"]), (), frozenset())


def data_of(body: bytes) -> Any:
    found: Any = read_json(body)
    return found["data"]


def with_numbers(body: bytes) -> bytes:
    """The same with a number wherever an amount stands as a text."""
    return re.sub(rb'"(-?[0-9]+\.[0-9]+)"', rb"\1", body)
