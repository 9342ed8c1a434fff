"""WooCommerce's recorded traffic through the battery: of 11.0.1 and 8.2.2."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors import registry
from connectors.woocommerce import mapping
from core.commerce import OrderState, Payment, ShopEvent, Topic
from core.ports import Platform, WebhookRequest
from tests.contract.battery import Means, RecordedDelivery, RecordedOrder, RecordedTraffic

PAYLOADS = Path(__file__).parents[1] / "payloads" / "woocommerce"
NEW, OLD = "captured", "captured_wc8.2_legacy"

# SOURCES.md of the recordings says which secret signed which file.
SECRETS = {
    "wh_storefront_checkout": "S",
    "wh_order_gone_before_delivery": "S",
    "wh_owner_lost_rights": "S",
    "wh_order_anonymised": "S",
    "webhook_raw_delivery_full": 's&"<>ě',
}


def changed(order_id: str) -> ShopEvent:
    return ShopEvent(topic=Topic.ORDER_CHANGED, external_id=order_id)


def customer(customer_id: str, topic: Topic = Topic.CUSTOMER_CHANGED) -> ShopEvent:
    return ShopEvent(topic=topic, external_id=customer_id)


ORDER, ORDER_18, ORDER_20 = (changed("15"),), (changed("18"),), (changed("20"),)
OLD_ORDER = (changed("17"),)
# What each recorded delivery says, in the file's order. None: a refusal in place of news. (): nothing that concerns us
# (a refund's id, a hook of others, a coupon made).
SAID: Mapping[tuple[str, str], Sequence[tuple[ShopEvent, ...] | None]] = {
    (NEW, "webhook_raw_delivery_full"): [(changed("21"),)],
    (NEW, "wh_coupon_created"): [()],
    (NEW, "wh_customer_created"): [(customer("2"),)],
    (NEW, "wh_customer_updated"): [(customer("2"),)],
    (NEW, "wh_customer_deleted"): [(customer("3", Topic.CUSTOMER_DELETED),)],
    (NEW, "wh_order_anonymised"): [(changed("1311"),)],
    (NEW, "wh_order_cancelled"): [ORDER_18, ORDER_18],
    (NEW, "wh_order_completed"): [ORDER, (customer("2"),), ORDER, ORDER],
    (NEW, "wh_order_created"): [ORDER],
    (NEW, "wh_order_force_deleted"): [(), (ShopEvent(topic=Topic.ORDER_DELETED, external_id="20"),)],
    (NEW, "wh_order_full_refund"): [ORDER, ORDER, ORDER, (), ORDER],
    (NEW, "wh_order_partial_refund"): [ORDER, ORDER, (), ORDER],
    (NEW, "wh_order_processing"): [ORDER, ORDER, ORDER],
    (NEW, "wh_order_status_refunded_by_put"): [ORDER_18, ORDER_18, (), ORDER_18, ORDER_18],
    (NEW, "wh_order_trashed"): [(ShopEvent(topic=Topic.ORDER_DELETED, external_id="18"),)],
    (NEW, "wh_order_gone_before_delivery"): [None],
    (NEW, "wh_owner_lost_rights"): [None],
    (NEW, "wh_refund_deleted"): [],
    (NEW, "wh_storefront_checkout"): [
        (changed("73"),), (customer("5"),), (customer("5"),), (changed("73"),), (), (changed("73"),),
    ],
    (OLD, "wh_coupon_created"): [()],
    (OLD, "wh_customer_created"): [(customer("2"),)],
    (OLD, "wh_customer_updated"): [(customer("2"),)],
    (OLD, "wh_customer_deleted"): [(customer("3", Topic.CUSTOMER_DELETED),)],
    (OLD, "wh_order_cancelled"): [ORDER_20, ORDER_20],
    (OLD, "wh_order_completed"): [OLD_ORDER, (customer("2"),), OLD_ORDER, OLD_ORDER],
    (OLD, "wh_order_created"): [OLD_ORDER],
    (OLD, "wh_order_force_deleted"): [(), (ShopEvent(topic=Topic.ORDER_DELETED, external_id="22"),)],
    (OLD, "wh_order_full_refund"): [OLD_ORDER, OLD_ORDER, OLD_ORDER, (), OLD_ORDER],
    (OLD, "wh_order_partial_refund"): [OLD_ORDER, OLD_ORDER, (), OLD_ORDER],
    (OLD, "wh_order_processing"): [OLD_ORDER, OLD_ORDER, OLD_ORDER],
    (OLD, "wh_order_status_refunded_by_put"): [ORDER_20, ORDER_20, (), ORDER_20, ORDER_20],
    # Posts storage: coupon.deleted with an order's id. The core knows which coupons are its own.
    (OLD, "wh_order_trashed"): [
        (ShopEvent(topic=Topic.DISCOUNT_DELETED, external_id="20"),),
        (ShopEvent(topic=Topic.ORDER_DELETED, external_id="20"),),
    ],
    (OLD, "wh_refund_deleted"): [],
    (OLD, "wh_storefront_checkout"): [(changed("73"),), (customer("4"),), (customer("4"),)],
}  # fmt: skip


def recording(folder: str, name: str) -> Any:
    return json.loads((PAYLOADS / folder / f"{name}.json").read_text(encoding="utf-8"))


def recorded_deliveries() -> Iterator[RecordedDelivery]:
    for (folder, name), said in SAID.items():
        content = recording(folder, name)
        raw = content if isinstance(content, list) else [content]
        for index, (each, events) in enumerate(zip(raw, said, strict=True)):
            headers = {key.lower(): value for key, value in each["headers"]}
            secret = SECRETS.get(name, "whsec-local-1")
            request = WebhookRequest(each["body"].encode(), headers, (secret,))
            yield RecordedDelivery(f"{folder}-{name}-{index}", request, events)


JANA = ("2", "jana1795301577@ex.cz", False)
OLD_JANA = ("2", "jana1795303249@ex.cz", False)
# By hand. A line's gross is total + total_tax: 17.25 + 3.62 = 20.87. Kept after 10.44 for one of two mugs: 10.43.
CREATED = Means(
    external_id="15",
    state=OrderState.PLACED,
    payment=Payment.UNPAID,
    total=4840,
    lines={"1": (2087, 1725, 2420), "2": (2253, 1862, 2420)},
    kept={"1": 2087, "2": 2253},
    shipping=(500, 413),
    discounts=(("loyal-1795301580", 500, 413, False),),
    customer=JANA,
    placed_at="2026-11-21T22:53:01+00:00",
)
PARTLY_REFUNDED = replace(
    CREATED,
    payment=Payment.PAID,
    paid_at="2026-11-21T22:53:04+00:00",
    completed_at="2026-11-21T22:53:04+00:00",
    refunds={"16": 1044},
    kept={"1": 1043, "2": 2253},
)
OLD_CREATED = replace(
    CREATED,
    external_id="17",
    lines={"1": (2086, 1724, 2420), "2": (2254, 1863, 2420)},
    kept={"1": 2086, "2": 2254},
    discounts=(("loyal-1795303252", 500, 413, False),),
    customer=OLD_JANA,
    placed_at="2026-11-21T23:20:53+00:00",
)
OLD_PARTLY_REFUNDED = replace(
    OLD_CREATED,
    payment=Payment.PAID,
    paid_at="2026-11-21T23:20:56+00:00",
    completed_at="2026-11-21T23:20:56+00:00",
    refunds={"18": 1043},
    kept={"1": 1043, "2": 2254},
)
# Cash on delivery: processing, and nobody has paid.
GUEST = Means(
    external_id="44",
    state=OrderState.PLACED,
    payment=Payment.UNPAID,
    total=2420,
    lines={"42": (1920, 1587, 2420)},
    kept={"42": 1920},
    shipping=(500, 413),
    discounts=(("loz-1795301993-0", 500, 413, False),),
    customer=(None, "guest@ex.cz", False),
    placed_at="2026-11-21T22:59:54+00:00",
)
# A coupon of 100 on goods of 24.20: it took 24.20, and shipping is still paid.
OVERVALUE = replace(
    GUEST,
    external_id="70",
    total=500,
    lines={"114": (0, 0, 2420)},
    kept={"114": 0},
    discounts=(("loz-1795301993-6", 2420, 2000, False),),
    customer=(None, "ov@ex.cz", False),
    placed_at="2026-11-21T23:00:05+00:00",
)
ZERO = Means(
    external_id="72",
    state=OrderState.PLACED,
    payment=Payment.PAID,
    total=0,
    lines={"118": (0, 0, 990)},
    kept={"118": 0},
    discounts=(("loz-1795301993-7", 990, 818, True),),
    customer=(None, "zero@ex.cz", False),
    placed_at="2026-11-21T23:00:06+00:00",
    paid_at="2026-11-21T23:00:06+00:00",
    completed_at="2026-11-21T23:00:06+00:00",
)
REFUNDED = {"state": OrderState.REFUNDED, "kept": {"1": 0, "2": 0}}

# Folder, file, the refunds read with it, what it means.
ORDERS: Sequence[tuple[str, str, Sequence[str], Means]] = (
    (NEW, "rest_order_created", (), CREATED),
    (NEW, "rest_order_partially_refunded", ("rest_refund_partial",), PARTLY_REFUNDED),
    (
        NEW,
        "rest_order_fully_refunded",
        ("rest_refund_amount_only", "rest_refund_partial"),
        replace(PARTLY_REFUNDED, refunds={"16": 1044, "17": 3796}, **REFUNDED),
    ),
    (NEW, "rest_order_from_guest_checkout", (), GUEST),
    (
        NEW,
        "rest_order_from_customer_checkout",
        (),
        replace(
            GUEST,
            external_id="42",
            lines={"34": (1920, 1587, 2420)},
            kept={"34": 1920},
            discounts=(("loy-1795301951-1", 500, 413, False),),
            customer=JANA,
            placed_at="2026-11-21T22:59:15+00:00",
        ),
    ),
    (NEW, "rest_order_overvalue_coupon", (), OVERVALUE),
    (NEW, "rest_order_zero_total", (), ZERO),
    (
        NEW,
        "rest_order_anonymised",
        (),
        Means(
            external_id="1311",
            state=OrderState.PLACED,
            payment=Payment.PAID,
            total=1210,
            lines={"2540": (1210, 1000, 1210)},
            kept={"2540": 1210},
            customer=(None, None, True),
            placed_at="2026-11-21T23:26:23+00:00",
            paid_at="2026-11-21T23:26:23+00:00",
            completed_at="2026-11-21T23:26:23+00:00",
        ),
    ),
    (OLD, "rest_order_created", (), OLD_CREATED),
    (OLD, "rest_order_partially_refunded", ("rest_refund_partial",), OLD_PARTLY_REFUNDED),
    (
        OLD,
        "rest_order_fully_refunded",
        ("rest_refund_amount_only", "rest_refund_partial"),
        replace(OLD_PARTLY_REFUNDED, refunds={"18": 1043, "19": 3797}, **REFUNDED),
    ),
    (
        OLD,
        "rest_order_from_guest_checkout",
        (),
        replace(
            GUEST,
            external_id="27",
            lines={"24": (1920, 1587, 2420)},
            kept={"24": 1920},
            discounts=(("loz-1795303303-0", 500, 413, False),),
            placed_at="2026-11-21T23:21:44+00:00",
        ),
    ),
    (
        OLD,
        "rest_order_overvalue_coupon",
        (),
        replace(
            OVERVALUE,
            external_id="53",
            lines={"99": (0, 0, 2420)},
            kept={"99": 0},
            discounts=(("loz-1795303303-6", 2420, 2000, False),),
            placed_at="2026-11-21T23:22:10+00:00",
        ),
    ),
    (
        OLD,
        "rest_order_zero_total",
        (),
        replace(
            ZERO,
            external_id="55",
            lines={"103": (0, 0, 990)},
            kept={"103": 0},
            discounts=(("loz-1795303303-7", 990, 818, True),),
            placed_at="2026-11-21T23:22:11+00:00",
            paid_at="2026-11-21T23:22:12+00:00",
            completed_at="2026-11-21T23:22:12+00:00",
        ),
    ),
)


def recorded_orders() -> Iterator[RecordedOrder]:
    for folder, name, refunds, means in ORDERS:
        order = mapping.order_from(recording(folder, name), [recording(folder, refund) for refund in refunds])
        yield RecordedOrder(f"{folder}-{name}", order, means)


class TestRecordedTraffic(RecordedTraffic):
    reader = registry.webhook_reader(Platform.WOOCOMMERCE)
    deliveries = tuple(recorded_deliveries())
    orders = tuple(recorded_orders())

    def test_every_recorded_webhook_is_in_the_table(self) -> None:
        found = {
            (folder, path.stem)
            for folder in (NEW, OLD)
            for path in (*(PAYLOADS / folder).glob("wh_*.json"), *(PAYLOADS / folder).glob("webhook_raw_*.json"))
        }

        assert found == set(SAID)

    @pytest.mark.parametrize("folder", [NEW, OLD])
    def test_the_recorded_ping_is_a_ping(self, folder: str) -> None:
        raw = recording(folder, "webhook_ping")
        headers = {key.lower(): value for key, value in raw["headers"]}

        assert self.reader.is_unsigned_ping(WebhookRequest(raw["body"].encode(), headers))

    def test_the_recorded_keys_are_read(self) -> None:
        raw = recording(NEW, "wc_auth_callback")

        granted = registry.connect_flow(Platform.WOOCOMMERCE).read_callback(raw["body"].encode())

        assert granted.state == "st4te-0123456789abcdef"
        assert granted.credentials == {
            "consumer_key": "ck_23957547c9e0aa5ccd57307b7db55784df7e25b0",
            "consumer_secret": "cs_8b32224eef26e1c69a2c06643319199ffefd2f7a",
        }

    @pytest.mark.parametrize(
        ("folder", "email"), [(NEW, "jana1795301577@ex.cz"), (OLD, "jana1795303249@ex.cz")], ids=[NEW, OLD]
    )
    def test_the_recorded_customer_has_the_accounts_address_and_not_the_billing_one(
        self, folder: str, email: str
    ) -> None:
        found = mapping.customer_from(recording(folder, "rest_customer"))

        assert (found.external_id, found.email) == ("2", email)
        assert (found.first_name, found.last_name) == ("Jana", "Nováková")
